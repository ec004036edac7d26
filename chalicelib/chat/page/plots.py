"""Plots as inline SVG, drawn here: figures with a title, a sentence that says the same, and the numbers in a table.

Colours are the style sheet's classes, so that light and dark both have enough contrast; series differ by pattern of
place and legend, never by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from .html import Html, el, join, table

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 10, 10, 26
WIDEST = 44

Row = tuple[str, dict[str, int]]


def stacked(title: str, says: str, rows: Sequence[Row], series: Sequence[str], *, noun: str, every: int = 1) -> Html:
    """Stacked columns, one a row, with every `every`-th row named below."""
    most = max((sum(counts.values()) for _, counts in rows), default=0)
    top = _nice(most)
    wide = (WIDTH - LEFT - RIGHT) / max(1, len(rows))
    bars: list[Html] = []
    for i, (name, counts) in enumerate(rows):
        bars += _column(LEFT + i * wide, wide, name, counts, series, top)
        if i % every == 0:
            x = LEFT + (i + 0.5) * wide
            bars.append(_text(name[5:] if name[4:5] == "-" else name, x, HEIGHT - 8, "middle"))
    return _figure(title, says, [*_grid(top), *bars], _table(title, rows, series, noun), _legend(rows, series), HEIGHT)


def across(title: str, says: str, rows: Sequence[tuple[str, int]], noun: str) -> Html:
    """Bars from left to right, the longest first, each with its name and number."""
    most, high = max((n for _, n in rows), default=1), 30
    shapes: list[Html] = []
    for i, (name, count) in enumerate(rows):
        y = i * high
        shapes.append(_text(name[:60], 0, y + 12, "start"))
        shapes.append(_box(0, y + 17, max(3.0, count / most * (WIDTH - 60)), 8, "bar"))
        shapes.append(_text(str(count), max(3.0, count / most * (WIDTH - 60)) + 8, y + 25, "start"))
    table = _table(title, [(name, {noun: count}) for name, count in rows], (noun,), noun)
    return _figure(title, says, shapes, table, None, max(high, len(rows) * high))


def _column(x: float, wide: float, name: str, counts: dict[str, int], series: Sequence[str], top: int) -> list[Html]:
    room, y, made = HEIGHT - TOP - BOTTOM, float(HEIGHT - BOTTOM), []
    gap = max(wide - WIDEST, min(4.0, wide * 0.2))
    for one in series:
        tall = counts.get(one, 0) / top * room
        if tall:
            y -= tall
            made.append(_box(x + gap / 2, y, wide - gap, tall, f"of-{_class(one)}", f"{name}: {counts[one]} {one}"))
    return made


def _grid(top: int) -> list[Html]:
    made: list[Html] = []
    for value in sorted({0, top // 2, top} if top > 1 else {0, top}):
        y = HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
        made.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_n(y), y2=_n(y), class_="rule"))
        made.append(_text(str(value), LEFT - 6, y + 4, "end"))
    return made


def _figure(title: str, says: str, shapes: Sequence[Html], table: Html, legend: Html | None, high: int) -> Html:
    id_ = _class(title)
    named = el("title", title, id=f"{id_}-title"), el("desc", says, id=f"{id_}-desc")
    drawn = el(
        "svg",
        *named,
        el("g", *shapes, aria_hidden="true"),
        viewBox=f"0 0 {WIDTH} {high}",
        role="img",
        aria_labelledby=f"{id_}-title {id_}-desc",
        preserveAspectRatio="xMidYMid meet",
    )
    caption = el("figcaption", el("h2", title), el("p", says), legend)
    return el("figure", caption, drawn, el("details", el("summary", "The numbers"), table), class_="plot")


def _table(title: str, rows: Sequence[Row], series: Sequence[str], noun: str) -> Html:
    body = ((name, *(str(counts.get(one, 0)) for one in series)) for name, counts in rows)
    return table(f"{title}: {noun}", ("", *series), body, "plain")


def _legend(rows: Sequence[Row], series: Sequence[str]) -> Html:
    items = (
        el("li", el("i", class_=f"of-{_class(one)}", aria_hidden="true"), one)
        for one in reversed(series)
        if any(counts.get(one) for _, counts in rows)
    )
    return el("ul", *items, class_="legend")


def _box(x: float, y: float, wide: float, tall: float, kind: str, says: str = "") -> Html:
    at = {"x": _n(x), "y": _n(y), "width": _n(wide), "height": _n(tall), "rx": 1}
    return el("rect", el("title", says) if says else None, class_=kind, **at)


def _text(words: str, x: float, y: float, anchor: str) -> Html:
    return join(el("text", words, x=_n(x), y=_n(y), text_anchor=anchor))


def _nice(most: int) -> int:
    """The smallest round number that nothing is above."""
    step = 1
    while step * 10 < most:
        step *= 10
    return next(step * n for n in (1, 2, 4, 6, 8, 10) if step * n >= max(1, most))


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _class(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
