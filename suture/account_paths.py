"""What a principal of an account can become there: its roles and policy versions read as far as they matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.aws.answers import document
from chalicelib.errors import BadPolicy, CallFailed
from chalicelib.iam.admin import administrator
from chalicelib.iam.documents import Document
from chalicelib.iam.escalation import escalations
from chalicelib.iam.reach import Trust, reach
from chalicelib.iam.rights import Rights
from chalicelib.iam.roles import PassableRole, PolicyVersions

from .account_roles import Read, named, names, other_roles
from .explain import Explanation
from .organization import control

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

MOST_POLICIES = 100
"""Customer-managed policies whose versions are read at most: one call each, and one for each other version."""
_SETS = frozenset(("iam:setdefaultpolicyversion",))


def explained(aws: Clients, read: Read, most: int, now: str) -> Explanation:
    """Who may be it, whether it is administrator, and every path there. At most `most` other roles are read, and only
    where there might be a path at all. Raises CallFailed."""
    me, over = read.role, control(aws, read.role.arn)
    admin = administrator(me.documents, me.boundary)
    paths = escalations(me.documents, me.boundary, over.levels, principal=me.arn, now=now)
    notes = read.notes
    if paths or _may_assume(me.documents) or (most and names(aws, me.arn)):
        others, blind = other_roles(aws, most) if most else ((), ("Other roles were not looked at.",))
        policies, unread = _versions(aws, [me, *(role for role in others if role.arn != me.arn)])
        paths = escalations(
            me.documents, me.boundary, over.levels, others, me.arn, policies=policies, complete=not blind, now=now
        )
        notes += (*blind, *unread)
    notes += (over.note,) if over.note else ()
    if me.trust is None:
        return Explanation(me.arn, "private", None, admin, paths, notes)
    reached = reach(me.trust, Trust(aws.account))
    return Explanation(me.arn, reached.verdict, reached, admin, paths, notes)


def _may_assume(documents: Iterable[Document]) -> bool:
    """Assuming a role by its name is a path only if that role is known to lead on."""
    return any(s.allows and "sts" in str(s.actions).lower() for d in documents for s in d.statements)


def _versions(
    aws: Clients, holders: Sequence[PassableRole]
) -> tuple[tuple[PolicyVersions, ...] | None, tuple[str, ...]]:
    """The policies of these principals that have several versions, None where they are not known; and why not."""
    if not any(Rights(role.documents, role.boundary, (), _SETS).among() for role in holders):
        return (), ()
    held: dict[str, tuple[Document, set[str]]] = {}
    for role in holders:
        for policy in (*role.documents, *(role.boundary or ())):
            if policy.name.startswith("arn:") and policy.name.split(":")[4] == aws.account:
                held.setdefault(policy.name, (policy, set()))[1].add(role.arn)
    if len(held) > MOST_POLICIES:
        return None, (f"There are {len(held)} managed policies in use; their other versions were not read.",)
    try:
        return tuple(_read(aws, arn, default, who) for arn, (default, who) in held.items()), ()
    except (CallFailed, BadPolicy) as error:
        return None, (f"Other versions of managed policies could not be read: {error.what.rstrip('.')}.",)


def _read(aws: Clients, arn: str, default: Document, holders: Iterable[str]) -> PolicyVersions:
    others = []
    for version in aws.pages("iam:ListPolicyVersions", {"PolicyArn": arn}, "Versions"):
        if not version["IsDefaultVersion"]:
            others.append((str(version["VersionId"]), _document(aws, arn, version)))
    return PolicyVersions(arn, default, tuple(others), frozenset(holders))


def _document(aws: Clients, arn: str, version: Mapping[str, object]) -> Document:
    answer = aws.call("iam:GetPolicyVersion", {"PolicyArn": arn, "VersionId": version["VersionId"]})
    return named(document(answer["PolicyVersion"]["Document"]), "identity", arn)
