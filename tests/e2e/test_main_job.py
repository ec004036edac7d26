"""The main job, by a client that knows only the ready file: real processes, real roles, the packaged functions."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from foreign import LAMBDA_TRUST, Client, allow, policy, running_sandbox, until

pytestmark = pytest.mark.sandbox
PASSWORD = "-".join(("foreign", "Tr0ub4dor", "and", "3"))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


@pytest.fixture
def deployer(ready: Mapping[str, Any]) -> Client:
    return Client(ready, "deployer")


def test_a_public_grant_goes_and_every_other_stays(deployer: Client) -> None:
    client = deployer.function("orders")
    client.add_permission(FunctionName="orders", StatementId="all", Action="lambda:InvokeFunction", Principal="*")
    until(lambda: deployer.sids("orders") == ["bucket"], "the public grant gone, the other kept")
    assert deployer.case("lambda-policy-public", "orders", "RESOLVED")["decision"] == "apply"


def test_only_the_public_alias_is_touched(deployer: Client) -> None:
    client = deployer.function("aliased")
    client.publish_version(FunctionName="aliased")
    client.create_alias(FunctionName="aliased", Name="prod", FunctionVersion="1")
    client.add_permission(
        FunctionName="aliased", Qualifier="prod", StatementId="all", Action="lambda:InvokeFunction", Principal="*"
    )
    until(lambda: deployer.sids("aliased", Qualifier="prod") == [], "the alias closed")
    assert deployer.sids("aliased") == ["bucket"]


def test_a_public_url_is_closed_and_reopened_by_undo(deployer: Client, ready: Mapping[str, Any]) -> None:
    client = deployer.function("site")
    url = client.create_function_url_config(FunctionName="site", AuthType="NONE")["FunctionUrl"]
    client.add_permission(
        FunctionName="site",
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )

    def auth() -> str:
        return str(client.get_function_url_config(FunctionName="site")["AuthType"])

    until(lambda: auth() == "AWS_IAM", "the URL closed")
    assert client.get_function_url_config(FunctionName="site")["FunctionUrl"] == url
    case = deployer.case("lambda-url-public", "site", "RESOLVED")
    Client(ready, "oncall").api.decide(case["id"], "undo", case["plan"]["digest"], "a webhook needs it")
    deployer.case("lambda-url-public", "site", "UNDONE")
    assert auth() == "NONE"


def test_a_secret_is_proposed_stored_on_approval_and_found_nowhere_else(
    deployer: Client, ready: Mapping[str, Any]
) -> None:
    client = deployer.function("pay")
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": {"DB_PASSWORD": PASSWORD}})
    case = deployer.case("lambda-env-plaintext-secret", "pay", "PENDING")
    assert deployer.aws("secretsmanager").list_secrets()["SecretList"] == []
    Client(ready, "oncall").api.decide(case["id"], "approve", case["plan"]["digest"], "store it")
    until(lambda: deployer.api.case(case["id"])["case"]["standing"]["stage"] == "grant", "the next stage")
    (secret,) = deployer.aws("secretsmanager").list_secrets()["SecretList"]
    with pytest.raises(ClientError, match="OnlyItsReaders"):
        deployer.aws("secretsmanager").get_secret_value(SecretId=secret["ARN"])
    pages = deployer.aws("dynamodb").get_paginator("scan").paginate(TableName=ready["table"])
    assert PASSWORD not in json.dumps([p["Items"] for p in pages])
    assert PASSWORD not in Path(ready["log"]).read_text()
    assert PASSWORD not in json.dumps([deployer.api.case(c["id"]) for c in deployer.api.cases()["cases"]])


def test_an_administrator_takes_two_and_the_causer_none(deployer: Client, ready: Mapping[str, Any]) -> None:
    iam = deployer.aws("iam")
    deployer.role("mighty")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="mighty", PolicyName="all", PolicyDocument=json.dumps(everything))
    case = deployer.case("iam-role-admin", "mighty", "PENDING")
    plan = case["plan"]["digest"]
    for who in ("deployer", "developer"):
        with pytest.raises(Exception, match=r"403|caused|not authorized|not listed"):
            Client(ready, who).api.decide(case["id"], "approve", plan, "fine")
    assert Client(ready, "security").api.decide(case["id"], "approve", plan, "contain")["state"] == "PENDING"
    assert "PermissionsBoundary" not in iam.get_role(RoleName="mighty")["Role"]
    assert Client(ready, "oncall").api.decide(case["id"], "approve", plan, "contain")["state"] == "APPROVED"
    deployer.case("iam-role-admin", "mighty", "RESOLVED")
    assert "suture-boundary" in iam.get_role(RoleName="mighty")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]


def test_trust_for_anyone_is_narrowed_by_approval(deployer: Client, ready: Mapping[str, Any]) -> None:
    iam = deployer.aws("iam")
    deployer.role("open")
    iam.update_assume_role_policy(
        RoleName="open", PolicyDocument=policy(allow({**LAMBDA_TRUST, "AWS": "*"}, "sts:AssumeRole"))
    )
    case = deployer.case("iam-trust-public", "open", "PENDING")
    Client(ready, "security").api.decide(case["id"], "approve", case["plan"]["digest"], "nobody needs it")
    deployer.case("iam-trust-public", "open", "RESOLVED")
    trust = iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"]
    assert [s["Principal"] for s in trust["Statement"]] == [LAMBDA_TRUST]


def test_an_unguarded_stage_is_guarded_by_approval_and_undone_exactly(
    deployer: Client, ready: Mapping[str, Any]
) -> None:
    gateway = deployer.aws("apigateway")
    api = gateway.create_rest_api(name="shop")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="AWS_IAM")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="live", deploymentId=deployment)
    before = _settings(gateway.get_stage(restApiId=api, stageName="live"))
    case = deployer.case("apigateway-stage-unguarded", api, "PENDING")
    assert _settings(gateway.get_stage(restApiId=api, stageName="live")) == before
    oncall = Client(ready, "oncall")
    oncall.api.decide(case["id"], "approve", case["plan"]["digest"], "guard it")
    deployer.case("apigateway-stage-unguarded", api, "RESOLVED")
    guarded = gateway.get_stage(restApiId=api, stageName="live")
    assert guarded["tracingEnabled"] and guarded["accessLogSettings"]["destinationArn"]
    oncall.api.decide(case["id"], "undo", case["plan"]["digest"], "too strict")
    deployer.case("apigateway-stage-unguarded", api, "UNDONE")
    assert _settings(gateway.get_stage(restApiId=api, stageName="live")) == before


def test_an_unknown_key_is_refused_as_aws_refuses_it(ready: Mapping[str, Any]) -> None:
    stranger = boto3.client(
        "sts",
        endpoint_url=ready["endpoint_url"],
        region_name=ready["region"],
        aws_access_key_id="AKIA" + "UNKNOWN" * 2,
        aws_secret_access_key="x",
    )
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.get_caller_identity()


def test_a_pause_stops_every_write_until_two_people_resume(deployer: Client, ready: Mapping[str, Any]) -> None:
    client = deployer.function("paused")
    oncall, security = Client(ready, "oncall"), Client(ready, "security")
    oncall.api.pause("a test")
    client.add_permission(FunctionName="paused", StatementId="all", Action="lambda:InvokeFunction", Principal="*")
    deployer.case("lambda-policy-public", "paused", "APPROVED", "APPLYING")
    time.sleep(1)
    assert deployer.sids("paused") == ["all", "bucket"]
    assert oncall.api.resume("over")["paused"]
    assert not security.api.resume("over")["paused"]


def test_an_unsigned_request_decides_nothing(ready: Mapping[str, Any]) -> None:
    for path, method in (("/cases", "GET"), ("/cases/C-1/decision", "POST"), ("/pause", "POST")):
        request = urllib.request.Request(
            ready["api_url"] + path, data=b"{}" if method == "POST" else None, method=method
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == 403


def _settings(stage: Mapping[str, Any]) -> dict[str, Any]:
    names = ("methodSettings", "accessLogSettings", "tracingEnabled")
    return {n: stage.get(n) or None for n in names}
