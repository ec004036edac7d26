"""Deciding in Teams from end to end: every way to say yes, no and not yet, and everybody who may not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from leading import FUNCTION, VALUE, approve, case_of, invoked, reads_secret, stage_of
from teams_world import TeamsWorld, verbs_of, words_of
from world import ACCOUNT, function, role

from chalicelib.model import Principal
from suture.sandbox.teams.limits import activity_problems, card_problems
from suture.sandbox.teams.tenant import PEOPLE


def test_one_press_of_an_eligible_person_applies_and_the_card_says_so(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    before = tw.message(case)
    assert verbs_of(before.card) == ["view"], "what everybody sees decides nothing"
    assert before.is_post and "Expires" in words_of(before.card)
    assert "is APPROVED" in tw.press("olly", case, "approve")
    assert tw.case(case.control).state == "RESOLVED"
    after = tw.message(case)
    assert after.id == before.id and after.edited
    assert "resolved" in words_of(after.card) and "undo" in verbs_of(tw.refreshed("sam", case))
    thread = [words_of(m.card) for m in tw.space.messages if m.conversation == after.conversation and m is not after]
    assert any("Olly: approved; the quorum stands" in reply for reply in thread)


def test_only_those_who_may_decide_are_shown_buttons(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    refresh = tw.message(case).card["refresh"]
    assert set(refresh["userIds"]) == {f"29:{PEOPLE[who]}" for who in ("sam", "olly")}, "Drew caused the change"
    assert verbs_of(tw.refreshed("olly", case)) == ["approve", "reject", "snooze"]
    assert "caused this change" in tw.press("drew", case, "view")
    assert "not listed" in tw.press("mallory", case, "view")
    assert verbs_of(tw.refreshed("drew", case)) == []


def test_a_high_tier_wants_a_reason_and_the_plans_last_digits(tw: TeamsWorld) -> None:
    case = tw.proposed()
    digits = case.plan_digest[-4:]
    wrong = "0000" if digits != "0000" else "1111"
    assert "last 4 characters" in tw.press("sam", case, "approve", reason="close it", digits=wrong)
    assert "Say why" in tw.press("sam", case, "approve", reason="  ", digits=digits)
    assert "Say why" in tw.press("sam", case, "approve")
    assert tw.case(case.control) == case
    assert "is APPROVED" in tw.press("sam", case, "approve", reason="close it", digits=digits.upper())
    assert tw.case(case.control).state == "RESOLVED"
    assert [a.reason for a in tw.d.ledger.approvals(case.id)] == ["close it"]


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("mallory", "not listed"),
        ("drew", "caused this change"),
        ("99999999-0000-4000-8000-000000000009", "not listed"),
    ],
)
def test_who_may_not_is_told_so_alone_and_nothing_moves(tw: TeamsWorld, who: str, says: str) -> None:
    case = tw.unguarded()
    items = tw.items()
    for verb in ("approve", "reject", "snooze", "undo", "revoke"):
        status, said = tw.forged(who, case, verb, reason="because", digits=case.plan_digest[-4:])
        assert (status, says in said) == (200, True), said
    assert tw.case(case.control) == case and tw.items() == items


def test_two_people_of_two_groups_and_one_takes_it_back(tw: TeamsWorld) -> None:
    role("mighty", policy={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    tw.change("AWS::IAM::Role", "mighty", "iam:PutRolePolicy")
    tw.run()
    case = tw.case("iam-role-admin")
    typed = {"reason": "contain it", "digits": case.plan_digest[-4:]}
    assert "is PENDING" in tw.press("olly", case, "approve", **typed)
    assert "1 of 2 (Olly), still one of: security" in words_of(tw.message(case).card)
    assert "has approved this plan already" in tw.forged("olly", case, "approve", **typed)[1]
    assert verbs_of(tw.refreshed("olly", case)) == ["reject", "snooze", "revoke"]
    assert verbs_of(tw.refreshed("sam", case)) == ["approve", "reject", "snooze"]
    tw.press("olly", case, "revoke")
    assert "0 of 2" in words_of(tw.message(case).card)
    assert "has not approved" in tw.forged("olly", case, "revoke")[1]
    tw.press("sam", case, "approve", **typed)
    assert "is APPROVED" in tw.press("olly", case, "approve", **typed)
    assert tw.case("iam-role-admin").state == "RESOLVED"


def test_one_rejection_is_final_and_the_loser_learns_who_decided(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    tw.press("olly", case, "reject", reason="a load test runs")
    assert tw.case(case.control).state == "REJECTED"
    said = tw.forged("sam", case, "approve")[1]
    assert "REJECTED already" in said and "Olly was first" in said
    assert "a load test runs" in words_of(tw.message(case).card)


def test_an_old_card_shows_the_new_plan_instead(tw: TeamsWorld) -> None:
    case = tw.proposed()
    anyone = {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}
    statements = [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        for principal in (anyone, {"Service": "lambda.amazonaws.com"})
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    boto3.client("iam").update_assume_role_policy(RoleName="open", PolicyDocument=json.dumps(document))
    tw.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
    tw.run()
    now = tw.case(case.control)
    assert now.plan_digest != case.plan_digest and tw.message(now).edited
    said = tw.forged("sam", now, "approve", p=case.plan_digest, reason="x", digits=case.plan_digest[-4:])[1]
    assert "superseded" in said and now.plan_digest in said
    assert tw.case(case.control).state == "PENDING"


def test_expired_is_neither_yes_nor_no(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    tw.d.ahead = timedelta(hours=25)
    assert "expired" in tw.forged("olly", case, "approve")[1]
    assert tw.case(case.control).state == "PENDING"


def test_undo_asks_for_the_quorum_of_the_fix(tw: TeamsWorld) -> None:
    case = tw.proposed()
    tw.press("sam", case, "approve", reason="close it", digits=case.plan_digest[-4:])
    done = tw.case(case.control)
    assert "caused" in tw.press("drew", done, "undo", reason="mine")
    tw.press("olly", done, "undo", reason="the partner cannot sign yet")
    assert tw.case(case.control).state == "UNDONE"
    assert "undone" in words_of(tw.message(done).card)


def test_snoozing_lasts_seven_days_and_no_longer(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    tw.press("sam", case, "snooze", reason="after the sale")
    (made,) = tw.d.ledger.suppressions()
    assert made.expires.startswith((tw.d.now() + timedelta(days=7)).isoformat()[:13]) and made.owner == "sam"


def test_a_pipelines_change_is_silenced_by_security_alone(tw: TeamsWorld) -> None:
    pipeline = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/pipeline", "ci")
    case = tw.proposed(who=pipeline)
    for verb in ("reject", "snooze"):
        assert "none of the groups security" in tw.forged("olly", case, verb, reason="no")[1]
    assert verbs_of(tw.refreshed("olly", case)) == ["approve"]
    tw.press("sam", case, "reject", reason="meant so")
    assert tw.case(case.control).state == "REJECTED"


def test_one_activity_decides_once_however_often_it_comes(tw: TeamsWorld) -> None:
    """A captured request, sent again after its word was taken back, must not give it anew."""
    role("mighty", policy={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    tw.change("AWS::IAM::Role", "mighty", "iam:PutRolePolicy")
    tw.run()
    case = tw.case("iam-role-admin")
    data = {"c": case.id, "p": case.plan_digest, "reason": "contain it", "digits": case.plan_digest[-4:]}
    action: dict[str, Any] = {"type": "Action.Execute", "verb": "approve", "data": data}
    captured = tw.space.activity("olly", tw.message(case), action)
    assert "is PENDING" in words_of(tw.space.send(captured)[1]["value"])
    tw.run()
    tw.press("olly", case, "revoke")
    assert "taken already" in tw.space.send(captured)[1]["value"]
    assert [a.given for a in tw.d.ledger.approvals(case.id)] == ["revoke"]


def test_what_people_did_is_attested_on_the_card(tw: TeamsWorld) -> None:
    function("pay", {"TABLE": "orders", "DB_PASSWORD": VALUE})
    tw.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    tw.run()
    for due in ("store", "grant", "reference"):
        approve(tw, due)
    invoked(tw, "pay", 30)
    tw.d.ahead = timedelta(minutes=11)
    reads_secret(tw, "DB_PASSWORD", "pay-role")
    approve(tw, "remove")
    case = case_of(tw)
    assert stage_of(tw) == "rotate"
    assert "Say who" in tw.press("olly", case, "attest", reason="new password", at="now")
    assert "Give a time" in tw.press("olly", case, "attest", reason="new password", by="Olly", at="soon")
    tw.press("olly", case, "attest", reason="new password", by="Olly", at="now")
    assert case_of(tw).attested["rotate"]["attested_by"] == "olly"
    assert VALUE not in json.dumps([tw.space.calls, [m.personal for m in tw.space.messages]])


def test_a_plan_that_does_not_fit_is_not_approved_here(tw: TeamsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.chat.teams import cards

    monkeypatch.setattr(cards, "CODE_BUDGETS", (300, 100))
    case = tw.unguarded()
    text = words_of(tw.message(case).card)
    assert "Not all calls fit here" in text and f"suture cases approve {case.id}" in text
    assert "approve" not in verbs_of(tw.refreshed("olly", case))
    assert "fit into a card" in tw.forged("olly", case, "approve")[1]
    assert tw.case(case.control) == case


def test_every_card_is_one_that_teams_takes(tw: TeamsWorld) -> None:
    case = tw.proposed()
    tw.press("sam", case, "approve", reason="close it", digits=case.plan_digest[-4:])
    tw.press("olly", tw.case(case.control), "undo", reason="not yet")
    for message in tw.space.messages:
        assert activity_problems(message.activity) == []
        assert [p for card in message.personal.values() for p in card_problems(card)] == []
