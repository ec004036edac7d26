"""Slack's Web API, spoken with the standard library alone, and what each of its refusals means for a message.

The token and the signing secret are SSM SecureStrings, fetched once a process and again when they no longer fit.
Sources: Slack's pages of chat.postMessage, chat.update, views.open, views.publish, and "Rate limits".
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...errors import CallFailed, Misconfigured, SutureError
from ...model import Json
from ..gate import refuse_secrets

if TYPE_CHECKING:
    from ...aws.clients import Clients
    from ...routing import Slack as Rules

TIMEOUT = 2.5
"""Seconds for one answer of Slack: a trigger lives three, and a message can wait."""

REFRESH = 60.0
"""Seconds between two looks at SSM for a secret that does not fit: a forged request must not cost a call each."""

DOWN = 10.0
"""Seconds for which Slack is not asked again after it gave no answer: a batch of notices must not wait for each."""

_HOOKS = "hooks.slack.com"
_LOOPBACK = ("127.0.0.1", "localhost")

GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""The message is no more, or is closed: send a new one."""

NOWHERE = frozenset({"channel_not_found", "is_archived", "not_in_channel", "restricted_action", "ekm_access_denied"})
"""This channel takes nothing: another may, and an operator has to look."""

TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "no_permission",
    }
)
"""The token is no good: an operator has to look, and the next try reads it anew."""


OURS = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long", "invalid_blocks_format", "no_text"})
"""The blocks themselves are refused: a mistake of ours, and a plain line is better than nothing."""


class SlackFailed(SutureError):
    """Slack did not do it. `code` is Slack's error, `wait` its Retry-After in seconds, or 0."""

    def __init__(self, code: str, wait: int = 0) -> None:
        super().__init__(f"Slack answered {code}", next_step="docs/chat.md says what each answer means")
        self.code, self.wait = code, wait


class Slack:
    """One workspace's Web API for one process."""

    def __init__(self, clients: Clients, rules: Rules, url: str, token_parameter: str, secret_parameter: str) -> None:
        if not url.startswith("https://") and not is_loopback(url):
            raise Misconfigured("Slack's address is no https address", where=url, next_step="set SlackApiUrl anew")
        self.rules, self._clients, self._url = rules, clients, url.rstrip("/") + "/"
        self._names = {"token": token_parameter, "secret": secret_parameter}
        self._kept: dict[str, tuple[float, str]] = {}
        self._down: dict[str, tuple[float, SlackFailed]] = {}

    def secrets(self, *, again: bool = False) -> tuple[bytes, ...]:
        """The signing secrets, the newer first: SSM holds one, or two with white space between while they rotate."""
        return tuple(part.encode() for part in self._parameter("secret", again).split())

    def call(self, method: str, body: Mapping[str, Json]) -> Mapping[str, Json]:
        """One call. Raises SlackFailed, and SecretInMessage before anything leaves."""
        refuse_secrets(body)
        try:
            headers = {"Authorization": f"Bearer {self._parameter('token')}"}
        except CallFailed as error:
            raise SlackFailed(f"no_token ({error.code})") from error
        answer = _object(self._tried(method, body, headers))
        if answer.get("ok") is True:
            return answer
        code = str(answer.get("error") or "no_answer")[:60]
        if code in TOKEN:
            self._kept.pop("token", None)
        raise SlackFailed(code)

    def _tried(self, method: str, body: Mapping[str, Json], headers: Mapping[str, str]) -> bytes:
        """The answer of one call, or at once what was said a moment ago: wait, or nothing."""
        until, said = self._down.get(method, (0.0, SlackFailed("")))
        if time.monotonic() < until:
            raise SlackFailed(said.code, said.wait)
        try:
            return _post(self._url + method, body, headers)
        except SlackFailed as error:
            self._down[method] = (time.monotonic() + (error.wait or DOWN), error)
            raise

    def respond(self, url: str, body: Mapping[str, Json]) -> None:
        """Answer through an interaction's own address. Raises SlackFailed, and for any other place SlackFailed too."""
        if not self.may_respond(url):
            raise SlackFailed("invalid_response_url")
        refuse_secrets(body)
        _post(url, body, {})

    def may_respond(self, url: str) -> bool:
        """Is it an address of Slack's? Only then does a request's word for it count."""
        place = urlsplit(url)
        return (place.scheme == "https" and place.netloc == _HOOKS) or (is_loopback(self._url) and is_loopback(url))

    def _parameter(self, what: str, again: bool = False) -> str:
        at, value = self._kept.get(what, (0.0, ""))
        if not at or (again and time.monotonic() - at >= REFRESH):
            answer = self._clients.call("ssm:GetParameter", {"Name": self._names[what], "WithDecryption": True})
            value = str(answer["Parameter"]["Value"]).strip()
            self._kept[what] = (time.monotonic(), value)
        return value


def is_loopback(url: str) -> bool:
    place = urlsplit(url)
    return place.scheme == "http" and place.hostname in _LOOPBACK


def _post(url: str, body: Mapping[str, Json], headers: Mapping[str, str]) -> bytes:
    data = json.dumps(body).encode()
    sent = {"Content-Type": "application/json; charset=utf-8", **headers}
    request = urllib.request.Request(url, data=data, headers=sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return bytes(answer.read(1 << 20))
    except urllib.error.HTTPError as error:
        wait = str(error.headers.get("Retry-After") or "")
        code = "ratelimited" if error.code == 429 else f"http_{error.code}"
        raise SlackFailed(code, int(wait) if wait.isdecimal() and len(wait) < 6 else 0) from None
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        raise SlackFailed(f"no_answer ({type(error).__name__})") from None


def _object(raw: bytes) -> Mapping[str, Json]:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
