"""Which trust policies let strangers in through an identity provider, or let nobody assume at all."""

from __future__ import annotations

from typing import Any

import pytest
from reaching import OWN, verdict

GITHUB = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
GITLAB = f"arn:aws:iam::{OWN}:oidc-provider/gitlab.com"
TERRAFORM = f"arn:aws:iam::{OWN}:oidc-provider/app.terraform.io"
EKS = f"arn:aws:iam::{OWN}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC"


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
        # Anybody may call a workflow or an environment what he likes, and put that first into his subjects
        (
            GITHUB,
            {"StringEquals": {"token.actions.githubusercontent.com:sub": "workflow:ci:repo:acme/app:ref:main"}},
            "federated-unbound",
        ),
        (
            GITHUB,
            {"StringEquals": {"token.actions.githubusercontent.com:sub": "environment:production"}},
            "federated-unbound",
        ),
        (
            GITHUB,
            {"StringLike": {"token.actions.githubusercontent.com:sub": "repository_owner:acme:environment:*"}},
            "private",
        ),
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
