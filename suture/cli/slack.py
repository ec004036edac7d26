"""`suture slack manifest`: the app's manifest, to be pasted where Slack asks for one.

Nothing is asked for that is not used: messages, commands, the home tab. No history of any channel can be read.
Format: Slack, "App manifest reference".
"""

from __future__ import annotations

import json
from typing import Any

import click

PLACEHOLDER = "https://API.execute-api.REGION.amazonaws.com/api"
_EXAMPLE = "https://abc123.execute-api.eu-west-1.amazonaws.com/api"


@click.group()
def slack() -> None:
    """The Slack app."""


@slack.command(epilog=f"\b\nExample:\n  suture slack manifest --url {_EXAMPLE}")
@click.option(
    "--url",
    envvar="SUTURE_API_URL",
    default=PLACEHOLDER,
    metavar="URL",
    help="The deployed API's address, with its stage.  [env: SUTURE_API_URL]",
)
@click.option("--name", default="Suture", show_default=True, help="The app's name, at most 35 characters.")
def manifest(url: str, name: str) -> None:
    """Print the manifest of the app, as JSON, with the addresses of this deployment.

    Create the app from it at https://api.slack.com/apps, install it, and follow docs/chat.md.
    """
    click.echo(json.dumps(manifest_of(url, name), indent=2))


def manifest_of(url: str, name: str = "Suture") -> dict[str, Any]:
    """The manifest for an API at `url`. Raises click.BadParameter for what Slack would not take."""
    base = url.rstrip("/")
    if not base.startswith("https://") or any(c.isspace() for c in base):
        raise click.BadParameter(f"{url!r} is no https address", param_hint="--url")
    if not 1 <= len(name) <= 35:
        raise click.BadParameter("the name has 1 to 35 characters", param_hint="--name")
    command = {
        "command": "/suture",
        "url": f"{base}/slack/command",
        "description": "List, read and decide cases",
        "usage_hint": "list | show | plan | why | approve | reject | undo | snooze | pause | resume",
        "should_escape": False,
    }
    return {
        "display_information": {
            "name": name,
            "description": "Proposes exact, reversible fixes, and applies what the right people approve",
            "background_color": "#1d3b53",
        },
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
            "bot_user": {"display_name": name.lower().replace(" ", "-"), "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": ["chat:write", "commands"]}},
        "settings": {
            "event_subscriptions": {"request_url": f"{base}/slack/events", "bot_events": ["app_home_opened"]},
            "interactivity": {"is_enabled": True, "request_url": f"{base}/slack/interactive"},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
