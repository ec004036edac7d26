"""Managed policies of the account: all their versions, and, where there are several, what their holders may do.

A policy is judged itself, and leads to the roles that it is attached to or bounds. Sources: the IAM API reference,
GetPolicy, ListPolicyVersions, GetPolicyVersion, ListEntitiesForPolicy, ListPolicies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Json, Resource, canonical
from ..answers import document, plain
from ..clients import Aws
from . import iam_role

TYPE = "AWS::IAM::ManagedPolicy"
OPERATIONS = (*iam_role.OPERATIONS, "iam:ListPolicies")
VOLATILE = (
    "AttachmentCount",
    "PermissionsBoundaryUsageCount",
    "UpdateDate",
    "PolicyVersionList.VersionId",
    "PolicyVersionList.CreateDate",
    "UsedBy",
    "Holders",
)
"""A version that is deleted and made again has another id and date, and still says the same."""

MOST_HOLDERS = 10
"""Roles whose own policies are read; a policy that more of them hold is rarely one that lets its holder change it."""

_HELD = ("RoleName", "RolePolicyList", "AttachedManagedPolicies", "PermissionsBoundary")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The policy with the ARN `resource_id`, or None when it is gone. Raises a CallFailed.

    `config` is GetPolicy's, with PolicyVersionList (the version in force first), UsedBy (`role/a`, `user/b`, `boundary
    of role/c`, …) and Holders: what iam_role reads of the first roles in UsedBy. Both are empty while there is only one
    version: there is nothing that could be set, and the read costs three calls.
    """
    try:
        about = plain(aws.call("iam:GetPolicy", {"PolicyArn": resource_id})["Policy"])
        versions = _versions(aws, resource_id, about)
        used_by = iam_role.users_of(aws, resource_id, about) if len(versions) > 1 else []
    except Gone:
        return None
    roles = sorted({n.rpartition("role/")[2] for n in used_by if n.startswith(("role/", "boundary of role/"))})
    holders = [found for name in roles[:MOST_HOLDERS] if (found := iam_role.alone(aws, name)) is not None]
    config = {
        **{key: value for key, value in about.items() if key != "Tags"},
        "PolicyVersionList": versions,
        "UsedBy": used_by,
        "Holders": [{key: holder.config[key] for key in _HELD} for holder in holders],
    }
    return Resource(
        type=TYPE,
        arn=about["Arn"],
        id=about["Arn"],
        account=aws.account,
        region=aws.region,
        config=config,
        tags={tag["Key"]: tag["Value"] for tag in about.get("Tags") or ()},
        volatile=VOLATILE,
    )


def list_ids(aws: Aws) -> Iterator[str]:
    """The ARNs of the account's own managed policies that are in use."""
    for policy in aws.pages("iam:ListPolicies", {"Scope": "Local", "OnlyAttached": True}, "Policies"):
        yield policy["Arn"]


def lead(aws: Aws, resource_id: str) -> Iterator[tuple[str, str]]:
    """The policy with the ARN `resource_id` itself, and each role that it is attached to or bounds, once."""
    yield TYPE, resource_id
    parameters = {"PolicyArn": resource_id, "EntityFilter": "Role"}
    try:
        names = {
            role["RoleName"]
            for usage in ("PermissionsPolicy", "PermissionsBoundary")
            for role in aws.pages(
                "iam:ListEntitiesForPolicy", {**parameters, "PolicyUsageFilter": usage}, "PolicyRoles"
            )
        }
    except Gone:
        return
    yield from (("AWS::IAM::Role", name) for name in sorted(names))


def _versions(aws: Aws, arn: str, about: Mapping[str, Json]) -> list[dict[str, Json]]:
    """All versions with their documents, the one in force first, the others by what they say."""
    listed = [plain(v) for v in aws.pages("iam:ListPolicyVersions", {"PolicyArn": arn}, "Versions")]
    found = []
    for version in listed:
        answer = aws.call("iam:GetPolicyVersion", {"PolicyArn": arn, "VersionId": version["VersionId"]})
        is_default = version["VersionId"] == about["DefaultVersionId"]
        said = document(answer["PolicyVersion"]["Document"])
        found.append({**version, "IsDefaultVersion": is_default, "Document": said})
    return sorted(found, key=lambda v: (not v["IsDefaultVersion"], canonical(v["Document"])))
