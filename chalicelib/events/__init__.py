"""Events say where to look, and nothing else: an envelope becomes the changes that it reports.

Law 1: nothing here is evidence of a state. A duplicated, late, reordered or forged event costs a read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import BadEvent
from ..model import Change, Json
from .cloudtrail import WATCHED, api_name, read_record
from .config import ConfigItem, config_item, item_of, looks_like_item, read_item
from .fields import LONGEST, parsed, table, text
from .findings import is_finding, read_asff, read_findings
from .messages import change_as_json, change_from_json, changes_of, look_message
from .places import FunctionName, Place, function_name, home_region, place_of_arn
from .principals import is_own_write, principal_of

__all__ = [
    "ConfigItem",
    "FunctionName",
    "Place",
    "Reading",
    "api_name",
    "change_as_json",
    "change_from_json",
    "config_item",
    "function_name",
    "home_region",
    "is_own_write",
    "look_message",
    "place_of_arn",
    "principal_of",
    "read",
]


class Reading(NamedTuple):
    """Where one event asks us to look; `ignored` is why, where it asks for nothing."""

    changes: tuple[Change, ...]
    ignored: str = ""


def read(envelope: Mapping[str, Json]) -> Reading:
    """Read one event: an EventBridge envelope, a message of ours, or what such an envelope holds, bare.

    Bare are: a CloudTrail record; a Config item, notice or rule event; a Security Hub finding. An event about nothing
    that we watch is ignored with its reason; one that its own kind does not allow raises BadEvent, whose
    `where` is the event's id. A replayed event (`replay-name`) is read, and its changes are marked.
    """
    if not isinstance(envelope, Mapping):
        raise BadEvent("an event is not an object", where="event", next_step=_UNKNOWN)
    where = event_id(envelope)
    try:
        return _read(envelope, where)
    except BadEvent as error:
        raise BadEvent(error.what, where=error.where or where, next_step=error.next_step) from None


def event_id(envelope: Mapping[str, Json]) -> str:
    """The id that names an event in logs: CloudTrail's own, else the envelope's; `event` when it has none."""
    return text(envelope, "detail.eventID") or text(envelope, "eventID") or text(envelope, "id") or "event"


def _read(envelope: Mapping[str, Json], where: str) -> Reading:
    if "suture" in envelope:
        return Reading(changes_of(envelope, where))
    if "detail-type" in envelope:
        return _read_envelope(envelope, where)
    if "eventSource" in envelope and "eventName" in envelope:
        return _reading(read_record(envelope, account="", replayed=False, where=where))
    if "invokingEvent" in envelope:
        notice = parsed(envelope.get("invokingEvent"), "invokingEvent", text(envelope, "configRuleName") or where)
        return _read_notice(notice, "", "", False)
    if "messageType" in envelope:
        return _read_notice(envelope, "", "", False)
    if looks_like_item(envelope):
        return _reading(read_item(envelope))
    if "ProductArn" in envelope and "Resources" in envelope:
        return _several(*read_asff(envelope))
    raise BadEvent("neither an envelope nor anything else that we read", where=where, next_step=_UNKNOWN)


def _read_envelope(envelope: Mapping[str, Json], where: str) -> Reading:
    source, kind = text(envelope, "source"), text(envelope, "detail-type")
    if not source.startswith("aws."):
        return Reading((), f"foreign source {source[:60] or '(none)'}: anybody may send such events")
    account, replayed = text(envelope, "account"), bool(envelope.get("replay-name"))
    if kind == "AWS API Call via CloudTrail":
        record = _detail(envelope, where)
        return _read_call(record, source, account, replayed, where)
    if (source, kind) == ("aws.config", "Config Configuration Item Change"):
        return _read_notice(_detail(envelope, where), account, where, replayed)
    if is_finding(envelope):
        _detail(envelope, where)
        return _several(*read_findings(envelope, account=account, region=text(envelope, "region"), where=where))
    return Reading((), f"{source[:60]} {kind[:60]!r} is nothing that we act on")


def _read_call(record: Mapping[str, Json], source: str, account: str, replayed: bool, where: str) -> Reading:
    service = text(record, "eventSource").removesuffix(".amazonaws.com")
    if service in WATCHED and source != f"aws.{service}":
        return Reading((), f"the envelope's source {source[:60]} and the record's {service} differ")
    return _reading(read_record(record, account=account, replayed=replayed, where=where))


def _read_notice(notice: Mapping[str, Json], account: str, where: str, replayed: bool) -> Reading:
    item = item_of(notice, where)
    if item is None:
        return Reading((), f"a Config {text(notice, 'messageType')[:60] or 'message'} without an item")
    return _reading(read_item(item, account=account, event_id=where, replayed=replayed))


def _detail(envelope: Mapping[str, Json], where: str) -> Mapping[str, Json]:
    if envelope.get("detail") is None:
        raise BadEvent("the envelope has no detail", where=where, next_step=_UNKNOWN)
    return table(envelope["detail"], "detail", where)


def _several(changes: list[Change], reason: str) -> Reading:
    return Reading(tuple(changes), "" if changes else reason)


def _reading(found: Change | str) -> Reading:
    return Reading((found,)) if isinstance(found, Change) else Reading((), found[:LONGEST])


_UNKNOWN = "check what sends to this queue or is in this file; docs/architecture.md lists what we read"
