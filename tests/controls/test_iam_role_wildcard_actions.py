"""Execution roles that may do everything in a service, and everything that only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from execution_roles import ADMIN, LOGS, allow, deny, document, own, role, when

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

CONTROL = "iam-role-wildcard-actions"
S3 = document(allow("s3:*"))
S3_OF_AWS = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
BUT_IAM = {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}


def judged(resource: Resource) -> Finding | None:
    return judge_one(CONTROL, resource)


LOUD: dict[str, tuple[Resource, list[tuple[str, str, int, list[str]]]]] = {
    "inline": (role(S3), [("p0", "inline", 0, ["s3:*"])]),
    "customer-managed": (role(attached={own("s3"): S3}), [(own("s3"), "customer", 0, ["s3:*"])]),
    "of AWS": (role(attached={S3_OF_AWS: S3}), [(S3_OF_AWS, "aws", 0, ["s3:*"])]),
    "two of them": (
        role(S3, attached={S3_OF_AWS: S3}),
        [("p0", "inline", 0, ["s3:*"]), (S3_OF_AWS, "aws", 0, ["s3:*"])],
    ),
    "upper case": (role(document(allow("S3:*"))), [("p0", "inline", 0, ["S3:*"])]),
    "two stars": (role(document(allow("dynamodb:**"))), [("p0", "inline", 0, ["dynamodb:**"])]),
    "among named actions": (
        role(document(allow("logs:PutLogEvents"), allow(["sqs:SendMessage", "sqs:*", "sns:*"]))),
        [("p0", "inline", 1, ["sqs:*", "sns:*"])],
    ),
    "all buckets": (role(document(allow("s3:*", "arn:aws:s3:::*"))), [("p0", "inline", 0, ["s3:*"])]),
    "all of one region": (
        role(document(allow("sqs:*", "arn:aws:sqs:us-east-1:123456789012:*"))),
        [("p0", "inline", 0, ["sqs:*"])],
    ),
    "all but one bucket": (
        role(document({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::vault/*"})),
        [("p0", "inline", 0, ["s3:*"])],
    ),
    "NotAction": (role(document(BUT_IAM)), [("p0", "inline", 0, ["*"])]),
    "all services without IAM and STS": (
        role(document(allow("*"), deny(["iam:*", "sts:*", "organizations:*"]))),
        [("p0", "inline", 0, ["*"])],
    ),
    "for whoever has MFA": (
        role(document(allow("s3:*", **when("Bool", "aws:SecureTransport", "true")))),
        [("p0", "inline", 0, ["s3:*"])],
    ),
    "in its own account": (
        role(document(allow("s3:*", **when("StringEquals", "aws:ResourceAccount", "123456789012")))),
        [("p0", "inline", 0, ["s3:*"])],
    ),
    "with a condition that is none": (
        role(document(allow("dynamodb:*", **when("StringLike", "dynamodb:LeadingKeys", "*")))),
        [("p0", "inline", 0, ["dynamodb:*"])],
    ),
    "some of it refused": (role(document(allow("s3:*"), deny("s3:Delete*"))), [("p0", "inline", 0, ["s3:*"])]),
    "a boundary that lets it through": (role(S3, boundary=document(allow("s3:*"))), [("p0", "inline", 0, ["s3:*"])]),
    "a boundary that lets one of two through": (
        role(document(allow(["s3:*", "sqs:*"])), boundary=document(allow(["sqs:*", "s3:GetObject"]))),
        [("p0", "inline", 0, ["sqs:*"])],
    ),
    "a boundary by NotAction": (role(S3, boundary=document(BUT_IAM)), [("p0", "inline", 0, ["s3:*"])]),
}

QUIET = {
    "named actions": role(LOGS),
    "a family of actions": role(document(allow(["s3:Get*", "s3:List*", "dynamodb:*Item"]))),
    "a pattern with one letter": role(document(allow("s3:?*Object"))),
    "one bucket": role(document(allow("s3:*", ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"]))),
    "buckets by prefix": role(document(allow("s3:*", "arn:aws:s3:::app-*"))),
    "all tables, and nothing else of DynamoDB": role(document(allow("dynamodb:*", "arn:aws:dynamodb:*:*:table/*"))),
    "another service's everything": role(document(allow("s3:*", "arn:aws:sqs:*:*:*"))),
    "what has a tag": role(document(allow("ec2:*", **when("StringEquals", "aws:ResourceTag/team", "shop")))),
    "its own rows": role(document(allow("dynamodb:*", **when("StringEquals", "dynamodb:LeadingKeys", "orders")))),
    "refused again": role(S3, document(deny("s3:*"))),
    "everything refused": role(S3, document(deny("*"))),
    "NotAction on one bucket": role(document({**BUT_IAM, "Resource": "arn:aws:s3:::uploads/*"})),
    "a Deny of everything else": role(LOGS, document({**BUT_IAM, "Effect": "Deny"})),
    "a boundary that stops it": role(S3, boundary=LOGS),
    "a boundary of families": role(S3, boundary=document(allow("s3:Get*"))),
    "a boundary with a Deny": role(S3, boundary=document(allow("s3:*"), deny("s3:*"))),
    "an administrator, who is another control's": role(ADMIN),
    "an administrator within a boundary": role(ADMIN, boundary=S3),
    "a person's role": role(S3, trust={"AWS": "arn:aws:iam::123456789012:root"}),
    "a server's role": role(S3, trust={"Service": "ec2.amazonaws.com"}),
    "a service-linked role": role(S3, path="/aws-service-role/lambda.amazonaws.com/"),
    "a reserved role": role(S3, path="/aws-reserved/sso.amazonaws.com/"),
}


@pytest.mark.parametrize("name", LOUD)
def test_it_is_found_statement_by_statement(name: str) -> None:
    resource, expected = LOUD[name]
    found = judged(resource)
    assert found is not None and found.severity == "medium"
    assert [(i["Policy"], i["Way"], i["Statement"], i["Actions"]) for i in found.evidence] == expected
    assert all(item["Reason"].endswith("on everything") for item in found.evidence)


@pytest.mark.parametrize("name", QUIET)
def test_what_only_looks_like_it_stays_quiet(name: str) -> None:
    assert judged(QUIET[name]) is None


@pytest.mark.parametrize(
    "broken", [{"Unparsed": "x"}, {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}], ids=["text", "half"]
)
def test_what_cannot_be_judged_is_said(broken: Any) -> None:
    for resource in (role(LOGS, broken), role(S3, boundary=broken)):
        found = judged(resource)
        assert found is not None and found.severity == "low"
        assert all(item["Unknown"] for item in found.evidence)


def test_who_else_uses_a_policy_is_said() -> None:
    resource = role(attached={own("s3"): S3})
    resource.config["AttachedManagedPolicies"][0]["UsedBy"] = ["role/returns", "user/ada"]
    found = judged(resource)
    assert found is not None and found.evidence[0]["UsedBy"] == ["role/returns", "user/ada"]
