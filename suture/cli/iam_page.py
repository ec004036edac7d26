"""Pictures of policies: the text with its risky parts marked, and escalation paths as numbered steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from chalicelib.iam import globs
from chalicelib.iam.documents import Document, Statement
from chalicelib.iam.paths import all_paths
from chalicelib.redaction import safe_text

from . import output

if TYPE_CHECKING:
    from chalicelib.iam.escalation import Escalation
    from chalicelib.iam.reach import Reach, StatementReach
    from chalicelib.model import Json
    from suture.explain import Explanation

Actions = Mapping[str, Sequence[str]]

_MOST_PATHS, _MOST_STATEMENTS = 5, 40
_RISKY = "bold red"
_STYLES = {"private": "green", "unknown": "yellow", "service-unbound": "yellow"}


def explained(title: str, found: Explanation, policies: Mapping[str, tuple[Json, Document]]) -> Iterator[Text]:
    """The picture of one answer: its policies by name, each as written and as parsed."""
    yield output.text(title, "bold")
    yield from verdict(found)
    marked = _risky_actions(found)
    for name, (raw, document) in policies.items():
        own = document.kind != "identity"
        yield Text()
        yield Text("" if own else "Policy ", "dim") + output.text(f"{document.kind.title()} policy" if own else name)
        yield from marked_policy(raw, document, found.found if own else None, {} if own else marked)
    yield from paths(found.paths)
    for note in found.notes:
        yield Text("Note: ", "yellow") + output.text(note)


def verdict(found: Explanation) -> Iterator[Text]:
    """The answer in a few lines."""
    if found.error:
        yield Text("unknown  ", "yellow") + output.text(found.error)
        return
    if found.found is not None:
        yield Text("Reach: ", "dim") + Text(found.reach, _STYLES.get(found.reach, _RISKY))
    if found.admin is not None:
        yield Text("Administrator", _RISKY)
        yield from (Text("  ") + output.text(reason) for reason in found.admin.reasons)
    if found.paths:
        count = len(found.paths)
        yield Text(f"Escalation: {count} path{'' if count == 1 else 's'}", _RISKY)
    if found.found is None and found.admin is None and not found.paths:
        yield Text("No administrator, and no known path to become one", "green")


def marked_policy(raw: Json, document: Document, reach: Reach | None, actions: Actions) -> Iterator[Text]:
    """The text of a policy, risky lines marked with `»`, and below each statement what was said about it."""
    if isinstance(raw, str):
        raw = json.loads(raw)
    listed: Json = next((v for k, v in raw.items() if k.lower() == "statement"), [])
    statements = listed if isinstance(listed, (list, tuple)) else [listed]
    said = {s.index: s for s in reach.statements} if reach else {}
    worth = [i for i, s in enumerate(document.statements) if _leads_to(s, actions) or _is_open(said.get(i))]
    chosen = range(len(statements)) if len(statements) <= _MOST_STATEMENTS else worth[:_MOST_STATEMENTS]
    for i in chosen:
        statement = document.statements[i]
        about = said.get(i)
        risky = _risky_texts(statement, actions) | set(about.principals if about and _is_open(about) else ())
        yield from _lines(statements[i], risky)
        if about is not None:
            yield Text("    ") + output.text(f"{about.verdict}: {about.reason}", _STYLES.get(about.verdict, _RISKY))
        elif leads := _leads_to(statement, actions):
            yield Text("    ") + output.text(f"leads to: {leads}", _RISKY)
    if reach and not reach.statements:
        yield from (Text("    ") + output.text(reason) for reason in reach.reasons)
    if rest := len(statements) - len(chosen):
        yield Text(f"  … and {rest} statements more", "dim")


def _is_open(about: StatementReach | None) -> bool:
    return about is not None and about.verdict != "private"


def paths(found: Sequence[Escalation]) -> Iterator[Text]:
    """Each path as numbered steps, with what allows them."""
    for escalation in found[:_MOST_PATHS]:
        yield Text()
        when = "  (under a condition)" if escalation.conditional else ""
        yield Text("Path ", "dim") + Text(escalation.path, _RISKY) + Text(when, "yellow")
        for i, step in enumerate(escalation.steps, 1):
            yield Text(f"  {i}. ") + output.text(step)
        yield from (Text("     ") + output.text(reason, "dim") for reason in escalation.reasons)
    if rest := found[_MOST_PATHS:]:
        yield Text()
        yield output.text(f"And {len(rest)} more: {', '.join(e.path for e in rest)}", "dim", limit=4000)


def _risky_actions(found: Explanation) -> Actions:
    """Each action that some path that was found needs, with those paths; `*` for an administrator."""
    walked = {e.path for e in found.paths}
    actions: dict[str, list[str]] = {"*": ["administrator"]} if found.admin else {}
    for path in all_paths():
        for action in (a for need in path.needs for a in need.folded if path.id in walked):
            actions.setdefault(action, []).append(path.id)
    return actions


def _risky_texts(statement: Statement, actions: Actions) -> set[str]:
    """The action patterns of an Allow that take in a risky action; of NotAction, what it says as a whole."""
    if not statement.allows:
        return set()
    if statement.actions is None:
        return {"NotAction"} if actions else set()
    return {p for p in statement.actions if any(globs.matches(globs.fold(p), a) for a in actions)}


def _leads_to(statement: Statement, actions: Actions) -> str:
    """The paths on which a statement is a step; nothing of a Deny, and nothing where there are none."""
    risky = [globs.fold(p) for p in _risky_texts(statement, actions)]
    used = [a for a in actions if statement.actions is None or any(globs.matches(p, a) for p in risky)]
    leads = list(dict.fromkeys(path for a in used for path in actions[a])) if risky else []
    return ", ".join(leads[:_MOST_PATHS]) + (f" and {len(leads) - _MOST_PATHS} more" if leads[_MOST_PATHS:] else "")


def _lines(written: Json, risky: Iterable[str]) -> Iterator[Text]:
    values = {json.dumps(text, ensure_ascii=False) for text in risky}
    for line in json.dumps(written, indent=2, ensure_ascii=False).splitlines():
        core = line.strip().rstrip(",").removesuffix("[").rstrip()
        key, colon, value = core.partition(": ")
        is_risky = core in values or (bool(colon) and (value in values or (key in values and "NotAction" in key)))
        is_risky = is_risky or (core.removesuffix(":") in values and "NotAction" in core)
        indent = " " * (len(line) - len(line.lstrip()))
        mark = "  » " if is_risky else "    "
        yield Text(mark + indent, _RISKY if is_risky else "") + Text(
            safe_text(line.strip(), 400), _RISKY if is_risky else "dim"
        )
