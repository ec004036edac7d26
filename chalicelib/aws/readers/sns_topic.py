"""Topics with their policy. Source: the SNS API reference, GetTopicAttributes, ListTopics, ListTagsForResource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::SNS::Topic"
OPERATIONS = ("sns:ListTopics", "sns:GetTopicAttributes", "sns:ListTagsForResource")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The topic named `resource_id`, or None when it is gone. Raises a CallFailed."""
    arn = _holder.arn(aws, "sns", resource_id)
    try:
        attributes = aws.call("sns:GetTopicAttributes", {"TopicArn": arn}).get("Attributes") or {}
    except Gone:
        return None
    return _holder.holder(aws, TYPE, arn, resource_id, attributes.get("Policy"))


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all topics in this account and region."""
    for topic in aws.pages("sns:ListTopics", {}, "Topics"):
        yield topic["TopicArn"].rsplit(":", 1)[-1]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    return _holder.tagged(aws, "sns:ListTagsForResource", {"ResourceArn": arn}, "Tags")
