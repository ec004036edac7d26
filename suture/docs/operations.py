"""The catalogue of operations, with who calls each and whose role allows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from chalicelib.aws.entries import Operation
from chalicelib.aws.operations import OPERATIONS
from chalicelib.aws.readers import all_readers
from chalicelib.model import Json
from suture.duties import DUTIES

from .markdown import code, codes, page, table
from .runbooks import Book

_KINDS = (
    ("read", "Reads of customers' resources", "Readers make them, and runbooks may verify with them."),
    ("write", "Writes to customers' resources", "Only the writers make them, and only from a plan."),
    (
        "late",
        "Reads of values",
        "A late value that says `stored` asks for them, inside an undo; no runbook may name them.",
    ),
    ("own", "Suture's own plumbing", "No runbook may name them."),
    (
        "look",
        "What only commands read",
        "The `suture` command makes them, with the credentials of whoever runs it. No runbook may name them.",
    ),
)

_REPEATED = {
    "state": "sent twice, the same end state",
    "token": "carries an idempotency token",
    "none": "looked at before it is sent again",
}


def page_for(root: Path, books: Sequence[Book]) -> str:
    """The page. Roles are read from the rendered policies below `root`."""
    allowed = {name: _actions(root / ".chalice" / f"{name}.policy.json") for name in DUTIES}
    intro = (
        "Every AWS call that Suture may make. `chalicelib/aws/operations.py` is the catalogue; what is not in it "
        "cannot be called. Policies are rendered from it, the executor refuses by it, and the sandbox authorises by it."
    )
    return page("# Operations", intro, *(part for kind in _KINDS for part in _section(*kind, books, allowed)))


def _section(
    kind: str, title: str, what: str, books: Sequence[Book], allowed: Mapping[str, frozenset[str]]
) -> Sequence[str]:
    found = {name: entry for name, entry in OPERATIONS.items() if entry.kind == kind}
    rows = [(code(name), _iam(entry), _users(name, books), _roles(entry, allowed)) for name, entry in found.items()]
    parts = [f"## {title}", what, table(("operation", "IAM action", "called for", "roles that allow it"), rows)]
    if kind == "write":
        limits = [(code(name), _REPEATED[e.repeat], codes(e.never) or "-", codes(e.shown)) for name, e in found.items()]
        head = ("operation", "a retry", "parameters never allowed", "parameters a message may show")
        parts += ["Their limits:", table(head, limits)]
    return parts


def _iam(entry: Operation) -> str:
    return codes(dict.fromkeys(action for action, _ in entry.iam)) or "none needed"


def _users(name: str, books: Sequence[Book]) -> str:
    readers = [f"reader of {code(kind)}" for kind, reader in sorted(all_readers().items()) if name in reader.OPERATIONS]
    runbooks = [f"[{b.id} {b.version}](runbooks/{b.id}.md)" for b in books if name in b.loaded.operations()]
    others = {"own": "Suture itself", "look": "`suture iam`"}
    return ", ".join([*readers, *runbooks]) or others.get(OPERATIONS[name].kind, "-")


def _roles(entry: Operation, allowed: Mapping[str, frozenset[str]]) -> str:
    wanted = {action for action, _ in entry.iam}
    return codes(name for name, actions in allowed.items() if wanted and wanted <= actions) or "-"


def _actions(path: Path) -> frozenset[str]:
    document: Mapping[str, Json] = json.loads(path.read_text("utf-8"))
    return frozenset(a for s in document["Statement"] if s["Effect"] == "Allow" for a in s["Action"])
