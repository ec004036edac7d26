"""One message of a writer's queue: check the warrant again, then apply, take back, or end a watch.

A writer trusts nobody's word in the table. What people approved is judged again from the approvals and this
package's own list of approvers; what was decided to be automatic is decided again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import approvals, expressions, governance, planning
from .attention import in_force, stand_ins_of
from .aws import executor, readers
from .aws.deployment import Deployment
from .aws.executor import Hands, MustWait
from .aws.handover import hand_over, tell
from .aws.journal import Started
from .aws.ledger import Entry, place_of
from .aws.operations import is_plumbing, missing_actions
from .aws.verifying import SOMETHING_ELSE
from .cases import TRANSITIONS, Case, moved
from .controls import judge_one
from .deciding import less_accepted, mode_of
from .errors import BadEvent, Conflict, Denied, Escalation, SutureError, Throttled
from .events import look_message
from .logs import log
from .model import Change, Finding, Json, Resource
from .runbooks import Runbook, of_plan
from .times import iso
from .writers import writer_of

_CASE = r"C-[0-9A-F]{10}"

LEASE_MARGIN = 10
"""Seconds by which a lease outlasts its function's timeout; the queue hides a message a little longer than that."""

LONGEST_WAIT = 900
PATIENCE = 8
"""A wait doubles up to that often; so many lost races in a row are no race any more."""


def run(d: Deployment, message: Mapping[str, Json], context: Any, *, again: bool = False) -> None:
    """Do what one message asks for. A case that must wait goes back to the queue with a delay.

    `again` says that the queue delivered this message before: what was done then may not have been told. Nor may what
    was done before a wait: the answer about a case's end may have been lost, and that waits like a throttle. Raises
    BadEvent for a message that nobody of ours sends, and a CallFailed when our own table or queues fail.
    """
    case = _case(d, message)
    if case is None:
        return log("warning", "a message about a case or plan that is no more", case=message.get("case"))
    waits, hands = _waits(message), _hands(d, context)
    try:
        after = _done(d, hands, case)
    except (MustWait, Throttled) as wait:
        return _wait(d, case, message, wait.seconds if isinstance(wait, MustWait) else 20, wait, waits)
    except Conflict as lost:
        if waits >= PATIENCE:
            raise
        return _wait(d, case, message, 5, lost, waits)
    except SutureError as error:
        if is_plumbing(error):
            raise  # our own table, queue or key failed, not the fix: the message comes again, or waits in the DLQ
        after = _escalated(d, hands, case.id, error)
    if after is None and (again or waits):
        after = d.ledger.case(case.id)
    if after is not None:
        log("info", after.state.lower(), case=after.id, control=after.control, where=after.arn, why=after.outcome)
        if after.state == "SUPERSEDED" or after.outcome == SOMETHING_ELSE or _goes_on(after):
            d.queues.send("changes", look_message([_look_again(after)]))
        tell(d, after)
    return None


def _goes_on(after: Case) -> bool:
    """Is a stage done, so that the next one can be planned? Only `watch` plans, from its own read."""
    plan = after.the_plan
    return after.state == "WAITING_OWNER" and plan is not None and bool(plan.stage)


def _case(d: Deployment, message: Mapping[str, Json]) -> Case | None:
    """The case that a message is about, if it still has the plan that the message names."""
    id_, do = message.get("case"), message.get("do")
    if not isinstance(id_, str) or not id_ or do not in ("apply", "undo", "watched"):
        where = id_ if isinstance(id_, str) and re.fullmatch(_CASE, id_) else "a writer's queue"
        raise BadEvent("a message that names no case and no deed", where=where, next_step="look who may send here")
    case = d.ledger.case(id_)
    plan = case.the_plan if case else None
    if case is None or plan is None or (case.plan_digest != message.get("plan") and case.decision != "apply"):
        return None  # an automatic case may have got the same calls in a newer plan, and its state says what to do
    writer = writer_of({c.operation for s in plan.steps for c in (s.call, *s.undo)})
    if d.function not in ("local", d.name_of(writer)):
        what = f"{d.function} may not run {plan.runbook}, {writer} does"
        raise BadEvent(what, where=id_, next_step="look who may send here")
    return case


def _waits(message: Mapping[str, Json]) -> int:
    waits = message.get("waits")
    return waits if type(waits) is int and 0 < waits < 1000 else 0


def _wait(d: Deployment, case: Case, message: Mapping[str, Json], seconds: int, why: SutureError, waits: int) -> None:
    delay = seconds if seconds >= 60 else min(seconds * 2 ** min(waits, PATIENCE), LONGEST_WAIT)
    log("info", "waits", case=case.id, why=why.what, seconds=delay)
    hand_over(d, d.ledger.case(case.id) or case, str(message["do"]), delay, waits + 1)


def _done(d: Deployment, hands: Hands, case: Case) -> Case | None:
    """The case after its next deed, which its state names, or None when there was nothing to do."""
    runbook, params = _runbook(d, case)
    if case.state in ("APPROVED", "APPLYING", "VERIFYING"):
        _check_warrant(d, hands, case, runbook)
        return executor.apply(hands, case, runbook, params)
    if case.state == "UNDOING":
        _check_warrant(d, hands, case, runbook)
        return executor.undo(hands, case, runbook, params)
    if case.state == "WATCHING" and case.until <= iso(d.now()):
        return _watched(d, hands, case, runbook, params)
    log("info", "nothing to do", case=case.id, state=case.state)
    return None


def _check_warrant(d: Deployment, hands: Hands, case: Case, runbook: Runbook) -> None:
    """Why this writer may act on this plan: a quorum that stands, or a decision that is automatic still."""
    if d.is_own(case.resource_id):
        raise Escalation(
            "Suture never writes to its own resources", where=case.arn, next_step="deploy this release again"
        )
    if case.state == "UNDOING":
        why_not = _not_to_undo(d, hands, case, runbook)
    elif case.decision == "apply":
        why_not = _not_automatic(d, case, runbook)
    else:
        why_not = _no_quorum(d, case, runbook, "apply")
    if why_not:
        raise Escalation(
            f"no warrant for this plan: {why_not}", where=case.arn, next_step="look who wrote to the table"
        )


def _not_to_undo(d: Deployment, hands: Hands, case: Case, runbook: Runbook) -> str:
    """Undo is warranted by the journal, where a writer itself decided to take the plan back, or else by people."""
    begun = hands.journal.read(case.id, case.plan_digest)
    return "" if begun and begun.back else _no_quorum(d, case, runbook, "undo")


def _no_quorum(d: Deployment, case: Case, runbook: Runbook, about: str) -> str:
    given = in_force(d.ledger.approvals(case.id), case, runbook.approval.expires)
    people, standing = d.packaged.people, stand_ins_of(d.packaged.pins, case, runbook.approval.expires)
    quorum = approvals.quorum(people, given, runbook.approval, case.principals, case.plan_digest, about, standing)
    return "" if quorum.stands else "; ".join(quorum.reasons)


def _not_automatic(d: Deployment, case: Case, runbook: Runbook) -> str:
    mode, reason = mode_of(d, case.control, case.account, case.arn)
    history = d.ledger.history(place_of(case))
    if mode != "auto":
        return reason
    if runbook.tier != "low" or runbook.reversible != "full":
        return f"{runbook.id} is {runbook.tier} tier, and what it can take back is {runbook.reversible}"
    if not history.seen_without(case.control) or case.control in history.undone:
        return "Suture has not seen this resource without this finding, or a fix of it was undone"
    return ""


def _watched(d: Deployment, hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json]) -> Case:
    """The watch is over: undo when its condition holds, else the case is resolved."""
    resource = readers.read_at(hands.clients, case.region, case.resource_type, case.resource_id)
    condition = runbook.watch.undo_if if runbook.watch else None
    plan = case.the_plan
    if resource is not None and condition and plan is not None:
        roots = planning.bench(case.id, resource, _any_finding(case, resource), runbook, params, hands.key).roots
        if expressions.truth(condition, roots, runbook.uses):
            hands.journal.take_back(plan, f"{condition} holds")
            undoing = moved(case, "UNDOING", hands.time, outcome=f"not verified: {condition} holds")
            case = d.ledger.save(case, undoing, Entry(hands.worker, "the watch says undo", {}))
            return executor.undo(hands, case, runbook, params)
    after = moved(case, "RESOLVED", hands.time, outcome="verified, and its watch is over")
    return d.ledger.save(case, after, Entry(hands.worker, "the watch is over", {}), mark="fixed")


def _any_finding(case: Case, resource: Resource) -> Finding:
    found = judge_one(case.control, resource)
    return found or Finding(case.control, case.severity, case.arn, case.title, ())


def _escalated(d: Deployment, hands: Hands, id_: str, error: SutureError) -> Case | None:
    """Whatever goes wrong for good ends at a person, with its reason, and never in silence."""
    case = d.ledger.case(id_)
    state = "UNDO_FAILED" if case is not None and case.state == "UNDOING" else "ESCALATED"
    if case is None or state not in TRANSITIONS[case.state]:
        raise error
    log("error", "escalated", case=id_, where=case.arn, why=str(error))
    details: dict[str, Json] = {"next": error.next_step}
    if isinstance(error, Denied):
        details["missing"] = missing_actions(error)
    steps = _begun(hands, case)
    done = [s.number for s in steps if s.done]
    details |= {"started": [s.number for s in steps], "done": done}
    applied = case.applied or (iso(d.now()) if done else "")
    after = moved(case, state, iso(d.now()), outcome=error.what, applied=applied)
    return d.ledger.save(case, after, Entry(d.function, error.what, details))


def _begun(hands: Hands, case: Case) -> tuple[Started, ...]:
    """The steps that may have touched AWS, as far as a journal that can be believed tells."""
    try:
        found = hands.journal.read(case.id, case.plan_digest)
    except Escalation:
        return ()
    return found.steps if found else ()


def _runbook(d: Deployment, case: Case) -> tuple[Runbook, Mapping[str, Json]]:
    """The runbook that made the case's plan, with its parameters; a pin that moved does not touch open cases."""
    runbook = of_plan(d.packaged.runbooks, case.the_plan)
    found = governance.pinned(d.packaged.pins, d.packaged.runbooks, case.control, case.account, case.arn)
    if runbook is None or (found is None and case.state != "UNDOING"):
        raise Escalation(f"{case.control} is no longer pinned", where=case.arn, next_step="pin its runbook again")
    return runbook, planning.parameters_of(runbook, found[0].params if found else {}, d.facts)


def _look_again(case: Case) -> Change:
    return Change(case.account, case.region, case.resource_type, case.resource_id, "suture:Recheck", "recheck")


def _hands(d: Deployment, context: Any) -> Hands:
    """The executor's tools for one message; the lease outlasts the function's timeout."""
    left = context.get_remaining_time_in_millis() / 1000
    worker = f"{d.function}/{context.aws_request_id}"
    return Hands(
        clients=d.clients,
        ledger=d.ledger,
        journal=d.journal(worker),
        key=d.fingerprint_key,
        worker=worker,
        lease_seconds=int(left) + LEASE_MARGIN,
        now=d.now,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
        sleep=d.sleep,
        less_accepted=lambda resource, finding: less_accepted(d, resource, finding),
    )
