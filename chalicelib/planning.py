"""From a finding and a runbook to a plan: the exact calls, their undo calls, and the digest of what they assume.

Pure: the same resource, finding, runbook and parameters always give the same plan, so that planning again before
the first write shows whether anything moved. A guard, a null, or a missing proof is a `Refusal`, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import expressions, redaction
from .errors import BadRunbook, Escalation
from .events import home_region
from .model import Call, Finding, Json, Plan, Resource, Step, digest
from .workbench import NOTHING, Bench, Fetch, Key, Known, bench, filled, is_fresh, is_late, planned

if TYPE_CHECKING:
    from .runbooks import CallTemplate, Runbook, StepTemplate

__all__ = ["Bench", "Key", "Known", "Refusal", "bench", "checks", "late_values", "parameters_of", "plan"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """No plan: `kind` is `skip` (nothing to do) or `escalate` (a person has to look), `why` a sentence.

    Of a staged runbook also `wait` (a stage in which others act) and `close` (every stage is done).
    """

    kind: str
    why: str


def parameters_of(runbook: Runbook, pinned: Mapping[str, Json], deployment: Mapping[str, str]) -> Mapping[str, Json]:
    """A runbook's parameters: defaults, the deployment's facts where it asks for them, the pin's values over both."""
    defaults = {
        name: deployment.get(value["deployment"]) or None
        if isinstance(value, Mapping) and "deployment" in value
        else value
        for name, value in runbook.params.items()
    }
    return {**defaults, **{k: v for k, v in pinned.items() if k in runbook.params}}


def plan(
    case: str,
    resource: Resource,
    finding: Finding,
    runbook: Runbook,
    params: Mapping[str, Json],
    key: Key,
    known: Known = NOTHING,
) -> Plan | Refusal:
    """The plan for one finding, or why there is none. `params` come from `parameters_of`; a staged runbook comes as it
    is `at` its stage, with what is `known` besides the resource.
    """
    at = bench(case, resource, finding, runbook, params, key, known)
    try:
        refusal = _refused_by_guard(at)
        steps = () if refusal else tuple(step for template in runbook.steps for step in _steps(template, at))
        if runbook.stage and not refusal and not steps:
            return Refusal("wait", runbook.staged(runbook.stage).says)
        state = state_digest(at, resource)
    except (Escalation, BadRunbook) as error:
        return Refusal("escalate", error.what)
    if refusal:
        return refusal
    if not steps and runbook.steps:
        return Refusal("escalate", f"{runbook.id} {runbook.version} found no call to make for this finding")
    from . import proofs, restoring  # IAM reasoning, which no reader needs

    calls = tuple(s.call for s in steps)
    problem = restoring.unrestorable(steps) or proofs.unproved(calls, resource, at.roots["facts"])
    if problem:
        return Refusal("escalate", problem)
    return _assembled(at, resource, finding, steps, state)


def state_digest(at: Bench, resource: Resource) -> str:
    """The digest of the state that a plan assumes and its undo restores: the whole resource's, or that of the part
    which its stage names.
    """
    part = at.runbook.staged(at.runbook.stage).state if at.runbook.stage else ""
    if not part:
        return redaction.state_digest(resource, at.key)
    return digest({"type": resource.type, "arn": resource.arn, "state": at.evaluate("=" + part.removeprefix("="))})


def late_values(parameters: Mapping[str, Json], at: Bench, fetch: Fetch | None = None) -> Mapping[str, Json]:
    """`parameters` with late and fresh values filled from the fresh read: the only place where a secret enters a
    request.

    Raises Escalation when a value no longer has the fingerprint that the plan was approved with.
    """
    return {name: filled(value, at, fetch) for name, value in parameters.items()}


def checks(at: Bench) -> Iterator[tuple[Call, Callable[[Mapping[str, Json]], bool]]]:
    """The verifying reads of a staged runbook, each with the condition that its answer must satisfy."""
    for check in at.runbook.verify:
        for roots in _each(check.each, at):
            call = Call(check.call.operation, _parameters(check.call, roots, at))

            def holds(
                answer: Mapping[str, Json], expect: str = check.expect, roots: Mapping[str, Json] = roots
            ) -> bool:
                return expressions.truth(expect, {**roots, "answer": answer}, at.runbook.uses)

            yield call, holds


def _assembled(at: Bench, resource: Resource, finding: Finding, steps: tuple[Step, ...], state: str) -> Plan:
    runbook = at.runbook
    facts_digest, holds = _beside(at, resource) if runbook.stage else ("", ())
    return Plan(
        case=at.roots["case"]["id"],
        account=resource.account,
        region=resource.region,
        resource_type=resource.type,
        resource_id=resource.id,
        arn=resource.arn,
        control=finding.control,
        runbook=runbook.id,
        version=runbook.version,
        runbook_digest=runbook.digest,
        tier=runbook.tier,
        reversible=runbook.reversible,
        steps=steps,
        state_digest=state,
        leaves=runbook.leaves,
        manual=runbook.manual,
        stage=runbook.stage,
        facts_digest=facts_digest,
        holds=holds,
    )


def _beside(at: Bench, resource: Resource) -> tuple[str, tuple[str, ...]]:
    """The digest of what the plan's stage read itself, and the keys of the other resources that it read whole."""
    reads = at.runbook.staged(at.runbook.stage).reads
    facts = {read.name: at.roots["facts"].get(read.name) for read in reads}
    found = [(read.resource, facts[read.name]) for read in reads if read.resource and facts[read.name]]
    keys = ("#".join((resource.account, home_region(t, resource.region), t, r["id"])) for t, r in found)
    return digest(facts), tuple(sorted(keys))


def _refused_by_guard(at: Bench) -> Refusal | None:
    for guard in at.runbook.guards:
        if not expressions.truth(guard.expect, at.roots, at.runbook.uses):
            return Refusal(guard.otherwise, guard.why)
    return None


def _steps(template: StepTemplate, at: Bench) -> Iterator[Step]:
    for roots in _each(template.each, at):
        if not _is_wanted(template.call, roots, at):
            continue
        undo = tuple(_call(u, roots, at) for u in template.undo if _is_wanted(u, roots, at))
        if template.undo and not undo:
            raise BadRunbook(f"no undo call of {template.call.operation} remains after its conditions")
        yield Step(_call(template.call, roots, at), undo)


def _each(expression: str | None, at: Bench) -> Iterator[Mapping[str, Json]]:
    if expression is None:
        yield at.roots
        return
    elements = expressions.evaluate(expression, at.roots, at.runbook.uses)
    if not isinstance(elements, list):
        raise BadRunbook(f"each: {expression!r} gave no list")
    for element in elements:
        yield {**at.roots, "each": element}


def _is_wanted(template: CallTemplate, roots: Mapping[str, Json], at: Bench) -> bool:
    return template.when is None or expressions.truth(template.when, roots, at.runbook.uses)


def _call(template: CallTemplate, roots: Mapping[str, Json], at: Bench) -> Call:
    return Call(template.operation, _parameters(template, roots, at))


def _parameters(template: CallTemplate, roots: Mapping[str, Json], at: Bench) -> Mapping[str, Json]:
    parameters: dict[str, Json] = {}
    for name, value in template.parameters.items():
        if is_late(value) or is_fresh(value):
            parameters[name] = planned(value, roots, at)
            continue
        result = expressions.evaluate(value, roots, at.runbook.uses)
        if not name.endswith("?"):
            parameters[name] = expressions.require(result, f"parameter {name} of {template.operation}")
        elif result is not None:
            parameters[name[:-1]] = result
    return parameters
