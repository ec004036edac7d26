"""One role's policies narrowed by all the evidence there is: the engine of `suture iam narrow`. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from chalicelib.aws.clients import Clients
from chalicelib.aws.last_accessed import report
from chalicelib.errors import CallFailed, Denied
from chalicelib.iam.documents import Document
from chalicelib.iam.evidence import Observed, Window
from chalicelib.iam.fitting import AWS_KIND, CUSTOMER_KIND, INLINE_KIND, NamedDocument
from chalicelib.iam.last_accessed import understood
from chalicelib.iam.narrowing import Proposal, narrowed
from chalicelib.model import Resource
from suture.evidence.arns import Where
from suture.evidence.bucket import Place, read_bucket
from suture.evidence.lake import read_lake
from suture.evidence.package import read_package
from suture.evidence.trail import Reading, Trail

_SHOWN = 5

PATIENCE = 120.0
"""Seconds that IAM's report on what the role used may take; most are done within seconds."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What to look at: files and folders of CloudTrail records, places of such files in buckets, ARNs of event data
    stores, packages with the values of their environment variables, services whose data events the records hold, and
    how many days back."""

    trail: Sequence[Path] = ()
    buckets: Sequence[Place] = ()
    lakes: Sequence[str] = ()
    packages: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    data_events: frozenset[str] = frozenset()
    days: int = 90


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A role's policies as they are, what was observed over which window, and the proposal."""

    role: str
    old: tuple[NamedDocument, ...]
    observed: tuple[Observed, ...]
    window: Window
    proposal: Proposal


def narrow(
    aws: Clients, role: Resource, boundary: Sequence[Document] | None, sources: Sources, now: datetime
) -> Narrowing:
    """The proposal for a role as its reader gives it. What cannot be had is a note."""
    observed: list[Observed] = []
    notes: list[str] = []
    since = (now - timedelta(days=sources.days)).date().isoformat()
    window = Window(since, now.date().isoformat(), sources.days)
    created = str(role.config.get("CreateDate") or "")[:10]
    if created > since:
        notes.append(
            f"The role was made on {created}, so that last-accessed data does not say yet what it never needs."
        )
    else:
        window = _with_last_accessed(aws, role.arn, window, observed, notes)
    covered = [
        *_of_files(aws, sources, role.arn, window, observed, notes),
        *_of_lakes(aws, sources, role.arn, window, now, observed, notes),
    ]
    window = _with_trail(sources, window, covered, notes)
    window = _with_packages(sources, _where(role.arn), window, observed, notes)
    old = tuple(_policies(aws, role, notes))
    window = window._replace(notes=tuple(notes))
    return Narrowing(role.arn, old, tuple(observed), window, narrowed(old, observed, window, boundary))


def _where(role: str) -> Where:
    parts = role.split(":")
    return Where(parts[1], "*", parts[4])


def _with_last_accessed(aws: Clients, role: str, window: Window, observed: list[Observed], notes: list[str]) -> Window:
    try:
        found = understood(report(aws, role, PATIENCE)["ServicesLastAccessed"], window.since)
    except CallFailed as error:
        said = error.what.splitlines() or [type(error).__name__]
        step = "allow iam:GenerateServiceLastAccessedDetails and iam:GetServiceLastAccessedDetails to have it"
        notes.append(f"There is no last-accessed data ({said[0][:160]}); {step}.")
        return window
    observed += found.observed
    return window._replace(idle=found.idle, busy=found.busy, idle_actions=found.idle_actions)


@dataclass(frozen=True, slots=True)
class _Covered:
    """The time of which one source has all of a role's calls, as far as it holds them: dates, and data events of
    which services."""

    since: str
    until: str
    services: frozenset[str]

    @property
    def days(self) -> int:
        return max(1, (date.fromisoformat(self.until) - date.fromisoformat(self.since)).days + 1)


def _of_files(
    aws: Clients, sources: Sources, role: str, window: Window, observed: list[Observed], notes: list[str]
) -> Iterator[_Covered]:
    """Log files, from folders and buckets: together they cover the time from their first record to their last."""
    if not sources.trail and not sources.buckets:
        return
    reading = Reading(role, window.since)
    for path in sources.trail:
        reading.path(path)
    for place in sources.buckets:
        notes += read_bucket(aws, place, reading)
    trail = reading.trail
    observed += trail.observed
    notes += _said_of(trail)
    if not trail.mine:
        notes.append("None of the CloudTrail records is of this role: what it did not call is not known from them.")
    elif trail.unread:
        notes.append(
            "What could not be read may be calls of the role, so that nothing goes for not being in the files."
        )
    else:
        yield _Covered(trail.first[:10], trail.last[:10], frozenset(trail.included))


def _of_lakes(
    aws: Clients,
    sources: Sources,
    role: str,
    window: Window,
    now: datetime,
    observed: list[Observed],
    notes: list[str],
) -> Iterator[_Covered]:
    for store in sources.lakes:
        lake = read_lake(aws, store, role, window.since, now)
        observed += lake.trail.observed
        notes += (*lake.notes, *_problems(lake.trail))
        if not lake.trail.mine:
            notes.append(f"{store} has no call of this role: what it did not call is not known from it.")
        elif lake.management:
            yield _Covered(lake.since, now.date().isoformat(), lake.services)


def _with_trail(sources: Sources, window: Window, covered: Sequence[_Covered], notes: list[str]) -> Window:
    """The window of the source that covers most of what was asked for; an observation of any source counts."""
    if not covered:
        return window
    best = max(covered, key=lambda c: c.days)
    if best.days < window.days:
        notes.append(f"The CloudTrail records are of {best.days} days only, and {window.days} were asked for.")
        window = window._replace(since=best.since, until=best.until, days=best.days)
    return window._replace(management=True, data_events=sources.data_events | best.services)


def _said_of(trail: Trail) -> Iterable[str]:
    regions = ", ".join(sorted(filter(None, trail.regions))) or "no region"
    counted = f"CloudTrail: {_count(trail.records, 'record')}, {trail.mine:,} of this role"
    yield f"{counted}; calls in other regions than {regions} are not in them."
    if trail.refused:
        yield f"AWS refused {_count(trail.refused, 'call')} of the role; they count for nothing."
    yield from _problems(trail)
    if trail.data:
        yield (
            f"There are data events of {', '.join(sorted(trail.data))}; whether they are of all resources nobody can "
            "tell from them: say --data-events SERVICE where they are, and what was not seen will go."
        )


def _problems(trail: Trail) -> Iterable[str]:
    if trail.problems:
        shown = "; ".join(trail.problems[:_SHOWN])
        yield f"{_count(len(trail.problems), 'piece')} of the CloudTrail records could not be read: {shown}."


def _with_packages(
    sources: Sources, where: Where, window: Window, observed: list[Observed], notes: list[str]
) -> Window:
    if not sources.packages:
        return window
    blind: dict[str, str] = {}
    for path in sources.packages:
        found = read_package(path, where, sources.environment)
        observed += found.observed
        blind |= found.blind
        notes.append(
            f"{path.name}: {_count(found.files, 'source file')} read, {_count(len(found.observed), 'AWS call')} found."
        )
        if not found.files:
            blind.setdefault("*", f"{path.name} has no Python, JavaScript or TypeScript")
        for name, why in list(found.unread.items())[:_SHOWN]:
            notes.append(f"Not read: {name}: {why}.")
        if len(found.unread) > _SHOWN:
            notes.append(f"Not read: {len(found.unread) - _SHOWN:,} more files.")
        if found.native:
            notes.append(
                f"{len(found.native):,} native libraries ({found.native[0]}, …) are taken to make no AWS calls."
            )
    notes += [f"Calls of {'any service' if s == '*' else s} may be hidden: {why}." for s, why in sorted(blind.items())]
    return window._replace(package=frozenset(blind))


def _policies(aws: Clients, role: Resource, notes: list[str]) -> Iterable[NamedDocument]:
    for policy in role.config["RolePolicyList"]:
        yield NamedDocument(policy["PolicyName"], policy["PolicyDocument"], INLINE_KIND)
    for policy in role.config["AttachedManagedPolicies"]:
        arn = str(policy["PolicyArn"])
        if arn.split(":")[4] == "aws":
            yield NamedDocument(policy["PolicyName"], policy["PolicyDocument"], AWS_KIND, arn)
        else:
            users = _users(aws, arn, notes)
            yield NamedDocument(policy["PolicyName"], policy["PolicyDocument"], CUSTOMER_KIND, arn, users)


def _users(aws: Clients, arn: str, notes: list[str]) -> int:
    """How many roles, users and groups have a policy; more than one where that may not be looked up."""
    try:
        answer = aws.call("iam:ListEntitiesForPolicy", {"PolicyArn": arn})
    except Denied:
        notes.append(f"Who else uses {arn} could not be looked up (iam:ListEntitiesForPolicy), so that it is copied.")
        return 2
    return sum(len(answer.get(k) or ()) for k in ("PolicyRoles", "PolicyUsers", "PolicyGroups"))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
