"""A function's whole policy, put and deleted as one document: moto lacks it, and what Suture does about it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from test_cloudtrail import World as Account
from world import World, function, grants

from suture.sandbox import mends

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
INVOKE = "lambda:InvokeFunction"
STALE = "00000000-0000-0000-0000-000000000000"
PUBLIC = "lambda-policy-public"


def statement(arn: str = ARN, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": INVOKE, "Resource": arn, **more}


def policy(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", **more, "Statement": list(statements)})


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def client() -> Any:
    mends.apply()
    with mock_aws(config={"lambda": {"use_docker": False}}):
        made = function("orders")
        made.publish_version(FunctionName="orders")
        made.create_alias(FunctionName="orders", Name="prod", FunctionVersion="1")
        yield made


@pytest.mark.parametrize("qualifier", ["", ":1", ":prod"])
def test_a_policy_is_put_shown_and_deleted_where_its_arn_says(client: Any, qualifier: str) -> None:
    arn = f"{ARN}{qualifier}"
    asked = policy(statement(arn, Principal={"AWS": ["111122223333", "*"]}), Id="mine")
    put = client.put_resource_policy(ResourceArn=arn, Policy=asked)
    assert json.loads(put["Policy"]) == json.loads(asked)
    shown = [client.get_policy(FunctionName=arn), client.get_resource_policy(ResourceArn=arn)]
    assert [(one["Policy"], one["RevisionId"]) for one in shown] == [(put["Policy"], put["RevisionId"])] * 2
    others = {"", ":1", ":prod"} - {qualifier}
    assert [grants(client, f"{ARN}{other}") for other in sorted(others)] == [
        ["from-bucket"] if other == "" else [] for other in sorted(others)
    ]
    client.delete_resource_policy(ResourceArn=arn, RevisionId=put["RevisionId"])
    assert code_of(client.get_resource_policy, ResourceArn=arn) == "ResourceNotFoundException"
    assert code_of(client.get_policy, FunctionName=arn) == "ResourceNotFoundException"
    assert code_of(client.delete_resource_policy, ResourceArn=arn) == "ResourceNotFoundException"


def test_it_replaces_what_add_permission_built_and_add_permission_adds_to_it(client: Any) -> None:
    before = client.get_resource_policy(ResourceArn=ARN)["RevisionId"]
    put = client.put_resource_policy(ResourceArn=ARN, Policy=policy(statement()), RevisionId=before)
    assert [s.get("Sid") for s in json.loads(put["Policy"])["Statement"]] == [None]
    client.add_permission(FunctionName="orders", StatementId="s", Action=INVOKE, Principal="*")
    left = json.loads(client.get_policy(FunctionName="orders")["Policy"])["Statement"]
    assert left == [statement(), statement(Sid="s")]
    client.remove_permission(FunctionName="orders", StatementId="s")
    assert code_of(client.remove_permission, FunctionName="orders", StatementId="s") == "ResourceNotFoundException"


def test_a_stale_revision_is_refused_and_changes_nothing(client: Any) -> None:
    old = client.get_resource_policy(ResourceArn=ARN)
    asked = {"ResourceArn": ARN, "RevisionId": STALE}
    assert code_of(client.put_resource_policy, Policy=policy(statement()), **asked) == "PreconditionFailedException"
    assert code_of(client.delete_resource_policy, **asked) == "PreconditionFailedException"
    now = client.get_resource_policy(ResourceArn=ARN)
    assert (now["Policy"], now["RevisionId"]) == (old["Policy"], old["RevisionId"])
    nowhere = {"ResourceArn": f"{ARN}:prod", "Policy": policy(statement(f"{ARN}:prod")), "RevisionId": STALE}
    assert code_of(client.put_resource_policy, **nowhere) == "PreconditionFailedException"


@pytest.mark.parametrize(
    "refused",
    [
        "{",
        "[]",
        json.dumps({"Version": "2012-10-17"}),
        policy(),
        policy({"Effect": "Allow", "Action": INVOKE, "Resource": ARN}),
        policy(statement(Effect="Perhaps")),
        policy(statement(f"{ARN}:prod")),
        policy(statement("*")),
        policy(statement(Action="s3:GetObject")),
        policy(statement(Sid="s"), statement(Sid="s")),
    ],
)
def test_an_invalid_policy_is_refused(client: Any, refused: str) -> None:
    assert code_of(client.put_resource_policy, ResourceArn=ARN, Policy=refused) == "InvalidParameterValueException"
    assert grants(client, "orders") == ["from-bucket"]


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (f"{ARN}:$LATEST", "InvalidParameterValueException"),
        ("orders", "InvalidParameterValueException"),
        (f"{ARN}:none", "ResourceNotFoundException"),
        (ARN.replace("orders", "none"), "ResourceNotFoundException"),
        (ARN.replace("123456789012", "111122223333"), "ResourceNotFoundException"),
    ],
)
def test_what_is_not_there_has_no_policy(client: Any, arn: str, code: str) -> None:
    assert code_of(client.put_resource_policy, ResourceArn=arn, Policy=policy(statement(arn))) == code


def test_a_longer_policy_than_lambda_takes_is_refused(client: Any) -> None:
    many = [statement(Sid=f"s{n}", Principal={"AWS": f"arn:aws:iam::111122223333:role/{'r' * 60}"}) for n in range(99)]
    asked = {"ResourceArn": ARN, "Policy": policy(*many)}
    quiet = boto3.client("lambda", "us-east-1", config=boto3.session.Config(parameter_validation=False))
    assert code_of(quiet.put_resource_policy, **asked) == "PolicyLengthExceededException"


def test_the_events_carry_their_undated_names() -> None:
    account = Account()
    try:
        role = account.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=policy())["Role"]["Arn"]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.py", "")
        client = account.client("lambda")
        code = {"ZipFile": buffer.getvalue()}
        client.create_function(FunctionName="orders", Runtime="python3.11", Role=role, Handler="a.b", Code=code)
        put = client.put_resource_policy(ResourceArn=ARN, Policy=policy(statement()))
        client.get_resource_policy(ResourceArn=ARN)
        client.delete_resource_policy(ResourceArn=ARN, RevisionId=put["RevisionId"])
        told = account.told()[-2:]
        reader = account.client("lambda", "oncall")
        assert code_of(reader.delete_resource_policy, ResourceArn=ARN) == "AccessDeniedException"
    finally:
        account.server.stop()
    assert [(one["eventName"], one["requestParameters"], one["responseElements"]) for one in told] == [
        (
            "PutResourcePolicy",
            {"resourceArn": ARN, "policy": policy(statement())},
            {"policy": put["Policy"], "revisionId": put["RevisionId"]},
        ),
        ("DeleteResourcePolicy", {"resourceArn": ARN, "revisionId": put["RevisionId"]}, None),
    ]
    assert {(one["eventSource"], one["readOnly"]) for one in told} == {("lambda.amazonaws.com", False)}


def opened(w: World, *statements: dict[str, Any]) -> Any:
    """A function that was seen clean, and then got a whole policy put."""
    made = function("orders")
    w.change("AWS::Lambda::Function", "orders", "lambda:CreateFunction", created=True)
    w.run()
    made.put_resource_policy(ResourceArn=ARN, Policy=policy(*statements))
    w.change("AWS::Lambda::Function", "orders", "lambda:PutResourcePolicy")
    w.run()
    return made


@pytest.mark.parametrize(
    "public",
    [
        statement(),
        statement(Sid="oops", Principal={"AWS": ["*", "arn:aws:iam::111122223333:root"]}),
        statement(Sid="oops", Principal={"AWS": "*"}),
        statement(Sid="oops", Action=[INVOKE, "lambda:GetFunction"]),
        statement(Sid="oops", Action=[INVOKE]),
    ],
)
def test_what_add_permission_cannot_rebuild_is_found_and_left_to_people(w: World, public: dict[str, Any]) -> None:
    made = opened(w, public)
    case = w.case(PUBLIC)
    assert (case.state, case.plan_digest) == ("ESCALATED", "")
    assert json.loads(made.get_policy(FunctionName="orders")["Policy"])["Statement"] == [public]


def test_what_add_permission_can_rebuild_is_fixed(w: World) -> None:
    kept = statement(Sid="known", Principal={"AWS": "arn:aws:iam::111122223333:root"})
    made = opened(w, statement(Sid="oops"), kept)
    assert w.case(PUBLIC).state == "RESOLVED"
    assert json.loads(made.get_policy(FunctionName="orders")["Policy"])["Statement"] == [kept]


def test_beside_one_that_stays_for_people_the_rest_is_not_touched_in_silence(w: World) -> None:
    made = opened(w, statement(Sid="oops"), statement())
    assert w.case(PUBLIC).state != "RESOLVED"
    assert statement() in json.loads(made.get_policy(FunctionName="orders")["Policy"])["Statement"]
