"""The decision API: who is refused and with what status, and that a refusal changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import ACCOUNT, World, role, world

from chalicelib.approvals import identity_of_arn
from chalicelib.cases import noted
from chalicelib.chat import web
from chalicelib.chat.decide import Request, decide
from chalicelib.errors import BadRequest
from chalicelib.model import Principal

TRUST = "iam-trust-public"


def proposed(w: World, name: str = "open") -> Any:
    role(name, trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    w.change("AWS::IAM::Role", name, "iam:UpdateAssumeRolePolicy")
    w.run()
    return w.case(TRUST)


def post(w: World, who: str, case: Any, **body: Any) -> tuple[int, Any]:
    id_ = case if isinstance(case, str) else case.id
    return w.api(who, "POST", "/cases/{id}/decision", path_parameters={"id": id_}, body=json.dumps(body))


def test_each_refusal_has_its_status_and_the_next_step(w: World) -> None:
    case = proposed(w)
    plan = case.plan_digest
    table: list[tuple[int, str, Any, dict[str, Any]]] = [
        (400, "oncall", case, {}),
        (400, "oncall", case, {"decision": "delete", "plan": plan}),
        (400, "oncall", case, {"decision": "approve"}),
        (400, "oncall", case, {"decision": ["approve"], "plan": plan}),
        (400, "oncall", case, {"decision": "approve", "plan": plan, "reason": "x" * 2001}),
        (400, "oncall", case, {"decision": "reject", "plan": plan}),
        (400, "oncall", case, {"decision": "reject", "plan": plan, "reason": "  "}),
        (400, "oncall", case, {"decision": "suppress", "reason": "r"}),
        (400, "oncall", case, {"decision": "suppress", "reason": "r", "until": "2020-01-01"}),
        (400, "oncall", case, {"decision": "suppress", "reason": "r", "until": "2999-01-01"}),
        (400, "oncall", case, {"decision": "suppress", "reason": "r", "until": "2026-99-99"}),
        (400, "oncall", case, {"decision": "suppress", "reason": "r", "until": "soon"}),
        (403, "shop-deploy", case, {"decision": "approve", "plan": plan}),
        (403, "stranger", case, {"decision": "approve", "plan": plan}),
        (404, "oncall", "C-NOTHING", {"decision": "approve", "plan": plan}),
        (404, "oncall", "", {"decision": "approve", "plan": plan}),
        (404, "oncall", "C-\ud800", {"decision": "approve", "plan": plan}),
        (404, "oncall", "C-" + "1" * 3000, {"decision": "approve", "plan": plan}),
        (409, "oncall", case, {"decision": "approve", "plan": "sha256:old"}),
        (409, "oncall", case, {"decision": "revoke", "plan": plan}),
        (409, "oncall", case, {"decision": "undo", "plan": plan, "reason": "r"}),
        (413, "oncall", case, {"decision": "approve", "plan": plan, "reason": "x" * 20_000}),
        (413, "oncall", case, {"decision": "approve", "plan": plan, "more": "é" * 9_000}),
    ]
    for status, who, about, body in table:
        answer = post(w, who, about, **body)
        assert answer[0] == status, (status, who, str(body)[:80], answer)
        assert answer[1]["error"]
    assert w.case(TRUST) == case
    assert w.d.ledger.approvals(case.id) == ()


@pytest.mark.parametrize("body", ["{", "[]", "7", '"x"', "null", "[" * 10_000, "\x00"])
def test_a_body_that_is_no_object_is_a_bad_request(w: World, body: str) -> None:
    answer = w.api("oncall", "POST", "/pause", body=body)
    assert answer[0] == 400
    assert not web.switch.is_paused(w.d)


def test_a_caller_without_an_iam_identity_is_refused(w: World) -> None:
    for identity in ({}, {"userArn": ""}, {"userArn": f"arn:aws:iam::{ACCOUNT}:root"}, {"userArn": "olly"}):
        request = {"method": "GET", "resource": "/cases", "identity": identity}
        assert web.answer(w.d, request)[0] == 403
    assert w.api("oncall", "GET", "/nothing")[0] == 404
    assert w.api("oncall", "PUT", "/cases")[0] == 404


def test_who_decided_is_told_to_the_loser(w: World) -> None:
    case = proposed(w)
    assert post(w, "security", case, decision="reject", plan=case.plan_digest, reason="meant")[0] == 200
    status, answer = post(w, "oncall", case, decision="approve", plan=case.plan_digest)
    assert status == 409
    assert "REJECTED" in answer["error"] and "Sam was first" in answer["error"]
    assert post(w, "oncall", case, decision="approve", plan="")[0] == 409


def test_a_decision_that_lost_a_race_to_a_note_is_taken_again(w: World) -> None:
    case = proposed(w)
    real, lost = w.d.ledger.approvals, []

    def slow(id_: str) -> Any:
        if not lost:
            lost.append(id_)
            now = w.d.ledger.case(id_)
            w.d.ledger.save(now, noted(now, now.updated), _entry())
        return real(id_)

    w.d.ledger.approvals = slow
    assert post(w, "oncall", case, decision="approve", plan=case.plan_digest)[1]["state"] == "APPROVED"
    assert len(real(case.id)) == 1


def test_two_approvals_a_revocation_and_the_quorum_that_is_shown(w: World) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    role("mighty", policy=document)
    w.change("AWS::IAM::Role", "mighty", "iam:PutRolePolicy")
    w.run()
    case = w.case("iam-role-admin")
    plan = {"plan": case.plan_digest}
    assert post(w, "oncall", case, decision="approve", **plan)[1]["state"] == "PENDING"
    shown = w.api("developer", "GET", "/cases/{id}", path_parameters={"id": case.id})[1]
    assert shown["quorum"]["counted"] == ["olly"] and not shown["quorum"]["stands"]
    assert shown["can_decide"] == ["Olly", "Sam"]
    assert post(w, "oncall", case, decision="revoke", **plan)[0] == 200
    assert post(w, "security", case, decision="approve", **plan)[1]["state"] == "PENDING"
    assert post(w, "oncall", case, decision="approve", **plan)[1]["state"] == "APPROVED"


def test_a_late_approval_is_refused_before_the_sweep_expires_it(w: World) -> None:
    from datetime import timedelta

    case = proposed(w)
    w.d.ahead = timedelta(hours=25)
    assert post(w, "oncall", case, decision="approve", plan=case.plan_digest)[0] == 409


def test_what_has_no_plan_can_be_accepted_by_security_alone(w: World) -> None:
    role("all", trust="*")
    w.change("AWS::IAM::Role", "all", "iam:UpdateAssumeRolePolicy")
    w.run()
    case = w.case(TRUST)
    assert case.state == "ESCALATED" and case.plan is None
    assert post(w, "oncall", case, decision="approve", plan="x")[0] == 409
    assert post(w, "shop-deploy", case, decision="snooze", reason="mine")[0] == 403
    status, answer = post(w, "security", case, decision="snooze", reason="until Monday")
    assert (status, answer["state"]) == (200, "SUPPRESSED")
    assert len(w.d.ledger.suppressions()) == 1


def test_nobody_decides_when_the_list_is_empty(w: World) -> None:
    from dataclasses import replace

    case = proposed(w)
    w.d.__dict__["packaged"] = replace(w.d.packaged, people=())
    for decision in ("approve", "reject", "snooze", "suppress", "undo", "revoke"):
        status, answer = post(w, "security", case, decision=decision, plan=case.plan_digest, reason="r")
        assert (status, "empty" in answer["error"]) == (403, True)
    assert w.api("security", "POST", "/pause")[0] == 403


def test_the_causer_decides_nothing_not_even_undo(w: World) -> None:
    case = proposed(w)
    post(w, "oncall", case, decision="approve", plan=case.plan_digest)
    w.run()
    done = w.case(TRUST)
    assert done.state == "RESOLVED"
    assert post(w, "shop-deploy", done, decision="undo", plan=done.plan_digest, reason="mine")[0] == 403


def test_the_switch_takes_one_to_pause_and_two_to_resume(w: World) -> None:
    assert w.api("oncall", "POST", "/resume")[1] == {"paused": False, "reasons": ["Suture is not paused"]}
    assert w.api("stranger", "POST", "/pause")[0] == 403
    assert w.api("oncall", "POST", "/pause", body='{"reason": "<!channel>"}')[1]["paused"]
    assert w.api("oncall", "POST", "/resume")[1]["paused"]
    assert w.api("security", "POST", "/pause")[1]["paused"]
    assert w.api("security", "POST", "/resume")[1]["paused"], "a new pause forgets who wanted to go on"
    assert not w.api("oncall", "POST", "/resume")[1]["paused"]
    assert w.api("developer", "GET", "/cases")[1] == {"cases": [], "paused": False, "pauses": []}


def test_the_list_takes_states_and_refuses_unknown_ones(w: World) -> None:
    case = proposed(w)
    listed = w.api("developer", "GET", "/cases", query={"state": "pending,resolved"})[1]["cases"]
    assert [c["id"] for c in listed] == [case.id]
    assert w.api("developer", "GET", "/cases", query={"state": "nonsense"})[0] == 400
    assert w.api("developer", "GET", "/cases/{id}", path_parameters={"id": "x"})[0] == 404


def test_an_identity_is_what_aws_authenticated_and_no_name(w: World) -> None:
    case = proposed(w)
    with pytest.raises(BadRequest) as refused:
        decide(w.d, identity_of_arn("security"), Request(case.id, "approve", case.plan_digest, "", ""))
    assert refused.value.status == 403
    assert case.principals == (Principal(*[getattr(case.principals[0], n) for n in Principal.__slots__]),)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("web")) as w:
        proposed(w)
        yield w


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "decision": st.sampled_from(["approve", "reject", "revoke", "undo", "snooze", "suppress"]) | values,
        "plan": values,
        "reason": values,
        "until": values,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies.map(json.dumps) | st.text(max_size=60), who=st.sampled_from(["shop-deploy", "stranger", "oncall"]))
def test_no_body_raises_and_none_decides_without_the_plan(shared: World, body: str, who: str) -> None:
    case = shared.case(TRUST)
    found = case.id if who != "oncall" else "C-NOTHING"
    answer = shared.api(who, "POST", "/cases/{id}/decision", path_parameters={"id": found}, body=body)
    assert answer[0] in (400, 403, 404, 409)
    json.dumps(answer[1])
    assert shared.case(TRUST) == case


def _entry() -> Any:
    from chalicelib.aws.ledger import Entry

    return Entry("test", "by hand", {})
