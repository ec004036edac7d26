"""Self-defence: a change to one of Suture's own parts, and a silence, are told at once, and nothing is repaired."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from world import ACCOUNT, REGION, World, world

from chalicelib import defending
from chalicelib.aws.operations import OPERATIONS
from chalicelib.chat import notices
from chalicelib.defence import CONTROL, FIELDS, Own, part_of
from chalicelib.events import is_own_write
from chalicelib.model import Principal
from suture.own_parts import own_patterns
from suture.sandbox.patterns import matches

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1111"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/suture/0a1b"
PARTS = f"suture-cases-1A2B|{KEY}|1111|suture-prod-audit-x|abc123"
OWN = Own("suture-prod-", frozenset(PARTS.split("|")))
HERE = f"{REGION}:{ACCOUNT}"


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.d._environment = {**made.d._environment, "OWN_PARTS": PARTS, "STACK": STACK}
        yield made


def record(source: str, name: str, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    issuer = {"arn": f"arn:aws:iam::{ACCOUNT}:role/mallory", "type": "Role"}
    who = {"type": "AssumedRole", "accountId": ACCOUNT, "sessionContext": {"sessionIssuer": issuer}}
    return {
        "eventVersion": "1.10",
        "userIdentity": who,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.1",
        "requestParameters": request,
        "responseElements": None,
        "readOnly": False,
        "eventID": more.pop("event", f"e-{name}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        **more,
    }


def envelope(detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    source = "aws." + detail["eventSource"].split(".")[0]
    kind = "AWS API Call via CloudTrail"
    return {"source": source, "detail-type": kind, "account": ACCOUNT, "detail": detail, **more}


OURS: list[tuple[str, str, dict[str, Any]]] = [
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "suture-prod-watch"}),
    ("lambda", "AddPermission20150331v2", {"functionName": f"arn:aws:lambda:{HERE}:function:suture-prod-chat:live"}),
    ("lambda", "TagResource20170331v2", {"resource": f"arn:aws:lambda:{HERE}:function:suture-prod-chat"}),
    ("iam", "PutRolePolicy", {"roleName": "suture-prod-remediate-iam", "policyName": "x"}),
    ("events", "DisableRule", {"name": "suture-prod-lambda-calls"}),
    ("events", "RemoveTargets", {"rule": "suture-prod-iam-calls", "ids": ["changes"]}),
    ("sqs", "SetQueueAttributes", {"queueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/suture-prod-changes"}),
    ("sqs", "PurgeQueue", {"queueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/suture-prod-remediate"}),
    ("dynamodb", "UpdateContinuousBackups", {"tableName": "suture-cases-1A2B"}),
    ("kms", "ScheduleKeyDeletion", {"keyId": KEY}),
    ("s3", "PutBucketPolicy", {"bucketName": "suture-prod-audit-x"}),
    ("apigateway", "UpdateStage", {"restApiId": "abc123", "stageName": "api"}),
    ("logs", "DeleteLogGroup", {"logGroupName": "/aws/lambda/suture-prod-watch"}),
    ("cloudtrail", "StopLogging", {"name": "management-events"}),
]
NEAR: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "suture-production"}, {}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "suture-prod2-watch"}, {}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "suture-prod-watch"}, {"errorCode": "AccessDenied"}),
    ("lambda", "GetFunction20150331v2", {"functionName": "suture-prod-watch"}, {"readOnly": True}),
    ("iam", "PutRolePolicy", {"roleName": "my-suture-prod-x"}, {}),
    ("events", "PutTargets", {"rule": "theirs", "targets": [{"arn": f"arn:aws:sqs:{HERE}:suture-prod-changes"}]}, {}),
    ("sqs", "SetQueueAttributes", {"queueUrl": f"https://sqs/{ACCOUNT}/orders"}, {}),
    ("kms", "GenerateMac", {"keyId": KEY}, {}),
    ("kms", "ScheduleKeyDeletion", {"keyId": KEY.replace("1111", "2222")}, {}),
    ("logs", "CreateLogStream", {"logGroupName": "/aws/lambda/suture-prod-watch"}, {}),
    ("cloudtrail", "DescribeTrails", {}, {}),
    ("ec2", "StopInstances", {"name": "suture-prod-watch"}, {}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": ["suture-prod-watch"]}, {}),
]


@pytest.mark.parametrize(("source", "name", "request_"), OURS, ids=range(len(OURS)))
def test_a_change_by_hand_is_the_gravest_case_and_is_told(
    w: World, source: str, name: str, request_: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    w.send("changes", envelope(record(source, name, request_)))
    assert w.run() == []
    case = w.case(CONTROL)
    assert (case.state, case.severity) == ("ESCALATED", "critical")
    assert "mallory" in case.title and name.split("2")[0] in case.title
    assert any("--deployment-mode REVERT_DRIFT" in note and "--stack-name suture " in note for note in case.notes)
    assert defending.ALARM in capsys.readouterr().out
    notices.tell(w.d, {"suture": "notice", "case": case.id, "version": case.version})
    assert "[CRITICAL]" in capsys.readouterr().out


@pytest.mark.parametrize(("source", "name", "request_", "more"), NEAR, ids=range(len(NEAR)))
def test_what_only_looks_like_it_is_no_case(
    source: str, name: str, request_: dict[str, Any], more: dict[str, Any]
) -> None:
    assert part_of(record(source, name, request_, **more), OWN) == ""


@pytest.mark.parametrize(("source", "name", "request_"), OURS, ids=range(len(OURS)))
def test_the_rendered_rules_hear_each(source: str, name: str, request_: dict[str, Any]) -> None:
    patterns = resolved(own_patterns())
    assert any(matches(p, envelope(record(source, name, request_))) for p in patterns.values())


@pytest.mark.parametrize("more", [{"errorCode": "AccessDenied"}, {"readOnly": True}])
def test_the_rendered_rules_hear_no_reads_and_no_failures(more: dict[str, Any]) -> None:
    heard = envelope(record("lambda", "UpdateFunctionCode20150331v2", {"functionName": "suture-prod-watch"}, **more))
    assert not any(matches(p, heard) for p in resolved(own_patterns()).values())


def resolved(value: Any) -> Any:
    """Intrinsics as a stack would work them out."""
    known = {"Ref": {"CaseTable": "suture-cases-1A2B", "AuditBucket": "suture-prod-audit-x", "RestAPI": "abc123"}}
    if isinstance(value, list):
        return [resolved(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        return value["Fn::Sub"].replace("${Stage}", "prod")
    if "Ref" in value:
        return known["Ref"].get(value["Ref"], value["Ref"])
    if "Fn::GetAtt" in value:
        return KEY if value["Fn::GetAtt"][0] == "JournalKey" else ":".join(value["Fn::GetAtt"])
    return {k: resolved(v) for k, v in value.items()}


def test_every_pattern_is_short_enough_for_eventbridge_and_names_what_the_code_looks_at() -> None:
    patterns = own_patterns()
    assert {name.lower() for name in patterns} == {*FIELDS, "trails"}
    assert all(len(json.dumps(p)) < 2048 for p in patterns.values())


def test_the_same_event_twice_is_one_word_and_another_one_more(w: World) -> None:
    first = envelope(record("events", "DisableRule", {"name": "suture-prod-iam-calls"}, event="e1"))
    for message in (first, first, {**first, "detail": {**first["detail"], "eventID": "e2"}}):
        w.send("changes", message)
        w.run()
    (case,) = w.cases(CONTROL)
    assert [fact["EventId"] for fact in case.evidence] == ["e1", "e2"]


def test_accepting_one_change_is_no_word_about_the_next(w: World) -> None:
    w.send("changes", envelope(record("events", "DisableRule", {"name": "suture-prod-iam-calls"}, event="e1")))
    w.run()
    until = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    w.decide("security", w.case(CONTROL), "suppress", until=until)
    assert w.case(CONTROL).state == "SUPPRESSED"
    w.send("changes", envelope(record("events", "RemoveTargets", {"rule": "suture-prod-iam-calls"}, event="e2")))
    w.run()
    assert (w.case(CONTROL).state, len(w.cases(CONTROL))) == ("ESCALATED", 1)


CLOUDFORMATION = {"invokedBy": "cloudformation.amazonaws.com"}


def by_stack(w: World, monkeypatch: pytest.MonkeyPatch, updated: Any, event: str = "e1") -> None:
    """A change that CloudFormation makes; our own stack was updated at that time, or cannot be asked (None)."""
    detail = record("lambda", "UpdateFunctionCode20150331v2", {"functionName": "suture-prod-watch"}, event=event)
    detail["userIdentity"] = {**detail["userIdentity"], **CLOUDFORMATION}
    call = type(w.d.clients).call

    def answered(self: Any, name: str, parameters: Any) -> Any:
        if name != "cloudformation:DescribeStacks":
            return call(self, name, parameters)
        assert parameters == {"StackName": STACK}
        if updated is None:
            return call(self, name, parameters)  # there is no such stack
        return {"Stacks": [{"StackName": "suture", "LastUpdatedTime": updated}]}

    monkeypatch.setattr(type(w.d.clients), "call", answered)
    w.send("changes", envelope(detail))
    assert w.run() == []


def test_a_deployment_is_told_once_and_is_no_alarm(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    for event in ("e1", "e2", "e3"):
        by_stack(w, monkeypatch, began, event)
    (case,) = w.cases(CONTROL)
    assert (case.state, case.severity) == ("RESOLVED", "medium")
    assert "is being deployed by mallory" in case.title


def test_a_deployment_closes_what_was_changed_by_hand(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    w.send("changes", envelope(record("lambda", "AddPermission", {"functionName": "suture-prod-watch"})))
    w.run()
    by_stack(w, monkeypatch, datetime.now(UTC))
    assert [c.state for c in w.cases(CONTROL)] == ["RESOLVED", "RESOLVED"]
    assert w.cases(CONTROL)[0].outcome == "deployed again by mallory"


@pytest.mark.parametrize("ago", [None, timedelta(hours=3), timedelta(minutes=-5)])
def test_another_stacks_change_of_our_part_is_no_deployment(
    w: World, monkeypatch: pytest.MonkeyPatch, ago: timedelta | None
) -> None:
    by_stack(w, monkeypatch, None if ago is None else datetime.now(UTC) - ago)
    assert w.case(CONTROL).severity == "critical"


@pytest.mark.parametrize("more", [{"source": "custom.lambda"}, {"account": "210987654321"}, {"detail": "x"}])
def test_what_is_not_awss_own_word_raises_no_alarm(w: World, more: dict[str, Any]) -> None:
    forged = {**envelope(record("events", "DisableRule", {"name": "suture-prod-iam-calls"})), **more}
    w.send("changes", forged)
    w.run()
    assert w.cases(CONTROL) == []


def beat_of(w: World) -> dict[str, Any]:
    return dict(w.d.ledger.table.get("BEAT#events", "SENT") or {})


def came_back(w: World, beat: str, role: str = "suture-prod-sweep") -> None:
    detail = record("sqs", "ListQueues", {"queueNamePrefix": f"suture-prod-heartbeat-{beat}"}, readOnly=True)
    detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    w.send("changes", envelope(detail))
    assert w.run() == []


def test_a_call_that_comes_back_is_no_news(w: World) -> None:
    w.sweep(hears=False)
    came_back(w, beat_of(w)["beat"])
    w.d.ahead = timedelta(minutes=40)
    w.sweep(hears=False)
    assert w.cases(CONTROL) == []


def test_silence_is_told_once_and_is_over_when_events_come_again(w: World, capsys: pytest.CaptureFixture[str]) -> None:
    for minutes in (0, 10, 30, 40, 70):
        w.d.ahead = timedelta(minutes=minutes)
        w.sweep(hears=False)
        assert bool(w.cases(CONTROL)) == (minutes >= 30)
    (case,) = w.cases(CONTROL)
    assert (case.state, case.severity, case.resource_id) == ("ESCALATED", "critical", "hearing")
    assert defending.DEAF_ALARM in capsys.readouterr().out
    came_back(w, beat_of(w)["beat"])
    w.sweep(hears=False)
    assert w.case(CONTROL).state == "RESOLVED"


def test_nobody_else_can_make_the_call_come_back(w: World) -> None:
    w.sweep(hears=False)
    came_back(w, "99991231T235959Z", role="mallory")
    w.d.ahead = timedelta(minutes=30)
    w.sweep(hears=False)
    assert w.case(CONTROL).resource_id == "hearing"


def test_an_old_beat_does_not_stand_for_the_last_one(w: World) -> None:
    w.sweep(hears=False)
    old = beat_of(w)["beat"]
    came_back(w, old)
    w.d.ahead = timedelta(minutes=70)
    w.sweep(hears=False)
    assert beat_of(w)["beat"] > old
    w.d.ahead = timedelta(minutes=100)
    w.sweep(hears=False)
    assert w.case(CONTROL).resource_id == "hearing"


def test_it_repairs_nothing_of_its_own(w: World) -> None:
    """The alarm makes no call that writes: only the table and the notices are touched."""
    made: list[str] = []
    call = type(w.d.clients).call
    w.d.clients.call = lambda name, parameters: made.append(name) or call(w.d.clients, name, parameters)  # type: ignore
    w.send("changes", envelope(record("events", "DisableRule", {"name": "suture-prod-iam-calls"})))
    w.run()
    assert w.case(CONTROL).state == "ESCALATED"
    assert {OPERATIONS[name].kind for name in made} <= {"own", "read"}
    assert w.d.is_own("suture-prod-iam-calls")
    assert not is_own_write(Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/mallory"), w.d.own_roles)
    boto3.client("sqs", region_name=REGION)
