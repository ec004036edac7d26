"""The chain of a case's records: each holds the hash of the one before, and the head that of the last.

The hash of a record is the SHA-256 of its text as it is stored, so that anybody can compute it with `sha256sum`. Who
changes, drops or reorders a record breaks the chain at that place; who writes the whole chain anew contradicts the
manifest of that day, which is signed and cannot be overwritten. The idea is that of RFC 9162, Certificate Transparency.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .model import Json

MANIFEST = "suture-audit-manifest/1"
_BASE64 = re.compile("(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@dataclass(frozen=True, slots=True)
class Stored:
    """One record as it stands in the table: its sort key and its text."""

    sk: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the record of one case: `where` names the record by its id."""

    case: str
    where: str
    what: str


def link(text: str) -> str:
    """The hash of one record's text: 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def sort_key(version: int) -> str:
    """The sort key of a case's record of that version."""
    return f"R#{version:08d}"


def chain_problems(case: str, records: Sequence[Stored], head: tuple[int, str] | None) -> Iterator[Problem]:
    """What is wrong with the chain of a case whose head stands at (version, hash of its last record).

    `records` are in the order of their keys, and every version from 1 has its own. One that was changed is known by
    what follows it, which names another hash; one that is missing, or was cut off at the end, is named by its key.
    """
    if head is None:
        yield Problem(case, "HEAD", "the head is missing")
    last, said = head or (len(records), "")
    found = {sort_key(n): "" for n in range(1, last + 1)} | {stored.sk: stored.text for stored in records}
    before: str | None = ""
    previous = ""
    for sk, text in sorted(found.items()):
        data = _read(text)
        if not text:
            yield Problem(case, sk, "this record is missing")
        elif (data.get("case"), sk) != (case, sort_key(_number(data))):
            yield Problem(case, sk, "this record was written for another place")
        elif before is not None and data.get("before") != before:
            yield Problem(case, previous or sk, "this record was changed: the next one names another hash")
        before, previous = link(text) if text else None, sk
    if head and before is not None and (previous, before) != (sort_key(last), said):
        yield Problem(case, previous, "this record or the head was changed: the head names another one")


def manifest(day: str, at: str, previous: str, heads: Mapping[str, tuple[int, str]]) -> dict[str, Json]:
    """The document that anchors one day: every case's version and hash, and the hash of the manifest before it."""
    listed = {case: {"version": version, "hash": hash_} for case, (version, hash_) in sorted(heads.items())}
    return {"kind": MANIFEST, "day": day, "at": at, "previous": previous, "heads": listed}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A manifest as it is kept: the very text that was signed, its signature (base64 of DER), and what it says."""

    text: str
    signature: str
    document: Mapping[str, Json]


def sealed(text: str, signature: str) -> str:
    """The one object that holds a manifest's text and its signature."""
    return json.dumps({"manifest": text, "signature": signature})


def opened(content: str) -> Sealed | None:
    """What `sealed` made, unchecked: the signature may be anybody's. None where it is something else."""
    outer = _read(content)
    text, signature = outer.get("manifest"), outer.get("signature")
    if not isinstance(text, str) or not isinstance(signature, str):
        return None
    document = _read(text)
    texts = all(isinstance(document.get(key), str) for key in ("day", "at", "previous"))
    is_ours = document.get("kind") == MANIFEST and texts and isinstance(document.get("heads"), dict)
    return Sealed(text, signature, document) if is_ours and _BASE64.fullmatch(signature) else None


def anchor_problems(anchored: Mapping[str, Json], hashes: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    """Where the table contradicts one manifest. `hashes` are those of every record, by case and sort key."""
    for case, head in anchored["heads"].items():
        known, where = hashes.get(case), sort_key(head["version"])
        if not known:
            yield Problem(case, "HEAD", f"the case was anchored on {anchored['day']} and is gone")
        elif where not in known:
            yield Problem(case, where, f"it was anchored on {anchored['day']} and is gone")
        elif known[where] != head["hash"]:
            yield Problem(case, where, f"it is not what was anchored on {anchored['day']}")


def _read(text: str) -> Mapping[str, Json]:
    try:
        data = json.loads(text or "{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _number(data: Mapping[str, Json]) -> int:
    number = data.get("version")
    return number if type(number) is int and 0 < number < 10**8 else 0
