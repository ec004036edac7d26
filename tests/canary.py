"""A canary value, and the search for it: in every spelling, in everything that a process lets out.

The rule is strict: no twelve characters of it in a row, anywhere, in any spelling. Every such row holds one of its
blocks of six, so the search is for those: raw, reversed, in JSON, URLs, HTML and hex, and in base64 wherever it begins
among three. What is packed (gzip, zip, base64 of either, DynamoDB's binary) is unpacked and searched as well.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from warnings import WarningMessage

import pytest
from world import World

from chalicelib import messages
from chalicelib.chat import facts
from suture.cli import secrets_status
from suture.cli.case_page import page
from suture.demo import report

CANARY = "".join(("Kanari", "envogel", "7&+/=", "xQ9<zB4", 'W"k\\ä', "Tr0ub", "-gO5vL2"))
BLOCK = 6
_GZIP, _ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
_PACKED_IN_BASE64 = re.compile(rb"(?:H4sI|UEsD)[A-Za-z0-9+/_-]{20,}={0,2}")


@cache
def needles() -> tuple[bytes, ...]:
    """Every spelling of every block; a block that a spelling leaves as it is stands here once."""
    raw, found = CANARY.encode(), set[bytes]()
    for block in (CANARY[i : i + BLOCK] for i in range(0, len(CANARY) - BLOCK + 1, BLOCK)):
        plain = {block, json.dumps(block)[1:-1], json.dumps(block, ensure_ascii=False)[1:-1], html.escape(block)}
        plain |= {quote(block, safe=""), quote(block), quote_plus(block), quote(block, safe="").lower()}
        plain |= {json.dumps(p)[1:-1] for p in plain}  # JSON in JSON
        found |= {p.encode() for p in plain} | {block[::-1].encode()}
    for i in range(len(raw) - BLOCK + 1):
        coded = base64.b64encode(raw[i : i + BLOCK])
        found |= {coded, base64.urlsafe_b64encode(raw[i : i + BLOCK]), quote(coded, safe="").encode(), coded[::-1]}
    for i in range(0, len(raw) - BLOCK + 1, BLOCK):
        found |= {raw[i : i + BLOCK].hex().encode(), raw[i : i + BLOCK].hex().upper().encode()}
    return tuple(sorted(found))


def leaks(data: str | bytes) -> list[str]:
    """What of the canary stands in `data`, told by the beginnings of the spellings that were found."""
    text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return [repr(n[:4]) + "…" for piece in unpacked(text) for n in needles() if n in piece]


def unpacked(data: bytes, depth: int = 3) -> Iterator[bytes]:
    """`data`, and whatever is packed in it."""
    yield data
    if not depth:
        return
    for at in _places(data, _GZIP):
        yield from unpacked(_inflated(data[at:]), depth - 1)
    if _ZIP in data:
        yield from (piece for file in _files(data) for piece in unpacked(file, depth - 1))
    for found in _PACKED_IN_BASE64.findall(data):
        cut = found.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        try:
            yield from unpacked(base64.b64decode(cut + b"=" * (-len(cut) % 4)), depth - 1)
        except binascii.Error:
            continue


def _places(data: bytes, magic: bytes) -> Iterator[int]:
    at = data.find(magic)
    while at >= 0:
        yield at
        at = data.find(magic, at + 1)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data, 50_000_000)
    except zlib.error:
        return b""


def _files(data: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    except (zipfile.BadZipFile, RuntimeError, zlib.error):
        return


def found_in(places: Mapping[str, str | bytes]) -> dict[str, list[str]]:
    """The places with something of the canary, and what of it."""
    return {where: what for where, data in places.items() if (what := leaks(data))}


def text_of(items: Any) -> str:
    """Items of DynamoDB as text, binary attributes unpacked into what they hold."""
    return json.dumps(items, default=lambda v: v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v))


class Wire:
    """Every request of one deployment's clients, as botocore is about to send it, less the one field by which the
    value goes where it may: into the store, and, as long as the variable is there, back to its own function."""

    MAY = ("SecretString", "Value", "DB_PASSWORD")
    """Of what stores it, and of UpdateFunctionConfiguration, which replaces a whole map."""
    STORES = ("CreateSecret", "PutSecretValue", "PutParameter")

    def __init__(self, w: World) -> None:
        self.requests: list[bytes] = []
        self.called: set[str] = set()
        self.carried: set[str] = set()
        events = w.d.clients._session.get_component("event_emitter")
        events.register_first("before-call", self._before)

    def _before(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        self.called.add(f"{model.service_model.service_name}:{model.name}")
        body = params["body"]
        if model.name in (*self.STORES, "UpdateFunctionConfiguration"):
            body = json.dumps(self._less(json.loads(body), model.name)).encode()
        rest = {k: str(v) for k, v in params.items() if k not in ("body", "context")}
        self.requests.append(json.dumps(rest).encode())
        self.requests.append(body if isinstance(body, bytes) else text_of(body).encode())

    def _less(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        inside = body if name in self.STORES else body["Environment"]["Variables"]
        for field in self.MAY:
            if inside.get(field) == CANARY:
                self.carried.add(name)
                del inside[field]
        return body

    def take(self) -> bytes:
        taken, self.requests = b"\n".join(self.requests), []
        return taken


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its path in it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def caught(logs: pytest.LogCaptureFixture) -> str:
    """What was logged by whomever but moto, which is the account, with all that formatters may take of a record."""
    ours = [r for r in logs.records if not r.name.startswith(("moto", "werkzeug"))]
    return "\n".join(f"{r.getMessage()} {r.exc_text} {vars(r)}" for r in ours)


class Outside:
    """Everything that left the process so far."""

    def __init__(
        self, w: World, capture: Any, logs: pytest.LogCaptureFixture, folder: Path, warned: list[WarningMessage]
    ) -> None:
        self.w, self.capture, self.logs, self.folder, self.warned = w, capture, logs, folder, warned
        self.wire = Wire(w)
        send = w.d.queues.send
        w.d.queues.send = lambda name, message, delay=0: send(name, message)  # type: ignore[method-assign]

    def texts(self) -> dict[str, str | bytes]:
        known = self.w.cases()
        cases = [self.w.api("oncall", "GET", "/cases/{id}", path_parameters={"id": c.id})[1] for c in known]
        cases = json.loads(json.dumps(cases, default=str))
        path = report.write(self.folder / "report.html", cases)
        out = self.capture.readouterr()
        said = [messages.text(c, facts.shown(), ("Olly",)) for c in known]
        status = [secrets_status.told(c) for c in cases]
        return {
            "requests to AWS": self.wire.take(),
            "table and journal": text_of(self.w.items()),
            "what people read": "\n".join(said),
            "data for machines": json.dumps([messages.data(c) for c in known]),
            "decision API": json.dumps(cases),
            "command line": "\n".join(line.plain for c in cases for line in page(c)),
            "secrets status": json.dumps(status),
            "secrets status, as a page": "\n".join(line.plain for s in status for line in secrets_status._page(s)),
            "HTML report": path.read_text(),
            "stdout": out.out,
            "stderr": out.err,
            "warnings": "\n".join(str(vars(one)) for one in self.warned),
            "log at DEBUG": caught(self.logs),
        }

    def check(self, when: str) -> None:
        assert not found_in(self.texts()), when
        assert not [name for name in self.wire.called if name.startswith("xray:")], "nobody traces"
        self.logs.clear()
