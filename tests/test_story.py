"""The story end to end in one process: found, planned, applied or approved, verified, recorded, taken back."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from world import ACCOUNT, REGION, World, function, grants, role

from chalicelib import pipeline, sweeping
from chalicelib.aws import readers
from chalicelib.controls import all_controls
from chalicelib.errors import BadRequest
from chalicelib.model import Principal

FUNCTION = "AWS::Lambda::Function"
ROLE = "AWS::IAM::Role"


def seen_clean(w: World, name: str, **variables: str) -> object:
    client = function(name, variables)
    w.change(FUNCTION, name, "lambda:CreateFunction", created=True)
    w.run()
    return client


def open_to_all(client: object, name: str, sid: str = "oops") -> None:
    client.add_permission(FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal="*")


def test_a_public_grant_goes_and_the_legitimate_one_stays(w: World) -> None:
    client = seen_clean(w, "orders")
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    assert w.run() == []
    case = w.case("lambda-policy-public")
    assert (case.state, case.decision) == ("RESOLVED", "apply")
    assert grants(client, "orders") == ["from-bucket"]
    states = [r["to"] for r in w.d.ledger.records(case.id)]
    assert states == ["DETECTED", "PLANNED", "APPROVED", "APPLYING", "VERIFYING", "RESOLVED"]


def test_what_was_there_before_is_proposed_once_and_never_fixed_by_itself(w: World) -> None:
    client = function("legacy")
    open_to_all(client, "legacy")
    w.change(FUNCTION, "legacy", "lambda:TagResource")
    w.change(FUNCTION, "legacy", "lambda:TagResource")
    w.run()
    assert [c.state for c in w.cases()] == ["PENDING"]
    assert grants(client, "legacy") == ["from-bucket", "oops"]


def test_a_sweep_finds_what_no_event_told_and_proposes(w: World) -> None:
    client = function("forgotten")
    open_to_all(client, "forgotten")
    w.sweep()
    assert w.case("lambda-policy-public").state == "PENDING"
    assert "oops" in grants(client, "forgotten")


def test_only_the_public_alias_is_touched(w: World) -> None:
    client = seen_clean(w, "orders")
    client.publish_version(FunctionName="orders")
    client.create_alias(FunctionName="orders", Name="prod", FunctionVersion="1")
    w.change(FUNCTION, "orders", "lambda:CreateAlias")
    w.run()
    client.add_permission(
        FunctionName="orders", Qualifier="prod", StatementId="oops", Action="lambda:InvokeFunction", Principal="*"
    )
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    assert w.case("lambda-policy-public").state == "RESOLVED"
    assert grants(client, "orders", Qualifier="prod") == []
    assert grants(client, "orders") == ["from-bucket"]


def test_a_public_url_asks_for_iam_and_keeps_its_host(w: World) -> None:
    client = seen_clean(w, "site")
    url = client.create_function_url_config(FunctionName="site", AuthType="NONE")["FunctionUrl"]
    client.add_permission(
        FunctionName="site",
        StatementId="FunctionURLAllowPublicAccess",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    w.change(FUNCTION, "site", "lambda:CreateFunctionUrlConfig")
    w.run()
    after = client.get_function_url_config(FunctionName="site")
    assert (after["AuthType"], after["FunctionUrl"]) == ("AWS_IAM", url)
    assert [c.state for c in w.cases()] == ["RESOLVED"]


def test_a_fix_is_taken_back_and_never_happens_by_itself_again(w: World) -> None:
    client = seen_clean(w, "orders")
    open_to_all(client, "orders")
    before = client.get_policy(FunctionName="orders")["Policy"]
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    case = w.case("lambda-policy-public")
    w.decide("security", case, "undo", "a partner needs it")
    assert w.case("lambda-policy-public").state == "UNDONE"
    after = client.get_policy(FunctionName="orders")["Policy"]
    assert sorted(map(str, json.loads(before)["Statement"])) == sorted(map(str, json.loads(after)["Statement"]))
    w.sweep()
    assert [c.state for c in w.cases("lambda-policy-public")] == ["UNDONE"]
    open_to_all(client, "orders", "another")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    assert w.case("lambda-policy-public").state == "PENDING"
    assert "another" in grants(client, "orders")


def test_undo_refuses_when_somebody_changed_the_resource_since(w: World) -> None:
    client = seen_clean(w, "orders")
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    client.remove_permission(FunctionName="orders", StatementId="from-bucket")
    w.decide("security", w.case("lambda-policy-public"), "undo")
    case = w.case("lambda-policy-public")
    assert (case.state, case.outcome) == ("UNDO_FAILED", "somebody changed the resource since; nothing was called")
    assert grants(client, "orders") == []


def test_who_restores_a_risk_again_and_again_is_named_at_the_end(w: World) -> None:
    client = seen_clean(w, "orders")
    for _ in range(4):
        open_to_all(client, "orders")
        w.change(FUNCTION, "orders", "lambda:AddPermission")
        w.run()
    assert [c.state for c in w.cases()] == ["RESOLVED", "RESOLVED", "RESOLVED", "ESCALATED"]
    assert "shop-deploy" in w.cases()[-1].outcome
    assert "oops" in grants(client, "orders")


def test_trust_is_proposed_approved_narrowed_and_undone(w: World) -> None:
    iam = boto3.client("iam")
    role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    before = iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"]
    w.change(ROLE, "open", "iam:UpdateAssumeRolePolicy")
    w.run()
    case = w.case("iam-trust-public")
    assert case.state == "PENDING"
    assert iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"] == before
    w.decide("oncall", case, "approve")
    assert w.case("iam-trust-public").state == "RESOLVED"
    after = iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"]
    assert "*" not in json.dumps(after) and f"{ACCOUNT}:root" in json.dumps(after)
    w.decide("oncall", w.case("iam-trust-public"), "undo")
    assert w.case("iam-trust-public").state == "UNDONE"
    assert iam.get_role(RoleName="open")["Role"]["AssumeRolePolicyDocument"] == before


def test_an_administrator_needs_two_people_and_gets_a_boundary(w: World) -> None:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    role("mighty", policy=everything)
    w.change(ROLE, "mighty", "iam:PutRolePolicy")
    w.run()
    case = w.case("iam-role-admin")
    assert w.decide("security", case, "approve").case.state == "PENDING"
    with pytest.raises(BadRequest, match="Sam has approved this plan already"):
        w.decide("security", w.case("iam-role-admin"), "approve")
    assert w.case("iam-role-admin").state == "PENDING"
    assert w.decide("oncall", w.case("iam-role-admin"), "approve").case.state == "APPROVED"
    assert w.case("iam-role-admin").state == "RESOLVED"
    bound = boto3.client("iam").get_role(RoleName="mighty")["Role"]["PermissionsBoundary"]
    assert bound["PermissionsBoundaryArn"].endswith("suture-boundary")


def test_a_secret_is_stored_and_is_nowhere_else(w: World) -> None:
    value = "hunter2-" + "Tr0ub4dor&3"
    seen_clean(w, "pay", DB_PASSWORD=value)
    case = w.case("lambda-env-plaintext-secret")
    assert case.state == "PENDING"
    w.decide("oncall", case, "approve")
    case = w.case("lambda-env-plaintext-secret")
    assert (case.state, case.standing["stage"]) == ("PENDING", "grant")
    secrets = boto3.client("secretsmanager", region_name=REGION)
    (stored,) = secrets.list_secrets()["SecretList"]
    assert secrets.get_secret_value(SecretId=stored["ARN"])["SecretString"] == value
    assert value not in json.dumps(w.items())


@pytest.mark.parametrize(
    ("role_name", "status"),
    [("shop-deploy", 403), ("developer", 403), ("nobody", 403)],
)
def test_who_caused_it_or_is_not_listed_cannot_decide(w: World, role_name: str, status: int) -> None:
    role("open", trust="*")
    role("other", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    w.change(ROLE, "other", "iam:UpdateAssumeRolePolicy")
    w.run()
    case = w.case("iam-trust-public")
    for decision in ("approve", "reject", "snooze", "suppress"):
        with pytest.raises(BadRequest) as refused:
            w.decide(role_name, case, decision)
        assert refused.value.status == status
    assert w.case("iam-trust-public").state == "PENDING"


def test_an_unknown_causer_asks_for_security(w: World) -> None:
    role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    stranger = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/pipeline", "run-7")
    w.change(ROLE, "open", "iam:UpdateAssumeRolePolicy", stranger)
    w.run()
    case = w.case("iam-trust-public")
    assert w.decide("oncall", case, "approve").case.state == "PENDING"
    assert w.decide("security", w.case("iam-trust-public"), "approve").case.state == "APPROVED"


def test_an_approval_binds_to_the_calls_that_were_shown(w: World) -> None:
    role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    w.change(ROLE, "open", "iam:UpdateAssumeRolePolicy")
    w.run()
    old = w.case("iam-trust-public")
    boto3.client("iam").put_role_policy(RoleName="open", PolicyName="new", PolicyDocument=json.dumps(LOGS))
    w.decide("oncall", old, "approve")
    case = w.case("iam-trust-public")
    assert case.state == "PENDING" and case.plan_digest != old.plan_digest
    with pytest.raises(BadRequest, match="superseded"):
        w.decide("oncall", case, "approve", plan=old.plan_digest)


LOGS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]}


def test_a_resource_that_heals_itself_closes_its_case(w: World) -> None:
    client = function("legacy")
    open_to_all(client, "legacy")
    w.change(FUNCTION, "legacy", "lambda:AddPermission")
    w.run()
    client.remove_permission(FunctionName="legacy", StatementId="oops")
    w.change(FUNCTION, "legacy", "lambda:RemovePermission")
    w.run()
    assert w.case("lambda-policy-public").state == "RESOLVED"


def test_a_resource_that_is_gone_closes_its_case(w: World) -> None:
    client = function("legacy")
    open_to_all(client, "legacy")
    w.change(FUNCTION, "legacy", "lambda:AddPermission")
    w.run()
    client.delete_function(FunctionName="legacy")
    w.change(FUNCTION, "legacy", "lambda:DeleteFunction")
    w.run()
    assert w.case("lambda-policy-public").outcome == "the resource is gone"


def test_a_pause_stops_every_write_until_two_people_resume(w: World) -> None:
    client = seen_clean(w, "orders")
    assert w.api("oncall", "POST", "/pause", body='{"reason": "storm"}')[1]["paused"]
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    assert "oops" in grants(client, "orders")
    assert w.case("lambda-policy-public").state in ("APPROVED", "APPLYING")
    assert w.api("oncall", "POST", "/resume")[1]["paused"]
    assert w.api("oncall", "POST", "/resume")[1]["paused"]
    assert not w.api("security", "POST", "/resume")[1]["paused"]


@pytest.mark.parametrize(
    ("scope", "stops"),
    [
        ({"control": "lambda-policy-public"}, True),
        ({"runbook": "lambda-remove-public-grants"}, True),
        ({"account": "123456789012"}, True),
        ({"control": "lambda-url-public"}, False),
        ({"runbook": "lambda-require-url-auth"}, False),
    ],
)
def test_a_pause_of_some_stops_those_alone_and_says_so(w: World, scope: dict[str, str], stops: bool) -> None:
    client, body = seen_clean(w, "orders"), json.dumps({"reason": "storm", **scope})
    assert w.api("oncall", "POST", "/pause", body=body)[1]["paused"]
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    assert ("oops" in grants(client, "orders")) == stops
    (told,) = [c for c in w.api("oncall", "GET", "/cases")[1]["cases"] if c["control"] == "lambda-policy-public"]
    shown = w.api("oncall", "GET", "/cases/{id}", path_parameters={"id": told["id"]})[1]
    assert told.get("waits", "") == shown["waits"]
    assert ("is paused by olly" in shown["waits"]) == stops
    for who in ("oncall", "oncall", "security"):
        assert ("oops" in grants(client, "orders")) == stops
        w.api(who, "POST", "/resume", body=body)
        w.run()
    assert grants(client, "orders") == ["from-bucket"]


def test_two_pauses_are_resumed_one_by_one(w: World) -> None:
    client = seen_clean(w, "orders")
    narrow, wide = '{"reason": "a", "control": "lambda-policy-public"}', '{"reason": "b"}'
    for body in (narrow, wide):
        w.api("oncall", "POST", "/pause", body=body)
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    w.api("oncall", "POST", "/resume", body=wide)
    answer = w.api("security", "POST", "/resume", body=wide)[1]
    assert "control lambda-policy-public is paused" in answer["reasons"][0]
    w.run()
    assert "oops" in grants(client, "orders")
    assert [p["scope"] for p in w.api("oncall", "GET", "/cases")[1]["pauses"]] == ["control lambda-policy-public"]


@pytest.mark.parametrize(
    "scope",
    [
        {"account": "210987654321"},
        {"control": "no-such-control"},
        {"control": "../model"},
        {"control": "_grants"},
        {"runbook": "lambda-require-url-auth/1.0.0"},
        {"runbook": "no-such"},
        {"account": ["123456789012"]},
        {"account": "123456789012", "control": "lambda-url-public"},
    ],
)
def test_a_pause_of_what_is_not_here_is_refused_and_stops_nothing(w: World, scope: dict[str, object]) -> None:
    status, answer = w.api("oncall", "POST", "/pause", body=json.dumps(scope))
    assert (status, bool(answer["next"])) == (400, True)
    assert w.api("oncall", "GET", "/cases")[1]["pauses"] == []


def test_a_creation_heard_after_its_finding_makes_the_fix_automatic(w: World) -> None:
    """Events come in any order: the second batch tells that the resource was made just now."""
    client = function("fresh")
    open_to_all(client, "fresh")
    w.change(FUNCTION, "fresh", "lambda:AddPermission")
    w.run()
    assert w.case("lambda-policy-public").state == "PENDING"
    w.change(FUNCTION, "fresh", "lambda:CreateFunction", created=True)
    w.run()
    assert w.case("lambda-policy-public").state == "RESOLVED"
    assert grants(client, "fresh") == ["from-bucket"]


def test_the_sweep_looks_everywhere_once_an_hour(w: World) -> None:
    function("orders")
    sent: list[str] = []
    w.d.queues.send = lambda name, message, delay=0: sent.append(name)
    w.d.ledger.table.put({"pk": "BEAT#events", "sk": "BACK", "beat": "9"})  # events are heard
    due = []
    for ahead in (0, 0, 1):
        w.d.ahead = timedelta(hours=ahead)
        due.append(_types_due(w))
        sweeping.sweep(w.d)
    judged = {c.resource_type for c in all_controls().values()}
    assert {"AWS::IAM::Role", "AWS::Lambda::Function"} <= due[0] < judged
    assert sent == ["changes"] * (len(due[0]) + len(due[2]))


def _types_due(w: World) -> set[str]:
    """The types of which this hour's sweep has something to send; some are read once a day, each at its hour."""
    hour = int(w.d.now().timestamp()) // 3600
    types = {c.resource_type for c in all_controls().values()}
    return {t for t in types if any(readers.is_due(t, id_, hour) for id_ in readers.list_ids(w.d.clients, t))}


def test_what_there_is_no_time_for_goes_back_to_the_queue_and_is_no_failure(w: World) -> None:
    function("orders")
    w.change(FUNCTION, "orders", "lambda:CreateFunction", created=True)
    _, records = w._batch()
    assert pipeline.watched(w.d, {"Records": records}, lambda: 1.0) == {"batchItemFailures": []}
    assert w.items() == []
    w.run()
    assert [i["sk"]["S"] for i in w.items()] == ["OBS"]


def test_changing_something_else_meanwhile_keeps_no_hole_open(w: World) -> None:
    """An automatic fix whose calls stay the same goes on with a fresh plan, in one run, counted once."""
    client = seen_clean(w, "orders")
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    _, records = w._batch()
    pipeline.watched(w.d, {"Records": records})
    old = w.case("lambda-policy-public")
    client.add_permission(
        FunctionName="orders", StatementId="topic", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )
    w.run()
    case = w.case("lambda-policy-public")
    assert (case.id, case.state, case.plan_digest == old.plan_digest) == (old.id, "RESOLVED", False)
    assert grants(client, "orders") == ["from-bucket", "topic"]
    states = [r["to"] for r in w.d.ledger.records(case.id)]
    assert states[2:6] == ["APPROVED", "SUPERSEDED", "PLANNED", "APPROVED"]
    counters = [i["n"]["N"] for i in w.items() if i["pk"]["S"].startswith("COUNT#lambda-remove-public-grants")]
    assert counters == ["1"]


def test_a_resume_hands_over_what_waited(w: World) -> None:
    client = seen_clean(w, "orders")
    w.api("oncall", "POST", "/pause", body='{"reason": "storm"}')
    open_to_all(client, "orders")
    w.change(FUNCTION, "orders", "lambda:AddPermission")
    w.run()
    assert "oops" in grants(client, "orders")
    w.api("oncall", "POST", "/resume")
    w.api("security", "POST", "/resume")
    w.run()
    assert grants(client, "orders") == ["from-bucket"]
