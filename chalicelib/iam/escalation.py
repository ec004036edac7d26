"""Which known paths lead a principal to more rights than it was given, told as steps.

All of its policies are merged, cut by boundary, service control policies and Denies as in `permissions`; a condition
that may hold makes a path conditional and takes none away. Where the account's roles are known, a path through a role
counts only if that role is administrator or gets there itself, over as many hops as it takes; where they are not,
what a role may do is not known, and the path counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from . import globs
from .documents import Document
from .paths import (
    ASSUMED,
    PASSED,
    ROLE,
    Need,
    Path,
    all_actions,
    all_paths,
)
from .permissions import levels
from .rights import Grant, Levels, Rights, Target, shown
from .roles import (
    NOWHERE,
    Account,
    PassableRole,
    PolicyVersions,
    Strong,
    Unread,
    enters,
    is_at_home,
    mighty,
    trusts_principal,
    trusts_service,
    with_version,
)
from .subset import allows_subset
from .suppositions import WRITTEN, Known
from .targets import targets
from .telling import Escalation, Way, allowed, role_text, some_role, surest, told

__all__ = ["Escalation", "Walker", "escalations", "possible", "strengthened"]

_ACTS_ON = "sts:assumerole"
_ASSUMING = "sts-assume-role"
_NAMED = "A trust policy that names a principal of its account lets it in without any right of its own."
_UNREAD = "What the roles in question may do is not known here."
LOOKED_UP = ("iam:passrole", _ACTS_ON)
"""Folded actions whose roles a caller may have looked up."""


def escalations(
    identity: Sequence[Document],
    boundary: Sequence[Document] | None = None,
    scps: Sequence[Document] | Levels = (),
    roles: Sequence[PassableRole] = (),
    principal: str = "",
    *,
    policies: Sequence[PolicyVersions] | None = None,
    complete: bool = True,
    unread: Sequence[Unread] | None = None,
    now: str = WRITTEN,
) -> tuple[Escalation, ...]:
    """Every path that a principal with these identity policies can walk. Pure; it never raises.

    `roles` are those of the account, none where they are not known; `complete` says that there are no others that the
    principal could reach; where there may be, `unread` are those that it or one of `roles` may pass or assume, None
    where nobody looked. `principal` is its ARN, or nothing. `policies` are the customer-managed policies with all
    their versions, None where they are not known. `now` is an ISO 8601 time; conditions that ended before it never
    hold again. `boundary` and `scps` are as in `permissions.may`.
    """
    over = levels(scps)
    rights = Rights(identity, boundary, over, all_actions())
    paths = possible(rights)
    if not paths and not (principal and roles):
        return ()
    account = (
        strengthened(Account(roles, complete, None, unread), over, now, policies)
        if roles or unread is not None
        else NOWHERE
    )
    walker = Walker(
        rights,
        PassableRole(principal, tuple(identity), None if boundary is None else tuple(boundary)),
        account,
        policies,
        now,
        over,
    )
    return tuple(walker.all_of(paths))


def strengthened(account: Account, scps: Levels, now: str, policies: Sequence[PolicyVersions] | None = None) -> Account:
    """The account with all roles that are administrator or escalate: those first that surely do, in the fewest hops."""
    weak = [
        (role, Rights(role.documents, role.boundary, scps, all_actions()))
        for role in account.roles
        if not account.is_strong(role)
    ]
    open_ = [(role, rights, possible(rights)) for role, rights in weak]
    surely = True
    while open_:
        found: dict[str, Strong] = {}
        for role, rights, paths in open_:
            ways = Walker(rights, role, account, policies, now, scps).all_of(paths)
            if first := next((way for way in ways if way.is_sure or not surely), None):
                found[role.arn] = _strong(role, first)
        if not found and not surely:
            return account
        surely = surely and bool(found)
        account = account.with_strong(tuple(found.values()))
        open_ = [entry for entry in open_ if entry[0].arn not in found]
    return account


def _strong(role: PassableRole, found: Escalation) -> Strong:
    steps = tuple(f"As {role.label}: {step}" for step in found.steps)
    whys = "; ".join(why.rstrip(".") for why in found.unknown)
    why = f"{role.label} escalates by {found.path}{f' ({whys})' if whys else ''}"
    return Strong(role, steps, why, found.conditional, bool(found.unknown))


def possible(rights: Rights) -> list[Path]:
    held = rights.among()
    return [path for path, needed in _needed() if not any(map(held.isdisjoint, needed))] if held else []


@cache
def _needed() -> tuple[tuple[Path, tuple[tuple[str, ...], ...]], ...]:
    """Every path with the folded actions of its needs, any one of each."""
    return tuple((path, tuple(need.folded for need in path.needs)) for path in all_paths())


class Walker:
    """One principal in one account. Only reads; what it finds out is kept by its rights."""

    def __init__(
        self,
        rights: Rights,
        me: PassableRole,
        account: Account,
        policies: Sequence[PolicyVersions] | None,
        now: str,
        scps: Levels,
    ) -> None:
        self._rights, self._me, self._principal, self._account = rights, me, me.arn, account
        self._policies, self._now, self._scps = policies, now, scps
        self._targets = targets(me.arn)
        self._plain = Known(me.arn, (), now)

    def all_of(self, paths: Sequence[Path]) -> Iterator[Escalation]:
        """Those of the paths that it can walk, and the way into a role that names it, which needs no right at all."""
        entered = True
        for path in paths:
            if found := self.walk(path):
                entered = entered and path.id != _ASSUMING
                yield found
        if entered and (named := self._named()):
            yield named

    def _named(self) -> Escalation | None:
        """Into a strong role whose trust policy names this principal, or everyone."""
        entered = ((s, v) for s in self._others() if (v := enters(self._me, s.role, self._scps)) != "denied")
        way = surest(_through(strong, None, verdict != "allowed") for strong, verdict in entered)
        if way is None:
            return None
        step = f"Assumes {way.role}, whose trust policy names it (sts:AssumeRole)."
        return Escalation(_ASSUMING, (step, *way.then), way.conditional, (_NAMED, *way.why, *way.unknown), way.unknown)

    def walk(self, path: Path) -> Escalation | None:
        """The path as this principal walks it, or None."""
        known = Known(self._principal, path.services, self._now)
        used = self._used(path)
        if used is None:
            return None
        if path.id == "iam-set-default-policy-version" and self._policies is not None:
            return self._older_version(path, used[0][0], known)
        way = self._way(path, used, known)
        return told(path, used, way) if way else None

    def onward(self, path: Path) -> tuple[Grant, ...]:
        """The grants of the roles that it could pass or assume on that path, if everything else on it is allowed."""
        deciding = next((n for n in path.needs if n.on in (PASSED, ASSUMED)), None)
        if deciding is None or deciding.folded[0] not in LOOKED_UP or self._used(path) is None:
            return ()
        known = Known(self._principal, path.services, self._now)
        return self._rights.on(deciding.folded[0], self._targets[deciding.on], known)

    def _used(self, path: Path) -> list[tuple[Need, str, Grant]] | None:
        """What of the path is neither to pass nor to assume a role, with the action and grant of each; None where one
        is missing."""
        used: list[tuple[Need, str, Grant]] = []
        for need in path.needs:
            if need.on in (PASSED, ASSUMED):
                continue
            found = self._first(need, self._plain)
            if found is None:
                return None
            used.append((need, *found))
        return used

    def _first(self, need: Need, known: Known) -> tuple[str, Grant] | None:
        """The action of a need that is allowed most surely, as written in the list, and its best grant."""
        target = self._targets.get(need.on) or Target(tuple(need.on.split("|")))
        best: tuple[str, Grant] | None = None
        for action in need.any_of:
            grants = self._rights.on(globs.fold(action), target, known)
            if grants and grants[0].sure:
                return action, grants[0]
            if grants and best is None:
                best = (action, grants[0])
        return best

    def _way(self, path: Path, used: Sequence[tuple[Need, str, Grant]], known: Known) -> Way | None:
        deciding = next((n for n in path.needs if n.on in (PASSED, ASSUMED)), None)
        if deciding is not None:
            return self._through_named_role(path, deciding, known)
        if path.services:
            return self._through_existing(path)
        if any(need.on == ROLE for need, _, _ in used):
            return self._onto_role(used[0][1], used[0][2], known)
        return Way("", None)

    def _through_named_role(self, path: Path, need: Need, known: Known) -> Way | None:
        """A role that is passed, assumed, or whose trust policy is rewritten: a strong one, or one that is unknown."""
        action = globs.fold(need.any_of[0])
        grants = self._rights.on(action, self._targets[need.on], known)
        if not grants:
            return None
        strong = (s for s in self._others() if self._lets_in(action, path, s.role))
        reached = ((s, g) for s in strong if (g := self._on_role(action, s.role.arn, known)))
        if way := surest(_through(s, grant) for s, grant in reached):
            return way
        for grant in grants:
            if why := self._unknown(grant, action):
                return Way(some_role(grant), grant, unknown=why)
        return None

    def _unknown(self, grant: Grant, action: str) -> tuple[str, ...]:
        """Why a grant may reach a role of which nothing is known, as sentences; nothing where it does not.

        Assuming one role that is written out is a delegation that two policies spell out: it counts if the role is
        known to be strong, and else is left to the role's own trust.
        """
        if action == _ACTS_ON and _names_one(shown(grant.region)):
            return ()
        if self._account.roles and self._account.complete:
            return ()
        is_looked_up = action in LOOKED_UP
        is_known = any(globs.is_literal(p) and self._account.knows(p) for p in grant.region)
        if is_known and (is_looked_up or self._account.unread is None):
            return ()
        if not is_looked_up or not is_at_home(grant.region, self._principal):
            return (_UNREAD,)
        unread = self._account.unread_by(self._principal, grant.region)
        return (_UNREAD,) if unread is None else (_UNREAD, *unread) if unread else ()

    def _lets_in(self, action: str, path: Path, role: PassableRole) -> bool:
        """Whether the role's trust policy does its part."""
        if path.services:
            return trusts_service(role, path.services)
        return action != _ACTS_ON or trusts_principal(role, self._principal)

    def _through_existing(self, path: Path) -> Way | None:
        way = surest(_through(s, None) for s in self._others() if trusts_service(s.role, path.services))
        if self._account.roles and self._account.complete:
            return way
        way = way or Way(some_role(None), None)
        return way._replace(unknown=("Which roles such things run as is not known here.", *way.unknown))

    def _onto_role(self, action: str, grant: Grant, known: Known) -> Way | None:
        """Rights written onto a role: its own, or another one that it can get into."""
        folded = globs.fold(action)
        is_role = ":role/" in self._principal
        if not is_role and not (self._principal and self._account.roles):
            return Way(role_text(grant), grant)
        if is_role and (own := self._on_role(folded, self._principal, known)):
            return Way("its own role", own)
        for role in self._account.roles:
            reached = self._on_role(folded, role.arn, known)
            if reached and trusts_principal(
                role, self._principal, directly=not self._on_role(_ACTS_ON, role.arn, known)
            ):
                return Way(role.label, reached, (f"Assumes {role.label}, which trusts it.",))
            if reached and (into := self._into(Account(self._account.roles, True, [mighty(role)]))):
                return Way(role.label, reached, into.steps, into.reasons, into.conditional)
        if self._unknown(grant, folded):
            return Way(role_text(grant), grant, unknown=("Whether it can get into that role is not known here.",))
        return None

    def _into(self, there: Account) -> Escalation | None:
        """How it gets into a strong role of an account, by passing, assuming, or something that runs as it."""
        walker = Walker(self._rights, self._me, there, (), self._now, self._scps)
        through = [path for path in possible(self._rights) if path.services or path.needs[0].on == ASSUMED]
        return next(walker.all_of(through), None) if there.strong else None

    def _on_role(self, action: str, arn: str, known: Known) -> Grant | None:
        kept_back = self._targets[ROLE].without
        grants = self._rights.on(action, Target((globs.literal(arn),), kept_back), known)
        return grants[0] if grants else None

    def _others(self) -> Iterator[Strong]:
        return (s for s in self._account.strong if s.role.arn != self._principal)

    def _older_version(self, path: Path, need: Need, known: Known) -> Escalation | None:
        """A policy of which another version grants what the default one does not, and which it may set."""
        action = need.any_of[0]
        for policy in self._policies or ():
            grants = self._rights.on(globs.fold(action), Target((globs.literal(policy.arn),)), known)
            for version, document in policy.others if grants else ():
                proof = allows_subset(document, policy.default)
                then = None if proof.holds else self._with_version(policy, document)
                if then is None:
                    continue
                step = f"Puts version {version[:20]} of {policy.arn[:200]} in force ({action})."
                why = f"Version {version[:20]} grants more than the one in force: {proof.reason}."
                reasons = (path.reason, why, allowed(action, grants[0]), *then.reasons)
                unsure = then.conditional or not grants[0].sure
                return Escalation(path.id, (step, *then.steps), unsure, reasons, then.unknown)
        return None

    def _with_version(self, policy: PolicyVersions, document: Document) -> Escalation | None:
        """What follows when a policy says that: nothing more is needed where it is one's own; else one of its holders
        must become administrator, and be reached."""
        if policy.is_held_by(self._principal):
            return Escalation("", (), False, ())
        held = [with_version(r, policy.arn, document) for r in self._account.roles if policy.is_held_by(r.arn)]
        return self._into(Account(self._account.roles, True, Account(held, True).strong))


def _through(strong: Strong, grant: Grant | None, conditional: bool = False) -> Way:
    """The way through a role that is strong."""
    unknown = (f"{strong.why}.",) if strong.unknown else ()
    why = () if strong.unknown else (f"{strong.why}.",)
    return Way(strong.role.label, grant, strong.steps, why, conditional or strong.conditional, unknown)


def _names_one(pattern: str) -> bool:
    """Whether a role pattern has a fixed name, whatever its account."""
    _, found, name = pattern.partition(":role/")
    return bool(found) and globs.is_literal(name)
