"""IAM's report on what a role used last: jobs that take time, pages, failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws import last_accessed
from chalicelib.aws.last_accessed import report
from chalicelib.errors import CallFailed, Gone, NotYet
from chalicelib.iam.last_accessed import understood

ROLE = "arn:aws:iam::123456789012:role/app"


class Iam:
    """An `Aws` of the two calls alone, answering from a list; a job that it has forgotten is Gone."""

    account, region, partition = "123456789012", "us-east-1", "aws"

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked, self.jobs = list(answers), [], 0

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(dict(parameters))
        if name == "iam:GenerateServiceLastAccessedDetails":
            self.jobs += 1
            return {"JobId": f"job-{self.jobs}"}
        if self.jobs == 0:
            raise Gone("NoSuchEntity", operation=name)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def pages(self, name: str, parameters: Mapping[str, Any], key: str) -> Iterator[Any]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def no_jobs() -> None:
    last_accessed._running.clear()


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
DONE = {"JobStatus": "COMPLETED", "JobCompletionDate": day("2026-10-02"), "ServicesLastAccessed": [SQS]}


def test_a_report_is_waited_for_and_read_to_its_last_page() -> None:
    first = {"JobStatus": "COMPLETED", "ServicesLastAccessed": [S3], "IsTruncated": True, "Marker": "m"}
    iam = Iam(RUNNING, RUNNING, first, {"JobStatus": "COMPLETED", "ServicesLastAccessed": [EC2, SQS]})
    slept: list[float] = []
    found = understood(report(iam, ROLE, sleep=slept.append)["ServicesLastAccessed"], "2026-08-01")
    assert slept == [0.2, 0.4]
    assert iam.asked[0] == {"Arn": ROLE, "Granularity": "ACTION_LEVEL"} and iam.asked[-1]["Marker"] == "m"
    assert found.busy == {"s3"} and set(found.idle) == {"ec2", "sqs"}
    assert found.idle["ec2"].startswith("2026-02-01") and found.idle["sqs"] == ""
    assert found.idle_actions == {"s3:PutBucketPolicy", "s3:DeleteBucket"}
    assert [(o.action, o.resource, o.place) for o in found.observed] == [("s3:GetBucketPolicy", "", "in eu-west-1")]


def test_a_report_that_fails_says_why() -> None:
    iam = Iam({"JobStatus": "FAILED", "Error": {"Message": "no such entity", "Code": "X"}})
    with pytest.raises(CallFailed, match="no such entity") as refused:
        report(iam, ROLE)
    assert not isinstance(refused.value, NotYet)


def test_what_is_not_ready_is_not_yet_and_the_same_job_is_asked_again() -> None:
    moments = iter(range(0, 10_000, 50))
    iam = Iam(RUNNING, RUNNING, DONE)
    for _ in range(2):
        with pytest.raises(NotYet, match="not ready"):
            report(iam, ROLE, 10, sleep=lambda _: None, clock=lambda: float(next(moments)))
    assert report(iam, ROLE)["JobCompletionDate"] == "2026-10-02T00:00:00+00:00"
    assert iam.jobs == 1
    report(iam, ROLE)
    assert iam.jobs == 2, "what was read once is asked for anew"


def test_a_job_that_aws_has_forgotten_is_begun_anew() -> None:
    with pytest.raises(NotYet):
        report(Iam(RUNNING), ROLE, 0)
    assert report(Iam(DONE), ROLE)["ServicesLastAccessed"] == [SQS]


def test_jobs_are_not_kept_without_end() -> None:
    for number in range(200):
        with pytest.raises(NotYet):
            report(Iam(RUNNING), f"{ROLE}{number}", 0)
    assert len(last_accessed._running) <= 64
