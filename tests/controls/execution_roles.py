"""Roles as their reader gives them, for the tables of the controls that judge execution roles."""

from __future__ import annotations

from typing import Any

from chalicelib.model import Resource

ACCOUNT = "123456789012"
LAMBDA = {"Service": "lambda.amazonaws.com"}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def when(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


ADMIN = document(allow("*"))
LOGS = document(allow(["logs:CreateLogStream", "logs:PutLogEvents"]))


def own(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{name}"


def managed(arn: str, found: Any, **more: Any) -> dict[str, Any]:
    """An attached policy; a customer's own is in its only version and used by nobody else, unless `more` says so."""
    plain = {"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn, "PolicyDocument": found}
    customers = {"DefaultVersionId": "v1", "VersionIds": ["v1"], "UsedBy": []}
    return {**plain, **({} if ":aws:policy/" in arn else customers), **more}


def role(*inline: Any, attached: Any = None, boundary: Any = None, trust: Any = LAMBDA, path: str = "/") -> Resource:
    statement = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
    limit = {"PermissionsBoundaryArn": own("boundary"), "PermissionsBoundaryType": "Policy"}
    config = {
        "Path": path,
        "RoleName": "orders",
        "AssumeRolePolicyDocument": document(statement),
        "PermissionsBoundary": None if boundary is None else {**limit, "PolicyDocument": boundary},
        "RolePolicyList": [{"PolicyName": f"p{i}", "PolicyDocument": d} for i, d in enumerate(inline)],
        "AttachedManagedPolicies": [managed(arn, d) for arn, d in (attached or {}).items()],
    }
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}orders"
    return Resource("AWS::IAM::Role", arn, "orders", ACCOUNT, "us-east-1", config)
