"""Secrets outside functions, the whole way: found, encrypted or told to their owner, taken back, and kept inside."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from world import REGION, World

from chalicelib.aws.clients import classified
from chalicelib.times import iso
from suture.sandbox import mends

PARAMETER, STAGE = "AWS::SSM::Parameter", "AWS::ApiGateway::Stage"
CONTROL, STAGE_CONTROL = "ssm-parameter-plaintext-secret", "apigateway-stage-plaintext-secret"
NAME = "/shop/db/password"
SECRET, OTHER = "Tr0ub4" + "dor&3", "c0rrect" + "-horse#9"


@pytest.fixture
def ssm(w: World) -> Any:
    mends.apply_to("ssm")
    return boto3.client("ssm", region_name=REGION)


def put(w: World, ssm: Any, value: str, **more: Any) -> None:
    ssm.put_parameter(**{"Name": NAME, "Type": "String", "Value": value, **more})
    w.change(PARAMETER, NAME, "ssm:PutParameter")
    assert w.run() == []


def stored(ssm: Any) -> tuple[str, str]:
    found = ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]
    return found["Type"], found["Value"]


def encrypted(w: World, ssm: Any) -> None:
    put(w, ssm, SECRET)
    case = w.case(CONTROL)
    assert case.state == "PENDING" and case.severity == "high"
    w.decide("oncall", case, "approve")
    assert w.case(CONTROL).state == "RESOLVED"
    assert stored(ssm) == ("SecureString", SECRET)


def test_a_parameter_is_encrypted_by_approval_and_plain_again_by_undo(
    w: World, ssm: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    put(w, ssm, SECRET)
    assert w.case(CONTROL).state == "PENDING"
    with caplog.at_level(logging.DEBUG):
        w.decide("oncall", w.case(CONTROL), "approve")
    assert stored(ssm) == ("SecureString", SECRET) and w.case(CONTROL).state == "RESOLVED"
    with caplog.at_level(logging.DEBUG):
        w.decide("security", w.case(CONTROL), "undo", "the importer cannot decrypt")
    assert stored(ssm) == ("String", SECRET) and w.case(CONTROL).state == "UNDONE"
    ours = "".join(r.getMessage() for r in caplog.records if not r.name.startswith(("moto", "werkzeug")))
    told = json.dumps(w.items(), default=str) + ours + "".join(capfd.readouterr())
    assert SECRET not in told and SECRET[::-1] not in told


def test_a_secret_that_was_rotated_since_is_not_taken_back(w: World, ssm: Any) -> None:
    encrypted(w, ssm)
    put(w, ssm, OTHER, Type="SecureString", Overwrite=True)
    w.decide("security", w.case(CONTROL), "undo", "too soon")
    assert w.case(CONTROL).state == "UNDO_FAILED"
    assert stored(ssm) == ("SecureString", OTHER)


def test_a_value_that_changed_before_the_call_is_not_written(w: World, ssm: Any) -> None:
    put(w, ssm, SECRET)
    case = w.case(CONTROL)
    ssm.put_parameter(Name=NAME, Type="String", Value=OTHER, Overwrite=True)
    w.decide("oncall", case, "approve")
    assert w.cases(CONTROL)[0].state == "SUPERSEDED" or w.case(CONTROL).plan_digest != case.plan_digest
    assert stored(ssm) == ("String", OTHER)


def test_an_accepted_value_stays_quiet_and_another_speaks(w: World, ssm: Any) -> None:
    put(w, ssm, SECRET)
    until = iso(w.d.now() + timedelta(days=30))
    w.decide("security", w.case(CONTROL), "suppress", "a test account's", until=until)
    assert w.case(CONTROL).state == "SUPPRESSED"
    put(w, ssm, SECRET, Overwrite=True, Description="the same one")
    assert w.case(CONTROL).state == "SUPPRESSED"
    put(w, ssm, OTHER, Overwrite=True)
    assert w.case(CONTROL).state == "PENDING"


def test_a_stage_waits_for_its_owner_and_closes_by_itself(w: World) -> None:
    client = boto3.client("apigateway", region_name=REGION)
    api = client.create_rest_api(name="shop")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=api, stageName="live", variables={"dbPassword": SECRET})
    w.change(STAGE, f"{api}/live", "apigateway:CreateDeployment")
    w.run()
    case = w.case(STAGE_CONTROL)
    assert case.is_by_hand and case.the_plan is not None and not case.the_plan.steps
    assert SECRET not in json.dumps(w.items(), default=str)
    gone = [{"op": "remove", "path": "/variables/dbPassword"}]
    client.update_stage(restApiId=api, stageName="live", patchOperations=gone)
    w.change(STAGE, f"{api}/live", "apigateway:UpdateStage")
    w.run()
    assert w.case(STAGE_CONTROL).state == "RESOLVED"


def test_what_aws_says_of_a_refused_value_is_dropped() -> None:
    answer = {"Error": {"Code": "ValidationException", "Message": f"Value '{SECRET}' at 'value' failed"}}
    error = classified(ClientError(answer, "PutParameter"), "ssm:PutParameter#Overwrite")
    assert SECRET not in str(error) and "ValidationException" in error.what
