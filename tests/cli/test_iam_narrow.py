"""`suture iam narrow`: all evidence together, on a small account."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from suture.sandbox.mends.cloudtrail_lake import ingest

CODE = """
import os, boto3
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    return table.get_item(Key={"id": event["id"]})
"""
WIDE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Data", "Effect": "Allow", "Action": ["dynamodb:*", "ssm:*", "logs:*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "ssm:PutParameter", "Resource": "*"},
    ],
}


@pytest.fixture
def role(shop: Any) -> str:
    arn = str(shop.role("app"))
    shop.iam.put_role_policy(RoleName="app", PolicyName="wide", PolicyDocument=json.dumps(WIDE))
    return arn


def record(role: str, event: str, source: str, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    account = role.split(":")[4]
    when = (datetime.now(UTC) - timedelta(days=more.pop("days", 1))).strftime("%Y-%m-%dT%H:%M:%SZ")
    issuer = {"type": "Role", "arn": role, "accountId": account, "userName": "app"}
    return {
        "eventTime": when,
        "eventSource": f"{source}.amazonaws.com",
        "eventName": event,
        "awsRegion": "us-east-1",
        "recipientAccountId": account,
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}},
        "requestParameters": dict(parameters),
        **more,
    }


@pytest.fixture
def trail(role: str, tmp_path: Path) -> Path:
    path = tmp_path / "trail.json"
    own = [
        record(role, "GetParameter", "ssm", {"name": "/app/key"}),
        record(role, "GetParameter", "ssm", {"name": "/app/other"}, errorCode="ParameterNotFound"),
        record(role, "DeleteParameter", "ssm", {"name": "/app/key"}, errorCode="AccessDenied"),
        record(role, "CreateLogStream", "logs", {"logGroupName": "/aws/lambda/app"}, days=89),
        record(role, "GetQueueAttributes", "sqs", {"queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/q"}),
    ]
    other = record(role.replace("app", "other"), "DeleteParameter", "ssm", {"name": "x"})
    path.write_text(json.dumps({"Records": [*own, other]}))
    return path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "app.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", CODE)
    return path


def test_all_evidence_makes_one_proposal(run: Any, role: str, trail: Path, package: Path) -> None:
    more = ("--trail", str(trail), "--package", str(package), "--env", "TABLE=orders", "--json")
    found = json.loads(run("iam", "narrow", "role/app", *more).stdout)
    account = role.split(":")[4]
    statements = {tuple([s["Action"]] if isinstance(s["Action"], str) else s["Action"]): s for s in all_of(found)}
    assert statements[("ssm:GetParameter",)]["Resource"] == [
        f"arn:aws:ssm:us-east-1:{account}:parameter/app/{name}" for name in ("key", "other")
    ]
    assert statements[("dynamodb:GetItem",)]["Resource"] == f"arn:aws:dynamodb:*:{account}:table/orders"
    kept = next(s for acts, s in statements.items() if "logs:PutLogEvents" in acts)
    assert kept["Resource"] == "*" and "dynamodb:PutItem" not in str(found["policies"])
    assert WIDE["Statement"][1] in all_of(found)
    assert found["proof"]["subset"] and found["refused"] is None and found["window"]["days"] >= 89
    assert [b["action"] for b in found["beyond"]] == ["sqs:GetQueueAttributes"]
    assert any("last-accessed" in s for s in found["blind_spots"])
    assert not any("DeleteParameter" in str(s.get("Action")) for s in all_of(found))


def all_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [s for p in found["policies"] for s in p["document"]["Statement"]]


def test_the_page_shows_the_difference_its_reasons_and_the_blind_spots(run: Any, role: str, trail: Path) -> None:
    shown = run("iam", "narrow", "role/app", "--trail", str(trail)).stdout
    assert '-        "ssm:*"' in shown and '+      "Action": "ssm:GetParameter"' in shown
    assert "2. ssm:GetParameter: seen, on these resources" in shown
    assert "kept: could not be known because CloudTrail's management events do not show such calls of dynamodb" in shown
    assert 'wide, statement 1 "Data": ssm:* beyond what is listed: not seen in' in shown
    assert "yearly" in shown and "Proved: " in shown


def test_without_evidence_everything_is_kept(run: Any, role: str) -> None:
    found = json.loads(run("iam", "narrow", "role/app", "--json").stdout)
    assert all_of(found) == WIDE["Statement"] and found["dropped"] == []


def test_a_trail_of_others_says_nothing_of_this_role(run: Any, role: str, tmp_path: Path) -> None:
    path = tmp_path / "others.json"
    path.write_text(json.dumps(record(role.replace("app", "other"), "GetParameter", "ssm", {"name": "x"})))
    found = json.loads(run("iam", "narrow", "role/app", "--trail", str(path), "--json").stdout)
    assert all_of(found) == WIDE["Statement"]
    assert any("None of the CloudTrail records is of this role" in s for s in found["blind_spots"])


def test_a_policy_that_others_use_is_copied(run: Any, shop: Any, role: str, trail: Path) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}
    arn = shop.iam.create_policy(PolicyName="shared", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    shop.role("second")
    for name in ("app", "second"):
        shop.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    found = json.loads(run("iam", "narrow", "app", "--trail", str(trail), "--json").stdout)
    assert [(p["name"], p["how"]) for p in found["policies"]] == [("wide", "inline"), ("shared-narrowed", "copy")]


def test_log_files_in_a_bucket_say_the_same_as_in_a_folder(run: Any, role: str, trail: Path) -> None:
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="acme-trail")
    s3.put_object(Bucket="acme-trail", Key="AWSLogs/a.json.gz", Body=gzip.compress(trail.read_bytes()))
    near = json.loads(run("iam", "narrow", "role/app", "--trail", str(trail), "--json").stdout)
    far = json.loads(run("iam", "narrow", "role/app", "--trail", "s3://acme-trail/AWSLogs/", "--json").stdout)
    assert far["policies"][0]["document"] == near["policies"][0]["document"]
    assert {o["place"].split()[0] for o in far["observed"]} == {"a.json.gz"}


def test_a_query_of_lake(run: Any, role: str, trail: Path) -> None:
    made = boto3.client("cloudtrail", region_name="eu-west-1").create_event_data_store(Name="lake")
    store, long_ago = made["EventDataStoreArn"], datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    ingest(store, json.loads(trail.read_text())["Records"], CreatedTimestamp=long_ago, UpdatedTimestamp=long_ago)
    found = json.loads(run("iam", "narrow", "role/app", "--lake", store, "--json").stdout)
    near = json.loads(run("iam", "narrow", "role/app", "--trail", str(trail), "--json").stdout)
    assert all_of(found) == all_of(near)
    assert found["window"]["days"] == 90 and found["proof"]["subset"]
    assert any("CloudTrail Lake: 5 calls of this role" in s for s in found["blind_spots"])


def test_files_that_are_cut_off_prove_nothing_unused(run: Any, role: str, trail: Path) -> None:
    whole = gzip.compress(b"\n".join(trail.read_bytes().splitlines() * 3))
    (trail.parent / "cut.json.gz").write_bytes(whole[: len(whole) // 2])
    more = ("--trail", str(trail), "--trail", str(trail.parent / "cut.json.gz"), "--json")
    found = json.loads(run("iam", "narrow", "role/app", *more).stdout)
    assert found["dropped"] == [] and {"ssm:*", "dynamodb:*", "logs:*"} <= kept(found)
    assert any("nothing goes for not being in the files" in s for s in found["blind_spots"])


def kept(found: Mapping[str, Any]) -> set[str]:
    listed = [s["Action"] for s in all_of(found) if s["Effect"] == "Allow"]
    return {a for actions in listed for a in ([actions] if isinstance(actions, str) else actions)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("role/none",), "there is no role"),
        (("user/none",), "is no role"),
        (("role/app", "--trail", "s3://Not A Bucket/x"), "is no address of log files"),
        (("role/app", "--trail", "s3://no-such-bucket/x"), "NoSuchBucket"),
        (("role/app", "--lake", "my-lake"), "is no ARN of an event data store"),
        (
            ("role/app", "--lake", "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/" + "0" * 36),
            "EventDataStoreNotFoundException",
        ),
        (("role/app", "--env", "TABLE"), "has no value"),
        (("role/app", "--days", "0"), "--days"),
        (("role/app", "--trail", "/nowhere"), "does not exist"),
    ],
)
def test_wrong_usage_is_one_line(run: Any, role: str, arguments: tuple[str, ...], said: str) -> None:
    result = run("iam", "narrow", *arguments)
    assert result.exit_code == 2 and said in result.output


def test_a_role_that_aws_looks_after_is_left_alone(run: Any, shop: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    shop.iam.create_role(RoleName="sso", Path="/aws-reserved/sso.amazonaws.com/", AssumeRolePolicyDocument=document)
    result = run("iam", "narrow", "role/sso")
    assert result.exit_code == 2 and "AWS looks after this role" in result.output
