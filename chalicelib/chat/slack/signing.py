"""Is a request from Slack? Judged on its raw bytes before anything of it is read.

Source: Slack, "Verifying requests from Slack": v0, the timestamp and the body joined by colons, HMAC-SHA256 under the
signing secret, as `v0=` and hex; refused when the timestamp is more than five minutes off. Whatever is wrong with a
request that nobody signed is a 401, never an error of ours, and none of it is written to a log.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping

from ...errors import BadRequest

MAX_BODY = 100_000
"""Bytes: Slack's largest interaction holds a message (at most about 13 KB of blocks) and a view."""

LATEST = 300
"""Seconds by which a request's time may be off, either way."""

_TIME = re.compile(r"[0-9]{9,11}", re.ASCII)
_NOT_SIGNED = "the request is not signed by Slack"


def check(headers: Mapping[str, str], raw: bytes, now: float, secrets: Callable[[], Iterable[bytes]]) -> None:
    """Raise BadRequest (401, or 413 for a body that is too large) unless one of `secrets` signed `raw` just now.

    `headers` have lower-case names, `now` is epoch seconds. Two secrets stand while one replaces the other.
    """
    if len(raw) > MAX_BODY:
        raise BadRequest(f"the body has more than {MAX_BODY} bytes", status=413)
    at, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not _TIME.fullmatch(at) or abs(now - int(at)) > LATEST:
        raise BadRequest(_NOT_SIGNED, status=401)
    claimed = given.encode("utf-8", "replace")
    if not any(hmac.compare_digest(claimed, signature(secret, at, raw)) for secret in secrets()):
        raise BadRequest(_NOT_SIGNED, status=401)


def signature(secret: bytes, at: str, raw: bytes) -> bytes:
    """What Slack writes into X-Slack-Signature for a body sent at `at` (epoch seconds as text)."""
    base = b"v0:" + at.encode("ascii") + b":" + raw
    return b"v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest().encode()
