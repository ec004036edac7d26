"""Secrets in environments: found with their name and never with their value; references stay quiet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.controls import judge_one
from chalicelib.model import Hidden, Resource

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
CONTROL = "lambda-env-plaintext-secret"
PASSWORD = "white" + "duke" + "-7Tr0ub"
KEY = "AKIA" + "Z7Q4M2LX" + "W3RT6YPA"


def entry(qualifier: str, version: str | None = None, /, **variables: str) -> dict[str, Any]:
    hidden = {name: Hidden(value) for name, value in variables.items()}
    return {
        "Qualifier": qualifier,
        "FunctionVersion": version or qualifier,
        "Environment": {"Variables": hidden} if hidden else {},
        "Policy": None,
        "FunctionUrl": None,
    }


def function(*entries: Any) -> Resource:
    return Resource("AWS::Lambda::Function", ARN, "orders", "123456789012", "us-east-1", {"Qualifiers": list(entries)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", PASSWORD),
        ("AWS_KEY", KEY),
        ("DATABASE_URL", f"postgres://app:{PASSWORD}@db.internal/app"),
    ],
)
def test_secrets_are_found_and_their_values_stay_inside(name: str, value: str) -> None:
    found = judge_one(CONTROL, function(entry("$LATEST", **{name: value, "STAGE": "prod"})))
    assert found is not None and found.severity == "high"
    assert [(i["Qualifier"], i["Name"], i["First"]) for i in found.evidence] == [(None, name, True)]
    assert name in found.title
    told = json.dumps([found.title, list(found.evidence)])
    assert value not in told and PASSWORD not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"),
        ("SECRET_NAME", "prod/db"),
        ("DB_PASSWORD", "{{resolve:secretsmanager:db:SecretString:password}}"),
        ("DB_PASSWORD", "changeme"),
        ("DB_PASSWORD", ""),
        ("PASSWORD_FIELD", "password"),
        ("TABLE", "app-prod-OrdersTable-1A2B3C4D5E6F"),
        ("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/orders"),
    ],
)
def test_references_and_placeholders_stay_quiet(name: str, value: str) -> None:
    assert judge_one(CONTROL, function(entry("$LATEST", **{name: value}))) is None


def test_no_environment_is_quiet() -> None:
    assert judge_one(CONTROL, function(entry("$LATEST"))) is None


def test_a_published_version_keeps_an_old_secret_and_names_the_aliases_that_point_at_it() -> None:
    found = judge_one(
        CONTROL,
        function(
            entry("$LATEST"),
            entry("7", DB_PASSWORD=PASSWORD),
            entry("prod", "7", DB_PASSWORD=PASSWORD),
            entry("live", "7", DB_PASSWORD=PASSWORD),
        ),
    )
    assert found is not None
    assert [(i["Qualifier"], i["Aliases"]) for i in found.evidence] == [("7", ["live", "prod"])]


def test_the_same_value_in_several_versions_is_stored_once() -> None:
    found = judge_one(
        CONTROL,
        function(
            entry("$LATEST", DB_PASSWORD=PASSWORD),
            entry("7", DB_PASSWORD=PASSWORD),
            entry("8", DB_PASSWORD=PASSWORD + "x"),
        ),
    )
    assert found is not None
    assert [(i["Qualifier"], i["First"]) for i in found.evidence] == [(None, True), ("7", False), ("8", True)]


def test_an_environment_that_cannot_be_decrypted_is_unknown_not_clean() -> None:
    denied = {**entry("$LATEST"), "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no"}}}
    found = judge_one(CONTROL, function(denied))
    assert found is not None and found.severity == "low"
    assert found.evidence == (
        {"Qualifier": None, "Unknown": "AWS did not decrypt the environment: AccessDeniedException"},
    )
