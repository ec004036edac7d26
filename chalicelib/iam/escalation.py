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
    GROUP,
    OTHER_USER,
    OWN_DOCUMENT,
    PASSED,
    POLICY,
    ROLE,
    USER,
    Need,
    Path,
    all_actions,
    all_paths,
)
from .permissions import levels
from .rights import Grant, Levels, Rights, Target, shown
from .roles import NOWHERE, Account, PassableRole, PolicyVersions, Strong, trusts_principal, trusts_service
from .subset import allows_subset
from .suppositions import WRITTEN, Known

_ACTS_ON = "sts:assumerole"
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
    rights = Rights(identity, boundary, levels(scps), all_actions())
    paths = _possible(rights)
    if not paths:
        return ()
    account = strengthened(Account(tuple(roles), complete), levels(scps), now) if roles else NOWHERE
    walker = Walker(rights, principal, account, policies, now)
    return tuple(found for path in paths if (found := walker.walk(path)))


def strengthened(account: Account, scps: Levels, now: str) -> Account:
    """The account with all roles that are administrator or escalate, those first that take the fewest hops."""
    weak = [
        (role, Rights(role.documents, role.boundary, scps, all_actions()))
        for role in account.roles
        if not account.is_strong(role)
    ]
    open_ = [(role, rights, paths) for role, rights in weak if (paths := _possible(rights))]
    while open_:
        found: dict[str, Strong] = {}
        for role, rights, paths in open_:
            walker = Walker(rights, role.arn, account, None, now)
            if first := next(filter(None, map(walker.walk, paths)), None):
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
        principal: str,
        account: Account,
        policies: Sequence[PolicyVersions] | None,
        now: str,
    ) -> None:
        self._rights, self._principal, self._account = rights, principal, account
        self._policies, self._now = policies, now
        self._targets = _targets(principal)
        self._plain = Known(principal, (), now)

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
        if ":role/" not in self._principal:
            return _Way(_role_text(grant), grant)
        if own := self._on_role(folded, self._principal, known):
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
        for policy in self._policies or ():
            grants = self._rights.on(globs.fold(need.any_of[0]), Target((globs.literal(policy.arn),)), known)
            for version, document in policy.others if grants else ():
                proof = allows_subset(document, policy.default)
                if not proof.holds:
                    step = f"Puts version {version[:20]} of {policy.arn[:200]} in force ({need.any_of[0]})."
                    why = f"Version {version[:20]} grants more than the one in force: {proof.reason}."
                    reasons = (path.reason, why, _allowed(need.any_of[0], grants[0]))
                    return Escalation(path.id, (step,), not grants[0].sure, reasons)
        return None


def _targets(principal: str) -> dict[str, Target]:
    parts = principal.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[4] else "*"
    iam = f"arn:*:iam::{account}:"
    own = Known(principal).own_name
    kept_back = ("arn:*:iam::*:role/aws-service-role/*", "arn:*:iam::*:role/aws-reserved/*")
    return {
        USER: Target((f"{iam}user/*",)),
        OTHER_USER: Target((f"{iam}user/*",), (f"arn:*:iam::*:user/{own}", f"arn:*:iam::*:user/*/{own}")),
        GROUP: Target((f"{iam}group/*",)),
        POLICY: Target((f"{iam}policy/*",), ("arn:*:iam::aws:policy/*",)),
        ROLE: Target((f"{iam}role/*",), kept_back),
        PASSED: Target((f"{iam}role/*",), kept_back),
        ASSUMED: Target(("arn:*:iam::*:role/*",), kept_back),
        OWN_DOCUMENT: Target(
            ("arn:*:ssm:*:*:document/*",), ("arn:*:ssm:*:*:document/AWS*", "arn:*:ssm:*:*:document/Amazon*")
        ),
    }


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
