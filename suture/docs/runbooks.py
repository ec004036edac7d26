"""A page a runbook with everything that each of its versions may do, and their index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from chalicelib.errors import BadGovernance, BadRunbook
from chalicelib.model import Json
from chalicelib.runbooks import Approval, Guard, Runbook, Stage, runbook
from chalicelib.writers import writer_of
from suture import yamlfile

from .markdown import block, bullets, code, codes, facts, page, table


@dataclass(frozen=True, slots=True)
class Book:
    """One version as its author wrote it, as functions load it, and the mode it is pinned to as shipped."""

    document: Mapping[str, Json]
    loaded: Runbook
    pinned: str

    @property
    def id(self) -> str:
        return self.loaded.id

    @property
    def version(self) -> str:
        return self.loaded.version


def read(root: Path) -> Sequence[Book]:
    """Every version below `root`, by id, the newest version first. Raises BadRunbook, BadGovernance."""
    pins_file = root / "governance" / "pins.yaml"
    pins = yamlfile.load(pins_file, BadGovernance, root).document["pins"] if pins_file.is_file() else ()
    modes = {(p["runbook"], p["version"]): p["mode"] for p in pins}
    sources = [yamlfile.load(p, BadRunbook, root) for p in sorted((root / "runbooks").glob("*/*.yaml"))]
    loaded = [runbook(s.document, s.digest) for s in sources]
    books = [Book(s.document, b, modes.get((b.id, b.version), "")) for s, b in zip(sources, loaded, strict=True)]
    return sorted(sorted(books, key=_number, reverse=True), key=lambda b: b.id)


def newest(books: Sequence[Book]) -> Sequence[Book]:
    """The newest version of each runbook."""
    found: dict[str, Book] = {}
    for book in books:
        found.setdefault(book.id, book)
    return tuple(found.values())


def _number(book: Book) -> tuple[int, ...]:
    return tuple(int(part) for part in book.version.split("."))


def pages(books: Sequence[Book]) -> Mapping[str, str]:
    """Every runbook's page and `runbooks/README.md`, by path below docs/."""
    found = {f"runbooks/{b.id}.md": _page(b.id, [o for o in books if o.id == b.id]) for b in newest(books)}
    rows = [
        (f"[{b.id}]({b.id}.md)", b.version, _controls(b), *(b.document[k] for k in ("tier", "reversible", "mode")))
        for b in newest(books)
    ]
    columns = ("runbook", "newest version", "remediates", "tier", "reversible", "the most it may do")
    intro = "What Suture may do, as data. [How to write one](../runbooks.md) says what every field means."
    return {**found, "runbooks/README.md": page("# Runbooks", intro, table(columns, rows))}


def _controls(book: Book) -> str:
    return ", ".join(f"[{name}](../controls/{name}.md)" for name in book.loaded.remediates)


def _page(name: str, versions: Sequence[Book]) -> str:
    return page(f"# {name}", *(part for book in versions for part in _version(book)))


def _version(book: Book) -> Iterator[str]:
    document, calls = book.document, book.loaded.writes()
    yield f"## Version {book.version}"
    yield f"**{document['title']}.** {' '.join(document['why'].split())}"
    yield facts(
        (
            ("Remediates", _controls(book)),
            ("Tier", document["tier"]),
            ("Reversible", document["reversible"] if calls else ""),
            ("The most it may do", document["mode"]),
            ("Pinned as shipped", book.pinned or "not at all, so it does nothing"),
            ("Run by", codes(_writers(book.loaded)) if calls else "people"),
            ("Approval", _approval(book.loaded.approval) if calls else ""),
            ("May be accepted for a while by", "" if calls else codes(book.loaded.approval.groups)),
            ("Limits", _limits(document["limits"]) if calls else ""),
            ("Watch", _watch(document.get("watch"))),
            ("Custom functions", codes(book.loaded.uses)),
            ("Digest", code(book.loaded.digest)),
        )
    )
    if book.loaded.stages:
        yield from _stages(book)
        yield from _params(document)
        return
    yield from _guards(book.loaded.guards)
    if calls:
        yield from _calls(document)
        yield from _verification(document)
    else:
        yield "It makes no call. Its case waits for the owner, nobody can approve anything, and it closes by itself."
    yield from _params(document)
    if book.loaded.manual:
        yield "### What a person still has to do"
        yield bullets(book.loaded.manual)


def _writers(loaded: Runbook) -> Sequence[str]:
    """The functions that run a runbook, or its stages."""
    parts = [loaded.at(s.name) for s in loaded.stages if s.steps] or [loaded]
    return sorted({writer_of(part.operations()) for part in parts})


def _stages(book: Book) -> Iterator[str]:
    yield "### Stages"
    yield (
        "One case, several plans: each stage is planned from what is true then, approved by itself, and can be taken "
        "back by itself, the last one first. A stage is done when AWS shows it to be, whoever did it."
    )
    rows = [(str(n), f"[{s.name}](#{s.name})", s.who, s.says) for n, s in enumerate(book.loaded.stages, 1)]
    yield table(("", "stage", "who acts next", "what they do"), rows)
    for stage, document in zip(book.loaded.stages, book.document["stages"], strict=True):
        yield from _stage(stage, document)


def _stage(stage: Stage, document: Mapping[str, Json]) -> Iterator[str]:
    yield f"### {stage.name}"
    yield stage.says
    writer = code(writer_of(_operations(stage))) if stage.steps else ""
    ending = "people attest it" if stage.attests else code(" ".join(stage.done.split())) if stage.done else "at once"
    approval = _approval(stage.approval) if stage.steps or stage.attests else ""
    tier = f"{stage.tier}, {stage.reversible} reversible" if stage.steps else ""
    yield facts((("Done when", ending), ("Run by", writer), ("Approval", approval), ("Tier", tier)))
    if stage.reads:
        yield "It reads, besides the resource:"
        yield bullets(
            [code(r.call.operation) if r.call else f"the {code(r.resource)} {code(r.id)}" for r in stage.reads]
        )
    yield from _guards(stage.guards)
    if stage.steps:
        yield from _calls(document)
    if stage.manual:
        yield "To remember:"
        yield bullets(stage.manual)


def _operations(stage: Stage) -> frozenset[str]:
    return frozenset(c.operation for s in stage.steps for c in (s.call, *s.undo))


def _approval(approval: Approval) -> str:
    people = "1 person" if approval.minimum == 1 else f"{approval.minimum} people"
    groups = ", ".join(f"`{g}`" for g in approval.groups)
    return f"{people}, at least one of each of: {groups}; it expires after {approval.expires // 3600} h"


def _limits(limits: Mapping[str, Json]) -> str:
    return (
        f"at most {limits['per_hour']} automatic fixes an hour by one causer; a fix needed again within "
        f"{limits['cooldown']} counts, and after {limits['max_reapply']} of those it escalates"
    )


def _watch(watch: Mapping[str, Json] | None) -> str:
    if not watch:
        return ""
    return f"for {watch['for']}" + (f", undone if {code(watch['undo_if'])}" if "undo_if" in watch else "")


def _guards(guards: Sequence[Guard]) -> Iterator[str]:
    if not guards:
        return
    yield "### Guards"
    yield "Each must be true, or there is no plan."
    rows = [(code(g.expect), "escalates" if g.otherwise == "escalate" else "skips", g.why) for g in guards]
    yield table(("must be true", "otherwise it", "because"), rows)


def _calls(document: Mapping[str, Json]) -> Iterator[str]:
    yield "### Calls and the way back"
    for number, step in enumerate(document.get("steps", ()), 1):
        call = {name: step[name] for name in ("call", "each", "when", "with") if name in step}
        yield f"Step {number} calls `{step['call']}`{', once for each element' if 'each' in step else ''}:"
        yield block(_yaml(call), "yaml")
        if step["undo"] == "none":
            yield "There is no way back from this call."
        else:
            yield "It is taken back by:"
            yield block(_yaml(step["undo"]), "yaml")


def _verification(document: Mapping[str, Json]) -> Iterator[str]:
    yield "### Verified by"
    if document.get("leaves", "closed") == "closed":
        yield (
            "Reading the resource again: the control must be silent, and no control that was silent before may speak."
        )
        return
    yield (
        "The finding stays until the owner has acted (`leaves: open`), so these reads must answer as expected, and no "
        "control that was silent before may speak:"
    )
    yield block(_yaml(document["verify"]), "yaml")


def _params(document: Mapping[str, Json]) -> Iterator[str]:
    if not document.get("params"):
        return
    yield "### Parameters"
    yield "A pin in `governance/pins.yaml` may set them."
    rows = [
        (code(name), f"the deployment's `{value['deployment']}`" if isinstance(value, Mapping) else code(str(value)))
        for name, value in document["params"].items()
    ]
    yield table(("parameter", "default"), rows)


def _yaml(value: Json) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=100, allow_unicode=True, default_flow_style=False)
