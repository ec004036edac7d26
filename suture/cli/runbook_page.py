"""A runbook as a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from rich.text import Text

from chalicelib.model import Json

from . import output


def page(document: Mapping[str, Json]) -> Iterator[Text]:
    """All lines of one runbook, from its document as packaged."""
    yield Text.assemble(output.text(f"{document['id']} {document['version']}", "bold"))
    yield output.text(document["title"])
    yield Text()
    yield output.text(document["why"], limit=2000)
    yield Text()
    approval, limits = document["approval"], document["limits"]
    yield _row("Remediates", ", ".join(document["remediates"]))
    if document.get("steps"):
        yield _row("Tier", f"{document['tier']}, reversible: {document['reversible']}, at most {document['mode']}")
        yield _row("Approval", _needs(approval))
        again = f"at most {limits['max_reapply']} again within {limits['cooldown']}"
        yield _row("Limits", f"{limits['per_hour']} fixes an hour by one causer, {again}")
    else:
        yield _row("Tier", f"{document['tier']}, by hand")
        yield _row("Accepted by", f"{', '.join(approval['groups'])}, for a while")
    for name, value in document.get("params", {}).items():
        yield _row("Parameter", f"{name}: {json.dumps(value)}")
    yield _row("Digest", document["digest"])
    yield from _part(document)
    for number, stage in enumerate(document.get("stages", ()), 1):
        yield Text()
        yield Text.assemble((f"Stage {number}: ", "dim"), output.text(stage["name"], "bold"))
        yield _row("Next", f"{stage['who']}: {stage['says']}")
        if "done" in stage:
            yield _row("Done when", stage["done"])
        if "approval" in stage:
            yield _row("Approval", _needs(stage["approval"]))
        yield from _part(stage)


def _part(document: Mapping[str, Json]) -> Iterator[Text]:
    """What a runbook or one of its stages does."""
    yield from _guards(document)
    yield from _steps(document)
    for sentence in document.get("manual", ()):
        yield _row("By hand", sentence)


def _needs(approval: Mapping[str, Json]) -> str:
    people = f"{approval['min']} person" if approval["min"] == 1 else f"{approval['min']} people"
    return f"{people}, at least one each of {', '.join(approval['groups'])}, within {approval['expires']}"


def _guards(document: Mapping[str, Json]) -> Iterator[Text]:
    for guard in document.get("guards", ()):
        yield _row("Guard", f"{guard['expect']}, else {guard['else']}: {guard['why']}")


def _steps(document: Mapping[str, Json]) -> Iterator[Text]:
    yield Text()
    if not document.get("steps") and not document.get("stages"):
        yield output.text("It makes no call: people do all of it.")
    for number, step in enumerate(document.get("steps", ()), 1):
        each = f"for each of {step['each']}" if step.get("each") else ""
        yield Text.assemble((f"{number}. ", "dim"), output.text(step["call"], "bold"), " ", output.text(each, "dim"))
        yield from _parameters(step, 5)
        undo = step.get("undo", "none")
        for call in [undo] if isinstance(undo, Mapping) else undo if isinstance(undo, list) else []:
            yield Text.assemble("   ", output.text(f"undo: {call['call']}", "dim"))
            yield from _parameters(call, 9)
    for check in document.get("verify", ()):
        yield Text.assemble(("then ", "dim"), output.text(check["call"], "bold"))
        yield Text.assemble("     ", output.text(f"expect {check['expect']}", limit=1000))
    yield Text()


def _parameters(call: Mapping[str, Json], indent: int) -> Iterator[Text]:
    if call.get("when"):
        yield Text.assemble(" " * indent, output.text(f"when {call['when']}", "dim", 1000))
    for name, value in call["with"].items():
        shown = value if isinstance(value, str) else json.dumps(value)
        yield Text.assemble(" " * indent, output.text(name, "cyan"), "  ", output.text(shown, limit=1000))


def _row(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<11} ", "dim"), output.text(value, limit=1500))
