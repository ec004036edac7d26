"""A plan as a person wants to read it: each exact call, what it changes from what to what, and the way back.

The lines are Rich `Text` without markup: styled on a terminal, `.plain` elsewhere. Values are shown exactly: what
could mislead an eye (control characters, bidirectional marks, odd spaces) stands as its JSON escape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from chalicelib.differences import (
    ABSENT,
    Difference,
    Evidence,
    differences,
    document_of,
    is_patch,
    line_diff,
    lines_of,
    plainly,
    value_text,
)
from chalicelib.model import Call, Json, Plan, Step

_KEY, _BEFORE, _AFTER, _DIM, _CALL = "cyan", "red", "green", "dim", "bold"
_REVERSIBLE = {"full": "fully reversible", "partial": "partly reversible", "none": "not reversible"}


def plan_lines(plan: Plan, evidence: Evidence = (), indent: int = 0) -> list[Text]:
    """The whole plan: heading, numbered calls with their undo, what it does not do, and its digest."""
    lines = [*_heading(plan), Text()]
    for number, step in enumerate(plan.steps, 1):
        lines += step_lines(number, step, evidence)
    lines += _sentences("Note", plan.notes)
    if plan.leaves == "open" and not plan.stage:
        lines += _sentences("Note", ("the finding stays open after this stage; its case waits for the owner",))
    if not plan.steps:
        lines += _sentences("Note", ("there is no call to approve; the case closes by itself when the control holds",))
    lines += _sentences("By hand", plan.manual)
    if plan.steps:
        lines.append(_pair("Plan  ", plan.digest, "bold"))
    return [_indented(line, indent) for line in lines]


def step_lines(number: int, step: Step, evidence: Evidence = ()) -> list[Text]:
    """One numbered call: its parameters, each changed one as before → after, and its undo calls."""
    changed = differences(step, evidence)
    names = {d.name for d in changed}
    patches = is_patch(step.call)
    lines = [Text.assemble((f"{number}. ", _DIM), (step.call.operation, _CALL))]
    kept = {n: v for n, v in step.call.parameters.items() if n not in names}
    lines += _parameters({n: v for n, v in kept.items() if not (patches and n == "patchOperations")}, 5)
    for difference in changed:
        lines += _difference_lines(difference, 5)
    return lines + _undo_lines(step.undo, changed)


def undo_lines(plan: Plan) -> list[Text]:
    """The calls that take a plan back, in the order in which they run: the last step's first."""
    calls = [call for step in reversed(plan.steps) for call in step.undo]
    lines: list[Text] = []
    for number, call in enumerate(calls, 1):
        lines.append(Text.assemble((f"{number}. ", _DIM), (call.operation, _CALL)))
        lines += _parameters(call.parameters, 5)
    return lines


def _heading(plan: Plan) -> Iterator[Text]:
    stage = f", stage {plainly(plan.stage)}," if plan.stage else ""
    yield Text.assemble(
        (f"{plainly(plan.runbook)} {plainly(plan.version)}", "bold"), f"{stage} for {plainly(plan.control)}"
    )
    yield _pair("on    ", plan.arn)
    if not plan.steps:
        yield Text.assemble((f"tier {plainly(plan.tier)}, by hand", _DIM))
        return
    yield Text.assemble((f"tier {plainly(plan.tier)}, {_REVERSIBLE.get(plan.reversible, plan.reversible)}", _DIM))


def _difference_lines(difference: Difference, indent: int) -> list[Text]:
    before, after = document_of(difference.before), document_of(difference.after)
    if before is not None or after is not None:
        head = _indented(Text(f"{plainly(difference.name)}:", _KEY), indent)
        return [head, *(_indented(line, indent + 2) for line in _coloured(before, after))]
    old = "(none)" if difference.before is ABSENT else value_text(difference.before)
    new = "(removed)" if difference.after is ABSENT else value_text(difference.after)
    name = f"{plainly(difference.name)}  "
    return [_indented(Text.assemble((name, _KEY), (old, _BEFORE), " → ", (new, _AFTER)), indent)]


def _coloured(before: Json, after: Json) -> Iterator[Text]:
    styles = {"-": _BEFORE, "+": _AFTER}
    return (Text(f"{sign} {line}", styles.get(sign, "")) for sign, line in line_diff(before, after))


def _parameters(parameters: Mapping[str, Json], indent: int, style: str = "") -> list[Text]:
    """Names and values, the values in one column."""
    width = max((len(plainly(n)) for n, v in parameters.items() if document_of(v) is None), default=0)
    return [line for n, v in parameters.items() for line in _parameter(n, v, indent, style, width)]


def _parameter(name: str, value: Json, indent: int, style: str, width: int) -> list[Text]:
    document = document_of(value)
    if document is None:
        head = plainly(name).ljust(width) + "  "
        return [_indented(Text.assemble((head, style or _KEY), (value_text(value), style)), indent)]
    head = plainly(name) + ":"
    return [
        _indented(Text(head, style or _KEY), indent),
        *(_indented(Text(x, style), indent + 2) for x in lines_of(document)),
    ]


def _undo_lines(calls: Sequence[Call], changed: Sequence[Difference]) -> list[Text]:
    """The undo calls; a document that stands above as what was there before is not written out twice."""
    before = [(d.name, d.before) for d in changed]
    if not calls:
        return [_indented(Text("undo: none, this cannot be taken back", "yellow"), 3)]
    lines: list[Text] = []
    for call in calls:
        lines.append(_indented(Text(f"undo: {plainly(call.operation)}", _DIM), 3))
        above = [n for n, v in call.parameters.items() if document_of(v) is not None and (n, v) in before]
        lines += _parameters({n: v for n, v in call.parameters.items() if n not in above}, 9, _DIM)
        lines += [_indented(Text(f"{plainly(n)}: as it was before", _DIM), 9) for n in above]
    return lines


def _sentences(head: str, sentences: Iterable[str]) -> list[Text]:
    return [Text.assemble((f"{head}: ", "yellow"), plainly(s)) for s in sentences]


def _pair(name: str, value: str, style: str = "") -> Text:
    return Text.assemble((name, _DIM), (plainly(value), style))


def _indented(line: Text, by: int) -> Text:
    return Text.assemble(" " * by, line) if by and line.plain else line
