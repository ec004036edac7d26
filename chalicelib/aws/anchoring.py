"""Once a day the heads of all cases that moved are anchored: a signed manifest in a bucket that forgets nothing.

The manifest names each case's version and the hash of its last record, and the hash of the manifest before it. It is
signed with a KMS key that only the sweep may use, and kept under S3 Object Lock, so that nobody who can write to the
table can also write the past anew. Manifest and signature are one object, written only where none is: a sweep that
dies at any moment leaves a whole manifest or none, and the next one takes up what it finds. Sources: KMS Developer
Guide, "Digital signing with asymmetric keys"; S3 User Guide, "Using S3 Object Lock" and "Conditional writes".
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..audit import Sealed, link, manifest, opened, sealed
from ..cases import TRANSITIONS
from ..errors import CallFailed, Invalid
from ..logs import log
from ..model import Json, canonical
from ..times import iso
from .deployment import Deployment
from .table import Table, body, unbody

OVERLAP = timedelta(hours=1)
"""The index by state lags behind the table; what moved so shortly before a manifest stands in the next one too."""

_PK, _SK = "ANCHOR#manifest", "LAST"
_FOLDER = "manifests/"
_ECDSA = {"MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}


@dataclass(frozen=True, slots=True)
class _Last:
    """The newest manifest: its day, the hash of its text, and when it was made. Empty before the first."""

    day: str = ""
    hash: str = ""
    at: str = ""


def anchor(d: Deployment) -> None:
    """Write the manifest of today, unless it is written; what fails is said and tried again with the next sweep."""
    day = d.now().strftime("%Y-%m-%d")
    item = d.ledger.table.get(_PK, _SK)
    last = _Last(**unbody(item)) if item else _Last()
    if not d.audit.bucket or last.day >= day:
        return None
    try:
        last = _newest(d, last)
        if last.day < day:
            last = _write(d, day, last)
            log("info", "anchored", where=f"s3://{d.audit.bucket}/{key_of(day)}")
    except CallFailed as error:
        return log("error", "the records of this day are not anchored", where=d.audit.bucket, why=error.what)
    said = {"day": last.day, "hash": last.hash, "at": last.at}
    return d.ledger.table.put({"pk": _PK, "sk": _SK, "body": body(said)})


def key_of(day: str) -> str:
    """Where the manifest of a day is kept."""
    return f"{_FOLDER}{day}.json"


def _newest(d: Deployment, last: _Last) -> _Last:
    """`last`, or the newest of the manifests that a sweep wrote and died before it remembered them."""
    asked = {"Bucket": d.audit.bucket, "Prefix": _FOLDER, "StartAfter": key_of(last.day) if last.day else _FOLDER}
    for found in d.clients.pages("s3:ListObjectsV2", asked, "Contents"):
        answer = d.clients.call("s3:GetObject", {"Bucket": d.audit.bucket, "Key": found["Key"]})
        last = _taken_up(d, found["Key"], opened(answer["Body"].read().decode("utf-8", "replace")))
    return last


def _taken_up(d: Deployment, key: str, found: Sealed | None) -> _Last:
    """Nothing is built on a manifest that somebody else put there."""
    if found is None:
        raise Invalid(f"{key} is no manifest of ours", operation="s3:GetObject", code="NotOurs")
    signed = {**_signing(d, found.text), "Signature": base64.b64decode(found.signature)}
    if not d.clients.call("kms:Verify", signed)["SignatureValid"]:
        raise Invalid(f"{key} is not signed by our key", operation="kms:Verify", code="NotOurs")
    return _Last(found.document["day"], link(found.text), found.document["at"])


def _write(d: Deployment, day: str, last: _Last) -> _Last:
    at = iso(d.now())
    since = iso(datetime.fromisoformat(last.at) - OVERLAP) if last.at else ""
    text = canonical(manifest(day, at, last.hash, _heads(d.ledger.table, since)))
    signature = d.clients.call("kms:Sign", _signing(d, text))["Signature"]
    content = sealed(text, base64.b64encode(signature).decode()).encode()
    request = {"Bucket": d.audit.bucket, "Key": key_of(day), "Body": content, "IfNoneMatch": "*"}
    d.clients.call("s3:PutObject", request)
    return _Last(day, link(text), at)


def _signing(d: Deployment, text: str) -> dict[str, Json]:
    return {**_ECDSA, "KeyId": d.audit.key, "Message": hashlib.sha256(text.encode()).digest()}


def _heads(table: Table, since: str) -> dict[str, tuple[int, str]]:
    items = (item for state in TRANSITIONS for item in table.by_state(state, since))
    cases = (unbody(item) for item in items)
    return {case["id"]: (case["version"], case["chain"]) for case in cases}
