"""Who is there: a short-lived cookie with a MAC, and a token in every form that is bound to it.

Nothing is kept here: the cookie says who signed in and until when, and what that person may do is looked up for each
request. The key is KMS's where Suture is deployed, and lasts as long as the process elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe

from ...approvals import Identity, Person
from ...model import Json

LASTS = 3600
"""Seconds for which a session lasts, however it is used."""

MOST_COOKIE = 3_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in. `person` is None for somebody whom approvers.yaml does not list, and who sees nothing unless
    `reads`; `csrf` goes into forms.
    """

    name: str
    identity: Identity | None
    person: Person | None
    csrf: str
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Cookies:
    """Signed cookies of one name. `lax` ones come along when somebody follows a link from elsewhere."""

    name: str
    key: Callable[[], bytes]
    secure: bool
    path: str = "/"
    lax: bool = True

    def given(self, facts: Mapping[str, Json], now: datetime, lasts: int = LASTS) -> tuple[str, str]:
        """The header that gives a new cookie with these facts to the browser."""
        held = {**facts, "n": token_urlsafe(12), "e": int(now.timestamp()) + lasts}
        text = base64.urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")
        return self._header(f"{text}.{self._mac('cookie', text)}", lasts)

    def taken(self) -> tuple[str, str]:
        """The header that takes it away again."""
        return self._header("", 0)

    def read(self, value: str, now: datetime) -> Mapping[str, Json] | None:
        """The facts of a cookie that we gave and that has not expired, or None."""
        text, _, mac = value.partition(".")
        if not text or len(value) > MOST_COOKIE or not value.isascii():
            return None
        if not hmac.compare_digest(mac.encode(), self._mac("cookie", text).encode()):
            return None
        try:
            held = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, binascii.Error):
            return None
        return held if held["e"] > now.timestamp() else None

    def csrf(self, held: Mapping[str, Json]) -> str:
        """The token that a form of this session carries."""
        return self._mac("form", str(held["n"]))

    def _header(self, value: str, lasts: int) -> tuple[str, str]:
        parts = [f"{self.name}={value}", f"Path={self.path}", f"Max-Age={lasts}", "HttpOnly"]
        parts += ["SameSite=Lax" if self.lax else "SameSite=Strict", *(["Secure"] if self.secure else [])]
        return "Set-Cookie", "; ".join(parts)

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(self.key(), f"{self.name}\n{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()
