"""Notices: what happened to a case, handed to each channel: Slack, Teams, the log, the sinks of governance/chat.yaml.

A channel is one file with one function. It renders the case as it stands when the notice is read, so notices may come
late, twice or out of order; it refuses to send what looks like a secret; and when it must wait, it sends the notice
anew, with a delay and with its own name, so that no other channel tells it twice. One that nobody configured is not
even imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

from .. import messages
from ..aws.deployment import Deployment
from ..cases import Case
from ..errors import BadEvent
from ..logs import log
from ..model import Json
from ..plaintext import contains_secret

Channel = Callable[[Deployment, Case, Mapping[str, Json]], None]


def tell(d: Deployment, message: Mapping[str, Json]) -> None:
    """Send one notice to every channel, or to the one that it names. Raises what brings it again, such as Throttled."""
    deed = DEEDS.get(str(message.get("suture")))
    if deed is not None:
        return deed(d, message)
    id_ = message.get("case")
    if not isinstance(id_, str):
        raise BadEvent("a notice that names no case", next_step="look who may send to the notices queue")
    case = d.ledger.case(id_)
    if case is None:
        return log("warning", "a notice about no case", case=id_)
    for name, channel in CHANNELS.items():
        if message.get("channel") in (None, name):
            channel(d, case, message)
    return None


def _log(d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    headline = messages.headline(case)
    if contains_secret(headline):
        headline = "(not shown: it looks as if it held a secret)"
    log("info", "notice", case=case.id, state=case.state, control=case.control, text=headline)


def _slack(d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    if d.packaged.slack is not None:
        import_module(".slack.channel", __package__).tell(d, case, message)


def _teams(d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    if d.packaged.teams is not None:
        import_module(".teams.channel", __package__).tell(d, case, message)


def _sink(name: str, d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    if name in d.packaged.sinks and (name != "webhook" or d.webhook[0]):
        import_module(".sinks", __package__).tell(name, d, case, message)


def _slack_deed(d: Deployment, message: Mapping[str, Json]) -> None:
    import_module(".slack.channel", __package__).DEEDS[message["suture"]](d, message)


def _teams_deed(d: Deployment, message: Mapping[str, Json]) -> None:
    import_module(".teams.channel", __package__).DEEDS[message["suture"]](d, message)


def _digest(d: Deployment, message: Mapping[str, Json]) -> None:
    import_module(".sinks.mail_storms", __package__).show(d, message)


SINKS = ("email", "pagerduty", "opsgenie", "jira", "github", "webhook", "workflow")
"""Each a module of `sinks`, and a part of governance/chat.yaml. People decide through none of them."""

CHANNELS: Mapping[str, Channel] = {
    "slack": _slack,
    "teams": _teams,
    "log": _log,
    **{name: partial(_sink, name) for name in SINKS},
}
"""In this order: one that raises keeps those before it from nothing, since each tells a thing once. Channels in which
people decide have a package of their own."""

DEEDS: Mapping[str, Callable[[Deployment, Mapping[str, Json]], None]] = {
    **dict.fromkeys(("slack-say", "slack-home", "slack-digest"), _slack_deed),
    "teams-digest": _teams_deed,
    "email-digest": _digest,
}
"""Messages about no single case, by what they ask for."""
