"""Execution roles that are administrators, and everything that only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

CONTROL = "iam-role-admin"
ADMIN_ARN = "arn:aws:iam::aws:policy/AdministratorAccess"


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trusted_by(principal: Any) -> dict[str, Any]:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


LAMBDA = {"Service": "lambda.amazonaws.com"}
ADMIN = document(allow("*"))
LOGS = document(allow(["logs:CreateLogStream", "logs:PutLogEvents"]))


def role(*inline: Any, attached: Any = None, boundary: Any = None, trust: Any = LAMBDA, path: str = "/") -> Resource:
    config = {
        "Path": path,
        "RoleName": "orders",
        "AssumeRolePolicyDocument": trust if isinstance(trust, dict) and "Statement" in trust else trusted_by(trust),
        "PermissionsBoundary": boundary,
        "RolePolicyList": [{"PolicyName": f"p{i}", "PolicyDocument": d} for i, d in enumerate(inline)],
        "AttachedManagedPolicies": [
            {"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn, "PolicyDocument": d}
            for arn, d in (attached or {}).items()
        ],
    }
    arn = f"arn:aws:iam::123456789012:role{path}orders"
    return Resource("AWS::IAM::Role", arn, "orders", "123456789012", "us-east-1", config)


def bounded(policy: Any) -> dict[str, Any]:
    arn = "arn:aws:iam::123456789012:policy/boundary"
    return {"PermissionsBoundaryArn": arn, "PermissionsBoundaryType": "Policy", "PolicyDocument": policy}


def judged(resource: Resource) -> Finding | None:
    return judge_one(CONTROL, resource)


LOUD = {
    "inline": (role(ADMIN), {"p0"}),
    "attached": (role(LOGS, attached={ADMIN_ARN: ADMIN}), {ADMIN_ARN}),
    "customer-managed": (
        role(attached={"arn:aws:iam::123456789012:policy/own": ADMIN}),
        {"arn:aws:iam::123456789012:policy/own"},
    ),
    "twice": (role(ADMIN, attached={ADMIN_ARN: ADMIN}), {"p0", ADMIN_ARN}),
    "all actions by another name": (role(document(allow("*:*"))), {"p0"}),
    "hidden in a list": (role(document(allow(["s3:HeadBucket", "*"]))), {"p0"}),
    "a boundary that stops nothing": (role(ADMIN, boundary=bounded(ADMIN)), {"p0"}),
    "for Step Functions": (role(ADMIN, trust={"Service": ["states.eu-west-1.amazonaws.com"]}), {"p0"}),
    "for containers and a person": (
        role(ADMIN, trust={"Service": "ecs-tasks.amazonaws.com", "AWS": "arn:aws:iam::123456789012:user/x"}),
        {"p0"},
    ),
    "for everyone": (role(ADMIN, trust="*"), {"p0"}),
}

QUIET = {
    "few rights": role(LOGS),
    "no rights": role(),
    "all actions on one resource": role(document(allow("*", "arn:aws:s3:::uploads/*"))),
    "all of one service": role(document(allow("s3:*"))),
    "everything, refused again": role(document(allow("*"), {"Effect": "Deny", "Action": "*", "Resource": "*"})),
    "a boundary that stops it": role(ADMIN, boundary=bounded(LOGS)),
    "people's administrator role": role(ADMIN, trust={"AWS": "arn:aws:iam::123456789012:root"}),
    "people's role through an identity provider": role(
        ADMIN, trust={"Federated": "arn:aws:iam::123456789012:saml-provider/AWSSSO_x"}
    ),
    "a server's role": role(ADMIN, trust={"Service": "ec2.amazonaws.com"}),
    "a role of AWS's own": role(ADMIN, path="/aws-service-role/lambda.amazonaws.com/"),
    "a reserved role": role(ADMIN, path="/aws-reserved/sso.amazonaws.com/"),
}


@pytest.mark.parametrize("name", LOUD)
def test_administrators_are_found_with_the_policies_that_make_them(name: str) -> None:
    resource, policies = LOUD[name]
    found = judged(resource)
    assert found is not None and found.severity == "high"
    assert {item["Policy"] for item in found.evidence} == policies
    assert all(item["Reason"] for item in found.evidence)


@pytest.mark.parametrize("name", QUIET)
def test_what_only_looks_like_it_stays_quiet(name: str) -> None:
    assert judged(QUIET[name]) is None


UNKNOWN = {
    "an unreadable policy": role(LOGS, {"Unparsed": "{'Version'"}),
    "an unreadable policy under an unreadable trust": role({"Unparsed": "x"}, trust={"Statement": "x"}),
    "a boundary that is gone": role(ADMIN, boundary=bounded(None)),
    "an unreadable boundary": role(ADMIN, boundary=bounded({"Unparsed": "x"})),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_judged_is_said_and_never_quiet(name: str) -> None:
    found = judged(UNKNOWN[name])
    assert found is not None and found.severity == "low"
    assert all(item["Unknown"] and "Reason" not in item for item in found.evidence)


def test_an_administrator_beside_an_unreadable_policy_is_still_one() -> None:
    found = judged(role(ADMIN, {"Unparsed": "x"}))
    assert found is not None and found.severity == "high"


def test_an_unreadable_boundary_of_a_modest_role_does_not_matter() -> None:
    assert judged(role(LOGS, boundary=bounded({"Unparsed": "x"}))) is None
