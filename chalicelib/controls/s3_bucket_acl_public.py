"""A bucket's ACL grants something to everyone, and no block has S3 ignore it."""

from __future__ import annotations

from ..model import Resource
from ..redaction import safe_text
from . import Control, Judgement, Signal
from ._buckets import holds

_GROUPS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "AuthenticatedUsers",
}
"""The two groups that make an ACL public. The third, LogDelivery, is S3's own."""


def judge(resource: Resource) -> Judgement | None:
    """One item a grant to everyone: Group (AuthenticatedUsers is anyone with an AWS account) and Permission.

    IgnorePublicAcls, of the bucket or of the account, has S3 ignore such grants. Where ACLs are switched off
    (BucketOwnerEnforced), S3 shows the owner's grant only. Objects' own ACLs are not looked at.
    """
    if holds(resource, "IgnorePublicAcls"):
        return None
    granted = ((g["Grantee"].get("URI"), g["Permission"]) for g in resource.config.get("Grants") or ())
    items = tuple({"Group": _GROUPS[uri], "Permission": permission} for uri, permission in granted if uri in _GROUPS)
    if not items:
        return None
    who = "Anyone" if any(i["Group"] == "AllUsers" for i in items) else "Anyone with an AWS account"
    what = ", ".join(sorted({i["Permission"] for i in items}))
    return Judgement(f"{who} has {what} on the bucket {safe_text(resource.id, 70)} by its ACL", items)


CONTROL = Control(
    title="No ACL opens a bucket to everyone",
    why=(
        "A grant to all users, or to all AWS users, lets strangers list the bucket, write into it or change its ACL, "
        "whatever its policy says."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::S3::Bucket",
    signals=(
        Signal(
            "aws.s3",
            (
                "CreateBucket",
                "DeleteBucket",
                "PutBucketAcl",
                "PutBucketPublicAccessBlock",
                "DeleteBucketPublicAccessBlock",
            ),
        ),
    ),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html",
    ),
    peers=("CKV_AWS_20", "CKV_AWS_57", "s3_bucket_public_list_acl", "s3_bucket_public_write_acl"),
)
