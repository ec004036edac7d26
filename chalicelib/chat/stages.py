"""Decisions about staged cases: which stage can be taken back, attested, or taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from .. import governance
from ..aws.deployment import Deployment
from ..cases import AFTER_APPLY, BETWEEN_STAGES, TRANSITIONS, Case
from ..errors import BadRequest
from ..events import look_message
from ..model import Change, Json, Plan
from ..plaintext import contains_secret
from ..redaction import safe_text
from ..runbooks import Runbook, Stage, of_plan

RESTING = frozenset({"UNDONE", "REJECTED", "EXPIRED", "ESCALATED", "UNDO_FAILED"})
"""States in which a staged case stays until somebody takes it up again."""


def undoable(case: Case) -> Mapping[str, Json]:
    """The last applied stage that has a way back, as the case keeps it; empty when there is none."""
    with_undo = (s for s in reversed(case.stages) if any(step["undo"] for step in s["plan"]["steps"]))
    return next(with_undo, {})


def to_undo(case: Case, digest: str) -> Case:
    """The case with the plan that is to be taken back. Raises BadRequest where there is none, or a later one first."""
    if case.applied and case.state in AFTER_APPLY and not _is_of_last_stage(case):
        return case
    last = undoable(case)
    if not last or case.state not in AFTER_APPLY | BETWEEN_STAGES:
        raise BadRequest(f"case {case.id} is {case.state}: nothing was applied that could be undone", status=409)
    asked = next((s for s in case.stages if s["plan"]["digest"] == digest), None)
    if asked is not None and asked is not last:
        later = "it has no way back" if not _has_undo(asked) else f"{last['stage']} came later"
        raise BadRequest(
            f"the stage {asked['stage']} cannot be taken back: {later}",
            status=409,
            next_step=f"take back {last['stage']} first, plan {last['plan']['digest']}",
        )
    return replace(case, plan=last["plan"])


def _is_of_last_stage(case: Case) -> bool:
    return bool(case.stages) and case.last_stage["plan"]["digest"] == case.plan_digest


def _has_undo(stage: Mapping[str, Json]) -> bool:
    return any(step["undo"] for step in stage["plan"]["steps"])


def to_attest(d: Deployment, case: Case) -> Stage:
    """The stage that is due and that people attest. Raises BadRequest for any other."""
    stage = _attested(d, case)
    if stage is None:
        name = str(case.standing.get("stage", ""))
        what = f"case {case.id} is {case.state}" + (f", at stage {name}" if name else "")
        raise BadRequest(f"{what}: nothing is to be attested now", status=409)
    return stage


def attests(d: Deployment, case: Case) -> str:
    """The name of the stage that people have to attest now, or nothing."""
    stage = _attested(d, case)
    return stage.name if stage else ""


def _attested(d: Deployment, case: Case) -> Stage | None:
    if case.state != "WAITING_OWNER":
        return None
    book = _book(d, case)
    name = str(case.standing.get("stage", ""))
    return next((s for s in (book.stages if book else ()) if s.name == name and s.attests), None)


def attestation(by: str, at: str, how: str, opened: str, now: str) -> dict[str, str]:
    """Who did it, when, and how, as the case keeps it. Raises BadRequest for what is no answer, or holds a secret."""
    try:
        given = datetime.fromisoformat(at)
        moment = (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        moment = ""
    if not by.strip() or not how.strip() or not opened[:19] <= moment[:19] <= now[:19]:
        raise BadRequest(
            "an attestation says who did it, when (after the case was opened, and not in the future), and how",
            next_step='give "by", "at" as a time such as 2027-01-31T08:00:00Z, and "reason"',
        )
    if contains_secret(by) or contains_secret(how):
        raise BadRequest(
            "that looks as if it held a secret: nothing was recorded", next_step="say it without the value"
        )
    return {"by": safe_text(by, 100), "at": moment, "how": safe_text(how)}


def rests(case: Case) -> bool:
    """Is it a staged case that stays as it is until somebody takes it up again?"""
    return case.is_led and case.state in RESTING and "SUPERSEDED" in TRANSITIONS[case.state]


def to_continue(case: Case) -> Case:
    """A staged case that rests, with what was applied kept for undo. Raises BadRequest for any other."""
    if not rests(case):
        raise BadRequest(f"case {case.id} is {case.state}: it is not a staged case that rests", status=409)
    if not case.applied or _is_of_last_stage(case) or not case.plan:
        return case
    begun = {"stage": case.plan.get("stage", ""), "at": case.applied, "plan": case.plan}
    return replace(case, stages=(*case.stages, begun))


def requirement_book(d: Deployment, case: Case, decision: str, digest: str) -> Runbook | None:
    """The runbook whose approval decides who may: that of the plan which is decided about, or of the stage."""
    if decision == "undo":
        asked = next((s["plan"] for s in case.stages if s["plan"]["digest"] == digest), case.plan)
        return of_plan(d.packaged.runbooks, Plan.from_json(asked) if asked else None)
    found = of_plan(d.packaged.runbooks, case.the_plan) if decision not in ("attest", "continue") else None
    book = _book(d, case) if found is None and case.is_led else None
    name = str(case.standing.get("stage", ""))
    return found or (book.at(name) if book and any(s.name == name for s in book.stages) else book)


def _book(d: Deployment, case: Case) -> Runbook | None:
    found = governance.pinned(d.packaged.pins, d.packaged.runbooks, case.control, case.account, case.arn)
    return found[1] if found else None


def look_again(d: Deployment, case: Case) -> None:
    """Have `watch` look at the resource: which stage is due is found out from what AWS says, never from a decision."""
    change = Change(case.account, case.region, case.resource_type, case.resource_id, "suture:Recheck", "recheck")
    d.queues.send("changes", look_message([change]))
