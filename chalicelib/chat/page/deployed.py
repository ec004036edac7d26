"""The page behind API Gateway: from its routes to the door's addresses, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...aws.deployment import Deployment
from ...errors import Misconfigured
from ...logs import log
from . import door, oidc
from .asked import Answer, Asked

_ROOT = "/page"


def answer(d: Deployment, request: Mapping[str, Any]) -> tuple[int, str, Mapping[str, Any]]:
    """One request: `method`, `resource` and `parameters` of its route, the whole `path` with its stage, `query`,
    `headers` with names in lower case, `raw` bytes."""
    try:
        guard = oidc.guard_of(d)
    except Misconfigured as error:
        log("error", "nobody can sign in to the page", why=str(error))
        guard = None
    if guard is None:
        return _flat(Answer(404, f"{oidc.OFF}: {oidc.OFF_STEP}\n", kind="text/plain; charset=utf-8"))
    return _flat(door.answer(d, guard, asked_of(request)))


def asked_of(request: Mapping[str, Any]) -> Asked:
    """The request as the door knows it: an address below the page's own, which has the stage before it."""
    resource = str(request["resource"])
    below = resource.removeprefix(_ROOT)
    depth = below.count("/")
    above = str(request["path"]).rstrip("/").split("/")
    base = "/".join(above[: len(above) - depth] if depth else above)
    for name, value in request["parameters"].items():
        below = below.replace(f"{{{name}}}", str(value))
    return Asked(request["method"], below or "/", request["query"], request["headers"], request["raw"], base)


def _flat(made: Answer) -> tuple[int, str, Mapping[str, Any]]:
    headers: dict[str, Any] = {"Content-Type": made.kind}
    for name, value in made.headers:
        headers[name] = [*headers.get(name, ()), value] if name == "Set-Cookie" else value
    return made.status, made.body, headers
