"""Secrets that somebody puts into SSM in a real account, put there for a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from secrets import token_urlsafe
from typing import Any

from suture.sandbox.slack.server import FakeSlack


def make(
    environments: Mapping[str, Mapping[str, str]], ssm: Any, slack: FakeSlack | None, say: Callable[[str], None]
) -> None:
    """Make the parameters that the functions' environments name: for the webhook, and for the Slack that is played."""
    if environments["notify"].get("WEBHOOK_URL"):
        name = environments["notify"]["WEBHOOK_SECRET_PARAMETER"]
        ssm.put_parameter(Name=name, Value=token_urlsafe(32), Type="SecureString")
        say(f"the key that signs webhooks is in the SSM parameter {name}")
    for name, value in _of_slack(environments["chat"], slack):
        ssm.put_parameter(Name=name, Value=value, Type="SecureString")


def _of_slack(environment: Mapping[str, str], slack: FakeSlack | None) -> Iterator[tuple[str, str]]:
    """What one copies from the app's pages."""
    if slack is not None:
        yield environment["SLACK_TOKEN_PARAMETER"], slack.space.token
        yield environment["SLACK_SECRET_PARAMETER"], slack.secret
