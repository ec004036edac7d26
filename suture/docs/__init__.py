"""The pages that follow from the code: controls, runbooks, commands, operations, settings, states; tables in the README
and in the page on secrets.

`suture render docs` writes them and `suture render docs --check` says which are stale. Same code, same bytes. A page
carries the mark in its first line; a marked page that follows from nothing any more is stale too, and is removed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from . import commands, controls, operations, runbooks, secret_kinds, settings, states
from .markdown import MARK

_TABLE = re.compile(r"(<!-- (controls|kinds): rendered -->\n).*?(<!-- end -->)", re.DOTALL)


def render_docs(root: Path) -> Mapping[Path, str]:
    """Every generated page below `root`, by its path: its whole text. Raises BadRunbook for a runbook that is no YAML.

    Controls and commands are those of the running code; runbooks, pins and resources.json are read below `root`.
    """
    books = runbooks.read(root)
    pages = {
        **controls.pages(books),
        **runbooks.pages(books),
        "operations.md": operations.page_for(root, books),
        "commands.md": commands.page_for(),
        "settings.md": settings.page_for(root),
        "states.md": states.page_for(),
    }
    found = {root / "docs" / name: f"{MARK}\n\n{text.strip()}\n" for name, text in sorted(pages.items())}
    tables = {"controls": controls.table(books, "docs/"), "kinds": secret_kinds.kinds_table()}
    for written in (root / "README.md", root / "docs" / "secrets.md"):
        if written.is_file():
            text = written.read_text("utf-8")
            found[written] = _TABLE.sub(lambda m: f"{m[1]}\n{tables[m[2]]}\n\n{m[3]}", text)
    return found


def stale(root: Path) -> list[Path]:
    """The pages that are not as `render_docs` gives them, and the marked ones that nothing gives any more."""
    pages = render_docs(root)
    changed = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    return sorted([*changed, *_orphans(root, pages)])


def write_docs(root: Path) -> list[Path]:
    """Write what is stale, remove what follows from nothing, and answer with both."""
    pages, found = render_docs(root), stale(root)
    for path in found:
        if path in pages:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages[path], "utf-8")
        else:
            path.unlink()
    return found


def _orphans(root: Path, pages: Mapping[Path, str]) -> list[Path]:
    written = (p for p in (root / "docs").rglob("*.md") if p not in pages)
    return [p for p in written if p.read_text("utf-8").startswith(MARK)]
