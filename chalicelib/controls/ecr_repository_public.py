"""A private image repository's policy lets anyone pull or push images."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason."""
    return everyone(resource, "repository", "use")


CONTROL = Control(
    title="Only named callers may use an image repository",
    why=(
        "A statement for everyone lets any AWS account pull the images, with the code and whatever lies in "
        "their layers, or push one that functions then run."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::ECR::Repository",
    signals=(
        Signal("aws.ecr", ("CreateRepository", "DeleteRepository", "SetRepositoryPolicy", "DeleteRepositoryPolicy")),
    ),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html",),
    peers=("ecr_repositories_not_publicly_accessible", "CKV_AWS_32"),
)
