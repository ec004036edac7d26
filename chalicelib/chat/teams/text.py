"""Words for Teams that stay words: what AWS or a person typed cannot mention, link or format anything.

A TextBlock reads Markdown, and so does a fact; a TextRun reads none ("Text features", Adaptive Cards). So everything
is a TextRun but the one TextBlock that mentions people, whose names are bared of all that means something there. The
functions `{{DATE()}}` are kept from meaning anything, and `://` from becoming a link.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...redaction import safe_text
from ..gate import JOINER

Element = dict[str, Any]

NOTHING: Element = {}


def plain(text: object, limit: int = 300) -> str:
    """One harmless line."""
    return _bare(safe_text(text, limit))


def _bare(line: str) -> str:
    return re.sub(r"\{(?=\{)", "{" + JOINER, line.replace("://", f":{JOINER}//"))


def words(text: object, *, bold: bool = False, code: bool = False, limit: int = 500) -> Element:
    """Literal words, with the spaces at both ends that join them to their neighbours."""
    raw = str(text)
    shown = f"{' ' * raw.startswith(' ')}{plain(raw, limit)}{' ' * (raw.endswith(' ') and len(raw) > 1)}"
    style = {"weight": "Bolder"} if bold else {"fontType": "Monospace"} if code else {}
    return {"type": "TextRun", "text": shown, **style} if shown.strip() else NOTHING


def bold(text: object) -> Element:
    return words(text, bold=True)


def code(text: object, limit: int = 500) -> Element:
    return words(text, code=True, limit=limit)


def said(*parts: str | Element, **style: str) -> Element:
    """A paragraph from literal words and runs."""
    runs = [words(p) if isinstance(p, str) else p for p in parts]
    return {"type": "RichTextBlock", "inlines": [r for r in runs if r] or [_run("…")], **style}


def preformatted(lines: Sequence[str]) -> Element:
    """Lines as they are, in a fixed width; Teams drops the spaces that begin a line, and so they are unbreakable."""
    rows = [_run(_indented(line), fontType="Monospace", size="Small") for line in lines or ("…",)]
    items = [{"type": "RichTextBlock", "inlines": [row], "spacing": "None"} for row in rows]
    return {"type": "Container", "style": "emphasis", "items": items}


def mention(people: Sequence[tuple[str, str]]) -> tuple[Element, list[Element]]:
    """A line that mentions people (name, object of Entra), and the entities that its card must carry."""
    named = [("".join(c for c in name if c.isalnum() or c == " ")[:60] or "somebody", id_) for name, id_ in people]
    line = {"type": "TextBlock", "wrap": True, "text": ", ".join(f"<at>{name}</at>" for name, _ in named)}
    entities = [
        {"type": "mention", "text": f"<at>{name}</at>", "mentioned": {"id": id_, "name": name}} for name, id_ in named
    ]
    return line, entities


def _run(text: str, **style: str) -> Element:
    return {"type": "TextRun", "text": text, **style}


def _indented(line: str) -> str:
    bare = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(bare)) + (_bare(bare) or "\u00a0")
