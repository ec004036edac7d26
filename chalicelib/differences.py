"""What a plan's calls change, from what to what: told from the calls, their undo calls and the case's evidence alone.

Pure. Whoever shows it (terminal, Slack, a page) decides what of it may be shown, and how it is escaped.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .model import Call, Json, Step
from .workbench import is_fresh, is_late

Evidence = Sequence[Mapping[str, Json]]
Line = tuple[str, str]
"""One line of a diff: `-`, `+` or a space, and the text."""

ABSENT: Final = object()
"""What stands before or after where there is no value."""

_TAKES_AWAY = ("Remove", "Delete", "Detach")


@dataclass(frozen=True, slots=True)
class Difference:
    """What one call changes: a parameter's or a path's name, its value before and after. ABSENT where there is none."""

    name: str
    before: Json
    after: Json


def differences(step: Step, evidence: Evidence = ()) -> tuple[Difference, ...]:
    """What a step changes, as far as its undo calls and the case's evidence tell what was there before.

    A call that creates changes nothing: its parameters say all.
    """
    call = step.call
    undo = next((u for u in step.undo if u.operation == call.operation), None)
    if undo is not None:
        return tuple(_patched(call, undo) if is_patch(call) else _updated(call, undo))
    verb = call.operation.partition(":")[2]
    if verb.startswith(_TAKES_AWAY):
        return _removed(call, step.undo, evidence)
    return tuple(_newly_set(call, step.undo)) if step.undo and not verb.startswith("Create") else ()


def value_text(value: Json) -> str:
    """A value exactly and safely: plain where that cannot mislead, as JSON otherwise."""
    if value is ABSENT:
        return "(nothing)"
    if is_fresh(value):
        return f"read when applied: {plainly(value['fresh'])}"
    if _is_planned_late(value):
        shows = f"{json.dumps(value['shows'], ensure_ascii=True)}; " if "shows" in value else ""
        late, mark = plainly(value["late"]), plainly(value["fingerprint"])
        return f"{shows}a secret, read when applied: {late} (fingerprint {mark})"
    if isinstance(value, str):
        return plainly(value)
    return json.dumps(value, ensure_ascii=True)


def document_of(value: Json) -> Json:
    """The JSON object or list of objects that `value` is, or holds as text; None for anything simpler."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping) and not _is_planned_late(value) and not is_fresh(value):
        return value
    return value if isinstance(value, list) and any(isinstance(v, Mapping | list) for v in value) else None


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


def line_diff(before: Json, after: Json) -> Iterator[Line]:
    """A diff of two documents with every line of both. Policies are compared statement by statement."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and _statements(before) and _statements(after):
        rest = [{k: v for k, v in d.items() if k != "Statement"} for d in (before, after)]
        yield from _line_diff(lines_of(rest[0]), lines_of(rest[1]))
        yield from _statement_diff(_statements(before), _statements(after))
    else:
        yield from _line_diff(lines_of(before), lines_of(after))


def _statement_diff(before: list[Json], after: list[Json]) -> Iterator[Line]:
    """As many as before: each against the one in its place. Else: those that stay, go and come, each whole."""
    if len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _line_diff(lines_of(one), lines_of(other))
        return
    old, new = ([json.dumps(s, sort_keys=True) for s in side] for side in (before, after))
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (line for s in before[i1:i2] for line in _line_diff(lines_of(s), lines_of(s)))
        else:
            yield from (line for s in before[i1:i2] for line in _line_diff(lines_of(s), []))
            yield from (line for s in after[j1:j2] for line in _line_diff([], lines_of(s)))


def _line_diff(old: list[str], new: list[str]) -> Iterator[Line]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in old[i1:i2])
        else:
            yield from (("-", line) for line in old[i1:i2])
            yield from (("+", line) for line in new[j1:j2])


def lines_of(document: Json) -> list[str]:
    return [] if document is None else json.dumps(document, indent=2, ensure_ascii=True).splitlines()


def _statements(policy: Mapping[str, Json]) -> list[Json]:
    found = policy.get("Statement")
    return found if isinstance(found, list) else []


def plainly(value: object) -> str:
    """Text as it is, unless an eye could misread it: then its JSON."""
    text = str(value)
    if text and text.isprintable() and text == " ".join(text.split()) and text[0] not in "\"'":
        return text
    return json.dumps(text, ensure_ascii=True)


def is_patch(call: Call) -> bool:
    return isinstance(call.parameters.get("patchOperations"), list)


def _patches(call: Call) -> list[Mapping[str, Json]]:
    return [p for p in call.parameters.get("patchOperations") or () if isinstance(p, Mapping)]


def _is_planned_late(value: Json) -> bool:
    return is_late(value) and "fingerprint" in value
