"""Each control's fix on moto as its runbook plans it: found, fixed, silent, undone, and as it was before.

What AWS answers is moto's, with the sandbox's mends; the calls go through the same reader, control, planner and
catalogue as in Lambda.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from chalicelib import planning, redaction, runbooks
from chalicelib.aws.clients import Clients
from chalicelib.aws.operations import OPERATIONS
from chalicelib.aws.readers import read
from chalicelib.controls import judge, judge_one
from chalicelib.model import Call, Finding, Plan, Resource

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "us-east-1"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
ACCESS_LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:access"
DEPLOYMENT = {"boundary_arn": BOUNDARY, "access_log_arn": ACCESS_LOG}
PASSWORD = "white" + "duke" + "-7Tr0ub"
LAMBDA = {"Service": "lambda.amazonaws.com"}
OTHER = "arn:aws:iam::210987654321:root"


def key() -> bytes:
    return b"k" * 32


@dataclass(frozen=True)
class Account:
    aws: Clients

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def read(self, resource_type: str, resource_id: str) -> Resource:
        resource = read(self.aws, resource_type, resource_id)
        assert resource is not None
        return resource

    def run(self, call: Call, at: planning.Bench) -> None:
        assert OPERATIONS[call.operation].kind == "write"
        self.aws.call(call.operation, planning.late_values(call.parameters, at))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    pytest.importorskip("suture.sandbox.mends").apply()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account(Clients(ACCOUNT, REGION))


def runbook(name: str) -> runbooks.Runbook:
    text = (ROOT / "runbooks" / name / "1.0.0.yaml").read_text("utf-8")
    return runbooks.runbook(yaml.safe_load(text), "sha256:test")


def bench(name: str, resource: Resource, finding: Finding) -> planning.Bench:
    chosen = runbook(name)
    return planning.bench("case-1", resource, finding, chosen, planning.parameters_of(chosen, {}, DEPLOYMENT), key)


def planned(name: str, resource: Resource, finding: Finding) -> Plan | planning.Refusal:
    chosen = runbook(name)
    return planning.plan("case-1", resource, finding, chosen, planning.parameters_of(chosen, {}, DEPLOYMENT), key)


def found(control: str, resource: Resource) -> Finding:
    finding = judge_one(control, resource)
    assert finding is not None
    return finding


def spoken(resource: Resource) -> set[str]:
    return {f.control for f in judge(resource)}


def fixed_and_undone(account: Account, name: str, control: str, resource: Resource) -> tuple[Plan, Resource]:
    """Plan, apply, look, undo, look. Answers with the plan and the resource as it was between."""
    finding = found(control, resource)
    plan, at = planned(name, resource, finding), bench(name, resource, finding)
    assert isinstance(plan, Plan), plan
    assert PASSWORD not in json.dumps(plan.as_json())
    for step in plan.steps:
        account.run(step.call, at)
    fixed = account.read(resource.type, resource.id)
    assert spoken(fixed) == spoken(resource) - ({control} if plan.leaves == "closed" else set())
    for step in reversed(plan.steps):
        for call in step.undo:
            account.run(call, at)
    undone = account.read(resource.type, resource.id)
    assert redaction.state_digest(undone, key) == redaction.state_digest(resource, key)
    assert spoken(undone) == spoken(resource)
    return plan, fixed


def a_role(account: Account, trust: Any = None, name: str = "orders") -> str:
    trust = trust or {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}],
    }
    made = account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(made["Role"]["Arn"])


def a_function(account: Account, **more: Any) -> Any:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...")
    client = account.client("lambda")
    client.create_function(
        FunctionName="orders",
        Runtime="python3.11",
        Role=a_role(account),
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        **more,
    )
    return client


def read_function(account: Account) -> Resource:
    return account.read("AWS::Lambda::Function", "orders")


def entry(resource: Resource, qualifier: str) -> Mapping[str, Any]:
    found_entry: Mapping[str, Any] = next(q for q in resource.config["Qualifiers"] if q["Qualifier"] == qualifier)
    return found_entry


def grant(client: Any, sid: str, **more: Any) -> None:
    basic = {"FunctionName": "orders", "StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "*"}
    client.add_permission(**{**basic, **more})


def grant_s3(client: Any, **more: Any) -> None:
    grant(
        client,
        "s3",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::uploads",
        SourceAccount=ACCOUNT,
        **more,
    )


def test_public_grants_leave_and_the_others_stay_exactly(account: Account) -> None:
    client = a_function(account)
    client.publish_version(FunctionName="orders")
    client.create_alias(FunctionName="orders", Name="prod", FunctionVersion="1")
    grant_s3(client)
    grant_s3(client, Qualifier="prod")
    grant(client, "open", Qualifier="prod")
    grant(client, "also-open", Qualifier="prod", Action="lambda:GetFunction")
    before = read_function(account)
    plan, fixed = fixed_and_undone(account, "lambda-remove-public-grants", "lambda-policy-public", before)
    assert [(s.call.parameters["Qualifier"], s.call.parameters["StatementId"]) for s in plan.steps] == [
        ("prod", "also-open"),
        ("prod", "open"),
    ]
    assert entry(fixed, "$LATEST") == entry(before, "$LATEST")
    legitimate = [s for s in entry(before, "prod")["Policy"]["Statement"] if s["Sid"] == "s3"]
    assert entry(fixed, "prod")["Policy"]["Statement"] == legitimate


def test_the_last_grant_leaves_too_and_comes_back(account: Account) -> None:
    grant(a_function(account), "open")
    before = read_function(account)
    plan, fixed = fixed_and_undone(account, "lambda-remove-public-grants", "lambda-policy-public", before)
    assert plan.steps[0].call.parameters == {"FunctionName": before.arn, "StatementId": "open"}
    assert entry(fixed, "$LATEST")["Policy"] is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Sid": None}, "has no Sid"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, "could not put back"),
        ({"Effect": "Perhaps"}, "cannot be judged"),
    ],
)
def test_what_could_not_be_undone_is_escalated(account: Account, change: Mapping[str, Any], why: str) -> None:
    grant(a_function(account), "open")
    before = read_function(account)
    qualifier = entry(before, "$LATEST")
    raw = {**qualifier["Policy"]["Statement"][0], **change}
    policy = {**qualifier["Policy"], "Statement": [{k: v for k, v in raw.items() if v is not None}]}
    resource = Resource(
        before.type, before.arn, before.id, ACCOUNT, REGION, {"Qualifiers": [{**qualifier, "Policy": policy}]}
    )
    refusal = planned("lambda-remove-public-grants", resource, found("lambda-policy-public", resource))
    assert isinstance(refusal, planning.Refusal)
    assert refusal.kind == "escalate" and why in refusal.why


def test_urls_ask_for_iam_and_keep_their_names(account: Account) -> None:
    client = a_function(account)
    client.publish_version(FunctionName="orders")
    client.create_alias(FunctionName="orders", Name="prod", FunctionVersion="1")
    client.create_function_url_config(FunctionName="orders", AuthType="AWS_IAM")
    client.create_function_url_config(FunctionName="orders", Qualifier="prod", AuthType="NONE")
    grant(client, "url", Qualifier="prod", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    before = read_function(account)
    plan, fixed = fixed_and_undone(account, "lambda-require-url-auth", "lambda-url-public", before)
    assert [s.call.parameters.get("Qualifier") for s in plan.steps] == ["prod"]
    was, now = entry(before, "prod")["FunctionUrl"], entry(fixed, "prod")["FunctionUrl"]
    assert now == {**was, "AuthType": "AWS_IAM"}
    assert entry(fixed, "$LATEST") == entry(before, "$LATEST")


def test_a_secret_is_stored_and_the_variable_stays(account: Account) -> None:
    a_function(account, Environment={"Variables": {"DB_PASSWORD": PASSWORD, "STAGE": "prod"}})
    before = read_function(account)
    finding = found("lambda-env-plaintext-secret", before)
    plan, at = planned("lambda-store-secret", before, finding), bench("lambda-store-secret", before, finding)
    assert isinstance(plan, Plan), plan
    assert PASSWORD not in json.dumps(plan.as_json())
    (step,) = plan.steps
    account.run(step.call, at)
    name = "suture/orders/latest/DB_PASSWORD/case-1"
    secrets = account.client("secretsmanager")
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == PASSWORD
    ((read_back, holds),) = planning.checks(at)
    assert read_back.parameters == {"SecretId": name}
    assert holds(account.aws.call(read_back.operation, read_back.parameters))
    assert redaction.state_digest(read_function(account), key) == redaction.state_digest(before, key)
    account.run(step.call, at)
    for call in step.undo:
        account.run(call, at)
    assert not holds(account.aws.call(read_back.operation, read_back.parameters))
    assert (call.operation, call.parameters["RecoveryWindowInDays"]) == ("secretsmanager:DeleteSecret", 30)


def test_an_administrator_is_contained(account: Account) -> None:
    a_role(account)
    iam = account.client("iam")
    logs = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    admin = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(logs))
    iam.put_role_policy(RoleName="orders", PolicyName="all", PolicyDocument=json.dumps(admin))
    before = account.read("AWS::IAM::Role", "orders")
    plan, fixed = fixed_and_undone(account, "iam-contain-role", "iam-role-admin", before)
    assert plan.steps[0].call.parameters == {"RoleName": "orders", "PermissionsBoundary": BOUNDARY}
    assert fixed.config["PermissionsBoundary"]["PolicyDocument"] == logs
    assert fixed.config["RolePolicyList"] == before.config["RolePolicyList"]


def test_a_boundary_that_is_there_is_never_replaced(account: Account) -> None:
    a_role(account)
    iam = account.client("iam")
    admin = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    arn = iam.create_policy(PolicyName="wide", PolicyDocument=json.dumps(admin))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="orders", PolicyArn=arn)
    iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=arn)
    resource = account.read("AWS::IAM::Role", "orders")
    refusal = planned("iam-contain-role", resource, found("iam-role-admin", resource))
    assert isinstance(refusal, planning.Refusal)
    assert "has a permissions boundary already" in refusal.why


def test_everyone_leaves_a_trust_and_the_others_stay(account: Account) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": ["*", OTHER]}, "Action": "sts:AssumeRole"},
            {"Sid": "b", "Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"},
        ],
    }
    a_role(account, trust)
    before = account.read("AWS::IAM::Role", "orders")
    _, fixed = fixed_and_undone(account, "iam-narrow-trust", "iam-trust-public", before)
    first, second = fixed.config["AssumeRolePolicyDocument"]["Statement"]
    assert first == {**trust["Statement"][0], "Principal": {"AWS": [OTHER]}}
    assert second == trust["Statement"][1]


def test_a_trust_that_would_be_empty_is_escalated(account: Account) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    a_role(account, {"Version": "2012-10-17", "Statement": [everyone]})
    resource = account.read("AWS::IAM::Role", "orders")
    refusal = planned("iam-narrow-trust", resource, found("iam-trust-public", resource))
    assert isinstance(refusal, planning.Refusal)
    assert refusal.kind == "escalate" and "nobody would be left" in refusal.why


def a_stage(account: Account, *, can_log: bool = True) -> str:
    client = account.client("apigateway")
    if can_log:
        role = a_role(account, name="logging")
        operations = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
        client.update_account(patchOperations=operations)
    api = client.create_rest_api(name="shop")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**where, authorizationType="NONE")
    client.put_integration(**where, type="MOCK", integrationHttpMethod="GET")
    client.create_deployment(restApiId=api, stageName="prod")
    return f"{api}/prod"


def test_a_stage_is_guarded(account: Account) -> None:
    before = account.read("AWS::ApiGateway::Stage", a_stage(account))
    _, fixed = fixed_and_undone(account, "apigateway-guard-stage", "apigateway-stage-unguarded", before)
    settings = fixed.config["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (1000.0, 2000)
    assert fixed.config["accessLogSettings"]["destinationArn"] == ACCESS_LOG


def test_a_stage_with_settings_of_its_own_gets_them_back(account: Account) -> None:
    stage = a_stage(account)
    api, name = stage.split("/")
    operations = [
        {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "7"},
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "10000"},
        {"op": "replace", "path": "/tracingEnabled", "value": "true"},
    ]
    account.client("apigateway").update_stage(restApiId=api, stageName=name, patchOperations=operations)
    before = account.read("AWS::ApiGateway::Stage", stage)
    _, fixed = fixed_and_undone(account, "apigateway-guard-stage", "apigateway-stage-unguarded", before)
    settings = fixed.config["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (1000.0, 7)
    assert settings["loggingLevel"] == "INFO"


def test_a_stage_that_cannot_log_is_escalated(account: Account) -> None:
    resource = account.read("AWS::ApiGateway::Stage", a_stage(account, can_log=False))
    refusal = planned("apigateway-guard-stage", resource, found("apigateway-stage-unguarded", resource))
    assert isinstance(refusal, planning.Refusal)
    assert refusal.kind == "escalate" and "no role to write logs" in refusal.why
