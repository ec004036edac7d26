"""Notices: what happened to a case, handed to each channel: the log, Slack, a signed webhook.

A channel renders the case as it stands when the notice is read, so notices may come late, twice or out of order. A
last gate refuses to send what looks like a secret. A channel that must wait sends its own notice anew with a delay.
"""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Mapping

from .. import messages
from ..aws.deployment import Deployment
from ..cases import Case
from ..errors import BadEvent, Misconfigured, Throttled
from ..logs import log
from ..model import Json, canonical
from ..plaintext import contains_secret
from ..times import iso
from .facts import facts_of, shown
from .slack import channel as slack

TIMEOUT = 5


def tell(d: Deployment, message: Mapping[str, Json]) -> None:
    """Send one notice. Raises Throttled when a channel does not take it, so that the queue brings it again."""
    deed = slack.DEEDS.get(str(message.get("suture")))
    if deed is not None:
        return deed(d, message)
    id_ = message.get("case")
    if not isinstance(id_, str):
        raise BadEvent("a notice that names no case", next_step="look who may send to the notices queue")
    case = d.ledger.case(id_)
    if case is None:
        return log("warning", "a notice about no case", case=id_)
    if message.get("channel") in (None, "slack"):
        slack.tell(d, case, message)
    return None if message.get("channel") else _log_and_post(d, case)


def _log_and_post(d: Deployment, case: Case) -> None:
    id_, words = case.id, messages.text(case, shown(), facts_of(d, case).who_may)
    found = contains_secret(words)
    if found:
        return log("error", "a message looked as if it held a secret and was not sent", case=id_, why=found.kind)
    log("info", "notice", case=id_, state=case.state, control=case.control, text=messages.headline(case))
    url, parameter = d.webhook
    if url:
        _post(url, _secret(d, parameter), {"at": iso(d.now()), "case": messages.data(case), "text": words})
    return None


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
    from datetime import datetime

    return datetime.fromisoformat(at).timestamp()
