"""AWS Config: items in all their shapes, and the event with which Config calls a custom rule.

One item comes as a change notification or rule event (`ARN`, `awsAccountId`), from the history API (`arn`,
`accountId`, `configuration` as JSON text), as a query's row (only the columns asked) or, when too large, as a
summary. Source: AWS Config Developer Guide, "Example events for AWS Config rules", and recorded items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import BadEvent
from ..model import Change, Json
from .fields import first, parsed, table, text, truth
from .places import (
    BUCKET,
    BUS,
    FUNCTION,
    KEY,
    MANAGED_POLICY,
    QUEUE,
    REPOSITORY,
    ROLE,
    SECRET,
    STACK,
    STAGE,
    STATE_MACHINE,
    TABLE,
    TASK_DEFINITION,
    TOPIC,
    Place,
    function_name,
    home_region,
    place_of_arn,
    role_name,
)

_TYPES = {
    "AWS::Lambda::Function": FUNCTION,
    "AWS::IAM::Role": ROLE,
    "AWS::IAM::Policy": MANAGED_POLICY,
    "AWS::ApiGateway::Stage": STAGE,
    **{kind: kind for kind in (QUEUE, TOPIC, SECRET, KEY, BUS, TABLE, REPOSITORY, BUCKET)},
    **{kind: kind for kind in (STATE_MACHINE, TASK_DEFINITION, STACK)},
}
_ARNS = ("ARN", "arn", "resourceId", "configuration.functionArn", "configuration.arn", "configuration.Arn")
_DELETED = ("ResourceDeleted", "ResourceDeletedNotRecorded")


class ConfigItem(NamedTuple):
    """What Config told a rule. `message` is the message type; a ScheduledNotification has no resource.

    `resource_type` and `resource_id` are Config's own words, which PutEvaluations wants back (a role's id there
    is `AROA…`); `change` is where our readers look, None when no reader knows the type. `capture_time` is the
    evaluation's OrderingTimestamp. `left_scope` and `deleted` both ask for NOT_APPLICABLE.
    """

    message: str
    resource_type: str
    resource_id: str
    arn: str
    account: str
    region: str
    capture_time: str
    status: str
    left_scope: bool
    result_token: str
    rule: str
    change: Change | None = None

    @property
    def is_scheduled(self) -> bool:
        return self.message == "ScheduledNotification"

    @property
    def deleted(self) -> bool:
        return self.status in _DELETED


def config_item(rule_event: Mapping[str, Json]) -> ConfigItem:
    """The event of a custom Config rule, read. Raises BadEvent."""
    rule = text(table(rule_event, "the event", "Config rule event"), "configRuleName")
    where = rule or "Config rule event"
    notice = parsed(rule_event.get("invokingEvent"), "invokingEvent", where)
    message = text(notice, "messageType")
    item = item_of(notice, where)
    if item is None and message != "ScheduledNotification":
        raise BadEvent(f"a Config {message[:60] or 'message'} without an item", where=where, next_step=_SUBSCRIBE)
    item = item or {}
    return ConfigItem(
        message=message,
        resource_type=text(item, "resourceType"),
        resource_id=text(item, "resourceId"),
        arn=first(item, "ARN", "arn"),
        account=first(item, "awsAccountId", "accountId")
        or first(notice, "awsAccountId")
        or text(rule_event, "accountId"),
        region=text(item, "awsRegion"),
        capture_time=first(item, "configurationItemCaptureTime") or text(notice, "notificationCreationTime"),
        status=text(item, "configurationItemStatus"),
        left_scope=truth(rule_event.get("eventLeftScope")),
        result_token=_token(rule_event, where),
        rule=rule,
        change=_change_or_none(item, where),
    )


def item_of(notice: Mapping[str, Json], where: str) -> Mapping[str, Json] | None:
    """The item, or the summary of an oversized one, inside a notification. BadEvent when it is no object."""
    for key in ("configurationItem", "configurationItemSummary"):
        if notice.get(key) is not None:
            return table(notice[key], key, where)
    return None


def looks_like_item(data: Mapping[str, Json]) -> bool:
    """Whether a bare mapping is a Config item: recorded, from history, or a row of a query."""
    a_row = "configuration" in data and ("supplementaryConfiguration" in data or bool(_arn(data)))
    return a_row or text(data, "resourceType").startswith("AWS::")


def read_item(
    item: Mapping[str, Json], *, account: str = "", event_id: str = "", replayed: bool = False
) -> Change | str:
    """The change that one Config item reports, or why there is nothing to look at. Raises BadEvent."""
    where = event_id or first(item, *_ARNS) or "Config item"
    kind = text(item, "resourceType")
    if kind and kind not in _TYPES:
        return f"no control reads {kind[:80]}"
    status = text(item, "configurationItemStatus")
    if status == "ResourceNotRecorded":
        return "Config does not record this resource"
    place = _place(kind, item)
    if place is None:
        return _unplaced(kind, where)
    named = first(item, "awsAccountId", "accountId")
    owner = place.account or named or account
    region = place.region or text(item, "awsRegion")
    if named and named != owner:
        return f"the item is of account {named[:12]}, its ARN of {owner}"
    if not owner.isdecimal() or len(owner) != 12 or (not region and not place.type.startswith("AWS::IAM::")):
        if not kind:
            return "a row of a Config query that names no account"
        raise BadEvent("the Config item names no account and region", where=where, next_step=_SUBSCRIBE)
    return Change(
        account=owner,
        region=home_region(place.type, region),
        resource_type=place.type,
        resource_id=place.id,
        action="config:ConfigurationItemChange",
        via="config",
        time=text(item, "configurationItemCaptureTime"),
        event_id=event_id or f"{text(item, 'configurationStateId')}:{where}",
        deleted=status in _DELETED,
        replayed=replayed,
    )


def _change_or_none(item: Mapping[str, Json], where: str) -> Change | None:
    change = read_item(item, event_id=where) if item else ""
    return change if isinstance(change, Change) else None


def _place(kind: str, item: Mapping[str, Json]) -> Place | None:
    wanted = _TYPES.get(kind)
    place = place_of_arn(_arn(item))
    if place is not None and place.type == (wanted or place.type):
        return place
    name = first(item, "resourceName", "resourceId")
    if wanted == FUNCTION and (found := function_name(name)):
        return Place(FUNCTION, found.name, found.account, found.region)
    if wanted == ROLE and role_name(text(item, "resourceName")):
        return Place(ROLE, text(item, "resourceName"))
    return None


def _unplaced(kind: str, where: str) -> str:
    if kind:
        raise BadEvent(f"a Config item of {kind} names no resource", where=where, next_step=_SUBSCRIBE)
    return "a row of a Config query that names no resource of ours"


def _arn(item: Mapping[str, Json]) -> str:
    return next((a for p in _ARNS if (a := text(item, p)).startswith("arn:")), "")


def _token(rule_event: Mapping[str, Json], where: str) -> str:
    token = rule_event.get("resultToken")
    if token is not None and not isinstance(token, str):
        raise BadEvent("resultToken is not a string", where=where, next_step=_SUBSCRIBE)
    return token or ""


_SUBSCRIBE = "compare the rule's message types in resources.json with the Config Developer Guide"
