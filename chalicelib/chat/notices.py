"""Notices: what happened to a case, handed to each channel: Slack, the log, a signed webhook.

A channel is one file with one function. It renders the case as it stands when the notice is read, so notices may come
late, twice or out of order; it refuses to send what looks like a secret; and when it must wait, it sends the notice
anew, with a delay and with its own name, so that no other channel tells it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .. import messages
from ..aws.deployment import Deployment
from ..cases import Case
from ..errors import BadEvent
from ..logs import log
from ..model import Json
from ..plaintext import contains_secret
from . import webhook
from .slack import channel as slack

Channel = Callable[[Deployment, Case, Mapping[str, Json]], None]


def tell(d: Deployment, message: Mapping[str, Json]) -> None:
    """Send one notice to every channel, or to the one that it names. Raises what brings it again, such as Throttled."""
    deed = slack.DEEDS.get(str(message.get("suture")))
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


CHANNELS: Mapping[str, Channel] = {"slack": slack.tell, "log": _log, "webhook": webhook.tell}
"""In this order: one that raises keeps those before it from nothing, since each tells a thing once."""
