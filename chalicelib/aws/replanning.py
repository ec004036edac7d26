"""Planning again from a fresh read, as every writer does before, between and after its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .. import planning, redaction
from ..cases import Case
from ..errors import BadRunbook, Escalation
from ..model import Json, Plan
from ..runbooks import Runbook
from ..workbench import Bench, bench
from .hands import Hands, Sight
from .standing import Standing, finding_of, stand


@dataclass(frozen=True, slots=True)
class Again:
    """The plan as it would be made now, None where nothing is left to do, and the workplace for its late values."""

    plan: Plan | planning.Refusal | None
    at: Bench | None

    def wants(self, plan: Plan) -> list[int]:
        """The numbers of a plan's steps that would be made now."""
        calls = [s.call for s in self.plan.steps] if isinstance(self.plan, Plan) else []
        return [number for number, step in enumerate(plan.steps) if step.call in calls]


NOTHING_LEFT = Again(None, None)


def replanned(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], sight: Sight) -> Again:
    """Plan again. Of a staged runbook (`at` the stage of the case's plan), None when a later stage is due."""
    if runbook.stage:
        return _restaged(hands, case, runbook, params, sight)
    finding = sight.finding(case.control)
    if sight.resource is None or finding is None:
        return NOTHING_LEFT
    at = bench(case.id, sight.resource, finding, runbook, params, hands.key)
    return Again(planning.plan(case.id, sight.resource, finding, runbook, params, hands.key), at)


def _restaged(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], sight: Sight) -> Again:
    if sight.resource is None:
        return NOTHING_LEFT
    finding = finding_of(case, sight.findings)
    try:
        standing = standing_of(hands, case, runbook, params, sight)
    except (Escalation, BadRunbook) as error:
        return Again(planning.Refusal("escalate", error.what), None)
    at = bench(case.id, sight.resource, finding, runbook, params, hands.key, standing.known)
    if standing.stage is None or standing.number > runbook.number:
        return Again(None, at)
    if standing.number < runbook.number:
        return Again(planning.Refusal("escalate", f"the stage {standing.stage.name} is due before this one"), at)
    plan = planning.plan(case.id, sight.resource, finding, runbook, params, hands.key, standing.known)
    return Again(None if isinstance(plan, planning.Refusal) and plan.kind == "wait" else plan, at)


def standing_of(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], sight: Sight) -> Standing:
    """Where a staged case stands now. Raises Escalation, BadRunbook, a CallFailed."""
    assert sight.resource is not None
    finding = finding_of(case, sight.findings)
    return stand(hands.clients, case, sight.resource, finding, runbook, params, hands.key, hands.time)


def state_of(hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], sight: Sight) -> str:
    """The digest of what undo compares: of the resource, or of the part that a stage names."""
    assert sight.resource is not None
    if not runbook.stage:
        return redaction.state_digest(sight.resource, hands.key)
    finding = finding_of(case, sight.findings)
    at = bench(case.id, sight.resource, finding, runbook, params, hands.key)
    return planning.state_digest(at, sight.resource)
