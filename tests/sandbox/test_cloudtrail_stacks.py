"""What a stack makes is told with the keys of the same call made directly."""

from __future__ import annotations

import io
import json
import re
import urllib.parse
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from test_cloudtrail import TRUST, World

from suture.sandbox.cloudtrail_answers import asked as parameters_of

CODE = "def h(event, context): pass"
KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
TAGS = [{"Key": "team", "Value": "shop"}]
GRANT = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", "SourceAccount": "123456789012"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
BOUNDARY = "arn:aws:iam::123456789012:policy/direct"
FUNCTION = {
    "FunctionName": "stack",
    "Runtime": "python3.11",
    "Handler": "index.h",
    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    "Code": {"ZipFile": CODE},
    "Timeout": 9,
    "Environment": {"Variables": {"A": "b"}},
    "Tags": TAGS,
}
ROLE = {
    "RoleName": "stack",
    "Description": "d",
    "Path": "/shop/",
    "PermissionsBoundary": BOUNDARY,
    "Tags": TAGS,
    "AssumeRolePolicyDocument": json.loads(TRUST),
}
RESOURCES = {
    "Role": {"Type": "AWS::IAM::Role", "Properties": ROLE},
    "Policy": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "stack", "PolicyDocument": DOCUMENT},
    },
    "Function": {"Type": "AWS::Lambda::Function", "Properties": FUNCTION},
    "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "Function"}, **GRANT}},
    "Queue": {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "stack", "VisibilityTimeout": 40, "Tags": TAGS},
    },
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "stack", "DisplayName": "d", "Tags": TAGS}},
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "stack",
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            **KEYS,
        },
    },
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "stack-bucket"}},
}


def directly(world: World) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", CODE)
    iam, lambdas = world.client("iam"), world.client("lambda")
    iam.create_policy(PolicyName="direct", PolicyDocument=json.dumps(DOCUMENT))
    asked = {**ROLE, "RoleName": "direct", "AssumeRolePolicyDocument": TRUST}
    role = iam.create_role(**asked)["Role"]["Arn"]
    own = {"FunctionName": "direct", "Role": role, "Code": {"ZipFile": buffer.getvalue()}, "Tags": {"team": "shop"}}
    lambdas.create_function(**{**FUNCTION, **own})
    lambdas.add_permission(FunctionName="direct", StatementId="s", **GRANT)
    world.client("sqs").create_queue(QueueName="direct", Attributes={"VisibilityTimeout": "40"}, tags={"team": "shop"})
    world.client("sns").create_topic(Name="direct", Attributes={"DisplayName": "d"}, Tags=TAGS)
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    world.client("dynamodb").create_table(TableName="direct", StreamSpecification=stream, **KEYS)
    world.client("s3").create_bucket(Bucket="direct-bucket")


Told = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """The records of direct calls, and of one stack's calls, by event name."""
    world = World()
    directly(world)
    count = len(world.told())
    world.client("cloudformation").create_stack(
        StackName="s", TemplateBody=json.dumps({"Resources": RESOURCES}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    records = world.told()
    world.server.stop()
    yield tuple({one["eventName"]: one for one in part} for part in (records[:count], records[count + 1 :]))  # type: ignore[misc]


def paths(value: Any, at: str = "") -> set[str]:
    """Every key of a record, with where it is."""
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in ({f"{at}.{key}"} | paths(inner, f"{at}.{key}"))}
    if isinstance(value, list):
        return {path for inner in value for path in paths(inner, f"{at}[]")}
    return set()


@pytest.mark.parametrize(
    "event",
    [
        "CreateRole",
        "CreatePolicy",
        "CreateFunction20150331",
        "AddPermission20150331v2",
        "CreateQueue",
        "CreateTopic",
        "CreateTable",
        "CreateBucket",
    ],
)
def test_a_stacks_call_has_the_keys_of_the_direct_one(told: Told, event: str) -> None:
    direct, made = (part[event] for part in told)
    # CloudTrail tells no TLS of a call that a service makes.
    left = {path for path in paths(direct) if not path.startswith(".tlsDetails")}
    assert paths(made) == left | {".userIdentity.invokedBy"}


def test_a_stacks_permission_shows_its_statement(told: Told) -> None:
    record = told[1]["AddPermission20150331v2"]
    statement = json.loads(record["responseElements"]["statement"])
    assert statement["Sid"] == record["requestParameters"]["statementId"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Resource"].endswith(":function:stack")


def test_a_stacks_role_shows_its_trust_and_date_as_iam_does(told: Told) -> None:
    record = told[1]["CreateRole"]
    role = record["responseElements"]["role"]
    assert role["assumeRolePolicyDocument"].startswith("%7B")
    assert json.loads(urllib.parse.unquote(role["assumeRolePolicyDocument"])) == json.loads(TRUST)
    assert re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M", role["createDate"])


def test_texts_and_switches_are_those_of_the_api(told: Told) -> None:
    direct, made = told
    for event, name in (
        ("CreateQueue", "attribute"),
        ("CreateTopic", "attributes"),
        ("CreateTable", "streamSpecification"),
    ):
        assert made[event]["requestParameters"][name] == direct[event]["requestParameters"][name]
    assert made["CreateTable"]["responseElements"]["tableDescription"]["creationDateTime"].endswith("M")
    encrypted = parameters_of("AWS::DynamoDB::Table", "t", {"SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"}})
    assert encrypted == {"SSESpecification": {"Enabled": True, "SSEType": "KMS"}}
