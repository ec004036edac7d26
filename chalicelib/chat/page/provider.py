"""An OpenID provider as its discovery document describes it: where people sign in, and where a code becomes a token.

OpenID Connect Discovery 1.0; OAuth 2.0 Security Best Current Practice (RFC 9700): code flow with PKCE (RFC 7636),
an exact redirect address, the issuer in the answer (RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from urllib.parse import quote, urlencode, urlsplit

from ...errors import BadRequest, Misconfigured, SutureError
from ...model import Json

TIMEOUT = 4
KEPT = 3600.0
"""Seconds for which what the provider publishes is believed."""

REFRESH = 60.0
"""Seconds between two looks for a key that is not known: a forged token must not cost a call each."""

_MOST = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ProviderFailed(SutureError):
    """The provider gave no answer that we can use."""


class Provider:
    """One provider and our client there. `secret` gives the client's secret, or nothing for a public client."""

    def __init__(self, issuer: str, client: str, redirect: str, secret: Callable[[], str]) -> None:
        if not is_safe(issuer) or not client:
            raise Misconfigured("the OpenID issuer is no https address", where=issuer, next_step="set OidcIssuer anew")
        self.issuer, self.client, self._redirect, self._secret = issuer, client, redirect, secret
        self._kept: dict[str, tuple[float, Mapping[str, Json]]] = {}

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send somebody to sign in."""
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self._redirect,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": _encoded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        place = self._place("authorization_endpoint")
        return place + ("&" if urlsplit(place).query else "?") + urlencode(asked)

    def token(self, code: str, verifier: str) -> str:
        """The ID token for a code, which is good once. Raises BadRequest when the provider refuses it."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": verifier,
            "client_id": self.client,
        }
        headers, secret = {"Content-Type": "application/x-www-form-urlencoded"}, self._secret()
        ways = self._facts().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret and "client_secret_basic" in ways:
            pair = f"{quote(self.client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif secret:
            asked["client_secret"] = secret
        answer = _fetched(self._place("token_endpoint"), urlencode(asked).encode(), headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise BadRequest("the provider did not accept the code", status=401, next_step="sign in again")
        return token

    def keys(self, *, again: bool = False) -> Mapping[str, Json]:
        """The provider's keys; with `again`, newer ones if the last look is not too young."""
        return self._published("keys", self._place("jwks_uri"), REFRESH if again else KEPT)

    @property
    def names_itself(self) -> bool:
        """Does it promise to say who it is when it sends somebody back?"""
        return self._facts().get("authorization_response_iss_parameter_supported") is True

    def _facts(self) -> Mapping[str, Json]:
        place = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        facts = self._published("facts", place, KEPT)
        if facts.get("issuer") != self.issuer:
            self._kept.pop("facts", None)
            raise ProviderFailed("the provider says that it is another issuer", where=place)
        return facts

    def _place(self, name: str) -> str:
        place = self._facts().get(name)
        if not isinstance(place, str) or not is_safe(place) or _is_local(place) != _is_local(self.issuer):
            raise ProviderFailed(f"the provider publishes no usable {name}", where=self.issuer)
        return place

    def _published(self, what: str, place: str, most: float) -> Mapping[str, Json]:
        at, found = self._kept.get(what, (0.0, {}))
        if not found or time.monotonic() - at >= most:
            found = _fetched(place, None, {})
            self._kept[what] = (time.monotonic(), found)
        return found


def is_safe(place: str) -> bool:
    """Is it an https address, or one of this machine?"""
    try:
        parts = urlsplit(place)
        return bool(parts.hostname) and not parts.username and (parts.scheme == "https" or _is_local(place))
    except ValueError:
        return False


def _is_local(place: str) -> bool:
    parts = urlsplit(place)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _Stay(urllib.request.HTTPRedirectHandler):
    """A provider answers where it says that it does: a redirect would carry a code or a secret elsewhere."""

    def redirect_request(self, *args: object, **more: object) -> None:
        return None


def _fetched(place: str, data: bytes | None, headers: Mapping[str, str]) -> Mapping[str, Json]:
    """A JSON object from the provider; an empty one for its 400 and 401. Raises ProviderFailed."""
    request = urllib.request.Request(place, data=data, headers={"Accept": "application/json", **headers})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT) as answer:
            found = json.loads(answer.read(_MOST))
    except urllib.error.HTTPError as error:
        if data is not None and error.code in (400, 401):
            return {}
        raise ProviderFailed(f"the provider answered {error.code}", where=place) from None
    except (urllib.error.URLError, OSError, HTTPException, ValueError, RecursionError) as error:
        raise ProviderFailed(f"the provider gave no answer: {type(error).__name__}", where=place) from None
    if not isinstance(found, dict):
        raise ProviderFailed("the provider answered no object", where=place)
    return found
