"""Roles of an account as policy reasoning takes them. Reads only, through the readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.answers import document
from chalicelib.aws.readers import iam_role
from chalicelib.errors import BadPolicy, CallFailed
from chalicelib.iam.documents import Document, parse
from chalicelib.iam.roles import PassableRole, trusts_principal
from chalicelib.model import Json, Resource

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

_KEPT_BACK = ("/aws-service-role/", "/aws-reserved/")


@dataclass(frozen=True, slots=True)
class Read:
    """A role with its policies by name or ARN as AWS gives them, and as documents; `notes` say what is uncertain."""

    resource: Resource
    raw: Mapping[str, Json]
    role: PassableRole
    notes: tuple[str, ...] = ()


def read_role(aws: Clients, name: str) -> Read | None:
    """The role, or None when there is none. Raises CallFailed, and BadPolicy with the name of the policy."""
    found = iam_role.alone(aws, name)
    return understood(found) if found else None


def understood(resource: Resource) -> Read:
    """A role that was read, with its documents parsed. Raises BadPolicy with the name of the policy."""
    config = resource.config
    raw = {p["PolicyName"]: p["PolicyDocument"] for p in config["RolePolicyList"]}
    raw |= {p["PolicyArn"]: p["PolicyDocument"] for p in config["AttachedManagedPolicies"]}
    documents = tuple(named(said, "identity", name) for name, said in raw.items())
    trust = named(config["AssumeRolePolicyDocument"], "trust", "trust policy")
    boundary, notes = boundary_of(config.get("PermissionsBoundary"))
    return Read(resource, raw, PassableRole(resource.arn, documents, boundary, trust), notes)


def other_roles(aws: Clients, most: int) -> tuple[tuple[PassableRole, ...], tuple[str, ...]]:
    """The account's roles that somebody may take, and what could not be looked at: nothing, where these are all.

    AWS's own roles are left out, which can be neither passed nor changed. At most `most` are read: five calls each.
    """
    listed = list(aws.pages("iam:ListRoles", {}, "Roles"))
    wanted = [r["RoleName"] for r in listed if not str(r.get("Path", "/")).startswith(_KEPT_BACK)]
    found: list[PassableRole] = []
    notes: list[str] = []
    for name in wanted[:most]:
        try:
            if read := read_role(aws, name):
                found.append(read.role)
        except (BadPolicy, CallFailed) as error:
            notes.append(f"Role {name} could not be judged: {error.what}.")
    if len(wanted) > most:
        notes.append(f"Only {most} of {len(wanted)} roles were read; what the others may do is not known.")
    return tuple(found), tuple(notes)


def names(aws: Clients, principal: str) -> bool:
    """Whether the trust policy of some role names a principal, or everyone: such a role may be assumed without right.

    One call for a hundred roles: the list has their trust policies.
    """
    for role in aws.pages("iam:ListRoles", {}, "Roles"):
        try:
            trust = named(document(role.get("AssumeRolePolicyDocument")), "trust", role["RoleName"])
        except BadPolicy:
            continue
        if role["Arn"] != principal and trusts_principal(
            PassableRole(role["Arn"], (), None, trust), principal, directly=True
        ):
            return True
    return False


def boundary_of(boundary: Mapping[str, Json] | None) -> tuple[tuple[Document, ...] | None, tuple[str, ...]]:
    """A permissions boundary as its reader gives it, None where there is none, and what is uncertain about it."""
    if not boundary:
        return None, ()
    name = str(boundary.get("PermissionsBoundaryArn", "the permissions boundary"))
    if boundary.get("PolicyDocument") is None:
        return None, (f"The document of the boundary {name} could not be read; it is taken for no limit.",)
    return (named(boundary["PolicyDocument"], "identity", name),), ()


def named(said: Json, kind: str, name: str) -> Document:
    """A document with its name. Raises BadPolicy with that name as the place."""
    try:
        return parse(said, kind)._replace(name=name)
    except BadPolicy as error:
        raise BadPolicy(error.what, where=name, next_step=error.next_step) from None
