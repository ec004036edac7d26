"""What no event tells: unused permissions and shared roles, found by the sweep and carried to their end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from world import ACCOUNT, REGION, World, function, package, role

from chalicelib import redaction
from chalicelib.aws import last_accessed, readers
from chalicelib.aws.executor import MustWait
from chalicelib.aws.hands import lease_key
from chalicelib.cases import Case
from chalicelib.controls import all_controls, controls_for
from chalicelib.errors import BadRequest
from chalicelib.messages import text
from chalicelib.model import canonical
from suture.sandbox.mends import iam_last_accessed as report

USAGE, SHARED = "Suture::IAM::RoleUsage", "Suture::Lambda::SharedRole"
UNUSED, SHARING = "iam-role-unused-permissions", "lambda-shared-role"
LOGS = {"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:PutLogEvents"], "Resource": "*"}
S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
S3_OF_AWS = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def old_role(name: str, **used: int) -> Any:
    """A function's role, a year old, that used these services so many days ago; answers with an IAM client."""
    used |= {"logs:CreateLogStream": used["logs"]} if "logs" in used else {}
    function(name)
    now = datetime.now(UTC)
    when = {service: now - timedelta(days=days) for service, days in used.items()}
    report.told(ACCOUNT, REGION, f"{name}-role", when, now - timedelta(days=365))
    return boto3.client("iam")


def put(iam: Any, role_name: str, **policies: Any) -> None:
    for name, found in policies.items():
        iam.put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=json.dumps(found))


def owned(iam: Any, name: str, found: Any, *roles: str) -> str:
    arn = str(iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(found))["Policy"]["Arn"])
    for each in roles:
        iam.attach_role_policy(RoleName=each, PolicyArn=arn)
    return arn


def sweep_a_day(w: World) -> None:
    """Each resource of a type that is read once a day has its hour; hours without one are passed over."""
    listed = [(kind, id_) for kind in (USAGE, SHARED) for id_ in readers.list_ids(w.d.clients, kind)]
    known = {*listed, *((case.resource_type, case.resource_id) for case in w.cases())}
    for _ in range(24):
        w.d.ahead += timedelta(hours=1)
        hour = int(w.d.now().timestamp()) // 3600
        if any(kind in (USAGE, SHARED) and readers.is_due(kind, id_, hour) for kind, id_ in known):
            w.sweep()


def state_of(w: World, name: str) -> str:
    found = readers.read(w.d.clients, "AWS::IAM::Role", name)
    assert found is not None
    return canonical(redaction.without(found.config, found.volatile))


def applied_and_undone(w: World, name: str, *approvers: str) -> tuple[Case, str]:
    """Approve, look, take back, look. Answers with the case as it was applied, and the role as it was between."""
    before, case = state_of(w, name), w.case(UNUSED)
    assert case.state == "PENDING"
    for who in approvers:
        w.decide(who, case, "approve")
    case = w.case(UNUSED)
    assert case.state == "RESOLVED", case.outcome
    between = state_of(w, name)
    assert between != before
    for who in approvers:
        w.decide(who, w.case(UNUSED), "undo")
    assert w.case(UNUSED).state == "UNDONE"
    assert state_of(w, name) == before
    return case, between


def calls_of(case: Case) -> list[str]:
    assert case.the_plan is not None
    return [step.call.operation.split(":")[1] for step in case.the_plan.steps]


def test_policies_of_every_kind_lose_what_was_never_used_and_get_it_back(w: World) -> None:
    iam = old_role("orders", logs=1, dynamodb=3)
    put(iam, "orders-role", mixed=document(LOGS, S3), idle=document(S3))
    arn = owned(iam, "tables", document({**S3, "Action": ["dynamodb:*", "sqs:*"]}), "orders-role")
    for attached in (BASIC, S3_OF_AWS):
        iam.attach_role_policy(RoleName="orders-role", PolicyArn=attached)
    sweep_a_day(w)
    case, between = applied_and_undone(w, "orders-role", "security")
    assert sorted(calls_of(case)) == ["CreatePolicyVersion", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy"]
    now = json.loads(between)
    assert calls_of(case)[-1] == "DetachRolePolicy"
    assert [p["PolicyName"] for p in now["RolePolicyList"]] == ["mixed"]
    assert now["RolePolicyList"][0]["PolicyDocument"] == document(LOGS)
    assert {p["PolicyArn"] for p in now["AttachedManagedPolicies"]} == {arn, BASIC}
    assert case.the_plan is not None and any("Watched by IAM" in note for note in case.the_plan.notes)


def test_one_of_awss_policies_is_copied_without_what_was_never_used(w: World) -> None:
    iam = old_role("orders", s3=1)
    iam.attach_role_policy(RoleName="orders-role", PolicyArn=S3_OF_AWS)
    sweep_a_day(w)
    case, between = applied_and_undone(w, "orders-role", "security")
    assert calls_of(case) == ["CreatePolicy", "AttachRolePolicy", "DetachRolePolicy"]
    (copy,) = json.loads(between)["AttachedManagedPolicies"]
    assert copy["PolicyArn"].startswith(f"arn:aws:iam::{ACCOUNT}:policy/suture/AmazonS3FullAccess")
    assert "s3-object-lambda" not in json.dumps(copy["PolicyDocument"])


def test_a_shared_policy_needs_two_people_and_its_own_runbook(w: World, tmp_path: Path) -> None:
    iam = old_role("orders", logs=1)
    role("returns")
    owned(iam, "both", document(LOGS, S3), "orders-role", "returns")
    sweep_a_day(w)
    case = w.case(UNUSED)
    assert case.state == "ESCALATED" and "iam-drop-unused-shared-permissions" in case.outcome
    pinned_alone(tmp_path, "iam-drop-unused-shared-permissions")
    w.d.__dict__.pop("packaged", None)
    sweep_a_day(w)
    case = w.case(UNUSED)
    w.decide("security", case, "approve")
    assert w.case(UNUSED).state == "PENDING"
    w.decide("oncall", case, "approve")
    assert w.case(UNUSED).state == "RESOLVED"


def pinned_alone(root: Path, runbook: str) -> None:
    """Let this runbook be the only one that is pinned for its control."""
    package(root)
    file = root / "governance" / "packaged.json"
    rules = json.loads(file.read_text())
    rules["pins"]["pins"] = [p for p in rules["pins"]["pins"] if p["runbook"] == runbook]
    file.write_text(json.dumps(rules))


def test_five_versions_are_asked_about_before_the_first_write(w: World) -> None:
    iam = old_role("orders", logs=1)
    arn = owned(iam, "own", document(LOGS), "orders-role")
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document(LOGS, S3)), SetAsDefault=True)
    sweep_a_day(w)
    assert w.case(UNUSED).state == "ESCALATED" and "five versions" in w.case(UNUSED).outcome


@pytest.mark.parametrize("days", [1, 89])
def test_a_new_role_is_left_alone(w: World, days: int) -> None:
    iam = old_role("orders", logs=1)
    report.told(ACCOUNT, REGION, "orders-role", {}, datetime.now(UTC) - timedelta(days=days))
    put(iam, "orders-role", mixed=document(LOGS, S3))
    sweep_a_day(w)
    assert w.cases(UNUSED) == []


def test_what_is_used_while_people_think_is_not_taken_away(w: World) -> None:
    iam = old_role("orders", logs=1)
    put(iam, "orders-role", mixed=document(LOGS, S3))
    sweep_a_day(w)
    case = w.case(UNUSED)
    report.told(ACCOUNT, REGION, "orders-role", {"s3": datetime.now(UTC)})
    w.decide("security", case, "approve")
    assert w.case(UNUSED).state == "RESOLVED" and "holds again" in w.case(UNUSED).outcome
    assert document(LOGS, S3) == iam.get_role_policy(RoleName="orders-role", PolicyName="mixed")["PolicyDocument"]


def test_a_role_is_read_once_a_day_and_all_of_them_not_at_once() -> None:
    names = [f"role-{n}" for n in range(2400)]
    hours = {name: [h for h in range(48) if readers.is_due(USAGE, name, h)] for name in names}
    assert all(len(found) == 2 and found[1] - found[0] == 24 for found in hours.values())
    assert max(sum(1 for found in hours.values() if found[0] == h) for h in range(24)) < 200
    assert all(readers.is_due("AWS::IAM::Role", name, 7) for name in names)


def test_a_report_that_is_not_ready_waits_and_is_no_failure(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_accessed, "PATIENCE", 0.0)
    monkeypatch.setattr(last_accessed.report, "__defaults__", (0.0,))
    iam = old_role("orders", logs=1)
    put(iam, "orders-role", mixed=document(LOGS, S3))
    report.slow(ACCOUNT, REGION, 3)
    sent: list[tuple[Any, int]] = []
    monkeypatch.setattr(w.d.queues, "send", lambda name, message, delay=0: sent.append((message, delay)))
    w.change(USAGE, "orders-role", "suture:Sweep", None, via="sweep")
    assert w.run() == []
    for _ in range(2):
        message, delay = sent.pop()
        assert delay == 20 * 2 ** (message["waits"] - 1)
        w.send("changes", message)
        assert w.run() == []
    message, _ = sent.pop()
    assert message["waits"] == 3
    w.send("changes", message)
    assert w.run() == []
    assert w.case(UNUSED).state == "PENDING", "the job went on meanwhile, and nothing was lost"


def test_a_report_that_never_comes_fails_aloud_in_the_end(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_accessed.report, "__defaults__", (0.0,))
    old_role("orders", logs=1)
    report.slow(ACCOUNT, REGION, 1000)
    w.send("changes", {**_look("orders-role"), "waits": 6})
    assert len(w.run()) == 1


def _look(id_: str) -> dict[str, Any]:
    from chalicelib.events import look_message
    from chalicelib.model import Change

    return look_message([Change(ACCOUNT, REGION, USAGE, id_, "suture:Sweep", "sweep")])


def test_one_role_has_one_writer_whatever_it_is_read_as(w: World) -> None:
    iam = old_role("orders", logs=1)
    put(iam, "orders-role", mixed=document(LOGS, S3))
    sweep_a_day(w)
    case = w.case(UNUSED)
    wide = next(c for c in w.cases("iam-role-wildcard-actions") if c.resource_id == "orders-role")
    assert case.id != wide.id and (case.resource_type, wide.resource_type) == (USAGE, "AWS::IAM::Role")
    assert lease_key(case) == lease_key(wide)
    now, later = "2026-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"
    w.d.journal("another").take_lease(lease_key(wide), now, later)
    sent: list[tuple[str, int]] = []
    send = w.d.queues.send
    w.d.queues.send = lambda name, message, delay=0: (  # type: ignore[method-assign]
        sent.append((name, delay)) if delay else send(name, message)
    )
    w.decide("security", case, "approve")
    assert w.case(UNUSED).state == "APPROVED" and sent and sent[0][0] == "remediate_iam" and sent[0][1] > 0
    assert issubclass(MustWait, Exception)


# --- shared roles ---------------------------------------------------------------------------------------------------


def share(*names: str) -> Any:
    """Functions that run with the first one's role; answers with the Lambda client."""
    client = function(names[0])
    for name in names[1:]:
        function(name)
        move(client, name, names[0])
    return client


def move(client: Any, name: str, to: str) -> None:
    client.update_function_configuration(FunctionName=name, Role=f"arn:aws:iam::{ACCOUNT}:role/{to}-role")


def test_a_shared_role_waits_for_its_owner_and_closes_by_itself(w: World) -> None:
    client = share("orders", "returns")
    function("alone")
    sweep_a_day(w)
    (case,) = w.cases(SHARING)
    assert (case.state, case.decision, case.resource_id) == ("WAITING_OWNER", "propose", "orders-role")
    assert case.the_plan is not None and case.the_plan.steps == () and case.the_plan.manual
    assert case.evidence[0]["Functions"] == ["orders", "returns"]
    assert case.notes[0] == "They are orders, returns."
    records = len(list(w.d.ledger.records(case.id)))
    sweep_a_day(w)
    assert len(list(w.d.ledger.records(case.id))) == records, "nobody is told twice"
    move(client, "returns", "returns")
    sweep_a_day(w)
    case = w.case(SHARING)
    assert case.state == "RESOLVED" and "without us" in case.outcome


def test_a_third_function_is_news(w: World) -> None:
    client = share("orders", "returns")
    sweep_a_day(w)
    function("refunds")
    move(client, "refunds", "orders")
    sweep_a_day(w)
    case = w.case(SHARING)
    assert (case.state, case.evidence[0]["Count"]) == ("WAITING_OWNER", 3)
    assert "decided again: the finding changed" in case.reasons


def test_versions_and_aliases_of_one_function_are_one_function(w: World) -> None:
    client = function("orders")
    version = client.publish_version(FunctionName="orders")["Version"]
    client.create_alias(FunctionName="orders", Name="live", FunctionVersion=version)
    assert list(readers.list_ids(w.d.clients, SHARED)) == []
    sweep_a_day(w)
    assert w.cases(SHARING) == []


def test_all_shared_roles_are_found_in_one_pass(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    share("a", "b")
    share("c", "d")
    calls: list[str] = []
    call = w.d.clients.call
    monkeypatch.setattr(w.d.clients, "call", lambda name, given: calls.append(name) or call(name, given))
    assert list(readers.list_ids(w.d.clients, SHARED)) == ["a-role", "c-role"]
    assert calls == ["lambda:ListFunctions"]


def test_there_is_nothing_to_approve_and_the_message_says_what_people_do(w: World) -> None:
    share("orders", "returns")
    sweep_a_day(w)
    case = w.case(SHARING)
    for decision in ("approve", "reject", "undo"):
        with pytest.raises(BadRequest):
            w.decide("security", case, decision)
    said = text(case, {}, ())
    assert "approve " not in said.replace("nothing to approve", "") and "Owner: For each function" in said
    assert "closes by itself when lambda-shared-role holds" in said
    status, answer = w.api("security", "GET", "/cases/{id}", path_parameters={"id": case.id})
    assert (status, answer["quorum"]) == (200, None) and answer["can_decide"]
    w.decide("security", case, "snooze")
    assert w.case(SHARING).state == "SUPPRESSED"


def test_a_role_that_is_gone_closes_its_case_although_no_list_has_it(w: World) -> None:
    client = share("orders", "returns")
    sweep_a_day(w)
    for name in ("orders", "returns"):
        client.delete_function(FunctionName=name)
    boto3.client("iam").delete_role(RoleName="orders-role")
    sweep_a_day(w)
    assert w.case(SHARING).state == "RESOLVED" and "gone" in w.case(SHARING).outcome


@pytest.mark.parametrize("kind", [USAGE, SHARED])
def test_no_event_leads_to_what_the_sweep_alone_finds(kind: str) -> None:
    assert readers.object_of(kind) == "AWS::IAM::Role" and readers.object_of("AWS::IAM::Role") == "AWS::IAM::Role"
    assert all(all_controls()[control].signals == () for control in controls_for(kind))
