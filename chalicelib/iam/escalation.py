"""Which known paths lead a principal to more rights than it was given, told as steps.

All of its policies are merged, cut by boundary, service control policies and Denies as in `permissions`; a condition
that may hold makes a path conditional and takes none away. Where the account's roles are known, a path through a role
counts only if that role is administrator or gets there itself, over as many hops as it takes; where they are not,
what a role may do is not known, and the path counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

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
    enters,
    trusts_principal,
    trusts_service,
    with_version,
)
from .subset import allows_subset
from .suppositions import WRITTEN, Known
from .targets import targets

_ACTS_ON = "sts:assumerole"
_ASSUMING = "sts-assume-role"
_NAMED = "A trust policy that names a principal of its account lets it in without any right of its own."
_SOME_ROLE = "a role"


class Escalation(NamedTuple):
    """One path that can be walked: its id, the steps as sentences in their order, whether a condition of some policy
    has to hold for it, and why: what allows each step, and why it leads anywhere."""

    path: str
    steps: tuple[str, ...]
    conditional: bool
    reasons: tuple[str, ...]


class _Way(NamedTuple):
    """The role that a path leads through: how sentences call it, the grant that reaches it, and what follows."""

    role: str
    grant: Grant | None
    then: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def escalations(
    identity: Sequence[Document],
    boundary: Sequence[Document] | None = None,
    scps: Sequence[Document] | Levels = (),
    roles: Sequence[PassableRole] = (),
    principal: str = "",
    *,
    policies: Sequence[PolicyVersions] | None = None,
    complete: bool = True,
    now: str = WRITTEN,
) -> tuple[Escalation, ...]:
    """Every path that a principal with these identity policies can walk. Pure; it never raises.

    `roles` are those of the account, none where they are not known; `complete` says that there are no others that the
    principal could reach. `principal` is its ARN, or nothing. `policies` are the customer-managed policies with all
    their versions, None where they are not known. `now` is an ISO 8601 time; conditions that ended before it never
    hold again. `boundary` and `scps` are as in `permissions.may`.
    """
    over = levels(scps)
    rights = Rights(identity, boundary, over, all_actions())
    paths = _possible(rights)
    if not paths and not (principal and roles):
        return ()
    account = strengthened(Account(tuple(roles), complete), over, now, policies) if roles else NOWHERE
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
    """The account with all roles that are administrator or escalate, those first that take the fewest hops."""
    weak = [
        (role, Rights(role.documents, role.boundary, scps, all_actions()))
        for role in account.roles
        if not account.is_strong(role)
    ]
    open_ = [(role, rights, _possible(rights)) for role, rights in weak]
    while open_:
        found: dict[str, Strong] = {}
        for role, rights, paths in open_:
            walker = Walker(rights, role, account, policies, now, scps)
            if first := next(walker.all_of(paths), None):
                steps = tuple(f"As {role.label}: {step}" for step in first.steps)
                found[role.arn] = Strong(role, steps, f"{role.label} escalates by {first.path}")
        if not found:
            return account
        account = account.with_strong(tuple(found.values()))
        open_ = [entry for entry in open_ if entry[0].arn not in found]
    return account


def _possible(rights: Rights) -> list[Path]:
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
        for strong in self._others():
            verdict = enters(self._me, strong.role, self._scps)
            if verdict != "denied":
                step = f"Assumes {strong.role.label}, whose trust policy names it (sts:AssumeRole)."
                return Escalation(_ASSUMING, (step, *strong.steps), verdict != "allowed", (_NAMED, f"{strong.why}."))
        return None

    def walk(self, path: Path) -> Escalation | None:
        """The path as this principal walks it, or None."""
        known = Known(self._principal, path.services, self._now)
        used: list[tuple[Need, str, Grant]] = []
        for need in path.needs:
            if need.on in (PASSED, ASSUMED):
                continue
            found = self._first(need, self._plain)
            if found is None:
                return None
            used.append((need, *found))
        if path.id == "iam-set-default-policy-version" and self._policies is not None:
            return self._older_version(path, used[0][0], known)
        way = self._way(path, used, known)
        return _told(path, used, way) if way else None

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

    def _way(self, path: Path, used: Sequence[tuple[Need, str, Grant]], known: Known) -> _Way | None:
        deciding = next((n for n in path.needs if n.on in (PASSED, ASSUMED)), None)
        if deciding is not None:
            return self._through_named_role(path, deciding, known)
        if path.services:
            return self._through_existing(path)
        if any(need.on == ROLE for need, _, _ in used):
            return self._onto_role(used[0][1], used[0][2], known)
        return _Way("", None)

    def _through_named_role(self, path: Path, need: Need, known: Known) -> _Way | None:
        """A role that is passed, assumed, or whose trust policy is rewritten: a strong one, or one that is unknown."""
        action = globs.fold(need.any_of[0])
        grants = self._rights.on(action, self._targets[need.on], known)
        if not grants:
            return None
        for strong in self._others():
            if self._lets_in(action, path, strong.role) and (grant := self._on_role(action, strong.role.arn, known)):
                return _Way(strong.role.label, grant, strong.steps, (f"{strong.why}.",))
        unknown = [g for g in grants if self._may_be_unknown(g, action)]
        if not unknown:
            return None
        region = shown(unknown[0].region)
        label = _SOME_ROLE if region.endswith((":role/*", "*:role/?*")) else f"a role such as {region}"
        return _Way(label, unknown[0], (), ("What the roles in question may do is not known here.",))

    def _may_be_unknown(self, grant: Grant, action: str) -> bool:
        """Whether a grant may reach a role of which nothing is known.

        Assuming one role that is written out is a delegation that two policies spell out: it counts if the role is
        known to be strong, and else is left to the role's own trust.
        """
        if action == _ACTS_ON and _names_one(shown(grant.region)):
            return False
        if self._account.roles and self._account.complete:
            return False
        return not any(globs.is_literal(p) and self._account.knows(p) for p in grant.region)

    def _lets_in(self, action: str, path: Path, role: PassableRole) -> bool:
        """Whether the role's trust policy does its part."""
        if path.services:
            return trusts_service(role, path.services)
        return action != _ACTS_ON or trusts_principal(role, self._principal)

    def _through_existing(self, path: Path) -> _Way | None:
        for strong in self._others():
            if trusts_service(strong.role, path.services):
                return _Way(strong.role.label, None, strong.steps, (f"{strong.why}.",))
        if self._account.roles and self._account.complete:
            return None
        return _Way(_SOME_ROLE, None, (), ("Which roles such things run as is not known here.",))

    def _onto_role(self, action: str, grant: Grant, known: Known) -> _Way | None:
        """Rights written onto a role: its own, or another one that it can get into."""
        folded = globs.fold(action)
        is_role = ":role/" in self._principal
        if not is_role and not (self._principal and self._account.roles):
            return _Way(_role_text(grant), grant)
        if is_role and (own := self._on_role(folded, self._principal, known)):
            return _Way("its own role", own)
        for role in self._account.roles:
            reached = self._on_role(folded, role.arn, known)
            if reached and trusts_principal(
                role, self._principal, directly=not self._on_role(_ACTS_ON, role.arn, known)
            ):
                return _Way(role.label, reached, (f"Assumes {role.label}, which trusts it.",))
        if self._may_be_unknown(grant, folded):
            return _Way(_role_text(grant), grant, (), ("Whether it can get into that role is not known here.",))
        return None

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
                reasons = (path.reason, why, _allowed(action, grants[0]), *then.reasons)
                return Escalation(path.id, (step, *then.steps), then.conditional or not grants[0].sure, reasons)
        return None

    def _with_version(self, policy: PolicyVersions, document: Document) -> Escalation | None:
        """What follows when a policy says that: nothing more is needed where it is one's own; else one of its holders
        must become administrator, and be reached."""
        if policy.is_held_by(self._principal):
            return Escalation("", (), False, ())
        held = [with_version(r, policy.arn, document) for r in self._account.roles if policy.is_held_by(r.arn)]
        there = Account(self._account.roles, True, Account(held, True).strong)
        walker = Walker(self._rights, self._me, there, (), self._now, self._scps)
        through = [path for path in _possible(self._rights) if path.services or path.needs[0].on == ASSUMED]
        return next(walker.all_of(through), None) if there.strong else None


def _names_one(pattern: str) -> bool:
    """Whether a role pattern has a fixed name, whatever its account."""
    _, found, name = pattern.partition(":role/")
    return bool(found) and globs.is_literal(name)


def _role_text(grant: Grant) -> str:
    region = shown(grant.region)
    return _SOME_ROLE if region.endswith(":role/*") else region


def _told(path: Path, used: Sequence[tuple[Need, str, Grant]], way: _Way) -> Escalation:
    others = iter(used)
    steps, reasons, sure = [], [path.reason], True
    for need in path.needs:
        by_role = need.on in (PASSED, ASSUMED)
        _, action, grant = (need, need.any_of[0], way.grant) if by_role else next(others)
        does = need.does.replace("{role}", way.role)
        steps.append(f"{does[0].upper()}{does[1:]} ({action}).")
        if grant is not None:
            reasons.append(_allowed(action, grant))
            sure = sure and grant.sure
    return Escalation(path.id, (*steps, *way.then), not sure, (*reasons, *way.why))


def _allowed(action: str, grant: Grant) -> str:
    of = f" of {grant.policy[:120]}" if grant.policy else ""
    when = "" if grant.sure else f", {' and '.join(grant.if_so[:3])}"
    return f"{action} on {shown(grant.region)} is allowed by {grant.by.name}{of}{when}."
