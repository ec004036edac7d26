"""Small policies for the tests beside, and a slow evaluator that is right by looking at it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from chalicelib.iam.documents import Document, parse

ACTIONS = ("s3:GetObject", "s3:PutObject", "iam:PassRole", "sqs:SendMessage")
RESOURCES = ("arn:aws:s3:::a/x", "arn:aws:s3:::b/x", "arn:aws:iam::123456789012:role/r", "*")
CONTEXTS: tuple[Mapping[str, str | list[str]], ...] = (
    {},
    {"aws:SourceIp": "10.0.0.1", "aws:PrincipalTag/team": "red"},
    {"aws:SourceIp": "9.9.9.9", "aws:MultiFactorAuthPresent": "true"},
    {"aws:TagKeys": ["red", "blue"], "aws:PrincipalTag/team": "blue", "aws:MultiFactorAuthPresent": "false"},
)

_action_patterns = st.sampled_from(("*", "s3:*", "S3:Get*", "s3:?utObject", "iam:PassRole", "*:*e*", *ACTIONS))
_resource_patterns = st.sampled_from(("*", "arn:aws:s3:::*", "arn:aws:s3:::?/x", "arn:aws:s3:::b/*", *RESOURCES))
_some_conditions = st.sampled_from(
    (
        {},
        {},
        {"StringEquals": {"aws:PrincipalTag/team": "red"}},
        {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}},
        {"StringLike": {"aws:PrincipalTag/team": "r*"}},
        {"StringLike": {"aws:PrincipalTag/team": "*"}},
        {"StringEqualsIfExists": {"aws:PrincipalTag/team": "red"}},
        {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
        {"StringNotEquals": {"aws:PrincipalTag/team": ["red", "blue"]}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/24"}},
        {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
        {"Null": {"aws:PrincipalTag/team": "true"}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["red"]}},
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["red", "blue"]}},
        {"ForAnyValue:StringEquals": {"aws:TagKeys": ["red", "green"]}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "IpAddress": {"aws:SourceIp": "9.0.0.0/8"}},
    )
)


@st.composite
def statements(draw: st.DrawFn, effects: tuple[str, ...] = ("Allow", "Allow", "Deny")) -> dict[str, Any]:
    action = draw(st.sampled_from(("Action", "Action", "Action", "NotAction")))
    resource = draw(st.sampled_from(("Resource", "Resource", "Resource", "NotResource")))
    return {
        "Effect": draw(st.sampled_from(effects)),
        action: draw(st.lists(_action_patterns, min_size=1, max_size=3)),
        resource: draw(st.lists(_resource_patterns, min_size=1, max_size=2)),
        "Condition": draw(_some_conditions),
    }


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two documents near to each other: statements of the second with some elements drawn anew."""
    old = draw(documents)
    new = []
    for statement in old["Statement"]:
        other, take = draw(statements()), draw(st.sets(st.sampled_from(("Effect", "Action", "Resource", "Condition"))))
        if "Action" in statement and "Action" in take and "Action" in other:
            statement = {**statement, "Action": other["Action"]}
        if "Resource" in statement and "Resource" in take and "Resource" in other:
            statement = {**statement, "Resource": other["Resource"]}
        changed = {k: other[k] for k in take & {"Effect", "Condition"}}
        new.append({**statement, **changed})
    return {**old, "Statement": new}, old


documents = st.lists(statements(), max_size=4).map(lambda s: {"Version": "2012-10-17", "Statement": s})


def policy(*statement: Mapping[str, Any], kind: str = "identity", version: str = "2012-10-17") -> Document:
    return parse({"Version": version, "Statement": list(statement)}, kind)


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def grant(principal: Any, action: Any = "sqs:SendMessage", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def slow_may(raw: Mapping[str, Any], action: str, resource: str, context: Mapping[str, Any]) -> bool:
    """One identity policy, evaluated as the guide tells it, with the standard library's patterns and networks."""
    about = [s for s in raw["Statement"] if _slow_applies(s, action, resource, context)]
    return any(s["Effect"] == "Allow" for s in about) and not any(s["Effect"] == "Deny" for s in about)


def _slow_applies(s: Mapping[str, Any], action: str, resource: str, context: Mapping[str, Any]) -> bool:
    acts = _any_like(s.get("Action", s.get("NotAction")), action, re.IGNORECASE) is ("Action" in s)
    on = _any_like(s.get("Resource", s.get("NotResource")), resource, 0) is ("Resource" in s)
    conditions = [(o, k, v) for o, block in s.get("Condition", {}).items() for k, v in block.items()]
    return acts and on and all(_slow_holds(o, k, v, context) for o, k, v in conditions)


def _any_like(patterns: Sequence[str], text: str, flags: int) -> bool:
    return any(re.fullmatch(fnmatch.translate(p.replace("[", "[[]")), text, flags) for p in patterns)


def _slow_holds(operator: str, key: str, wanted: Any, context: Mapping[str, Any]) -> bool:
    import ipaddress

    values = wanted if isinstance(wanted, list) else [wanted]
    have = context.get(key)
    have = [] if have is None else have if isinstance(have, list) else [have]
    if operator == "Null":
        return (values[0] == "true") == (not have)
    test = {
        "StringEquals": lambda h, v: h == v,
        "StringLike": lambda h, v: fnmatch.fnmatchcase(h, v),
        "Bool": lambda h, v: h == v,
        "IpAddress": lambda h, v: ipaddress.ip_address(h) in ipaddress.ip_network(v),
    }
    if operator.startswith("ForAllValues:"):
        return all(any(test[operator[13:]](h, v) for v in values) for h in have)
    if operator.startswith("ForAnyValue:"):
        return any(any(test[operator[12:]](h, v) for v in values) for h in have)
    if not have:
        return operator.endswith("IfExists") or "Not" in operator
    name = operator.removesuffix("IfExists").replace("Not", "")
    hit = any(test[name](have[0], v) for v in values)
    return not hit if "Not" in operator else hit
