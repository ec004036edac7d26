"""The sweep: the real guarantee, since events are delivered at best effort.

Every few minutes it expires approvals that nobody gave, ends watches, wakes what a crash interrupted, and says aloud
when a suppression is over. Once an hour it sends every resource of the types we judge to `changes`, less often where a
reader says so, and with them what has an open case: a list does not tell of what is gone. Once a day it anchors the
records, and once an hour it asks whether events are heard at all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from . import defending
from .attention import asked_at, attention_of
from .aws import anchoring, readers
from .aws.deployment import Deployment
from .aws.handover import hand_over, tell
from .aws.ledger import Entry
from .aws.switches import pauses
from .cases import TRANSITIONS, Case, moved, noted
from .controls import all_controls
from .errors import CallFailed, Conflict, SutureError
from .events import home_region, look_message
from .logs import log
from .model import Change, Json
from .pausing import WAITING, waits
from .times import iso

BATCH = 5
"""Resources a message: SQS hands `watch` many messages at once, and each resource costs several calls."""

STUCK = timedelta(minutes=10)
"""A writer's lease is over by then, so a case that has not moved for so long was interrupted."""


def sweep(d: Deployment) -> None:
    """One sweep of this deployment's account and region; what fails for one case keeps no other from its turn."""
    _each(d, ("PENDING",), _expire)
    off = pauses(d.ledger.table)
    _each(d, WAITING, lambda d, case: None if waits(off, case) else _wake(d, case))
    _each(d, ("WATCHING",), _end_watch)
    _each(d, ("SUPPRESSED",), _end_suppression)
    anchoring.anchor(d)
    _listen(d)
    now = d.now()
    hour = now.strftime("%Y-%m-%dT%H")
    if not d.ledger.counted("sweep", hour):
        cases = _open(d)
        for resource_type in sorted({c.resource_type for c in all_controls().values()}):
            _send_all(d, resource_type, cases.get(resource_type, set()))
        d.ledger.count("sweep", hour, int(now.timestamp()) + 7200)


def _listen(d: Deployment) -> None:
    try:
        defending.listen(d)
    except SutureError as error:
        log("error", "the sweep could not ask whether events are heard", why=str(error))


def _each(d: Deployment, states: tuple[str, ...], work: Callable[[Deployment, Case], None]) -> None:
    for case in d.ledger.cases(*states):
        try:
            work(d, case)
        except SutureError as error:
            log("error", "the sweep failed for a case", case=case.id, where=case.arn, why=str(error))


def _open(d: Deployment) -> dict[str, set[str]]:
    """The resources of this deployment that have an open case, by their type."""
    found: dict[str, set[str]] = {}
    for case in d.ledger.cases(*(state for state in TRANSITIONS if state != "RESOLVED")):
        if (case.account, case.region) == (d.account, d.home(case.resource_type)):
            found.setdefault(case.resource_type, set()).add(case.resource_id)
    return found


def _send_all(d: Deployment, resource_type: str, besides: set[str]) -> None:
    hour = int(d.now().timestamp()) // 3600
    try:
        ids = dict.fromkeys((*readers.list_ids(d.clients, resource_type), *sorted(besides)))
    except CallFailed as error:
        return log("error", "could not look everywhere", where=resource_type, why=error.what)
    found = [_change(d, resource_type, id_) for id_ in ids if readers.is_due(resource_type, id_, hour)]
    for start in range(0, len(found), BATCH):
        d.queues.send("changes", look_message(found[start : start + BATCH]))
    log("info", "swept", where=resource_type, found=len(found))
    return None


def _change(d: Deployment, resource_type: str, id_: str) -> Change:
    region = home_region(resource_type, d.region)
    return Change(d.account, region, resource_type, id_, "suture:Sweep", "sweep", time=iso(d.now()))


def _expire(d: Deployment, case: Case) -> None:
    """Approvals that nobody gave in time expire: that is neither consent nor refusal."""
    if case.expires and case.expires <= iso(d.now()):
        _move(d, case, "EXPIRED", "nobody decided in time")
    else:
        _ask_again(d, case)


def _ask_again(d: Deployment, case: Case) -> None:
    """What the pin says about people who do not answer: remind them, and go on to the next group."""
    plan = case.the_plan
    runbook = d.packaged.runbooks.get(f"{plan.runbook}/{plan.version}") if plan else None
    if plan is None or runbook is None or not case.expires:
        return None
    held = attention_of(d.packaged.pins, case)
    asked, now = asked_at(case.expires, runbook.approval.expires), d.now()
    if held.is_late(asked, now) and not case.escalated:
        why = f"nobody decided in time: {', '.join(held.to)} may decide now too"
        return _nudge(d, case, why, escalated=", ".join(held.to))
    if reminders := held.due(asked, now, case.reminded):
        _nudge(d, case, "still waits for a decision", reminded=reminders)
    return None


def _nudge(d: Deployment, case: Case, why: str, **facts: Json) -> None:
    """On the record, so that nobody is nudged twice, and to everybody who may decide."""
    after = noted(case, iso(d.now()), **facts)
    d.ledger.save(case, after, Entry("sweep", why, {}))
    d.queues.send("notices", {"suture": "notice", "case": case.id, "version": after.version, "remind": why})


def _wake(d: Deployment, case: Case) -> None:
    """Hand over again what was approved or begun and did not move since: its message was lost, or its worker died."""
    if case.updated <= iso(d.now() - STUCK):
        log("warning", "woken", case=case.id, state=case.state)
        hand_over(d, case, "undo" if case.state == "UNDOING" else "apply")


def _end_watch(d: Deployment, case: Case) -> None:
    if case.until <= iso(d.now()):
        hand_over(d, case, "watched")


def _end_suppression(d: Deployment, case: Case) -> None:
    """Say it; what this sweep sends to `changes` is looked at then, and a finding that is still there is open again."""
    if case.until and case.until <= iso(d.now()):
        log("warning", "a suppression is over", case=case.id, where=case.arn, until=case.until)


def _move(d: Deployment, case: Case, state: str, why: str) -> None:
    after = moved(case, state, iso(d.now()), outcome=why)
    try:
        d.ledger.save(case, after, Entry("sweep", why, {}))
    except Conflict:
        return log("info", "a case moved meanwhile", case=case.id)
    log("info", state.lower(), case=case.id, why=why)
    tell(d, after)
    return None
