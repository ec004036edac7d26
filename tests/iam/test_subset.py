"""The proof that a new policy allows nothing new: what it proves, what it must refuse, and brute force beside it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from iam_policies import ACTIONS, CONTEXTS, RESOURCES, allow, deny, documents, grant, pairs, policy, slow_may

from chalicelib.iam.documents import parse
from chalicelib.iam.permissions import may
from chalicelib.iam.subset import allows_subset

ROLE = "arn:aws:iam::123456789012:role/r"
RED = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
RED_OR_BLUE = {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}}


def when(**block: Any) -> dict[str, Any]:
    return {"Condition": block}


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ([], []),
        ([], [allow()]),
        ([deny()], []),
        ([allow("s3:GetObject")], [allow("s3:*")]),
        ([allow("S3:getobject")], [allow("s3:GetObject")]),
        ([allow(["s3:Get*", "sqs:*"])], [allow("s3:*"), allow("sqs:*")]),
        ([allow("s3:*", "arn:aws:s3:::a/*")], [allow("s3:*", "arn:aws:s3:::*")]),
        (
            [allow("s3:*", ["arn:aws:s3:::a", "arn:aws:s3:::b"])],
            [allow("*", "arn:aws:s3:::a"), allow("*", "arn:aws:s3:::b")],
        ),
        ([allow("s3:*")], [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
        (
            [{"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}],
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        ),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], [allow()]),
        ([allow(Condition=RED)], [allow()]),
        ([allow(Condition=RED)], [allow(Condition=RED_OR_BLUE)]),
        ([allow(Condition={**RED, "Bool": {"aws:SecureTransport": "true"}})], [allow(Condition=RED)]),
        ([allow(**when(StringEquals={"aws:x": "abc"}))], [allow(**when(StringLike={"AWS:X": "a*"}))]),
        ([allow(**when(StringLike={"aws:x": "ab*"}))], [allow(**when(StringLikeIfExists={"aws:x": "a*"}))]),
        ([allow(**when(StringNotEquals={"aws:x": ["a", "b"]}))], [allow(**when(StringNotEquals={"aws:x": "a"}))]),
        ([allow(**when(StringNotLike={"aws:x": "a*"}))], [allow(**when(StringNotLike={"aws:x": "ab*"}))]),
        (
            [allow(**when(IpAddress={"aws:SourceIp": "10.1.0.0/16"}))],
            [allow(**when(IpAddress={"aws:SourceIp": "10.0.0.0/8"}))],
        ),
        (
            [allow(**when(NotIpAddress={"aws:SourceIp": "10.0.0.0/8"}))],
            [allow(**when(NotIpAddress={"aws:SourceIp": "10.1.0.0/16"}))],
        ),
        (
            [allow(**when(ArnEquals={"aws:SourceArn": "arn:aws:sns:r:1:t"}))],
            [allow(**when(ArnLike={"aws:SourceArn": "arn:aws:sns:*:1:*"}))],
        ),
        ([allow("s3:*", "arn:aws:s3:::${aws:username}/*")], [allow("s3:*", "arn:aws:s3:::*")]),
        ([allow("s3:*", "arn:aws:s3:::${aws:username}/*")], [allow("s3:*", "arn:aws:s3:::${aws:username}/*")]),
        ([allow(), deny("s3:*")], [allow(), deny("s3:Put*")]),
        ([allow(), deny()], [allow("s3:*")]),
        ([allow(**when(StringSounds={"aws:x": "a"}))], [allow(), allow(**when(StringSounds={"aws:x": "a"}))]),
        ([allow("s3:*", **when(Null={"aws:x": "false"}))], [allow(**when(Null={"AWS:x": False}))]),
        ([allow("s3:*", "arn:aws:s3:::${aws:username}/*")], [allow("*", ["arn:aws:s3:::${aws:username}/*", "b"])]),
        ([allow(), deny(Condition=RED_OR_BLUE)], [allow(), deny(Condition=RED)]),
    ],
)
def test_proved(new: list[Any], old: list[Any]) -> None:
    proof = allows_subset(policy(*new), policy(*old))
    assert proof.holds, proof.reason


@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        ([allow()], [], "no statement of the old policy allows that action"),
        ([allow("s3:*")], [allow("s3:Get*")], "no statement of the old policy allows that action"),
        ([allow("s3:*", "*")], [allow("s3:*", "arn:aws:s3:::a")], "on other resources only"),
        ([allow(["s3:Get*", "iam:PassRole"])], [allow("s3:*")], "iam:PassRole"),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], [allow("iam:*")], "everything but s3:*"),
        ([allow()], [allow(Condition=RED)], "only where StringEquals aws:PrincipalTag/team = red"),
        ([allow(Condition=RED_OR_BLUE)], [allow(Condition=RED)], "only where"),
        (
            [allow(**when(StringEqualsIfExists={"aws:x": "a"}))],
            [allow(**when(StringEquals={"aws:x": "a"}))],
            "only where",
        ),
        ([allow(**when(StringLike={"aws:x": "a*"}))], [allow(**when(StringEquals={"aws:x": "a*"}))], "only where"),
        (
            [allow(**when(StringNotEquals={"aws:x": "a"}))],
            [allow(**when(StringNotEquals={"aws:x": ["a", "b"]}))],
            "only where",
        ),
        (
            [allow("s3:*", **when(StringSounds={"aws:x": "a"}))],
            [allow(**when(StringSounds={"aws:x": "a"}))],
            "only where",
        ),
        (
            [allow(Condition={"ForAllValues:StringEquals": {"k": "a"}})],
            [allow(**when(StringEquals={"k": "a"}))],
            "only where",
        ),
        (
            [allow("s3:*", "arn:aws:s3:::*")],
            [allow("s3:*", "arn:aws:s3:::${aws:username}/*")],
            "on other resources only",
        ),
        ([allow("s3:*", "arn:aws:s3:::${*}")], [allow("s3:*", "arn:aws:s3:::a")], "on other resources only"),
        (
            [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${aws:username}/*"}],
            [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::ann/*"}],
            "on other resources only",
        ),
        ([allow(**when(StringLike={"k": "${aws:username}"}))], [allow(**when(StringLike={"k": "a*"}))], "only where"),
        ([allow(**when(Null={"aws:x": "true"}))], [allow(**when(Null={"aws:x": "false"}))], "only where"),
        ([allow()], [allow(), deny("s3:*")], "no longer denies"),
        ([allow()], [allow(), deny("s3:*", "arn:aws:s3:::${aws:username}/*")], "no longer denies"),
        ([allow(), deny("s3:Get*")], [allow(), deny("s3:*")], "no longer denies"),
        ([allow(), deny("s3:*", Condition=RED)], [allow(), deny("s3:*")], "no longer denies"),
        ([allow(), deny(Condition=RED)], [allow(), deny(Condition=RED_OR_BLUE)], "no longer denies"),
    ],
)
def test_refused(new: list[Any], old: list[Any], why: str) -> None:
    proof = allows_subset(policy(*new), policy(*old))
    assert not proof.holds
    assert why in proof.reason


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({"AWS": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:root"}, True),
        ({"AWS": ROLE}, {"AWS": [ROLE, "*"]}, True),
        ({"Service": "s3.amazonaws.com"}, "*", True),
        ({"AWS": ROLE}, {"AWS": "123456789012"}, False),
        ("*", {"AWS": ROLE}, False),
        ({"Federated": "accounts.google.com"}, "*", False),
        ({"Service": "s3.amazonaws.com"}, {"Service": "sns.amazonaws.com"}, False),
    ],
)
def test_principals(new: Any, old: Any, expected: bool) -> None:
    assert allows_subset(policy(grant(new), kind="resource"), policy(grant(old), kind="resource")).holds is expected


def test_removing_one_principal_of_a_trust_is_proved() -> None:
    old = policy(grant({"AWS": [ROLE, "*"], "Service": "lambda.amazonaws.com"}, "sts:AssumeRole"), kind="trust")
    new = policy(grant({"AWS": ROLE, "Service": "lambda.amazonaws.com"}, "sts:AssumeRole"), kind="trust")
    assert allows_subset(new, old).holds
    assert not allows_subset(old, new).holds


def test_a_variable_means_nothing_in_the_old_version() -> None:
    resource = "arn:aws:s3:::${aws:username}/*"
    as_text = policy(allow("s3:*", resource), version="2008-10-17")
    assert not allows_subset(policy(allow("s3:*", resource)), as_text).holds
    assert not allows_subset(as_text, policy(allow("s3:*", resource))).holds
    but = {"Effect": "Allow", "Action": "*", "NotResource": resource}
    assert not allows_subset(policy(but), policy(but, version="2008-10-17")).holds
    assert not allows_subset(policy(but, version="2008-10-17"), policy(but)).holds
    assert allows_subset(as_text, as_text).holds


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ([allow("sqs:*")], [allow(), deny("s3:*")]),
        ([allow("s3:*", "arn:aws:s3:::a/*")], [allow(), deny("s3:*", "arn:aws:s3:::b/*")]),
    ],
)
def test_a_deny_may_go_only_where_nothing_else_allows(new: list[Any], old: list[Any]) -> None:
    assert not allows_subset(policy(*new), policy(*old)).holds
    assert allows_subset(policy(*new), policy(*old), alone=True).holds


def test_policies_made_to_explode_end_soon() -> None:
    def numbered(form: str, count: int) -> list[str]:
        return [form.format(i) for i in range(count)]

    begun = time.process_time()
    wide, narrow = numbered("s{0}:*a?{0}*b*", 3000), numbered("s{0}:*a*{0}?*b*c*", 3000)
    assert not allows_subset(policy(allow(narrow)), policy(allow(wide))).holds
    many = [f(f"s*{i}:*?a", f"arn:*{i}?*") for i in range(1500) for f in (allow, deny)]
    assert allows_subset(policy(*many), policy(*many[::-1])).holds
    assert not allows_subset(policy(*many), policy(*[{**s, "Action": "x"} for s in many])).holds
    assert time.process_time() - begun < 3


def test_kinds_are_not_compared() -> None:
    assert not allows_subset(policy(), policy(kind="trust")).holds


@settings(max_examples=300, deadline=None)
@given(pairs(), documents | st.none())
def test_a_proof_is_never_wrong(pair: Any, other: Any) -> None:
    """With another policy of the principal beside it, and without one where the document stands alone."""
    new, old = pair
    holds = allows_subset(parse(new, "identity"), parse(old, "identity"), alone=other is None).holds
    event(f"proved: {holds}")
    if not holds:
        return
    new, old = ({"Statement": raw["Statement"] + (other or {"Statement": []})["Statement"]} for raw in (new, old))
    for action in ACTIONS:
        for resource in RESOURCES:
            for context in CONTEXTS:
                allowed = slow_may(new, action, resource, context)
                assert not allowed or slow_may(old, action, resource, context), (action, resource, context)


@settings(max_examples=300, deadline=None)
@given(documents, st.data())
def test_a_policy_less_a_statement_that_allows_is_a_subset(raw: Any, data: st.DataObject) -> None:
    allows = [i for i, s in enumerate(raw["Statement"]) if s["Effect"] == "Allow"]
    gone = data.draw(st.sets(st.sampled_from(allows)) if allows else st.just(set()))
    less = {**raw, "Statement": [s for i, s in enumerate(raw["Statement"]) if i not in gone]}
    proof = allows_subset(parse(less, "identity"), parse(raw, "identity"))
    assert proof.holds, proof.reason


PRINCIPALS = st.sampled_from(
    ("*", {"AWS": ROLE}, {"AWS": "123456789012"}, {"AWS": [ROLE, "999999999999"]}, {"AWS": ROLE + "2"})
)
GRANTS = st.builds(
    lambda p, a, effect, c: {**grant(p, a), "Effect": effect, "Condition": c},
    PRINCIPALS,
    st.sampled_from(("sqs:*", "sqs:SendMessage", ["sqs:SendMessage", "s3:GetObject"], "*")),
    st.sampled_from(("Allow", "Allow", "Deny")),
    st.sampled_from(({}, RED, RED_OR_BLUE)),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(GRANTS, max_size=3), st.lists(GRANTS, max_size=3))
def test_a_proof_about_principals_is_never_wrong(new: Any, old: Any) -> None:
    theirs, ours = policy(*old, kind="resource"), policy(*new, kind="resource")
    if not allows_subset(ours, theirs).holds:
        return
    for who in (ROLE, ROLE + "2", "arn:aws:iam::999999999999:role/x"):
        for action in ACTIONS:
            for identity in ([], [policy(allow())]):
                for context in CONTEXTS:
                    call = {"principal": who, "context": context}
                    if may(identity, action, "arn:aws:s3:::a/x", resource_policy=ours, **call).is_allowed:
                        assert may(identity, action, "arn:aws:s3:::a/x", resource_policy=theirs, **call).is_allowed
