"""The roles of an account as escalation sees them: what each may do, who may take it, which are strong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import globs, principals
from .admin import administrator
from .conditions import always
from .documents import Document, Statement
from .permissions import may
from .rights import Region, in_one_partition


class PassableRole(NamedTuple):
    """A role with its identity policies, its boundary (None: it has none) and its trust policy (None: not known)."""

    arn: str
    documents: tuple[Document, ...]
    boundary: tuple[Document, ...] | None = None
    trust: Document | None = None

    @property
    def label(self) -> str:
        return f"role {self.arn.rsplit('/', 1)[-1][:64]}"


class PolicyVersions(NamedTuple):
    """A customer-managed policy: the version in force, and the others by their ids.

    `holders` are the ARNs of those whose rights it is part of or limits; None says that it is the caller's own.
    """

    arn: str
    default: Document
    others: tuple[tuple[str, Document], ...] = ()
    holders: frozenset[str] | None = None

    def is_held_by(self, arn: str) -> bool:
        return self.holders is None or arn in self.holders


class Strong(NamedTuple):
    """A role that is administrator or gets there: the sentences that say how, in short why, whether a condition has to
    hold for it, and whether it goes through something of which nothing is known."""

    role: PassableRole
    steps: tuple[str, ...]
    why: str
    conditional: bool = False
    unknown: bool = False


class Unread(NamedTuple):
    """Roles with ARNs of the form of `pattern` that the principal `by` may pass or assume, and that nobody looked at;
    `why`, as a sentence without its full stop."""

    by: str
    pattern: str
    why: str


class Account:
    """Roles, and those of them that are known to be strong; `complete` when there are no others. Where there may be,
    `unread` are those that some principal may pass or assume, None where nobody looked."""

    def __init__(
        self,
        roles: Sequence[PassableRole],
        complete: bool,
        strong: Sequence[Strong] | None = None,
        unread: Sequence[Unread] | None = None,
    ) -> None:
        self.roles, self.complete, self.unread = tuple(roles), complete, unread
        self.strong = tuple(_administrators(roles) if strong is None else strong)
        self._arns = {in_one_partition(role.arn) for role in roles}
        self._strong = {s.role.arn for s in self.strong}

    def knows(self, arn: str) -> bool:
        return in_one_partition(arn) in self._arns

    def unread_by(self, principal: str, region: Region) -> tuple[str, ...] | None:
        """Why some of a region's roles, which a principal may take, were not looked at; None where nobody looked."""
        if self.unread is None:
            return None
        patterns = [(u.why, in_one_partition(u.pattern)) for u in self.unread if u.by == principal]
        whys = (f"{why}." for why, pattern in patterns if all(globs.intersects(pattern, p) for p in region))
        return tuple(dict.fromkeys(whys))

    def is_strong(self, role: PassableRole) -> bool:
        return role.arn in self._strong

    def with_strong(self, more: Sequence[Strong]) -> Account:
        return Account(self.roles, self.complete, (*self.strong, *more), self.unread)


NOWHERE = Account((), False, ())
"""An account of which nothing is known."""


def with_version(role: PassableRole, policy: str, document: Document) -> PassableRole:
    """The role after another version of a policy that it has, or that bounds it, was put in force."""
    boundary = None if role.boundary is None else tuple(document if d.name == policy else d for d in role.boundary)
    return role._replace(
        documents=tuple(document if d.name == policy else d for d in role.documents), boundary=boundary
    )


def _administrators(roles: Sequence[PassableRole]) -> list[Strong]:
    found = [(role, administrator(role.documents, role.boundary)) for role in roles]
    return [
        Strong(role, (f"Is administrator as {role.label}.",), f"{role.label} is administrator: {admin.reasons[0]}"[:-1])
        for role, admin in found
        if admin
    ]


def mighty(role: PassableRole) -> Strong:
    """The role once somebody made it administrator."""
    return Strong(role, (f"Is administrator as {role.label}.",), f"{role.label} is administrator then")


def is_at_home(region: Region, principal: str) -> bool:
    """Whether all roles of a region are of the principal's own account."""
    return any(globs.covers(home_of(principal), pattern) for pattern in region)


def home_of(principal: str) -> str:
    """The pattern of all roles of a principal's account, in the one partition in which patterns are compared."""
    return f"arn:aws:iam::{(principal.split(':') + [''] * 5)[4]}:role/*"


def trusts_service(role: PassableRole, services: Sequence[str]) -> bool:
    """Whether one of the service principals may assume the role; yes where its trust policy is not known."""
    if role.trust is None:
        return True
    assuming = [s for s in role.trust.statements if _assumes(s)]
    return any(_lets_in([s for s in assuming if _names_service(s, name)]) for name in services)


def trusts_principal(role: PassableRole, principal: str, *, directly: bool = False) -> bool:
    """Whether the trust policy lets the principal in: by name or everyone (`directly`), or through its account.

    Yes where the trust policy is not known; of a principal that is not known, whether any AWS principal is let in.
    """
    if role.trust is None:
        return not directly
    return _lets_in([s for s in role.trust.statements if _assumes(s) and _names_principal(s, principal, directly)])


def enters(who: PassableRole, role: PassableRole, scps: Sequence[Sequence[Document]]) -> str:
    """Whether a principal gets into a role by being named in its trust policy, without any right of its own: allowed,
    allowed-if or denied. A boundary and every Deny still hold (IAM User Guide, "Policy evaluation logic")."""
    if role.trust is None or not who.arn or not trusts_principal(role, who.arn, directly=True):
        return "denied"
    said = may(
        who.documents,
        "sts:AssumeRole",
        role.arn,
        boundary=who.boundary,
        scps=scps,
        resource_policy=role.trust,
        principal=who.arn,
    )
    return said.verdict


def _lets_in(about: Sequence[Statement]) -> bool:
    denied = any(not s.allows and always(s.conditions) for s in about)
    return not denied and any(s.allows for s in about)


def _assumes(statement: Statement) -> bool:
    patterns = statement.actions if statement.actions is not None else statement.not_actions or ()
    asked = ("sts:assumerole", "sts:assumerolewithwebidentity", "sts:assumerolewithsaml")
    hit = any(globs.matches(globs.fold(p), a) for p in patterns for a in asked)
    return hit is (statement.actions is not None)


def _names_service(statement: Statement, service: str) -> bool:
    """`lambda.amazonaws.com`, its regional and partitioned forms too."""
    if statement.not_principal is not None:
        return statement.allows
    stem = service.removesuffix(".amazonaws.com")
    for p in statement.principal or ():
        if p.value == "*" or (p.kind in ("Service", "Federated") and p.value == service):
            return True
        if p.kind == "Service" and p.value.startswith(f"{stem}.") and ".amazonaws.com" in p.value:
            return True
    return False


def _names_principal(statement: Statement, principal: str, directly: bool) -> bool:
    if statement.not_principal is not None:
        return statement.allows
    named = statement.principal or ()
    if not principal:
        return any(p.kind == "AWS" for p in named)
    if any(principals.is_everyone(p) or (p.kind == "AWS" and p.value == principal) for p in named):
        return True
    return not directly and any(principals.names_account_of(p, (principal,)) for p in named)
