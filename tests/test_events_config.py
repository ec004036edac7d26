"""AWS Config: items in their four shapes, oversized ones, deletions, and the events of a custom rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import BadEvent
from chalicelib.events import config_item, read

ACCOUNT, REGION = "123456789012", "eu-west-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
STAGE_ARN = f"arn:aws:apigateway:{REGION}::/restapis/a1/stages/v1"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/r"
SAMPLES = Path(__file__).parents[1] / "../shared/samples/config"

needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="recorded Config items: needs ../shared/samples")


def item(kind: str = "AWS::Lambda::Function", arn: str = FUNCTION_ARN, **more: Any) -> dict[str, Any]:
    return {
        "configurationItemVersion": "1.3",
        "configurationItemCaptureTime": "2026-11-20T10:00:00.000Z",
        "configurationItemStatus": "OK",
        "configurationStateId": 1,
        "awsAccountId": ACCOUNT,
        "ARN": arn,
        "resourceType": kind,
        "resourceId": "shop",
        "resourceName": "shop",
        "awsRegion": REGION,
        "configuration": {"functionName": "shop"},
        **more,
    }


def change_envelope(notice: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "env-1",
        "detail-type": "Config Configuration Item Change",
        "source": "aws.config",
        "account": ACCOUNT,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [],
        "detail": {"recordVersion": "1.3", "messageType": "ConfigurationItemChangeNotification", **notice},
    }


HISTORY = {
    "version": "1.3",
    "accountId": ACCOUNT,
    "arn": FUNCTION_ARN,
    "awsRegion": REGION,
    "resourceType": "AWS::Lambda::Function",
    "resourceId": "shop",
    "configurationItemStatus": "OK",
    "configurationItemCaptureTime": "2026-11-20T10:00:00.000Z",
    "configuration": '{"functionName":"shop"}',
}
ROW = {"configuration": {"functionName": "shop", "functionArn": FUNCTION_ARN, "timeout": 60.0}}
STAGE_ROW = {"resourceId": STAGE_ARN, "accountId": ACCOUNT, "configuration": {"stageName": "v1"}}


@pytest.mark.parametrize(
    ("event", "resource_type", "resource_id"),
    [
        (
            change_envelope({"configurationItem": item(), "configurationItemDiff": None}),
            "AWS::Lambda::Function",
            "shop",
        ),
        (change_envelope({"configurationItemSummary": item()}), "AWS::Lambda::Function", "shop"),
        (item(), "AWS::Lambda::Function", "shop"),
        (HISTORY, "AWS::Lambda::Function", "shop"),
        (ROW, "AWS::Lambda::Function", "shop"),
        (STAGE_ROW, "AWS::ApiGateway::Stage", "a1/v1"),
        (item("AWS::IAM::Role", ROLE_ARN, resourceId="AROAX", resourceName="r"), "AWS::IAM::Role", "r"),
        (item("AWS::IAM::Role", "", resourceId="AROAX", resourceName="r"), "AWS::IAM::Role", "r"),
        (
            item("AWS::IAM::Policy", f"arn:aws:iam::{ACCOUNT}:policy/p", resourceId="ANPAX"),
            "AWS::IAM::ManagedPolicy",
            f"arn:aws:iam::{ACCOUNT}:policy/p",
        ),
        (item("AWS::ApiGateway::Stage", STAGE_ARN, resourceId=STAGE_ARN), "AWS::ApiGateway::Stage", "a1/v1"),
        (item("AWS::ApiGateway::Stage", "", resourceId=STAGE_ARN), "AWS::ApiGateway::Stage", "a1/v1"),
    ],
)
def test_every_shape_says_where_to_look(event: dict[str, Any], resource_type: str, resource_id: str) -> None:
    (change,) = read(event).changes
    assert (change.resource_type, change.resource_id) == (resource_type, resource_id)
    assert (change.account, change.via, change.created, change.deleted) == (ACCOUNT, "config", False, False)
    assert change.region == ("us-east-1" if "IAM" in resource_type else REGION)
    assert change.principal is None


@pytest.mark.parametrize("status", ["ResourceDeleted", "ResourceDeletedNotRecorded"])
def test_deletions_are_marked_and_a_new_recorders_discoveries_are_no_creations(status: str) -> None:
    assert read(item(configurationItemStatus=status, configuration=None)).changes[0].deleted
    diff = {"changeType": "CREATE", "changedProperties": {}}
    found = read(
        change_envelope(
            {"configurationItem": item(configurationItemStatus="ResourceDiscovered"), "configurationItemDiff": diff}
        )
    )
    assert not found.changes[0].created


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (
            item("AWS::EC2::Instance", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"),
            "no control reads AWS::EC2::Instance",
        ),
        (item(configurationItemStatus="ResourceNotRecorded"), "does not record"),
        (change_envelope({"messageType": "ScheduledNotification"}), "without an item"),
        (item(awsAccountId="999999999999"), "its ARN of"),
        ({"configuration": {"arn": "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"}}, "names no resource of ours"),
        ({"resourceId": STAGE_ARN, "configuration": {}}, "names no account"),
    ],
)
def test_items_about_nothing_of_ours_are_ignored_with_their_reason(event: dict[str, Any], why: str) -> None:
    reading = read(event)
    assert reading.changes == ()
    assert why in reading.ignored


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (change_envelope({"configurationItem": "text"}), "configurationItem is a str"),
        (item("AWS::ApiGateway::Stage", "", resourceId="x", resourceName="v1"), "names no resource"),
        (item("AWS::IAM::Role", "", resourceName=None), "names no resource"),
        (item(ARN="", awsAccountId=None), "no account and region"),
    ],
)
def test_items_that_name_nothing_are_refused(event: dict[str, Any], what: str) -> None:
    with pytest.raises(BadEvent, match=what):
        read(event)


def rule_event(notice: Any, **more: Any) -> dict[str, Any]:
    return {
        "version": "1.0",
        "invokingEvent": json.dumps(notice) if not isinstance(notice, str) else notice,
        "ruleParameters": "{}",
        "resultToken": "token",
        "eventLeftScope": False,
        "configRuleName": "suture",
        "accountId": ACCOUNT,
        **more,
    }


def test_a_rules_event_with_an_item() -> None:
    found = config_item(rule_event({"messageType": "ConfigurationItemChangeNotification", "configurationItem": item()}))
    assert (found.resource_type, found.resource_id, found.arn) == ("AWS::Lambda::Function", "shop", FUNCTION_ARN)
    assert (found.account, found.region, found.status) == (ACCOUNT, REGION, "OK")
    assert (found.capture_time, found.result_token, found.rule) == ("2026-11-20T10:00:00.000Z", "token", "suture")
    assert not (found.left_scope or found.deleted or found.is_scheduled)
    assert found.change is not None
    assert found.change.resource_id == "shop"


def test_a_rules_event_keeps_configs_own_id_for_the_answer() -> None:
    role = item("AWS::IAM::Role", ROLE_ARN, resourceId="AROAX", resourceName="r")
    found = config_item(rule_event({"messageType": "ConfigurationItemChangeNotification", "configurationItem": role}))
    assert found.resource_id == "AROAX"
    assert found.change is not None
    assert found.change.resource_id == "r"


def test_an_oversized_item_is_its_summary() -> None:
    message = "OversizedConfigurationItemChangeNotification"
    found = config_item(rule_event({"messageType": message, "configurationItemSummary": item()}))
    assert (found.message, found.resource_id) == (message, "shop")
    assert found.change is not None


def test_a_schedule_names_no_resource() -> None:
    notice = {"messageType": "ScheduledNotification", "awsAccountId": ACCOUNT, "notificationCreationTime": "2026-11-20"}
    found = config_item(rule_event(notice))
    assert (found.is_scheduled, found.account, found.capture_time) == (True, ACCOUNT, "2026-11-20")
    assert found.change is None
    assert read(rule_event(notice)).changes == ()


@pytest.mark.parametrize("left", [True, "true", "True"])
def test_what_left_the_scope_and_what_is_deleted_says_so(left: Any) -> None:
    gone = item(configurationItemStatus="ResourceDeleted", configuration=None)
    notice = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": gone}
    found = config_item(rule_event(notice, eventLeftScope=left))
    assert found.left_scope
    assert found.deleted


def test_a_type_that_no_reader_knows_has_no_place_to_look() -> None:
    bucket = item("AWS::EC2::Instance", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1")
    found = config_item(rule_event({"messageType": "ConfigurationItemChangeNotification", "configurationItem": bucket}))
    assert found.resource_type == "AWS::EC2::Instance"
    assert found.change is None


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"invokingEvent": None},
        {"invokingEvent": 7},
        {"invokingEvent": "not json"},
        {"invokingEvent": "[" * 100_000},
        {"invokingEvent": "[]"},
        rule_event({"messageType": "ConfigurationItemChangeNotification"}),
        rule_event({"messageType": "ScheduledNotification"}, resultToken=7),
    ],
)
def test_rule_events_that_cannot_be_read_are_refused(event: dict[str, Any]) -> None:
    with pytest.raises(BadEvent) as caught:
        config_item(event)
    assert caught.value.next_step


@needs_samples
def test_recorded_rule_events_and_items_are_all_read() -> None:
    for path in sorted(SAMPLES.glob("rule-invocation--*.json")):
        found = config_item(json.loads(path.read_text()))
        assert found.is_scheduled or (found.resource_type and found.resource_id and found.capture_time), path.name
    for path in sorted(SAMPLES.glob("*item*.json")):
        reading = read(json.loads(path.read_text())) if "rds-cluster" not in path.name else None
        assert reading is None or bool(reading.changes) != bool(reading.ignored), path.name


@pytest.mark.parametrize("event", ["text", ["a list"], 7])
def test_a_rule_event_that_is_no_object_is_refused(event: Any) -> None:
    with pytest.raises(BadEvent, match="not an object"):
        config_item(event)
