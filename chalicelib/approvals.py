"""Who may decide, and when a quorum stands. Every door ends here, and a writer asks again before its first call.

Identity is never a name that somebody typed: it is the account and role that AWS authenticated, resolved through
governance/approvers.yaml. A role is one person whatever its session name says, except Identity Center roles,
which the file must name with their exact session. Nobody who caused a change decides about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import Json, Principal

if TYPE_CHECKING:
    from .runbooks import Approval as Requirement

IDENTITY_CENTER = "AWSReservedSSO_"
SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated AWS identity: `kind` is `role` or `user`, `session` that of the role session."""

    account: str
    kind: str
    name: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    groups: tuple[str, ...]
    identities: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word on one plan digest. `about` is `apply` or `undo`; `given` is approve, reject or revoke."""

    person: str
    plan: str
    about: str
    given: str
    at: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Quorum:
    """Whether enough eligible people consented. `reasons` says who counts, who does not, and what is missing."""

    stands: bool
    counted: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether one person may decide, with the reason when not."""

    person: Person | None
    refusal: str = ""


def people_from(document: Mapping[str, Json]) -> tuple[Person, ...]:
    """The people of the validated approvers document, sorted by id. An empty one means that nobody can decide."""
    return tuple(
        Person(id_, p.get("name", id_), tuple(p["groups"]), tuple(_identity(i) for i in p.get("iam", ())))
        for id_, p in sorted(document.get("people", {}).items())
    )


def identity_of_arn(arn: str) -> Identity | None:
    """The identity behind a caller's ARN (`requestContext.identity.userArn`), or None for anything but IAM's."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] not in ("sts", "iam"):
        return None
    kind, _, rest = parts[5].partition("/")
    if kind == "assumed-role":
        name, _, session = rest.partition("/")
        return Identity(parts[4], "role", name, session) if name and session else None
    if kind in ("user", "role") and rest:
        return Identity(parts[4], kind, rest.rsplit("/", 1)[-1])
    return None


def identity_of(principal: Principal) -> Identity | None:
    """The identity of the one who made a change, from CloudTrail's words about it."""
    found = identity_of_arn(principal.arn)
    if found is None:
        return None
    return Identity(found.account, found.kind, found.name, principal.session)


def person_of(people: Iterable[Person], identity: Identity | None) -> Person | None:
    """The person whom the approvers file gives this identity, or None."""
    if identity is None:
        return None
    return next((p for p in people if any(_is_same(listed, identity) for listed in p.identities)), None)


def may_decide(people: Sequence[Person], identity: Identity | None, causers: Sequence[Principal]) -> Ruling:
    """May this identity decide (approve, reject, undo, snooze, suppress) about a change by `causers`?"""
    if not people:
        return Ruling(None, "nobody can decide: the list of approvers is empty or could not be read")
    person = person_of(people, identity)
    if person is None:
        return Ruling(None, f"{_named(identity)} is not listed in governance/approvers.yaml")
    if person.id in causers_known(people, causers) or _caused(identity, causers):
        return Ruling(None, f"{person.name} caused this change, and nobody who did decides about it")
    return Ruling(person)


def causers_known(people: Sequence[Person], causers: Sequence[Principal]) -> frozenset[str]:
    """The ids of the people among those who caused a change."""
    found = (person_of(people, identity_of(c)) for c in causers)
    return frozenset(p.id for p in found if p)


def eligible_groups(
    requirement: Requirement, causers: Sequence[Principal], people: Sequence[Person]
) -> tuple[str, ...]:
    """The groups of which one each must consent: the runbook's, and security when a causer is unknown."""
    unknown = not causers or any(person_of(people, identity_of(c)) is None for c in causers)
    extra = (SECURITY,) if unknown and SECURITY not in requirement.groups else ()
    return requirement.groups + extra


def quorum(
    people: Sequence[Person],
    approvals: Iterable[Approval],
    requirement: Requirement,
    causers: Sequence[Principal],
    plan: str,
    about: str = "apply",
) -> Quorum:
    """Do the approvals for one plan digest suffice? Judged from the latest word of each listed person alone.

    Undo needs the quorum of the apply and at least one person.
    """
    minimum = max(1, requirement.minimum)
    groups = eligible_groups(requirement, causers, people)
    latest = {a.person: a for a in sorted(approvals, key=lambda a: a.at) if a.plan == plan and a.about == about}
    barred = causers_known(people, causers)
    counted, reasons = [], []
    for person in people:
        word = latest.get(person.id)
        if word is None or word.given != "approve":
            continue
        why_not = _not_counted(person, barred, groups)
        reasons.append(why_not or f"{person.name} approved at {word.at}")
        if not why_not:
            counted.append(person)
    missing = [g for g in groups if not any(g in p.groups for p in counted)]
    reasons.append(f"{len(counted)} of {minimum} people" + (f", still one of: {', '.join(missing)}" if missing else ""))
    return Quorum(len(counted) >= minimum and not missing, tuple(p.id for p in counted), tuple(reasons))


def who_may(people: Sequence[Person], requirement: Requirement, causers: Sequence[Principal]) -> tuple[str, ...]:
    """The names of those whose approval would count, for messages."""
    groups, barred = eligible_groups(requirement, causers, people), causers_known(people, causers)
    return tuple(p.name for p in people if not _not_counted(p, barred, groups))


def _not_counted(person: Person, barred: frozenset[str], groups: tuple[str, ...]) -> str:
    if person.id in barred:
        return f"{person.name} caused this change and does not count"
    if not set(person.groups) & set(groups):
        return f"{person.name} is in none of the groups {', '.join(groups)}"
    return ""


def _caused(identity: Identity | None, causers: Sequence[Principal]) -> bool:
    found = (identity_of(c) for c in causers)
    return identity is not None and any(_may_be(causer, identity) for causer in found if causer)


def _may_be(causer: Identity, identity: Identity) -> bool:
    """A causer whose session nobody recorded may be anybody who shares the role."""
    alike = (causer.account, causer.kind, causer.name) == (identity.account, identity.kind, identity.name)
    return alike and (not causer.session or _is_same(causer, identity))


def _is_same(listed: Identity, other: Identity) -> bool:
    if (listed.account, listed.kind, listed.name) != (other.account, other.kind, other.name):
        return False
    return not listed.name.startswith(IDENTITY_CENTER) or (bool(listed.session) and listed.session == other.session)


def _identity(data: Mapping[str, Json]) -> Identity:
    if "user" in data:
        return Identity(data["account"], "user", data["user"])
    return Identity(data["account"], "role", data["role"], data.get("session", ""))


def _named(identity: Identity | None) -> str:
    return f"{identity.kind} {identity.name} of account {identity.account}" if identity else "this caller"
