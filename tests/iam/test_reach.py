"""Who can reach it: tables of open and closed policies, near misses beside them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from iam_policies import grant, policy

from chalicelib.iam.reach import Trust, reach, reach_of

OWN, OTHER = "123456789012", "999999999999"
TRUST = Trust(
    account=OWN,
    accounts=frozenset({"111122223333"}),
    org_ids=frozenset({"o-own"}),
    org_paths=frozenset({"o-part/r-1/ou-2/*"}),
    vpcs=frozenset({"vpc-own"}),
    vpc_endpoints=frozenset({"vpce-own"}),
)
GITHUB = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
GITLAB = f"arn:aws:iam::{OWN}:oidc-provider/gitlab.com"
TERRAFORM = f"arn:aws:iam::{OWN}:oidc-provider/app.terraform.io"
EKS = f"arn:aws:iam::{OWN}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC"


def verdict(principal: Any, condition: dict[str, Any] | None = None, kind: str = "resource", **more: Any) -> str:
    block = {"Condition": condition} if condition else {}
    return reach(policy(grant(principal, **block, **more), kind=kind), TRUST).verdict


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", "public"),
        ({"AWS": "*"}, "public"),
        ({"AWS": ["*"]}, "public"),
        ({"AWS": [f"arn:aws:iam::{OWN}:root", "*"]}, "public"),
        ({"AWS": "arn:aws:iam::*:root"}, "public"),
        ({"AWS": "arn:aws:iam::12345678901?:root"}, "public"),
        ({"CanonicalUser": "*"}, "public"),
        ({"CanonicalUser": "arn:aws:iam::*:root"}, "public"),
        ({"AWS": OWN}, "private"),
        (OWN, "private"),
        ({"AWS": "111122223333"}, "private"),
        ({"AWS": f"arn:aws-us-gov:iam::{OWN}:role/x"}, "private"),
        ({"AWS": f"arn:aws:sts::{OWN}:assumed-role/r/s"}, "private"),
        ({"AWS": "AROAEXAMPLEEXAMPLE12"}, "private"),
        ({"AWS": OTHER}, "external"),
        ({"AWS": [OWN, f"arn:aws:iam::{OTHER}:user/eve"]}, "external"),
        ({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}, "unknown"),
        ({"CanonicalUser": "ab" * 32}, "unknown"),
        ({"Service": "s3.amazonaws.com"}, "service-unbound"),
        ({"Federated": f"arn:aws:iam::{OTHER}:saml-provider/corp"}, "external"),
        ({"Federated": f"arn:aws:iam::{OWN}:saml-provider/corp"}, "private"),
    ],
)
def test_principals(principal: Any, expected: str) -> None:
    assert verdict(principal) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # What fixes the caller, to somebody trusted or not
        ({"StringEquals": {"aws:PrincipalOrgID": "o-own"}}, "private"),
        ({"StringEquals": {"AWS:PRINCIPALORGID": ["o-own"]}}, "private"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-other"}}, "external"),
        ({"StringEquals": {"aws:PrincipalOrgID": ["o-own", "o-other"]}}, "external"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-own/r-1/*"}}, "private"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/r-1/ou-2/ou-3/*"}}, "private"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/*/ou-2/*"}}, "private"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/r-1/*"}}, "external"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/r-1/ou-22/*"}}, "external"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-else/r-1/ou-2/*"}}, "external"),
        ({"StringEquals": {"aws:PrincipalAccount": OWN}}, "private"),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, "external"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN}:*"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OTHER}:*"}}, "external"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:apigateway:us-east-1::/restapis/a1"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{OTHER}"}}, "external"),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}}, "private"),
        ({"StringEquals": {"aws:SourceVpc": "vpc-own"}}, "private"),
        ({"StringEquals": {"aws:SourceVpce": "vpce-other"}}, "external"),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "external"),
        ({"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}}, "unknown"),
        ({"StringEquals": {"lambda:EventSourceToken": "token-1"}}, "unknown"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}, "Null": {"aws:PrincipalOrgID": "false"}}, "private"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-own", "aws:PrincipalAccount": OTHER}}, "private"),
        (
            {"StringEquals": {"aws:PrincipalAccount": OTHER}, "StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}},
            "external",
        ),
        (
            {"StringEquals": {"aws:SourceAccount": OTHER}, "Bool": {"aws:PrincipalIsAWSService": "true"}},
            "external",
        ),
        # Where a subscription may deliver to is as good as who may take it
        ({"StringLike": {"sns:Endpoint": "*@example.com"}}, "external"),
        ({"StringEquals": {"sns:Endpoint": f"arn:aws:sqs:us-east-1:{OWN}:jobs"}}, "private"),
        ({"StringEquals": {"sns:Endpoint": f"arn:aws:sqs:us-east-1:{OTHER}:jobs"}}, "external"),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, "service-unbound"),
        # What looks like it and fixes nobody
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, "public"),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, "public"),
        ({"StringEquals": {"aws:PrincipalOrgID": ["o-own", "*"]}}, "public"),
        ({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}, "public"),
        ({"StringEquals": {"aws:PrincipalOrgID": []}}, "public"),
        ({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-own"}}, "public"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}}, "public"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}, "Null": {"aws:PrincipalOrgID": "true"}}, "public"),
        ({"StringNotEquals": {"aws:PrincipalAccount": OTHER}}, "public"),
        ({"StringSounds": {"aws:PrincipalAccount": OWN}}, "public"),
        ({"StringEquals": {"aws:ResourceAccount": OWN}}, "public"),
        ({"StringEquals": {"aws:ResourceOrgID": "o-own"}}, "public"),
        ({"StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}}, "public"),
        ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, "public"),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, "public"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "public"),
        ({"StringLike": {"aws:Referer": "https://example.com/*"}}, "public"),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, "public"),
        ({"StringEquals": {"sts:ExternalId": "x"}}, "public"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, "public"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, "public"),
        ({"StringEquals": {"aws:SourceArn": "arn:aws:iam:::user/me"}}, "public"),
        ({"StringLike": {"sns:Endpoint": "*@*.com"}}, "public"),
        ({"StringLike": {"sns:Endpoint": "https://*"}}, "public"),
        ({"StringLike": {"sns:Endpoint": "arn:aws:sqs:us-east-1:*:jobs"}}, "public"),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Org"}}, "public"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-1/*"}}, "public"),
        ({"StringLike": {"aws:userid": "*:session"}}, "public"),
        ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, "public"),
        # Address ranges: broader than /8, adjacent ones, an eighth of the internet together, no range at all
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "::/0"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.1", "0.0.0.0/0"]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "8.0.0.0/7"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "8.0.0.0/8"}}, "external"),
        ({"IpAddress": {"aws:SourceIp": ["8.0.0.0/8", "9.0.0.0/8"]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": [f"{i}.0.0.0/8" for i in range(1, 64, 2)]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": [f"{i}.0.0.0/8" for i in range(1, 63, 2)]}}, "external"),
        ({"IpAddress": {"aws:SourceIp": "*"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, "external"),
        ({"IpAddress": {"aws:SourceIp": "2001::/16"}}, "public"),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "public"),
        ({"StringEquals": {"aws:SourceIp": "192.0.2.1"}}, "public"),
    ],
)
def test_conditions_on_everyone(condition: dict[str, Any], expected: str) -> None:
    assert verdict("*", condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": OWN}}, "private"),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, "external"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:events:us-east-1:{OWN}:rule/*"}}, "private"),
        ({"StringEquals": {"aws:SourceOrgID": "o-own"}}, "private"),
        ({"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}}, "private"),
        ({"StringLike": {"aws:SourceAccount": "*"}}, "service-unbound"),
        ({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}, "service-unbound"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "service-unbound"),
    ],
)
def test_conditions_on_a_service(condition: dict[str, Any], expected: str) -> None:
    assert verdict({"Service": "s3.amazonaws.com"}, condition) == expected


@pytest.mark.parametrize(
    ("provider", "condition", "expected"),
    [
        (GITHUB, None, "federated-unbound"),
        (
            GITHUB,
            {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
            "federated-unbound",
        ),
        (GITHUB, {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}}, "federated-unbound"),
        (GITHUB, {"StringLike": {"token.actions.githubusercontent.com:sub": "*"}}, "federated-unbound"),
        (GITHUB, {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme*"}}, "federated-unbound"),
        (GITHUB, {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*/app:*"}}, "federated-unbound"),
        (
            GITHUB,
            {"StringLike": {"token.actions.githubusercontent.com:sub": ["repo:acme/app:*", "repo:*"]}},
            "federated-unbound",
        ),
        (
            GITHUB,
            {"StringLikeIfExists": {"token.actions.githubusercontent.com:sub": "repo:acme/app:*"}},
            "federated-unbound",
        ),
        (
            GITHUB,
            {"StringLike": {"token.actions.githubusercontent.com:job_workflow_ref": "acme/w@*"}},
            "federated-unbound",
        ),
        (GITHUB, {"StringLike": {"gitlab.com:sub": "repo:acme/app:*"}}, "federated-unbound"),
        (GITHUB, {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/app:*"}}, "private"),
        (GITHUB, {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}}, "private"),
        (GITHUB, {"StringEquals": {"token.actions.githubusercontent.com:repository_owner": "acme"}}, "private"),
        (GITLAB, {"StringLike": {"gitlab.com:sub": "project_path:*"}}, "federated-unbound"),
        (GITLAB, {"StringLike": {"gitlab.com:sub": "project_path:acme/*"}}, "private"),
        (TERRAFORM, {"StringLike": {"app.terraform.io:sub": "organization:*"}}, "federated-unbound"),
        (TERRAFORM, {"StringLike": {"app.terraform.io:sub": "organization:acme:project:*"}}, "private"),
        (EKS, None, "federated-unbound"),
        (
            EKS,
            {"StringEquals": {"oidc.eks.us-east-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:a:b"}},
            "private",
        ),
        (EKS, {"StringEquals": {"oidc.eks.us-east-1.amazonaws.com/id/ABC:aud": "sts.amazonaws.com"}}, "private"),
        ("cognito-identity.amazonaws.com", None, "federated-unbound"),
        (
            "cognito-identity.amazonaws.com",
            {"StringEquals": {"cognito-identity.amazonaws.com:aud": "p"}},
            "federated-unbound",
        ),
        (
            "cognito-identity.amazonaws.com",
            {
                "StringEquals": {"cognito-identity.amazonaws.com:aud": "pool"},
                "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
            },
            "private",
        ),
        ("accounts.google.com", {"StringEquals": {"accounts.google.com:aud": "app"}}, "federated-unbound"),
        ("accounts.google.com", {"StringEquals": {"accounts.google.com:sub": "1"}}, "private"),
    ],
)
def test_identity_providers(provider: str, condition: dict[str, Any] | None, expected: str) -> None:
    assert verdict({"Federated": provider}, condition, "trust", action="sts:AssumeRoleWithWebIdentity") == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("sts:AssumeRole", "public"),
        ("sts:*", "public"),
        ("*", "public"),
        ("STS:Assume*", "public"),
        (["sts:TagSession", "sts:AssumeRole"], "public"),
        ("sts:TagSession", "private"),
    ],
)
def test_a_trust_must_let_assume(action: Any, expected: str) -> None:
    assert verdict("*", kind="trust", action=action) == expected


EVERYONE_BUT = {"StringNotEquals": {"aws:PrincipalOrgID": "o-own"}}


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        ({"Principal": "*", "Action": "sqs:*"}, "private"),
        ({"Principal": "*", "NotAction": "s3:*"}, "private"),
        ({"Principal": "*", "Action": "*", "Condition": EVERYONE_BUT}, "private"),
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}},
            },
            "private",
        ),
        (
            {"Principal": "*", "Action": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-other"}}},
            "external",
        ),
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {**EVERYONE_BUT, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
            },
            "service-unbound",
        ),
        ({"NotPrincipal": {"AWS": f"arn:aws:iam::{OWN}:role/x"}, "Action": "*"}, "private"),
        # Near misses: a Deny that leaves strangers in
        ({"Principal": "*", "Action": "sqs:ReceiveMessage"}, "public"),
        ({"Principal": "*", "Action": "*", "Resource": "arn:aws:sqs:::other"}, "public"),
        ({"Principal": {"AWS": OTHER}, "Action": "*"}, "public"),
        ({"Principal": "*", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, "public"),
        ({"Principal": "*", "Action": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-own"}}}, "public"),
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgID": "o-own"}},
            },
            "public",
        ),
        (
            {"Principal": "*", "Action": "*", "Condition": {**EVERYONE_BUT, "Bool": {"aws:SecureTransport": "false"}}},
            "public",
        ),
        ({"NotPrincipal": {"AWS": "*"}, "Action": "*"}, "public"),
        (
            {
                "NotPrincipal": {"AWS": f"arn:aws:iam::{OWN}:role/x"},
                "Action": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            "public",
        ),
        ({"Principal": "*", "Action": "*", "Resource": "arn:aws:sqs:::${aws:username}"}, "public"),
        # Unsigned requests have no aws:PrincipalIsAWSService: without IfExists the Deny does not meet them
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {**EVERYONE_BUT, "Bool": {"aws:PrincipalIsAWSService": "false"}},
            },
            "public",
        ),
    ],
)
def test_a_deny_takes_away_what_it_covers(deny: dict[str, Any], expected: str) -> None:
    document = policy(grant("*"), {"Effect": "Deny", **deny}, kind="resource")
    assert reach(document, TRUST).verdict == expected


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        ({"Principal": {"AWS": OTHER}, "Action": "*"}, "private"),
        ({"Principal": {"AWS": OTHER}, "Action": "*", "Condition": EVERYONE_BUT}, "private"),
        (
            {"Principal": {"AWS": OTHER}, "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            "external",
        ),
        ({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:role/x"}, "Action": "*"}, "external"),
        # Whom a Deny leaves alone matters only where the Allow names it
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {**EVERYONE_BUT, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
            },
            "private",
        ),
        (
            {"Principal": "*", "Action": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
            "external",
        ),
    ],
)
def test_a_deny_of_the_same_principal(deny: dict[str, Any], expected: str) -> None:
    document = policy(grant({"AWS": f"arn:aws:iam::{OTHER}:root"}), {"Effect": "Deny", **deny}, kind="resource")
    assert reach(document, TRUST).verdict == expected


def test_not_principal_with_allow_is_everyone() -> None:
    document = policy({"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "*"}, kind="resource")
    assert reach(document, TRUST).verdict == "public"


def test_each_statement_has_its_own_answer_and_the_worst_is_the_document_s() -> None:
    document = policy(
        grant({"AWS": OWN}, Sid="Mine"),
        grant({"AWS": [OWN, OTHER]}, Sid="Theirs"),
        grant("*", Sid="All"),
        kind="resource",
    )
    answer = reach(document, TRUST)
    assert [(s.index, s.sid, s.verdict) for s in answer.statements] == [
        (0, "Mine", "private"),
        (1, "Theirs", "external"),
        (2, "All", "public"),
    ]
    assert answer.verdict == "public"
    assert answer.statements[1].principals == (OTHER,)
    assert answer.reasons == (answer.statements[2].reason,)
    assert answer.reasons[0].startswith('Statement 3 "All": anyone on the internet may use sqs:SendMessage')


def test_a_reason_says_why_a_condition_did_not_help() -> None:
    [reason] = reach(
        policy(grant("*", Condition={"StringEquals": {"aws:ResourceAccount": OWN}}), kind="resource")
    ).reasons
    assert "it is about the resource, not about the caller" in reason


def test_an_empty_policy_and_a_broken_one() -> None:
    assert reach(policy(kind="resource"), TRUST).verdict == "private"
    broken = reach_of('{"Statement": [{"Effect": "Al', "resource", TRUST)
    assert broken.verdict == "unknown"
    assert "cannot be read" in broken.reasons[0]


def test_without_trust_every_account_is_foreign() -> None:
    assert reach(policy(grant({"AWS": OWN}), kind="resource")).verdict == "external"


def test_thousands_of_statements_and_long_lists_take_bounded_time() -> None:
    begun = time.process_time()
    many = policy(*[grant("*", f"sqs:A{i}") for i in range(3000)], kind="resource")
    assert reach(many, TRUST).verdict == "public"
    denied = [{"Effect": "Deny", "Principal": "*", "Action": f"s*:*B{i}*?"} for i in range(2000)]
    guarded = policy(*[grant("*", f"sqs:A{i}*") for i in range(2000)], *denied, kind="resource")
    assert reach(guarded, TRUST).verdict == "public"
    assert time.process_time() - begun < 5
