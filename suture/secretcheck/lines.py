"""Named values as JSON lines in, judgements out: the order kept, the value nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

from chalicelib.model import Json
from chalicelib.plaintext import secret_in

LONGEST = 16 * 1024 * 1024
"""Bytes of one line."""


def answers(file: IO[bytes]) -> Iterator[dict[str, Json]]:
    """One answer a line that is not empty: `id`, `secret`, `kind`, `confidence`, `reason`, or `error`.

    An error says what is wrong with the line and repeats nothing of it, since it may hold a value.
    """
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        rest = line
        while len(rest) > LONGEST and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST + 1)
        if line.strip():
            yield answer(line, number)


def answer(line: bytes, number: int = 1) -> dict[str, Json]:
    """The answer to one line; never raises."""
    try:
        asked = _read(line)
    except ValueError as error:
        return {"id": None, "secret": None, "error": f"line {number}: {error}"}
    if isinstance(asked["id"], str):
        asked["id"] = _plain(asked["id"])
    if (wrong := _wrong(asked)) is not None:
        return {"id": asked["id"], "secret": None, "error": f"line {number}: {wrong}"}
    found = secret_in(asked["name"], asked["value"])
    told = found or _NOTHING
    return {
        "id": asked["id"],
        "secret": found is not None,
        "kind": told[0],
        "confidence": told[1],
        "reason": told[2],
    }


_NOTHING = (None, None, "nothing in its name, form or content says that it is a secret")


def _read(line: bytes) -> dict[str, Json]:
    """The line's object. Raises ValueError with words of our own: json's may quote the line."""
    if len(line) > LONGEST:
        raise ValueError(f"it has more than {LONGEST // 1024 // 1024} MB")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(asked, dict):
        raise ValueError("it is no JSON object")
    return {"id": _id(asked.get("id")), "name": asked.get("name"), "value": asked.get("value")}


def _id(given: Json) -> Json:
    return given if isinstance(given, str | int | float | type(None)) else None


def _plain(text: str) -> str:
    """An id as it was given; lone surrogates cannot be printed."""
    return text.encode("utf-8", "replace").decode()


def _wrong(asked: dict[str, Json]) -> str | None:
    for key in ("name", "value"):
        if not isinstance(asked[key], str):
            return f"{key!r} must be text"
    return None
