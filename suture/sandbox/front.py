"""What happens to every request, in order: who → may they → moto → CloudTrail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import mends
from .bodies import BadBody
from .calls import Call, buffer_body, credential_of, read_call
from .identity import Identity, who
from .refusals import Refusal, access_denied, failure, incomplete_signature, missing_credentials, unknown_key

log = logging.getLogger("suture.sandbox")

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Handler = Callable[[Call, Identity], "Answer | None"]

# These take no signature: AWS Security Token Service API reference.
_UNSIGNED = frozenset({"sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"})
# A call that waits must not hold the lock that the others wait for.
_WAITING = frozenset({"sqs:ReceiveMessage", "lambda:Invoke", "lambda:InvokeAsync", "stepfunctions:StartSyncExecution"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and how it ended. `denied` holds the error code when we refused it; then moto never saw it."""

    call: Call
    identity: Identity
    answer: Answer
    at: datetime
    denied: str = ""
    reason: str = ""


class Front:
    """The WSGI application in front of moto.

    `authorise(identity, call)` gives "" or the reason of a denial; `record(exchange)` is told of every authenticated
    call, in the order in which moto answered; `handlers` may answer calls that moto cannot (`lambda:Invoke`).
    """

    def __init__(
        self,
        account: str,
        region: str,
        authorise: Callable[[Identity, Call], str],
        record: Callable[[Exchange], None],
        handlers: Mapping[str, Handler],
        lock: threading.RLock,
    ) -> None:
        self._account, self._region = account, region
        self._authorise, self._record, self._handlers = authorise, record, handlers
        self._lock = lock
        self._moto = DomainDispatcherApplication(_backend)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answered(environ)
        except BadBody as wrong:
            text = str(wrong).encode()
            answer = Answer(400, (("Content-Type", "text/plain"), ("Content-Length", str(len(text)))), text)
        except Exception:
            log.exception("the sandbox failed at %s %s", environ.get("REQUEST_METHOD"), environ.get("PATH_INFO"))
            answer = Answer(500, (("Content-Type", "text/plain"), ("Content-Length", "0")), b"")
        start_response(f"{answer.status} {_REASONS.get(answer.status, 'Status')}", list(answer.headers))
        return [answer.body]

    def _answered(self, environ: dict[str, Any]) -> Answer:
        buffer_body(environ)
        environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return Answer(404, (("Content-Length", "0"),), b"")
        app = self._application(environ)
        if app is None:
            return _as_answer(incomplete_signature(read_call(environ, "sts", self._region)))
        call = read_call(environ, str(app.service), self._region)
        identity = self._who(call)
        if isinstance(identity, Refusal):
            return _as_answer(identity)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = identity.account
        reason = self._authorise(identity, call)
        if reason:
            refused = access_denied(call, identity.arn, reason)
            answer = _as_answer(refused)
            self._record(Exchange(call, identity, answer, datetime.now(UTC), refused.code, refused.message))
            return answer
        return self._performed(app, environ, call, identity)

    def _application(self, environ: dict[str, Any]) -> Any:
        """moto's application for a request; None where its Authorization header does not say for which service."""
        shown = environ.get("HTTP_AUTHORIZATION", "")
        if shown.startswith("AWS4-") and credential_of(environ) is None:
            return None
        try:
            return self._moto.get_application(environ)
        except Exception as error:
            log.info("a request that names no service: %r", error)
            return None

    def _who(self, call: Call) -> Identity | Refusal:
        if call.credential is None:
            if call.name in _UNSIGNED:
                return Identity("Unknown", self._account, "", "", "")
            return missing_credentials(call)
        identity = who(call.credential.access_key, call.credential.token, call.region)
        return identity or unknown_key(call)

    def _performed(self, app: Any, environ: dict[str, Any], call: Call, identity: Identity) -> Answer:
        handler = self._handlers.get(call.name)
        if handler is not None:
            given = handler(call, identity)
            if given is not None:
                self._record(Exchange(call, identity, given, datetime.now(UTC)))
                return given
        if call.name in _WAITING:
            return self._by_moto(app, environ, call, identity)
        with self._lock:
            return self._by_moto(app, environ, call, identity)

    def _by_moto(self, app: Any, environ: dict[str, Any], call: Call, identity: Identity) -> Answer:
        buffer_body(environ)
        at = datetime.now(UTC)
        try:
            answer = _run(app, environ)
            if answer.status in (404, 405) and answer.body.startswith(b"<!doctype html>"):
                raise NotImplementedError("moto has no such path")
        except NotImplementedError as error:
            answer = _as_answer(failure(call, "NotImplemented", f"the sandbox cannot do {call.name}: {error}", 501))
        except Exception as error:
            log.exception("moto failed at %s", call.name)
            answer = _as_answer(failure(call, "InternalFailure", f"{type(error).__name__}: {error}", 500))
        self._record(Exchange(call, identity, answer, at))
        return answer


def _backend(service: str) -> Any:
    """moto's application for a service. Some take long to import, so their mends wait until asked."""
    mends.apply_to(service)
    return create_backend_app(service)


def _run(app: Any, environ: dict[str, Any]) -> Answer:
    seen: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        seen["status"], seen["headers"] = int(status.split(" ", 1)[0]), tuple(headers)
        return lambda _: None

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return Answer(seen["status"], seen["headers"], body)


def _as_answer(refused: Refusal) -> Answer:
    return Answer(refused.status, refused.headers, refused.body)


_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request", 403: "Forbidden"}
