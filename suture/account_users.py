"""Users and groups of an account as policy reasoning takes them. Reads only.

A user has its inline and attached policies, those of its groups, and perhaps a boundary; a group makes no calls itself.
Source: the IAM API reference, GetUser, ListUserPolicies, ListAttachedUserPolicies, ListGroupsForUser, GetGroup,
ListGroupPolicies, ListAttachedGroupPolicies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.aws.answers import document, plain
from chalicelib.errors import Gone
from chalicelib.iam.roles import PassableRole
from chalicelib.model import Json, Resource

from .account_roles import Read, boundary_of, named

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

USER, GROUP = "AWS::IAM::User", "AWS::IAM::Group"
_MEMBERS = "A group makes no calls: this is what it gives its members, as far as the boundary of each lets it."


def read_user(aws: Clients, name: str) -> Read | None:
    """The user with its groups' policies too, or None when there is none. Raises CallFailed, BadPolicy."""
    try:
        user = plain(aws.call("iam:GetUser", {"UserName": name})["User"])
        raw = dict(_policies(aws, "User", name))
        for group in aws.pages("iam:ListGroupsForUser", {"UserName": name}, "Groups"):
            given = _policies(aws, "Group", group["GroupName"])
            raw |= {_of_group(group["GroupName"], policy): found for policy, found in given}
    except Gone:
        return None
    limit = user.get("PermissionsBoundary")
    if limit:
        limit = {**limit, "PolicyDocument": _managed(aws, limit["PermissionsBoundaryArn"])}
    boundary, notes = boundary_of(limit)
    documents = tuple(named(found, "identity", policy) for policy, found in raw.items())
    resource = Resource(USER, user["Arn"], name, aws.account, aws.region, {**user, "PermissionsBoundary": limit})
    return Read(resource, raw, PassableRole(user["Arn"], documents, boundary), notes)


def read_group(aws: Clients, name: str) -> Read | None:
    """The group with its policies, or None when there is none. Raises CallFailed, BadPolicy."""
    try:
        group = plain(aws.call("iam:GetGroup", {"GroupName": name, "MaxItems": 1})["Group"])
        raw = dict(_policies(aws, "Group", name))
    except Gone:
        return None
    documents = tuple(named(found, "identity", policy) for policy, found in raw.items())
    resource = Resource(GROUP, group["Arn"], name, aws.account, aws.region, group)
    return Read(resource, raw, PassableRole(group["Arn"], documents), (_MEMBERS,))


def _policies(aws: Clients, kind: str, name: str) -> Iterator[tuple[str, Json]]:
    """A user's or group's own policies: inline ones by name, attached ones by ARN."""
    who = {f"{kind}Name": name}
    for policy in aws.pages(f"iam:List{kind}Policies", who, "PolicyNames"):
        answer = aws.call(f"iam:Get{kind}Policy", {**who, "PolicyName": policy})
        yield policy, document(answer["PolicyDocument"])
    for attached in aws.pages(f"iam:ListAttached{kind}Policies", who, "AttachedPolicies"):
        found = _managed(aws, attached["PolicyArn"])
        if found is not None:
            yield attached["PolicyArn"], found


def _managed(aws: Clients, arn: str) -> Json:
    """The document in force of a managed policy, or None when it is gone."""
    try:
        version = aws.call("iam:GetPolicy", {"PolicyArn": arn})["Policy"]["DefaultVersionId"]
        return document(
            aws.call("iam:GetPolicyVersion", {"PolicyArn": arn, "VersionId": version})["PolicyVersion"]["Document"]
        )
    except Gone:
        return None


def _of_group(group: str, policy: str) -> str:
    return policy if policy.startswith("arn:") else f"{policy} of group {group}"
