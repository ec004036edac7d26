"""AWS Config is answered from a fresh read, whatever shape it asks in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from world import ACCOUNT, REGION, World, function, role

from chalicelib import compliance
from chalicelib.errors import Throttled
from chalicelib.events import config_item

AT = "2026-11-23T12:00:00.000Z"


class Config:
    """Stands in for AWS Config, which moto takes no evaluations for without a rule; everything else is moto's."""

    def __init__(self, w: World) -> None:
        self._real, self.calls, self.answer = w.d.clients, [], {}
        w.d.__dict__["clients"] = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def call(self, name: str, parameters: Any) -> Any:
        if name != "config:PutEvaluations":
            return self._real.call(name, parameters)
        self.calls.append(parameters)
        return self.answer


def item(name: str = "orders", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AWS::Lambda::Function",
        "resourceId": name,
        "resourceName": name,
        "ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        "awsAccountId": ACCOUNT,
        "awsRegion": REGION,
        "configurationItemCaptureTime": AT,
        "configurationItemStatus": "OK",
        **more,
    }


def ask(notice: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"invokingEvent": json.dumps(notice), "resultToken": "token", "configRuleName": "suture", **more}


def changed(found: dict[str, Any]) -> dict[str, Any]:
    return {"messageType": "ConfigurationItemChangeNotification", "configurationItem": found}


def evaluate(w: World, event: dict[str, Any]) -> list[dict[str, Any]]:
    config = Config(w)
    compliance.evaluate(w.d, event)
    return [e for c in config.calls for e in c["Evaluations"]]


@pytest.fixture
def public(w: World) -> World:
    client = function("orders")
    client.add_permission(FunctionName="orders", StatementId="oops", Action="lambda:InvokeFunction", Principal="*")
    return w


@pytest.mark.parametrize(
    "notice",
    [
        changed(item()),
        changed(item(configuration={"functionName": "other"})),
        changed({**item(), "arn": item()["ARN"], "accountId": ACCOUNT}),
        {"messageType": "OversizedConfigurationItemChangeNotification", "configurationItemSummary": item()},
    ],
)
def test_every_shape_of_item_is_judged_by_a_fresh_read(public: World, notice: dict[str, Any]) -> None:
    (answer,) = evaluate(public, ask(notice))
    assert answer["ComplianceType"] == "NON_COMPLIANT"
    assert answer["ComplianceResourceId"] == "orders" and answer["OrderingTimestamp"] == AT
    assert "lambda-policy-public" in answer["Annotation"] and len(answer["Annotation"]) <= 256


def test_what_holds_is_compliant(w: World) -> None:
    function("orders")
    (answer,) = evaluate(w, ask(changed(item())))
    assert answer["ComplianceType"] == "COMPLIANT" and "Annotation" not in answer


@pytest.mark.parametrize(
    ("found", "more"),
    [
        (item(), {"eventLeftScope": True}),
        (item(configurationItemStatus="ResourceDeleted"), {}),
        (item(configurationItemStatus="ResourceDeletedNotRecorded"), {}),
        (item(configurationItemStatus="ResourceNotRecorded"), {}),
        (item("gone"), {}),
        (item(awsRegion="eu-west-1", ARN="", resourceName="orders"), {}),
        (item(awsAccountId="999999999999", ARN=""), {}),
        ({**item(), "resourceType": "AWS::EC2::Instance"}, {}),
        ({**item(), "resourceType": "AWS::IAM::Policy", "ARN": f"arn:aws:iam::{ACCOUNT}:policy/p"}, {}),
    ],
)
def test_what_is_not_ours_to_judge_is_not_applicable(public: World, found: dict[str, Any], more: Any) -> None:
    (answer,) = evaluate(public, ask(changed(found), **more))
    assert answer["ComplianceType"] == "NOT_APPLICABLE"


def test_a_role_is_answered_under_configs_own_id(w: World) -> None:
    role("open", trust="*")
    found = item(resourceType="AWS::IAM::Role", resourceId="AROAEXAMPLE", resourceName="open", awsRegion="global")
    (answer,) = evaluate(w, ask(changed({**found, "ARN": f"arn:aws:iam::{ACCOUNT}:role/open"})))
    assert (answer["ComplianceResourceId"], answer["ComplianceType"]) == ("AROAEXAMPLE", "NON_COMPLIANT")


@pytest.mark.parametrize(
    "event",
    [
        ask({"messageType": "ScheduledNotification", "notificationCreationTime": AT}),
        ask({"messageType": "ConfigurationItemChangeNotification"}),
        ask(changed({"resourceType": "AWS::Lambda::Function"})),
        {"invokingEvent": "{", "resultToken": "t"},
        {"invokingEvent": None},
        {},
    ],
)
def test_a_schedule_and_what_cannot_be_read_answer_nothing_and_change_nothing(w: World, event: Any) -> None:
    assert evaluate(w, event) == []


def test_a_hundred_evaluations_a_call(w: World) -> None:
    config = Config(w)
    found = config_item(ask(changed(item())))
    compliance.put(w.d, found, [{"n": n} for n in range(250)])
    assert [len(c["Evaluations"]) for c in config.calls] == [100, 100, 50]
    assert {c["ResultToken"] for c in config.calls} == {"token"}


def test_evaluations_that_config_does_not_take_are_sent_again(w: World) -> None:
    config = Config(w)
    config.answer = {"FailedEvaluations": [{}]}
    function("orders")
    with pytest.raises(Throttled):
        compliance.evaluate(w.d, ask(changed(item())))
