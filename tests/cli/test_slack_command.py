"""The app's manifest: this deployment's addresses, and no right that is not used."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from suture.cli.slack import manifest_of, slack

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/api"


def test_the_manifest_names_the_deployed_addresses_and_two_scopes() -> None:
    done = CliRunner().invoke(slack, ["manifest", "--url", f"{URL}/"])
    made = json.loads(done.stdout)
    assert done.exit_code == 0
    assert made["oauth_config"]["scopes"] == {"bot": ["chat:write", "commands"]}
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": f"{URL}/slack/interactive"}
    assert made["settings"]["event_subscriptions"]["request_url"] == f"{URL}/slack/events"
    assert made["features"]["slash_commands"][0]["url"] == f"{URL}/slack/command"
    assert made["settings"]["socket_mode_enabled"] is False


@pytest.mark.parametrize(
    ("url", "name"), [("http://x", "S"), ("x", "S"), ("https://a b", "S"), (URL, ""), (URL, "x" * 36)]
)
def test_what_slack_would_not_take_is_refused(url: str, name: str) -> None:
    with pytest.raises(click.BadParameter):
        manifest_of(url, name)
    assert CliRunner().invoke(slack, ["manifest", "--url", url, "--name", name]).exit_code == 2
