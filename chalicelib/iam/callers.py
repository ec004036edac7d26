"""Which conditions fix who calls, and to whom.

A condition fixes the caller when every value of a key about the caller is a fixed one (Amazon S3's meaning of
"public" and the Lambda and KMS guides name the keys). One such condition is enough, for conditions are joined by AND.
In a Deny the same keys under a negated operator fix those whom the Deny leaves alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .documents import Condition
from .operators import PATTERNED, positive
from .ranges import is_open

_KEYS = {
    "account": "aws:principalaccount aws:sourceaccount aws:sourceowner aws:vpceaccount kms:calleraccount "
    "s3:dataaccesspointaccount",
    "arn": "aws:principalarn aws:sourcearn s3:dataaccesspointarn aws:sourcevpcarn",
    "org": "aws:principalorgid aws:sourceorgid aws:vpceorgid",
    "path": "aws:principalorgpaths aws:sourceorgpaths aws:vpceorgpaths",
    "vpc": "aws:sourcevpc",
    "endpoint": "aws:sourcevpce",
    "address": "aws:sourceip aws:vpcsourceip",
    "userid": "aws:userid",
    "token": "lambda:eventsourcetoken",
    "subscriber": "sns:endpoint",
    "service": "aws:principalisawsservice aws:principalservicename aws:principalservicenameslist",
}
_KIND_OF_KEY = {key: kind for kind, keys in _KEYS.items() for key in keys.split()}

_LOOKALIKES = {
    "aws:resourceaccount": "it is about the resource, not about the caller",
    "aws:resourceorgid": "it is about the resource, not about the caller",
    "aws:resourceorgpaths": "it is about the resource, not about the caller",
    "s3:resourceaccount": "it is about the resource, not about the caller",
    "aws:calledvia": "anybody can call through a service",
    "aws:calledviafirst": "anybody can call through a service",
    "aws:calledvialast": "anybody can call through a service",
    "aws:viaawsservice": "anybody can call through a service",
    "kms:viaservice": "anybody can call through a service; it needs kms:CallerAccount beside it",
    "lambda:functionurlauthtype": "it is about the URL, not about the caller",
    "lambda:invokedviafunctionurl": "it is about the URL, not about the caller",
    "aws:securetransport": "it asks for TLS, not for anybody in particular",
    "aws:useragent": "the caller writes it as it likes",
    "aws:referer": "the caller writes it as it likes",
    "aws:principaltype": "every account has principals of that type",
    "sts:externalid": "an external id is no secret and names nobody",
}


_WITHOUT_ACCOUNT = frozenset(("s3", "apigateway", "route53"))
"""Services whose ARNs name no account; elsewhere an ARN without one is a slip, and says of nobody who it is."""


class Bound(NamedTuple):
    """Callers fixed by one condition. `kind` is a key of the table above, bucket or nobody; `holders` are accounts,
    organisation ids, paths, VPC ids, ranges, subscribers or bucket ARNs, as `kind` says."""

    kind: str
    holders: tuple[str, ...]
    condition: Condition


def bounds(conditions: Sequence[Condition], variables: bool) -> tuple[Bound, ...]:
    """What each condition of an Allow fixes; conditions that fix nobody are left out."""
    present = frozenset(c.key.lower() for c in conditions if c.operator == "Null" and set(c.values) == {"false"})
    return tuple(b for c in conditions if _restricts(c, present) and (b := _fixed(c, c.operator, variables)))


def spared(conditions: Sequence[Condition], variables: bool) -> tuple[Bound, ...] | None:
    """Whom a Deny with these conditions leaves alone, when that is a fixed set; None when others remain too.

    The Deny meets a caller only if all conditions hold, so each must fix those whom it spares, and their union is
    left. A negated operator holds for callers without the key, unless ForAnyValue asks for one.
    """
    found: list[Bound] = []
    for condition in conditions:
        operator, negated = positive(condition.operator)
        if _is_not_a_service(condition):
            found.append(Bound("service", (), condition))
            continue
        bound = _fixed(condition, operator, variables) if negated and condition.quantifier != "any" else None
        if bound is None:
            return None
        found.append(bound)
    return tuple(found)


def why_open(condition: Condition) -> str:
    """One clause of a sentence: why this condition of an Allow restricts nobody."""
    key = condition.key.lower()
    if not condition.known:
        return "its operator is unknown"
    if condition.operator == "Null":
        return "it only asks whether the key is there"
    if key in _LOOKALIKES:
        return _LOOKALIKES[key]
    if key not in _KIND_OF_KEY:
        return "it says nothing about who calls"
    if positive(condition.operator)[1]:
        return "it names only those who may not"
    if condition.if_exists or condition.quantifier == "all":
        return "it also holds when the key is absent, as it is for strangers"
    if _KIND_OF_KEY[key] == "address":
        return "its ranges take in (nearly) the whole internet, or are none"
    return "its value is not fixed: a wildcard or a variable stands where the owner should"


def _restricts(condition: Condition, present: frozenset[str]) -> bool:
    """Whether it must hold for a real value: an absent key, or an operator that only excludes, restricts nobody."""
    if not condition.known or condition.operator == "Null" or positive(condition.operator)[1]:
        return False
    optional = condition.if_exists or condition.quantifier == "all"
    return not optional or condition.key.lower() in present


def _fixed(condition: Condition, operator: str, variables: bool) -> Bound | None:
    kind = _KIND_OF_KEY.get(condition.key.lower(), "")
    if not kind or not condition.values or not _fits(kind, operator):
        return None
    if variables and any("${" in v for v in condition.values):
        return None
    if kind == "service":
        return Bound(kind, condition.values, condition) if _is_a_service(condition) else None
    if kind == "address":
        return None if is_open(condition.values) else Bound(kind, condition.values, condition)
    found = [_holder(kind, v, operator) for v in condition.values]
    holders = tuple(h for _, h in found if h)
    if not all(k for k, _ in found):
        return None
    kinds = {k for k, _ in found if k != "nobody"}
    if len(kinds) > 1:
        return Bound("mixed", holders, condition)
    return Bound(kinds.pop() if kinds else "nobody", holders, condition)


def _fits(kind: str, operator: str) -> bool:
    if kind == "address":
        return operator == "IpAddress"
    if kind == "service":
        return operator in ("Bool", "StringEquals", "StringLike", "StringEqualsIgnoreCase")
    return operator.startswith("String") or (kind == "arn" and operator in PATTERNED)


def _holder(kind: str, value: str, operator: str) -> tuple[str, str]:
    """The kind of bound and its holder for one value; an empty kind where the value is not fixed."""
    wild = "*" in value or "?" in value
    if kind == "arn":
        return _arn_holder(value, wild)
    if kind == "path":
        organisation, slash, _ = value.partition("/")
        return ("path", value) if slash and organisation and not _is_wild(organisation) else ("", "")
    if kind == "subscriber":
        return _subscriber(value, wild)
    if kind == "userid":
        unique = value.partition(":")[0]
        return ("userid", unique) if len(unique) >= 12 and not _is_wild(unique) else ("", "")
    return ("", "") if wild else (kind, value)


def _arn_holder(value: str, wild: bool) -> tuple[str, str]:
    parts = value.split(":", 5)
    if len(parts) < 5 or parts[0] != "arn":
        return ("", "") if wild else ("nobody", value)
    service, account, rest = parts[2], parts[4], "".join(parts[5:])
    if account:
        return ("", "") if _is_wild(account) else ("account", account)
    named = rest.partition("/")[0] if service == "s3" else rest
    fixed = service in _WITHOUT_ACCOUNT and named and not _is_wild(named)
    return ("bucket", ":".join((*parts[:5], named))) if fixed else ("", "")


def _subscriber(value: str, wild: bool) -> tuple[str, str]:
    """Who may receive: one address, everybody of one mail domain (`*@example.com`), or what has an ARN."""
    if value.startswith("arn:"):
        return _arn_holder(value, wild) if not wild else ("", "")
    domain = value.rpartition("@")[2]
    named = "@" in value and "." in domain and not _is_wild(domain)
    return ("subscriber", value) if named or not wild else ("", "")


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def _is_a_service(condition: Condition) -> bool:
    """`aws:PrincipalIsAWSService` true, or a service's name."""
    if condition.operator == "Bool":
        return condition.key.lower() == "aws:principalisawsservice" and {v.lower() for v in condition.values} == {
            "true"
        }
    return condition.key.lower() != "aws:principalisawsservice"


def _is_not_a_service(condition: Condition) -> bool:
    """`BoolIfExists aws:PrincipalIsAWSService false` in a Deny: services are spared. Unsigned requests have no such
    key, so without IfExists they would be spared too."""
    is_key = condition.key.lower() == "aws:principalisawsservice" and condition.if_exists
    return is_key and condition.operator == "Bool" and {v.lower() for v in condition.values} == {"false"}
