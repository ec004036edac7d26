"""What a writer works with on one case: fresh sight, a lease, a journal, and the last gates before every write."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .. import planning, redaction
from ..cases import Case, moved
from ..controls import judge
from ..errors import CallFailed, Conflict, Escalation, Invalid, SutureError
from ..logs import log
from ..model import Call, Finding, Json, Plan, Resource
from ..stores import fetching, value_in
from ..times import iso, moment
from . import readers
from .clients import Clients
from .journal import Journal, Journalled
from .ledger import Entry, Ledger, place_of
from .operations import OPERATIONS, operation

CALL_SECONDS = 30
"""No call starts with less of the function's time left: it could be cut off before its answer is journalled."""


class MustWait(SutureError):
    """Not now: the message goes back with a delay of `seconds`, and that counts as no failure."""

    def __init__(self, what: str, seconds: int) -> None:
        super().__init__(what)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Hands:
    """What the executor works with. `now` gives the time, `remaining` the function's seconds, `sleep` waits;
    `less_accepted` gives a finding without the values that somebody accepted, or None: as detection sees it.
    """

    clients: Clients
    ledger: Ledger
    journal: Journal
    key: planning.Key
    worker: str
    lease_seconds: int
    now: Callable[[], datetime]
    remaining: Callable[[], float]
    sleep: Callable[[float], None]
    less_accepted: Callable[[Resource, Finding], Finding | None]

    @property
    def time(self) -> str:
        return iso(self.now())


@dataclass(frozen=True, slots=True)
class Sight:
    """One fresh read: the resource, or None when it is gone, and every finding on it."""

    resource: Resource | None
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> frozenset[str]:
        return frozenset(f.control for f in self.findings)

    def finding(self, control: str) -> Finding | None:
        return next((f for f in self.findings if f.control == control), None)


def look(hands: Hands, case: Case) -> Sight:
    """Read and judge the resource of a case, as detection does. Raises a CallFailed."""
    resource = readers.read_at(hands.clients, case.region, case.resource_type, case.resource_id)
    found = (hands.less_accepted(resource, f) for f in judge(resource)) if resource else ()
    return Sight(resource, tuple(f for f in found if f is not None))


def settled(hands: Hands, case: Case, plan: Plan, problem: Callable[[Sight], str]) -> tuple[Sight, str]:
    """Read again, with growing pauses, until there is no problem or the calls' settling time is over.

    Raises MustWait when the function's own time is over first: "not yet" is not "failed". What is verified again after
    that settles since its calls were made, not since this delivery: some calls take longer than a function has.
    """
    seconds = max(OPERATIONS[c.operation].settle for s in plan.steps for c in (s.call, *s.undo))
    made = moment(case.applied) if case.state == "VERIFYING" and case.applied else hands.now()
    deadline, pause = made + timedelta(seconds=seconds), 0.1
    while True:
        sight = look(hands, case)
        why = problem(sight)
        if not why or hands.now() >= deadline:
            return sight, why
        if hands.remaining() < CALL_SECONDS:
            raise MustWait("too little of the function's time is left to see the calls settle", 5)
        hands.sleep(pause)
        pause = min(pause * 2, 5) * (1 + random.random() / 10)


def current(hands: Hands, case: Case) -> Case:
    """The case as it stands under the lease. Raises Conflict when another worker took it further."""
    now = hands.ledger.case(case.id)
    if now is None or (now.state, now.plan_digest) != (case.state, case.plan_digest):
        raise Conflict(f"case {case.id} moved meanwhile", where=case.arn, next_step="read it again")
    return now


def journalled(hands: Hands, case: Case) -> Journalled:
    """What the journal holds of the case's plan. Raises Escalation where it holds nothing."""
    found = hands.journal.read(case.id, case.plan_digest)
    if found is None:
        raise Escalation(f"the journal of case {case.id} is missing", where=case.arn, next_step="look by hand")
    return found


def move(
    hands: Hands, case: Case, state: str, what: str, details: Mapping[str, Json], mark: str = "", **changes: Json
) -> Case:
    """Move a case, with its record. Raises Conflict when it is no longer in the state that was read.

    Detection may add causers at any time; as long as state and plan are the same, the move holds all the same.
    """
    for _ in range(3):
        after = moved(case, state, hands.time, **{"outcome": what, **changes})
        try:
            return hands.ledger.save(case, after, Entry(hands.worker, what, details), mark=mark)
        except Conflict:
            now = current(hands, case)
            if now.version == case.version:
                raise
            case = now
    raise Conflict(f"case {case.id} moved three times", where=case.arn, next_step="read it again")


def may_write(hands: Hands, case: Case, plan: Plan) -> None:
    """The last gate before every write: the kill switches, and time enough to see the call end."""
    if why := hands.journal.why_paused(case.account, case.control, plan.runbook):
        raise MustWait(why, 60)
    if hands.remaining() < CALL_SECONDS:
        raise MustWait("too little of the function's time is left for another call", 5)


def called(hands: Hands, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
    """Make one write; what it would remove not being there is success. Answers with what may be kept of the answer."""
    entry = operation(name)
    forbidden = sorted(set(parameters) & set(entry.never))
    if entry.kind != "write" or forbidden:
        raise Invalid(f"{name} may not be called with {', '.join(forbidden) or 'a plan'}", operation=name)
    lacking = sorted(set(entry.needs) - set(parameters))
    if lacking:
        raise Invalid(f"{name} may not be called without {', '.join(lacking)}", operation=name)
    try:
        answer = hands.clients.call(name, parameters)
    except CallFailed as error:
        if error.code in entry.absent:
            return {"absent": True}
        raise
    return {k: v for k, v in answer.items() if k in ("ARN", "Name", "VersionId")}


def fetched(hands: Hands, secret: Mapping[str, Json]) -> str:
    """The value of a secret that Suture stored, for a late value. Raises a CallFailed."""
    name, asked = fetching(secret)
    return value_in(hands.clients.call(name, asked))


class Lease:
    """One worker a resource: taken before the first read, given back at the end, outliving a crash by its time.

    A plan that writes to another resource too has the lease on that as well: all of them, or none.
    """

    def __init__(self, hands: Hands, case: Case) -> None:
        plan = case.the_plan
        self._hands, self._keys = hands, (lease_key(case), *(plan.holds if plan else ()))
        self._taken: list[str] = []

    def __enter__(self) -> None:
        until = iso(self._hands.now() + timedelta(seconds=self._hands.lease_seconds))
        for key in self._keys:
            try:
                self._hands.journal.take_lease(key, self._hands.time, until)
            except Conflict as error:
                self.__exit__()
                raise MustWait("another worker is at this resource", 10) from error
            self._taken.append(key)

    def __exit__(self, *_: object) -> None:
        for key in self._taken:
            try:
                self._hands.journal.release_lease(key)
            except CallFailed as error:
                log("warning", "a lease was not given back; it ends by itself", where=key, why=error.what)


def lease_key(case: Case) -> str:
    """What a writer locks: the object itself, under whatever type a case reads it."""
    return replace(place_of(case), resource_type=readers.object_of(case.resource_type)).key


def names(calls: Iterable[Call]) -> list[str]:
    """Calls as lines for a record."""
    return [f"{c.operation} {redaction.safe_text(str(c.parameters))}" for c in calls]
