"""The table of actions: names that differ, what CloudTrail does not show, its size."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.session import Session

from chalicelib.iam import actions


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("lambda", "AddPermission20150331v2", ("lambda:AddPermission",)),
        ("cloudfront", "CreateFunction2020_05_31", ("cloudfront:CreateFunction",)),
        ("monitoring", "PutMetricAlarm", ("cloudwatch:PutMetricAlarm",)),
        ("email", "SendEmail", ("ses:SendEmail",)),
        ("s3", "ListObjects", ("s3:ListBucket",)),
        ("s3", "ListBuckets", ("s3:ListAllMyBuckets",)),
        ("s3", "PutBucketEncryption", ("s3:PutEncryptionConfiguration",)),
        ("s3", "PutBucketPolicy", ("s3:PutBucketPolicy",)),
        ("apigateway", "GetRestApis", ("apigateway:GET",)),
        ("apigateway", "UpdateStage", ("apigateway:PATCH",)),
        ("apigateway", "PutMethod", ("apigateway:PUT",)),
        ("apigateway", "DeleteApi", ("apigateway:DELETE",)),
        ("sqs", "SendMessageBatch", ("sqs:SendMessage",)),
        ("newservice", "DoIt", ("newservice:DoIt",)),
    ],
)
def test_an_event_is_its_action(source: str, name: str, expected: tuple[str, ...]) -> None:
    assert actions.of_event(f"{source}.amazonaws.com", name) == expected


def test_a_call_may_need_several() -> None:
    assert "dynamodb:PutItem" in actions.needed("dynamodb", "TransactWriteItems")
    assert set(actions.needed("apigateway", "Strange")) == {
        f"apigateway:{v}" for v in ["GET", "POST", "PATCH", "PUT", "DELETE"]
    }


def test_renamed_operations_are_of_this_world() -> None:
    """Of each service that botocore has under its prefix, the operations in the table exist, now or as event names."""
    events_only = {"GetBucketLifecycle", "DeleteBucketPublicAccessBlock", "PostObject", "GetBucketReplication"}
    events_only |= {"PutAccountPublicAccessBlock", "Converse", "ConverseStream", "PostToConnection", "GetConnection"}
    session, unknown = Session(), set()
    for service, operation in actions._needs():
        if service in ("s3", "lambda", "dynamodb", "sqs", "sns", "kms", "secretsmanager"):
            names = set(session.get_service_model(service).operation_names)
            unknown |= {operation} - names - events_only
    assert unknown <= {"PutBucketLifecycle", "DeleteConnection"}


@pytest.mark.parametrize("action", ["s3:GetObject", "dynamodb:Query", "sqs:SendMessage", "lambda:InvokeFunction"])
def test_data_events_are_known(action: str) -> None:
    assert action in actions.unseen(action.partition(":")[0])


@pytest.mark.parametrize("action", ["s3:PutBucketPolicy", "iam:PassRole", "ssm:GetParameter", "states:StartExecution"])
def test_management_events_are_not_among_them(action: str) -> None:
    assert action not in actions.unseen(action.partition(":")[0])


def test_the_table_stays_small() -> None:
    assert Path(actions.__file__).stat().st_size < 20_000
