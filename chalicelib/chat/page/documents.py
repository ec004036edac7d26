"""Policy text and calls, line by line: what is risky is marked, and what a call changes stands as a diff.

Parameters are shown from the catalogue's allow-list alone, as in every other message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ... import messages
from ...differences import (
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
from ...model import Json, Plan, Step
from ...plaintext import contains_secret
from ...workbench import is_late
from .html import Html, el, join

_WHO = ("Principal", "NotPrincipal")
NOT_SHOWN = "Not shown here: it looks as if it held a secret. `suture cases show` has it."


def evidence(items: Evidence, plan: Plan | None) -> Html:
    """What the control found. Of a document, the lines that make it risky are marked, in words too."""
    if contains_secret(json.dumps(list(items), default=str)):
        return el("p", NOT_SHOWN, class_="note")
    gone = _removed(plan, items)
    return join(*(_item(number, item, gone) for number, item in enumerate(items, 1)))


def _item(number: int, item: Mapping[str, Json], gone: frozenset[str]) -> Html:
    facts, texts = [], []
    for name, value in item.items():
        document = document_of(value)
        if document is not None and (name in ("Statement", "Document", "Policy") or "Effect" in str(value)):
            texts.append(el("figure", el("figcaption", plainly(name)), _document(document, item, gone), class_="doc"))
        else:
            facts += [el("dt", plainly(name)), el("dd", *_value(value))]
    said = el("dl", *facts, class_="facts") if facts else None
    return el("div", *texts, said, class_="evidence", id=f"evidence-{number}")


def _value(value: Json) -> Iterable[Html | str]:
    if isinstance(value, list) and value and all(isinstance(v, str | int) for v in value):
        return (el("ul", *(el("li", el("code", value_text(v))) for v in value), class_="plain"),)
    return (value_text(value),) if isinstance(value, str) and " " in value else (el("code", value_text(value)),)


def _document(document: Json, item: Mapping[str, Json], gone: frozenset[str]) -> Html:
    named = frozenset(_strings([v for n, v in item.items() if document_of(v) is None]))
    marked = list(_marked(lines_of(document), named, gone))
    if not any(risky for _, risky in marked):
        marked = [(line, False) for line, _ in marked]
    return el("pre", el("code", *(_line(line, risky) for line, risky in marked)), tabindex="0")


def _line(line: str, risky: bool) -> Html:
    if not risky:
        return el("span", line + "\n")
    indent = line[: len(line) - len(line.lstrip())]
    mark = el("mark", el("span", "risky: ", class_="unseen"), line.lstrip())
    return el("span", indent, mark, "\n")


def _marked(lines: Sequence[str], named: frozenset[str], gone: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """Lines with whether they are risky: the plan takes them away, the finding names them, or they mean everybody."""
    inside = ""
    for line in lines:
        bare = line.strip().rstrip(",")
        key, _, rest = bare.partition('": ')
        inside = key.lstrip('"') if rest and line.startswith("  ") and line[2:3] != " " else inside
        value = (rest or bare).strip('"')
        everybody = inside in _WHO and value == "*"
        yield line, bool(value.strip("{}[] ")) and (bare in gone or value in named or everybody)


def _removed(plan: Plan | None, items: Evidence) -> frozenset[str]:
    """The lines that the plan's calls take out of documents, or change."""
    found = (d for step in (plan.steps if plan else ()) for d in differences(step, items))
    pairs = ((document_of(d.before), document_of(d.after)) for d in found)
    lines = (line for before, after in pairs if before and after for line in line_diff(before, after))
    return frozenset(text.strip().rstrip(",") for sign, text in lines if sign == "-") - {"{", "}", "[", "]", ""}


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)


def calls(plan: Plan, shown: Mapping[str, Sequence[str]], items: Evidence) -> Html:
    """Every call, what it changes from what to what, and what takes it back."""
    made = el("ol", *(_step(step, shown, items) for step in plan.steps), class_="calls")
    return el("p", NOT_SHOWN, class_="note") if contains_secret(json.dumps(plan.as_json(), default=str)) else made


def _step(step: Step, shown: Mapping[str, Sequence[str]], items: Evidence) -> Html:
    allowed = shown.get(step.call.operation, ())
    changed = [d for d in differences(step, items) if messages.may_show(d.name, allowed)]
    rest = [
        (name, value)
        for name, value in step.call.parameters.items()
        if name not in {d.name for d in changed} and not (name == "patchOperations" and is_patch(step.call))
    ]
    facts = (part for n, v in rest for part in (el("dt", plainly(n)), el("dd", _parameter(n, v, allowed))))
    service, _, verb = step.call.operation.partition(":")
    return el(
        "li",
        el("h3", el("span", service, class_="service"), verb.partition("#")[0]),
        el("dl", *facts, class_="facts") if rest else None,
        *(_difference(d) for d in changed),
        _undo(step, shown, [d.before for d in changed]),
    )


def _parameter(name: str, value: Json, allowed: Sequence[str]) -> Html:
    if is_late(value) and "shows" in value:
        return el("code", value_text(value["shows"]))
    return el("code", value_text(value)) if name in allowed else el("span", "not shown", class_="dim")


def _difference(difference: Difference) -> Html:
    before, after = document_of(difference.before), document_of(difference.after)
    if before is None and after is None:
        old = "none" if difference.before is ABSENT else value_text(difference.before)
        new = "removed" if difference.after is ABSENT else value_text(difference.after)
        sides = (
            el("del", _side("before: ", old)),
            el("span", " → ", aria_hidden="true"),
            el("ins", _side("after: ", new)),
        )
        return el("p", el("b", plainly(difference.name)), " ", *sides, class_="turn")
    lines = list(line_diff(before, after))
    rows = (_diff_line(sign, text) for sign, text in lines)
    gone, come = (sum(sign == s for sign, _ in lines) for s in "-+")
    caption = el("figcaption", plainly(difference.name), el("small", f" {_lines(gone)} removed, {_lines(come)} added"))
    return el("figure", caption, el("pre", el("code", *rows), tabindex="0"), class_="doc diff")


def _lines(count: int) -> str:
    return f"{count} line{'s'[: count != 1]}"


def _side(said: str, text: str) -> tuple[Html, str]:
    return el("span", said, class_="unseen"), text


def _diff_line(sign: str, text: str) -> Html:
    if sign == " ":
        return el("span", f"  {text}\n")
    said = el("span", "removed: " if sign == "-" else "added: ", class_="unseen")
    name = "del" if sign == "-" else "ins"
    return el(name, said, f"{sign} {text}\n")


def _undo(step: Step, shown: Mapping[str, Sequence[str]], before: Sequence[Json]) -> Html:
    if not step.undo:
        return el("p", "Nothing takes this call back.", class_="note")
    rows = []
    for undo in step.undo:
        back = {n: "(as it was before)" for n, v in undo.parameters.items() if v in before}
        rows.append(el("li", el("code", messages.call(replace(undo, parameters={**undo.parameters, **back}), shown))))
    return el("details", el("summary", "Taken back by"), el("ul", *rows, class_="plain"))
