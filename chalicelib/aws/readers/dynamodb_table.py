"""Tables with their resource policy. Source: the DynamoDB API reference, GetResourcePolicy, ListTables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::DynamoDB::Table"
OPERATIONS = ("dynamodb:ListTables", "dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The table named `resource_id`, or None when it is gone. Raises a CallFailed."""
    arn = _holder.arn(aws, "dynamodb", f"table/{resource_id}")
    try:
        policy = aws.call("dynamodb:GetResourcePolicy", {"ResourceArn": arn}).get("Policy")
    except Gone as error:
        if error.code != "PolicyNotFoundException":
            return None
        policy = None
    return _holder.holder(aws, TYPE, arn, resource_id, policy)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all tables in this account and region."""
    yield from aws.pages("dynamodb:ListTables", {}, "TableNames")


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    try:
        return _holder.pairs(aws.pages("dynamodb:ListTagsOfResource", {"ResourceArn": arn}, "Tags"))
    except Gone:
        return {}
