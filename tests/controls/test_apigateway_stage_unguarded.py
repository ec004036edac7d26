"""Stages without throttling, access log or tracing, and limits that only look like some."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

LOG = {"destinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:access", "format": "$context.requestId"}
ACCOUNT = {"throttleSettings": {"rateLimit": 10000.0, "burstLimit": 5000}}
THROTTLED = {"throttlingRateLimit": 100.0, "throttlingBurstLimit": 50}


def judged(throttle: Any = THROTTLED, **more: Any) -> Finding | None:
    config = {
        "stageName": "prod",
        "restApiId": "a1",
        "methodSettings": {} if throttle is None else {"*/*": throttle},
        "accessLogSettings": LOG,
        "tracingEnabled": True,
        "Account": ACCOUNT,
        **more,
    }
    arn = "arn:aws:apigateway:us-east-1::/restapis/a1/stages/prod"
    resource = Resource("AWS::ApiGateway::Stage", arn, "a1/prod", "123456789012", "us-east-1", config)
    return judge_one("apigateway-stage-unguarded", resource)


def test_a_guarded_stage_is_quiet() -> None:
    assert judged() is None
    assert judged({"throttlingRateLimit": 0.0, "throttlingBurstLimit": 0}) is None


@pytest.mark.parametrize(
    "throttle",
    [
        None,
        {},
        {"throttlingRateLimit": -1.0, "throttlingBurstLimit": -1},
        {"throttlingRateLimit": 10000.0, "throttlingBurstLimit": 5000},
        {"throttlingRateLimit": 50000.0, "throttlingBurstLimit": 50},
        {"throttlingRateLimit": 100.0, "throttlingBurstLimit": 5000},
        {"throttlingRateLimit": 100.0},
    ],
)
def test_no_limit_below_the_account_is_no_throttling(throttle: Any) -> None:
    found = judged(throttle)
    assert found is not None and found.severity == "medium"
    assert [item["Missing"] for item in found.evidence] == [["throttling"]]


def test_the_accounts_own_limit_decides() -> None:
    small = {"throttleSettings": {"rateLimit": 80.0, "burstLimit": 40}}
    assert judged(Account=small) is not None
    assert judged(Account={}) is None


def test_a_limit_on_one_method_is_none_on_the_stage() -> None:
    assert judged(methodSettings={"orders/GET": THROTTLED}) is not None


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"accessLogSettings": None}, ["access-log"]),
        ({"accessLogSettings": {"format": "$context.requestId"}}, ["access-log"]),
        ({"tracingEnabled": False}, ["tracing"]),
        ({"accessLogSettings": None, "tracingEnabled": None}, ["access-log", "tracing"]),
    ],
)
def test_each_missing_guard_is_named(change: Any, missing: list[str]) -> None:
    found = judged(**change)
    assert found is not None
    assert found.evidence == ({"Missing": missing, "Rate": 100.0, "Burst": 50},)
