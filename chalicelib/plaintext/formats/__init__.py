"""Token formats: one row a form, in a table for each family. Adding one adds a row, its examples beside it.

Sources: the vendors' documentation of their tokens, GitHub's list of secret scanning patterns, and public examples.
The more telling rows of a family come first: the first that fits names the kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from . import ai, clouds, code, data, hooks, keys, money, talk
from .row import Format

FORMATS: tuple[Format, ...] = (
    *hooks.FORMATS,
    *keys.FORMATS,
    *clouds.FORMATS,
    *code.FORMATS,
    *data.FORMATS,
    *money.FORMATS,
    *talk.FORMATS,
    *ai.FORMATS,
)


class Match(NamedTuple):
    """One token found: its kind, how sure, and what may be shown of it."""

    kind: str
    confidence: str
    prefix: str


def find(text: str) -> Match | None:
    """The first row of the tables that has a token in `text`; None when none has."""
    return next(find_all(text), None)


def find_all(text: str) -> Iterator[Match]:
    """Every row that has a token in `text`, in the tables' order."""
    for row in FORMATS:
        if row.mark in text and (found := found_by(row, text)):
            yield found


def found_by(row: Format, text: str) -> Match | None:
    """The first token that one row finds."""
    return next((match for _, match in _places(row, text)), None)


def places(text: str) -> Iterator[tuple[int, Match]]:
    """Every token in `text` with where it begins; where two rows find one token, the first row names it."""
    taken: set[int] = set()
    for row in FORMATS:
        for at, match in _places(row, text) if row.mark in text else ():
            if at not in taken:
                taken.add(at)
                yield at, match


def _places(row: Format, text: str) -> Iterator[tuple[int, Match]]:
    for hit in _compiled(row.prefix, row.body).finditer(text):
        token = hit.group(0)
        sure = row.check(token) if row.check else row.confidence
        if sure and not _hollow(token[len(hit.group(1)) :]):
            yield hit.start(), Match(row.kind, sure, hit.group(1))


def _hollow(body: str) -> bool:
    return len(set(body.lower())) < min(6, max(1, len(body) // 3)) or "xxxx" in body.lower()


@cache
def _compiled(prefix: str, body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_-])({prefix})(?:{body})(?![A-Za-z0-9])", re.ASCII)
