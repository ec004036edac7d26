"""Definitions of state machines: secrets by their path, what is computed at run time, and what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from playing import ACCOUNT, REGION, found, fresh_account, planned

from chalicelib.aws.readers import read
from chalicelib.controls import judge_one
from chalicelib.controls.stepfunctions_definition_plaintext_secret import value_of
from chalicelib.errors import Denied
from chalicelib.model import Hidden, Plan, Resource

TYPE, CONTROL = "AWS::StepFunctions::StateMachine", "stepfunctions-definition-plaintext-secret"
PASSWORD = "white" + "duke" + "-7Tr0ub"
KEY = "AKIA" + "Z7Q4M2LX" + "W3RT6YPA"
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:shop"


def machine(definition: Any) -> Resource:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return Resource(TYPE, ARN, "shop", ACCOUNT, REGION, {"name": "shop", "definition": Hidden(text)})


def task(**fields: Any) -> Resource:
    state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True, **fields}
    return machine({"StartAt": "Call", "States": {"Call": state}})


BAD: dict[str, tuple[Resource, str]] = {
    "a field": (task(Parameters={"Password": PASSWORD}), "$.States.Call.Parameters.Password"),
    "a header": (
        task(Arguments={"Headers": {"Authorization": f"Bearer {PASSWORD}"}}),
        "$.States.Call.Arguments.Headers.Authorization",
    ),
    "a container's environment": (
        task(Parameters={"Environment": [{"Name": "A", "Value": "b"}, {"Name": "DB_PASSWORD", "Value": PASSWORD}]}),
        "$.States.Call.Parameters.Environment[1].Value",
    ),
    "a form inside what is computed": (
        task(Parameters={"Auth.$": f"States.Format('{{}} {KEY}', $.x)"}),
        "$.States.Call.Parameters.Auth.$",
    ),
    "no JSON": (machine(f"DB_PASSWORD={PASSWORD}"), "$"),
}
GOOD: dict[str, Resource] = {
    "a path": task(Parameters={"Password.$": "$.password", "Token.$": "$$.Task.Token"}),
    "JSONata": task(Arguments={"Password": "{% $states.input.password %}"}),
    "a header that is computed": task(Arguments={"Headers": {"Authorization": "{% 'Bearer ' & $token %}"}}),
    "a header that is a placeholder": task(Arguments={"Headers": {"Authorization": "Bearer <token>"}}),
    "a path under a plain name": task(ResultPath="$.token"),
    "the name of a secret": task(Parameters={"SecretId": "prod/db/password"}),
    "a connection": task(
        Parameters={"Authentication": {"ConnectionArn": f"arn:aws:events:{REGION}:{ACCOUNT}:connection/c/1"}}
    ),
    "a pair that is not one": task(Parameters={"Tags": [{"Key": "secret-store", "Value": "vault"}]}),
    "very deep": machine("[" * 5000 + "]" * 5000),
    "empty": machine("{}"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    resource, path = BAD[name]
    finding = judge_one(CONTROL, resource)
    assert finding is not None
    assert [i["Path"] for i in finding.evidence] == [path]
    told = json.dumps([finding.title, *finding.evidence])
    assert PASSWORD not in told and KEY not in told
    value = value_of(resource, finding.evidence[0])
    assert value is not None and (PASSWORD in value.reveal() or KEY in value.reveal())


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert judge_one(CONTROL, GOOD[name]) is None


def test_a_megabyte_is_bounded() -> None:
    wide = {"States": {f"S{n}": {"Comment": "x" * 20} for n in range(25_000)}}
    assert judge_one(CONTROL, machine(wide)) is None


def test_a_machine_as_it_is_made_is_read_and_leads_to_what_people_do() -> None:
    with fresh_account() as account:
        assert read(account.aws, TYPE, "shop") is None
        definition = json.dumps(
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"token": PASSWORD}, "End": True}}}
        )
        role = f"arn:aws:iam::{ACCOUNT}:role/shop"
        tags = [{"key": "team", "value": "shop"}]
        client = account.client("stepfunctions")
        client.create_state_machine(name="shop", definition=definition, roleArn=role, tags=tags)
        resource = account.read(TYPE, "shop")
        assert account.ids(TYPE) == ["shop"] and resource.arn == ARN
        finding = found(CONTROL, resource)
        assert [i["Path"] for i in finding.evidence] == ["$.States.P.Result.token"]
        plan = planned("stepfunctions-move-definition-secret", resource, finding)
        assert isinstance(plan, Plan) and not plan.steps and PASSWORD not in json.dumps(plan.as_json())


class Locked:
    """An account in which the key of the definition is denied."""

    account, region, partition = ACCOUNT, REGION, "aws"

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if parameters.get("includedData") != "METADATA_ONLY":
            raise Denied("no", operation=name, code="KmsAccessDeniedException")
        key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/flows"}
        return {"stateMachineArn": ARN, "name": "shop", "status": "ACTIVE", "encryptionConfiguration": key}

    def pages(self, name: str, parameters: Mapping[str, Any], key: str) -> Any:
        raise AssertionError(name)


def test_what_is_encrypted_with_a_denied_key_is_unknown_not_clean() -> None:
    resource = read(Locked(), TYPE, "shop")
    assert resource is not None
    finding = judge_one(CONTROL, resource)
    assert finding is not None and finding.severity == "low"
    assert "alias/flows" in finding.evidence[0]["Unknown"] and "kms:Decrypt" in finding.evidence[0]["Unknown"]
    assert value_of(resource, finding.evidence[0]) is None
