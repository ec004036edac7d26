"""IAM roles with the documents of all their policies and of their permissions boundary.

Sources: the IAM API reference, GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies, GetPolicy,
GetPolicyVersion, ListPolicyVersions, ListEntitiesForPolicy. botocore has URL-decoded the documents already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ...errors import Gone
from ...model import Json, Resource
from ..answers import document, plain
from ..clients import Aws
from ._onward import IN_REACH, in_reach
from ._role_policies import attached_policies, boundary, inline_policies, is_of_aws, managed

TYPE = "AWS::IAM::Role"
OPERATIONS = (
    "iam:ListRoles",
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListPolicyVersions",
    "iam:ListEntitiesForPolicy",
)
VOLATILE = ("RoleLastUsed", "AttachedManagedPolicies.VersionIds", "AttachedManagedPolicies.UsedBy", IN_REACH)


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The role named `resource_id` (without path), or None when it is gone. Raises a CallFailed.

    RolesInReach is what `_onward` tells of the other roles that it may pass or assume; None for most roles.
    """
    role = alone(aws, resource_id)
    return role and replace(role, config={**role.config, IN_REACH: in_reach(aws, role)})


def alone(aws: Aws, resource_id: str) -> Resource | None:
    """The same without a look at other roles. Raises a CallFailed."""
    try:
        role = plain(aws.call("iam:GetRole", {"RoleName": resource_id})["Role"])
        inline = inline_policies(aws, resource_id)
        attached = [_attached(aws, resource_id, policy) for policy in attached_policies(aws, resource_id)]
    except Gone:
        return None
    config = {
        **{key: value for key, value in role.items() if key != "Tags"},
        "AssumeRolePolicyDocument": document(role.get("AssumeRolePolicyDocument")),
        "PermissionsBoundary": boundary(aws, role.get("PermissionsBoundary")),
        "RolePolicyList": inline,
        "AttachedManagedPolicies": [policy for policy in attached if policy],
    }
    return Resource(
        type=TYPE,
        arn=role["Arn"],
        id=role["RoleName"],
        account=aws.account,
        region=aws.region,
        config=config,
        tags={tag["Key"]: tag["Value"] for tag in role.get("Tags") or ()},
        volatile=VOLATILE,
    )


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all roles in this account."""
    for role in aws.pages("iam:ListRoles", {}, "Roles"):
        yield role["RoleName"]


def _attached(aws: Aws, role: str, policy: Mapping[str, Json]) -> dict[str, Json] | None:
    """One attached policy, or None when it was deleted (so detached, too) between listing and reading.

    A customer's own comes with DefaultVersionId, VersionIds, and UsedBy: who else it is attached to or bounds. One of
    AWS's comes with IsAttachable: what AWS has retired cannot be attached again once it is detached.
    """
    arn = policy["PolicyArn"]
    try:
        about = plain(aws.call("iam:GetPolicy", {"PolicyArn": arn})["Policy"])
        named = {"PolicyName": policy["PolicyName"], "PolicyArn": arn, "PolicyDocument": managed(aws, arn, about)}
        if is_of_aws(arn):
            return {**named, "IsAttachable": about.get("IsAttachable", True)}
        return {**named, **_around(aws, role, arn, about)}
    except Gone:
        return None


def _around(aws: Aws, role: str, arn: str, about: Mapping[str, Json]) -> dict[str, Json]:
    """What changing a policy needs to know. A policy with one version and one user costs no call more: UpdateDate is
    the time of the newest version, and the counts say whether anybody else is there. IAM API reference, Policy.
    """
    version = str(about["DefaultVersionId"])
    is_only = version == "v1" and about.get("UpdateDate") == about.get("CreateDate")
    is_ours = about.get("AttachmentCount", 1) == 1 and not about.get("PermissionsBoundaryUsageCount")
    versions = [version] if is_only else [v["VersionId"] for v in _versions(aws, arn)]
    used_by = [] if is_ours else [name for name in users_of(aws, arn, about) if name != f"role/{role}"]
    return {"DefaultVersionId": version, "VersionIds": versions, "UsedBy": used_by}


def _versions(aws: Aws, arn: str) -> Iterator[Mapping[str, Json]]:
    return aws.pages("iam:ListPolicyVersions", {"PolicyArn": arn}, "Versions")


def users_of(aws: Aws, arn: str, about: Mapping[str, Json]) -> list[str]:
    """Whoever a managed policy is attached to or bounds: `role/a`, `user/b`, `group/c`, `boundary of role/a`."""
    attached = [(kind, "PermissionsPolicy", "") for kind in ("Role", "User", "Group")]
    bounding = [(kind, "PermissionsBoundary", "boundary of ") for kind in ("Role", "User")]
    found: list[str] = []
    for kind, usage, prefix in attached + (bounding if about.get("PermissionsBoundaryUsageCount", 1) else []):
        asked = {"PolicyArn": arn, "EntityFilter": kind, "PolicyUsageFilter": usage}
        entities = aws.pages("iam:ListEntitiesForPolicy", asked, f"Policy{kind}s")
        found += [f"{prefix}{kind.lower()}/{entity[f'{kind}Name']}" for entity in entities]
    return sorted(found)
