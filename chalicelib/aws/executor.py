"""The executor: the only code that writes to customers' resources, and only the calls of one approved plan.

Told in its order: take the lease, read again, judge again, plan again and compare digests; journal, call, verify by
reading; or take everything back. A retry that finds a step started but not done looks before it does anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import planning, redaction
from ..cases import Case, moved
from ..errors import Busy, CallFailed, Denied, Escalation, Invalid, SutureError, Throttled
from ..model import Json, Plan
from ..runbooks import Runbook
from .hands import (
    Hands,
    Lease,
    MustWait,
    Sight,
    called,
    current,
    fetched,
    journalled,
    lease_key,
    look,
    may_write,
    move,
)
from .journal import Journalled
from .ledger import Entry
from .operations import missing_actions, operation
from .replanning import Again, replanned, state_of
from .undoing import undone
from .verifying import verified

__all__ = ["Hands", "MustWait", "apply", "undo"]


def apply(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json]) -> Case:
    """Carry out the approved plan of `case` (APPROVED, or interrupted in APPLYING or VERIFYING) under a lease.

    Answers with the case as it then stands. Raises MustWait, and Conflict when another worker took it further.
    """
    with Lease(hands, case):
        case = current(hands, case)
        if case.state == "VERIFYING":
            return verified(hands, case, runbook, params, journalled(hands, case))
        sight = look(hands, case)
        begun = hands.journal.read(case.id, case.plan_digest) if case.state == "APPLYING" else None
        if begun is not None and begun.steps:
            return _resumed(hands, case, runbook, params, begun, sight)
        again = replanned(hands, case, runbook, params, sight)
        plan = again.plan
        if plan is None and not runbook.stage:
            return _healed(hands, case, sight)
        if not isinstance(plan, Plan):
            return _superseded(hands, case, plan)
        if plan.digest != case.plan_digest:
            if not _has_same_calls(case, plan):
                return _superseded(hands, case, plan)
            case = _renewed(hands, case, plan)
        return _fresh(hands, case, runbook, params, again, sight)


def undo(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json]) -> Case:
    """Take back the applied plan of `case` (UNDOING), from the journal alone. Answers with UNDONE or UNDO_FAILED."""
    with Lease(hands, case):
        case = current(hands, case)
        return undone(hands, case, journalled(hands, case), runbook, params)


def _fresh(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], again: Again, sight: Sight) -> Case:
    plan = again.plan
    assert sight.resource is not None and isinstance(plan, Plan)
    may_write(hands, case, plan)
    state = redaction.shown(sight.resource.config, hands.key)
    hands.journal.begin(plan, state, sight.broken, lease_key(case), hands.time)
    if case.state == "APPROVED":
        case = move(hands, case, "APPLYING", "began to apply the plan", {"plan": plan.digest})
    numbers = tuple(range(len(plan.steps)))
    return _carried_out(hands, case, runbook, params, plan, numbers, again.at)


def _resumed(
    hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], begun: Journalled, sight: Sight
) -> Case:
    """Go on after a crash: what was done stays done, what was started is looked at, the rest is called."""
    plan = begun.plan
    done = {s.number for s in begun.steps if s.done}
    known = [s.call for s in plan.steps]
    again = replanned(hands, case, runbook, params, sight)
    wanted = [s.call for s in again.plan.steps] if isinstance(again.plan, Plan) else []
    if isinstance(again.plan, planning.Refusal) or any(call not in known for call in wanted):
        changed = Invalid("somebody changed the resource while the plan was being applied")
        return _failed(hands, case, runbook, params, plan, changed)
    for step in begun.steps:
        if not step.done and known[step.number] not in wanted:
            hands.journal.finish(plan, step.number, {"observed": True})
    left = tuple(n for n, call in enumerate(known) if n not in done and call in wanted)
    started = frozenset(s.number for s in begun.steps)
    return _carried_out(hands, case, runbook, params, plan, left, again.at, started)


def _carried_out(
    hands: Hands,
    case: Case,
    runbook: Runbook,
    params: Mapping[str, Json],
    plan: Plan,
    numbers: tuple[int, ...],
    at: planning.Bench | None,
    begun: frozenset[int] = frozenset(),
) -> Case:
    """Make the calls of these steps, and verify; or say what failed. `begun` are steps that may have been made."""
    for number in numbers:
        assert at is not None
        error = _made(hands, case, plan, number, at, number in begun)
        if error:
            return _failed(hands, case, runbook, params, plan, error)
    what, calls = "made every call; reading the resource again", {"calls": len(plan.steps)}
    case = move(hands, case, "VERIFYING", what, calls, applied=hands.time)
    return verified(hands, case, runbook, params, journalled(hands, case))


def _made(hands: Hands, case: Case, plan: Plan, number: int, at: planning.Bench, is_repeat: bool) -> SutureError | None:
    """Make the call of one step between its two journal records; answers with what failed for good.

    Where the call may have been made before, finding there what it would make is its success; a verifying read has
    the last word.
    """
    call = plan.steps[number].call
    may_write(hands, case, plan)
    try:
        parameters = planning.late_values(call.parameters, at, lambda secret: fetched(hands, secret))
    except Escalation as error:
        return error
    hands.journal.start(plan, number, lease_key(case), hands.time)
    try:
        answer: Mapping[str, Json] = called(hands, call.operation, parameters)
    except (Busy, Throttled) as error:
        raise MustWait(error.what, 15) from error
    except CallFailed as error:
        if not is_repeat or error.code not in operation(call.operation).exists:
            return error
        answer = {"observed": True}
    hands.journal.finish(plan, number, answer)
    return None


def _failed(
    hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], plan: Plan, error: SutureError
) -> Case:
    """Take back what was done where that is safe by itself, else say which step is open and let people ask for undo."""
    sight = look(hands, case)
    if sight.resource is None:
        return _healed(hands, case, sight)
    begun = journalled(hands, case)
    touched = [s.number for s in begun.steps]
    facts: dict[str, Json] = {
        "error": error.what,
        "started": touched,
        "done": [s.number for s in begun.steps if s.done],
    }
    if isinstance(error, Denied):
        facts |= {"missing": missing_actions(error), "next": error.next_step}
    why, is_touched = f"a call failed: {error.what}", any(s.done for s in begun.steps)
    if is_touched and isinstance(error, CallFailed) and error.operation:
        hands.journal.after(plan, state_of(hands, case, runbook, params, sight))
        if plan.tier == "low":
            hands.journal.take_back(plan, why)
            what = f"a call failed, so the others are taken back: {error.what}"
            case = move(hands, case, "UNDOING", what, facts, applied=hands.time)
            return undone(hands, case, journalled(hands, case), runbook, params)
    applied = hands.time if is_touched else ""
    return move(hands, case, "ESCALATED", why, facts, outcome=error.what, applied=applied)


def _healed(hands: Hands, case: Case, sight: Sight) -> Case:
    if case.is_led:
        return move(hands, case, "SUPERSEDED", "the resource is gone", {})
    why = "the resource is gone" if sight.resource is None else "the control holds again, without us"
    return move(hands, case, "RESOLVED", why, {}, mark="released")


def _has_same_calls(case: Case, plan: Plan) -> bool:
    """May an automatic case go on with a newer plan? Only with the very same calls, and before the first of them.

    Whoever changes something else on a resource again and again must not keep its hole open. What a person approved
    is bound to the state that they saw, and never goes on so.
    """
    old = case.the_plan
    is_automatic = case.decision == "apply" and case.state == "APPROVED"
    return is_automatic and old is not None and [s.as_json() for s in old.steps] == [s.as_json() for s in plan.steps]


def _renewed(hands: Hands, case: Case, plan: Plan) -> Case:
    """The case with the plan of a fresh read, decided again and recorded as such."""
    what = "the resource changed; the same calls remain"
    old = moved(case, "SUPERSEDED", hands.time, outcome=what)
    new = moved(old, "PLANNED", hands.time, plan={**plan.as_json(), "notes": list(case.notes)})
    again = moved(new, "APPROVED", hands.time, outcome="approved by the pinned mode auto")
    digests = {"old_plan": case.plan_digest, "plan": plan.digest}
    return hands.ledger.advance(case, [(step, Entry(hands.worker, what, digests)) for step in (old, new, again)])


def _superseded(hands: Hands, case: Case, plan: Plan | planning.Refusal | None) -> Case:
    changed = "the resource changed since the plan was made" if plan else "what this stage does was done meanwhile"
    why = plan.why if isinstance(plan, planning.Refusal) else changed
    return move(hands, case, "SUPERSEDED", why, {"approved": case.plan_digest})
