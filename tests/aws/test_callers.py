"""What the account says has a service call a function: found exactly, and never called complete without being so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from calling import ARN, CALLERS, SENT, TRIED, function, http_api, path_of, rest_api
from holders import ACCOUNT, REGION
from moto import mock_aws

from chalicelib.aws.clients import Clients
from chalicelib.aws.readers import _callers
from chalicelib.aws.readers._callers import callers
from chalicelib.errors import Denied, Gone, Invalid, Throttled
from suture.sandbox import mends

PROD = f"{ARN}:prod"


class Told(Clients):
    """An account in moto that answers some operations otherwise, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        super().__init__(ACCOUNT, REGION)
        self.answers, self.asked = dict(answers or {}), []  # type: ignore[var-annotated]

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(name)
        answer = self.answers.get(name)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is not None else super().call(name, parameters)


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    mends.apply()
    with mock_aws():
        yield


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def made(kind: str, name: str, target: str = ARN) -> dict[str, str]:
    """A caller of that kind, with the functions where it cannot be made without. Answers with its source."""
    if kind in TRIED and not client("lambda").list_functions()["Functions"]:
        function(client)
        function(client, "orders-2")
    return CALLERS[kind].make(client, name, target)


def loose(*services: str, arn: str = ARN) -> dict[str, Any]:
    basic = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    return {
        "Version": "2012-10-17",
        "Statement": [{**basic, "Sid": s, "Principal": {"Service": f"{s}.amazonaws.com"}} for s in services],
    }


def said(service: str, told: Mapping[str, Any] | None = None) -> tuple[bool, list[tuple[str, dict[str, str]]]]:
    """What is said of one service that may call the function and its alias: complete, and each ARN's conditions."""
    found = callers(Told(told), {ARN: loose(service), PROD: loose(service, arn=PROD)})[f"{service}.amazonaws.com"]
    shown = [(one["FunctionArn"], {k: v for k, v in one.items() if k.startswith("Source")}) for one in found["Sources"]]
    return found["Complete"], shown


TARGETS = {ARN: ARN, PROD: PROD, f"{ARN}:$LATEST": ARN}


UNMADE = {("config rule", f"{ARN}:$LATEST"), ("secret", PROD)}
"""AWS Config takes no such ARN, and moto's Secrets Manager would run an alias in a container."""


@pytest.mark.parametrize(("kind", "target"), sorted({(k, t) for k in CALLERS for t in TARGETS} - UNMADE))
def test_the_caller_is_found_by_the_name_it_uses(kind: str, target: str) -> None:
    source = made(kind, "first", target)
    assert said(CALLERS[kind].service) == (True, [(TARGETS[target], source)])


@pytest.mark.parametrize("kind", CALLERS)
def test_all_of_several_are_found_beside_those_of_others(kind: str) -> None:
    service, _, several = CALLERS[kind]
    made(kind, "other", f"{ARN}-2")
    assert said(service) == (True, [])
    sources = [made(kind, name) for name in ("first", "second")][: 2 if several else 1]
    complete, found = said(service)
    by_arn = sorted((ARN, str(source)) for source in sources)
    assert complete and sorted({(arn, str(source)) for arn, source in found}) == by_arn


LISTS: dict[str, tuple[str, str, Any, int]] = {
    "apigateway:GetRestApis": ("apigateway", "items", {"id": "a"}, 10),
    "apigatewayv2:GetApis": ("apigateway", "Items", {"ApiId": "a"}, 20),
    "elbv2:DescribeTargetGroups": (
        "elasticloadbalancing",
        "TargetGroups",
        {"TargetType": "lambda", "TargetGroupArn": "a"},
        100,
    ),
    "cognito-idp:ListUserPools": ("cognito-idp", "UserPools", {"Id": "a"}, 50),
    "secretsmanager:ListSecrets": ("secretsmanager", "SecretList", {"ARN": "a"}, 1000),
    "config:DescribeConfigRules": ("config", "ConfigRules", {"ConfigRuleArn": "a", "Source": {}}, 250),
    "logs:DescribeLogGroups": ("logs", "logGroups", {"logGroupName": "a", "arn": "a"}, 50),
    "cloudwatch:DescribeAlarms": ("lambda.alarms.cloudwatch", "MetricAlarms", {"AlarmArn": "a"}, 1000),
    "iot:ListTopicRules": ("iot", "rules", {"ruleName": "a", "ruleArn": "a"}, 50),
}
"""For each list: whom it is asked for, where its items are, one of them, and how many are looked at."""
LOOKS: dict[str, Mapping[str, Any]] = {
    "apigateway:GetResources": {},
    "apigateway:GetAuthorizers": {},
    "apigatewayv2:GetIntegrations": {},
    "apigatewayv2:GetAuthorizers": {},
    "elbv2:DescribeTargetHealth": {},
    "cognito-idp:DescribeUserPool": {"UserPool": {"Arn": "a"}},
    "logs:DescribeSubscriptionFilters": {},
    "iot:GetTopicRule": {"rule": {}},
}
"""What is asked of each item, answered as of one that calls nobody."""


@pytest.mark.parametrize("operation", LISTS)
def test_more_than_is_looked_at_is_not_complete_and_not_looked_at(operation: str) -> None:
    service, key, item, most = LISTS[operation]
    assert said(service, {**LOOKS, operation: {key: [item] * most}}) == (True, [])
    crowded = Told({**LOOKS, operation: {key: [item] * (most + 1)}})
    assert callers(crowded, {ARN: loose(service)}) == {f"{service}.amazonaws.com": {"Complete": False, "Sources": []}}
    assert not set(crowded.asked) & set(LOOKS)


@pytest.mark.parametrize("error", [Denied("no", code="AccessDenied"), Invalid("no", code="Odd")])
@pytest.mark.parametrize("operation", [*LISTS, "ses:DescribeActiveReceiptRuleSet", "logs:DescribeAccountPolicies"])
def test_a_list_that_is_refused_is_not_complete(operation: str, error: Exception) -> None:
    service = LISTS[operation][0] if operation in LISTS else operation.split(":")[0]
    assert said(service, {operation: error}) == (False, [])


LOOKED_AT = {
    "apigateway:GetResources": "rest api",
    "apigateway:GetAuthorizers": "rest authorizer",
    "apigatewayv2:GetIntegrations": "http api",
    "apigatewayv2:GetAuthorizers": "http authorizer",
    "elbv2:DescribeTargetHealth": "target group",
    "cognito-idp:DescribeUserPool": "user pool",
    "logs:DescribeSubscriptionFilters": "log group",
    "iot:GetTopicRule": "topic rule",
}


@pytest.mark.parametrize("operation", LOOKED_AT)
def test_what_may_not_be_looked_at_is_not_complete_and_what_goes_meanwhile_is(operation: str) -> None:
    service = CALLERS[LOOKED_AT[operation]].service
    made(LOOKED_AT[operation], "first")
    assert said(service, {operation: Denied("no", code="AccessDenied")}) == (False, [])
    assert said(service, {operation: Gone("no", code="NotFound")}) == (True, [])


@pytest.mark.parametrize("operation", [*LISTS, *LOOKED_AT])
def test_an_unwell_service_fails_the_read(operation: str) -> None:
    kind = LOOKED_AT.get(operation)
    if kind:
        made(kind, "first")
    service = CALLERS[kind].service if kind else LISTS[operation][0]
    with pytest.raises(Throttled):
        said(service, {operation: Throttled("later", code="Throttling")})


STAGED = {
    "${stageVariables.fn}": False,
    f"{ARN}:${{stageVariables.alias}}": False,
    f"{ARN.removesuffix('orders')}${{stageVariables.fn}}": False,
    f"{ARN}-2:${{stageVariables.alias}}": True,
    f"arn:aws:lambda:{REGION}:210987654321:function:${{stageVariables.fn}}": True,
}
"""Names with a stage variable, and whether none of what it may hold can be the function."""


@pytest.mark.parametrize("name", STAGED)
def test_a_stage_variable_may_hold_the_functions_name(name: str) -> None:
    rest_api(client, "staged", name)
    assert said("apigateway") == (STAGED[name], [])
    http_api(client, "staged", path_of(name))
    assert said("apigateway") == (STAGED[name], [])


def test_a_variable_in_an_ordinary_address_is_no_function() -> None:
    http_api(client, "staged", "https://${stageVariables.host}/pets")
    assert said("apigateway") == (True, [])


def test_an_integration_with_a_role_of_its_own_needs_no_grant() -> None:
    rest_api(client, "roled", ARN, credentials=f"arn:aws:iam::{ACCOUNT}:role/caller")
    assert said("apigateway") == (True, [])


def test_an_invoke_by_its_parameters_may_name_any_function() -> None:
    http_api(client, "action", f"arn:aws:apigateway:{REGION}:lambda:action/Invoke")
    assert said("apigateway") == (False, [])


def test_streamed_answers_come_by_a_path_of_their_own() -> None:
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2021-11-15/functions/{ARN}/response-streaming-invocations"
    http_api(client, "streamed", uri)
    ((_, source),) = said("apigateway")[1]
    assert source["SourceArn"].startswith(SENT)


def test_an_api_of_more_resources_than_a_page_is_not_complete() -> None:
    rest_api(client, "big", ARN)
    complete, _ = said("apigateway", {"apigateway:GetResources": {"items": [], "position": "next"}})
    assert not complete


def test_a_log_group_that_takes_no_subscription_is_not_asked() -> None:
    group = {"logGroupName": "a", "arn": "a", "logGroupClass": "INFREQUENT_ACCESS"}
    aws = Told({"logs:DescribeLogGroups": {"logGroups": [group] * 60}})
    assert callers(aws, {ARN: loose("logs")})["logs.amazonaws.com"]["Complete"]
    assert "logs:DescribeSubscriptionFilters" not in aws.asked


def test_an_error_action_is_an_action() -> None:
    rule = {"rule": {"actions": [], "errorAction": {"lambda": {"functionArn": ARN}}}}
    listed = {"rules": [{"ruleName": "a", "ruleArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/a"}]}
    answers = {"iot:ListTopicRules": listed, "iot:GetTopicRule": rule}
    assert said("iot", answers) == (True, [(ARN, {"SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:rule/a"})])


def test_a_composite_alarm_is_an_alarm() -> None:
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:both"
    alarms = {"CompositeAlarms": [{"AlarmArn": arn, "InsufficientDataActions": [PROD]}]}
    answers = {"cloudwatch:DescribeAlarms": alarms}
    assert said("lambda.alarms.cloudwatch", answers) == (True, [(PROD, {"SourceArn": arn})])


def test_a_service_in_one_region_is_asked_under_the_name_that_the_grant_has() -> None:
    source = made("every log group", "first")
    found = callers(Told(), {ARN: loose(f"logs.{REGION}")})
    assert found == {
        f"logs.{REGION}.amazonaws.com": {"Complete": True, "Sources": [{"FunctionArn": ARN, **source}]},
    }


def test_the_secrets_that_a_function_rotates_are_named_and_bound_by_the_account() -> None:
    made("secret", "first")
    (one,) = callers(Told(), {ARN: loose("secretsmanager")})["secretsmanager.amazonaws.com"]["Sources"]
    assert one["SourceAccount"] == ACCOUNT and ":secret:first-" in one["Caller"] and "SourceArn" not in one
    rotated = {"SecretList": [{"ARN": "a"}, {"ARN": "b", "RotationLambdaARN": PROD}]}
    assert said("secretsmanager", {"secretsmanager:ListSecrets": rotated}) == (
        True,
        [(PROD, {"SourceAccount": ACCOUNT})],
    )


def test_each_service_is_asked_by_one_family_and_only_for_its_own_grant() -> None:
    families = _callers._FAMILIES
    services = [service for family in families for service in family.ASKERS]
    assert len(services) == len(set(services))
    for family in families:
        others = {o for other in families if other is not family for o in other.OPERATIONS}
        assert not others & set(family.OPERATIONS)
        for service in family.ASKERS:
            aws = Told()
            callers(aws, {ARN: loose(service.removesuffix(".amazonaws.com"))})
            assert aws.asked and set(aws.asked) <= set(family.OPERATIONS)
