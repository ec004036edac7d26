"""Queues with their policy. Source: the SQS API reference, GetQueueUrl, GetQueueAttributes, ListQueues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::SQS::Queue"
OPERATIONS = ("sqs:ListQueues", "sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListQueueTags")
_PAGE = 1000


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The queue named `resource_id`, or None when it is gone. Raises a CallFailed."""
    try:
        url = _url(aws, resource_id)
        answer = aws.call("sqs:GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["Policy"]})
    except Gone:
        return None
    policy = (answer.get("Attributes") or {}).get("Policy")
    return _holder.holder(aws, TYPE, _holder.arn(aws, "sqs", resource_id), resource_id, policy, QueueUrl=url)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all queues in this account and region. SQS pages only when it is told how long a page is."""
    for url in aws.pages("sqs:ListQueues", {"MaxResults": _PAGE}, "QueueUrls"):
        yield url.rsplit("/", 1)[-1]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    try:
        url = _url(aws, resource_id)
    except Gone:
        return {}
    return _holder.tagged(aws, "sqs:ListQueueTags", {"QueueUrl": url}, "Tags")


def _url(aws: Aws, name: str) -> str:
    return str(aws.call("sqs:GetQueueUrl", {"QueueName": name})["QueueUrl"])
