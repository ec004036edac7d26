"""Who may assume a role: everyone is loud, named callers are quiet."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

CONTROL = "iam-trust-public"
OTHER = "arn:aws:iam::210987654321:root"
LAMBDA = {"Service": "lambda.amazonaws.com"}


def allow(principal: Any, **more: Any) -> dict[str, Any]:
    basic = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {k: v for k, v in {**basic, **more}.items() if v is not None}


def judged(*statements: Any) -> Finding | None:
    trust = {"Version": "2012-10-17", "Statement": list(statements)}
    return judged_document(trust)


def judged_document(trust: Any) -> Finding | None:
    arn = "arn:aws:iam::123456789012:role/orders"
    config = {"RoleName": "orders", "AssumeRolePolicyDocument": trust}
    return judge_one(CONTROL, Resource("AWS::IAM::Role", arn, "orders", "123456789012", "us-east-1", config))


def when(key: str, value: Any, operator: str = "StringEquals") -> dict[str, Any]:
    return {operator: {key: value}}


LOUD = {
    "everyone": (allow("*"), ["*"]),
    "everyone, as AWS principals": (allow({"AWS": "*"}), ["*"]),
    "everyone among others": (allow({"AWS": ["*", OTHER]}), ["*"]),
    "everyone beside a service": (allow({"AWS": "*", **LAMBDA}), ["*"]),
    "any account": (allow({"AWS": "arn:aws:iam::*:root"}), ["arn:aws:iam::*:root"]),
    "an external id names nobody": (allow("*", Condition=when("sts:ExternalId", "x")), ["*"]),
    "any organisation": (allow("*", Condition=when("aws:PrincipalOrgID", "*", "StringLike")), ["*"]),
    "an organisation only if there is one": (
        allow("*", Condition=when("aws:PrincipalOrgID", "o-abcdefghij", "StringEqualsIfExists")),
        ["*"],
    ),
    "signed in with MFA": (allow("*", Condition=when("aws:MultiFactorAuthPresent", "true", "Bool")), ["*"]),
}

QUIET = {
    "a service": allow(LAMBDA),
    "another account with an external id": allow({"AWS": OTHER}, Condition=when("sts:ExternalId", "x")),
    "another account without one": allow({"AWS": OTHER}),
    "one organisation": allow("*", Condition=when("aws:PrincipalOrgID", "o-abcdefghij")),
    "one account by condition": allow("*", Condition=when("aws:PrincipalAccount", "210987654321")),
    "one role by condition": allow(
        {"AWS": "*"}, Condition=when("aws:PrincipalArn", "arn:aws:iam::210987654321:role/x")
    ),
    "a refusal": allow("*", Effect="Deny"),
}


@pytest.mark.parametrize("name", LOUD)
def test_everyone_is_found(name: str) -> None:
    statement, principals = LOUD[name]
    found = judged(allow(LAMBDA), statement)
    assert found is not None and found.severity == "critical"
    assert found.evidence == ({"Statement": statement, "Principals": principals},)


def test_everyone_but_somebody_is_everyone() -> None:
    statement = allow(None, NotPrincipal={"AWS": OTHER})
    found = judged(statement)
    assert found is not None
    assert [item["Statement"] for item in found.evidence] == [statement]


@pytest.mark.parametrize("name", QUIET)
def test_named_callers_are_quiet(name: str) -> None:
    assert judged(QUIET[name]) is None


@pytest.mark.parametrize("trust", [{"Unparsed": "x"}, {"Version": "2012-10-17"}])
def test_a_trust_policy_that_cannot_be_judged_is_never_quiet(trust: Any) -> None:
    found = judged_document(trust)
    assert found is not None and found.severity == "low"
    assert found.evidence[0]["Unknown"]
