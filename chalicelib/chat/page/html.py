"""Markup that no value breaks out of: one function escapes, and one makes elements.

Text is a `str`, markup is `Html`; whatever is not `Html` is escaped when it becomes part of an element, so forgetting
is safe.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

_VOID = frozenset({"br", "hr", "input", "link", "meta"})


class Html(str):
    """Markup that was made here."""

    __slots__ = ()


Part = str | int | None | Iterable["Part"]


def escaped(value: object) -> Html:
    """Text as markup that shows just that text, between tags and in quoted attributes.

    What an eye would not see, or would see elsewhere (control and bidirectional characters), shows as a box.
    """
    text = "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "\ufffd" for c in str(value))
    return Html(html.escape(text, quote=True))


def el(name: str, /, *parts: Part, **attributes: object) -> Html:
    """An element. `class_` is `class`, `aria_label` is `aria-label`; True is a bare attribute, None and False none."""
    begin = f"<{name}{''.join(_attributes(attributes))}>"
    return Html(begin) if name in _VOID else Html(f"{begin}{join(*parts)}</{name}>")


def join(*parts: Part) -> Html:
    """Parts one after the other, each escaped unless it is markup."""
    return Html("".join(_flat(parts)))


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[Part]], kind: str) -> Html:
    """A table; the first cell of each row names it.

    Its roles are said, because a style that lays it out as cards on a small screen would take them away.
    """
    head = el("tr", *(el("th", name, scope="col", role="columnheader") for name in heads), role="row")
    body = (el("tr", *(_cell(n, cell) for n, cell in enumerate(row)), role="row") for row in rows)
    inside = el("thead", head, role="rowgroup"), el("tbody", *body, role="rowgroup")
    return el("table", el("caption", caption, class_="unseen"), *inside, class_=kind, role="table")


def _cell(number: int, cell: Part) -> Html:
    if number == 0:
        return el("th", cell, scope="row", role="rowheader")
    return el("td", cell, role="cell")


def path(base: str, /, *steps: str, **query: str) -> str:
    """An address below `base`; every step and value is quoted, and empty values are left out."""
    asked = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in query.items() if v)
    place = base + "".join(f"/{quote(s, safe='')}" for s in steps)
    return (place or "/") + (f"?{asked}" if asked else "")


def ago(at: str, now: datetime) -> Html:
    """A time (ISO 8601) as a person says it, with the exact one for machines and for a pointer that rests on it."""
    try:
        seconds = (datetime.fromisoformat(at) - now).total_seconds()
    except (ValueError, TypeError):
        return escaped(at)
    said = f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"
    return el("time", said, datetime=at, title=moment(at))


def moment(at: str) -> str:
    """`2026-11-26 09:18 UTC`, of a time in ISO 8601; what is none stays as it is."""
    return f"{at[:10]} {at[11:16]} UTC" if len(at) >= 16 and at[10] == "T" else at


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (size == 60 and seconds >= size):
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _attributes(attributes: dict[str, object]) -> Iterable[str]:
    for name, value in attributes.items():
        shown = name.rstrip("_").replace("_", "-")
        if value is True:
            yield f" {shown}"
        elif value is not None and value is not False:
            yield f' {shown}="{escaped(value)}"'


def _flat(parts: Iterable[Part]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, Html):
            yield part
        elif isinstance(part, str | int):
            yield escaped(part)
        elif part is not None:
            yield from _flat(part)
