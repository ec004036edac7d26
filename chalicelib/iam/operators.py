"""Condition operators: their names, and what each compares (IAM User Guide, "Condition operators").

Every comparison answers about one value of the request and one of the policy, both text, and never raises:
what cannot be read as the operator's type does not match.
"""

from __future__ import annotations

from functools import lru_cache

from . import globs

_POSITIVE = [
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "NumericEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "ArnEquals",
    "ArnLike",
    "Null",
]

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
"""Each operator that is true where another is false, and true where the key is absent."""

PATTERNED = frozenset(("StringLike", "ArnEquals", "ArnLike"))
"""Positive operators whose policy values are patterns; ArnEquals and ArnLike are one and the same."""

_BY_LOWER = {name.lower(): name for name in (*_POSITIVE, *NEGATED)}
_QUANTIFIERS = {"forallvalues": "all", "foranyvalue": "any"}


@lru_cache(maxsize=256)
def canonical_operator(written: str) -> tuple[str, str, bool, bool]:
    """Quantifier (`all`, `any` or nothing), operator in IAM's spelling, IfExists, and whether IAM knows it."""
    prefix, colon, rest = written.lower().partition(":")
    quantifier = _QUANTIFIERS.get(prefix, "") if colon else ""
    name = rest if quantifier else written.lower()
    if_exists = name.endswith("ifexists")
    base = name.removesuffix("ifexists")
    known = base in _BY_LOWER and not (base == "null" and (if_exists or quantifier))
    return (quantifier, _BY_LOWER[base], if_exists, True) if known else ("", written[:100], False, False)


def positive(operator: str) -> tuple[str, bool]:
    """The operator without its `Not`, and whether there was one."""
    return (NEGATED[operator], True) if operator in NEGATED else (operator, False)


def compare(operator: str, asked: str, wanted: str) -> bool:
    """Whether the request's value satisfies a positive operator with the policy's value (variables resolved)."""
    kind = operator[:3]
    if operator == "StringEquals":
        return asked == wanted
    if operator == "StringLike":
        return globs.matches(wanted, asked)
    if kind == "Arn":
        return arn_matches(wanted, asked)
    if operator in ("StringEqualsIgnoreCase", "Bool"):
        return asked.lower() == wanted.lower()
    if kind == "Num":
        return _ordered(operator[7:], _number(asked), _number(wanted))
    if kind == "Dat":
        return _ordered(operator[4:], _moment(asked), _moment(wanted))
    if operator == "IpAddress":
        return _within(asked, wanted)
    return operator == "BinaryEquals" and _bytes(asked) == _bytes(wanted) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Part by part: a wildcard of an ARN operator does not cross one of the first five colons."""
    wanted, asked = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) != 6 or len(asked) != 6:
        return pattern == "*" and len(asked) == 6
    return all(map(globs.matches, wanted, asked))


def _ordered(relation: str, asked: float | None, wanted: float | None) -> bool:
    if asked is None or wanted is None:
        return False
    if relation == "Equals":
        return asked == wanted
    if relation.startswith("LessThan"):
        return asked < wanted or (relation.endswith("Equals") and asked == wanted)
    return asked > wanted or (relation.endswith("Equals") and asked == wanted)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value - value == 0 else None


def _moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 date or time (UTC where it does not say) or of a number of seconds."""
    seconds = _number(text)
    if seconds is not None:
        return seconds
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _within(address: str, network: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _bytes(text: str) -> bytes | None:
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(text.encode("ascii"))
    except (Error, ValueError):
        return None
