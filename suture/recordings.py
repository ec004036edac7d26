"""Files of recorded events taken apart: bytes into JSON documents, documents into single records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

from chalicelib.model import Json

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one line that are read at most; CloudTrail's largest log files are near 50 MB unpacked."""
LARGEST_DOCUMENT = 512 * 1024 * 1024
"""Bytes of a file that is not JSON lines and must be read as one."""

Line = tuple[int, bytes | None]
"""A line's number and its bytes; None when it is longer than `LONGEST_LINE`."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A piece that is no JSON; `what` is one sentence about it, without its content."""

    what: str


def documents(stream: BufferedIOBase) -> Iterator[tuple[str, Json | Broken]]:
    """Every JSON document in a file with its place (`line 7`, or nothing when it is the whole file).

    JSON lines are streamed, and a broken line is one `Broken`. A file whose first line is no document by itself
    is read whole; if that fails too, its lines are taken one by one, as far as they are JSON.
    """
    lines = _lines(stream)
    head = _next_text(lines)
    if head is None:
        return
    first = _parsed(head[1])
    if isinstance(first, Broken):
        yield from _as_a_whole(head, lines)
        return
    following = _next_text(lines)
    yield (f"line {head[0]}" if following else ""), first
    while following:
        yield f"line {following[0]}", _parsed(following[1])
        following = _next_text(lines)


def records(document: Json | Broken) -> Iterator[tuple[str, Json | Broken]]:
    """Every record in one document, with its place in it: what logs, queues and APIs wrap around is taken off."""
    if isinstance(document, list):
        yield from _each("", document)
    elif isinstance(document, dict) and (key := next((k for k in _LISTS if isinstance(document.get(k), list)), None)):
        yield from _each(key, document[key])
    else:
        yield "", unwrapped(document)


_LISTS = ("Records", "configurationItems", "Results", "Findings", "Events")
"""S3 log files, SQS and SNS batches; Config history and snapshots; SelectResourceConfig; GetFindings; LookupEvents."""


def unwrapped(record: Json | Broken) -> Json | Broken:
    """The event inside what carried it: an SQS body, an SNS message, a LookupEvents entry."""
    if isinstance(record, str):
        return _parsed(record.encode("utf-8", "surrogatepass"))
    if not isinstance(record, dict) or "detail-type" in record:
        return record
    if isinstance(sns := record.get("Sns"), dict) and isinstance(sns.get("Message"), str):
        return _parsed(sns["Message"].encode("utf-8", "surrogatepass"))
    for key in ("CloudTrailEvent", "body", "Message"):
        if isinstance(record.get(key), str) and "eventName" not in record:
            inner = _parsed(record[key].encode("utf-8", "surrogatepass"))
            return unwrapped(inner) if key == "body" and isinstance(inner, dict) else inner
    return record


def _each(key: str, items: list[Json]) -> Iterator[tuple[str, Json | Broken]]:
    yield from ((f"{key}[{index}]", unwrapped(item)) for index, item in enumerate(items))


def _as_a_whole(head: Line, lines: Iterator[Line]) -> Iterator[tuple[str, Json | Broken]]:
    kept, size = [head], 0
    for numbered in lines:
        kept.append(numbered)
        size += len(numbered[1] or b"")
        if size > LARGEST_DOCUMENT:
            yield "", Broken("neither JSON lines nor small enough to be read as one document")
            return
    found = _concatenated(b"".join(text or b"" for _, text in kept)) if all(t is not None for _, t in kept) else None
    if found is not None:
        yield from (("" if len(found) == 1 else f"document {i + 1}", d) for i, d in enumerate(found))
        return
    parsed = [(n, _parsed(text)) for n, text in kept if text is None or text.strip()]
    if not any(isinstance(d, dict) for _, d in parsed):
        yield "", Broken("it is not JSON")
        return
    yield from ((f"line {n}", d) for n, d in parsed)


def _concatenated(data: bytes) -> list[Json] | None:
    """All documents of a text that holds one after the other; None when some part is no JSON."""
    try:
        text, decoder, found, at = data.decode("utf-8-sig").strip(), json.JSONDecoder(), [], 0
        while at < len(text):
            document, at = decoder.raw_decode(text, at)
            found.append(document)
            while at < len(text) and text[at].isspace():
                at += 1
    except (ValueError, RecursionError):
        return None
    return found


def _lines(stream: BufferedIOBase) -> Iterator[Line]:
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) <= LONGEST_LINE:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(1024 * 1024)
        yield number, None


def _next_text(lines: Iterator[Line]) -> Line | None:
    return next((line for line in lines if line[1] is None or line[1].strip()), None)


def _parsed(line: bytes | None) -> Json | Broken:
    if line is None:
        return Broken(f"a line of more than {LONGEST_LINE // 1024 // 1024} MB")
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Broken(f"it is not UTF-8 (byte {error.start})")
    except json.JSONDecodeError as error:
        return Broken(f"it is not JSON ({error.msg}, column {error.colno})")
    except (ValueError, RecursionError) as error:
        return Broken(f"it is not JSON that can be read ({type(error).__name__})")
