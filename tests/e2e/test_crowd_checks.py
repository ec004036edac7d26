"""The checks of a crowd, checked: each finds what it is for, in a table and a history that were doctored by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from crowd_checks import Aftermath, Write, applied_once, chains, ended, journalled, never_twice, told

ARN = "arn:aws:sqs:us-east-1:123456789012:crowd-queue-1"
CALL = {"operation": "sqs:SetQueueAttributes", "parameters": {}}
GOOD = ("DETECTED", "PLANNED", "PENDING", "APPROVED", "APPLYING", "VERIFYING", "RESOLVED")


class Doctored(Aftermath):
    """One case: the states of its records, its journal, and the calls on its resource."""

    def __init__(self, states: tuple[str, ...], journal: dict[str, Any], calls: tuple[tuple[str, str], ...]) -> None:
        self.items = [_item("CASE#C-1", "HEAD", _head(states))]
        self.items += [_item("CASE#C-1", f"R#{n:08d}", _record(s, n)) for n, s in enumerate(states, 1)]
        self.items += [_item("JOURNAL#C-1", sk, data) for sk, data in journal.items()]
        self.writes = [Write(_detail(who, policy)) for who, policy in calls]


def _item(pk: str, sk: str, body: Any) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "body": {"S": json.dumps(body)}}


def _head(states: tuple[str, ...]) -> dict[str, Any]:
    where = {"account": "1", "region": "us-east-1", "resource_type": "AWS::SQS::Queue", "resource_id": "crowd-queue-1"}
    times = {"opened": "2026-11-20T10:00:00Z", "updated": "2026-11-20T10:00:00Z"}
    about = {"id": "C-1", "arn": ARN, "control": "sqs-queue-public", "state": states[-1], "version": len(states)}
    return {**about, **where, **times, "outcome": "", "reasons": []}


def _record(state: str, version: int) -> dict[str, Any]:
    plan = {"plan": "sha256:0"} if state == "APPLYING" else {}
    return {"case": "C-1", "version": version, "from": "", "to": state, "details": plan, "before": ""}


def _detail(who: str, policy: str) -> dict[str, Any]:
    arn = f"arn:aws:iam::1:role/{'suture-sandbox-remediate' if who == 'us' else 'shop'}"
    asked = {"queueUrl": "https://sqs/1/crowd-queue-1", "attributes": {"Policy": policy}}
    named = {"eventName": "SetQueueAttributes", "requestParameters": asked}
    return {**named, "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": arn}}}}


STARTED = {"p#STEP#0000#STARTED": {"number": 0, "call": CALL}}
DONE = {**STARTED, "p#STEP#0000#DONE": {"number": 0}}
ONCE = (("them", "open"), ("us", "closed"))


def test_a_good_case_passes() -> None:
    after = Doctored(GOOD, DONE, ONCE)
    for check in (applied_once, told, journalled, never_twice, ended):
        assert list(check(after)) == []


@pytest.mark.parametrize(
    ("check", "after", "says"),
    [
        (applied_once, Doctored((*GOOD, "APPLYING"), DONE, ONCE), "applied sha256:0 twice"),
        (applied_once, Doctored((*GOOD[4:], "PLANNED", "APPLYING"), DONE, ONCE), "applied sha256:0 twice"),
        (told, Doctored(GOOD, STARTED, ONCE), "nobody tells"),
        (journalled, Doctored(GOOD, {}, ONCE), "stands in no journal"),
        (never_twice, Doctored(GOOD, DONE, (*ONCE, ("us", "closed"))), "made twice"),
        (ended, Doctored(GOOD[:5], STARTED, ()), "is APPLYING"),
        (ended, Doctored(GOOD[:3], {}, ()), "does not say why"),
        (chains, Doctored(GOOD, DONE, ONCE), "names another hash"),
    ],
)
def test_each_check_finds_what_it_is_for(check: Any, after: Doctored, says: str) -> None:
    assert says in " ".join(check(after))


@pytest.mark.parametrize("between", [("SUPERSEDED", "PLANNED"), ("VERIFYING", "UNDOING", "UNDONE", "PLANNED")])
def test_what_was_given_up_or_taken_back_may_be_applied_again(between: tuple[str, ...]) -> None:
    assert list(applied_once(Doctored(("APPLYING", *between, *GOOD[4:]), DONE, ONCE))) == []


def test_what_somebody_else_changed_in_between_may_be_closed_again() -> None:
    assert list(never_twice(Doctored(GOOD, DONE, (*ONCE, *ONCE)))) == []
