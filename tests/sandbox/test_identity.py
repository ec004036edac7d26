"""From an access key to CloudTrail's userIdentity; and the four people of the sandbox's account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sts.models import sts_backends

from suture.sandbox import mends, principals
from suture.sandbox.identity import Identity, who

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    mends.apply()
    with mock_aws():
        principals.create(ACCOUNT, REGION)
        yield


def known(credentials: dict[str, str]) -> Identity:
    found = who(credentials["aws_access_key_id"], credentials["aws_session_token"], REGION)
    assert found is not None
    return found


@pytest.mark.parametrize("name", principals.NAMES)
def test_every_principal_is_a_session_of_its_role(name: str) -> None:
    found = known(principals.credentials(name, ACCOUNT, REGION))
    assert found.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name}"
    assert found.issuer_arn == f"arn:aws:iam::{ACCOUNT}:role/{name}"


def test_a_session_of_a_role_under_a_path_keeps_it_in_the_issuer_only() -> None:
    boto3.client("iam").create_role(RoleName="fn", Path="/service/", AssumeRolePolicyDocument="{}")
    arn = f"arn:aws:iam::{ACCOUNT}:role/service/fn"
    element = known(principals.credentials_for_role(arn, "watch")).as_cloudtrail()
    assert element["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/fn/watch"
    issuer = element["sessionContext"]["sessionIssuer"]
    assert (issuer["type"], issuer["arn"], issuer["userName"], issuer["accountId"]) == ("Role", arn, "fn", ACCOUNT)
    assert element["principalId"] == f"{issuer['principalId']}:watch"
    assert element["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"


def test_a_users_key() -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="anna")
    key = iam.create_access_key(UserName="anna")["AccessKey"]["AccessKeyId"]
    found = who(key, "", REGION)
    assert found is not None
    element = found.as_cloudtrail()
    assert (element["type"], element["userName"], element["accessKeyId"]) == ("IAMUser", "anna", key)
    assert "sessionContext" not in element
    assert who(key, "a token that it cannot have", REGION) is None
    iam.update_access_key(UserName="anna", AccessKeyId=key, Status="Inactive")
    assert who(key, "", REGION) is None


def test_an_expired_session_is_nobody() -> None:
    credentials = principals.credentials("oncall", ACCOUNT, REGION)
    session: Any = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(credentials["aws_access_key_id"])
    session.expiration -= timedelta(days=2)
    assert who(credentials["aws_access_key_id"], credentials["aws_session_token"], REGION) is None


def test_strangers_are_nobody() -> None:
    assert who("AKIA" + "X" * 16, "", REGION) is None
    assert who("", "", REGION) is None
