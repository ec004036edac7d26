"""The webhook: one signed POST for each move of a case, to an address that the stack names.

`Suture-Signature` covers time and body; `Idempotency-Key` is the same for every try of one move, so a receiver that
answered into the void can tell a repetition.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from ... import messages
from ...model import canonical
from ...times import iso
from ..facts import facts_of, shown
from ..gate import refuse_secrets
from . import Job, Told
from .line import line_of


def send(job: Job) -> Told:
    """Post the case as it stands."""
    case, (url, parameter) = job.case, job.d.webhook
    text = messages.text(case, shown(), facts_of(job.d, case).who_may)
    content = {"at": iso(job.d.now()), "case": messages.data(case), "text": text}
    refuse_secrets(content)
    line, payload = line_of(job.d, "webhook", url, parameter), canonical(content).encode()
    at = int(datetime.fromisoformat(str(content["at"])).timestamp())
    line.send("POST", "", payload, {
        "Content-Type": "application/json",
        "Idempotency-Key": key(job),
        "Suture-Signature": signature(line.secret().encode(), at, payload),
    })  # fmt: skip
    return job.told


def key(job: Job) -> str:
    """One move of a case, or one reminder about it."""
    reminder = "." + hashlib.sha256(job.why.encode()).hexdigest()[:8] if job.why else ""
    return f"{job.case.id}.{job.case.version}{reminder}"


def signature(secret: bytes, at: int, payload: bytes) -> str:
    """`t=…,v1=…`: the HMAC-SHA256 of the time in epoch seconds, a dot and the body. Receivers refuse old times."""
    mac = hmac.new(secret, f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"
