"""What the controls on execution roles share: which roles those are, what they hold, and how a judgement is told.

An execution role is one that a serverless service may assume. Roles of AWS's own (service-linked ones, and those of
Identity Center) are left alone: nobody but AWS may change them, and their rights are AWS's decision.
IAM User Guide, "Using service-linked roles"; "IAM identifiers" for the reserved path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..errors import BadPolicy
from ..iam.documents import Document, Principal, parse
from ..model import Json, Resource
from ..redaction import safe_text
from . import Judgement, Signal

SERVICES = (
    "apigateway",
    "appsync",
    "ecs-tasks",
    "edgelambda",
    "emr-serverless",
    "events",
    "glue",
    "lambda",
    "pipes",
    "scheduler",
    "states",
    "tasks.apprunner",
)
"""Service principals (before `.amazonaws.com`) that run people's code or workflows with a role's rights."""

RESERVED = ("/aws-service-role/", "/aws-reserved/")
"""Paths of roles that AWS itself keeps, and that nobody else may change."""

CHANGES = (
    Signal(
        "aws.iam",
        (
            "CreateRole",
            "DeleteRole",
            "PutRolePolicy",
            "DeleteRolePolicy",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "UpdateAssumeRolePolicy",
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
            "CreatePolicyVersion",
            "SetDefaultPolicyVersion",
        ),
    ),
)
"""Whatever moves what a role may do, or who may be it."""

Policies = Mapping[str, Document]
"""A role's identity policies by name (inline) or ARN (managed)."""

Boundary = tuple[Document, ...] | None
Items = Callable[[Policies, Boundary], Iterable[Mapping[str, Json]]]


def judgement(resource: Resource, items: Items, said: str, asked: str) -> Judgement | None:
    """What `items` says of an execution role, or that it cannot be judged; None for all other roles.

    `said` and `asked` finish the sentences `The execution role x …` and `Whether the execution role x … cannot be
    judged`. What cannot be parsed is said by an item with Policy and Unknown. Items about a policy that is shared get
    UsedBy, the names of its other users.
    """
    config = resource.config
    if not is_execution_role(config):
        return None
    policies, unreadable = identity(config)
    try:
        found = tuple(items(policies, boundary(config.get("PermissionsBoundary"))))
    except BadPolicy as error:
        found = ()
        if tuple(items(policies, None)):
            unreadable = (*unreadable, ("the permissions boundary", error))
    name = f"role {safe_text(resource.id, 70)}"
    if found:
        return Judgement(f"The execution {name} {said}", tuple(with_users(item, config) for item in found))
    if unreadable:
        unknown = tuple({"Policy": policy, "Unknown": safe_text(error.what)} for policy, error in unreadable)
        return Judgement(f"Whether the execution {name} {asked} cannot be judged", unknown, "low")
    return None


def with_users(item: Mapping[str, Json], config: Mapping[str, Json]) -> Mapping[str, Json]:
    """An item about a policy that others use too says who: changing it changes what they may do."""
    used_by = {p["PolicyArn"]: p.get("UsedBy") for p in config["AttachedManagedPolicies"]}
    others = used_by.get(str(item.get("Policy")))
    return {**item, "UsedBy": others} if others else item


def is_execution_role(config: Mapping[str, Json]) -> bool:
    """Is it one of this account's own, and may a service that runs code assume it, as far as its trust can be read?"""
    if str(config.get("Path", "/")).startswith(RESERVED):
        return False
    try:
        allowing = [s for s in parse(config["AssumeRolePolicyDocument"], "trust").statements if s.allows]
    except BadPolicy:
        return True
    return any(s.principal is None or any(map(_names_service, s.principal)) for s in allowing)


def _names_service(principal: Principal) -> bool:
    return principal.value == "*" or (principal.kind == "Service" and _is_serverless(principal.value))


def _is_serverless(service: str) -> bool:
    """`lambda.amazonaws.com`, and the regional or partitioned forms such as `states.eu-west-1.amazonaws.com`."""
    return any(service.startswith(f"{name}.") and ".amazonaws.com" in service for name in SERVICES)


def identity(config: Mapping[str, Json]) -> tuple[dict[str, Document], tuple[tuple[str, BadPolicy], ...]]:
    """The role's policies, and those that cannot be parsed."""
    given = {p["PolicyName"]: p["PolicyDocument"] for p in config["RolePolicyList"]}
    given |= {p["PolicyArn"]: p["PolicyDocument"] for p in config["AttachedManagedPolicies"]}
    parsed: dict[str, Document] = {}
    unreadable: list[tuple[str, BadPolicy]] = []
    for name, document in given.items():
        try:
            parsed[name] = parse(document, "identity")._replace(name=name)
        except BadPolicy as error:
            unreadable.append((name, error))
    return parsed, tuple(unreadable)


def boundary(found: Mapping[str, Json] | None) -> Boundary:
    """The permissions boundary, None where there is none. Raises BadPolicy."""
    if found is None:
        return None
    if found.get("PolicyDocument") is None:
        raise BadPolicy("its policy is gone")
    return (parse(found["PolicyDocument"], "identity")._replace(name="the permissions boundary"),)


def way(policy: str) -> str:
    """How a policy of a role is changed, by its name or ARN: `inline`, `customer` (managed) or `aws` (managed)."""
    if not policy.startswith("arn:"):
        return "inline"
    return "aws" if policy.split(":")[4] == "aws" else "customer"
