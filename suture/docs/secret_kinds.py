"""The kinds of secrets that have a form of their own, as the token tables have them."""

from __future__ import annotations

from chalicelib.plaintext.formats import FORMATS, ai, clouds, code, data, hooks, keys, money, talk
from chalicelib.plaintext.formats.row import Format

from .markdown import codes, table

_FAMILIES = (keys, hooks, clouds, code, data, money, talk, ai)


def kinds_table() -> str:
    """A row a family: what it holds, and its kinds."""
    rows = [((f.__doc__ or "").strip().rstrip("."), codes(_kinds(f.FORMATS))) for f in _FAMILIES]
    many, kinds = len(FORMATS), len(_kinds(FORMATS))
    return f"{many} forms of {kinds} kinds:\n\n" + table(("family", "kinds"), rows)


def _kinds(rows: tuple[Format, ...]) -> list[str]:
    return sorted({row.kind for row in rows})
