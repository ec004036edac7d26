"""Undo: the plan's own undo calls, from the journal alone, unless somebody changed the resource since; verified too."""

from __future__ import annotations

from collections.abc import Mapping

from .. import planning
from ..cases import Case, noted
from ..errors import BadRunbook, Busy, CallFailed, Conflict, Denied, Escalation, Gone, Invalid, SutureError, Throttled
from ..model import Call, Finding, Json
from ..runbooks import Runbook
from .answers import plain
from .hands import Hands, MustWait, Sight, called, fetched, lease_key, look, may_write, move, names, settled
from .journal import Journalled
from .ledger import Entry
from .replanning import standing_of, state_of
from .standing import finding_of, place_of


def undone(hands: Hands, case: Case, done: Journalled, runbook: Runbook, params: Mapping[str, Json]) -> Case:
    """Run the undo calls of every started step of `case` (UNDOING), last first; answers with UNDONE or UNDO_FAILED."""
    sight = look(hands, case)
    undoing = [(c, s.done) for s in sorted(done.steps, key=lambda s: -s.number) for c in s.undo]
    calls = [call for call, _ in undoing]
    if sight.resource is None:
        return _failed(hands, case, "the resource is gone", calls)
    now = state_of(hands, case, runbook, params, sight)
    if not done.undoing and now not in (done.after, done.before):
        why = "somebody changed the resource since; nothing was called"
        return _failed(hands, case, why, calls, expected=done.after, found=now)
    held = _held(hands, case)
    if held is None:
        return _failed(hands, case, "the same problem is open again as another case; nothing was called", calls)
    is_back = now == done.before != done.after
    known = finding_of(held, sight.findings)
    at = planning.bench(case.id, sight.resource, known, runbook, params, hands.key)
    for number, (call, was_done) in enumerate(() if is_back else undoing):
        error = _taken_back(hands, held, done, number, call, number in done.undoing or not was_done, at)
        if error:
            return _failed(hands, held, error.what, calls[number:])
    return _verified(hands, held, done, runbook, params, calls)


def _held(hands: Hands, case: Case) -> Case | None:
    """Take the resource's slot, since the finding is about to be back, and remember for ever that it was undone."""
    for _ in range(3):
        after = noted(case, hands.time)
        try:
            return hands.ledger.save(case, after, Entry(hands.worker, "began to undo", {}), mark="undone")
        except Conflict:
            now = hands.ledger.case(case.id)
            if now is None or now.state != case.state:
                raise
            if now.version == case.version:
                return None
            case = now
    raise Conflict(f"case {case.id} moved three times", where=case.arn, next_step="read it again")


def _taken_back(
    hands: Hands, case: Case, done: Journalled, number: int, call: Call, is_repeat: bool, at: planning.Bench
) -> SutureError | None:
    """Make one undo call; answers with its failure. A call that may have been made before, or whose step may never
    have had its effect, may be refused as needless, and so may any that finds there what it would put back: botocore
    sends again what got no answer, and somebody may have restored it. Then the verifying read decides.
    """
    may_write(hands, case, done.plan)
    try:
        parameters = planning.late_values(call.parameters, at, lambda secret: fetched(hands, secret))
    except Throttled as error:
        raise MustWait(error.what, 15) from error
    except (Escalation, CallFailed) as error:
        return error
    hands.journal.start_undo(done.plan, number, call, lease_key(case), hands.time)
    try:
        called(hands, call.operation, parameters)
    except Throttled as error:
        raise MustWait(error.what, 15) from error
    except CallFailed as error:
        exists = isinstance(error, Busy) and "exist" in error.what
        if isinstance(error, Busy) and not exists:
            raise MustWait(error.what, 15) from error
        return None if exists or (is_repeat and not isinstance(error, Denied)) else error
    return None


def _verified(
    hands: Hands, case: Case, done: Journalled, runbook: Runbook, params: Mapping[str, Json], calls: list[Call]
) -> Case:
    def problem(sight: Sight) -> str:
        if sight.resource is None:
            return "the resource is gone"
        if state_of(hands, case, runbook, params, sight) != done.before:
            return "the resource is not as it was before the fix"
        return _remains(hands, case, sight, runbook, params)

    sight, why = settled(hands, case, done.plan, problem)
    if why:
        return _failed(hands, case, why, calls)
    if runbook.stage:
        left = tuple(s for s in case.stages if s["plan"]["digest"] != case.plan_digest)
        stands = {"stages": left, "standing": place_of(runbook), "evidence": finding_of(case, sight.findings).evidence}
        why = f"the stage {runbook.stage} is taken back: all is as it was before it"
        return move(hands, case, "UNDONE", why, {"stage": runbook.stage}, mark="undone", applied="", **stands)
    why = "the resource is as it was before the fix"
    return move(hands, case, "UNDONE", why, {}, mark="undone", applied="")


def _remains(hands: Hands, case: Case, sight: Sight, runbook: Runbook, params: Mapping[str, Json]) -> str:
    """What a staged runbook made beside the resource and is still there, as a sentence; empty when nothing is."""
    assert sight.resource is not None
    if runbook.stage:
        return _is_still_done(hands, case, runbook, params, sight)
    known = Finding(case.control, case.severity, case.arn, case.title, case.evidence)
    finding = sight.finding(case.control) or known
    at = planning.bench(case.id, sight.resource, finding, runbook, params, hands.key)
    for call, holds in planning.checks(at):
        try:
            if holds(plain(hands.clients.call(call.operation, call.parameters))):
                return f"{call.operation} answers as if nothing had been undone"
        except (Gone, Invalid):  # a read that is refused now, and was not before, does not answer as before
            continue
    return ""


def _is_still_done(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], sight: Sight) -> str:
    """A stage is taken back when it is due again, or one before it is."""
    try:
        standing = standing_of(hands, case, runbook, params, sight)
    except (Escalation, BadRunbook) as error:
        return error.what
    return "" if standing.stage and standing.number <= runbook.number else f"the stage {runbook.stage} is still done"


def _failed(hands: Hands, case: Case, why: str, calls: list[Call], **facts: Json) -> Case:
    """What could not be undone stays applied, so people may ask again; and nothing fixes it by itself again."""
    applied, details = case.applied or hands.time, {"open": names(calls), **facts}
    return move(hands, case, "UNDO_FAILED", why, details, mark="unwanted", applied=applied)
