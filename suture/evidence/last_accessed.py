"""What IAM itself says that a role used last, and when.

Sources: the IAM API reference, GenerateServiceLastAccessedDetails and GetServiceLastAccessedDetails; the IAM User
Guide, "Refine permissions using last accessed information". Service data includes every attempt, refused ones too;
actions are tracked for some services only, and then only management actions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import CallFailed, Throttled
from chalicelib.iam.evidence import LAST_ACCESSED, Observed
from chalicelib.model import Json

PATIENCE, PAUSE = 120.0, 1.0
"""Seconds that a report may take, and between two looks at it; AWS says most are done within seconds."""


@dataclass(frozen=True, slots=True)
class LastAccessed:
    """`idle`: services without an attempt since then, with the date of the one before; `busy`: the others.

    `idle_actions`: actions that AWS tracks and that were not attempted since then. `observed`: actions that were.
    """

    observed: tuple[Observed, ...]
    idle: Mapping[str, str]
    busy: frozenset[str]
    idle_actions: frozenset[str]


def last_accessed(
    iam: Any,
    role: str,
    since: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> LastAccessed:
    """The report for a role's ARN, from a boto3 IAM client. Raises CallFailed when AWS could not make it in time."""
    job = iam.generate_service_last_accessed_details(Arn=role, Granularity="ACTION_LEVEL")["JobId"]
    services = list(_services(iam, job, role, sleep, clock() + PATIENCE, clock))
    idle: dict[str, str] = {}
    busy: set[str] = set()
    seen: list[Observed] = []
    idle_actions: set[str] = set()
    for service in services:
        name, last = str(service["ServiceNamespace"]), _iso(service.get("LastAuthenticated"))
        if last[:10] >= since[:10]:
            busy.add(name)
        else:
            idle[name] = last
        for tracked in service.get("TrackedActionsLastAccessed") or ():
            action, when = f"{name}:{tracked['ActionName']}", _iso(tracked.get("LastAccessedTime"))
            if when[:10] >= since[:10]:
                place = f"in {tracked.get('LastAccessedRegion') or 'an unknown region'}"
                seen.append(Observed(action, "", LAST_ACCESSED, when, when, place))
            else:
                idle_actions.add(action)
    return LastAccessed(tuple(seen), idle, frozenset(busy), frozenset(idle_actions))


def _services(
    iam: Any, job: str, role: str, sleep: Callable[[float], None], until: float, clock: Callable[[], float]
) -> Iterator[Mapping[str, Json]]:
    marker: dict[str, str] = {}
    while True:
        answer = iam.get_service_last_accessed_details(JobId=job, **marker)
        if answer["JobStatus"] == "FAILED":
            said = (answer.get("Error") or {}).get("Message", "no reason given")
            raise CallFailed(f"AWS could not make the report: {said}", operation="iam:GetServiceLastAccessedDetails")
        if answer["JobStatus"] == "IN_PROGRESS":
            if clock() >= until:
                raise Throttled(
                    f"the report took longer than {PATIENCE:.0f} seconds", where=role, next_step="try again"
                )
            sleep(PAUSE)
            continue
        yield from answer.get("ServicesLastAccessed") or ()
        if not answer.get("IsTruncated"):
            return
        marker = {"Marker": answer["Marker"]}


def _iso(value: Json) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value or "")
