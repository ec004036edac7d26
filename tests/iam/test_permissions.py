"""May a principal do it: layers, resource policies, doubt; and laws against a slow evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iam_policies import ACTIONS, CONTEXTS, RESOURCES, allow, deny, documents, grant, policy, slow_may, statements

from chalicelib.iam.documents import Document, parse
from chalicelib.iam.permissions import may

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:app"
ROLE = "arn:aws:iam::123456789012:role/worker"
SESSION = "arn:aws:sts::123456789012:assumed-role/worker/s1"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
UNLESS_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
EVERYTHING = [policy(allow())]
NOTHING: list[Document] = []


@pytest.mark.parametrize(
    ("statement", "action", "resource", "expected"),
    [
        (allow("lambda:*"), "lambda:GetFunction", FUNCTION, "allowed"),
        (allow("LAMBDA:getfunction"), "lambda:GetFunction", FUNCTION, "allowed"),
        (allow("lambda:Get*"), "lambda:UpdateFunctionCode", FUNCTION, "denied"),
        (allow("lambda:*", FUNCTION), "lambda:GetFunction", FUNCTION.upper(), "denied"),
        (allow("lambda:*", FUNCTION), "lambda:ListFunctions", "*", "denied"),
        (allow("lambda:*", "*"), "lambda:ListFunctions", "*", "allowed"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "lambda:GetFunction", FUNCTION, "allowed"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "iam:PassRole", ROLE, "denied"),
        ({"Effect": "Allow", "Action": "*", "NotResource": ROLE}, "iam:PassRole", ROLE, "denied"),
        ({"Effect": "Allow", "Action": "*", "NotResource": ROLE}, "iam:PassRole", ROLE + "2", "allowed"),
        (allow(Condition=MFA), "iam:PassRole", ROLE, "allowed-if"),
        (allow(Condition={"StringLikeIfExists": {"aws:x": "*"}}), "iam:PassRole", ROLE, "allowed"),
        (allow("iam:*", "arn:aws:iam::*:role/${aws:username}"), "iam:PassRole", ROLE, "allowed-if"),
        (allow("iam:*", "arn:aws:iam::*:user/${aws:username}"), "iam:PassRole", ROLE, "denied"),
    ],
)
def test_one_statement_without_context(statement: Any, action: str, resource: str, expected: str) -> None:
    assert may([policy(statement)], action, resource).verdict == expected


def test_a_deny_wins_and_a_conditional_one_only_guards() -> None:
    assert may([policy(allow(), deny("lambda:*"))], "lambda:GetFunction", FUNCTION).verdict == "denied"
    guarded = may([policy(allow(), deny(Condition=UNLESS_MFA))], "lambda:GetFunction", FUNCTION)
    assert guarded.verdict == "allowed-if"
    assert "MultiFactorAuthPresent" in guarded.reasons[-1]
    assert may([policy(deny(Condition=UNLESS_MFA))], "lambda:GetFunction", FUNCTION).verdict == "denied"


def test_with_a_context_conditions_are_exact() -> None:
    guarded = [policy(allow(), deny(Condition=UNLESS_MFA))]
    with_mfa = {"aws:MultiFactorAuthPresent": "true"}
    assert may(guarded, "lambda:GetFunction", FUNCTION, context=with_mfa).verdict == "allowed"
    assert may(guarded, "lambda:GetFunction", FUNCTION, context={}).verdict == "denied"
    own = [policy(allow("iam:*", "arn:aws:iam::*:role/${aws:username}"))]
    assert may(own, "iam:PassRole", ROLE, context={"aws:username": "worker"}).is_allowed
    assert may(own, "iam:PassRole", ROLE, context={"aws:username": "*"}).verdict == "denied"
    assert may(own, "iam:PassRole", ROLE, context={}).verdict == "denied"


def test_an_exception_that_cannot_be_resolved_leaves_doubt() -> None:
    but = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:iam::*:role/${aws:username}"}
    assert may([policy(but)], "iam:PassRole", ROLE, context={}).verdict == "allowed-if"
    assert may([policy(but)], "iam:PassRole", ROLE, context={"aws:username": "worker"}).verdict == "denied"
    assert may([policy(but)], "iam:PassRole", ROLE, context={"aws:username": "ann"}).verdict == "allowed"


def test_an_unknown_operator_is_neither_a_pass_nor_a_no() -> None:
    strange = {"StringSounds": {"aws:username": "ann"}}
    assert may([policy(allow(Condition=strange))], "iam:PassRole", ROLE, context={}).verdict == "allowed-if"
    assert may([policy(allow(), deny(Condition=strange))], "iam:PassRole", ROLE, context={}).verdict == "allowed-if"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({"boundary": EVERYTHING}, "allowed"),
        ({"boundary": NOTHING}, "denied"),
        ({"boundary": [policy(allow("s3:*"))]}, "denied"),
        ({"boundary": [policy(allow(Condition=MFA))]}, "allowed-if"),
        ({"boundary": [policy(allow(), deny("lambda:*"))]}, "denied"),
        ({"session": NOTHING}, "denied"),
        ({"session": [policy(allow("lambda:Get*"))], "boundary": EVERYTHING}, "allowed"),
        ({"scps": EVERYTHING}, "allowed"),
        ({"scps": [policy(allow("s3:*")), policy(allow("lambda:*"))]}, "allowed"),
        ({"scps": [EVERYTHING, [policy(allow("s3:*"))]]}, "denied"),
        ({"scps": [[policy(allow()), policy(deny("lambda:*"))]]}, "denied"),
    ],
)
def test_every_layer_must_allow(layers: dict[str, Any], expected: str) -> None:
    assert may(EVERYTHING, "lambda:GetFunction", FUNCTION, **layers).verdict == expected
    assert may(NOTHING, "lambda:GetFunction", FUNCTION, **layers).verdict == "denied"


@pytest.mark.parametrize(
    ("identity", "principal", "more", "expected"),
    [
        (NOTHING, {"AWS": ROLE}, {}, "allowed"),
        (NOTHING, "*", {}, "allowed"),
        (NOTHING, {"AWS": "123456789012"}, {}, "denied"),
        (EVERYTHING, {"AWS": "123456789012"}, {}, "allowed"),
        (EVERYTHING, {"AWS": "999999999999"}, {}, "allowed"),
        (NOTHING, {"AWS": ROLE}, {"boundary": NOTHING}, "denied"),
        (NOTHING, {"AWS": SESSION}, {"boundary": NOTHING, "session": NOTHING}, "allowed"),
        (NOTHING, {"AWS": SESSION}, {"scps": [policy(allow("s3:*"))]}, "denied"),
        (NOTHING, {"AWS": ROLE + "2"}, {}, "denied"),
        (NOTHING, {"Service": "s3.amazonaws.com"}, {}, "denied"),
    ],
)
def test_a_resource_policy_grants_within_the_account(identity: Any, principal: Any, more: Any, expected: str) -> None:
    theirs = policy(grant(principal, "lambda:InvokeFunction"), kind="resource")
    given_more = {"resource_policy": theirs, "principal": (ROLE, SESSION), **more}
    assert may(identity, "lambda:InvokeFunction", FUNCTION, **given_more).verdict == expected


def test_a_resource_policy_denies_too() -> None:
    nobody = policy({**grant({"AWS": "123456789012"}, "*"), "Effect": "Deny"}, kind="resource")
    assert may(EVERYTHING, "lambda:GetFunction", FUNCTION, resource_policy=nobody, principal=ROLE).verdict == "denied"
    but_us = policy({"Effect": "Deny", "NotPrincipal": {"AWS": [ROLE]}, "Action": "*"}, kind="resource")
    assert may(EVERYTHING, "lambda:GetFunction", FUNCTION, resource_policy=but_us, principal=ROLE).is_allowed
    assert (
        may(EVERYTHING, "lambda:GetFunction", FUNCTION, resource_policy=but_us, principal=ROLE + "2").verdict
        == "denied"
    )


def test_keys_and_roles_need_their_own_policy() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    silent = policy(grant({"AWS": ROLE + "2"}, "kms:*"), kind="resource")
    account = policy(grant({"AWS": "123456789012"}, "kms:*"), kind="resource")
    assert may(EVERYTHING, "kms:Decrypt", key, resource_policy=silent, principal=ROLE).verdict == "denied"
    assert may(EVERYTHING, "kms:Decrypt", key, resource_policy=account, principal=ROLE).is_allowed
    assert may(NOTHING, "kms:Decrypt", key, resource_policy=account, principal=ROLE).verdict == "denied"
    trust = policy(grant({"AWS": ROLE}, "sts:AssumeRole"), kind="trust")
    assert may(NOTHING, "sts:AssumeRole", ROLE + "2", resource_policy=trust, principal=ROLE).is_allowed


def test_whose_a_bucket_is_only_the_context_can_say() -> None:
    own = policy(
        grant("*", "s3:*", Condition={"StringEquals": {"aws:PrincipalAccount": "123456789012"}}), kind="resource"
    )
    for owner, verdict in (("123456789012", "denied"), ("210987654321", "allowed")):
        facts = {"aws:ResourceAccount": owner, "aws:PrincipalAccount": "210987654321"}
        stranger = "arn:aws:iam::210987654321:role/x"
        found = may(
            EVERYTHING, "s3:GetObject", "arn:aws:s3:::b/k", resource_policy=own, context=facts, principal=stranger
        )
        assert found.verdict == verdict


def test_another_account_must_be_allowed_on_both_sides() -> None:
    stranger = "arn:aws:iam::999999999999:role/x"
    theirs = policy(grant({"AWS": "999999999999"}, "lambda:*"), kind="resource")
    assert may(EVERYTHING, "lambda:GetFunction", FUNCTION, resource_policy=theirs, principal=stranger).is_allowed
    assert may(NOTHING, "lambda:GetFunction", FUNCTION, resource_policy=theirs, principal=stranger).verdict == "denied"
    silent = policy(grant({"AWS": ROLE}, "lambda:*"), kind="resource")
    assert (
        may(EVERYTHING, "lambda:GetFunction", FUNCTION, resource_policy=silent, principal=stranger).verdict == "denied"
    )


def test_the_principal_of_the_context_stands_for_a_missing_one() -> None:
    theirs = policy(grant({"AWS": ROLE}, "lambda:*"), kind="resource")
    call = {"resource_policy": theirs, "context": {"aws:PrincipalArn": ROLE}}
    assert may(NOTHING, "lambda:GetFunction", FUNCTION, **call).is_allowed
    assert may(NOTHING, "lambda:GetFunction", FUNCTION, resource_policy=theirs).verdict == "allowed-if"


def test_a_service_comes_with_the_resource_policy_alone() -> None:
    theirs = policy(
        grant({"Service": "s3.amazonaws.com"}, "lambda:*", Condition={"StringEquals": {"AWS:SourceAccount": "1"}}),
        kind="resource",
    )
    call = {"resource_policy": theirs, "principal": "s3.amazonaws.com"}
    assert may([], "lambda:InvokeFunction", FUNCTION, context={"aws:SourceAccount": "1"}, **call).is_allowed
    assert may([], "lambda:InvokeFunction", FUNCTION, context={"aws:SourceAccount": "2"}, **call).verdict == "denied"


def test_reasons_name_the_statement() -> None:
    [reason] = may([policy(allow(Sid="Mine"))], "s3:GetObject", "arn:aws:s3:::b/k").reasons
    assert 'statement 1 "Mine" allows' in reason
    assert "no identity policy" in may([], "s3:GetObject", "arn:aws:s3:::b/k").reasons[0]


@settings(max_examples=400, deadline=None)
@given(documents, st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), st.sampled_from(CONTEXTS))
def test_exact_as_the_slow_evaluator(raw: Any, action: str, resource: str, context: Any) -> None:
    fast = may([parse(raw, "identity")], action, resource, context=context)
    assert fast.verdict == ("allowed" if slow_may(raw, action, resource, context) else "denied")


@settings(max_examples=400, deadline=None)
@given(documents, st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))
def test_three_values_hold_whatever_the_context(raw: Any, action: str, resource: str) -> None:
    doubt = may([parse(raw, "identity")], action, resource).verdict
    exact = {slow_may(raw, action, resource, context) for context in CONTEXTS}
    assert doubt == "allowed-if" or exact == {doubt == "allowed"}


@settings(max_examples=300, deadline=None)
@given(
    documents,
    statements(effects=("Deny",)),
    documents,
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from((None, *CONTEXTS)),
)
def test_a_deny_or_a_boundary_never_allows_more(
    raw: Any, more: Any, limit: Any, action: str, resource: str, context: Any
) -> None:
    rank = {"denied": 0, "allowed-if": 1, "allowed": 2}
    before = rank[may([parse(raw, "identity")], action, resource, context=context).verdict]
    denied = [parse(raw, "identity"), policy(more)]
    assert rank[may(denied, action, resource, context=context).verdict] <= before
    bounded = [parse(limit, "identity")]
    for layer in ("boundary", "session", "scps"):
        answer = may([parse(raw, "identity")], action, resource, context=context, **{layer: bounded})
        assert rank[answer.verdict] <= before
