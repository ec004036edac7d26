"""What holds for every control: its words, its reader, its signals, and one runbook that remediates it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from chalicelib import events
from chalicelib.aws.readers import all_readers
from chalicelib.controls import all_controls, controls_for
from chalicelib.model import SEVERITIES

ROOT = Path(__file__).resolve().parents[2]
_ARNS = {"aws.dynamodb": {"resourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/orders"}}
SIGNALS = [(i, s.source, name) for i, c in all_controls().items() for s in c.signals for name in s.names]
NAMED = {
    "functionName": "orders",
    "resourceArn": "arn:aws:lambda:us-east-1:123456789012:function:orders",
    "roleName": "orders",
    "policyArn": "arn:aws:iam::123456789012:policy/own",
    "restApiId": "a1b2c3",
    "stageName": "prod",
    "queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/orders",
    "topicArn": "arn:aws:sns:us-east-1:123456789012:orders",
    "secretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf",
    "keyId": "0d1c2b3a-0000-4000-8000-000000000000",
    "eventBusName": "shop",
    "tableName": "orders",
    "repositoryName": "shop/orders",
    "bucketName": "shop-uploads",
    "layerName": "shop-common",
    "versionNumber": 3,
    "name": "shop",
    "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:shop",
    "taskDefinition": "shop:3",
    "stackName": "shop",
}


@pytest.mark.parametrize("name", all_controls())
def test_a_control_can_be_read_explained_and_fixed(name: str) -> None:
    control = all_controls()[name]
    assert control.severity in SEVERITIES
    assert control.resource_type in all_readers()
    assert all(url.startswith("https://docs.aws.amazon.com/") for url in control.references) and control.references
    assert control.peers and control.title and control.why.endswith(".")
    documents = (yaml.safe_load(p.read_text("utf-8")) for p in ROOT.glob("runbooks/*/*.yaml"))
    assert any(name in document["remediates"] for document in documents)


@pytest.mark.parametrize(("control", "source", "name"), SIGNALS)
def test_every_signal_is_an_event_that_leads_to_the_controls_resource(control: str, source: str, name: str) -> None:
    record = {
        "eventVersion": "1.10",
        "eventSource": f"{source.removeprefix('aws.')}.amazonaws.com",
        "eventName": name,
        "eventID": "e1",
        "awsRegion": "us-east-1",
        "recipientAccountId": "123456789012",
        "requestParameters": {**NAMED, **_ARNS.get(source, {})},
    }
    envelope = {"id": "e1", "source": source, "detail-type": "AWS API Call via CloudTrail", "account": "123456789012"}
    (change,) = events.read({**envelope, "region": "us-east-1", "detail": record}).changes
    leads = {"AWS::IAM::ManagedPolicy": "AWS::IAM::Role"}
    assert all_controls()[control].resource_type in (change.resource_type, leads.get(change.resource_type))


def test_a_file_is_named_after_the_service_of_its_resource_type() -> None:
    """`controls_for` loads the files of one service alone."""
    for id_, control in all_controls().items():
        assert id_.startswith(control.resource_type.split("::")[1].lower() + "-")
        assert controls_for(control.resource_type)[id_] is control
