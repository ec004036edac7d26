"""Values that hold other values: JSON, base64, lists of `key=value`. Looked into once, and only so far."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from ..model import Json

Leaf = tuple[str, str, str]
"""A name (empty when the document gives none), a value, and its holder: `json`, `base64`, `settings` or `text`."""


class Pair(NamedTuple):
    """A name and a value in a text, and where it begins; `quoted` as a literal is in code."""

    at: int
    name: str
    value: str
    quoted: bool


MOST = 2000
"""Leaves looked at in one document, and pairs in one text."""
LARGEST = 256 * 1024


def may_hold(text: str) -> bool:
    """Whether a value could hold others at all: the cheap question before `leaves`."""
    return len(text) >= 8 and (
        any(mark in text for mark in ("{", "=", ":", "[", "</", "machine ")) or _is_base64(text.strip())
    )


def leaves(text: str) -> Iterator[Leaf]:
    """The named values inside a document, at most `MOST`. Nothing when it is no document."""
    short = text.strip()[:LARGEST]
    if short[:1] in ("{", "["):
        found = _json(short)
        if found is not None:
            yield from _capped(_walk("", found))
            return
    decoded = _from_base64(short)
    if decoded:
        inner = _json(decoded) if decoded[:1] in ("{", "[") else None
        pairs = _walk("", inner) if inner is not None else _pairs(decoded)
        yield "", decoded, "base64"
        yield from ((name, value, "base64") for name, value in _some(pairs))
        return
    holder = "settings" if _is_settings(short) else "text"
    yield from ((name, value, holder) for name, value in _some(_pairs(short)))


def _capped(found: Iterator[tuple[str, str]]) -> Iterator[Leaf]:
    yield from ((name, value, "json") for name, value in _some(found))


def _some(found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from (pair for _, pair in zip(range(MOST), found, strict=False))


def _walk(name: str, data: Json) -> Iterator[tuple[str, str]]:
    waiting = [(name, data)]
    while waiting:
        where, here = waiting.pop()
        if isinstance(here, str):
            yield where, here
        elif isinstance(here, dict):
            of_jwk = {"d": "private_key", "k": "secret_key"} if "kty" in here else {}  # RFC 7517
            waiting.extend((of_jwk.get(key, str(key)), item) for key, item in reversed(here.items()))
        elif isinstance(here, list):
            waiting.extend((where, item) for item in reversed(here))


def _json(text: str) -> Json:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _is_base64(text: str) -> bool:
    return 24 <= len(text) <= LARGEST and len(text) % 4 == 0 and _patterns()["base64"].fullmatch(text) is not None


def _from_base64(text: str) -> str:
    if not _is_base64(text):
        return ""
    try:
        decoded = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    head = decoded[:512]
    return decoded.strip() if sum(c.isprintable() or c.isspace() for c in head) >= 0.98 * len(head) else ""


def _is_settings(text: str) -> bool:
    between = "semicolons" if ";" in text else "between"
    pieces = [p for p in _patterns()[between].split(text, MOST) if p]
    return all("=" in p for p in pieces)


def pairs(text: str) -> Iterator[Pair]:
    """Everything in a text that reads as a name and its value: assignments, markup, the lines of a netrc file."""
    if "</" in text or "/>" in text:
        for hit in _patterns()["markup"].finditer(text):
            yield Pair(hit.start(), hit[1] or hit[3], hit[2] or hit[4], True)
    if "machine" in text:
        yield from (Pair(hit.start(), "password", hit[1], True) for hit in _patterns()["netrc"].finditer(text))
    for hit in _patterns()["pair"].finditer(text):
        name, quoted, bare = hit.groups()
        if quoted is not None:
            yield Pair(hit.start(), name, quoted, True)
        elif text[hit.end() : hit.end() + 1] not in ("(", "{", "<"):  # else it is code: a call, a template
            yield Pair(hit.start(), name, bare, False)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    return ((pair.name, pair.value) for pair in pairs(text))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "base64": re.compile(r"[A-Za-z0-9+/]{20,}={0,2}", re.ASCII),
        "semicolons": re.compile(r"[;\n]\s*"),
        "between": re.compile(r"[;&,\s]+"),
        "markup": re.compile(  # Maven's settings, NuGet's configuration
            r"<([A-Za-z][\w.-]{0,80})>([^<>\s]{4,4096})</|\b(?:key|name)=\"([\w.-]{1,80})\"\s{1,8}value=\"([^\"<>\n]{4,4096})\"",
            re.ASCII,
        ),
        "netrc": re.compile(r"\bmachine\s{1,8}\S{1,128}\s{1,8}login\s{1,8}\S{1,128}\s{1,8}password\s{1,8}(\S{4,256})"),
        "pair": re.compile(
            r"(?<![\w.-])([A-Za-z_][\w.-]{0,80})"
            r"(?:: {0,4}[A-Za-z_][\w.]{0,40}(?: {0,2}\| {0,2}[A-Za-z_]{1,20})?(?= {0,4}=))?"  # Python's annotation
            r"[\"']?\]?[ \t]{0,8}(?:[=:]|=>|[!=]==?|(?<=[\"']),(?=[ \t]{0,8}[\"'`]))[ \t]{0,8}"
            r"(?:[bBrRuU]{0,2}[\"'`]([^\"'`\n]{4,4096})[\"'`]|([^\s\"'`;,&(){}<>]{4,4096}))",
            re.ASCII,
        ),
    }
