"""Buckets with their policy and their block on public access. ACLs and the account's own block are not read.

Every call names the owner that it expects: a deleted bucket's name may belong to somebody else a moment later.
Source: the S3 API reference, GetBucketPolicy, GetPublicAccessBlock, GetBucketTagging, ListBuckets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Json, Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::S3::Bucket"
OPERATIONS = ("s3:ListBuckets", "s3:GetBucketPolicy", "s3:GetPublicAccessBlock", "s3:GetBucketTagging")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The bucket named `resource_id`, or None when it is gone. Raises a CallFailed."""
    try:
        policy = _or_none(aws, "s3:GetBucketPolicy", resource_id, "Policy")
        block = _or_none(aws, "s3:GetPublicAccessBlock", resource_id, "PublicAccessBlockConfiguration")
    except Gone:
        return None
    arn = f"arn:{aws.partition}:s3:::{resource_id}"
    return _holder.holder(aws, TYPE, arn, resource_id, policy, PublicAccessBlock=block and dict(block))


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all buckets of this account in this region. S3 pages only when it is told how long a page is."""
    wanted = {"BucketRegion": aws.region, "MaxBuckets": 1000}
    for bucket in aws.pages("s3:ListBuckets", wanted, "Buckets"):
        yield bucket["Name"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    return _holder.tagged(aws, "s3:GetBucketTagging", _named(aws, resource_id), "TagSet")


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
