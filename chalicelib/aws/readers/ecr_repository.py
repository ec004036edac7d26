"""Image repositories with their policy. Source: the ECR API reference, GetRepositoryPolicy, DescribeRepositories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::ECR::Repository"
OPERATIONS = ("ecr:DescribeRepositories", "ecr:GetRepositoryPolicy", "ecr:ListTagsForResource")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The repository named `resource_id`, or None when it is gone. Raises a CallFailed."""
    try:
        policy = aws.call("ecr:GetRepositoryPolicy", {"repositoryName": resource_id}).get("policyText")
    except Gone as error:
        if error.code != "RepositoryPolicyNotFoundException":
            return None
        policy = None
    return _holder.holder(aws, TYPE, _holder.arn(aws, "ecr", f"repository/{resource_id}"), resource_id, policy)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all private repositories in this account and region."""
    for repository in aws.pages("ecr:DescribeRepositories", {}, "repositories"):
        yield repository["repositoryName"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    return _holder.tagged(aws, "ecr:ListTagsForResource", {"resourceArn": arn}, "tags")
