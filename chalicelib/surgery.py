"""Document surgery for runbooks: pure functions over plain JSON, each named `name@major` in a runbook's `uses`.

A function answers with a new value and never changes its arguments. Once a released runbook uses a major, it
gives the same output for the same input for ever; other behaviour is another major.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from .model import Json, canonical

EVERY_METHOD = "*/*"
"""The key of `methodSettings` that holds for all methods without settings of their own."""

DEFAULT_LIMITS: Mapping[str, float] = {"rateLimit": 10_000.0, "burstLimit": 5_000}
"""The throttle that a new account has in most regions: "Amazon API Gateway quotas", Developer Guide."""

ACCESS_LOG_FORMAT = (
    '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","caller":"$context.identity.userArn",'
    '"time":"$context.requestTime","method":"$context.httpMethod","path":"$context.resourcePath",'
    '"status":"$context.status","bytes":"$context.responseLength"}'
)
"""What an access log line holds. Query strings, headers and bodies stay out: people send credentials in them."""

_THROTTLES = (
    ("throttlingRateLimit", "rateLimit", "rate_limit", "throttling/rateLimit"),
    ("throttlingBurstLimit", "burstLimit", "burst_limit", "throttling/burstLimit"),
)


def to_json(value: Json) -> str:
    """`value` as compact JSON text, for parameters that AWS takes as text (`PolicyDocument`)."""
    return canonical(value)


def token(*parts: str) -> str:
    """64 hex digits that stand for `parts`, in their order: an idempotency token that a repeated plan finds again."""
    return hashlib.sha256(canonical(list(parts)).encode()).hexdigest()


def environment_value(config: Mapping[str, Json], item: Mapping[str, Json]) -> str | None:
    """The value of the variable `item.Name` at `item.Qualifier` (null: `$LATEST`) in a function's configuration."""
    wanted = item.get("Qualifier") or "$LATEST"
    for entry in config.get("Qualifiers") or ():
        if entry.get("Qualifier") == wanted:
            value: str | None = ((entry.get("Environment") or {}).get("Variables") or {}).get(item.get("Name"))
            return value
    return None


def without_public_principals(document: Mapping[str, Json]) -> dict[str, Json] | None:
    """A trust policy less everyone: public principals leave, statements without any left leave, all else stays.

    Statements whose conditions fix the caller are not public and stay as they are. None when no statement that
    allows anything is left: such a role would be unusable, which is a decision for people.
    """
    gone = public_trust(document)
    kept: list[Json] = []
    for index, statement in enumerate(statements(document)):
        remaining = without_principals(statement, gone[index]) if index in gone else statement
        if remaining is not None:
            kept.append(remaining)
    if not any(element(statement, "Effect") == "Allow" for statement in kept):
        return None
    name = spelled(document, "Statement")
    return {**document, name: kept[0] if isinstance(document[name], Mapping) else kept}


def public_trust(document: Mapping[str, Json]) -> dict[int, tuple[str, ...]]:
    """The statements of a trust policy by which everyone may assume the role: index → the principals that do it.

    Raises BadPolicy when the document cannot be parsed.
    """
    from .iam.documents import parse
    from .iam.reach import Trust, reach

    found = reach(parse(document, "trust"), Trust())
    return {s.index: s.principals or ("*",) for s in found.statements if s.verdict == "public"}


def statements(document: Mapping[str, Json]) -> Sequence[Json]:
    """A policy document's statements; IAM allows one object in the place of a list."""
    found = element(document, "Statement") or []
    return [found] if isinstance(found, Mapping) else list(found)


def unlimited(config: Mapping[str, Json]) -> tuple[str, ...]:
    """Which of `throttlingRateLimit` and `throttlingBurstLimit` a stage leaves to the account's own limit.

    A missing or negative value switches throttling off, and one at or above the account's limit never acts.
    Source: "Throttle requests to your REST APIs", API Gateway Developer Guide.
    """
    settings = (config.get("methodSettings") or {}).get(EVERY_METHOD) or {}
    limits = {**DEFAULT_LIMITS, **((config.get("Account") or {}).get("throttleSettings") or {})}
    return tuple(key for key, limit, _, _ in _THROTTLES if not _limits(settings.get(key), limits[limit]))


def stage_guards(
    config: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]], params: Mapping[str, Json]
) -> list[dict[str, str]]:
    """The patch operations that give a stage what `evidence` says is missing, and change nothing else.

    `params`: rate_limit (requests a second), burst_limit (requests), access_log (a log group's ARN), tracing
    (bool: whether to switch it on). A throttle that limits already is left alone, since another could loosen it.
    """
    patches = [_patch(f"/{EVERY_METHOD}/{path}", params[name]) for _, _, name, path in _to_throttle(config, evidence)]
    if _is_missing("access-log", evidence):
        patches.append(_patch("/accessLogSettings/destinationArn", str(params["access_log"]).removesuffix(":*")))
        if not (config.get("accessLogSettings") or {}).get("format"):
            patches.append(_patch("/accessLogSettings/format", ACCESS_LOG_FORMAT))
    if _is_missing("tracing", evidence) and params.get("tracing") is True:
        patches.append(_patch("/tracingEnabled", True))
    return patches


def stage_unguards(
    config: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]], params: Mapping[str, Json]
) -> list[dict[str, str]]:
    """The patch operations that take `stage_guards` back, in the reverse order. `config` is the state before."""
    patches = []
    if _is_missing("tracing", evidence) and params.get("tracing") is True:
        patches.append(_patch("/tracingEnabled", bool(config.get("tracingEnabled"))))
    if _is_missing("access-log", evidence):
        patches.append({"op": "remove", "path": "/accessLogSettings"})
        old_format = (config.get("accessLogSettings") or {}).get("format")
        patches += [_patch("/accessLogSettings/format", old_format)] if old_format else []
    return patches + _unthrottle(config, _to_throttle(config, evidence))


def _unthrottle(config: Mapping[str, Json], throttles: Sequence[tuple[str, str, str, str]]) -> list[dict[str, str]]:
    if not throttles:
        return []
    settings = (config.get("methodSettings") or {}).get(EVERY_METHOD)
    if settings is None:
        return [{"op": "remove", "path": f"/{EVERY_METHOD}"}]
    return [
        _patch(f"/{EVERY_METHOD}/{path}", settings[key])
        if settings.get(key) is not None
        else {"op": "remove", "path": f"/{EVERY_METHOD}/{path}"}
        for key, _, _, path in reversed(throttles)
    ]


def _to_throttle(
    config: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]]
) -> tuple[tuple[str, str, str, str], ...]:
    wanted = unlimited(config) if _is_missing("throttling", evidence) else ()
    return tuple(throttle for throttle in _THROTTLES if throttle[0] in wanted)


def _is_missing(guard: str, evidence: Sequence[Mapping[str, Json]]) -> bool:
    return any(guard in (item.get("Missing") or ()) for item in evidence)


def _limits(value: Json, limit: Json) -> bool:
    """Does this throttle act before the account's own does? JSON's numbers only; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < limit


def _patch(path: str, value: Json) -> dict[str, str]:
    """A `replace`; API Gateway takes every value as text, and whole numbers without a fraction."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    else:
        text = str(value)
    return {"op": "replace", "path": path, "value": text}


def without_principals(statement: Mapping[str, Json], public: Sequence[str]) -> dict[str, Json] | None:
    """A statement less the principals `public`; None when nobody is left, or when it names who is *not* meant."""
    principal = element(statement, "Principal")
    if not isinstance(principal, Mapping):
        return None
    kept: dict[str, Json] = {}
    for kind, named in principal.items():
        left = [p for p in ([named] if isinstance(named, str) else named) if p not in public]
        if left:
            kept[kind] = left[0] if isinstance(named, str) else left
    return {**statement, spelled(statement, "Principal"): kept} if kept else None


def element(holder: Mapping[str, Json], name: str) -> Json:
    """The element `name` of a policy, statement or condition block, however it is spelled; None when it has none."""
    return holder.get(spelled(holder, name))


def spelled(holder: Mapping[str, Json], name: str) -> str:
    """How `holder` spells the element `name`, which IAM reads in any case; `name` itself when it has none."""
    return next((key for key in holder if key.lower() == name.lower()), name)
