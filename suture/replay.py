"""What Suture would look at for recorded events: the engine of `suture replay`.

Reads CloudTrail records, EventBridge envelopes, S3 log files, Config items and snapshots, findings, what SQS and
SNS wrap around them, and the answers of LookupEvents and SelectResourceConfig; as JSON, JSON lines or either
in gzip. Nothing is judged and no AWS call is made: an event says where to look, not what is there.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from io import BufferedIOBase, BufferedReader
from pathlib import Path

from chalicelib.controls import controls_for
from chalicelib.errors import BadEvent
from chalicelib.events import event_id, read
from chalicelib.model import Change, Json
from chalicelib.redaction import safe_text
from suture.recordings import Broken, documents, records

_LEADS = {"AWS::IAM::ManagedPolicy": "AWS::IAM::Role", "AWS::ApiGateway::RestApi": "AWS::ApiGateway::Stage"}
"""Types that lead to others: what changed in them is judged there, and in themselves where a control judges them."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One record. `status` is look, ignored or failed; `reason` is why, where it is not look.

    `place` says where in the file: `line 7`, `Records[3]`, or nothing when the file is one record. `controls` are
    the ids of those that would judge what is looked at.
    """

    file: str
    place: str
    status: str
    event: str = ""
    changes: tuple[Change, ...] = ()
    controls: tuple[str, ...] = ()
    reason: str = ""

    @property
    def where(self) -> str:
        """File and place as one text, for messages."""
        return f"{self.file}: {self.place}" if self.place else self.file


@dataclass(frozen=True, slots=True)
class Totals:
    """How many records were read, how many of those asked for a look or for nothing, and how many failed."""

    read: int = 0
    looked: int = 0
    ignored: int = 0
    failed: int = 0

    def plus(self, result: Replayed) -> Totals:
        """These totals and one more result."""
        if result.status == "failed":
            return replace(self, failed=self.failed + 1)
        if result.status == "look":
            return replace(self, read=self.read + 1, looked=self.looked + 1)
        return replace(self, read=self.read + 1, ignored=self.ignored + 1)


def replay(paths: Iterable[Path]) -> Iterator[Replayed]:
    """The result of every record in some files, in their order. A file that cannot be read is one failed result."""
    for path in paths:
        try:
            with path.open("rb") as stream:
                yield from replay_stream(stream, str(path))
        except OSError as error:
            yield Replayed(str(path), "", "failed", reason=f"cannot be read: {error.strerror or error}")


def replay_stream(stream: BufferedReader, name: str) -> Iterator[Replayed]:
    """The result of every record in one open file or in standard input; `name` is what messages call it."""
    place = ""
    try:
        for place, document in documents(_unpacked(stream)):
            for inner, record in records(document):
                yield _replayed(record, name, " ".join(filter(None, (place, inner))))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Replayed(name, f"after {place}" if place else "", "failed", reason=f"broken gzip: {safe_text(error, 80)}")


def _unpacked(stream: BufferedReader) -> BufferedIOBase:
    return gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == b"\x1f\x8b" else stream


def _replayed(record: Json | Broken, name: str, place: str) -> Replayed:
    if isinstance(record, Broken):
        return Replayed(name, place, "failed", reason=record.what)
    event = event_id(record) if isinstance(record, Mapping) else ""
    try:
        reading = read(record)
    except BadEvent as error:
        return Replayed(name, place, "failed", event, reason=safe_text(error.what))
    if not reading.changes:
        return Replayed(name, place, "ignored", event, reason=safe_text(reading.ignored or "a message without changes"))
    concerned = sorted({i for change in reading.changes for i in _controls(change)})
    return Replayed(name, place, "look", event, reading.changes, tuple(concerned))


def _controls(change: Change) -> tuple[str, ...]:
    if change.deleted:
        return ()
    led = _LEADS.get(change.resource_type, change.resource_type)
    return tuple(sorted({*_controls_of(change.resource_type), *_controls_of(led)}))


@cache
def _controls_of(resource_type: str) -> tuple[str, ...]:
    return tuple(controls_for(resource_type))
