"""A plan as a person wants to read it: each exact call, what it changes from what to what, and the way back.

The lines are Rich `Text` without markup: styled on a terminal, `.plain` elsewhere. Values are shown exactly: what
could mislead an eye (control characters, bidirectional marks, odd spaces) stands as its JSON escape.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from chalicelib.model import Call, Json, Plan, Step
from chalicelib.workbench import is_fresh, is_late

Evidence = Sequence[Mapping[str, Json]]

ABSENT: Final = object()
"""What stands before or after where there is no value."""

_TAKES_AWAY = ("Remove", "Delete", "Detach")
_KEY, _BEFORE, _AFTER, _DIM, _CALL = "cyan", "red", "green", "dim", "bold"
_REVERSIBLE = {"full": "fully reversible", "partial": "partly reversible", "none": "not reversible"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What one call changes: a parameter's or a path's name, its value before and after. ABSENT where there is none."""

    name: str
    before: Json
    after: Json


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
    is_patch = _is_patch(step.call)
    lines = [Text.assemble((f"{number}. ", _DIM), (step.call.operation, _CALL))]
    kept = {n: v for n, v in step.call.parameters.items() if n not in names}
    lines += _parameters({n: v for n, v in kept.items() if not (is_patch and n == "patchOperations")}, 5)
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


def differences(step: Step, evidence: Evidence = ()) -> tuple[Difference, ...]:
    """What a step changes, as far as its undo calls and the case's evidence tell what was there before.

    A call that creates changes nothing: its parameters say all.
    """
    call = step.call
    undo = next((u for u in step.undo if u.operation == call.operation), None)
    if undo is not None:
        return tuple(_patched(call, undo) if _is_patch(call) else _updated(call, undo))
    verb = call.operation.partition(":")[2]
    if verb.startswith(_TAKES_AWAY):
        return _removed(call, step.undo, evidence)
    return tuple(_newly_set(call, step.undo)) if step.undo and not verb.startswith("Create") else ()


def value_text(value: Json) -> str:
    """A value exactly and safely: plain where that cannot mislead, as JSON otherwise."""
    if value is ABSENT:
        return "(nothing)"
    if is_fresh(value):
        return f"read when applied: {_plainly(value['fresh'])}"
    if _is_late(value):
        shows = f"{json.dumps(value['shows'], ensure_ascii=True)}; " if "shows" in value else ""
        late, mark = _plainly(value["late"]), _plainly(value["fingerprint"])
        return f"{shows}a secret, read when applied: {late} (fingerprint {mark})"
    if isinstance(value, str):
        return _plainly(value)
    return json.dumps(value, ensure_ascii=True)


def document_of(value: Json) -> Json:
    """The JSON object or list of objects that `value` is, or holds as text; None for anything simpler."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping) and not _is_late(value) and not is_fresh(value):
        return value
    return value if isinstance(value, list) and any(isinstance(v, Mapping | list) for v in value) else None


def _heading(plan: Plan) -> Iterator[Text]:
    stage = f", stage {_plainly(plan.stage)}," if plan.stage else ""
    yield Text.assemble(
        (f"{_plainly(plan.runbook)} {_plainly(plan.version)}", "bold"), f"{stage} for {_plainly(plan.control)}"
    )
    yield _pair("on    ", plan.arn)
    if not plan.steps:
        yield Text.assemble((f"tier {_plainly(plan.tier)}, by hand", _DIM))
        return
    yield Text.assemble((f"tier {_plainly(plan.tier)}, {_REVERSIBLE.get(plan.reversible, plan.reversible)}", _DIM))


def _updated(call: Call, undo: Call) -> Iterator[Difference]:
    """The same operation back and forth: what differs is what changes."""
    for name in dict.fromkeys((*call.parameters, *undo.parameters)):
        before, after = undo.parameters.get(name, ABSENT), call.parameters.get(name, ABSENT)
        if before != after:
            yield Difference(name, before, after)


def _patched(call: Call, undo: Call) -> Iterator[Difference]:
    """JSON patches of API Gateway: by path, with what the undo patch would put back."""
    before = {p.get("path"): p.get("value", ABSENT) for p in _patches(undo) if p.get("op") != "remove"}
    paths = [p.get("path") for p in _patches(call)]
    for patch in _patches(call):
        path = patch.get("path")
        after = ABSENT if patch.get("op") == "remove" else patch.get("value", ABSENT)
        yield Difference(f"{patch.get('op')} {path}", before.get(path, ABSENT), after)
    rest = [path for path in before if path not in paths]
    yield from (Difference(str(path), before[path], ABSENT) for path in rest)


def _removed(call: Call, undo: Sequence[Call], evidence: Evidence) -> tuple[Difference, ...]:
    """A removal: what goes is the evidence's statement, or else what the undo call would put back."""
    statement = _statement(call, evidence)
    if statement is not None:
        return (Difference("statement", statement, ABSENT),)
    back = {n: v for u in undo[:1] for n, v in u.parameters.items() if call.parameters.get(n, ABSENT) != v}
    return tuple(Difference(name, value, ABSENT) for name, value in back.items())


def _statement(call: Call, evidence: Evidence) -> Json:
    sid, qualifier = call.parameters.get("StatementId"), call.parameters.get("Qualifier")
    if sid is None:
        return None
    same = (e for e in evidence if (e.get("Sid"), e.get("Qualifier")) == (sid, qualifier))
    return next((e["Statement"] for e in same if isinstance(e.get("Statement"), Mapping)), None)


def _newly_set(call: Call, undo: Sequence[Call]) -> Iterator[Difference]:
    """Something set where nothing was: what only this call names did not exist before."""
    shared = [(n, json.dumps(v, default=str)) for u in undo for n, v in u.parameters.items()]
    for name, value in call.parameters.items():
        if (name, json.dumps(value, default=str)) not in shared:
            yield Difference(name, ABSENT, value)


def _difference_lines(difference: Difference, indent: int) -> list[Text]:
    before, after = document_of(difference.before), document_of(difference.after)
    if before is not None or after is not None:
        head = _indented(Text(f"{_plainly(difference.name)}:", _KEY), indent)
        return [head, *(_indented(line, indent + 2) for line in _diff(before, after))]
    old = "(none)" if difference.before is ABSENT else value_text(difference.before)
    new = "(removed)" if difference.after is ABSENT else value_text(difference.after)
    name = f"{_plainly(difference.name)}  "
    return [_indented(Text.assemble((name, _KEY), (old, _BEFORE), " → ", (new, _AFTER)), indent)]


def _diff(before: Json, after: Json) -> Iterator[Text]:
    """A coloured diff of two documents with every line of both. Policies are compared statement by statement."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and _statements(before) and _statements(after):
        rest = [{k: v for k, v in d.items() if k != "Statement"} for d in (before, after)]
        yield from _line_diff(_lines(rest[0]), _lines(rest[1]))
        yield from _statement_diff(_statements(before), _statements(after))
    else:
        yield from _line_diff(_lines(before), _lines(after))


def _statement_diff(before: list[Json], after: list[Json]) -> Iterator[Text]:
    """As many as before: each against the one in its place. Else: those that stay, go and come, each whole."""
    if len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _line_diff(_lines(one), _lines(other))
        return
    old, new = ([json.dumps(s, sort_keys=True) for s in side] for side in (before, after))
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (line for s in before[i1:i2] for line in _line_diff(_lines(s), _lines(s)))
        else:
            yield from (line for s in before[i1:i2] for line in _line_diff(_lines(s), []))
            yield from (line for s in after[j1:j2] for line in _line_diff([], _lines(s)))


def _line_diff(old: list[str], new: list[str]) -> Iterator[Text]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            yield from (Text(f"  {line}") for line in old[i1:i2])
        else:
            yield from (Text(f"- {line}", _BEFORE) for line in old[i1:i2])
            yield from (Text(f"+ {line}", _AFTER) for line in new[j1:j2])


def _lines(document: Json) -> list[str]:
    return [] if document is None else json.dumps(document, indent=2, ensure_ascii=True).splitlines()


def _statements(policy: Mapping[str, Json]) -> list[Json]:
    found = policy.get("Statement")
    return found if isinstance(found, list) else []


def _parameters(parameters: Mapping[str, Json], indent: int, style: str = "") -> list[Text]:
    """Names and values, the values in one column."""
    width = max((len(_plainly(n)) for n, v in parameters.items() if document_of(v) is None), default=0)
    return [line for n, v in parameters.items() for line in _parameter(n, v, indent, style, width)]


def _parameter(name: str, value: Json, indent: int, style: str, width: int) -> list[Text]:
    document = document_of(value)
    if document is None:
        head = _plainly(name).ljust(width) + "  "
        return [_indented(Text.assemble((head, style or _KEY), (value_text(value), style)), indent)]
    head = _plainly(name) + ":"
    return [
        _indented(Text(head, style or _KEY), indent),
        *(_indented(Text(x, style), indent + 2) for x in _lines(document)),
    ]


def _undo_lines(calls: Sequence[Call], changed: Sequence[Difference]) -> list[Text]:
    """The undo calls; a document that stands above as what was there before is not written out twice."""
    before = [(d.name, d.before) for d in changed]
    if not calls:
        return [_indented(Text("undo: none, this cannot be taken back", "yellow"), 3)]
    lines: list[Text] = []
    for call in calls:
        lines.append(_indented(Text(f"undo: {_plainly(call.operation)}", _DIM), 3))
        above = [n for n, v in call.parameters.items() if document_of(v) is not None and (n, v) in before]
        lines += _parameters({n: v for n, v in call.parameters.items() if n not in above}, 9, _DIM)
        lines += [_indented(Text(f"{_plainly(n)}: as it was before", _DIM), 9) for n in above]
    return lines


def _sentences(head: str, sentences: Iterable[str]) -> list[Text]:
    return [Text.assemble((f"{head}: ", "yellow"), _plainly(s)) for s in sentences]


def _pair(name: str, value: str, style: str = "") -> Text:
    return Text.assemble((name, _DIM), (_plainly(value), style))


def _indented(line: Text, by: int) -> Text:
    return Text.assemble(" " * by, line) if by and line.plain else line


def _plainly(value: object) -> str:
    """Text as it is, unless an eye could misread it: then its JSON."""
    text = str(value)
    if text and text.isprintable() and text == " ".join(text.split()) and text[0] not in "\"'":
        return text
    return json.dumps(text, ensure_ascii=True)


def _is_patch(call: Call) -> bool:
    return isinstance(call.parameters.get("patchOperations"), list)


def _patches(call: Call) -> list[Mapping[str, Json]]:
    return [p for p in call.parameters.get("patchOperations") or () if isinstance(p, Mapping)]


def _is_late(value: Json) -> bool:
    return is_late(value) and "fingerprint" in value
