"""KMS keys with their key policy. Source: the KMS API reference, DescribeKey, GetKeyPolicy, ListKeys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Denied, Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::KMS::Key"
OPERATIONS = ("kms:ListKeys", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListResourceTags")
_UNREADABLE = "the key policy lets nobody but others read it"


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The key with the id `resource_id`, or None when it is gone. Raises a CallFailed.

    AWS's own keys come without policy: only AWS writes those. A key whose policy keeps this account out has one that
    cannot be parsed, so that nobody takes it for closed.
    """
    key = {"KeyId": resource_id}
    try:
        metadata = aws.call("kms:DescribeKey", key)["KeyMetadata"]
        facts = {"KeyId": metadata["KeyId"], "KeyManager": metadata.get("KeyManager", "CUSTOMER")}
        own = facts["KeyManager"] == "CUSTOMER"
        policy = aws.call("kms:GetKeyPolicy", {**key, "PolicyName": "default"})["Policy"] if own else None
    except Gone:
        return None
    except Denied:
        facts, policy = {"KeyId": resource_id, "KeyManager": "CUSTOMER"}, _UNREADABLE
    return _holder.holder(aws, TYPE, _holder.arn(aws, "kms", f"key/{facts['KeyId']}"), resource_id, policy, **facts)


def list_ids(aws: Aws) -> Iterator[str]:
    """The ids of all keys in this account and region, AWS's own among them."""
    for key in aws.pages("kms:ListKeys", {}, "Keys"):
        yield key["KeyId"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    try:
        return _holder.tagged(aws, "kms:ListResourceTags", {"KeyId": resource_id}, "Tags")
    except Denied:
        return {}
