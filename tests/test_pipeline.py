"""What events, sweeps and people do to cases: the rules that keep a fix from becoming an outage, or a fight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from faults import WOUNDS, Faults, Stage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import ACCOUNT, REGION, TestDeployment, World, function, grants, package, role

from chalicelib import pipeline
from chalicelib.aws.ledger import Place
from chalicelib.governance import Suppression
from chalicelib.model import Principal

FUNCTION, ROLE = "AWS::Lambda::Function", "AWS::IAM::Role"
PUBLIC = "lambda-policy-public"


def opened(w: World, name: str, sid: str = "oops", who: Any = None, **more: Any) -> Any:
    """A function that was seen clean, and then opened to all."""
    client = function(name)
    w.change(FUNCTION, name, "lambda:CreateFunction", created=True)
    w.run()
    reopened(w, client, name, sid, who, **more)
    return client


def reopened(w: World, client: Any, name: str, sid: str = "oops", who: Any = None, **more: Any) -> None:
    client.add_permission(FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal="*")
    w.change(FUNCTION, name, "lambda:AddPermission", *([who] if who else []), **more)
    w.run()


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_a_look_without_a_finding_costs_five_calls_one_write_and_no_key(w: World) -> None:
    function("quiet")
    faults = Faults(w)
    w.change(FUNCTION, "quiet", "lambda:TagResource")
    faults.reset()
    w.run()
    assert len(faults.calls) <= 5
    assert [c for c in faults.calls if c in ("GetItem", "Query", "TransactWriteItems", "GenerateMac")] == []
    assert faults.calls.count("UpdateItem") == 1


def test_many_events_about_one_resource_are_one_read(w: World) -> None:
    function("busy")
    faults = Faults(w)
    for _ in range(9):
        w.change(FUNCTION, "busy", "lambda:TagResource")
    faults.reset()
    w.run()
    assert len(faults.calls) <= 5


@pytest.mark.parametrize(
    "more",
    [
        {"via": "config", "created": True},
        {"via": "finding", "created": True},
        {"via": "sweep", "created": True},
        {"created": True, "replayed": True},
    ],
)
def test_only_the_creating_call_heard_live_says_that_suture_saw_it_made(w: World, more: dict[str, Any]) -> None:
    client = function("old")
    client.add_permission(FunctionName="old", StatementId="oops", Action="lambda:InvokeFunction", Principal="*")
    w.change(FUNCTION, "old", "lambda:CreateFunction", **more)
    w.run()
    assert w.case(PUBLIC).state == "PENDING"
    assert "oops" in grants(client, "old")


def test_a_replayed_event_proposes(w: World) -> None:
    client = opened(w, "orders", replayed=True)
    assert w.case(PUBLIC).state == "PENDING"
    assert "oops" in grants(client, "orders")


def test_our_own_writes_and_other_accounts_and_regions_are_left_out(w: World, capsys: Any) -> None:
    function("orders")
    ours = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/suture-prod-remediate-iam", "x")
    faults = Faults(w)
    faults.reset()
    w.change(FUNCTION, "orders", "lambda:RemovePermission", ours)
    w.run()
    for account, region in (("999999999999", REGION), (ACCOUNT, "eu-west-1"), (ACCOUNT, "evil.example/")):
        change = {"account": account, "region": region, "resource_type": FUNCTION, "resource_id": "orders"}
        w.send("changes", {"suture": "look", "changes": [{**change, "action": "lambda:X", "via": "cloudtrail"}]})
    assert w.run() == []
    assert faults.calls == []
    assert sum(r["message"] == "ignored" for r in records(capsys)) == 4


def test_limits_count_by_causer_and_propose_aloud(w: World, capsys: Any) -> None:
    for n in range(21):
        opened(w, f"decoy{n}")
    states = [c.state for c in w.cases(PUBLIC)]
    assert (states.count("RESOLVED"), states.count("PENDING")) == (20, 1)
    assert any("limit an hour" in r["message"] and r["level"] == "warning" for r in records(capsys))
    other = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/other", "x")
    client = opened(w, "real", who=other)
    assert grants(client, "real") == ["from-bucket"]


def test_what_is_not_applied_is_not_counted(w: World) -> None:
    client = function("legacy")
    client.add_permission(FunctionName="legacy", StatementId="oops", Action="lambda:InvokeFunction", Principal="*")
    w.change(FUNCTION, "legacy", "lambda:AddPermission")
    w.run()
    assert not any(i["pk"]["S"].startswith("COUNT#") for i in w.items())


def test_public_access_is_closed_though_terraform_owns_it_and_the_note_says_what_comes(w: World) -> None:
    agent = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/ci", "x", user_agent="Terraform/1.9 (+x)")
    client = opened(w, "orders", who=agent)
    case = w.case(PUBLIC)
    assert case.state == "RESOLVED" and grants(client, "orders") == ["from-bucket"]
    assert case.owned_by == "terraform"
    assert any("next terraform deploy would bring the risk back" in note for note in case.notes)


def test_the_same_thing_observed_again_is_no_news(tmp_path: Path) -> None:
    from world import world

    with world(tmp_path) as w:
        package(tmp_path, dict.fromkeys(("lambda-remove-public-grants",), "observe"))
        opened(w, "orders")
        before = w.case(PUBLIC)
        assert before.state == "OBSERVED" and before.the_plan
        w.sweep()
        w.change(FUNCTION, "orders", "lambda:TagResource")
        w.run()
        assert w.case(PUBLIC) == before


def test_a_guard_that_no_longer_refuses_gets_a_plan(w: World) -> None:
    client = boto3.client("apigateway", region_name=REGION)
    stage = Stage(w)
    id_ = WOUNDS["apigateway-guard-stage"].make(stage, "shop")
    client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])
    stage.look("AWS::ApiGateway::Stage", id_)
    case = w.case("apigateway-stage-unguarded")
    assert case.state == "ESCALATED" and case.refusal
    stage.look("AWS::ApiGateway::Stage", id_)
    assert w.case("apigateway-stage-unguarded").version == case.version
    logs = f"arn:aws:iam::{ACCOUNT}:role/apigateway-logs"
    client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": logs}])
    stage.look("AWS::ApiGateway::Stage", id_)
    after = w.case("apigateway-stage-unguarded")
    assert (after.state, after.refusal) == ("PENDING", "")


def test_a_refused_trust_is_planned_when_somebody_else_is_named(w: World) -> None:
    iam = boto3.client("iam")
    role("open", trust="*")
    w.change(ROLE, "open", "iam:UpdateAssumeRolePolicy")
    w.run()
    case = w.case("iam-trust-public")
    assert case.state == "ESCALATED" and "nobody would be left" in case.refusal
    document = iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"]
    document["Statement"].append(
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    iam.update_assume_role_policy(RoleName="open", PolicyDocument=json.dumps(document))
    w.change(ROLE, "open", "iam:UpdateAssumeRolePolicy")
    w.run()
    assert w.case("iam-trust-public").state == "PENDING"


def suppress(w: World, tmp_path: Path, expires: str) -> None:
    made = Suppression("s", PUBLIC, f"arn:aws:lambda:*:{ACCOUNT}:function:*", "*", "team", "a webhook", expires)
    path = tmp_path / "governance" / "packaged.json"
    rules = json.loads(path.read_text())
    rules["suppressions"] = {"suppressions": [{n: getattr(made, n) for n in Suppression.__slots__}]}
    path.write_text(json.dumps(rules))
    w.d.__dict__.pop("packaged", None)


def test_a_suppression_in_the_file_is_remembered_and_ends_aloud(w: World, tmp_path: Path, capsys: Any) -> None:
    suppress(w, tmp_path, "2099-01-01")
    client = opened(w, "hook")
    case = w.case(PUBLIC)
    assert (case.state, case.until) == ("SUPPRESSED", "2099-01-01")
    assert "oops" in grants(client, "hook")
    w.sweep()
    assert w.case(PUBLIC).version == case.version
    w.d.ahead = timedelta(days=80 * 365)
    capsys.readouterr()
    w.sweep()
    assert any(r["message"] == "a suppression is over" for r in records(capsys))
    after = w.case(PUBLIC)
    assert after.state == "RESOLVED" and after.decision == "apply"
    assert any("accepted until 2099-01-01, and that is over" in reason for reason in after.reasons)


def test_a_proposal_that_the_file_accepts_meanwhile_is_suppressed_not_resolved(w: World, tmp_path: Path) -> None:
    client = function("legacy")
    reopened(w, client, "legacy")
    assert w.case(PUBLIC).state == "PENDING"
    suppress(w, tmp_path, "2099-01-01")
    w.sweep()
    assert w.case(PUBLIC).state == "SUPPRESSED"


def test_a_decided_suppression_ends_and_is_proposed_again(w: World) -> None:
    client = function("legacy")
    reopened(w, client, "legacy")
    w.decide("oncall", w.case(PUBLIC), "snooze")
    w.sweep()
    assert w.case(PUBLIC).state == "SUPPRESSED"
    w.d.ahead = timedelta(days=8)
    w.sweep()
    case = w.case(PUBLIC)
    assert case.state == "PENDING" and any("that is over" in reason for reason in case.reasons)


def test_what_nobody_decides_expires_and_is_proposed_again(w: World) -> None:
    client = function("legacy")
    reopened(w, client, "legacy")
    w.d.ahead = timedelta(hours=25)
    w.sweep()
    case = w.case(PUBLIC)
    assert [r["to"] for r in w.d.ledger.records(case.id)][-4:] == ["EXPIRED", "SUPERSEDED", "PLANNED", "PENDING"]
    assert "oops" in grants(client, "legacy")


def test_the_sweep_wakes_a_case_whose_message_was_lost(w: World) -> None:
    stage = Stage(w)
    case = WOUNDS["lambda-remove-public-grants"].approved(stage, "orders")
    assert stage.queues.take("remediate")
    w.sweep()
    assert w.d.ledger.case(case.id).state == "APPROVED"
    w.d.ahead = timedelta(minutes=11)
    w.sweep()
    assert w.d.ledger.case(case.id).state == "RESOLVED"


def test_a_message_that_comes_again_hands_over_again(w: World) -> None:
    client = function("orders")
    w.change(FUNCTION, "orders", "lambda:CreateFunction", created=True)
    w.run()
    stage = Stage(w)
    client.add_permission(FunctionName="orders", StatementId="oops", Action="lambda:InvokeFunction", Principal="*")
    change = {"account": ACCOUNT, "region": REGION, "resource_type": FUNCTION, "resource_id": "orders"}
    message = {"suture": "look", "changes": [{**change, "action": "lambda:AddPermission", "via": "cloudtrail"}]}
    record = {"messageId": "m", "body": json.dumps(message)}

    class Broken(type(stage.queues)):  # type: ignore[misc]
        def send(self, name: str, message: Any, delay: int = 0) -> None:
            from chalicelib.errors import Throttled

            raise Throttled("no queue today")

    stage.d.__dict__["queues"] = Broken(stage.faults)
    assert pipeline.watched(stage.d, {"Records": [record]})["batchItemFailures"]
    assert w.case(PUBLIC).state == "APPROVED"
    stage.d.__dict__["queues"] = stage.queues
    again = {**record, "attributes": {"ApproximateReceiveCount": "2"}}
    assert not pipeline.watched(stage.d, {"Records": [again]})["batchItemFailures"]
    assert [q for q, _ in stage.queues.take("remediate")] == ["remediate"]


def test_a_failed_undo_stays_with_people_while_a_new_risk_gets_its_own_case(w: World) -> None:
    client = opened(w, "orders")
    client.add_permission(
        FunctionName="orders",
        StatementId="more",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceAccount=ACCOUNT,
        SourceArn="arn:aws:s3:::other",
    )
    w.decide("oncall", w.case(PUBLIC), "undo")
    failed = w.case(PUBLIC)
    assert failed.state == "UNDO_FAILED"
    w.sweep()
    assert w.case(PUBLIC).state == "UNDO_FAILED"
    reopened(w, client, "orders")
    cases = w.cases(PUBLIC)
    assert [c.state for c in cases] == ["UNDO_FAILED", "PENDING"]


def test_a_poison_message_fails_alone(w: World, capsys: Any) -> None:
    client = function("legacy")
    client.add_permission(FunctionName="legacy", StatementId="oops", Action="lambda:InvokeFunction", Principal="*")
    change = {"account": ACCOUNT, "region": REGION, "resource_type": FUNCTION, "resource_id": "legacy"}
    good = {"suture": "look", "changes": [{**change, "action": "lambda:X", "via": "cloudtrail"}]}
    half = json.dumps({**good, "changes": [{**change, "resource_id": "\ud800", "action": "lambda:X", "via": "cli"}]})
    bodies = ["{", "[]", '{"a": NaN}', '{"suture": "look"}', json.dumps(good), "[" * 5000, half]
    found = [{"messageId": str(n), "body": b} for n, b in enumerate(bodies)]
    answer = pipeline.watched(w.d, {"Records": found})
    assert {f["itemIdentifier"] for f in answer["batchItemFailures"]} == {"0", "1", "2", "3", "5", "6"}
    assert "mistake of ours" not in capsys.readouterr().out
    assert w.case(PUBLIC).state == "PENDING"


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        "{}",
        '{"case": 7, "do": "apply"}',
        '{"case": "C-1", "do": "delete"}',
        '{"case": "", "do": "apply"}',
    ],
)
def test_a_poison_message_to_a_writer_fails(w: World, message: str) -> None:
    answer = pipeline.remediated(w.d, {"Records": [{"messageId": "m", "body": message}]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_an_unknown_case_is_logged_and_a_wrong_writer_moves_nothing(w: World) -> None:
    stage = Stage(w)
    case = WOUNDS["iam-narrow-trust"].approved(stage, "open")
    ((queue, message),) = stage.queues.take("remediate", "remediate_iam")
    assert queue == "remediate_iam"
    assert stage.deliver({**message, "case": "C-UNKNOWN"}) == []
    assert stage.deliver({**message, "plan": "sha256:old"}) == []
    stage.w.d._environment = {**w.d._environment, "AWS_LAMBDA_FUNCTION_NAME": "suture-prod-remediate"}
    assert stage.deliver(message) == ["m"]
    assert w.d.ledger.case(case.id).state == "APPROVED"
    stage.w.d._environment = {**w.d._environment, "AWS_LAMBDA_FUNCTION_NAME": "suture-prod-remediate-iam"}
    assert stage.deliver(message) == []
    assert w.d.ledger.case(case.id).state == "RESOLVED"


def test_a_read_that_is_denied_is_logged_with_the_missing_action(w: World, capsys: Any) -> None:
    function("orders")
    faults = Faults(w)
    w.change(FUNCTION, "orders", "lambda:X")
    faults.reset(refuse=lambda name, n: "AccessDeniedException" if name.startswith("ListAliases") else "")
    assert len(w.run()) == 1
    (line,) = [r for r in records(capsys) if r["level"] == "error"]
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders"
    assert line["missing"] == [f"lambda:ListAliases on {arn}"] and line["where"]


def test_iam_is_fixed_by_a_deployment_in_another_region(tmp_path: Path) -> None:
    from world import world

    with world(tmp_path) as w:
        stage = Stage(w)
        away = TestDeployment({**w.d._environment, "AWS_REGION": "eu-west-1"}, tmp_path)
        assert away.home(ROLE) == "us-east-1" and away.home(FUNCTION) == "eu-west-1"
        away.__dict__.update(ledger=w.d.ledger, queues=stage.queues, fingerprint_key=w.d.fingerprint_key)
        away.__dict__.update(_journal_key=w.d._journal_key, _table=w.d._table)
        role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        change = {"account": ACCOUNT, "region": "us-east-1", "resource_type": ROLE, "resource_id": "open"}
        body = {"suture": "look", "changes": [{**change, "action": "iam:X", "via": "cloudtrail"}]}
        pipeline.watched(away, {"Records": [{"messageId": "m", "body": json.dumps(body)}]})
        case = w.case("iam-trust-public")
        assert (case.state, case.region) == ("PENDING", "us-east-1")
        stage.decide("security", case, "approve")
        from world import Context

        answer = pipeline.remediated(
            away, {"Records": [{"messageId": "m", "body": json.dumps(stage.writer_message())}]}, Context()
        )
        assert answer == {"batchItemFailures": []}
        assert w.case("iam-trust-public").state == "RESOLVED"
        assert w.d.ledger.history(Place(ACCOUNT, "us-east-1", ROLE, "open")).seen


def test_suture_never_mends_its_own(w: World) -> None:
    client = opened(w, "suture-prod-chat")
    case = w.case(PUBLIC)
    assert case.state == "ESCALATED" and "deploy" in case.outcome
    assert "oops" in grants(client, "suture-prod-chat")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from world import world

    with world(tmp_path_factory.mktemp("shared")) as w:
        reopened(w, function("legacy"), "legacy")
        yield w


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "suture": st.sampled_from(["write", "look", 1]),
        "case": values,
        "do": st.sampled_from(["apply", "undo", "watched", "x", None]) | values,
        "plan": values,
        "waits": values,
        "changes": values,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=fields | values, target=st.sampled_from(["watched", "remediated"]))
def test_no_message_raises_or_changes_a_case(shared: World, message: Any, target: str) -> None:
    before = shared.cases()
    record = {"messageId": "m", "body": json.dumps(message)}
    if target == "watched":
        pipeline.watched(shared.d, {"Records": [record]})
    else:
        from world import Context

        pipeline.remediated(shared.d, {"Records": [record]}, Context())
    assert shared.cases() == before
