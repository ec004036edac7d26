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
from .model import Call, Finding, Json, Plan, Resource, Step

if TYPE_CHECKING:
    from .runbooks import CallTemplate, Runbook, StepTemplate

Key = Callable[[], bytes]
"""Gives the fingerprint key when it is first needed: fetching it is a call that most plans do without."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No plan: `kind` is `skip` (nothing to do) or `escalate` (a person has to look), `why` a sentence."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Bench:
    """What one planning works with: the runbook, and the roots that its expressions see.

    `roots` hold fingerprints where AWS holds secrets; `reveal` gives the configuration with the secrets, and only
    late values ask for it.
    """

    runbook: Runbook
    roots: Mapping[str, Json]
    reveal: Callable[[], Json]
    key: Key


def bench(
    case: str, resource: Resource, finding: Finding, runbook: Runbook, params: Mapping[str, Json], key: Key
) -> Bench:
    """The workplace for planning, late values and verifying reads of one finding."""
    facts = {n: getattr(resource, n) for n in ("type", "arn", "id", "account", "region")}
    said = {n: getattr(finding, n) for n in ("control", "severity", "arn", "title")}
    roots = {
        "resource": {**facts, "tags": dict(resource.tags), "config": redaction.shown(resource.config, key)},
        "finding": {**said, "evidence": list(finding.evidence)},
        "params": params,
        "case": {"id": case},
    }
    return Bench(runbook, roots, lambda: redaction.revealed(resource.config), key)


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
    case: str, resource: Resource, finding: Finding, runbook: Runbook, params: Mapping[str, Json], key: Key
) -> Plan | Refusal:
    """The plan for one finding, or why there is none. `params` come from `parameters_of`."""
    at = bench(case, resource, finding, runbook, params, key)
    try:
        refusal = _refused_by_guard(at)
        steps = () if refusal else tuple(step for template in runbook.steps for step in _steps(template, at))
    except (Escalation, BadRunbook) as error:
        return Refusal("escalate", error.what)
    if refusal:
        return refusal
    if not steps and runbook.steps:
        return Refusal("escalate", f"{runbook.id} {runbook.version} found no call to make for this finding")
    from . import proofs, restoring  # IAM reasoning, which no reader needs

    problem = restoring.unrestorable(steps) or proofs.unproved(tuple(s.call for s in steps), resource)
    if problem:
        return Refusal("escalate", problem)
    return _assembled(case, resource, finding, runbook, steps, key)


def late_values(parameters: Mapping[str, Json], at: Bench) -> Mapping[str, Json]:
    """`parameters` with late values filled from the fresh read: the only place where a secret enters a request.

    Raises Escalation when a value no longer has the fingerprint that the plan was approved with.
    """

    def fill(value: Json) -> Json:
        if not _is_late(value):
            return value
        secret = _late(value, at)
        if redaction.fingerprint(at.key(), secret) != value["fingerprint"]:
            raise Escalation("a secret value changed since the plan was made", where=at.roots["resource"]["arn"])
        return secret

    return {name: fill(value) for name, value in parameters.items()}


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


def _assembled(
    case: str, resource: Resource, finding: Finding, runbook: Runbook, steps: tuple[Step, ...], key: Key
) -> Plan:
    return Plan(
        case=case,
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
        state_digest=redaction.state_digest(resource, key),
        leaves=runbook.leaves,
        manual=runbook.manual,
    )


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
        if isinstance(value, Mapping) and set(value) == {"late"}:
            parameters[name] = _fingerprinted({"late": value["late"], "each": roots.get("each")}, at)
            continue
        result = expressions.evaluate(value, roots, at.runbook.uses)
        if not name.endswith("?"):
            parameters[name] = expressions.require(result, f"parameter {name} of {template.operation}")
        elif result is not None:
            parameters[name[:-1]] = result
    return parameters


def _fingerprinted(late: Mapping[str, Json], at: Bench) -> Mapping[str, Json]:
    return {**late, "fingerprint": redaction.fingerprint(at.key(), _late(late, at))}


def _late(late: Mapping[str, Json], at: Bench) -> str:
    resource = {**at.roots["resource"], "config": at.reveal()}
    roots = {**at.roots, "resource": resource, "each": late["each"]}
    value = expressions.evaluate("=" + late["late"].removeprefix("="), roots, at.runbook.uses)
    if not isinstance(value, str) or not value:
        raise Escalation(f"the late value {late['late']!r} is not there", where=resource["arn"])
    return value


def _is_late(value: Json) -> bool:
    return isinstance(value, Mapping) and set(value) == {"late", "each", "fingerprint"}
