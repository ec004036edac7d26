"""The resources of a statement narrowed to those that were seen.

What comes out lies within what the statement had, and covers every ARN that went in; where both cannot be had, the
statement's own pattern stays. ARN forms: the Service Authorization Reference, each service's "Resource types".
"""

from __future__ import annotations

from collections.abc import Iterable

from . import globs
from .conditions import loosened
from .documents import Statement

_WITH_INDEXES = frozenset(("dynamodb:query", "dynamodb:scan", "dynamodb:partiqlselect"))
_NAMED = frozenset(("role", "user", "group", "policy", "instance-profile"))


def is_about(statement: Statement, arn: str) -> bool:
    """Whether a statement may be about an ARN (which may hold `*`), or about any, where `arn` is nothing."""
    if not arn:
        return True
    if statement.resources is not None:
        return any(globs.intersects(_loose(statement, r), arn) for r in statement.resources)
    return not any(globs.covers(r, arn) for r in statement.not_resources or () if "${" not in r)


def narrowed_to(statement: Statement, action: str, arns: Iterable[str]) -> tuple[str, ...] | None:
    """Resource patterns for the seen ARNs, or None where the statement's own must stay."""
    seen = [a for a in dict.fromkeys(arns) if is_about(statement, a)]
    if not seen:
        return None
    if statement.resources is None:
        wanted = [p for arn in seen for p in around(action, arn)]
        spared = [_loose(statement, r) for r in statement.not_resources or ()]
        clear = not any(globs.intersects(s, p) for s in spared for p in wanted)
        return _fewest(wanted) if clear else None
    return _fewest(p for arn in seen for p in _placed(statement, action, arn))


def around(action: str, arn: str) -> tuple[str, ...]:
    """What one seen ARN stands for: an object for its bucket, a table for its indexes, a function for its versions."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return (arn,)
    head, service, rest = ":".join(parts[:5]), parts[2], parts[5]
    if service == "s3" and "/object/" in rest:
        return (f"{head}:{rest.partition('/object/')[0]}/object/*",)
    if service == "s3" and "/" in rest and not parts[4]:
        return (f"{head}:{rest.partition('/')[0]}/*",)
    if service == "dynamodb":
        return _table(action, head, rest)
    if service == "lambda" and rest.startswith("function:"):
        function = f"{head}:function:{rest.split(':')[1]}"
        return function, f"{function}:*"
    if service == "logs" and rest.startswith("log-group:"):
        group = f"{head}:log-group:{rest.split(':')[1]}"
        return group, f"{group}:*"
    if service == "states" and rest.startswith(("execution:", "express:")):
        return (f"{head}:{':'.join(rest.split(':')[:2])}:*",)
    kind, _, name = rest.partition("/")
    if service == "iam" and kind in _NAMED and name and "/" not in name:
        return arn, f"{head}:{kind}/*/{name}"
    return (arn,)


def _table(action: str, head: str, rest: str) -> tuple[str, ...]:
    table, stream, _ = rest.partition("/stream/")
    if stream:
        return (f"{head}:{table}/stream/*",)
    if globs.fold(action) in _WITH_INDEXES and "/index/" not in rest:
        return f"{head}:{rest}", f"{head}:{rest}/index/*"
    return (f"{head}:{rest}",)


def _placed(statement: Statement, action: str, arn: str) -> Iterable[str]:
    for pattern in statement.resources or ():
        loose = _loose(statement, pattern)
        if loose != pattern:
            if globs.intersects(loose, arn):
                yield pattern
            continue
        yield from _meeting(pattern, action, arn)


def _meeting(pattern: str, action: str, arn: str) -> Iterable[str]:
    for wanted in around(action, arn):
        both = _common(pattern, wanted)
        if both and not (globs.covers(wanted, arn) and globs.is_literal(arn) and not globs.covers(both, arn)):
            yield both
        elif globs.covers(wanted, arn) and globs.intersects(pattern, arn):
            yield pattern


def _common(pattern: str, wanted: str) -> str:
    """A pattern that lies within both; nothing where no such is sure to be all of their common part."""
    if globs.covers(pattern, wanted):
        return wanted
    if globs.covers(wanted, pattern):
        return pattern
    ours, theirs = pattern.split(":", 5), wanted.split(":", 5)
    if len(ours) != 6 or len(theirs) != 6:
        return ""
    parts = [_nearer(a, b) for a, b in zip(ours, theirs, strict=True)]
    return ":".join(p for p in parts if p is not None) if None not in parts else ""


def _nearer(one: str, other: str) -> str | None:
    if globs.covers(one, other):
        return other
    return one if globs.covers(other, one) else None


def _fewest(patterns: Iterable[str]) -> tuple[str, ...]:
    """Without those that another one covers, sorted."""
    every = sorted(set(patterns))
    return tuple(p for p in every if not any(o != p and globs.covers(o, p) for o in every))


def _loose(statement: Statement, pattern: str) -> str:
    return loosened(pattern) if statement.variables and "${" in pattern else pattern
