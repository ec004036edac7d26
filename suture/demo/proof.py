"""The demo's claims, checked after the fact with plain boto3 reads by an administrator who is not Suture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.model import Json

from .shop import DEBUGGED, PASSWORD, Shop


def differences(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> list[str]:
    """Where AWS is not in the state that the story claims, as sentences; empty when it is."""
    return [problem for check in _CHECKS for problem in check(shop, cases)]


def _orders(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    if (sids := _sids(shop, "shop-orders")) != ["from-bucket"]:
        yield f"shop-orders should keep the grant for S3 alone, and has {sids}"


def _site(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    url = _read(shop, "lambda").get_function_url_config(FunctionName="shop-site")
    if url["AuthType"] != "NONE":
        yield f"the undone URL of shop-site should be NONE again, and is {url['AuthType']}"
    if url["FunctionUrl"] != shop.site_url:
        yield "the URL of shop-site should have kept its host name"


def _password(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    listed = _read(shop, "secretsmanager").list_secrets()["SecretList"]
    names = [s["Name"] for s in listed if "shop-payments" in s["Name"]]
    if len(names) != 1 or _value(shop, f"{DEBUGGED}-role", names[0]) != PASSWORD:
        yield f"the password should be in one secret that shop-payments may read, and there are {len(names)}"
    if any(_value(shop, "deployer", name) for name in names):
        yield "nobody but shop-payments should read its secret, and an administrator may"
    variables = _read(shop, "lambda").get_function_configuration(FunctionName="shop-payments")["Environment"]
    if variables["Variables"].get("DB_PASSWORD") != PASSWORD:
        yield "the variable of shop-payments should be as it was until its owner removes it"
    if not variables["Variables"].get("DB_PASSWORD_SECRET_ARN", "").startswith("arn:aws:secretsmanager:"):
        yield "shop-payments should have the ARN of its secret beside the old variable"
    iam = _read(shop, "iam")
    policies = iam.list_role_policies(RoleName="shop-payments-role")["PolicyNames"]
    if not any(name.startswith("suture-read-") for name in policies):
        yield f"the role of shop-payments should be let to read its secret, and has {policies}"
    if PASSWORD in json.dumps(cases) or PASSWORD in json.dumps(_table(shop)):
        yield "the password should be in no case and in no item of the table, and is"
    if PASSWORD in shop.stage.said_in_slack():
        yield "the password should be in nothing that Slack was told, and is"


def _payments(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    bound = _read(shop, "iam").get_role(RoleName="shop-payments-role")["Role"].get("PermissionsBoundary", {})
    if not bound.get("PermissionsBoundaryArn", "").startswith(f"arn:aws:iam::{shop.account}:policy/suture-"):
        yield f"shop-payments-role should carry Suture's boundary, and has {bound or 'none'}"


def _reports(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    trust = _read(shop, "iam").get_role(RoleName="shop-reports-role")["Role"]["AssumeRolePolicyDocument"]
    principals = [s["Principal"] for s in trust["Statement"]]
    if principals != [{"Service": "lambda.amazonaws.com"}]:
        yield f"shop-reports-role should trust Lambda alone, and trusts {principals}"


def _stage(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    stage = _read(shop, "apigateway").get_stage(restApiId=shop.api_id, stageName="live")
    if stage.get("accessLogSettings") or stage.get("methodSettings") or stage.get("tracingEnabled"):
        yield "the stage should be untouched, since its fix was rejected"


def _uploads(shop: Shop, cases: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    if (sids := _sids(shop, "shop-uploads")) != ["from-bucket", "public-upload"]:
        yield f"shop-uploads should be left to its owner with both grants, and has {sids}"


_CHECKS = (_orders, _site, _password, _payments, _reports, _stage, _uploads)


def _value(shop: Shop, who: str, secret: str) -> str:
    """What a secret holds, as far as `who` may read it."""
    try:
        return str(shop.stage.client(who, "secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return ""


def _sids(shop: Shop, function: str) -> list[str]:
    policy = json.loads(_read(shop, "lambda").get_policy(FunctionName=function)["Policy"])
    return sorted(s["Sid"] for s in policy["Statement"])


def _table(shop: Shop) -> list[Mapping[str, Json]]:
    pages = _read(shop, "dynamodb").get_paginator("scan").paginate(TableName=shop.stage.ready["table"])
    return [item for page in pages for item in page["Items"]]


def _read(shop: Shop, service: str) -> Any:
    return shop.stage.client("deployer", service)
