"""May they: identity policy ∩ boundary ∩ session, resources and condition keys, on real calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from holders import HOLDERS

from suture.sandbox.principals import credentials_for_role
from suture.sandbox.server import Server

ACCOUNT, REGION = "123456789012", "us-east-1"
READS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "queue": (
        "sqs:SendMessage",
        "sqs",
        "send_message",
        {"QueueUrl": f"https://x/{ACCOUNT}/{{id}}", "MessageBody": "m"},
    ),
    "topic": ("sns:Publish", "sns", "publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{id}}", "Message": "m"}),
    "secret": (
        "secretsmanager:GetSecretValue",
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "{id}"},
    ),
    "key": ("kms:DescribeKey", "kms", "describe_key", {"KeyId": "{id}"}),
    "bus": ("events:DescribeEventBus", "events", "describe_event_bus", {"Name": "{id}"}),
    "table": ("dynamodb:DescribeTable", "dynamodb", "describe_table", {"TableName": "{id}"}),
    "repository": (
        "ecr:GetRepositoryPolicy",
        "ecr",
        "get_repository_policy",
        {"repositoryName": "{id}"},
    ),
    "bucket": ("s3:GetObject", "s3", "get_object", {"Bucket": "{id}", "Key": "k"}),
}
"""A call on each holder of a policy: the action that the policy refuses, and how boto3 makes it."""
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/cases"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module", autouse=True)
def stock(server: Server) -> None:
    admin = connect(server, server.credentials("deployer"))
    admin("dynamodb").create_table(
        TableName="cases",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    for name in ("mine", "theirs"):
        admin("sqs").create_queue(QueueName=name)
    admin("secretsmanager").create_secret(Name="suture/shop", SecretString="-".join(("v", "1")))


def connect(server: Server, credentials: dict[str, str]) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return lambda service: boto3.client(
        service, endpoint_url=server.url, region_name=REGION, config=config, **credentials
    )


def trust(principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**made, "Condition": condition} if condition else made


class Role:
    """A role made for one case; its clients and whether a call goes through."""

    def __init__(self, server: Server, name: str, *statements: dict[str, Any]) -> None:
        self.server, self.name = server, name
        self.iam = connect(server, server.credentials("deployer"))("iam")
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
        self.connect = connect(server, credentials_for_role(f"arn:aws:iam::{ACCOUNT}:role/{name}", "run"))

    def may(self, service: str, operation: str, **parameters: Any) -> bool:
        try:
            getattr(self.connect(service), operation)(**parameters)
        except ClientError as error:
            return error.response["Error"]["Code"] not in DENIED
        return True


def item(key: str) -> dict[str, Any]:
    return {"pk": {"S": key}, "sk": {"S": "x"}}


def test_nothing_is_allowed_without_a_policy(server: Server) -> None:
    role = Role(server, "none")
    assert not role.may("lambda", "list_functions")
    assert not role.may("s3", "list_buckets")
    assert not role.may("ec2", "describe_vpcs")
    assert role.may("sts", "get_caller_identity")


def test_a_policy_is_held_to_its_resource(server: Server) -> None:
    role = Role(server, "narrow", allow("lambda:GetPolicy", [FUNCTION, f"{FUNCTION}:*"]))
    assert role.may("lambda", "get_policy", FunctionName="shop")
    assert role.may("lambda", "get_policy", FunctionName=FUNCTION)
    assert role.may("lambda", "get_policy", FunctionName="shop", Qualifier="prod")
    assert not role.may("lambda", "get_policy", FunctionName="shop2")
    assert not role.may("lambda", "remove_permission", FunctionName="shop", StatementId="s")


def test_leading_keys(server: Server) -> None:
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CASE#*"]}}
    writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem", "dynamodb:Query"]
    role = Role(server, "keyed", allow(writes, TABLE, **keys))
    assert role.may("dynamodb", "put_item", TableName="cases", Item=item("CASE#1"))
    assert not role.may("dynamodb", "put_item", TableName="cases", Item=item("APPROVAL#1"))
    assert not role.may("dynamodb", "put_item", TableName="other", Item=item("CASE#1"))
    put = [{"Put": {"TableName": "cases", "Item": item(key)}} for key in ("CASE#2", "APPROVAL#2")]
    assert role.may("dynamodb", "transact_write_items", TransactItems=put[:1])
    assert not role.may("dynamodb", "transact_write_items", TransactItems=put)
    query = {
        "TableName": "cases",
        "KeyConditionExpression": "#p = :p and begins_with(sk, :s)",
        "ExpressionAttributeNames": {"#p": "pk"},
    }
    values = {":s": {"S": "x"}}
    assert role.may("dynamodb", "query", **query, ExpressionAttributeValues={**values, ":p": {"S": "CASE#1"}})
    assert not role.may("dynamodb", "query", **query, ExpressionAttributeValues={**values, ":p": {"S": "JOURNAL#1"}})


def test_a_boundary_and_a_session_policy_each_limit(server: Server) -> None:
    role = Role(server, "bounded", allow("*"))
    assert role.may("sqs", "list_queues")
    limit = role.iam.create_policy(PolicyName="limit", PolicyDocument=policy(allow("lambda:*")))["Policy"]["Arn"]
    role.iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=limit)
    assert role.may("lambda", "list_functions")
    assert not role.may("sqs", "list_queues")
    role.iam.delete_role_permissions_boundary(RoleName="bounded")
    role.iam.update_assume_role_policy(
        RoleName="bounded", PolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    )
    admin = connect(server, server.credentials("deployer"))("sts")
    session = admin.assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/bounded",
        RoleSessionName="less",
        Policy=policy(allow("sqs:ListQueues")),
    )["Credentials"]
    less = connect(
        server,
        {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        },
    )
    less("sqs").list_queues()
    with pytest.raises(ClientError, match="AccessDenied"):
        less("lambda").list_functions()


def test_a_deny_wins_over_administrator(server: Server) -> None:
    role = Role(server, "guarded", allow("*"), {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"})
    assert role.may("lambda", "list_functions")
    assert not role.may("sqs", "list_queues")
    assert not role.may("sqs", "tag_queue", QueueUrl=f"{server.url}/{ACCOUNT}/mine", Tags={"a": "b"})


@pytest.mark.parametrize("name", HOLDERS)
def test_a_refusal_in_the_resources_own_policy_holds_for_everyone_in_the_account(server: Server, name: str) -> None:
    """Identity policies that allow everything do not help: IAM User Guide, "Policy evaluation logic"."""
    holder = HOLDERS[name]
    admin = connect(server, server.credentials("deployer"))
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": f"{READS[name][1]}:*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": READS[name][0]}
    resource = {"Resource": holder.resource} if holder.resource else {}
    id_ = holder.make(admin, policy({**own, **resource}, {**deny, **resource}))
    service, operation, parameters = READS[name][1:]
    given = {k: v.format(id=id_) for k, v in parameters.items()}
    role = Role(server, f"keen-{name}", allow("*"))
    assert not role.may(service, operation, **given)
    with pytest.raises(ClientError) as refused:
        getattr(admin(service), operation)(**given)
    assert refused.value.response["Error"]["Code"] in DENIED


def test_attached_policies_and_their_default_version_count(server: Server) -> None:
    role = Role(server, "attached")
    arn = role.iam.create_policy(PolicyName="v", PolicyDocument=policy(allow("sns:ListTopics")))["Policy"]["Arn"]
    role.iam.attach_role_policy(RoleName="attached", PolicyArn=arn)
    assert role.may("sns", "list_topics")
    role.iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("sqs:ListQueues")), SetAsDefault=True)
    assert not role.may("sns", "list_topics")
    assert role.may("sqs", "list_queues")


def test_queues_and_secrets_by_name(server: Server) -> None:
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:suture/*"
    role = Role(
        server,
        "named",
        allow("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:mine"),
        allow(["secretsmanager:DescribeSecret", "secretsmanager:CreateSecret", "secretsmanager:TagResource"], secret),
    )
    assert role.may("sqs", "send_message", QueueUrl=f"{server.url}/{ACCOUNT}/mine", MessageBody="x")
    assert not role.may("sqs", "send_message", QueueUrl=f"{server.url}/{ACCOUNT}/theirs", MessageBody="x")
    entries = [{"Id": "1", "MessageBody": "x"}]
    assert role.may("sqs", "send_message_batch", QueueUrl=f"{server.url}/{ACCOUNT}/mine", Entries=entries)
    assert role.may("secretsmanager", "describe_secret", SecretId="suture/shop")
    assert role.may("secretsmanager", "create_secret", Name="suture/new", SecretString="-".join("ab"))
    assert not role.may("secretsmanager", "create_secret", Name="other/new", SecretString="-".join("ab"))


def test_a_queues_own_policy_lets_in(server: Server) -> None:
    role = Role(server, "guest")
    url = f"{server.url}/{ACCOUNT}/theirs"
    assert not role.may("sqs", "send_message", QueueUrl=url, MessageBody="x")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/guest"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:theirs",
    }
    admin = connect(server, server.credentials("deployer"))("sqs")
    admin.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(statement)})
    assert role.may("sqs", "send_message", QueueUrl=url, MessageBody="x")


def test_api_gateway_is_asked_by_verb_and_path(server: Server) -> None:
    stages = f"arn:aws:apigateway:{REGION}::/restapis/*/stages/prod"
    role = Role(
        server,
        "gateway",
        allow("apigateway:GET", [f"arn:aws:apigateway:{REGION}::/restapis*", f"arn:aws:apigateway:{REGION}::/apis"]),
        allow("apigateway:PATCH", stages),
    )
    patch = [{"op": "replace", "path": "/description", "value": "x"}]
    assert role.may("apigateway", "get_rest_apis")
    assert role.may("apigateway", "update_stage", restApiId="a1", stageName="prod", patchOperations=patch)
    assert not role.may("apigateway", "update_stage", restApiId="a1", stageName="dev", patchOperations=patch)
    assert not role.may("apigateway", "create_rest_api", name="x")
    assert role.may("apigatewayv2", "get_apis")
    assert not role.may("apigatewayv2", "create_api", Name="x", ProtocolType="HTTP")


def test_passing_a_role_needs_the_right_to(server: Server) -> None:
    target = f"arn:aws:iam::{ACCOUNT}:role/none2"
    Role(server, "none2")
    role = Role(server, "creator", allow("lambda:CreateFunction"))
    made = {"FunctionName": "n", "Role": target, "Code": {"ZipFile": b"x"}, "Runtime": "python3.11", "Handler": "a.b"}
    assert not role.may("lambda", "create_function", **made)
    passes = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    role.iam.put_role_policy(
        RoleName="creator", PolicyName="pass", PolicyDocument=policy(allow("iam:PassRole", target, **passes))
    )
    assert role.may("lambda", "create_function", **made)


@pytest.mark.parametrize("principal", ["security", "oncall", "developer"])
def test_the_people_only_read(server: Server, principal: str) -> None:
    at = connect(server, server.credentials(principal))
    for service, read in (("lambda", "list_functions"), ("iam", "list_roles"), ("dynamodb", "list_tables")):
        getattr(at(service), read)()
    for service, write, parameters in (
        ("iam", "create_user", {"UserName": "x"}),
        ("dynamodb", "put_item", {"TableName": "cases", "Item": item("CASE#1")}),
        ("sqs", "send_message", {"QueueUrl": f"{server.url}/{ACCOUNT}/mine", "MessageBody": "x"}),
        ("sts", "assume_role", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/deployer", "RoleSessionName": "up"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "suture/shop"}),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(at(service), write)(**parameters)
        assert caught.value.response["Error"]["Code"] in DENIED


def test_nobody_assumes_a_role_that_does_not_trust_them_or_exist(server: Server) -> None:
    role = Role(server, "closed")
    admin = connect(server, server.credentials("deployer"))("sts")
    for name in ("closed", "nowhere"):
        with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
            admin.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="up")
    role.iam.update_assume_role_policy(RoleName="closed", PolicyDocument=trust({"AWS": "*"}))
    admin.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/closed", RoleSessionName="up")
