"""Stage variables: which hold a secret, which only come near to it; what people are told to do."""

from __future__ import annotations

import json

import pytest
from playing import ACCOUNT, REGION, found, fresh_account, planned

from chalicelib.controls import judge_one
from chalicelib.model import Hidden, Plan, Resource

TYPE, CONTROL = "AWS::ApiGateway::Stage", "apigateway-stage-plaintext-secret"
PASSWORD = "white" + "duke" + "-7Tr0ub"
KEY = "AKIA" + "Z7Q4M2LX" + "W3RT6YPA"


def stage(variables: dict[str, str], canary: dict[str, str] | None = None) -> Resource:
    config = {"restApiId": "a1b2c3", "stageName": "live", "variables": {k: Hidden(v) for k, v in variables.items()}}
    if canary:
        config["canarySettings"] = {"stageVariableOverrides": {k: Hidden(v) for k, v in canary.items()}}
    arn = f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3/stages/live"
    return Resource(TYPE, arn, "a1b2c3/live", ACCOUNT, REGION, config)


BAD: dict[str, tuple[Resource, list[tuple[str, str]]]] = {
    "a password": (stage({"dbPassword": PASSWORD, "table": "orders"}), [("stage", "dbPassword")]),
    "a key under any name": (stage({"x": KEY}), [("stage", "x")]),
    "in the canary alone": (stage({"dbPassword": "changeme"}, {"dbPassword": PASSWORD}), [("canary", "dbPassword")]),
    "in both": (stage({"token": PASSWORD}, {"token": PASSWORD + "x"}), [("stage", "token"), ("canary", "token")]),
}
GOOD: dict[str, Resource] = {
    "none": stage({}),
    "a function's alias": stage({"lambdaAlias": "live"}),
    "the name of a secret": stage({"secretName": "prod/db/password"}),
    "an address": stage({"backend": "http://orders.internal:8080"}),
    "a publishable key": stage({"stripePublishableKey": "pk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    resource, places = BAD[name]
    finding = judge_one(CONTROL, resource)
    assert finding is not None and finding.severity == "high"
    assert [(i["Place"], i["Name"]) for i in finding.evidence] == places
    told = json.dumps([finding.title, *finding.evidence])
    assert PASSWORD not in told and KEY not in told


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert judge_one(CONTROL, GOOD[name]) is None


def test_a_stage_as_it_is_made_leads_to_what_people_do() -> None:
    with fresh_account() as account:
        client = account.client("apigateway")
        api = client.create_rest_api(name="shop")["id"]
        root = client.get_resources(restApiId=api)["items"][0]["id"]
        client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        client.create_deployment(restApiId=api, stageName="live", variables={"dbPassword": PASSWORD})
        resource = account.read(TYPE, f"{api}/live")
        plan = planned("apigateway-move-stage-secret", resource, found(CONTROL, resource))
        assert isinstance(plan, Plan) and not plan.steps and len(plan.manual) == 5
        assert PASSWORD not in json.dumps(plan.as_json())
