"""What commands print: one JSON document, or text: Rich on a terminal, plain lines elsewhere.

Nothing from outside is ever read as markup: everything becomes `Text`, and control characters are gone before.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.model import Json
from chalicelib.redaction import safe_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SEVERITY_STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
_SEVERITY_ORDER = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def version() -> str:
    """The installed version, or `unknown` in a tree that nobody installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("suture")
    except PackageNotFoundError:
        return "unknown"


def print_json(document: Json) -> None:
    """The one JSON document of a command, ASCII only, on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=True, default=str) + "\n")


def console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def text(value: object, style: str = "", limit: int = 500) -> Text:
    """One safe line of `Text`."""
    from rich.text import Text

    return Text(safe_text(value, limit), style=style)


def severity(name: str) -> Text:
    return text(name, SEVERITY_STYLES.get(name, ""))


def severity_rank(name: str) -> int:
    """For sorting: critical first, unknown words last."""
    return _SEVERITY_ORDER.get(name, 9)


def show(lines: Iterable[Text]) -> None:
    """Print lines: styled and wrapped on a terminal, below their own beginning; as they are elsewhere."""
    out = console()
    for line in lines:
        if out.is_terminal:
            for part in _hanging(line, out):
                out.print(part)
        else:
            sys.stdout.write(line.plain + "\n")


def _hanging(line: Text, out: Console) -> Iterator[Text]:
    """A long line as several, the later ones indented as its text is, after any number or mark."""
    from rich.text import Text

    lead = len(line.plain) - len(line.plain.lstrip(" "))
    lead += len(mark[0]) if (mark := re.match(r"(\d+\.|[-»]) +", line.plain[lead:])) else 0
    if line.cell_len <= out.width or lead > out.width // 2:
        yield line
        return
    start, text = line.divide([lead])
    for i, part in enumerate(text.wrap(out, out.width - lead)):
        yield (start if i == 0 else Text(" " * lead)) + part


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """A table: with colours and folded cells on a terminal; elsewhere aligned columns, whole and greppable."""
    out = console()
    if not out.is_terminal:
        for line in _aligned([list(columns), *([cell.plain for cell in row] for row in rows)]):
            sys.stdout.write(line + "\n")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column.lower(), overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
