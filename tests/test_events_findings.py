"""Findings of AWS's tools: the resources that they name, and the findings that name nothing to act on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import BadEvent
from chalicelib.events import read

ACCOUNT, REGION = "123456789012", "eu-west-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/r"
SAMPLES = Path(__file__).parents[1] / "../shared/samples/findings"

needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="recorded findings: needs ../shared/samples")


def envelope(source: str, kind: str, detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "f-1",
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def asff(*arns: str, **more: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "finding/1",
        "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/securityhub",
        "GeneratorId": "security-control/Lambda.1",
        "AwsAccountId": ACCOUNT,
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
        "Compliance": {"Status": "FAILED"},
        "Resources": [{"Type": "Other", "Id": a} for a in arns],
        **more,
    }


def hub(*findings: Any) -> dict[str, Any]:
    return envelope("aws.securityhub", "Security Hub Findings - Imported", {"findings": list(findings)})


def hub_v2(*arns: str, status: str = "New") -> dict[str, Any]:
    finding = {
        "class_uid": 2004,
        "status": status,
        "resources": [{"uid": a, "type": "AWS::Lambda::Function"} for a in arns],
    }
    return envelope("aws.securityhub", "Findings Imported V2", {"findings": [finding]})


def guard_duty(resource: dict[str, Any], **service: Any) -> dict[str, Any]:
    detail = {"accountId": ACCOUNT, "resource": resource, "service": {"archived": False, **service}}
    return envelope("aws.guardduty", "GuardDuty Finding", detail)


def inspector(arn: str, status: str = "ACTIVE") -> dict[str, Any]:
    detail = {"status": status, "resources": [{"type": "AWS_LAMBDA_FUNCTION", "id": arn}]}
    return envelope("aws.inspector2", "Inspector2 Finding", detail)


def analyzer(arn: str, **more: Any) -> dict[str, Any]:
    detail = {"resource": arn, "isPublic": True, "status": "ACTIVE", "isDeleted": False, **more}
    return envelope("aws.access-analyzer", "Access Analyzer Finding", detail)


LAMBDA = {"resourceType": "Lambda", "lambdaDetails": {"functionArn": FUNCTION_ARN}}
SHOP, ROLE = ("AWS::Lambda::Function", "shop"), ("AWS::IAM::Role", "r")


@pytest.mark.parametrize(
    ("event", "places"),
    [
        (hub(asff(FUNCTION_ARN)), [SHOP]),
        (hub(asff(FUNCTION_ARN, ROLE_ARN, FUNCTION_ARN, "arn:aws:s3:::b")), [SHOP, ROLE]),
        (hub(asff(FUNCTION_ARN), asff(ROLE_ARN)), [SHOP, ROLE]),
        (asff(FUNCTION_ARN), [SHOP]),
        (hub_v2(FUNCTION_ARN), [SHOP]),
        (guard_duty(LAMBDA), [SHOP]),
        (
            guard_duty({"resourceType": "AccessKey", "accessKeyDetails": {"userType": "AssumedRole", "userName": "r"}}),
            [ROLE],
        ),
        (inspector(f"{FUNCTION_ARN}:$LATEST"), [SHOP]),
        (analyzer(ROLE_ARN), [ROLE]),
    ],
)
def test_a_finding_says_where_to_look(event: dict[str, Any], places: list[tuple[str, str]]) -> None:
    changes = read(event).changes
    assert [(c.resource_type, c.resource_id) for c in changes] == places
    assert {(c.account, c.via, c.principal, c.created) for c in changes} == {(ACCOUNT, "finding", None, False)}
    assert all(c.action.endswith(":Finding") and c.event_id for c in changes)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (hub(asff(FUNCTION_ARN, RecordState="ARCHIVED")), "archived"),
        (hub(asff(FUNCTION_ARN, Workflow={"Status": "SUPPRESSED"})), "suppressed"),
        (hub(asff(FUNCTION_ARN, Compliance={"Status": "PASSED"})), "passed"),
        (hub(asff(FUNCTION_ARN, GeneratorId="suture/lambda-policy-public")), "our own report"),
        (hub(asff(FUNCTION_ARN.replace(ACCOUNT, "999999999999"))), "about account 999999999999"),
        (hub(asff("AWS::::Account:123456789012")), "no ARN"),
        (hub(asff()), "names no resource"),
        (hub(), "names no resource"),
        (hub_v2(FUNCTION_ARN, status="Suppressed"), "suppressed"),
        (guard_duty(LAMBDA, additionalInfo={"sample": True}), "sample"),
        (guard_duty(LAMBDA, archived=True), "archived"),
        (guard_duty({"resourceType": "Instance"}), "no control reads what GuardDuty calls Instance"),
        (guard_duty({"accessKeyDetails": {"userType": "IAMUser", "userName": "u"}}), "no control reads"),
        (inspector(FUNCTION_ARN, "CLOSED"), "closed"),
        (analyzer(ROLE_ARN, status="RESOLVED"), "resolved"),
        (analyzer(ROLE_ARN, isDeleted=True), "active"),
        (
            envelope("aws.securityhub", "Security Hub Findings - Custom Action", {"findings": [asff(FUNCTION_ARN)]}),
            "nothing",
        ),
        (envelope("aws.guardduty", "Inspector2 Finding", {"resources": [{"id": FUNCTION_ARN}]}), "nothing"),
        (envelope("my.guardduty", "GuardDuty Finding", {"resource": LAMBDA}), "foreign source"),
    ],
)
def test_a_finding_about_nothing_of_ours_is_ignored_with_its_reason(event: dict[str, Any], why: str) -> None:
    reading = read(event)
    assert reading.changes == ()
    assert why in reading.ignored


@pytest.mark.parametrize(
    "event",
    [
        hub("text"),
        envelope("aws.securityhub", "Security Hub Findings - Imported", {"findings": {}}),
        envelope("aws.securityhub", "Security Hub Findings - Imported", None),
        hub(*[asff(FUNCTION_ARN)] * 101),
        hub(asff(FUNCTION_ARN, Resources="x")),
    ],
)
def test_findings_that_cannot_be_read_are_refused_with_their_id(event: dict[str, Any]) -> None:
    with pytest.raises(BadEvent) as caught:
        read(event)
    assert caught.value.where == "f-1"


@needs_samples
def test_a_recorded_finding_is_looked_at_or_ignored_with_its_reason() -> None:
    """Which are looked at grows with the controls; that each is one or the other does not."""
    readings = {p.name: read(json.loads(p.read_text())) for p in SAMPLES.glob("*.json")}
    looked = {name for name, reading in readings.items() if reading.changes}
    assert {"securityhub--asr-afsbp-lambda.1.json", "securityhub--asr-pci-lambda.1.json"} <= looked
    assert [name for name, reading in readings.items() if bool(reading.changes) == bool(reading.ignored)] == []
    for name in looked:
        text = (SAMPLES / name).read_text()
        assert all(c.via == "finding" and c.resource_id in text for c in readings[name].changes)
