"""Public function URLs: open ones that must be loud, and near misses."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controls import judge_one
from chalicelib.model import Resource

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
CONTROL = "lambda-url-public"
URL = "https://abc.lambda-url.us-east-1.on.aws/"
NONE = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}


def grant(**more: Any) -> dict[str, Any]:
    basic = {
        "Sid": "url",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": ARN,
        "Condition": NONE,
    }
    return {k: v for k, v in {**basic, **more}.items() if v is not None}


def entry(qualifier: str, auth: str | None, *statements: Any) -> dict[str, Any]:
    return {
        "Qualifier": qualifier,
        "FunctionVersion": qualifier,
        "Environment": {},
        "Policy": {"Version": "2012-10-17", "Statement": list(statements)} if statements else None,
        "FunctionUrl": {"AuthType": auth, "FunctionUrl": URL} if auth else None,
    }


def function(*entries: Any) -> Resource:
    return Resource("AWS::Lambda::Function", ARN, "orders", "123456789012", "us-east-1", {"Qualifiers": list(entries)})


OPENING = {
    "the console's grant": grant(),
    "as AWS principals": grant(Principal={"AWS": "*"}),
    "without condition": grant(Condition=None),
    "all actions": grant(Action="lambda:*", Condition=None),
    "a pattern": grant(Action=["lambda:GetPolicy", "LAMBDA:invoke*"], Condition=None),
    "all actions but one": grant(Action=None, NotAction="lambda:DeleteFunction", Condition=None),
    "NONE among others": grant(Condition={"StringEquals": {"lambda:functionurlauthtype": ["NONE", "AWS_IAM"]}}),
}

CLOSED = {
    "no grant": (),
    "a grant to one account": (grant(Principal={"AWS": "arn:aws:iam::210987654321:root"}),),
    "a grant to one organisation": (grant(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}),),
    "a grant for signed URLs": (grant(Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}),),
    "a grant of another action": (grant(Action="lambda:InvokeFunction", Condition=None),),
    "a grant that leaves the action out": (grant(Action=None, NotAction="lambda:InvokeFunctionUrl", Condition=None),),
    "a refusal": (grant(Effect="Deny"),),
}


@pytest.mark.parametrize("name", OPENING)
def test_open_urls_are_found(name: str) -> None:
    found = judge_one(CONTROL, function(entry("$LATEST", "NONE", OPENING[name])))
    assert found is not None and found.severity == "high"
    assert found.evidence == ({"Qualifier": None, "AuthType": "NONE", "FunctionUrl": URL, "Sid": "url"},)


@pytest.mark.parametrize("name", CLOSED)
def test_a_url_of_type_none_without_a_grant_to_everyone_is_quiet(name: str) -> None:
    assert judge_one(CONTROL, function(entry("$LATEST", "NONE", *CLOSED[name]))) is None


@pytest.mark.parametrize("auth", [None, "AWS_IAM"])
def test_a_grant_without_an_open_url_is_quiet(auth: str | None) -> None:
    assert judge_one(CONTROL, function(entry("$LATEST", auth, grant()))) is None


def test_url_and_grant_must_belong_to_the_same_qualifier() -> None:
    crossed = function(entry("$LATEST", "NONE"), entry("prod", "AWS_IAM", grant()))
    assert judge_one(CONTROL, crossed) is None
    found = judge_one(CONTROL, function(entry("$LATEST", "AWS_IAM", grant()), entry("prod", "NONE", grant())))
    assert found is not None
    assert [item["Qualifier"] for item in found.evidence] == ["prod"]


def test_a_policy_that_cannot_be_judged_is_never_quiet() -> None:
    unreadable = {**entry("$LATEST", "NONE"), "Policy": {"Unparsed": "x"}}
    found = judge_one(CONTROL, function(unreadable))
    assert found is not None and found.severity == "low"
    assert found.evidence[0]["Unknown"]
    assert judge_one(CONTROL, function({**unreadable, "FunctionUrl": None})) is None
