"""A line to one service outside AWS, spoken with the standard library alone: JSON over HTTPS, its secret, its health.

Only https, no redirect is followed, and loopback counts in the sandbox alone: in Lambda it is the runtime itself. The
secret is an SSM SecureString, fetched once a process and again after it was refused.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import CallFailed, Misconfigured, SutureError
from ...model import Json

if TYPE_CHECKING:
    from ...aws.clients import Clients
    from ...aws.deployment import Deployment

TIMEOUT = 4.0
"""Seconds for one step of an answer, and `LONGEST` for all of it: a ticket can wait, and `notify` runs for thirty."""

LONGEST = 8.0
MOST = 1 << 20
DOWN = 30.0
"""Seconds for which a service is not asked again after it gave no answer: a batch of notices must not wait for each."""

_LOOPBACK = ("127.0.0.1", "localhost")


class SinkFailed(SutureError):
    """The service did not do it. `status` is HTTP's, 0 for no answer; `wait` the seconds that it asks for, or 0."""

    def __init__(self, code: str, status: int = 0, wait: int = 0) -> None:
        super().__init__(f"it answered {code}", next_step="docs/chat.md says what each answer means")
        self.code, self.status, self.wait = code, status, wait


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Line:
    """One service for one process. `url` is its address, `parameter` the SSM parameter with its secret."""

    def __init__(self, clients: Clients, url: str, parameter: str, *, is_sandboxed: bool = False) -> None:
        self.url = _checked(url, is_sandboxed)
        self._clients, self._parameter, self._secret = clients, parameter, ""
        self._down: tuple[float, SinkFailed] = (0.0, SinkFailed(""))

    def secret(self) -> str:
        """The secret. Raises SinkFailed where SSM does not give it."""
        if not self._secret:
            try:
                answer = self._clients.call("ssm:GetParameter", {"Name": self._parameter, "WithDecryption": True})
            except CallFailed as error:
                raise SinkFailed(f"no_secret ({error.code})") from error
            self._secret = str(answer["Parameter"]["Value"]).strip()
        return self._secret

    def call(self, method: str, path: str, body: Json, headers: Mapping[str, str]) -> Answer:
        """One call. Raises SinkFailed for every answer but a 2xx."""
        data = None if body is None else json.dumps(body).encode()
        return self.send(method, path, data, {"Content-Type": "application/json", **headers})

    def send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        """The same for bytes that are signed as they are."""
        until, said = self._down
        if time.monotonic() < until:
            raise SinkFailed(said.code, said.status, said.wait)
        try:
            return _exchanged(
                self.url.rstrip("/") + path if path else self.url, method, data, {"User-Agent": "suture", **headers}
            )
        except SinkFailed as error:
            if error.status in (401, 403):
                self._secret = ""
            if error.status in (0, 429) or error.status >= 500:
                self._down = (time.monotonic() + (error.wait or DOWN), error)
            raise


def line_of(d: Deployment, name: str, url: str, parameter: str) -> Line:
    """The line of that name of a deployment, made when it is first needed. Raises Misconfigured for its address."""
    if name not in d.lines:
        d.lines[name] = Line(d.clients, url, parameter, is_sandboxed=d.is_sandboxed)
    return d.lines[name]


def _checked(url: str, is_sandboxed: bool) -> str:
    place = urlsplit(url)
    is_open = place.scheme == "https" or (is_sandboxed and place.scheme == "http" and place.hostname in _LOOPBACK)
    if not is_open or not place.hostname or "@" in place.netloc:
        where = f"{place.scheme}://{place.hostname or ''}"
        raise Misconfigured("the address is no https address", where=where, next_step="correct it, and deploy again")
    return url


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirect would send what is meant for one host to another: it is an error like any other."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _exchanged(url: str, method: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
    request = urllib.request.Request(url, data=data, headers=dict(headers), method=method)
    end = time.monotonic() + LONGEST
    try:
        with urllib.request.build_opener(_Stays).open(request, timeout=TIMEOUT) as answer:
            return Answer(answer.status, _object(_read(answer, end)), dict(answer.headers))
    except urllib.error.HTTPError as error:
        raise _failed(error) from None
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        raise SinkFailed(f"no_answer ({type(error).__name__})") from None


def _read(answer: Any, end: float) -> bytes:
    """The body, at most `MOST` bytes of it and until `end`: who sends a byte a second gets no more of our time."""
    parts, size = [], 0
    while size < MOST and (part := answer.read1(1 << 16)):
        if time.monotonic() > end:
            raise TimeoutError
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _failed(error: urllib.error.HTTPError) -> SinkFailed:
    """What an answer means: GitHub says 403 for a rate limit too, and then when it ends."""
    wait = str(error.headers.get("Retry-After") or "")
    seconds = int(wait) if wait.isdecimal() and len(wait) < 6 else 0
    if error.code == 403 and not seconds and error.headers.get("X-RateLimit-Remaining") == "0":
        reset = str(error.headers.get("X-RateLimit-Reset") or "")
        seconds = max(1, int(reset) - int(time.time())) if reset.isdecimal() and len(reset) < 12 else 60
    is_limit = error.code == 429 or (error.code == 403 and seconds > 0)
    return SinkFailed("ratelimited" if is_limit else f"http_{error.code}", 429 if is_limit else error.code, seconds)


def _object(raw: bytes) -> Json:
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None
