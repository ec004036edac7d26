"""The small accounts in which schedules are played: a resource or three, and the risks that somebody makes on them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from remembered import client
from world import ACCOUNT, REGION, package

from chalicelib.aws.deployment import Packaged, _packaged

FUNCTION, ROLE = "AWS::Lambda::Function", "AWS::IAM::Role"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/suture-boundary"
OTHER_REGION = "eu-west-1"

Calls = Sequence[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True, eq=False)
class Problem:
    """One risk: how somebody makes it, mends it, deletes the resource or changes something else about it."""

    kind: str
    id: str
    control: str
    runbook: str
    wound: Calls
    heal: Calls
    touch: Calls
    gone: Calls
    quorum: tuple[int, tuple[str, ...]] = (1, ("owner",))
    region: str = REGION
    seen: bool = True
    """Did Suture see the resource without this risk?"""


@dataclass(frozen=True, eq=False)
class SmallWorld:
    name: str
    problems: tuple[Problem, ...]
    seed: Callable[[], Any]
    regions: tuple[str, ...] = (REGION,)
    services: tuple[str, ...] = ("lambda", "iam")


def _document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _trusts(principal: Any) -> str:
    return _document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def _role(name: str) -> None:
    trusted = _trusts({"Service": "lambda.amazonaws.com"})
    client("iam", REGION).create_role(RoleName=name, AssumeRolePolicyDocument=trusted)


def _function(name: str, region: str = REGION) -> None:
    functions = client("lambda", region)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}-role",
        Handler="app.handler",
        Code={"ZipFile": b"PK\x05\x06" + b"\x00" * 18},
    )
    source = {"SourceArn": "arn:aws:s3:::shop-uploads", "SourceAccount": ACCOUNT}
    grant = {"FunctionName": name, "StatementId": "from-bucket", "Action": "lambda:InvokeFunction", **source}
    functions.add_permission(**grant, Principal="s3.amazonaws.com")


def _grant(name: str, sid: str) -> tuple[str, Mapping[str, Any]]:
    anyone = {"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "*"}
    return "lambda:AddPermission", {"FunctionName": name, **anyone}


def grants(name: str, region: str = REGION) -> Problem:
    """A function that everyone may invoke, through two statements: two calls, and everybody agrees to them."""
    return Problem(
        FUNCTION,
        name,
        "lambda-policy-public",
        "lambda-remove-public-grants",
        wound=(_grant(name, "one"), _grant(name, "two")),
        heal=tuple(("lambda:RemovePermission", {"FunctionName": name, "StatementId": s}) for s in ("one", "two")),
        touch=(("lambda:UpdateFunctionConfiguration", {"FunctionName": name, "Timeout": 21}),),
        gone=(("lambda:DeleteFunction", {"FunctionName": name}),),
        region=region,
    )


def url(name: str) -> Problem:
    """A function URL without authentication: one call."""
    anyone = {"StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "Principal": "*"}
    return Problem(
        FUNCTION,
        name,
        "lambda-url-public",
        "lambda-require-url-auth",
        wound=(
            ("lambda:CreateFunctionUrlConfig", {"FunctionName": name, "AuthType": "NONE"}),
            ("lambda:AddPermission", {"FunctionName": name, **anyone, "FunctionUrlAuthType": "NONE"}),
        ),
        heal=(("lambda:DeleteFunctionUrlConfig", {"FunctionName": name}),),
        touch=(("lambda:UpdateFunctionConfiguration", {"FunctionName": name, "Timeout": 22}),),
        gone=(("lambda:DeleteFunction", {"FunctionName": name}),),
    )


def trust(name: str) -> Problem:
    """A role that everyone may assume: people of the owner's group decide."""
    anyone, root = {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    return Problem(
        ROLE,
        name,
        "iam-trust-public",
        "iam-narrow-trust",
        wound=(("iam:UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": _trusts(anyone)}),),
        heal=(("iam:UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": _trusts(root)}),),
        touch=(("iam:UpdateRole", {"RoleName": name, "Description": "moved", "MaxSessionDuration": 7200}),),
        gone=(("iam:DeleteRole", {"RoleName": name}),),
    )


def contain(name: str) -> Problem:
    """A role that is administrator: two people, one of security."""
    admin = _document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    inline = {"RoleName": name, "PolicyName": "inline"}
    return Problem(
        ROLE,
        name,
        "iam-role-admin",
        "iam-contain-role",
        wound=(("iam:PutRolePolicy", {**inline, "PolicyDocument": admin}),),
        heal=(("iam:DeleteRolePolicy", inline),),
        touch=(("iam:UpdateRole", {"RoleName": name, "Description": "moved", "MaxSessionDuration": 7200}),),
        gone=(("iam:DeleteRolePolicy", inline), ("iam:DeleteRole", {"RoleName": name})),
        quorum=(2, ("security", "owner")),
    )


def _regional() -> None:
    _role("orders-role")
    _function("orders")
    _function("orders", OTHER_REGION)


def _one_function() -> None:
    _role("orders-role")
    _function("orders")


def _three() -> None:
    _one_function()
    _role("open")
    _boundary()
    _role("admin")


def _boundary() -> None:
    document = _document({"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
    client("iam", REGION).create_policy(PolicyName="suture-boundary", PolicyDocument=document)


def _contained() -> None:
    _boundary()
    _role("admin")


WORLDS: Mapping[str, SmallWorld] = {
    w.name: w
    for w in (
        SmallWorld("grants", (grants("orders"),), _one_function),
        SmallWorld("url", (url("orders"),), _one_function),
        SmallWorld("trust", (trust("open"),), lambda: _role("open")),
        SmallWorld("contain", (contain("admin"),), _contained),
        SmallWorld("both", (grants("orders"), url("orders")), _one_function),
        SmallWorld("regions", (grants("orders"), grants("orders", OTHER_REGION)), _regional, (REGION, OTHER_REGION)),
        SmallWorld("three", (grants("orders"), trust("open"), contain("admin")), _three),
    )
}


@cache
def packaged() -> Packaged:
    """What is packaged, as the tests package it."""
    with tempfile.TemporaryDirectory() as folder:
        package(Path(folder))
        return _packaged(Path(folder))
