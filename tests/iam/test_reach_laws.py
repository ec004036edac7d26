"""Laws of reach over generated resource policies: what it calls closed, the evaluator keeps a stranger out of."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from iam_policies import allow, policy
from reaching import OTHER, OWN, TRUST

from chalicelib.iam.documents import Document, parse
from chalicelib.iam.permissions import may
from chalicelib.iam.reach import reach

QUEUE = f"arn:aws:sqs:us-east-1:{OWN}:jobs"
EVE = "arn:aws:iam::888888888888:user/eve"
ANYTHING = [policy(allow())]
REQUESTS = [(action, QUEUE) for action in ("sqs:SendMessage", "sqs:ReceiveMessage")]
STRANGERS: tuple[dict[str, str], ...] = (
    {"aws:PrincipalArn": EVE, "aws:PrincipalAccount": "888888888888", "aws:SourceIp": "203.0.113.9"},
    {
        "aws:PrincipalArn": EVE,
        "aws:PrincipalAccount": "888888888888",
        "aws:PrincipalOrgID": "o-eve",
        "aws:SourceVpce": "vpce-eve",
        "aws:SecureTransport": "true",
        "aws:Referer": "https://example.com/",
        "aws:ResourceAccount": OWN,
    },
)
"""What a stranger's requests look like: from the internet, and from an organisation and an endpoint of its own."""

_principals = st.sampled_from(
    (
        "*",
        "*",
        "*",
        {"AWS": "*"},
        {"AWS": OWN},
        {"AWS": [OWN, OTHER]},
        {"AWS": "arn:aws:iam::*:role/r"},
        {"CanonicalUser": "*"},
    )
)
_actions = st.sampled_from(
    ("*", "*", "sqs:*", "SQS:Send*", "sqs:ReceiveMessage", ["sqs:SendMessage", "sqs:ReceiveMessage"])
)
_resources = st.sampled_from(("*", "*", QUEUE, QUEUE[:-2] + "*", "arn:aws:sqs:*:*:${aws:username}"))
_values = st.sampled_from(
    (
        ("aws:PrincipalOrgID", "o-own"),
        ("aws:PrincipalOrgID", ["o-own", "o-*"]),
        ("AWS:PrincipalAccount", [OWN, OTHER]),
        ("aws:PrincipalArn", f"arn:aws:iam::{OWN}:*"),
        ("aws:PrincipalArn", "arn:aws:iam::*:user/*"),
        ("aws:SourceVpce", "vpce-own"),
        ("aws:SourceAccount", OWN),
        ("aws:ResourceAccount", OWN),
        ("aws:Referer", "https://example.com/*"),
    )
)
_operators = st.sampled_from(
    (
        "StringEquals",
        "StringLike",
        "StringNotEquals",
        "StringNotLike",
        "StringEqualsIfExists",
        "StringNotEqualsIfExists",
        "ForAllValues:StringLike",
        "ForAnyValue:StringLike",
    )
)
_ranges = st.sampled_from((["192.0.2.0/24"], ["0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1"]))


@st.composite
def _conditions(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2)))):
        key, value = draw(_values)
        found.setdefault(draw(_operators), {})[key] = value
    if draw(st.integers(0, 4)) == 0:
        found[draw(st.sampled_from(("IpAddress", "NotIpAddress")))] = {"aws:SourceIp": draw(_ranges)}
    return found


@st.composite
def _statements(draw: st.DrawFn, effects: tuple[str, ...] = ("Allow", "Allow", "Deny")) -> dict[str, Any]:
    return {
        "Effect": draw(st.sampled_from(effects)),
        draw(st.sampled_from(("Principal",) * 5 + ("NotPrincipal",))): draw(_principals),
        draw(st.sampled_from(("Action",) * 4 + ("NotAction",))): draw(_actions),
        draw(st.sampled_from(("Resource",) * 4 + ("NotResource",))): draw(_resources),
        "Condition": draw(_conditions()),
    }


def resource(*statements: dict[str, Any]) -> Document:
    return parse({"Version": "2012-10-17", "Statement": list(statements)}, "resource")


def verdict(*statements: dict[str, Any]) -> str:
    return reach(resource(*statements), TRUST).verdict


@settings(max_examples=1000, deadline=None)
@given(st.lists(_statements(), min_size=1, max_size=2))
def test_what_is_not_public_keeps_a_stranger_out(listed: list[dict[str, Any]]) -> None:
    document = resource(*listed)
    if reach(document, TRUST).verdict == "public":
        return
    for context in STRANGERS:
        for action, queue in REQUESTS:
            answer = may(ANYTHING, action, queue, resource_policy=document, context=context, principal=EVE)
            assert answer.verdict == "denied", answer.reasons


@settings(max_examples=300, deadline=None)
@given(st.lists(_statements(), min_size=1, max_size=3), _statements(("Deny",)), _statements(("Allow",)))
def test_a_deny_never_opens_and_an_allow_never_closes(listed: list[Any], less: Any, more: Any) -> None:
    before = verdict(*listed)
    assert verdict(*listed, less) != "public" or before == "public"
    assert verdict(*listed, less) == "private" or before != "private"
    assert verdict(*listed, more) == "public" or before != "public"
    assert verdict(*listed, more) != "private" or before == "private"
