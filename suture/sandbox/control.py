"""The sandbox's own switches over HTTP, on loopback, beside the REST API: for tests in other processes.

    POST /_sandbox/chaos {"duplicate": 0.2, "seed": 7}    GET /_sandbox/chaos    POST /_sandbox/drain {"timeout": 30}
    POST /_sandbox/schedule {"function": "sweep"}         POST /_sandbox/config-item {"item": {...}}
    POST /_sandbox/last-accessed {"role": "shop", "created": "2025-01-31", "used": {"s3": "2026-01-31T12:00:00Z"}}
    GET /_sandbox/processes

Each wants the header `X-Suture-Sandbox: 1`, which a web page in a browser cannot send here unasked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Protocol

from chalicelib.errors import SutureError
from suture.sandbox.chaos import Chaos, changed
from suture.sandbox.gateway import Response, refusal
from suture.sandbox.processes import Result
from suture.sandbox.signatures import Request

PREFIX = "/_sandbox/"
_LONGEST = 86_400
_HOSTS = ("127.0.0.1", "localhost")


class Sandbox(Protocol):
    """As much of the sandbox as its switches turn."""

    chaos: Chaos

    def drain(self, timeout: float, horizon: float) -> bool: ...

    def waiting(self) -> Any: ...

    def fire_schedule(self, name: str) -> int: ...

    def invoke_config_rule(self, item: Mapping[str, Any]) -> Result: ...

    def processes(self) -> Any: ...

    def tell_use(self, role: str, used: Mapping[str, datetime], created: datetime | None) -> None: ...


def controls(sandbox: Sandbox) -> Callable[[Request], Response | None]:
    """What answers the requests below /_sandbox/, and only those."""

    def answer(request: Request) -> Response | None:
        if not request.target.startswith(PREFIX):
            return None
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if request.headers.get("x-suture-sandbox") != "1" or host not in _HOSTS:
            return refusal(403, "Forbidden", "the header X-Suture-Sandbox: 1 is missing")
        action = _ACTIONS.get((request.method, request.target.removeprefix(PREFIX)))
        if action is None:
            return refusal(404, "NotFound", "there is no such switch")
        try:
            return _json(action(sandbox, _object(json.loads(request.body or b"{}"), "the body")))
        except (SutureError, ValueError, KeyError, RecursionError) as wrong:
            return refusal(400, "BadRequest", str(wrong))

    return answer


def _set_chaos(sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
    sandbox.chaos.set(changed(sandbox.chaos.switches, body))
    return asdict(sandbox.chaos.switches)


def _drain(sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
    quiet = sandbox.drain(_seconds(body, "timeout", 30), _seconds(body, "horizon", 5))
    return {"quiet": quiet, "waiting": sandbox.waiting()}


def _schedule(sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
    return {"fired": sandbox.fire_schedule(str(body["function"]))}


def _config_item(sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
    result = sandbox.invoke_config_rule(_object(body.get("item"), "item"))
    return {"failed": result.failed, "payload": json.loads(result.payload)}


def _last_accessed(sandbox: Sandbox, body: Mapping[str, Any]) -> Any:
    used = {str(name): _moment(at) for name, at in _object(body.get("used", {}), "used").items()}
    created = _moment(body["created"]) if "created" in body else None
    sandbox.tell_use(str(body["role"]), used, created)
    return {"role": body["role"], "used": sorted(used)}


def _moment(value: Any) -> datetime:
    given = datetime.fromisoformat(str(value))
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    return value


def _seconds(body: Mapping[str, Any], name: str, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST:
        raise ValueError(f"{name} must be a number of seconds, 0 to {_LONGEST}")
    return float(value)


Action = Callable[[Sandbox, Mapping[str, Any]], Any]
_ACTIONS: Mapping[tuple[str, str], Action] = {
    ("GET", "chaos"): lambda sandbox, body: asdict(sandbox.chaos.switches),
    ("POST", "chaos"): _set_chaos,
    ("POST", "drain"): _drain,
    ("POST", "schedule"): _schedule,
    ("POST", "config-item"): _config_item,
    ("POST", "last-accessed"): _last_accessed,
    ("GET", "processes"): lambda sandbox, body: sandbox.processes(),
}


def _json(body: Any) -> Response:
    text = json.dumps(body).encode()
    return Response(200, (("Content-Type", "application/json"), ("Content-Length", str(len(text)))), text)
