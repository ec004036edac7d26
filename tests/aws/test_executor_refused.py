"""What a writer does when a call is refused, when it is raced, paused or short of time, and when a fix is no fix."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from faults import WOUNDS, WRITES, Killed, Stage, state_of
from world import REGION, World, grants

from chalicelib.approvals import Approval
from chalicelib.aws.ledger import Ledger, place_of
from chalicelib.aws.operations import OPERATIONS
from chalicelib.cases import noted

part = Ledger.part_approval
ENDS = {"RESOLVED", "UNDONE", "ESCALATED", "UNDO_FAILED", "WAITING_OWNER"}
GRANTS = WOUNDS["lambda-remove-public-grants"]
TRUST = WOUNDS["iam-narrow-trust"]


@pytest.fixture
def stage(w: World) -> Stage:
    return Stage(w)


@pytest.mark.parametrize("book", sorted(WOUNDS))
@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_a_write_that_is_refused_for_good_ends_at_a_person_or_as_it_was(stage: Stage, book: str, code: str) -> None:
    case = WOUNDS[book].approved(stage, "thing")
    stage.faults.reset(refuse=lambda name, n: code if name in WRITES else "")
    stage.settle()
    stage.faults.reset()
    after = stage.case(case.resource_id, case.control)
    assert state_of(stage, after) == "old"
    assert after.state in ("ESCALATED", "UNDONE", "UNDO_FAILED")
    if code.startswith("AccessDenied"):
        last = list(stage.d.ledger.records(after.id))[-1]
        assert last["details"]["missing"], last


@pytest.mark.parametrize("book", sorted(WOUNDS))
@pytest.mark.parametrize("code", ["ThrottlingException", "ResourceConflictException", "ServiceUnavailable"])
def test_a_call_that_is_refused_once_is_made_later(stage: Stage, book: str, code: str) -> None:
    wound = WOUNDS[book]
    case = wound.approved(stage, "thing")
    refused: list[str] = []

    def once(name: str, n: int) -> str:
        if name not in WRITES or refused:
            return ""
        refused.append(name)
        return code

    stage.faults.reset(refuse=once)
    stage.settle()
    after = stage.case(case.resource_id, case.control)
    assert (after.state, state_of(stage, after)) == (wound.end, "new")


@pytest.mark.parametrize("code", ["AccessDenied", "ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_refusal_at_any_call_leaves_old_or_new(stage: Stage, code: str) -> None:
    GRANTS.approved(stage, "measure")
    total = len(stage.calls_of(stage.writer_message()))
    for at in range(1, total + 1, 2):
        stage.faults.reset()
        case = GRANTS.approved(stage, f"thing{at}")
        message = stage.writer_message()
        stage.faults.reset(refuse=lambda name, n, at=at: code if n == at and name != "SendMessage" else "")
        failed = stage.deliver(message)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message if failed else None)
        after = stage.case(case.resource_id, case.control)
        assert after.state in ENDS, f"call {at}: {after.state} {after.outcome}"
        last = list(stage.d.ledger.records(after.id))[-1]
        says_so = after.state == "ESCALATED" and after.applied and last["details"]["done"]
        assert state_of(stage, after) in ("old", "new") or says_so, f"call {at}"


def test_what_was_done_is_taken_back_when_the_second_call_fails(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    seen: list[int] = []

    def second(name: str, n: int) -> str:
        seen.extend([n] if name == "RemovePermission" else [])
        return "AccessDeniedException" if name == "RemovePermission" and len(seen) == 2 else ""

    stage.faults.reset(refuse=second)
    stage.settle()
    after = stage.case(case.resource_id, case.control)
    assert (after.state, state_of(stage, after)) == ("UNDONE", "old")


def test_two_workers_at_once_and_only_one_acts(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    message = stage.writer_message()
    journal, key = stage.d.journal("other"), place_of(case).key
    journal.take_lease(key, "2000", "9999")
    assert stage.deliver(message) == []
    assert stage.case("orders", case.control).state == "APPROVED"
    assert stage.faults.writes == []
    journal.release_lease(key)
    stage.settle()
    assert stage.case("orders", case.control).state == "RESOLVED"


def test_a_message_delivered_twice_is_applied_once(stage: Stage) -> None:
    GRANTS.approved(stage, "orders")
    message = stage.writer_message()
    assert stage.deliver(message) == stage.deliver(message, 2) == []
    assert stage.faults.writes == ["RemovePermission", "RemovePermission"]
    told = [m for q, m in stage.queues.take("notices")]
    assert len(told) >= 2


def test_a_pause_is_read_before_every_write(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    message = stage.writer_message()
    switch = {"pk": "SWITCH#global", "sk": "PAUSE", "version": 1, "paused": 1, "body": "{}"}

    def paused_after_the_first(name: str, n: int) -> str:
        if name == "RemovePermission":
            stage.w.d.ledger.table.put(switch)
        return ""

    stage.faults.reset(refuse=paused_after_the_first)
    assert stage.deliver(message) == []
    assert stage.faults.writes == ["RemovePermission"]
    assert stage.case("orders", case.control).state == "APPLYING"
    stage.faults.reset()
    stage.w.d.ledger.table.put({**switch, "paused": 0})
    stage.settle()
    after = stage.case("orders", case.control)
    assert (after.state, state_of(stage, after)) == ("RESOLVED", "new")


def test_no_call_starts_with_too_little_time_left(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    assert stage.deliver(stage.writer_message(), seconds=20) == []
    assert stage.faults.writes == []
    stage.settle()
    assert stage.case("orders", case.control).state == "RESOLVED"


def test_a_fix_that_another_control_minds_is_taken_back(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    client = boto3.client("lambda", region_name=REGION)

    def opens_a_url(name: str, n: int) -> str:
        if name == "RemovePermission" and "url" not in grants(client, "orders"):
            client.create_function_url_config(FunctionName="orders", AuthType="NONE")
            client.add_permission(
                FunctionName="orders",
                StatementId="url",
                Action="lambda:InvokeFunctionUrl",
                Principal="*",
                FunctionUrlAuthType="NONE",
            )
        return ""

    stage.faults.reset(refuse=opens_a_url)
    stage.settle()
    after = stage.case("orders", case.control)
    assert {"one", "two"} <= set(grants(client, "orders"))
    assert after.state == "UNDO_FAILED" and after.applied
    assert any("lambda-url-public holds no longer" in r["what"] for r in stage.d.ledger.records(after.id))


def test_what_somebody_adds_meanwhile_is_another_case_and_takes_no_fix_back(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    client = boto3.client("lambda", region_name=REGION)

    def adds(name: str, n: int) -> str:
        if stage.faults.writes == ["RemovePermission"] * 2 and "three" not in grants(client, "orders"):
            client.add_permission(
                FunctionName="orders", StatementId="three", Action="lambda:InvokeFunction", Principal="*"
            )
        return ""

    stage.faults.reset(refuse=adds)
    stage.settle()
    assert grants(client, "orders") == ["from-bucket", "three"]
    assert stage.d.ledger.case(case.id).state == "RESOLVED"
    assert [q for q, _ in stage.queues.take("changes")] == ["changes"]


def test_a_fix_that_has_no_effect_is_taken_back_after_its_time_to_settle(stage: Stage) -> None:
    case = TRUST.approved(stage, "open")
    iam = boto3.client("iam")
    before = iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"]

    def restores(name: str, n: int) -> str:
        if stage.faults.writes == ["UpdateAssumeRolePolicy"]:
            iam.update_assume_role_policy(RoleName="open", PolicyDocument=json.dumps(before))
        return ""

    stage.faults.reset(refuse=restores)
    began = stage.d.now()
    stage.settle()
    after = stage.case("open", case.control)
    assert (after.state, state_of(stage, after)) == ("UNDONE", "old")
    assert (stage.d.now() - began).total_seconds() >= OPERATIONS["iam:UpdateAssumeRolePolicy"].settle


def test_an_end_whose_answer_was_lost_is_told(stage: Stage) -> None:
    """Found by the simulation: the table's answer was lost, the message waited, and found nothing left to do or say."""
    case = GRANTS.approved(stage, "orders")
    message, lost = stage.writer_message(), []
    stage.queues.take("notices")

    def lose(**_: Any) -> None:
        if not lost and stage.case("orders", case.control).state == "RESOLVED":
            lost.append(True)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    stage.w.d.clients.client("dynamodb").meta.events.register("after-call.dynamodb.TransactWriteItems", lose)
    assert stage.deliver(message) == []
    assert lost and stage.deliver(stage.writer_message()) == []
    told = [m["version"] for q, m in stage.queues.take("notices") if m["case"] == case.id]
    assert told and told[-1] == stage.case("orders", case.control).version


def test_an_undo_call_that_was_sent_twice_is_no_failure(stage: Stage) -> None:
    """Found by the simulation: botocore sends again what got no answer, and AddPermission then says that it exists."""
    case = GRANTS.undoing(stage, "orders")
    client = boto3.client("lambda", region_name=REGION)

    def arrives_first(name: str, n: int) -> str:
        missing = [sid for sid in ("two", "one") if sid not in grants(client, "orders")]
        if name == "AddPermission":
            everyone = {"Action": "lambda:InvokeFunction", "Principal": "*"}
            client.add_permission(FunctionName="orders", StatementId=missing[0], **everyone)
        return ""

    stage.faults.reset(refuse=arrives_first)
    stage.settle()
    after = stage.case("orders", case.control)
    assert stage.faults.writes == ["AddPermission", "AddPermission"]
    assert (after.state, state_of(stage, after)) == ("UNDONE", "old"), after.outcome


def test_a_fix_that_somebody_took_back_while_it_was_verified_is_undone(stage: Stage) -> None:
    """Found by the simulation, seed 54: the grants were there again, so the undo had nothing to add."""
    case = GRANTS.approved(stage, "orders")
    client = boto3.client("lambda", region_name=REGION)

    def restores(name: str, n: int) -> str:
        if stage.faults.writes == ["RemovePermission"] * 2 and "one" not in grants(client, "orders"):
            everyone = {"Action": "lambda:InvokeFunction", "Principal": "*"}
            for sid in ("one", "two"):
                client.add_permission(FunctionName="orders", StatementId=sid, **everyone)
        return ""

    stage.faults.reset(refuse=restores)
    stage.settle()
    after = stage.case("orders", case.control)
    assert (after.state, state_of(stage, after)) == ("UNDONE", "old"), after.outcome


def test_a_state_that_moved_before_the_apply_gets_a_new_plan(stage: Stage) -> None:
    case = TRUST.approved(stage, "open")
    message = stage.writer_message()
    boto3.client("iam").update_role(RoleName="open", Description="moved", MaxSessionDuration=7200)
    assert stage.deliver(message) == []
    after = stage.case("open", case.control)
    assert after.state == "SUPERSEDED" and stage.faults.writes == []
    assert [q for q, _ in stage.queues.take("changes")] == ["changes"]
    stage.look(TRUST.kind, "open", via="recheck", who=None)
    again = stage.case("open", case.control)
    assert again.state == "PENDING" and again.plan_digest != case.plan_digest


def test_a_new_causer_in_mid_run_does_not_stop_the_case(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")

    def notes(name: str, n: int) -> str:
        if name == "RemovePermission":
            now = stage.case("orders", case.control)
            stage.w.d.ledger.save(now, noted(now, now.updated), _entry())
        return ""

    stage.faults.reset(refuse=notes)
    assert stage.deliver(stage.writer_message()) == []
    assert stage.case("orders", case.control).state == "RESOLVED"


def test_an_undo_that_nobody_asked_for_needs_the_journals_word(stage: Stage) -> None:
    case = GRANTS.applied(stage, "orders")
    forged = noted(case, case.updated, state="UNDOING", outcome="not verified: so they say")
    stage.d.ledger.save(case, forged, _entry())
    message = {"suture": "write", "case": case.id, "do": "undo", "plan": case.plan_digest}
    assert stage.deliver(message) == []
    after = stage.case("orders", case.control)
    assert after.state == "UNDO_FAILED" and "no warrant" in after.outcome
    assert state_of(stage, after) == "new"


def test_an_apply_that_nobody_approved_is_refused(stage: Stage) -> None:
    id_ = TRUST.make(stage, "open")
    stage.look(TRUST.kind, id_)
    case = stage.case("open", TRUST.control)
    stage.d.ledger.save(case, noted(case, case.updated, state="APPROVED"), _entry())
    message = {"suture": "write", "case": case.id, "do": "apply", "plan": case.plan_digest}
    assert stage.deliver(message) == []
    after = stage.case("open", TRUST.control)
    assert after.state == "ESCALATED" and "no warrant" in after.outcome
    assert stage.faults.writes == []


def edited(plan: dict[str, Any], how: str) -> dict[str, Any]:
    """The plan of a case as somebody who may write to the table could leave it, under the digest that was approved."""
    changed: dict[str, Any] = json.loads(json.dumps(plan))
    step = changed["steps"][0]
    if how == "another call":
        step["call"]["parameters"]["FunctionName"] = "checkout"
    if how == "one call more":
        changed["steps"].append(step)
    if how == "another undo":
        step["undo"] = []
    if how == "other calls kept for undo":
        step["undo"][0]["parameters"]["Principal"] = "*"
    return changed


@pytest.mark.parametrize("how", ["another call", "one call more", "another undo", "other calls kept for undo"])
def test_a_plan_edited_in_the_table_is_not_carried_out(stage: Stage, how: str) -> None:
    """The digest stands for the plan that a fresh read gives, never for what the table says it is."""
    case = GRANTS.approved(stage, "orders")
    message = stage.writer_message()
    planted = noted(case, case.updated, plan=edited(dict(case.plan or {}), how))
    stage.d.ledger.save(case, planted, _entry())
    assert stage.deliver(message) == []
    after = stage.case("orders", case.control)
    begun = stage.d.journal("test").read(case.id, after.plan_digest)
    assert begun is None or begun.plan.as_json()["steps"] == case.the_plan.as_json()["steps"]  # type: ignore[union-attr]
    assert state_of(stage, after) in ("old", "new")
    assert stage.faults.writes in ([], ["RemovePermission", "RemovePermission"])


@pytest.mark.parametrize("who", ["mallory", "drew"])
def test_a_planted_approval_of_nobody_who_may_is_refused(stage: Stage, who: str) -> None:
    """Whatever stands in the table, the writer counts listed people who did not cause the change."""
    id_ = TRUST.make(stage, "open")
    stage.look(TRUST.kind, id_)
    case = stage.case("open", TRUST.control)
    word = Approval(who, case.plan_digest, "apply", "approve", case.updated, "")
    stage.d.ledger.save(case, noted(case, case.updated, state="APPROVED"), _entry(), beside=(part(case.id, word),))
    message = {"suture": "write", "case": case.id, "do": "apply", "plan": case.plan_digest}
    assert stage.deliver(message) == []
    after = stage.case("open", TRUST.control)
    assert after.state == "ESCALATED" and "no warrant" in after.outcome
    assert stage.faults.writes == []


def test_the_same_undo_twice_opens_nothing(stage: Stage) -> None:
    case = GRANTS.undoing(stage, "orders")
    message = stage.writer_message()
    assert stage.deliver(message) == stage.deliver(message, 2) == []
    after = stage.case("orders", case.control)
    assert (after.state, after.applied) == ("UNDONE", "")
    assert stage.faults.writes.count("AddPermission") == 2


def _entry() -> Any:
    from chalicelib.aws.ledger import Entry

    return Entry("test", "by hand", {})


def test_a_writer_killed_while_it_takes_its_own_fix_back_goes_on_without_asking(stage: Stage) -> None:
    iam = boto3.client("iam")
    TRUST.approved(stage, "measure")
    stage.queues.take("remediate_iam")
    for n in range(20, 60, 3):
        stage.faults.reset()
        case = TRUST.approved(stage, f"open{n}")
        message = stage.writer_message()
        before = json.dumps(iam.get_role(RoleName=f"open{n}")["Role"]["AssumeRolePolicyDocument"])

        def restores(name: str, k: int, role: str = f"open{n}", document: str = before) -> str:
            if stage.faults.writes == ["UpdateAssumeRolePolicy"]:
                iam.update_assume_role_policy(RoleName=role, PolicyDocument=document)
            return ""

        stage.faults.reset(kill_at=n, refuse=restores)
        with contextlib.suppress(Killed):
            stage.deliver(message)
        stage.faults.reset(refuse=restores)
        stage.later(200)
        stage.settle(message)
        after = stage.case(f"open{n}", case.control)
        assert state_of(stage, after) == "old" and after.state == "UNDONE", f"{n}: {after.outcome}"


def test_a_failure_of_our_own_table_fails_the_message_and_not_the_case(stage: Stage) -> None:
    case = GRANTS.approved(stage, "orders")
    message = stage.writer_message()
    stage.faults.reset(refuse=lambda name, n: "AccessDeniedException" if name == "UpdateItem" else "")
    assert stage.deliver(message) == ["m"]
    stage.faults.reset()
    assert stage.case("orders", case.control).state in ("APPROVED", "APPLYING")
    stage.later(200)
    stage.settle(message)
    assert stage.case("orders", case.control).state == "RESOLVED"
