"""Event buses with their policy. Source: the EventBridge API reference, DescribeEventBus, ListEventBuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::Events::EventBus"
OPERATIONS = ("events:ListEventBuses", "events:DescribeEventBus", "events:ListTagsForResource")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The bus named `resource_id`, or None when it is gone. Raises a CallFailed."""
    try:
        bus = aws.call("events:DescribeEventBus", {"Name": resource_id})
    except Gone:
        return None
    return _holder.holder(aws, TYPE, str(bus["Arn"]), resource_id, bus.get("Policy"))


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all buses in this account and region; `default` is always among them."""
    for bus in aws.pages("events:ListEventBuses", {}, "EventBuses"):
        yield bus["Name"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    return _holder.tagged(aws, "events:ListTagsForResource", {"ResourceARN": arn}, "Tags")
