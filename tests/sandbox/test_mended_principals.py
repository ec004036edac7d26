"""Policies that name roles and users of the account, before and after those are deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from holders import ACCOUNT, HOLDERS
from moto import mock_aws

from suture.sandbox import mends

CODES = {
    "queue": "InvalidAttributeValue",
    "topic": "InvalidParameter",
    "secret": "MalformedPolicyDocumentException",
    "key": "MalformedPolicyDocumentException",
    "bus": "ValidationException",
    "table": "ValidationException",
    "repository": "InvalidParameterException",
    "bucket": "MalformedPolicy",
}
TO_LAMBDA = {"Service": "lambda.amazonaws.com"}


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    mends.apply()
    with mock_aws():
        yield


def policy(action: str, resource: str | None, *principals: Any) -> str:
    on = {"Resource": resource} if resource else {}
    statements = [
        {"Sid": f"s{n}", "Effect": "Allow", "Principal": who, "Action": action, **on}
        for n, who in enumerate(principals)
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def role(name: str, *principals: Any) -> dict[str, str]:
    trust = policy("sts:AssumeRole", None, *(principals or (TO_LAMBDA,)))
    found: dict[str, str] = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    return found


def code_of(call: Any, *args: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*args, **parameters)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("name", HOLDERS)
def test_who_is_deleted_leaves_an_id_that_a_new_one_of_the_name_does_not_get(name: str) -> None:
    holder, one = HOLDERS[name], role("one")
    user = boto3.client("iam").create_user(UserName="ada")["User"]
    text = policy(holder.action, holder.resource, {"AWS": [one["Arn"], f"arn:aws:iam::{ACCOUNT}:root"]})
    text = text.replace("]}, ", f', "{user["Arn"]}"]}}, ', 1)
    id_ = holder.make(boto3.client, text)
    assert holder.policy(boto3.client, id_) == json.loads(text)
    boto3.client("iam").delete_role(RoleName="one")
    boto3.client("iam").delete_user(UserName="ada")
    role("one")
    shown = json.loads(text.replace(one["Arn"], one["RoleId"]).replace(user["Arn"], user["UserId"]))
    assert holder.policy(boto3.client, id_) == shown


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("who", ["AROA" + "EXAMPLE" * 2 + "1", f"arn:aws:iam::{ACCOUNT}:user/nobody"])
def test_nobody_writes_a_policy_that_names_who_is_not_there(name: str, who: str) -> None:
    holder = HOLDERS[name]
    text = policy(holder.action, holder.resource, "*", {"AWS": who})
    assert code_of(holder.make, boto3.client, text) == CODES[name]


def test_trust_policies_too() -> None:
    iam, one = boto3.client("iam"), role("one")
    role("two", {"AWS": one["Arn"]})
    iam.delete_role(RoleName="one")
    trust = iam.get_role(RoleName="two")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": one["RoleId"]}
    again = {"RoleName": "two", "PolicyDocument": json.dumps(trust)}
    assert code_of(iam.update_assume_role_policy, **again) == "MalformedPolicyDocument"
    assert code_of(role, "three", {"AWS": one["Arn"]}) == "MalformedPolicyDocument"


def test_what_other_accounts_hold_and_services_and_patterns_are_taken() -> None:
    others = ("arn:aws:iam::210987654321:role/x", "210987654321", f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y")
    role("two", {"AWS": list(others)}, {"Service": "ec2.amazonaws.com"}, "*")
    one = role("one")
    role("three", {"AWS": one["RoleId"]})


def test_a_function_is_granted_to_who_is_there(lambda_function: Any) -> None:
    one = role("one")
    grant = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    lambda_function.add_permission(StatementId="one", Principal=one["Arn"], **grant)
    boto3.client("iam").delete_role(RoleName="one")
    (left,) = json.loads(lambda_function.get_policy(FunctionName="f")["Policy"])["Statement"]
    assert left["Principal"] == {"AWS": one["RoleId"]}
    refused = code_of(lambda_function.add_permission, StatementId="two", Principal=one["Arn"], **grant)
    assert refused == "InvalidParameterValueException"


@pytest.fixture
def lambda_function(account: None) -> Any:
    import io
    import zipfile

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("a.py", "")
    client, made = boto3.client("lambda"), role("runs")
    content = {"ZipFile": code.getvalue()}
    client.create_function(FunctionName="f", Runtime="python3.12", Role=made["Arn"], Handler="a.b", Code=content)
    return client
