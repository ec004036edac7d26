"""Principals, roles and policies that the tests of escalation share."""

from __future__ import annotations

from typing import Any

from iam_policies import allow, policy

from chalicelib.iam.documents import Document
from chalicelib.iam.escalation import escalations
from chalicelib.iam.paths import Path
from chalicelib.iam.roles import PassableRole

ME = "arn:aws:iam::123456789012:role/me"
ANN = "arn:aws:iam::123456789012:user/ann"
MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
CREATE = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]


def found(*documents: Document, **more: Any) -> set[str]:
    return {e.path for e in escalations(documents, **more)}


def needed(path: Path) -> list[str]:
    return [need.any_of[-1] for need in path.needs]


def trust(service: str = "lambda.amazonaws.com", **more: Any) -> Document:
    who = more.pop("who", {"Service": service})
    return policy({"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole", **more}, kind="trust")


def role(name: str, *documents: Document, trusts: Document | None = None, boundary: Any = None) -> PassableRole:
    return PassableRole(f"arn:aws:iam::123456789012:role/{name}", documents, boundary, trusts or trust())


ADMIN = role("admin", policy(allow()))
READER = role("reader", policy(allow("s3:Get*")))
