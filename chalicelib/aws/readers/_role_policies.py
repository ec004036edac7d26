"""What a role's policies and its boundary say, for the readers of roles.

Sources: the IAM API reference, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies, GetPolicy, GetPolicyVersion.
botocore has URL-decoded the documents already.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import Gone
from ...model import Json
from ..answers import document
from ..clients import Aws

_CACHED = 64
_aws_managed: dict[tuple[str, str], dict[str, Json]] = {}
"""Documents of AWS's own policies by ARN and version: only AWS changes them, and only under a new version."""


def inline_policies(aws: Aws, role: str) -> list[dict[str, Json]]:
    """The inline policies by name, less those that are deleted while they are read. Raises a CallFailed."""
    names = sorted(aws.pages("iam:ListRolePolicies", {"RoleName": role}, "PolicyNames"))
    return [policy for name in names if (policy := _inline(aws, role, name))]


def attached_policies(aws: Aws, role: str) -> list[Mapping[str, Json]]:
    """Names and ARNs of the attached policies. Raises a CallFailed."""
    policies = aws.pages("iam:ListAttachedRolePolicies", {"RoleName": role}, "AttachedPolicies")
    return sorted(policies, key=lambda policy: str(policy["PolicyArn"]))


def boundary(aws: Aws, found: Mapping[str, Json] | None) -> dict[str, Json] | None:
    """The boundary with its document; that is None when the policy is gone, so that nobody takes it for a limit."""
    if not found:
        return None
    arn = found["PermissionsBoundaryArn"]
    try:
        says = managed(aws, arn, aws.call("iam:GetPolicy", {"PolicyArn": arn})["Policy"])
    except Gone:
        says = None
    return {**found, "PolicyDocument": says}


def managed(aws: Aws, arn: str, about: Mapping[str, Json]) -> dict[str, Json] | None:
    """The document of a managed policy's default version. Raises Gone."""
    version = str(about["DefaultVersionId"])
    if (arn, version) in _aws_managed:
        return _aws_managed[arn, version]
    answer = aws.call("iam:GetPolicyVersion", {"PolicyArn": arn, "VersionId": version})
    found = document(answer["PolicyVersion"]["Document"])
    if is_of_aws(arn):
        while len(_aws_managed) >= _CACHED:
            del _aws_managed[next(iter(_aws_managed))]
        _aws_managed[arn, version] = found
    return found


def is_of_aws(arn: str) -> bool:
    """Is a policy with this ARN one of AWS's own?"""
    return arn.split(":")[4:5] == ["aws"]


def _inline(aws: Aws, role: str, name: str) -> dict[str, Json] | None:
    """One inline policy, or None when it was deleted between listing and reading."""
    try:
        answer = aws.call("iam:GetRolePolicy", {"RoleName": role, "PolicyName": name})
    except Gone:
        return None
    return {"PolicyName": name, "PolicyDocument": document(answer["PolicyDocument"])}
