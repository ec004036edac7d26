"""Deploying an expanded template: every value worked out, every resource there for plain boto3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.errors import Misconfigured
from suture.sandbox.apis import Route
from suture.sandbox.intrinsics import Made, Scope, in_order
from suture.sandbox.polling import MappingSpec
from suture.sandbox.server import Server
from suture.sandbox.stack import deploy

ACCOUNT, REGION = "123456789012", "us-east-1"
EMPTY_ZIP = b"PK\x05\x06" + b"\0" * 18


def att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


INTEGRATION = {
    "uri": {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Chat.Arn}/invocations"}
}
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Stage": {"Type": "String", "Default": "prod"}, "Extra": {"Type": "String", "Default": "no"}},
    "Conditions": {"WantsExtra": {"Fn::Equals": [{"Ref": "Extra"}, "yes"]}},
    "Resources": {
        "Watch": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": {"Fn::Sub": "suture-${Stage}-watch"},
                "Handler": "app.watch",
                "Runtime": "python3.12",
                "Role": att("WatchRole"),
                "Code": {"S3Bucket": "b", "S3Key": "k"},
                "Timeout": 60,
                "MemorySize": 512,
                "ReservedConcurrentExecutions": 3,
                "DeadLetterConfig": {"TargetArn": att("Dead")},
                "Environment": {
                    "Variables": {
                        "QUEUE": {"Ref": "Changes"},
                        "TABLE": {"Ref": "Cases"},
                        "ACCOUNT": {"Ref": "AWS::AccountId"},
                        "EMPTY": {"Fn::If": ["WantsExtra", "x", {"Ref": "AWS::NoValue"}]},
                        "JOINED": {"Fn::Join": [":", ["arn", {"Ref": "AWS::Partition"}, att("Changes", "QueueName")]]},
                    }
                },
            },
        },
        "Chat": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Handler": "app.app", "Runtime": "python3.12", "Role": att("WatchRole"), "Code": {}},
        },
        "WatchRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": document(
                    Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole"
                ),
                "Policies": [
                    {"PolicyName": "own", "PolicyDocument": document(Action="sqs:*", Resource=att("Changes"))}
                ],
                "PermissionsBoundary": {"Ref": "Boundary"},
            },
        },
        "Boundary": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": "edge", "PolicyDocument": document(Action="s3:*", Resource="*")},
        },
        "Changes": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 360,
                "RedrivePolicy": {"deadLetterTargetArn": att("Dead"), "maxReceiveCount": 3},
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
        "ChangesPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Changes"}],
                "PolicyDocument": document(
                    Principal={"Service": "events.amazonaws.com"},
                    Action="sqs:SendMessage",
                    Resource=att("Changes"),
                    Condition={"ArnEquals": {"aws:SourceArn": att("Calls")}},
                ),
            },
        },
        "Calls": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.lambda"]},
                "Targets": [{"Id": "q", "Arn": att("Changes"), "DeadLetterConfig": {"Arn": att("Dead")}}],
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": att("Changes"),
                "FunctionName": {"Ref": "Watch"},
                "BatchSize": 50,
                "MaximumBatchingWindowInSeconds": 1,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        },
        "Retries": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {"FunctionName": {"Ref": "Watch"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 1},
        },
        "Cases": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "state")],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "by_state",
                        "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
                "SSESpecification": {"SSEEnabled": True},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        },
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC", "Description": "d"},
        },
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {
                "Body": {
                    "info": {"title": "suture"},
                    "paths": {
                        "/cases/{id}": {
                            "get": {"security": [{"sigv4": []}], "x-amazon-apigateway-integration": INTEGRATION}
                        }
                    },
                }
            },
        },
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "ApiStage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "api",
                "TracingEnabled": True,
                "MethodSettings": [{"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingRateLimit": 20}],
            },
        },
        "Left": {"Condition": "WantsExtra", "Type": "AWS::SQS::Queue", "Properties": {"QueueName": "left"}},
    },
}

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    server = Server(0, ACCOUNT, REGION)
    server.start()
    session = boto3.Session(region_name=REGION, **server.credentials("deployer"))
    yield cache(lambda name: session.client(name, endpoint_url=server.url))
    server.stop()


@pytest.fixture(scope="module")
def world(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("stack") / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    early: list[set[str]] = []
    stack = deploy(
        path,
        EMPTY_ZIP,
        client,
        parameters={"Stage": "test"},
        running=lambda functions, mappings: early.append({spec.name for spec in functions}),
    )
    assert early == [{"suture-test-watch", "suture-Chat"}]
    return stack


def test_functions_are_described(world: Any) -> None:
    watch = world.functions["watch"]
    assert (watch.name, watch.handler, watch.timeout, watch.memory) == ("suture-test-watch", "app.watch", 60, 512)
    assert (watch.concurrency, watch.retries, watch.dead_letters) == (3, 1, f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead")
    assert watch.role_arn == f"arn:aws:iam::{ACCOUNT}:role/suture-WatchRole"
    assert watch.environment == {
        "QUEUE": world.queues["Changes"],
        "TABLE": "suture-Cases",
        "ACCOUNT": ACCOUNT,
        "JOINED": "arn:aws:suture-Changes",
    }
    assert world.functions["chat"].name == "suture-Chat"
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:suture-Changes"
    assert world.mappings == (MappingSpec(queue, "suture-test-watch", 50, 1, True),)
    assert world.api.routes == (Route("GET", "/cases/{id}", True, world.functions["chat"].arn),)
    assert "Left" not in world.made


def test_everything_is_there_for_plain_boto3(world: Any, client: Client) -> None:
    role = client("iam").get_role(RoleName="suture-WatchRole")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"arn:aws:iam::{ACCOUNT}:policy/edge"
    own = client("iam").get_role_policy(RoleName="suture-WatchRole", PolicyName="own")["PolicyDocument"]
    assert own["Statement"][0]["Resource"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:suture-Changes"
    queue = client("sqs").get_queue_attributes(QueueUrl=world.queues["Changes"], AttributeNames=["All"])["Attributes"]
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] in (3, "3")
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/suture-Calls"
    assert json.loads(queue["Policy"])["Statement"][0]["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    function = client("lambda").get_function_configuration(FunctionName="suture-test-watch")
    assert function["Environment"]["Variables"]["TABLE"] == "suture-Cases"
    table = client("dynamodb").describe_table(TableName="suture-Cases")["Table"]
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "by_state"
    ttl = client("dynamodb").describe_time_to_live(TableName="suture-Cases")["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "ttl"
    key = client("kms").describe_key(KeyId=world.made["Key"].ref)["KeyMetadata"]
    assert key["KeySpec"] == "HMAC_256"
    stage = client("apigateway").get_stage(restApiId=world.api.id, stageName="api")
    assert stage["tracingEnabled"] is True
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 20


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        ({"Type": "AWS::EC2::Instance"}, "cannot make a AWS::EC2::Instance"),
        ({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nothing"}}}, "nothing called Nothing"),
        ({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Cidr": []}}}, "does not know Fn::Cidr"),
        ({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "not a name!"}}, "alphanumeric"),
        ({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": att("X", "Arn")}}, "X"),
    ],
)
def test_what_cannot_be_made_is_named(client: Client, tmp_path: Path, resource: dict[str, Any], says: str) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"X": resource}}))
    with pytest.raises(Misconfigured, match=says):
        deploy(path, EMPTY_ZIP, client)


SCOPE_CASES: list[tuple[Any, Any]] = [
    ({"Fn::Sub": "a-${Stage}-${!literal}-${Q.Arn}"}, "a-prod-${literal}-arn:q"),
    ({"Fn::Sub": ["${Own}/${Q}", {"Own": {"Ref": "Stage"}}]}, "prod/q-url"),
    ({"Fn::Select": [1, {"Fn::Split": ["-", "a-b-c"]}]}, "b"),
    ({"Fn::GetAtt": "Q.Arn"}, "arn:q"),
    ({"Fn::If": ["Yes", 1, 2]}, 1),
    ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
    ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a": "prod"}'),
    ({"Condition": {"StringEquals": {"k": {"Ref": "Stage"}}}}, {"Condition": {"StringEquals": {"k": "prod"}}}),
]


@pytest.mark.parametrize(("value", "expected"), SCOPE_CASES, ids=lambda value: str(value)[:50])
def test_intrinsic_functions(value: Any, expected: Any) -> None:
    template = {
        "Parameters": {"Stage": {"Default": "prod"}},
        "Conditions": {
            "Yes": {"Fn::Not": [{"Condition": "No"}]},
            "No": {"Fn::And": [{"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["a", "b"]}]},
        },
    }
    scope = Scope(template, {}, {})
    scope.made["Q"] = Made("q-url", {"Arn": "arn:q"})
    assert scope.resolve(value) == expected


def test_unknown_and_missing_parameters_are_refused() -> None:
    with pytest.raises(Misconfigured, match=r"unknown \['Nope'\], without a value \['Stage'\]"):
        Scope({"Parameters": {"Stage": {"Type": "String"}}}, {"Nope": "x"}, {})


@pytest.mark.parametrize(
    ("declared", "value", "taken"),
    [
        ({"AllowedValues": ["yes", "no"]}, "yes", True),
        ({"AllowedValues": ["yes", "no"]}, "maybe", False),
        ({"AllowedValues": [30, 90]}, "90", True),
        ({"AllowedPattern": "/[a-z]+"}, "/key", True),
        ({"AllowedPattern": "/[a-z]+"}, "/key!", False),
    ],
)
def test_parameters_have_allowed_values(declared: dict[str, Any], value: str, taken: bool) -> None:
    template = {"Parameters": {"Use": {"Type": "String", **declared}}}
    if taken:
        assert Scope(template, {"Use": value}, {}).resolve({"Ref": "Use"}) == value
    else:
        with pytest.raises(Misconfigured, match="the parameter Use m"):
            Scope(template, {"Use": value}, {})


def test_a_circle_is_refused() -> None:
    circle = {"A": {"Type": "T", "DependsOn": "B"}, "B": {"Type": "T", "Properties": {"x": {"Ref": "A"}}}}
    with pytest.raises(Misconfigured, match="depend on each other"):
        in_order(circle, lambda kind: True)
