"""CloudTrail's records where no recording helps: names, casing, hiding, errors, reads, stacks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core.responses import get_service_model

from suture.sandbox import cloudtrail_tables as tables
from suture.sandbox.cloudtrail_shapes import date_text, recorded
from suture.sandbox.cloudtrail_xml import from_xml
from suture.sandbox.server import Server

VALUE = "-".join(("hunter", "2", "hunter"))
LAMBDA = {"Service": "lambda.amazonaws.com"}
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}]}
)


class World:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.server = Server(emit=self.events.append)
        self.server.start()

    def client(self, service: str, principal: str = "deployer") -> Any:
        known = self.server.credentials(principal)
        return boto3.client(service, endpoint_url=self.server.url, region_name="us-east-1", **known)

    def told(self) -> list[dict[str, Any]]:
        self.server.drain()
        return [event["detail"] for event in self.events]

    def last(self) -> dict[str, Any]:
        return self.told()[-1]

    def function(self) -> Any:
        role = self.client("iam").create_role(RoleName="fn", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.py", "")
        self.client("lambda").create_function(
            FunctionName="shop",
            Runtime="python3.11",
            Role=role,
            Handler="a.b",
            Code={"ZipFile": buffer.getvalue()},
            Environment={"Variables": {"DB_PASSWORD": VALUE}},
        )
        return self.client("lambda")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.server.stop()


def written(service: str, operation: str, value: dict[str, Any]) -> dict[str, Any]:
    return recorded(service, operation, get_service_model(service).operation_model(operation).input_shape, value)


@pytest.mark.parametrize(
    ("service", "operation", "given", "expected"),
    [
        ("lambda", "TagResource", {"Resource": "a", "Tags": {"DB_Name": "x", "CamelKey": "y"}},
         {"resource": "a", "tags": {"DB_Name": "x", "CamelKey": "y"}}),
        ("iam", "UpdateSAMLProvider", {"SAMLProviderArn": "a"}, {"sAMLProviderArn": "a"}),
        ("rds", "DeleteDBInstance", {"DBInstanceIdentifier": "d"}, {"dBInstanceIdentifier": "d"}),
        ("lambda", "DeleteEventSourceMapping", {"UUID": "u"}, {"uUID": "u"}),
        ("lambda", "CreateFunction",
         {"Environment": {"Variables": {"A": VALUE}}, "Code": {"ZipFile": b"x", "S3Key": "k"}},
         {"environment": {}, "code": {"s3Key": "k"}}),
        ("ssm", "PutParameter", {"Name": "n", "Value": VALUE}, {"name": "n", "value": tables.HIDDEN}),
        ("secretsmanager", "CreateSecret", {"Name": "n", "SecretString": VALUE}, {"name": "n"}),
        ("stepfunctions", "CreateStateMachine", {"name": "n", "definition": VALUE},
         {"name": "n", "definition": tables.HIDDEN}),
        ("cloudformation", "CreateStack",
         {"StackName": "s", "TemplateBody": VALUE, "Parameters": [{"ParameterKey": "k", "ParameterValue": VALUE}]},
         {"stackName": "s", "parameters": [{"parameterKey": "k"}]}),
        ("iam", "CreateLoginProfile", {"UserName": "u", "Password": VALUE}, {"userName": "u"}),
    ],
)  # fmt: skip
def test_the_first_letter_is_lowered_by_shape_and_values_are_hidden(
    service: str, operation: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert written(service, operation, given) == expected


@pytest.mark.parametrize(
    ("service", "operation", "is_delivered"),
    [
        ("lambda", "AddPermission", True),
        ("lambda", "Invoke", False),
        ("lambda", "GetPolicy", False),
        ("dynamodb", "CreateTable", True),
        ("dynamodb", "PutItem", False),
        ("dynamodb", "TransactWriteItems", False),
        ("dynamodb", "Query", False),
        ("sqs", "SetQueueAttributes", True),
        ("sqs", "SendMessage", False),
        ("s3", "PutBucketPolicy", True),
        ("s3", "PutObject", False),
        ("s3", "HeadBucket", False),
        ("sts", "AssumeRole", True),
        ("sts", "GetCallerIdentity", False),
        ("secretsmanager", "GetSecretValue", True),
        ("secretsmanager", "DescribeSecret", False),
        ("ssm", "GetParameter", True),
        ("ssm", "GetParameters", True),
        ("ssm", "DescribeParameters", False),
        ("kms", "GenerateMac", True),
        ("cloudformation", "ValidateTemplate", False),
        ("", "", False),
    ],
)
def test_what_the_bus_gets(service: str, operation: str, is_delivered: bool) -> None:
    assert tables.delivered(service, operation) is is_delivered


@pytest.mark.parametrize(("comma", "expected"), [(False, "Aug 1, 2024 1:07:41 PM"), (True, "Aug 1, 2024, 1:07:41 PM")])
def test_dates(comma: bool, expected: str) -> None:
    assert date_text(datetime(2024, 8, 1, 13, 7, 41, tzinfo=UTC), comma) == expected


def test_midnight_is_twelve() -> None:
    assert date_text(datetime(2024, 8, 1, 0, 7, 41, tzinfo=UTC), True) == "Aug 1, 2024, 12:07:41 AM"


def test_xml_becomes_json_as_cloudtrail_writes_it() -> None:
    body = b'<A xmlns="urn:x"><Flag>true</Flag><Days>30</Days><Id>0123</Id><Empty/></A>'
    assert from_xml(body) == {"A": {"xmlns": "urn:x", "Flag": True, "Days": 30, "Id": "0123", "Empty": ""}}


def test_the_envelope(world: World) -> None:
    world.client("iam").create_user(UserName="anna")
    world.server.drain()
    [event] = world.events
    detail = event["detail"]
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert (event["version"], event["source"], event["resources"]) == ("0", "aws.iam", [])
    assert (event["account"], event["region"], event["time"]) == ("123456789012", "us-east-1", detail["eventTime"])
    assert detail["awsRegion"] == "us-east-1"
    assert detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"].endswith(":role/deployer")


def test_lambda_names_carry_their_dates(world: World) -> None:
    function = world.function()
    function.add_permission(FunctionName="shop", StatementId="s", Action="lambda:InvokeFunction", Principal="*")
    function.create_function_url_config(FunctionName="shop", AuthType="NONE")
    function.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=0)
    function.publish_version(FunctionName="shop")
    function.create_alias(FunctionName="shop", Name="prod", FunctionVersion="1")
    function.remove_permission(FunctionName="shop", StatementId="s")
    assert [one["eventName"] for one in world.told()] == [
        "CreateRole",
        "CreateFunction20150331",
        "AddPermission20150331v2",
        "CreateFunctionUrlConfig",
        "PutFunctionConcurrency20171031",
        "PublishVersion20150331",
        "CreateAlias20150331",
        "RemovePermission20150331v2",
    ]


def test_values_stay_out_of_the_records(world: World) -> None:
    function = world.function()
    function.update_function_configuration(FunctionName="shop", Environment={"Variables": {"OTHER": VALUE}})
    world.client("secretsmanager").create_secret(Name="s", SecretString=VALUE)
    world.client("secretsmanager").get_secret_value(SecretId="s")
    world.client("ssm").put_parameter(Name="/p", Value=VALUE, Type="String")
    world.client("ssm").get_parameter(Name="/p")
    told = world.told()
    assert len(told) == 7
    assert VALUE not in json.dumps(told)
    assert "DB_PASSWORD" not in json.dumps(told)


def test_a_failed_call_is_told_with_its_error(world: World) -> None:
    with pytest.raises(ClientError):
        world.client("iam").delete_role(RoleName="nobody")
    told = world.last()
    assert told["errorCode"] == "NoSuchEntityException"
    assert told["errorMessage"]
    assert (told["requestParameters"], told["responseElements"]) == ({"roleName": "nobody"}, None)


@pytest.mark.parametrize(
    ("service", "call", "parameters", "code", "kept"),
    [
        ("iam", "delete_role", {"RoleName": "x"}, "AccessDenied", False),
        ("lambda", "delete_function", {"FunctionName": "x"}, "AccessDenied", False),
        ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}, "Client.UnauthorizedOperation", True),
        ("s3", "delete_bucket", {"Bucket": "some-bucket"}, "AccessDenied", True),
    ],
)
def test_a_denied_call_is_told_without_its_request(
    world: World, service: str, call: str, parameters: dict[str, Any], code: str, kept: bool
) -> None:
    with pytest.raises(ClientError):
        getattr(world.client(service, "developer"), call)(**parameters)
    told = world.last()
    assert told["errorCode"] == code
    assert "developer" in told["errorMessage"]
    assert (told["requestParameters"] is not None) is kept


def test_s3_writes_its_own_names(world: World) -> None:
    s3 = world.client("s3")
    s3.create_bucket(Bucket="shop-assets")
    document = {"Version": "2012-10-17", "Statement": []}
    s3.put_bucket_policy(Bucket="shop-assets", Policy=json.dumps(document))
    told = world.last()
    assert told["eventName"] == "PutBucketPolicy"
    assert told["requestParameters"]["bucketName"] == "shop-assets"
    assert (told["requestParameters"]["policy"], told["requestParameters"]["bucketPolicy"]) == ("", document)
    assert told["resources"][0]["ARN"] == "arn:aws:s3:::shop-assets"
    s3.put_bucket_lifecycle_configuration(
        Bucket="shop-assets",
        LifecycleConfiguration={
            "Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}]
        },
    )
    assert world.last()["eventName"] == "PutBucketLifecycle"


TEMPLATE: dict[str, Any] = {
    "Parameters": {"Token": {"Type": "String"}},
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "stack-fn",
                "AssumeRolePolicyDocument": json.loads(TRUST),
                "Policies": [
                    {
                        "PolicyName": "all",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
                        },
                    }
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "stack-f",
                "Runtime": "python3.11",
                "Handler": "index.h",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def h(e, c): ..."},
                "Environment": {"Variables": {"TOKEN": {"Ref": "Token"}}},
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {"FunctionName": {"Ref": "Function"}, "Action": "lambda:InvokeFunction", "Principal": "*"},
        },
    },
}


def test_a_stack_is_told_as_cloudformations_calls(world: World) -> None:
    stacks = world.client("cloudformation")
    parameters = [{"ParameterKey": "Token", "ParameterValue": VALUE}]
    common = {"StackName": "shop", "Parameters": parameters, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    stacks.create_stack(TemplateBody=json.dumps(TEMPLATE), **common)
    told = world.told()
    assert [one["eventName"] for one in told] == [
        "CreateStack",
        "CreateRole",
        "PutRolePolicy",
        "CreateFunction20150331",
        "AddPermission20150331v2",
    ]
    assert "invokedBy" not in told[0]["userIdentity"]
    for one in told[1:]:
        assert one["userIdentity"]["invokedBy"] == "cloudformation.amazonaws.com"
        assert one["userIdentity"]["arn"] == told[0]["userIdentity"]["arn"]
        assert (one["sourceIPAddress"], one["userAgent"]) == ("cloudformation.amazonaws.com",) * 2
    assert told[3]["responseElements"]["functionArn"].endswith(":function:stack-f")
    assert VALUE not in json.dumps(told)

    changed = json.loads(json.dumps(TEMPLATE))
    changed["Resources"]["Function"]["Properties"]["Timeout"] = 9
    del changed["Resources"]["Permission"]
    stacks.update_stack(TemplateBody=json.dumps(changed), **common)
    assert [one["eventName"] for one in world.told()[5:]] == [
        "UpdateStack",
        "UpdateFunctionConfiguration20150331v2",
        "RemovePermission20150331v2",
    ]
    stacks.delete_stack(StackName="shop")
    assert {one["eventName"] for one in world.told()[8:]} == {"DeleteStack", "DeleteRole", "DeleteFunction20150331"}
