"""API Gateway in front of `chat`: a REST API on loopback, payload format 1.0.

As the API Gateway developer guide says in "Set up Lambda proxy integrations" and "Control access to a REST API with
IAM permissions". Unknown routes are 403 `Missing Authentication Token`, as there. Left out: throttling, API keys,
request validation, CORS, presigned URLs.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from suture.sandbox import bodies
from suture.sandbox.apis import Route
from suture.sandbox.identity import Identity
from suture.sandbox.processes import Result
from suture.sandbox.signatures import Find, NotSigned, Request, verify
from suture.sandbox.stack import Api

log = logging.getLogger("suture.sandbox")

LARGEST_BODY = 10 * 1024 * 1024
SERVICE = "execute-api"

Authorise = Callable[[Identity, str, str], str]  # principal, action, resource ARN → "" or why not
Invoke = Callable[[str, str], Result]  # function ARN, event


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Gateway:
    """The REST API's front door. `extra` answers paths that are no part of the API (the sandbox's own controls)."""

    def __init__(
        self,
        api: Api,
        account: str,
        region: str,
        find: Find,
        authorise: Authorise,
        invoke: Invoke,
        *,
        extra: Callable[[Request], Response | None] = lambda request: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api, self._account, self._region = api, account, region
        self._find, self._authorise, self._invoke, self._extra, self._clock = find, authorise, invoke, extra, clock
        self._http: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The API's address with its stage; "" before it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/{self._api.stage}" if self._http else ""

    def start(self, port: int = 0) -> None:
        self._http = make_server("127.0.0.1", port, self, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="gateway", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = self._answer(environ)
        start_response(f"{response.status} {_REASONS.get(response.status, 'Status')}", list(response.headers))
        return [response.body]

    def _answer(self, environ: dict[str, Any]) -> Response:
        try:
            request = _read(environ)
            if request is None:
                return refusal(413, "RequestTooLargeException", "Request Too Long")
            return self._extra(request) or self.handle(request, str(environ.get("REMOTE_ADDR", "")))
        except bodies.BadBody as wrong:
            return refusal(400, "BadRequestException", str(wrong))
        except Exception:
            log.exception("gateway")
            return refusal(500, "InternalServerErrorException", "Internal server error")

    def handle(self, request: Request, source_ip: str) -> Response:
        """One request to the API, from route to the function's answer."""
        path, _, query = request.target.partition("?")
        found = self._route(request.method, path)
        if found is None:
            return refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        route, names = found
        identity = None
        if route.signed:
            try:
                identity = verify(request, self._find, self._region, SERVICE, self._clock())
            except NotSigned as wrong:
                return refusal(403, wrong.code, str(wrong))
            denied = self._denial(identity, request.method, path)
            if denied:
                return denied
        event = self._event(request, route, names, query, identity, source_ip)
        return _as_response(self._invoke(route.function, json.dumps(event)))

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        prefix = f"/{self._api.stage}"
        if not path.startswith(f"{prefix}/"):
            return None
        wanted = path.removeprefix(prefix)
        found = [
            (route, names)
            for route in self._api.routes
            if route.method == method and (names := _names(route.resource, wanted)) is not None
        ]
        # A literal step wins over a {name}.
        return min(found, key=lambda each: each[0].resource.count("{")) if found else None

    def _denial(self, identity: Identity, method: str, path: str) -> Response | None:
        resource = path.removeprefix(f"/{self._api.stage}")
        where = f"arn:aws:{SERVICE}:{self._region}:{self._account}:{self._api.id}/{self._api.stage}"
        arn = f"{where}/{method}{unquote(resource)}"
        reason = self._authorise(identity, "execute-api:Invoke", arn)
        if not reason:
            return None
        shown = f"arn:aws:{SERVICE}:{self._region}:********{self._account[-4:]}:{arn.split(':', 5)[5]}"
        text = f"User: {identity.arn} is not authorized to perform: execute-api:Invoke on resource: {shown}"
        return refusal(403, "AccessDeniedException", text, key="Message")

    def _event(
        self, request: Request, route: Route, names: Mapping[str, str], query: str, who: Identity | None, ip: str
    ) -> dict[str, Any]:
        path = request.target.partition("?")[0]
        multi: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            multi.setdefault(name, []).append(value)
        headers = {name: value for name, value in request.headers.items() if name not in _KEPT_BACK}
        body, encoded = _body(request.body)
        return {
            "resource": route.resource,
            "path": unquote(path.removeprefix(f"/{self._api.stage}")),
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in multi.items()} or None,
            "multiValueQueryStringParameters": multi or None,
            "pathParameters": dict(names) or None,
            "stageVariables": None,
            "requestContext": self._context(request, route, path, who, ip),
            "body": body,
            "isBase64Encoded": encoded,
        }

    def _context(self, request: Request, route: Route, path: str, who: Identity | None, ip: str) -> dict[str, Any]:
        now = self._clock()
        return {
            "accountId": self._account,
            "apiId": self._api.id,
            "stage": self._api.stage,
            "resourcePath": route.resource,
            "httpMethod": request.method,
            "path": unquote(path),
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "domainName": request.headers.get("host", ""),
            "identity": {
                "accountId": who.account if who else None,
                "caller": who.principal_id if who else None,
                "user": who.principal_id if who else None,
                "userArn": who.arn if who else None,
                "accessKey": who.access_key if who else None,
                "sourceIp": ip,
                "userAgent": request.headers.get("user-agent"),
                "cognitoIdentityId": None,
            },
        }


def refusal(status: int, code: str, message: str, key: str = "message") -> Response:
    """An error in API Gateway's own form."""
    body = json.dumps({key: message}).encode()
    return Response(status, (*_headers(body), ("x-amzn-ErrorType", code)), body)


def _headers(body: bytes, kind: str = "application/json") -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    )


def _as_response(result: Result) -> Response:
    """The function's answer as HTTP; anything but API Gateway's answer format is 502."""
    try:
        answer = json.loads(result.payload)
        if result.failed or not isinstance(answer, dict):
            raise ValueError("no proxy answer")
        status, text = int(answer["statusCode"]), answer.get("body") or ""
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else str(text).encode()
        pairs = {name: [str(value)] for name, value in (answer.get("headers") or {}).items()}
        pairs |= {name: list(map(str, values)) for name, values in (answer.get("multiValueHeaders") or {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return refusal(502, "InternalServerErrorException", "Internal server error")
    given = {name.lower() for name in pairs}
    base = [pair for pair in _headers(body) if pair[0].lower() == "content-length" or pair[0].lower() not in given]
    own = [(n, v) for n, vs in pairs.items() for v in vs if n.lower() not in ("content-length", "connection")]
    return Response(status, (*base, *own), body)


def _names(resource: str, path: str) -> dict[str, str] | None:
    """The path parameters when a path fits a resource (`/cases/{id}`), else None."""
    wanted, given = resource.strip("/").split("/"), path.strip("/").split("/")
    if wanted and wanted[-1].endswith("+}"):
        given = [*given[: len(wanted) - 1], "/".join(given[len(wanted) - 1 :])]
    if len(wanted) != len(given) or not all(given):
        return {} if resource == "/" and path == "/" else None
    names: dict[str, str] = {}
    for pattern, value in zip(wanted, given, strict=True):
        if pattern.startswith("{"):
            names[pattern.strip("{}+")] = unquote(value)
        elif pattern != value:
            return None
    return names


def _body(data: bytes) -> tuple[str | None, bool]:
    if not data:
        return None, False
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), True


def _read(environ: Mapping[str, Any]) -> Request | None:
    """The request as it came; None when its body is too large. Raises BadBody."""
    length, stream = bodies.length_of(environ), environ["wsgi.input"]
    if length > LARGEST_BODY:
        # A client that is still sending would never read the answer.
        while length > 0 and (piece := stream.read(min(length, 1 << 20))):
            length -= len(piece)
        return None
    body = bodies.read(environ, LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return None
    headers = {
        key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = str(environ[key])
    target = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "/")
    return Request(str(environ["REQUEST_METHOD"]), target, headers, body)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass

    def log_error(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


# A function never sees what its callers prove themselves with.
_KEPT_BACK = frozenset({"authorization", "x-amz-security-token"})
_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request", 403: "Forbidden"} | {
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
