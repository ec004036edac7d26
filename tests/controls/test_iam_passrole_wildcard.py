"""Execution roles that may pass any role, and everything that only looks like it."""

from __future__ import annotations

import pytest
from execution_roles import ADMIN, LOGS, allow, deny, document, own, role, when

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

CONTROL = "iam-passrole-wildcard"
PASS = "iam:PassRole"
SERVICE = "iam:PassedToService"
APP = "arn:aws:iam::123456789012:role/app-*"
EVERY = document(allow(PASS))


def judged(resource: Resource) -> Finding | None:
    return judge_one(CONTROL, resource)


LOUD = {
    "inline": (role(EVERY), {"p0"}),
    "customer-managed": (role(attached={own("pass"): EVERY}), {own("pass")}),
    "of AWS": (role(attached={"arn:aws:iam::aws:policy/Power": EVERY}), {"arn:aws:iam::aws:policy/Power"}),
    "two policies": (role(EVERY, LOGS, EVERY), {"p0", "p2"}),
    "upper case": (role(document(allow("IAM:PASSROLE"))), {"p0"}),
    "by a wildcard": (role(document(allow("iam:Pass*"))), {"p0"}),
    "among others": (role(document(allow(["lambda:CreateFunction", PASS]))), {"p0"}),
    "every role by its ARN": (role(document(allow(PASS, "arn:aws:iam::*:role/*"))), {"p0"}),
    "every role of the account": (role(document(allow(PASS, "arn:aws:iam::123456789012:role/*"))), {"p0"}),
    "every role beside a named one": (role(document(allow(PASS, [APP, "*"]))), {"p0"}),
    "all but one role": (
        role(document({"Effect": "Allow", "Action": PASS, "NotResource": "arn:aws:iam::*:role/admin"})),
        {"p0"},
    ),
    "NotAction": (
        role(
            document(
                {
                    "Effect": "Allow",
                    "NotAction": ["iam:Put*", "iam:Attach*", "iam:Create*", "iam:Add*", "iam:Set*", "iam:Update*"],
                    "Resource": "*",
                }
            )
        ),
        {"p0"},
    ),
    "to any service, spelled out": (role(document(allow(PASS, **when("StringLike", SERVICE, "*")))), {"p0"}),
    "to any service of AWS": (
        role(document(allow(PASS, **when("StringLike", SERVICE, "*.amazonaws.com")))),
        {"p0"},
    ),
    "to one service or any": (
        role(document(allow(PASS, **when("StringLike", SERVICE, "lambda.amazonaws.com", "*")))),
        {"p0"},
    ),
    "to every service but one": (
        role(document(allow(PASS, **when("StringNotEquals", SERVICE, "ec2.amazonaws.com")))),
        {"p0"},
    ),
    "with a condition that names no role": (
        role(document(allow(PASS, **when("Bool", "aws:SecureTransport", "true")))),
        {"p0"},
    ),
    "a Deny of other roles": (role(EVERY, document(deny(PASS, "arn:aws:iam::*:role/admin"))), {"p0"}),
    "a Deny that may not hold": (
        role(EVERY, document(deny(PASS, **when("Bool", "aws:MultiFactorAuthPresent", "false")))),
        {"p0"},
    ),
    "a boundary that lets it through": (role(EVERY, boundary=ADMIN), {"p0"}),
    "for Step Functions": (role(EVERY, trust={"Service": "states.amazonaws.com"}), {"p0"}),
}

QUIET = {
    "no right to pass": role(LOGS),
    "a named role": role(document(allow(PASS, "arn:aws:iam::123456789012:role/app"))),
    "roles by prefix": role(document(allow(PASS, APP))),
    "roles of a path": role(document(allow(PASS, "arn:aws:iam::*:role/service-role/*"))),
    "to one service": role(document(allow(PASS, **when("StringEquals", SERVICE, "lambda.amazonaws.com")))),
    "to one service, if it says": role(
        document(allow(PASS, **when("StringEqualsIfExists", SERVICE, "lambda.amazonaws.com")))
    ),
    "to one service, key in lower case": role(
        document(allow(PASS, **when("StringLike", SERVICE.lower(), "ecs-tasks.amazonaws.com")))
    ),
    "roles with a tag": role(document(allow(PASS, **when("StringEquals", "aws:ResourceTag/team", "shop")))),
    "for one resource": role(
        document(allow(PASS, **when("ArnLike", "iam:AssociatedResourceArn", "arn:aws:ec2:*:123456789012:instance/*")))
    ),
    "all of IAM but that": role(document(allow("iam:Get*"), allow("iam:List*"))),
    "refused again": role(EVERY, document(deny("iam:*"))),
    "refused but for named roles": role(EVERY, document({"Effect": "Deny", "Action": PASS, "NotResource": APP})),
    "refused but for one service": role(
        EVERY, document(deny(PASS, **when("StringNotEquals", SERVICE, "lambda.amazonaws.com")))
    ),
    "a boundary that stops it": role(EVERY, boundary=LOGS),
    "a boundary that names the service": role(
        EVERY, boundary=document(allow(PASS, **when("StringEquals", SERVICE, "lambda.amazonaws.com")), allow("s3:*"))
    ),
    "an administrator, who is another control's": role(ADMIN),
    "all of IAM, which is administrator": role(document(allow("iam:*"))),
    "a person's role": role(EVERY, trust={"AWS": "arn:aws:iam::123456789012:root"}),
    "a service-linked role": role(EVERY, path="/aws-service-role/lambda.amazonaws.com/"),
    "a reserved role": role(EVERY, path="/aws-reserved/sso.amazonaws.com/"),
}


@pytest.mark.parametrize("name", LOUD)
def test_it_is_found_with_the_policies_that_allow_it(name: str) -> None:
    resource, policies = LOUD[name]
    found = judged(resource)
    assert found is not None and found.severity == "high"
    assert {item["Policy"] for item in found.evidence} == policies
    assert all(item["Reason"].startswith("statement ") for item in found.evidence)


@pytest.mark.parametrize("name", QUIET)
def test_what_only_looks_like_it_stays_quiet(name: str) -> None:
    assert judged(QUIET[name]) is None


@pytest.mark.parametrize(
    "resource", [role(LOGS, {"Unparsed": "x"}), role(EVERY, boundary={"Unparsed": "x"})], ids=["policy", "boundary"]
)
def test_what_cannot_be_judged_is_said(resource: Resource) -> None:
    found = judged(resource)
    assert found is not None and found.severity == "low"
    assert all(item["Unknown"] for item in found.evidence)
