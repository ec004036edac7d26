"""Who may decide, and when a quorum stands. Every door ends here, and a writer asks again before its first call.

Identity is never a name that somebody typed: it is what a door authenticated (the account and role that AWS names,
Slack's team and user, Entra's tenant and object, OIDC's issuer and subject), resolved through
governance/approvers.yaml. A role is one person whatever its session name says, except Identity Center roles,
which the file must name with their exact session. Nobody who caused a change decides about it, through any door.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import Json, Principal

if TYPE_CHECKING:
    from .attention import StandIns
    from .runbooks import Approval as Requirement

IDENTITY_CENTER = "AWSReservedSSO_"
SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated identity. AWS's have kind `role` or `user`, an account, and perhaps the role's session.

    In `account` and `name` stand team and user for `slack`, tenant and object for `entra`, issuer and subject for
    `oidc`. Kinds never equal one another, whatever their names are.
    """

    account: str
    kind: str
    name: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may decide. `sources` are the values of sts:SourceIdentity that stand for this person: they bar
    a causer from deciding, and prove nothing, since a role's trust policy says who may set them.
    """

    id: str
    name: str
    groups: tuple[str, ...]
    identities: tuple[Identity, ...]
    sources: tuple[str, ...] = ()


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
    """Whether enough eligible people consented. `reasons` says who counts, who does not, and what is missing, `missing`
    names the groups of which nobody has yet.
    """

    stands: bool
    counted: tuple[str, ...]
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether one person may decide, with the reason when not."""

    person: Person | None
    refusal: str = ""


def people_from(document: Mapping[str, Json]) -> tuple[Person, ...]:
    """The people of the validated approvers document, sorted by id. An empty one means that nobody can decide."""
    return tuple(
        Person(id_, p.get("name", id_), tuple(p["groups"]), tuple(_identities(p)), tuple(p.get("source_identity", ())))
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
    """The ids of the people among those who caused a change, by their identity or by their source identity."""
    found = (person_of(people, identity_of(c)) for c in causers)
    sources = {c.source_identity for c in causers} - {""}
    by_source = (p for p in people if sources & {*p.sources, *(i.session for i in p.identities)})
    return frozenset(p.id for p in (*found, *by_source) if p)


def eligible_groups(
    requirement: Requirement, causers: Sequence[Principal], people: Sequence[Person]
) -> tuple[str, ...]:
    """The groups of which one each must consent: the runbook's, and security when a causer is unknown."""
    is_asked = causers_are_known(people, causers) or SECURITY in requirement.groups
    return requirement.groups if is_asked else (*requirement.groups, SECURITY)


def causers_are_known(people: Sequence[Person], causers: Sequence[Principal]) -> bool:
    """Is each causer somebody listed? A source identity makes nobody known: whoever assumes a role may choose it."""
    return bool(causers) and all(person_of(people, identity_of(c)) for c in causers)


def quorum(
    people: Sequence[Person],
    approvals: Iterable[Approval],
    requirement: Requirement,
    causers: Sequence[Principal],
    plan: str,
    about: str = "apply",
    stand_ins: StandIns = lambda at: (),
) -> Quorum:
    """Do the approvals for one plan digest suffice? Judged from the latest word of each listed person alone.

    Undo needs the quorum of the apply and at least one person. Who stands in for a group at the time of their word
    counts for one group of which nobody answered, but never for security.
    """
    minimum = max(1, requirement.minimum)
    groups = eligible_groups(requirement, causers, people)
    latest = {a.person: a for a in sorted(approvals, key=lambda a: a.at) if a.plan == plan and a.about == about}
    barred = causers_known(people, causers)
    counted, reasons, standing = [], [], 0
    for person in people:
        word = latest.get(person.id)
        if word is None or word.given != "approve":
            continue
        why_not = _not_counted(person, barred, (*groups, *stand_ins(word.at)))
        standing += not why_not and not set(person.groups) & set(groups)
        reasons.append(why_not or f"{person.name} approved at {word.at}")
        if not why_not:
            counted.append(person)
    missing = [g for g in groups if not any(g in p.groups for p in counted)]
    missing = [g for g in missing if g == SECURITY] + [g for g in missing if g != SECURITY][standing:]
    reasons.append(f"{len(counted)} of {minimum} people" + (f", still one of: {', '.join(missing)}" if missing else ""))
    stands = len(counted) >= minimum and not missing
    return Quorum(stands, tuple(p.id for p in counted), tuple(reasons), tuple(missing))


def who_may(
    people: Sequence[Person], requirement: Requirement, causers: Sequence[Principal], stand_ins: Sequence[str] = ()
) -> tuple[str, ...]:
    """The names of those whose approval would count, with the groups that stand in now, for messages."""
    groups = (*eligible_groups(requirement, causers, people), *stand_ins)
    barred = causers_known(people, causers)
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


def _identities(person: Mapping[str, Json]) -> Iterator[Identity]:
    for kind, realm, name in OTHER_IDENTITIES:
        yield from (Identity(i[realm], kind, i[name]) for i in person.get(kind, ()))
    for i in person.get("iam", ()):
        is_user = "user" in i
        yield Identity(i["account"], "user", i["user"]) if is_user else _role(i)


OTHER_IDENTITIES = (("slack", "team", "user"), ("entra", "tenant", "object"), ("oidc", "issuer", "subject"))
"""Kinds of identity besides AWS's: the key in approvers.yaml, and its two parts."""


def _role(data: Mapping[str, Json]) -> Identity:
    return Identity(data["account"], "role", data["role"], data.get("session", ""))


def _named(identity: Identity | None) -> str:
    if identity is None:
        return "this caller"
    realm = next((realm for kind, realm, _ in OTHER_IDENTITIES if kind == identity.kind), "account")
    named = f"{identity.kind} {identity.name}" if realm == "account" else f"{identity.kind} identity {identity.name}"
    return f"{named} of {realm} {identity.account}"
