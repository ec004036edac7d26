"""What people read about a case, as plain text and as data. Pure; every word from AWS is made safe first.

Parameters are shown from the catalogue's allow-list alone, and a plan of which a write is not shown cannot be
approved from a message.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from .cases import Case
from .model import Call, Json, Plan
from .ownership import Iac
from .redaction import safe_text
from .workbench import is_late

_HEADLINES: Mapping[str, str] = {
    "PENDING": "proposes a fix",
    "APPROVED": "is about to fix",
    "RESOLVED": "resolved",
    "WAITING_OWNER": "did its part; the owner acts next",
    "ESCALATED": "needs a person",
    "REJECTED": "will leave this as it is: the fix was rejected",
    "EXPIRED": "got no decision in time; nothing was applied",
    "SUPERSEDED": "withdrew a plan, because the resource changed",
    "SUPPRESSED": "stays quiet about this for a while",
    "UNDOING": "is taking a fix back",
    "UNDONE": "took a fix back",
    "UNDO_FAILED": "COULD NOT take a fix back completely",
    "WATCHING": "fixed this and is watching",
    "OBSERVED": "observed",
}


_BY_HAND = "found what only people can mend; the owner acts next"

_TAKEN_BACK = {"full": "fully reversible", "partial": "partly reversible", "none": "not reversible"}


def headline(case: Case) -> str:
    """One line: what Suture did or asks, for which control and resource."""
    doing = _BY_HAND if case.is_by_hand else _HEADLINES.get(case.state, case.state.lower())
    return f"[{case.severity.upper()}] Suture {doing}: {case.control} on {safe_text(case.arn)} (case {case.id})"


def text(case: Case, shown: Mapping[str, Sequence[str]], who_may: Sequence[str]) -> str:
    """The message about a case. `shown` gives each operation's parameters that may be shown."""
    return "\n".join(_lines(case, shown, who_may))


def data(case: Case) -> Mapping[str, Json]:
    """The same as data, for machines: no evidence, no parameters, nothing that AWS or a person typed freely."""
    names = ("id", "state", "control", "severity", "account", "region", "arn", "opened", "updated", "expires")
    facts = {n: getattr(case, n) for n in names}
    if case.standing:
        facts["stage"] = {n: case.standing.get(n) for n in ("stage", "number", "of", "who")}
    return {**facts, "title": safe_text(case.title), "plan": case.plan_digest, "outcome": safe_text(case.outcome)}


def notes(owner: Iac, control: str, evidence: Sequence[Mapping[str, Json]] = ()) -> Iterator[str]:
    """What whoever decides must know: what infrastructure as code will do about a fix, where it owns the resource,
    and what the control says under Notes of its evidence, as sentences.
    """
    if owner.tool:
        template = f"the template of stack {owner.where}" if owner.where else f"the {owner.tool} configuration"
        yield f"{owner.reason[:1].upper()}{owner.reason[1:]}."
        yield f"The next {owner.tool} deploy would bring the risk back: correct {template} so that {control} holds."
    for item in evidence:
        yield from (safe_text(note, 500) for note in item.get("Notes") or ())


def calls(plan: Plan, shown: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Every call of a plan with the parameters that may be shown, and the calls that take it back."""
    for number, step in enumerate(plan.steps, 1):
        yield f"{number}  {call(step.call, shown)}"
        for undo in step.undo:
            yield f"   undo: {call(undo, shown)}"


def call(one: Call, shown: Mapping[str, Sequence[str]]) -> str:
    """One call in a line; parameters outside the allow-list are named, and their values are not shown."""
    parts = []
    for name, value in one.parameters.items():
        if is_late(value) and "shows" in value:
            parts.append(f"{name}=(not shown; {safe_text(json.dumps(value['shows']), 400)})")
        elif name in shown.get(one.operation, ()):
            parts.append(f"{name}={safe_text(value if isinstance(value, str) else json.dumps(value), 400)}")
        else:
            parts.append(f"{name}=(not shown)")
    return f"{one.operation} {' '.join(parts)}"


def _stage(case: Case) -> Iterator[str]:
    """Where a staged case stands, who acts next, and where the whole of it is shown."""
    at = case.standing
    yield f"Stage {at['number']} of {at['of']}, {at['stage']}. Next: {at['who']}. {at['says']}"
    yield f"All stages, and what their owner does: suture secrets status {case.id}"


def _lines(case: Case, shown: Mapping[str, Sequence[str]], who_may: Sequence[str]) -> Iterator[str]:
    yield headline(case)
    yield safe_text(case.title, 500)
    causers = ", ".join(safe_text(p.name) for p in case.principals) or "unknown"
    yield f"Changed by {causers}" + (f" with {safe_text(case.action)}" if case.action else "")
    yield from (f"Why: {safe_text(r)}" for r in case.reasons)
    if case.standing and case.state not in ("RESOLVED", "SUPPRESSED"):
        yield from _stage(case)
    plan = case.the_plan
    if plan is not None and case.state in ("PENDING", "APPROVED", "OBSERVED", "ESCALATED"):
        yield f"Plan {plan.digest} ({plan.runbook} {plan.version}, {plan.tier} tier, {_TAKEN_BACK[plan.reversible]})"
        yield from calls(plan, shown)
    if case.state == "PENDING":
        yield f"Expires {case.expires}. May approve: {', '.join(map(safe_text, who_may)) or 'nobody yet'}."
        yield f"Decide: suture cases approve {case.id} --plan {case.plan_digest}"
    if plan is not None and case.state == "WAITING_OWNER":
        yield from (f"Owner: {sentence}" for sentence in plan.manual)
    if case.is_by_hand:
        yield f"There is nothing to approve: the case closes by itself when {case.control} holds."
    yield from (f"Note: {safe_text(n, 500)}" for n in case.notes)
    if case.outcome:
        yield f"Outcome: {safe_text(case.outcome, 500)}"
