"""Once a day the heads of all cases that moved are anchored: a signed manifest in a bucket that forgets nothing.

The manifest names each case's version and the hash of its last record, and the hash of the manifest before it. It is
signed with a KMS key that only the sweep may use, and kept under S3 Object Lock, so that nobody who can write to the
table can also write the past anew. Sources: KMS Developer Guide, "Digital signing with asymmetric keys"; S3 User
Guide, "Using S3 Object Lock".
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta

from ..audit import link, manifest
from ..cases import TRANSITIONS
from ..errors import CallFailed
from ..logs import log
from ..model import canonical
from ..times import iso
from .deployment import Deployment
from .table import Table, body, unbody

OVERLAP = timedelta(hours=1)
"""The index by state lags behind the table; what moved so shortly before a manifest stands in the next one too."""

_PK, _SK = "ANCHOR#manifest", "LAST"


def anchor(d: Deployment) -> None:
    """Write the manifest of today, unless it is written; what fails is said and tried again with the next sweep."""
    now = d.now()
    last = d.ledger.table.get(_PK, _SK)
    known = unbody(last) if last else {"day": "", "hash": "", "at": ""}
    day = now.strftime("%Y-%m-%d")
    if not d.audit.bucket or known["day"] >= day:
        return None
    since = iso(datetime.fromisoformat(known["at"]) - OVERLAP) if known["at"] else ""
    text = canonical(manifest(day, known["hash"], _heads(d.ledger.table, since)))
    try:
        _keep(d, day, text.encode())
    except CallFailed as error:
        return log("error", "the records of this day are not anchored", where=d.audit.bucket, why=error.what)
    said = body({"day": day, "hash": link(text), "at": iso(now)})
    d.ledger.table.put({"pk": _PK, "sk": _SK, "body": said})
    return log("info", "anchored", where=f"s3://{d.audit.bucket}/{key_of(day)}")


def key_of(day: str) -> str:
    """Where the manifest of a day is kept; its signature stands beside it, with `.sig` behind the name."""
    return f"manifests/{day}.json"


def _heads(table: Table, since: str) -> dict[str, tuple[int, str]]:
    items = (item for state in TRANSITIONS for item in table.by_state(state, since))
    cases = (unbody(item) for item in items)
    return {case["id"]: (case["version"], case["chain"]) for case in cases}


def _keep(d: Deployment, day: str, text: bytes) -> None:
    """The signature first: a manifest without one would count as forged."""
    request = {"KeyId": d.audit.key, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    answer = d.clients.call("kms:Sign", {**request, "Message": hashlib.sha256(text).digest()})
    for key, content in ((f"{key_of(day)}.sig", base64.b64encode(answer["Signature"])), (key_of(day), text)):
        d.clients.call("s3:PutObject", {"Bucket": d.audit.bucket, "Key": key, "Body": content})
