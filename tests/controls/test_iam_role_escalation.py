"""Execution roles that can give themselves more, and everything that only looks like it. The paths themselves have
their own tables in tests/iam; here is what a control makes of them.
"""

from __future__ import annotations

import json

import pytest
from execution_roles import ADMIN, LOGS, allow, deny, document, own, role, when

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

CONTROL = "iam-role-escalation"
ROLE = "arn:aws:iam::123456789012:role"
ATTACH = document(allow("iam:AttachRolePolicy"))
RUN = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
PASS = document(allow("iam:PassRole", f"{ROLE}/app"), RUN)


def judged(resource: Resource) -> Finding | None:
    return judge_one(CONTROL, resource)


SURE = {
    "attaches a policy to itself": (role(ATTACH), "iam-attach-role-policy"),
    "in upper case": (role(document(allow("IAM:ATTACHROLEPOLICY"))), "iam-attach-role-policy"),
    "by a wildcard": (role(document(allow("iam:Attach*"))), "iam-attach-role-policy"),
    "writes its own policy": (role(document(allow("iam:PutRolePolicy", f"{ROLE}/orders"))), "iam-put-role-policy"),
    "writes a version of a policy": (
        role(attached={own("own"): document(allow("iam:CreatePolicyVersion"))}),
        "iam-create-policy-version",
    ),
    "sets a version": (role(document(allow("iam:SetDefaultPolicyVersion"))), "iam-set-default-policy-version"),
    "over two policies": (
        role(document(allow("iam:AttachRolePolicy", f"{ROLE}/orders")), attached={own("logs"): LOGS}),
        "iam-attach-role-policy",
    ),
    "a Deny of another role": (role(ATTACH, document(deny("iam:*", f"{ROLE}/other"))), "iam-attach-role-policy"),
    "a boundary that lets it": (role(ATTACH, boundary=document(allow("iam:*"))), "iam-attach-role-policy"),
}

PERHAPS = {
    "passes a role that was not read": (role(PASS), "lambda-create-function"),
    "over two policies": (
        role(document(allow("iam:PassRole", f"{ROLE}/app")), document(RUN)),
        "lambda-create-function",
    ),
    "may assume any role": (role(document(allow("sts:AssumeRole"))), "sts-assume-role"),
    "writes a function's code": (role(document(allow("lambda:UpdateFunctionCode"))), "lambda-update-code"),
    "only with MFA": (
        role(document(allow("iam:AttachRolePolicy", **when("Bool", "aws:MultiFactorAuthPresent", "true")))),
        "iam-attach-role-policy",
    ),
    "refused without MFA": (
        role(ATTACH, document(deny("*", **when("Bool", "aws:MultiFactorAuthPresent", "false")))),
        "iam-attach-role-policy",
    ),
}

QUIET = {
    "few rights": role(LOGS),
    "reads IAM": role(document(allow(["iam:Get*", "iam:List*"]))),
    "all of one service": role(document(allow("s3:*"))),
    "passes a role, and has nothing to pass it to": role(document(allow("iam:PassRole"))),
    "passes roles to another service": role(
        document(allow("iam:PassRole", **when("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com")), RUN)
    ),
    "assumes one named role": role(document(allow("sts:AssumeRole", f"{ROLE}/app"))),
    "refused again": role(ATTACH, document(deny("iam:*"))),
    "a boundary that stops it": role(ATTACH, boundary=LOGS),
    "versions of AWS's policies only": role(document(allow("iam:CreatePolicyVersion", "arn:aws:iam::aws:policy/*"))),
    "an administrator, who is another control's": role(ADMIN),
    "a person's role": role(ATTACH, trust={"AWS": "arn:aws:iam::123456789012:root"}),
    "a service-linked role": role(ATTACH, path="/aws-service-role/lambda.amazonaws.com/"),
    "a reserved role": role(ATTACH, path="/aws-reserved/sso.amazonaws.com/"),
}


@pytest.mark.parametrize("name", SURE)
def test_what_it_can_do_for_sure_is_high_and_told_as_steps(name: str) -> None:
    resource, path = SURE[name]
    found = judged(resource)
    assert found is not None and found.severity == "high" and " can give itself " in found.title
    item = next(i for i in found.evidence if i["Path"] == path)
    assert (item["If"], item["Other"]) == (False, False)
    assert item["Steps"] and item["Reasons"]
    json.dumps(found.evidence)


@pytest.mark.parametrize("name", PERHAPS)
def test_what_hangs_on_a_condition_or_another_role_is_medium_and_says_so(name: str) -> None:
    resource, path = PERHAPS[name]
    found = judged(resource)
    assert found is not None and found.severity == "medium" and " may be able to give itself " in found.title
    item = next(i for i in found.evidence if i["Path"] == path)
    assert item["If"] or item["Other"]


@pytest.mark.parametrize("name", QUIET)
def test_what_only_looks_like_it_stays_quiet(name: str) -> None:
    assert judged(QUIET[name]) is None


@pytest.mark.parametrize(
    "resource", [role(LOGS, {"Unparsed": "x"}), role(ATTACH, boundary={"Unparsed": "x"})], ids=["policy", "boundary"]
)
def test_what_cannot_be_judged_is_said(resource: Resource) -> None:
    found = judged(resource)
    assert found is not None and found.severity == "low"
    assert all(item["Unknown"] for item in found.evidence)
