"""A bucket's policy lets anyone read or write its objects, and no block stands before it."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._buckets import holds
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason.

    RestrictPublicBuckets, of the bucket or of the account, keeps everyone but the account and AWS services out,
    whatever the policy says: behind it a public policy is harmless, and this is quiet.
    """
    if holds(resource, "RestrictPublicBuckets"):
        return None
    return everyone(resource, "bucket", "use")


CONTROL = Control(
    title="Only named callers may use a bucket",
    why=(
        "A statement for everyone opens the objects to the internet, signed in or not, unless the bucket's or the "
        "account's block on public access restricts public buckets. ACLs are another control's."
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
                "PutBucketPolicy",
                "DeleteBucketPolicy",
                "PutBucketPublicAccessBlock",
                "DeleteBucketPublicAccessBlock",
            ),
        ),
    ),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html",
    ),
    peers=(
        "S3.2",
        "S3.3",
        "s3-bucket-public-read-prohibited",
        "s3-bucket-public-write-prohibited",
        "s3_bucket_public_access",
    ),
)
