"""Buckets with their policy, their ACL, and the blocks on public access: the bucket's own and the account's.

A bucket whose own block is whole is open to nobody, and its ACL and the account's block are not asked for. The
account's is asked for only where a policy or a group in the ACL could need it. Every call names the owner that it
expects: a deleted bucket's name may belong to somebody else a moment later. Source: the S3 API reference,
GetBucketPolicy, GetPublicAccessBlock (of S3 and of S3 Control), GetBucketAcl, GetBucketTagging, ListBuckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ...errors import Gone
from ...model import Json, Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::S3::Bucket"
OPERATIONS = (
    "s3:ListBuckets",
    "s3:GetBucketPolicy",
    "s3:GetPublicAccessBlock",
    "s3:GetBucketAcl",
    "s3:GetBucketTagging",
    "s3control:GetPublicAccessBlock",
)
VOLATILE = ("AccountPublicAccessBlock",)  # the account's, and no part of what a plan changes or an undo restores
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The bucket named `resource_id`, or None when it is gone. Raises a CallFailed."""
    try:
        policy = _or_none(aws, "s3:GetBucketPolicy", resource_id, "Policy")
        block = _or_none(aws, "s3:GetPublicAccessBlock", resource_id, "PublicAccessBlockConfiguration")
        is_whole = all((block or {}).get(setting) is True for setting in SETTINGS)
        grants = [] if is_whole else _grants(aws, resource_id)
    except Gone:
        return None
    may_be_open = not is_whole and bool(policy or any(g["Grantee"].get("Type") == "Group" for g in grants))
    facts = {
        "PublicAccessBlock": block and dict(block),
        "AccountPublicAccessBlock": _account_block(aws) if may_be_open else None,
        "Grants": grants,
    }
    found = _holder.holder(aws, TYPE, f"arn:{aws.partition}:s3:::{resource_id}", resource_id, policy, **facts)
    return replace(found, volatile=VOLATILE)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all buckets of this account in this region. S3 pages only when it is told how long a page is."""
    wanted = {"BucketRegion": aws.region, "MaxBuckets": 1000}
    for bucket in aws.pages("s3:ListBuckets", wanted, "Buckets"):
        yield bucket["Name"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    return _holder.tagged(aws, "s3:GetBucketTagging", _named(aws, resource_id), "TagSet")


def _grants(aws: Aws, bucket: str) -> list[dict[str, Json]]:
    """The grants of the bucket's ACL. Names of owners are left out: AWS is giving them up, and ids say the same."""
    given = aws.call("s3:GetBucketAcl", _named(aws, bucket)).get("Grants") or ()
    return [{**g, "Grantee": {k: v for k, v in g["Grantee"].items() if k != "DisplayName"}} for g in given]


def _account_block(aws: Aws) -> dict[str, Json] | None:
    try:
        found = aws.call("s3control:GetPublicAccessBlock", {"AccountId": aws.account})
    except Gone:
        return None
    return dict(found["PublicAccessBlockConfiguration"])


def _or_none(aws: Aws, operation: str, bucket: str, key: str) -> Json:
    """What the bucket has under `key`, or None when it has none. Raises Gone when there is no such bucket."""
    try:
        return aws.call(operation, _named(aws, bucket)).get(key)
    except Gone as error:
        if error.code == "NoSuchBucket":
            raise
        return None


def _named(aws: Aws, bucket: str) -> dict[str, str]:
    return {"Bucket": bucket, "ExpectedBucketOwner": aws.account}
