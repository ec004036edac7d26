"""A staged case on the page: each stage approved there, the last attested, and the value shown nowhere."""

from __future__ import annotations

from datetime import timedelta

from leading import APPROVERS, FUNCTION, VALUE, case_of, invoked, reads_secret, stage_of
from page_world import ROLES, PageWorld
from world import function

WHO = {role: who for who, role in ROLES.items()}


def approve(pw: PageWorld, stage: str) -> None:
    case = case_of(pw)
    assert (case.state, stage_of(pw)) == ("PENDING", stage)
    for role in APPROVERS[stage]:
        pw.sit(WHO[role])
        assert VALUE not in pw.get(f"/cases/{case.id}").body
        more = {"reason": "agreed", "digits": case.plan_digest[-4:]}
        assert pw.decide_on_page(case, "approve", **more).status == 303


def test_a_secret_is_led_out_on_the_page(pw: PageWorld) -> None:
    function("pay", {"TABLE": "orders", "DB_PASSWORD": VALUE})
    pw.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    pw.run()
    for stage in ("store", "grant", "reference"):
        approve(pw, stage)
    invoked(pw, "pay", 30)
    pw.d.ahead = timedelta(minutes=11)
    reads_secret(pw, "DB_PASSWORD", "pay-role")
    approve(pw, "remove")
    case = case_of(pw)
    assert (case.state, stage_of(pw)) == ("WAITING_OWNER", "rotate")
    pw.sit("olly")
    body = pw.get(f"/cases/{case.id}").body
    assert "Say that it is done" in body and "Stages so far" in body and "Ask for undo" in body and VALUE not in body
    word = {"by": "Olly", "at": pw.d.now().strftime("%Y-%m-%dT%H:%M"), "reason": "changed in the database"}
    secret = pw.decide_on_page(case, "attest", **{**word, "reason": "AKIA" + "Q3EGRIWJ5LAVJ2LD"})
    assert secret.status == 400 and "held a secret" in secret.body
    assert pw.decide_on_page(case, "attest", **{**word, "at": "2999-01-01T00:00"}).status == 400
    assert pw.decide_on_page(case, "attest", **word).status == 303
    assert case_of(pw).state == "RESOLVED"
    body = pw.get(f"/cases/{case.id}").body
    assert "changed in the database" in body and VALUE not in body


def test_a_rejected_stage_is_taken_up_again(pw: PageWorld) -> None:
    function("pay", {"DB_PASSWORD": VALUE})
    pw.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    pw.run()
    case = case_of(pw)
    pw.sit("olly")
    assert pw.decide_on_page(case, "reject", reason="not now").status == 303
    assert "Take it up again" in pw.get(f"/cases/{case.id}").body
    assert pw.decide_on_page(case_of(pw), "continue", reason="now").status == 303
    assert case_of(pw).state == "PENDING"
