"""A request that one policy allows and another does not, where a short search finds one.

`allows_subset` proves; where it says no, this tells "not" from "could not tell". It tries requests at the edges of
what the new policy's statements allow and evaluates both policies exactly: what it finds is true, what it does not
find proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, product

from chalicelib.iam.conditions import loosened
from chalicelib.iam.documents import Condition, Document, Principal, Statement, parse
from chalicelib.iam.operators import positive
from chalicelib.iam.permissions import may
from chalicelib.model import Json

_MOST_TRIES = 20_000
_SOME_ACTION, _SOME_RESOURCE = "suture-probe:Probe", "arn:aws:suture-probe:us-east-1:000000000000:thing"
_STRANGER = "210987654321"
_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; `principal` is empty for an identity policy, `context` holds the condition keys."""

    action: str
    resource: str
    principal: str
    context: Mapping[str, str]

    def as_json(self) -> dict[str, Json]:
        who = {"principal": self.principal} if self.principal else {}
        return {"action": self.action, "resource": self.resource, **who, "condition": dict(self.context)}


def counterexample(new: Document, old: Document) -> Request | None:
    """A request that `new` allows and `old` does not, or None where none was found."""
    for request in islice(_requests(new, old), _MOST_TRIES):
        if _allows(new, request) and not _allows(old, request):
            return request
    return None


def _allows(document: Document, request: Request) -> bool:
    """Whether the policy does its part: for a resource's policy, the caller's own is taken to allow everything where
    both are needed, across accounts."""
    if document.kind == "identity":
        return may([document], request.action, request.resource, context=request.context).is_allowed
    context = {**request.context, "aws:PrincipalArn": request.principal}
    owner = (request.resource.split(":", 5) + [""] * 5)[4]
    crosses = owner.isdigit() and owner not in request.principal and request.principal.startswith("arn:")
    identity = [parse(_ALL, "identity")] if crosses else []
    said = may(
        identity,
        request.action,
        request.resource,
        resource_policy=document,
        context=context,
        principal=request.principal,
    )
    return said.is_allowed


def _requests(new: Document, old: Document) -> Iterator[Request]:
    for statement in new.statements:
        if not statement.allows:
            continue
        actions = _texts(statement.actions, old, "actions", _SOME_ACTION)
        resources = _texts(statement.resources, old, "resources", _SOME_RESOURCE)
        who = _principals(statement) if new.kind != "identity" else [""]
        contexts = list(_contexts(statement, [*new.statements, *old.statements]))
        for action, resource, principal, context in product(actions, resources, who, contexts):
            yield Request(action, resource, principal, context)


def _texts(patterns: Sequence[str] | None, old: Document, field: str, other: str) -> list[str]:
    """Texts that fit the patterns: an unlikely one first, then those that the old policy's patterns point to."""
    listed = [p for s in old.statements for p in (getattr(s, field) or getattr(s, f"not_{field}") or ())]
    near = [text for p in listed for text in (_filled(p, "Probe", other), _filled(p, "x", other))]
    own = [_filled(p, filler, other) for filler in ("Probe", "x", "") for p in patterns or ()]
    own += [p.replace("*", "Probe").replace("?", "q") for p in patterns or () if "${" in p]
    return list(dict.fromkeys([*own, *([other] if "*" in (patterns or ("*",)) else []), *near]))[:60]


def _filled(pattern: str, filler: str, whole: str) -> str:
    if pattern == "*":
        return whole
    return loosened(pattern).replace("*", filler).replace("?", "q")


def _principals(statement: Statement) -> list[str]:
    if statement.not_principal is not None:
        return [f"arn:aws:iam::{_STRANGER}:role/suture-probe"]
    return list(dict.fromkeys(_who(p) for p in statement.principal or ()))


def _who(principal: Principal) -> str:
    value = principal.value
    if value.strip("*") == "":
        return f"arn:aws:iam::{_STRANGER}:role/suture-probe"
    if value.isdigit():
        return f"arn:aws:iam::{value}:role/suture-probe"
    return value.replace(":root", ":role/suture-probe") if principal.kind == "AWS" else value


def _contexts(statement: Statement, every: Sequence[Statement]) -> Iterator[dict[str, str]]:
    """Contexts in which the statement holds: as little as it needs, then with other keys set to strange values."""
    needed = dict(filter(None, map(_satisfying, statement.conditions)))
    yield needed
    keys = [c for s in every for c in s.conditions if c.key.lower() not in {k.lower() for k in needed}]
    yield {**{c.key: _strange(c) for c in keys}, **needed}
    yield {**dict(filter(None, map(_satisfying, keys))), **needed}
    for key in needed:
        yield {k: v for k, v in needed.items() if k != key}
    same = {key.lower(): key for key in needed}
    others = [c for s in every for c in s.conditions]
    for condition in [*statement.conditions, *keys[:20], *(c for c in others[:40] if c.key.lower() in same)]:
        for value in (*(v for w in condition.values[:5] for v in _around(condition, w)), _strange(condition)):
            yield {**needed, same.get(condition.key.lower(), condition.key): value}


def _satisfying(condition: Condition) -> tuple[str, str] | None:
    """A key and value with which a condition holds, as far as that is easy to say; None: the key stays absent."""
    _, negated = positive(condition.operator)
    if condition.operator == "Null":
        return None if "true" in [v.lower() for v in condition.values] else (condition.key, "suture-probe")
    if negated or not condition.values:
        return None
    values = list(_around(condition, condition.values[0]))
    side = {"Less": 1, "Grea": 2}.get(condition.operator.removeprefix("Numeric").removeprefix("Date")[:4], 0)
    return condition.key, values[min(side, len(values) - 1)]


def _around(condition: Condition, value: str) -> Iterator[str]:
    """A value that fits, and for what has an order, one below it and one above it."""
    yield _value(condition, value)
    try:
        if condition.operator.startswith("Numeric"):
            yield from (str(int(float(value)) - 1), str(int(float(value)) + 1))
        elif condition.operator.startswith("Date"):
            moment, day = datetime.fromisoformat(value), timedelta(days=1)
            yield from ((moment - day).isoformat(), (moment + day).isoformat())
    except (ValueError, OverflowError):
        return


def _strange(condition: Condition) -> str:
    """A value of the right type that the condition does not name."""
    if condition.operator == "Bool":
        return "false" if "true" in [v.lower() for v in condition.values] else "true"
    return "203.0.113.9" if condition.operator.endswith("IpAddress") else "suture-probe"


def _value(condition: Condition, value: str) -> str:
    if condition.operator.endswith("IpAddress"):
        return value.split("/")[0]
    return loosened(value).replace("*", "suture-probe").replace("?", "q")
