"""IAM's report on what a role used last: jobs that take time, pages, failures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.errors import CallFailed, Throttled
from suture.evidence.last_accessed import last_accessed

ROLE = "arn:aws:iam::123456789012:role/app"


class Iam:
    """A fake of the two calls, answering from a list."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), []

    def generate_service_last_accessed_details(self, **given: Any) -> dict[str, str]:
        self.asked.append(given)
        return {"JobId": "job"}

    def get_service_last_accessed_details(self, **given: Any) -> dict[str, Any]:
        self.asked.append(given)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


S3 = {
    "ServiceNamespace": "s3",
    "LastAuthenticated": day("2026-10-01"),
    "TrackedActionsLastAccessed": [
        {"ActionName": "GetBucketPolicy", "LastAccessedTime": day("2026-09-30"), "LastAccessedRegion": "eu-west-1"},
        {"ActionName": "PutBucketPolicy", "LastAccessedTime": day("2026-01-01")},
        {"ActionName": "DeleteBucket"},
    ],
}
EC2 = {"ServiceNamespace": "ec2", "LastAuthenticated": day("2026-02-01")}
SQS = {"ServiceNamespace": "sqs"}
RUNNING = {"JobStatus": "IN_PROGRESS"}


def test_a_report_is_waited_for_and_read_to_its_last_page() -> None:
    first = {"JobStatus": "COMPLETED", "ServicesLastAccessed": [S3], "IsTruncated": True, "Marker": "m"}
    iam = Iam(RUNNING, RUNNING, first, {"JobStatus": "COMPLETED", "ServicesLastAccessed": [EC2, SQS]})
    slept: list[float] = []
    found = last_accessed(iam, ROLE, "2026-08-01", sleep=slept.append)
    assert len(slept) == 2
    assert iam.asked[0] == {"Arn": ROLE, "Granularity": "ACTION_LEVEL"} and iam.asked[-1]["Marker"] == "m"
    assert found.busy == {"s3"} and set(found.idle) == {"ec2", "sqs"}
    assert found.idle["ec2"].startswith("2026-02-01") and found.idle["sqs"] == ""
    assert found.idle_actions == {"s3:PutBucketPolicy", "s3:DeleteBucket"}
    assert [(o.action, o.resource, o.place) for o in found.observed] == [("s3:GetBucketPolicy", "", "in eu-west-1")]


def test_a_report_that_fails_says_why() -> None:
    iam = Iam({"JobStatus": "FAILED", "Error": {"Message": "no such entity", "Code": "X"}})
    with pytest.raises(CallFailed, match="no such entity"):
        last_accessed(iam, ROLE, "2026-08-01")


def test_a_report_that_never_comes_is_given_up() -> None:
    moments = iter(range(0, 10_000, 50))
    with pytest.raises(Throttled, match="longer than"):
        last_accessed(Iam(RUNNING), ROLE, "2026-08-01", sleep=lambda _: None, clock=lambda: float(next(moments)))
