"""A case as a page: what is wrong and why, who caused it, the plan, who may decide, and everything that happened.

The answer comes over a network: every key may be missing or of another type, and then its line is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from chalicelib.model import Json, Plan

from . import output
from .plans import plan_lines

_WIDTH = 12


def page(answer: Mapping[str, Json]) -> Iterator[Text]:
    """All lines of one case, as `GET /cases/{id}` answers."""
    case = answer.get("case") or {}
    yield from _heading(case)
    if answer.get("waits"):
        yield output.text(f"Waits: {answer['waits']}", "bold yellow", limit=1000)
    yield from _why(case)
    plan = plan_of(case)
    if plan is not None:
        yield Text()
        yield from plan_lines(plan, evidence_of(case))
    yield from _deciding(answer)
    yield from _story(_mappings(answer.get("records")))
    yield from _calls_made(_mappings(answer.get("journal")))


def plan_of(case: Mapping[str, Json]) -> Plan | None:
    """The case's plan, or None when it has none that can be read."""
    try:
        return Plan.from_json(case["plan"]) if case.get("plan") else None
    except (KeyError, TypeError, AttributeError):
        return None


def evidence_of(case: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    return tuple(_mappings(case.get("evidence")))


def rows(cases: Iterable[Mapping[str, Json]]) -> list[tuple[Text, ...]]:
    """Table rows of summaries, the gravest and newest first: id, severity, state, control, resource, updated."""
    newest = sorted(cases, key=lambda c: str(c.get("updated", "")), reverse=True)
    ranked = sorted(newest, key=lambda c: output.severity_rank(str(c.get("severity", ""))))
    return [
        (
            output.text(c.get("id", "")),
            output.severity(str(c.get("severity", ""))),
            output.text(c.get("state", ""), state_style(str(c.get("state", "")))),
            output.text(c.get("control", "")),
            output.text(c.get("arn") or c.get("resource_id") or ""),
            output.text(moment_of(c.get("updated", ""))),
        )
        for c in ranked
    ]


def paused(answer: Mapping[str, Json]) -> Iterator[Text]:
    """The kill switches that are off, and how many of the cases wait for one."""
    if answer.get("paused"):
        yield output.text("Paused: nothing is written until two people resume", "bold yellow")
    for pause in _mappings(answer.get("pauses")):
        who = f"by {pause.get('by')} since {moment_of(pause.get('at'))}: {pause.get('reason') or 'no reason given'}"
        asks = pause.get("resume")
        more = f"; {', '.join(map(str, asks))} asks to resume" if isinstance(asks, list) and asks else ""
        yield output.text(f"Paused: {pause.get('scope')} {who}{more}", "yellow", limit=1000)
    waiting = sum(1 for case in _mappings(answer.get("cases")) if case.get("waits"))
    if waiting:
        yield output.text(f"{waiting} approved or begun, and held by a pause: `suture cases show` says by which")


COLUMNS = ("CASE", "SEVERITY", "STATE", "CONTROL", "RESOURCE", "UPDATED")


def state_style(state: str) -> str:
    if state in ("RESOLVED", "UNDONE"):
        return "green"
    if state in ("ESCALATED", "UNDO_FAILED"):
        return "bold red"
    return "yellow" if state in ("PENDING", "WAITING_OWNER") else ""


def _heading(case: Mapping[str, Json]) -> Iterator[Text]:
    state = str(case.get("state", ""))
    yield Text.assemble(
        output.text(case.get("id", ""), "bold"),
        "  ",
        output.text(state, state_style(state)),
        "  ",
        output.severity(str(case.get("severity", ""))),
    )
    if case.get("title"):
        yield output.text(case["title"], limit=1000)
    yield from _fields(
        {
            "Control": case.get("control"),
            "Resource": case.get("arn"),
            "Account": f"{case.get('account', '')} {case.get('region', '')}".strip(),
            "Opened": moment_of(case.get("opened")),
            "Updated": moment_of(case.get("updated")),
            "Expires": moment_of(case.get("expires")),
            "Until": moment_of(case.get("until")),
            "Owned by": case.get("owned_by"),
            "Stage": _stage(case.get("standing")),
            "Outcome": case.get("outcome"),
        }
    )


def _stage(standing: Json) -> str:
    """`3 of 9, grant; next: approvers`, of a staged case."""
    if not isinstance(standing, Mapping) or not standing:
        return ""
    return f"{standing.get('number')} of {standing.get('of')}, {standing.get('stage')}; next: {standing.get('who')}"


def _why(case: Mapping[str, Json]) -> Iterator[Text]:
    causers = [_causer(c) for c in _mappings(case.get("causers"))]
    if case.get("action") or causers:
        said = f"{case.get('action', '')} by {', '.join(causers) or 'nobody known'}".strip()
        yield from _fields({"Changed": said})
    decision = str(case.get("decision") or "")
    for reason in _strings(case.get("reasons")):
        yield from _fields({"Decision": f"{decision}: {reason}" if decision else reason})
    for note in _strings(case.get("notes")):
        yield from _fields({"Note": note})


def _causer(causer: Mapping[str, Json]) -> str:
    name = str(causer.get("arn") or causer.get("invoked_by") or causer.get("kind") or "unknown")
    session = causer.get("session")
    return f"{name} (session {session})" if session else name


def _deciding(answer: Mapping[str, Json]) -> Iterator[Text]:
    can, quorum = _strings(answer.get("can_decide")), answer.get("quorum")
    words = _mappings(answer.get("approvals"))
    reasons = _strings(quorum.get("reasons")) if isinstance(quorum, Mapping) else []
    if not (can or reasons or words):
        return
    yield Text()
    yield Text("Decisions", "bold")
    yield from _fields({"May decide": ", ".join(can)})
    for word in words:
        why = f": {word['reason']}" if word.get("reason") else ""
        said = f"{word.get('person', '?')} says {word.get('given', '?')} to {word.get('about', 'apply')}{why}"
        yield from _fields({moment_of(word.get("at")): said})
    about = f"For {quorum.get('about', 'apply')}" if isinstance(quorum, Mapping) else ""
    for reason in reasons:
        yield from _fields({about: reason})


def _story(records: Sequence[Mapping[str, Json]]) -> Iterator[Text]:
    if not records:
        return
    yield Text()
    yield Text("What happened", "bold")
    for record in records:
        move = f"{record.get('from') or '·'} → {record.get('to')}" if record.get("to") else ""
        yield Text.assemble(
            output.text(moment_of(record.get("at")), "dim"),
            "  ",
            output.text(move, state_style(str(record.get("to", "")))),
            "  ",
            output.text(record.get("what", ""), limit=1000),
            *((" ", output.text(f"({record['by']})", "dim")) if record.get("by") else ()),
        )
        details = record.get("details")
        if isinstance(details, Mapping) and details.get("next"):
            yield output.text(f"  Next: {details['next']}", "yellow", limit=1000)


def _calls_made(journal: Sequence[Mapping[str, Json]]) -> Iterator[Text]:
    if not journal:
        return
    yield Text()
    yield Text("Calls made", "bold")
    for entry in journal:
        inner = entry.get("call")
        call = inner if isinstance(inner, Mapping) else entry
        name = call.get("operation") or entry.get("what") or entry.get("sk") or ""
        done = {True: "done", False: "open"}.get(entry.get("done", None), "")
        at = moment_of(entry.get("at") or entry.get("started"))
        yield Text.assemble(output.text(at, "dim"), "  ", output.text(name), "  ", output.text(done, "green"))


def _fields(pairs: Mapping[str, Any]) -> Iterator[Text]:
    for name, value in pairs.items():
        if value not in (None, "", [], ()):
            head = output.text(name).plain.ljust(_WIDTH)
            yield Text.assemble((head + " ", "dim"), output.text(value, limit=1000))


def moment_of(value: Json) -> str:
    """`2026-01-02T03:04:05.678Z` as `2026-01-02 03:04:05Z`; anything else as it is."""
    text = str(value or "")
    if len(text) >= 20 and text[10] == "T" and text.endswith("Z"):
        return f"{text[:10]} {text[11:19]}Z"
    return text


def _mappings(value: Json) -> list[Mapping[str, Json]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list | tuple) else []


def _strings(value: Json) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list | tuple) else []
