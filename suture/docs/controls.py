"""A page a control, their index, and the table in the README."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence

from chalicelib.aws.readers import all_readers
from chalicelib.controls import Control, all_controls
from chalicelib.model import SEVERITIES

from . import markdown
from .markdown import bullets, code, codes, facts, page
from .runbooks import Book, newest


def pages(books: Sequence[Book]) -> Mapping[str, str]:
    """Every control's page and `controls/README.md`, by path below docs/."""
    found = {f"controls/{name}.md": _page(name, control, books) for name, control in all_controls().items()}
    intro = (
        "A control is a statement that should hold. Each is one file in `chalicelib/controls/`, judges one resource "
        "from a fresh read, and answers with a finding that carries its evidence. The pages below are written from "
        "those files."
    )
    return {**found, "controls/README.md": page("# Controls", intro, _table(books, "", "../runbooks/"))}


def table(books: Sequence[Book], docs: str) -> str:
    """All controls with the runbook that remediates each; links go below `docs`."""
    return _table(books, f"{docs}controls/", f"{docs}runbooks/")


def _table(books: Sequence[Book], controls: str, runbooks: str) -> str:
    ranked = sorted(all_controls().items(), key=lambda e: (-SEVERITIES.index(e[1].severity), e[0]))
    rows = [
        (
            f"[{name}]({controls}{name}.md)",
            control.severity,
            control.title,
            _fix(name, books, runbooks),
        )
        for name, control in ranked
    ]
    return markdown.table(("control", "severity", "what should hold", "runbook: tier, the most it may do"), rows)


def _fix(name: str, books: Sequence[Book], folder: str) -> str:
    found = (f"[{b.id}]({folder}{b.id}.md): {b.document['tier']}, {b.document['mode']}" for b in _of(name, books))
    return "; ".join(found) or "none"


def _of(name: str, books: Sequence[Book]) -> Sequence[Book]:
    return [book for book in newest(books) if name in book.document["remediates"]]


def _page(name: str, control: Control, books: Sequence[Book]) -> str:
    reader = all_readers()[control.resource_type]
    return page(
        f"# {name}",
        f"**{control.title}.** {control.why}",
        facts(
            (
                ("Severity", control.severity),
                ("Pillar", control.pillar),
                ("Resource type", code(control.resource_type)),
                (
                    "Public access",
                    "yes: a fix that may be automatic is, even where infrastructure as code owns the resource",
                )
                if control.public_access
                else ("Public access", "no"),
            )
        ),
        "## When it looks",
        *_occasions(control),
        f"It judges a fresh read. Its reader may make these calls and no others: {codes(sorted(reader.OPERATIONS))}.",
        "## What a finding carries",
        " ".join((inspect.getdoc(control.judge) or "").split()),
        "## How it is remediated",
        _remediation(name, books),
        "## Elsewhere",
        facts((("Other tools call it", codes(control.peers)), ("Module", code(f"chalicelib/controls/{_file(name)}")))),
        bullets(control.references),
    )


def _occasions(control: Control) -> Iterator[str]:
    """When it looks; a type that is only another sight of an AWS object is found by the sweep alone."""
    reader = all_readers()[control.resource_type]
    if hasattr(reader, "OBJECT"):
        yield (
            f"No event leads to it. It is another sight of an {code(reader.OBJECT)}: the sweep finds it, and looks at "
            f"each once in {reader.EVERY} hours, spread over them."
        )
        return
    yield (
        "After these calls, when CloudTrail tells of them; after findings of other tools that point to the resource; "
        "when AWS Config records it; and at every sweep."
    )
    yield bullets(f"{code(signal.source)}: {codes(dict.fromkeys(signal.names))}" for signal in control.signals)


def _remediation(name: str, books: Sequence[Book]) -> str:
    rows = [
        (f"[{b.id}](../runbooks/{b.id}.md)", b.version, *(b.document[key] for key in ("tier", "reversible", "mode")))
        for b in _of(name, books)
    ]
    if not rows:
        return "No runbook remediates it: its findings are observed."
    return markdown.table(("runbook", "newest version", "tier", "reversible", "the most it may do"), rows)


def _file(name: str) -> str:
    return name.replace("-", "_") + ".py"
