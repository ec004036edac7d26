"""A role's calls from CloudTrail files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from suture.evidence.trail import is_of, read_trail

ROLE = "arn:aws:iam::123456789012:role/team/app"
SAMPLES = Path(__file__).resolve().parents[3] / "shared/samples"


def event(name: str, source: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    issuer = {"type": "Role", "arn": ROLE, "userName": "app"}
    return {
        "eventTime": "2026-10-01T00:00:00Z",
        "eventName": name,
        "eventSource": f"{source}.amazonaws.com",
        "awsRegion": "eu-west-1",
        "recipientAccountId": "123456789012",
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}},
        "requestParameters": parameters,
        **more,
    }


def seen(tmp_path: Path, *events: Any) -> dict[str, set[str]]:
    path = tmp_path / "trail.json"
    path.write_text(json.dumps({"Records": list(events)}))
    found: dict[str, set[str]] = {}
    for one in read_trail([path], ROLE).observed:
        found.setdefault(one.action, set()).add(one.resource)
    return found


HERE = "eu-west-1:123456789012"
PASSED = "arn:aws:iam::123456789012:role/x"
FUNCTION = f"arn:aws:lambda:{HERE}:function:f"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (
            event("UpdateFunctionCode20150331v2", "lambda", {"functionName": "f"}),
            {"lambda:UpdateFunctionCode": {FUNCTION}},
        ),
        (
            event("Invoke", "lambda", {"functionName": "123456789012:function:f:prod"}, managementEvent=False),
            {"lambda:InvokeFunction": {FUNCTION}},
        ),
        (
            event("CreateFunction20150331", "lambda", {"functionName": "f", "role": PASSED}),
            {"lambda:CreateFunction": {FUNCTION}, "iam:PassRole": {PASSED}},
        ),
        (
            event("RunInstances", "ec2", {"iamInstanceProfile": {"name": "p"}}),
            {"ec2:RunInstances": {""}, "iam:PassRole": {""}},
        ),
        (
            event("CreateQueue", "sqs", {"queueName": "q", "tags": {"a": "b"}}),
            {"sqs:CreateQueue": {f"arn:aws:sqs:{HERE}:q"}, "sqs:TagQueue": {""}},
        ),
        (event("CreateStage", "apigateway", {"restApiId": "x"}), {"apigateway:POST": {""}}),
        (event("ListObjects", "s3", {"bucketName": "b"}), {"s3:ListBucket": {"arn:aws:s3:::b"}}),
        (event("HeadObject", "s3", {"bucketName": "b", "key": "k"}), {"s3:GetObject": {"arn:aws:s3:::b/k"}}),
        (event("PutMetricAlarm", "monitoring", {}), {"cloudwatch:PutMetricAlarm": {""}}),
        (event("GetRole", "iam", {"roleName": "r"}), {"iam:GetRole": {"arn:aws:iam::123456789012:role/r"}}),
        (
            event("Decrypt", "kms", None, resources=[{"ARN": f"arn:aws:kms:{HERE}:key/k", "type": "AWS::KMS::Key"}]),
            {"kms:Decrypt": {f"arn:aws:kms:{HERE}:key/k"}},
        ),
        (
            event("GetSecretValue", "secretsmanager", {"secretId": "db"}),
            {"secretsmanager:GetSecretValue": {f"arn:aws:secretsmanager:{HERE}:secret:db-??????"}},
        ),
        (
            event("CreateEventSourceMapping20150331", "lambda", {"functionName": "f"}),
            {"lambda:CreateEventSourceMapping": {""}},
        ),
        (event("GetParameter", "ssm", {"name": "a"}, errorCode="AccessDenied"), {}),
        (event("DescribeVpcs", "ec2", errorCode="Client.UnauthorizedOperation"), {}),
        (
            event("GetParameter", "ssm", {"name": "a"}, errorCode="ThrottlingException"),
            {"ssm:GetParameter": {f"arn:aws:ssm:{HERE}:parameter/a"}},
        ),
        (event("RotateKey", "kms", eventType="AwsServiceEvent"), {}),
        ({"detail-type": "AWS API Call via CloudTrail", "detail": event("ListKeys", "kms")}, {"kms:ListKeys": {""}}),
        (event("GetParameter", "ssm", {"name": "a"}, eventTime="no time"), {}),
    ],
)
def test_a_record_becomes_what_it_needed(tmp_path: Path, one: Any, expected: dict[str, set[str]]) -> None:
    assert seen(tmp_path, one) == expected


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({"sessionContext": {"sessionIssuer": {"arn": ROLE}}}, True),
        ({"sessionContext": {"sessionIssuer": {"arn": ROLE.replace("/team", "")}}}, False),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/app/s"}, True),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::999999999999:assumed-role/app/s"}, False),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/app2/s"}, False),
        ({"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/app"}, False),
        ("text", False),
        (None, False),
    ],
)
def test_whose_call_it_was(identity: Any, expected: bool) -> None:
    assert is_of({"userIdentity": identity}, ROLE) is expected


def test_files_of_all_kinds_are_counted_and_problems_named(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": [event("ListKeys", "kms")]}).encode()))
    lines = [event("ListKeys", "kms", eventTime="2026-10-03T00:00:00Z"), {"no": "event"}]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nbroken")
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8b broken")
    data = event("GetItem", "dynamodb", {"tableName": "t"}, managementEvent=False, eventTime="2026-10-02T00:00:00Z")
    other = {**data, "userIdentity": {"type": "Root"}}
    (tmp_path / "d.json").write_text(json.dumps([other, {**other, "eventTime": "2020-01-01T00:00:00Z"}]))
    trail = read_trail([tmp_path], ROLE, "2026-09-01")
    assert (trail.records, trail.mine, trail.data, trail.included) == (3, 2, {"dynamodb"}, {"kms"})
    assert (trail.first[:10], trail.last[:10], trail.regions) == ("2026-10-01", "2026-10-03", {"eu-west-1"})
    one = trail.observed[0]
    assert (one.first[:10], one.last[:10], one.place) == ("2026-10-01", "2026-10-03", "a.json.gz Records[0]")
    assert [p.split(":")[0] for p in trail.problems] == ["b.jsonl line 2", "b.jsonl line 3", "c.gz"]


def test_recorded_events_are_read() -> None:
    if not SAMPLES.is_dir():
        pytest.skip("recorded events need ../shared/samples")
    trail = read_trail([SAMPLES / "cloudtrail", SAMPLES / "streams"], "arn:aws:iam::012345678901:role/c7nbot")
    assert trail.records > 400 and trail.mine > 0 and not trail.problems
    assert "apigateway:POST" in {o.action for o in trail.observed}
