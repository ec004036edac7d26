"""Stacks: parameters and outputs that show a secret, NoEcho that hides it, and references that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playing import ACCOUNT, REGION, Account, found, fresh_account, planned

from chalicelib.aws.readers import read
from chalicelib.controls import judge_one
from chalicelib.model import Hidden, Plan, Resource
from suture.sandbox import mends

TYPE, CONTROL = "AWS::CloudFormation::Stack", "cloudformation-stack-plaintext-secret"
PASSWORD = "white" + "duke" + "-7Tr0ub"


def stack(parameters: dict[str, str], outputs: dict[str, str] | None = None, exports: tuple[str, ...] = ()) -> Resource:
    config = {
        "StackName": "shop",
        "Parameters": {k: Hidden(v) for k, v in parameters.items()},
        "Outputs": {k: Hidden(v) for k, v in (outputs or {}).items()},
        "Exports": list(exports),
    }
    return Resource(TYPE, f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/1", "shop", ACCOUNT, REGION, config)


BAD: dict[str, tuple[Resource, list[tuple[str, str, bool]]]] = {
    "a parameter": (stack({"DBPassword": PASSWORD}), [("parameter", "DBPassword", False)]),
    "an output": (stack({}, {"ApiToken": PASSWORD}), [("output", "ApiToken", False)]),
    "exported": (stack({}, {"ApiToken": PASSWORD}, ("ApiToken",)), [("output", "ApiToken", True)]),
    "hidden going in, shown coming out": (
        stack({"DBPassword": "****"}, {"Url": f"mysql://app:{PASSWORD}@db.internal/app"}),
        [("output", "Url", False)],
    ),
}
GOOD: dict[str, Resource] = {
    "nothing": stack({}),
    "NoEcho": stack({"DBPassword": "****", "MasterUserPassword": "*****"}),
    "the ARN of a secret": stack({"DBSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-AbCdEf"}),
    "a path": stack({"DBPassword": "/shop/db/password"}),
    "a code bucket": stack(
        {"AssetParametersS3VersionKey": "a1/b2/asset.zip"}, {"ApiUrl": "https://x.execute-api.io/p"}
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    resource, places = BAD[name]
    finding = judge_one(CONTROL, resource)
    assert finding is not None
    assert [(i["Place"], i["Name"], i["Exported"]) for i in finding.evidence] == places
    assert PASSWORD not in json.dumps([finding.title, *finding.evidence])


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert judge_one(CONTROL, GOOD[name]) is None


def deployed(account: Account, **parameter: Any) -> Resource | None:
    template = {
        "Parameters": {"DBPassword": {"Type": "String", **parameter}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Password": {"Value": {"Ref": "DBPassword"}, "Export": {"Name": "shop-password"}}},
    }
    if parameter:
        template.pop("Outputs")
    account.client("cloudformation").create_stack(
        StackName="shop",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "DBPassword", "ParameterValue": PASSWORD}],
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    return read(account.aws, TYPE, "shop")


def test_a_stack_as_it_is_deployed_is_read_and_leads_to_what_people_do() -> None:
    mends.apply_to("cloudformation")
    with fresh_account() as account:
        assert read(account.aws, TYPE, "shop") is None
        resource = deployed(account)
        assert resource is not None and account.ids(TYPE) == ["shop"] and resource.tags == {"team": "shop"}
        finding = found(CONTROL, resource)
        places = [(i["Place"], i["Name"], i["Exported"]) for i in finding.evidence]
        assert places == [("parameter", "DBPassword", False), ("output", "Password", True)]
        plan = planned("cloudformation-hide-stack-secret", resource, finding)
        assert isinstance(plan, Plan) and not plan.steps and PASSWORD not in json.dumps(plan.as_json())


def test_noecho_is_quiet() -> None:
    mends.apply_to("cloudformation")
    with fresh_account() as account:
        resource = deployed(account, NoEcho=True)
        assert resource is not None and judge_one(CONTROL, resource) is None
