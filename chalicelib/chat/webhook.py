"""The webhook: one signed POST for each move of a case, to an address that the stack names."""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime

from .. import messages
from ..aws.deployment import Deployment
from ..cases import Case
from ..errors import Misconfigured, Throttled
from ..logs import log
from ..model import Json, canonical
from ..plaintext import contains_secret
from ..times import iso
from .facts import facts_of, shown

TIMEOUT = 5


def tell(d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    """Post a case as it stands. Raises Throttled when nobody takes it, so that the queue brings the notice again."""
    url, parameter = d.webhook
    if not url:
        return None
    words = messages.text(case, shown(), facts_of(d, case).who_may)
    found = contains_secret(words)
    if found:
        return log("error", "a message looked as if it held a secret and was not sent", case=case.id, why=found.kind)
    return _post(url, _secret(d, parameter), {"at": iso(d.now()), "case": messages.data(case), "text": words})


def signature(secret: bytes, at: int, payload: bytes) -> str:
    """`t=…,v1=…`: the HMAC-SHA256 of the time in epoch seconds, a dot and the body. Receivers refuse old times."""
    mac = hmac.new(secret, f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def _post(url: str, secret: bytes, content: Mapping[str, Json]) -> None:
    if not url.startswith("https://") and not url.startswith(("http://127.0.0.1:", "http://localhost:")):
        raise Misconfigured("the webhook's address is no https address", where=url, next_step="set WebhookUrl anew")
    payload = canonical(content).encode()
    at = int(_epoch(str(content["at"])))
    headers = {"Content-Type": "application/json", "Suture-Signature": signature(secret, at, payload)}
    request = urllib.request.Request(url, data=payload, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            answer.read(1024)
    except (urllib.error.URLError, OSError) as error:
        raise Throttled(f"the webhook did not take the notice: {error}", where=url) from error


def _secret(d: Deployment, parameter: str) -> bytes:
    answer = d.clients.call("ssm:GetParameter", {"Name": parameter, "WithDecryption": True})
    return str(answer["Parameter"]["Value"]).encode()


def _epoch(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
