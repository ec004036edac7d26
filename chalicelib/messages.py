"""What people read about a case, as plain text and as data. Pure; every word from AWS is made safe first.

Parameters are shown from the catalogue's allow-list alone, and a plan of which a write is not shown cannot be
approved from a message.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .cases import Case
from .differences import (
    ABSENT,
    Difference,
    Evidence,
    differences,
    document_of,
    is_patch,
    line_diff,
    plainly,
    value_text,
)
from .model import Call, Json, Plan, Step
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
    return f"[{case.severity.upper()}] Suture {doing(case)}: {case.control} on {safe_text(case.arn)} (case {case.id})"


def doing(case: Case) -> str:
    """What Suture does about a case in its present state, as the rest of a sentence."""
    return _BY_HAND if case.is_by_hand else _HEADLINES.get(case.state, case.state.lower())


def text(case: Case, shown: Mapping[str, Sequence[str]], who_may: Sequence[str], *, full: bool = False) -> str:
    """The message about a case. `shown` gives each operation's parameters that may be shown; in full, each call says
    what it changes from what to what.
    """
    return "\n".join(_lines(case, shown, who_may, full))


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


def calls_in_full(plan: Plan, shown: Mapping[str, Sequence[str]], evidence: Evidence = ()) -> Iterator[str]:
    """The same with what each call changes from what to what."""
    for number, step in enumerate(plan.steps, 1):
        first, *rest = changes(step, shown, evidence)
        yield f"{number}. {first}"
        yield from rest


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


def changes(step: Step, shown: Mapping[str, Sequence[str]], evidence: Evidence = ()) -> Iterator[str]:
    """One call of a plan as lines: its parameters, what it changes from what to what, and what takes it back.

    Only parameters on the catalogue's allow-list have their value shown; of documents, the lines that change with
    what stands around them.
    """
    allowed = shown.get(step.call.operation, ())
    changed = [d for d in differences(step, evidence) if may_show(d.name, allowed)]
    yield plainly(step.call.operation)
    for name, value in step.call.parameters.items():
        if name in {d.name for d in changed} or (name == "patchOperations" and is_patch(step.call)):
            continue
        yield f"  {plainly(name)}  {value_text(value) if name in allowed else '(not shown)'}"
    for difference in changed:
        yield from (f"  {line}" for line in _changed(difference))
    before = [d.before for d in changed]
    for undo in step.undo:
        back = {n: "(as it was before)" for n, v in undo.parameters.items() if v in before}
        yield f"  undo: {call(replace(undo, parameters={**undo.parameters, **back}), shown)}"
    if not step.undo:
        yield "  undo: none, this cannot be taken back"


def may_show(name: str, allowed: Sequence[str]) -> bool:
    """A statement comes from the evidence, and a patch's path is no parameter: both are what the finding is about."""
    return name in allowed or name == "statement" or ("patchOperations" in allowed and "/" in name)


def _changed(difference: Difference) -> Iterator[str]:
    before, after = document_of(difference.before), document_of(difference.after)
    if before is None and after is None:
        old = "(none)" if difference.before is ABSENT else value_text(difference.before)
        new = "(removed)" if difference.after is ABSENT else value_text(difference.after)
        yield f"{plainly(difference.name)}  {old} → {new}"
        return
    yield f"{plainly(difference.name)}:"
    lines = list(line_diff(before, after))
    near = {i + k for i, (sign, _) in enumerate(lines) if sign != " " for k in range(-CONTEXT, CONTEXT + 1)}
    for i, (sign, text) in enumerate(lines):
        if i in near:
            yield f"  {sign} {text}"
        elif i - 1 in near:
            yield "    …"


CONTEXT = 2
"""Lines of a document shown around each that changes."""


def _lines(case: Case, shown: Mapping[str, Sequence[str]], who_may: Sequence[str], full: bool) -> Iterator[str]:
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
        yield from calls_in_full(plan, shown, case.evidence) if full else calls(plan, shown)
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
