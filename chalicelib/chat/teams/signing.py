"""Is a request from Teams? Judged by its token before anything of its body is read.

Source: "Authentication with the Bot Connector API" (Azure AI Bot Service), the seven steps of "Connector to Bot": a
bearer token of the connector's issuer, for this bot, that stands now within five minutes, signed with a published key
that is endorsed for Teams, and made for the address that the activity names. The token does not cover the body, so
whoever holds one could speak for an hour: it is never logged, and a decision is taken from one activity once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...errors import BadRequest, SutureError
from ...model import Json
from .places import SIGNERS, TeamsFailed, checked, exchanged

if TYPE_CHECKING:
    from ...routing import Teams as Rules

MAX_BODY, MAX_TOKEN = 100_000, 8_192
LEEWAY = 300
"""Seconds by which two clocks may differ, as the source says."""

KEPT = 86_400.0
"""Seconds for which the published keys are believed; new ones stand there for days before they are used."""

REFRESH = 60.0
"""Seconds between two looks for a key that is not known: a forged token must not cost a call each."""

ISSUERS: Mapping[str, str] = {
    "login.botframework.com": "https://api.botframework.com",
    "login.botframework.azure.us": "https://api.botframework.us",
}
CHANNEL = "msteams"

_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2})", re.ASCII)
_NOT_SIGNED = "the request is not signed by Teams"


class NoLibrary(SutureError):
    """This deployment cannot check a signature, and so believes none."""


class Signers:
    """The connector's published keys for one process. `url` is its OpenID metadata."""

    def __init__(self, url: str, *, is_sandboxed: bool) -> None:
        self._url = checked(url, SIGNERS, is_sandboxed=is_sandboxed)
        self._is_sandboxed = is_sandboxed
        self._kept: tuple[float, str, tuple[Json, ...]] = (0.0, "", ())

    def keys(self, *, again: bool = False) -> tuple[str, Mapping[str, Json]]:
        """The issuer, and its keys that are endorsed for Teams; with `again`, newer ones unless the last look is young.

        Raises TeamsFailed where they cannot be read and none are kept.
        """
        at, issuer, found = self._kept
        if not found or time.monotonic() - at >= (REFRESH if again else KEPT):
            try:
                issuer, found = self._published()
            except TeamsFailed:
                if not found:
                    raise
            self._kept = (time.monotonic(), issuer, found)
        return issuer, {"keys": list(found)}

    def _published(self) -> tuple[str, tuple[Json, ...]]:
        facts = exchanged(self._url, None, {"Accept": "application/json"})
        place, issuer = str(facts.get("jwks_uri") or ""), str(facts.get("issuer") or "")
        host = urlsplit(self._url).netloc
        if urlsplit(place).netloc != host or urlsplit(place).scheme != urlsplit(self._url).scheme:
            raise TeamsFailed("the metadata names keys of another host")
        if not self._is_sandboxed and issuer != ISSUERS[host.lower()]:
            raise TeamsFailed("the metadata names another issuer")
        published = exchanged(place, None, {"Accept": "application/json"}).get("keys")
        keys = [k for k in published if isinstance(k, dict)] if isinstance(published, list) else []
        found = tuple(k for k in keys if CHANNEL in (k.get("endorsements") or ()))
        if not found:
            raise TeamsFailed("no key is endorsed for Teams")
        return issuer, found


def check(headers: Mapping[str, str], raw: bytes, now: float, signers: Signers, rules: Rules) -> Mapping[str, Json]:
    """What the token of a request claims, once it is proved. Raises BadRequest (401, or 413 for too large a body),
    NoLibrary, and TeamsFailed where the keys cannot be read.

    `headers` have lower-case names, `now` is epoch seconds.
    """
    if find_spec("joserfc") is None:
        raise NoLibrary(
            "Teams' signatures cannot be checked: the library joserfc is not in this deployment",
            next_step="give the stack the layer of docs/chat.md; until then Teams decides nothing",
        )
    if len(raw) > MAX_BODY:
        raise BadRequest(f"the body has more than {MAX_BODY} bytes", status=413)
    given = headers.get("authorization", "")
    token = _BEARER.fullmatch(given) if len(given) <= MAX_TOKEN else None
    if token is None:
        raise BadRequest(_NOT_SIGNED, status=401)
    return _proved(token[1], now, signers, rules)


def _proved(token: str, now: float, signers: Signers, rules: Rules) -> Mapping[str, Json]:
    from ..page.tokens import BadToken, NoSuchKey, proved

    for again in (False, True):
        issuer, keys = signers.keys(again=again)
        try:
            claims = proved(token, keys, {"iss": issuer}, ("aud", "exp"), now, LEEWAY)
        except NoSuchKey:
            continue
        except BadToken:
            break
        if claims["aud"] == rules.app:
            return claims
        break
    raise BadRequest(_NOT_SIGNED, status=401)


def is_for(claims: Mapping[str, Json], service: str) -> bool:
    """Was the token made for the address that the activity names? Its claim is written in two ways."""
    said = [claims[name] for name in ("serviceurl", "serviceUrl") if name in claims]
    return bool(said) and all(isinstance(s, str) and s.rstrip("/") == service.rstrip("/") for s in said)
