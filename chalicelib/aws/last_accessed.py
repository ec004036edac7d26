"""IAM's report on what a role used last: asked for, waited for a little, and read to its last page.

A report is made beside the caller and takes seconds, as a rule. One that is not ready is `NotYet`, and its job is
remembered in this process, so that asking again goes on with it; only who began a job may read it. Sources: the IAM
API reference, GenerateServiceLastAccessedDetails and GetServiceLastAccessedDetails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from ..errors import CallFailed, Gone, NotYet
from ..model import Json
from .answers import plain
from .clients import Aws

PATIENCE = 4.0
"""Seconds that a read waits: `watch` begins no look with less than twice that left."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.0

_KEPT = 64
_running: dict[str, str] = {}
"""The jobs that were not ready, by the ARN that they are about."""


def report(
    aws: Aws,
    arn: str,
    patience: float = PATIENCE,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Json]:
    """JobCompletionDate and ServicesLastAccessed of the role `arn`, with its tracked actions; times as ISO text.

    Raises Gone for a role that is not there, NotYet when the report takes longer than `patience` seconds, and
    CallFailed when AWS could not make it.
    """
    until, pause = clock() + patience, FIRST_PAUSE
    job, answer = _begun(aws, arn)
    while answer["JobStatus"] == "IN_PROGRESS":
        if clock() >= until:
            _keep(arn, job)
            what = f"IAM's report on what the role used was not ready after {patience:.0f} seconds"
            raise NotYet(what, operation="iam:GetServiceLastAccessedDetails", where=arn, next_step="try again")
        sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        answer = _page(aws, job)
    if answer["JobStatus"] != "COMPLETED":
        said = (answer.get("Error") or {}).get("Message", "no reason given")
        raise CallFailed(
            f"AWS could not make the report on what the role used: {said}",
            operation="iam:GetServiceLastAccessedDetails",
            where=arn,
        )
    services = [plain(service) for service in _services(aws, job, answer)]
    return {"JobCompletionDate": plain(answer.get("JobCompletionDate")), "ServicesLastAccessed": services}


def _begun(aws: Aws, arn: str) -> tuple[str, Mapping[str, Json]]:
    """The job that is running already, unless AWS has forgotten it, or a new one; and its first answer."""
    job = _running.pop(arn, "")
    try:
        if job:
            return job, _page(aws, job)
    except Gone:
        pass  # a report is not kept for ever; the role may be there all the same
    job = str(aws.call("iam:GenerateServiceLastAccessedDetails", {"Arn": arn, "Granularity": "ACTION_LEVEL"})["JobId"])
    return job, _page(aws, job)


def _keep(arn: str, job: str) -> None:
    while len(_running) >= _KEPT:
        del _running[next(iter(_running))]
    _running[arn] = job


def _page(aws: Aws, job: str, **marker: str) -> Mapping[str, Json]:
    return aws.call("iam:GetServiceLastAccessedDetails", {"JobId": job, **marker})


def _services(aws: Aws, job: str, answer: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    yield from answer.get("ServicesLastAccessed") or ()
    while answer.get("IsTruncated"):
        answer = _page(aws, job, Marker=answer["Marker"])
        yield from answer.get("ServicesLastAccessed") or ()
