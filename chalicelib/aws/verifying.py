"""Verification, the same for all: read again until the control is silent and nothing that was silent speaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from .. import planning
from ..cases import Case
from ..errors import CallFailed, Throttled
from ..model import Json, Plan
from ..runbooks import Runbook
from ..times import iso
from .answers import plain
from .hands import Hands, Sight, journalled, move, settled
from .journal import Journalled
from .replanning import replanned, state_of
from .undoing import undone

SOMETHING_ELSE = "its calls took effect; what somebody added meanwhile is another case"


def verified(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], done: Journalled) -> Case:
    """Read until the plan is verified, or until its calls had time to settle; then close the case, or undo."""
    plan = done.plan
    sight, problem = settled(hands, case, plan, lambda seen: _problem(hands, case, runbook, params, done, seen))
    if sight.resource is None:
        return move(hands, case, "RESOLVED", "the resource is gone", {}, mark="released", applied="")
    hands.journal.after(plan, state_of(hands, case, runbook, params, sight))
    if problem:
        hands.journal.take_back(plan, problem)
        case = move(hands, case, "UNDOING", f"not verified: {problem}", {})
        return undone(hands, case, journalled(hands, case), runbook, params)
    if plan.stage:
        what, entry = f"the stage {plan.stage} is verified", {"stage": plan.stage, "at": hands.time, "plan": case.plan}
        facts: dict[str, Json] = {"stages": (*case.stages, entry), "attested": _attested(case, runbook)}
        return move(hands, case, "WAITING_OWNER", what, {"stage": plan.stage}, applied=hands.time, **facts)
    if plan.leaves == "open":
        return move(hands, case, "WAITING_OWNER", "verified; the owner must act next", {}, applied=hands.time)
    if runbook.watch:
        until = iso(hands.now() + timedelta(seconds=runbook.watch.seconds))
        return move(hands, case, "WATCHING", "verified; watching", {"until": until}, until=until, applied=hands.time)
    why = SOMETHING_ELSE if sight.finding(case.control) else "verified by reading the resource again"
    return move(hands, case, "RESOLVED", why, {}, mark="fixed", applied=hands.time)


def _attested(case: Case, runbook: Runbook) -> dict[str, Json]:
    """What people attested, less what they said of stages after this one: that was about what stood before it."""
    later = {stage.name for stage in runbook.stages[runbook.number :]}
    return {name: word for name, word in case.attested.items() if name not in later}


def _is_another(again: Plan | planning.Refusal, plan: Plan) -> bool:
    """Does the control speak for a reason that came since? Then none of the plan's calls would be made again."""
    ours = [s.call for s in plan.steps]
    return isinstance(again, Plan) and not any(s.call in ours for s in again.steps)


def _problem(
    hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], done: Journalled, sight: Sight
) -> str:
    """Why a read does not yet verify the plan, as a sentence; empty when it does."""
    if sight.resource is None:
        return ""
    new = sight.broken - done.broken
    if new:
        return f"{', '.join(sorted(new))} holds no longer, and did before"
    if runbook.stage:
        return _undone_stage(hands, case, runbook, params, done, sight)
    finding = sight.finding(case.control)
    if finding is None:
        return ""
    if done.plan.leaves == "closed":
        again = planning.plan(case.id, sight.resource, finding, runbook, params, hands.key)
        return "" if _is_another(again, done.plan) else f"{case.control} still speaks: {finding.title}"
    at = planning.bench(case.id, sight.resource, finding, runbook, params, hands.key)
    for call, holds in planning.checks(at):
        try:
            if not holds(plain(hands.clients.call(call.operation, call.parameters))):
                return f"{call.operation} does not answer as expected"
        except Throttled:
            raise
        except CallFailed as error:
            return error.what
    return ""


def _undone_stage(
    hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], done: Journalled, sight: Sight
) -> str:
    """A stage took effect when planning it again finds none of its calls to make; others' part may still be open."""
    again = replanned(hands, case, runbook, params, sight)
    if isinstance(again.plan, planning.Refusal):
        return again.plan.why
    wanted = again.wants(done.plan)
    return f"{done.plan.steps[wanted[0]].call.operation} had no effect" if wanted else ""
