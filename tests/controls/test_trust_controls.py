"""Trust in strangers' pipelines, in other accounts and in services that act for everyone: found, narrowed, undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playing import ACCOUNT, OTHER, REGION, Account, allow, fresh_account, policy, refused

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

TYPE = "AWS::IAM::Role"
ARN = f"arn:aws:iam::{ACCOUNT}:role/orders"
OIDC, EXTERNAL, DEPUTY = "iam-trust-oidc-open", "iam-trust-external", "iam-trust-confused-deputy"
PROVIDERS = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
GITHUB, GITLAB = "token.actions.githubusercontent.com", "gitlab.com"
LAMBDA = {"Service": "lambda.amazonaws.com"}


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        yield made


def role(account: Account, *statements: Any) -> Resource:
    account.client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(policy(*statements)))
    return account.read(TYPE, "orders")


def trust(principal: Any, action: str = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return allow(principal, action, **more)


def oidc(host: str, operator: str = "StringEquals", **claims: Any) -> dict[str, Any]:
    conditions = {operator: {f"{host}:{claim}": value for claim, value in claims.items()}} if claims else None
    return trust({"Federated": PROVIDERS + host}, "sts:AssumeRoleWithWebIdentity", Condition=conditions)


def judged(control: str, *statements: Any, arn: str = ARN) -> Finding | None:
    config = {"RoleName": "orders", "AssumeRolePolicyDocument": policy(*statements)}
    return judge_one(control, Resource(TYPE, arn, "orders", ACCOUNT, REGION, config))


def when(key: str, value: Any, operator: str = "StringEquals") -> dict[str, Any]:
    return {operator: {key: value}}


LOUD = {
    "GitHub, every repository": (OIDC, oidc(GITHUB, aud="sts.amazonaws.com")),
    "GitHub, any organisation": (OIDC, oidc(GITHUB, "StringLike", sub="repo:*")),
    "GitHub, without conditions": (OIDC, oidc(GITHUB)),
    "GitHub, if there is a subject": (OIDC, oidc(GITHUB, "StringEqualsIfExists", sub="repo:acme/shop:*")),
    "GitLab, any project": (OIDC, oidc(GITLAB, "StringLike", sub="project_path:*")),
    "Terraform Cloud, any organisation": (OIDC, oidc("app.terraform.io", "StringLike", sub="organization:*")),
    "a generic provider, anybody": (OIDC, oidc("sso.example.com")),
    "Bitbucket, without audience": (OIDC, oidc("api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc")),
    "CircleCI, without audience": (OIDC, oidc("oidc.circleci.com/org/0b0b0b0b-0000-4000-8000-000000000000")),
    "another account": (EXTERNAL, trust({"AWS": OTHER})),
    "a role of another account": (EXTERNAL, trust({"AWS": "arn:aws:iam::210987654321:role/x"})),
    "an external id, if there is one": (
        EXTERNAL,
        trust({"AWS": OTHER}, Condition=when("sts:ExternalId", "x", "StringEqualsIfExists")),
    ),
    "any external id": (EXTERNAL, trust({"AWS": OTHER}, Condition=when("sts:ExternalId", "*", "StringLike"))),
    "every external id but one": (
        EXTERNAL,
        trust({"AWS": OTHER}, Condition=when("sts:ExternalId", "x", "StringNotEquals")),
    ),
    "signed in with MFA": (
        EXTERNAL,
        trust({"AWS": OTHER}, Condition=when("aws:MultiFactorAuthPresent", "true", "Bool")),
    ),
    "the scheduler": (DEPUTY, trust({"Service": "scheduler.amazonaws.com"})),
    "pipes beside a function": (DEPUTY, trust({"Service": ["pipes.amazonaws.com", "lambda.amazonaws.com"]})),
    "flow logs of any account": (
        DEPUTY,
        trust({"Service": "vpc-flow-logs.amazonaws.com"}, Condition=when("aws:SourceAccount", "*", "StringLike")),
    ),
}
QUIET = {
    "GitHub, one organisation": (OIDC, oidc(GITHUB, "StringLike", sub="repo:acme/*")),
    "GitHub, one branch": (OIDC, oidc(GITHUB, sub="repo:acme/shop:ref:refs/heads/main", aud="sts.amazonaws.com")),
    "GitLab, one project": (OIDC, oidc(GITLAB, "StringLike", sub="project_path:acme/shop:*")),
    "Terraform Cloud, one organisation": (OIDC, oidc("app.terraform.io", "StringLike", sub="organization:acme:*")),
    "a cluster's service account": (
        OIDC,
        oidc("oidc.eks.eu-west-1.amazonaws.com/id/ABC", sub="system:serviceaccount:shop:orders"),
    ),
    "a service is no provider": (OIDC, trust({"Service": "scheduler.amazonaws.com"})),
    "the account itself": (EXTERNAL, trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    "an external id": (EXTERNAL, trust({"AWS": OTHER}, Condition=when("sts:ExternalId", "x-1"))),
    "an organisation": (EXTERNAL, trust({"AWS": OTHER}, Condition=when("aws:PrincipalOrgID", "o-abcdefghij"))),
    "everyone is another control's": (EXTERNAL, trust("*")),
    "a refusal": (EXTERNAL, trust({"AWS": OTHER}, Effect="Deny")),
    "an ordinary function's role": (DEPUTY, trust(LAMBDA)),
    "a machine's role": (DEPUTY, trust({"Service": "ec2.amazonaws.com"})),
    "the scheduler of this account": (
        DEPUTY,
        trust({"Service": "scheduler.amazonaws.com"}, Condition=when("aws:SourceAccount", ACCOUNT)),
    ),
    "one rule": (
        DEPUTY,
        trust(
            {"Service": "events.amazonaws.com"},
            Condition=when("aws:SourceArn", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/x", "ArnEquals"),
        ),
    ),
}


@pytest.mark.parametrize("name", LOUD)
def test_strangers_are_found(name: str) -> None:
    control, statement = LOUD[name]
    found = judged(control, trust(LAMBDA), statement)
    assert found is not None
    assert [(item["Index"], item["Statement"]) for item in found.evidence] == [(1, statement)]
    assert found.evidence[0]["Principals"] and found.evidence[0]["Reason"]


@pytest.mark.parametrize("name", QUIET)
def test_those_who_are_meant_are_quiet(name: str) -> None:
    control, statement = QUIET[name]
    assert judged(control, trust(LAMBDA), statement) is None


@pytest.mark.parametrize("control", [OIDC, EXTERNAL, DEPUTY])
def test_a_trust_that_cannot_be_judged_is_said(control: str) -> None:
    found = judged(control, {"Effect": "Perhaps"})
    assert found is not None and found.severity == "low" and found.evidence[0]["Unknown"]


@pytest.mark.parametrize("path", ["aws-service-role/x.amazonaws.com", "aws-reserved/sso.amazonaws.com"])
def test_roles_of_aws_are_left_alone(path: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{path}/orders"
    assert judged(DEPUTY, trust({"Service": "scheduler.amazonaws.com"}), arn=arn) is None


def test_an_open_provider_leaves_and_the_others_stay(account: Account) -> None:
    named = oidc(GITLAB, "StringLike", sub="project_path:acme/shop:*")
    before = role(account, trust(LAMBDA), oidc(GITHUB, aud="sts.amazonaws.com"), named)
    _, fixed = account.fixed_and_undone("iam-remove-open-federation", OIDC, before)
    assert fixed.config["AssumeRolePolicyDocument"]["Statement"] == [trust(LAMBDA), named]


def test_another_account_leaves_and_the_own_one_stays(account: Account) -> None:
    own = f"arn:aws:iam::{ACCOUNT}:root"
    before = role(account, trust({"AWS": [own, OTHER]}), trust({"AWS": OTHER}, Sid="bare"))
    _, fixed = account.fixed_and_undone("iam-remove-external-trust", EXTERNAL, before)
    assert fixed.config["AssumeRolePolicyDocument"]["Statement"] == [trust({"AWS": [own]})]


def test_services_come_for_this_account_only(account: Account) -> None:
    both = trust({"Service": ["scheduler.amazonaws.com", "lambda.amazonaws.com"]}, Sid="run")
    before = role(account, both, trust({"Service": "states.amazonaws.com"}))
    _, fixed = account.fixed_and_undone("iam-bind-service-trust", DEPUTY, before)
    bound = when("aws:SourceAccount", ACCOUNT)
    assert fixed.config["AssumeRolePolicyDocument"]["Statement"] == [
        {**both, "Principal": {"Service": ["lambda.amazonaws.com"]}},
        {**both, "Sid": "runOwnAccount", "Principal": {"Service": ["scheduler.amazonaws.com"]}, "Condition": bound},
        trust({"Service": "states.amazonaws.com"}, Condition=bound),
    ]


@pytest.mark.parametrize(
    ("runbook", "control", "statement"),
    [
        ("iam-remove-open-federation", OIDC, oidc(GITHUB)),
        ("iam-remove-external-trust", EXTERNAL, trust({"AWS": OTHER})),
    ],
)
def test_a_trust_that_would_be_empty_is_escalated(account: Account, runbook: str, control: str, statement: Any) -> None:
    refusal = refused(runbook, control, role(account, statement))
    assert refusal.kind == "escalate" and "nobody would be left" in refusal.why
