"""Roles that several functions run with, and those that only look like it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from execution_roles import ADMIN, LOGS, allow, deny, document, own, role

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
VPC = document(
    allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "ec2:CreateNetworkInterface"]),
    allow(["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"]),
)
ORDERS = document(allow("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/orders"))


def shared(of: Resource, *functions: str) -> Resource:
    return replace(of, type="Suture::Lambda::SharedRole", config={**of.config, "Functions": list(functions)})


def judged(resource: Resource) -> Finding | None:
    return judge_one("lambda-shared-role", resource)


LOUD: dict[str, tuple[Resource, str]] = {
    "logs alone": (shared(role(LOGS), "a", "b"), "low"),
    "logs and network of AWS's policy": (shared(role(attached={BASIC: VPC}), "a", "b"), "low"),
    "nothing at all": (shared(role(), "a", "b"), "low"),
    "bounded to logs": (shared(role(ADMIN, boundary=LOGS), "a", "b"), "low"),
    "logs, and a Deny": (shared(role(LOGS, document(deny("s3:*"))), "a", "b"), "low"),
    "a table": (shared(role(LOGS, ORDERS), "a", "b"), "medium"),
    "an administrator": (shared(role(ADMIN), "a", "b", "c"), "medium"),
    "all of logs": (shared(role(document(allow("logs:*"))), "a", "b"), "medium"),
    "a customer's policy": (shared(role(attached={own("p"): ORDERS}), "a", "b"), "medium"),
    "a policy that nobody can read": (shared(role(LOGS, {"Statement": 7}), "a", "b"), "medium"),
    "a boundary that is gone": (shared(role(ADMIN, boundary={"Unparsed": "x"}), "a", "b"), "medium"),
}


@pytest.mark.parametrize("name", LOUD)
def test_a_role_of_several_functions_is_found(name: str) -> None:
    resource, severity = LOUD[name]
    found = judged(resource)
    assert found is not None
    (item,) = found.evidence
    assert found.severity == severity
    assert item["Functions"] == resource.config["Functions"] and item["Count"] == len(item["Functions"])
    assert bool(item["More"]) is (severity == "medium")


QUIET: dict[str, Resource] = {
    "one function": shared(role(ADMIN), "a"),
    "none any more": shared(role(ADMIN)),
    "a service-linked role": shared(role(ADMIN, path="/aws-service-role/x.amazonaws.com/"), "a", "b"),
    "a reserved role": shared(role(ADMIN, path="/aws-reserved/sso.amazonaws.com/"), "a", "b"),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_only_one_function_uses_is_not(name: str) -> None:
    assert judged(QUIET[name]) is None


def test_a_crowd_is_counted_and_the_first_are_named() -> None:
    found = judged(shared(role(LOGS), *(f"f{n:03}" for n in range(120))))
    assert found is not None
    item: Any = found.evidence[0]
    assert item["Count"] == 120 and len(item["Functions"]) == 50
