"""Secrets in one file's text, with their lines: by form anywhere, by name where something is assigned.

Code and configuration are read with the same eyes and not the same trust: in code only a literal in quotes counts,
and a telling name needs a value that looks made, since code is full of ordinary words beside such names.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from chalicelib.plaintext import Secret, contains_secret, documents, secret_in, secrets_by_form

from .found import Found

_CONFIGURATION = (
    *(".env", ".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf", ".properties", ".xml", ".tfvars"),
    *(".npmrc", ".pypirc", ".netrc", ".pgpass", ".config", ".settings"),
)
MOST = 500
"""Findings of one file: more say no more."""


def secrets_in_file(name: str, text: str) -> list[Found]:
    """What a file's text holds, one finding a line and kind. Linear in its length; never raises, never shows it."""
    is_notebook = name.lower().endswith(".ipynb")
    if is_notebook:
        text = _cells(text)
    starts = _line_starts(text)
    by_line: dict[int, list[Found]] = {}
    for at, called, secret in _secrets(text, trusting=_is_configuration(name) and not is_notebook):
        line = bisect_right(starts, at)
        _add(by_line.setdefault(line, []), Found(name, line, called, *secret))
        if len(by_line) > MOST:
            break
    return [one for line in sorted(by_line) for one in by_line[line]]


def _add(known: list[Found], one: Found) -> None:
    """Of a line, each kind once; a token beside a telling name was seen twice, and is said by its form."""
    if known and one.name and (one.kind in ("secret", "password") or one.kind == known[0].kind):
        known[0] = replace(known[0], name=known[0].name or one.name)
    elif all(one.kind != before.kind for before in known):
        known.append(one)


def _secrets(text: str, *, trusting: bool) -> Iterator[tuple[int, str, Secret]]:
    yield from ((at, "", secret) for at, secret in secrets_by_form(text))
    for pair in documents.pairs(text):
        if " " in pair.value or not (pair.quoted or trusting):
            continue
        secret = secret_in(pair.name, pair.value, strict=not trusting)
        if secret is not None:
            yield pair.at, "" if contains_secret(pair.name) else pair.name, secret


def _is_configuration(name: str) -> bool:
    pure = PurePosixPath(name.lower())
    return pure.suffix in _CONFIGURATION or pure.name.startswith(".env") or pure.name in _CONFIGURATION


def _line_starts(text: str) -> list[int]:
    starts, at = [0], text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def _cells(text: str) -> str:
    """A notebook's lines with their JSON taken off, so that the line in the file is kept; else its cells' text."""
    lines = [_unquoted(line) for line in text.split("\n")]
    if len(lines) > 3:
        return "\n".join(lines)
    try:
        cells = json.loads(text)["cells"]
        texts = [str(s) for cell in cells for s in (*cell.get("source", ()), *cell.get("outputs", ()))]
        return " ".join(texts).replace("\n", " ")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text


def _unquoted(line: str) -> str:
    short = line.strip().removesuffix(",")
    if not short.startswith('"') or not short.endswith('"') or len(short) < 2:
        return line
    try:
        plain = json.loads(short)
    except ValueError:
        return line
    return plain.replace("\n", " ") if isinstance(plain, str) else line
