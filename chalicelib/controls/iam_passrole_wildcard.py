"""An execution role may pass every role of the account to any service.

Whoever may pass a role to a service acts with that role's rights through it. IAM User Guide, "Grant a user permissions
to pass a role to an AWS service"; the condition keys are those of "AWS services and global condition context keys" for
IAM: iam:PassedToService is always in a PassRole request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..iam import globs, spaces
from ..iam.admin import administrator
from ..iam.conditions import always
from ..iam.documents import Condition, Document, Statement
from ..model import Json, Resource
from . import Control, Judgement
from ._execution import CHANGES, Boundary, Policies, judgement, way

_PASSROLE = spaces.Space(("iam:passrole",))
_EVERY_ROLE = "arn:aws:iam::*:role/*"
_TAGS = ("aws:resourcetag/", "iam:resourcetag/")
_EQUAL = ("StringEquals", "StringEqualsIgnoreCase", "StringLike")
_UNEQUAL = ("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike")


def judge(resource: Resource) -> Judgement | None:
    """One item a statement: Policy, Way (inline, customer or aws), Statement (its index), Sid, Reason."""
    said = "may pass any role of the account to any service, and so act with that role's rights"
    return judgement(resource, _items, said, "may pass any role")


def _items(policies: Policies, boundary: Boundary) -> Iterator[dict[str, Json]]:
    """Nothing for an administrator, who is iam-role-admin's, nor where the boundary or a Deny holds it back."""
    documents = tuple(policies.values())
    if boundary is not None and not any(_open(boundary)):
        return
    if administrator(documents, boundary):
        return
    for statement, name in _open(documents):
        reason = f"{statement.name} lets it pass any role, to whatever service it can reach"
        where = {"Policy": name, "Way": way(name), "Statement": statement.index}
        yield {**where, "Sid": statement.sid or None, "Reason": reason}


def _open(documents: Sequence[Document]) -> Iterator[tuple[Statement, str]]:
    """The statements that allow it, each with its policy's name, unless a Deny of any policy takes it back."""
    if any(_takes_back(s) for d in documents for s in d.statements if not s.allows):
        return
    yield from ((s, d.name) for d in documents for s in d.statements if s.allows and _passes_any(s))


def _passes_any(allow: Statement) -> bool:
    return (
        spaces.actions(allow).covers(_PASSROLE)
        and _is_every_role(spaces.at_least(allow))
        and not any(_says_which(c, _EQUAL) for c in allow.conditions)
    )


def _takes_back(deny: Statement) -> bool:
    """Does it deny every role, every role but some, or every service but some?"""
    if not spaces.actions(deny).covers(_PASSROLE) or not _is_every_role(spaces.at_least(deny)):
        return False
    return always(deny.conditions) or (len(deny.conditions) == 1 and _says_which(deny.conditions[0], _UNEQUAL))


def _is_every_role(space: spaces.Space) -> bool:
    """Whether it takes in every role of the account; `NotResource` does, unless it names them all."""
    whole = any(globs.covers(_anywhere(p), _EVERY_ROLE) for p in space.patterns)
    return whole is not space.negated


def _anywhere(pattern: str) -> str:
    """An ARN pattern with any account and `aws` for its partition: those that it names are taken to be its own."""
    parts = pattern.split(":", 5)
    if len(parts) == 6:
        parts[1] = "aws" if parts[1].startswith("aws") and globs.is_literal(parts[1]) else parts[1]
        parts[4] = "*" if parts[4].isdigit() else parts[4]
    return ":".join(parts)


def _says_which(condition: Condition, operators: Sequence[str]) -> bool:
    """Does it name the services to pass to, the things to pass for, or the tags of the roles?"""
    key, values = condition.key.lower(), condition.values
    if key == "iam:passedtoservice":
        return condition.operator in operators and bool(values) and not any(_is_any_service(v) for v in values)
    if key == "iam:associatedresourcearn":
        return condition.operator in ("ArnLike", "ArnEquals", *operators) and not any(_is_open(v) for v in values)
    return key.startswith(_TAGS) and condition.operator in operators and not condition.if_exists


def _is_any_service(value: str) -> bool:
    return value.startswith(("*", "?"))


def _is_open(value: str) -> bool:
    return globs.covers(value, "arn:*:*:*:*:*")


CONTROL = Control(
    title="Execution roles pass only the roles they name",
    why=(
        "Code that may pass any role to a service can have that service act as the strongest role of the account; "
        "a role, or the service it is for, belongs into the statement."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=CHANGES,
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html",
    ),
    peers=("CKV_AWS_111", "iam_policy_allows_privilege_escalation"),
)
