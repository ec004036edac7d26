"""All cases as one self-contained HTML page: no script, no asset from elsewhere, every value escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from rich.text import Text

from chalicelib.model import Json, Plan

from ..cli.plans import step_lines

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --good: #18794e; --bad: #c62a2f; --wait: #946800 }
@media (prefers-color-scheme: dark) { :root { --dim: #999; --good: #4cc38a; --bad: #ff6369; --wait: #f0c000 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin: 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem } .wide { overflow-x: auto }
del { text-decoration: none } td:first-child { white-space: nowrap }
td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
article { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1.5rem 0 }
pre { overflow-x: auto; font-size: .85rem; background: #8881; padding: .8rem; border-radius: .4rem }
.state { font-weight: 600 } .RESOLVED, .WAITING_OWNER, .WATCHING { color: var(--good) }
.ESCALATED, .UNDO_FAILED { color: var(--bad) } .PENDING, .REJECTED, .UNDONE { color: var(--wait) }
.dim { color: var(--dim); font-size: .9rem } ins { color: var(--good); text-decoration: none } del { color: var(--bad) }
code { overflow-wrap: anywhere }
"""
_TAGS = {"green": "ins", "red": "del", "bold": "b"}


def write(path: Path, cases: Sequence[Mapping[str, Json]]) -> Path:
    """Write the page and answer with its path. `cases` are as the decision API shows them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(page(cases)), encoding="utf-8")
    return path


def page(cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """The page, piece by piece."""
    yield "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    yield f"<title>Suture: {len(cases)} cases</title><style>{_STYLE}</style><h1>Suture: {len(cases)} cases</h1>"
    yield "<div class=wide><table><thead><tr><th>Case<th>Control<th>Resource<th>State<th>Outcome</thead>"
    for shown in cases:
        yield _row(shown["case"])
    yield "</table></div>"
    for shown in cases:
        yield from _article(shown)
    yield "</html>\n"


def _row(case: Mapping[str, Json]) -> str:
    link = f"<a href='#{_e(case['id'])}'>{_e(case['id'])}</a>"
    cells = (link, _e(case["control"]), _e(case["resource_id"]), _state(case), _e(case["outcome"]))
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells)


def _article(shown: Mapping[str, Json]) -> Iterator[str]:
    case = shown["case"]
    yield f"<article id='{_e(case['id'])}'><h2>{_e(case['control'])} on {_e(case['resource_id'])}</h2>"
    yield f"<p>{_e(case['title'])}<p class=dim><code>{_e(case['arn'])}</code> · {_e(case['severity'])} · {_state(case)}"
    causers = ", ".join(c["arn"] or c["kind"] for c in case["causers"]) or "unknown"
    yield f"<p>Changed by {_e(causers)}{_e(' with ' + case['action']) if case['action'] else ''}. "
    yield " ".join(f"{_e(r)}." for r in case["reasons"])
    if case["plan"]:
        yield from _plan(Plan.from_json(case["plan"]), case["evidence"])
    yield from (f"<p class=dim>{_e(note)}" for note in case["notes"])
    yield "<div class=wide><table><thead><tr><th>At (UTC)<th>To<th>By<th>What</thead>"
    for record in shown["records"]:
        cells = (_e(record["at"]), _e(record["to"]), _e(record["by"]), _e(record["what"]))
        yield "<tr>" + "".join(f"<td>{cell}" for cell in cells)
    yield "</table></div></article>"


def _plan(plan: Plan, evidence: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    yield f"<p class=dim>{_e(plan.runbook)} {_e(plan.version)}, {_e(plan.tier)} tier · <code>{_e(plan.digest)}</code>"
    if plan.steps:
        yield from _steps(plan, evidence)
    if plan.manual:
        yield "<p>What a person still has to do:<ul>" + "".join(f"<li>{_e(m)}" for m in plan.manual) + "</ul>"


def _steps(plan: Plan, evidence: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    yield "<pre>"
    for number, step in enumerate(plan.steps, 1):
        yield "\n".join(_html(line) for line in step_lines(number, step, evidence)) + "\n"
    yield "</pre>"


def _html(line: Text) -> str:
    """A styled line as HTML: what is green was added, what is red goes."""
    parts, plain, at = [], line.plain, 0
    for span in sorted(line.spans, key=lambda s: s.start):
        tag = _TAGS.get(str(span.style))
        if tag is None or span.start < at:
            continue
        parts.append(_e(plain[at : span.start]) + f"<{tag}>{_e(plain[span.start : span.end])}</{tag}>")
        at = span.end
    parts.append(_e(plain[at:]))
    tag = _TAGS.get(str(line.style))
    return f"<{tag}>{''.join(parts)}</{tag}>" if tag else "".join(parts)


def _state(case: Mapping[str, Json]) -> str:
    return f"<span class='state {_e(case['state'])}'>{_e(case['state'])}</span>"


def _e(value: object) -> str:
    return escape(str(value), quote=True)
