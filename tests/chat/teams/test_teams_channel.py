"""Messages that arrive late, again or elsewhere, and never twice; and what Teams may do meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from teams_world import TRUST, TeamsWorld, teams_world, words_of
from world import ACCOUNT, REGION, role

from chalicelib.chat import notices
from suture.sandbox.teams.limits import activity_problems
from suture.sandbox.teams.tenant import PEOPLE, SECURITY, URGENT

LOST = "teams did not take a message"
ANYONE = {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}


def posts(tw: TeamsWorld) -> int:
    return len([m for m in tw.space.messages if m.is_post])


def test_nobody_is_told_twice(tw: TeamsWorld) -> None:
    case = tw.proposed()
    for _ in range(3):
        notices.tell(tw.d, {"suture": "notice", "case": case.id})
    assert len(tw.space.messages) == 1 and not tw.space.messages[0].edited


def test_repeats_of_a_problem_stay_in_one_thread(tw: TeamsWorld) -> None:
    first = tw.proposed()
    root = tw.message(first)
    tw.press("sam", first, "approve", reason="close", digits=first.plan_digest[-4:])
    statement = {"Effect": "Allow", "Principal": ANYONE, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("iam").update_assume_role_policy(RoleName="open", PolicyDocument=document)
    tw.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
    tw.run()
    second = tw.case(TRUST)
    assert second.id != first.id
    again = tw.message(second)
    assert again.conversation == root.conversation and not again.is_post
    assert "resolved" in words_of(root.card), "the first message keeps its own case"


def test_a_storm_is_one_digest_with_counts(tw: TeamsWorld) -> None:
    for n in range(16):
        role(f"open{n}", trust=ANYONE)
        tw.change("AWS::IAM::Role", f"open{n}", "iam:UpdateAssumeRolePolicy")
    tw.run()
    assert posts(tw) == 10
    tw.later()
    assert posts(tw) == 11
    digest = tw.space.messages[-1]
    assert "6 more findings in a storm: 6 critical" in words_of(digest.card)
    hidden = next(c for c in tw.cases(TRUST) if c.id in json.dumps(digest.card))
    tw.decide("security", hidden, "reject")
    tw.later()
    assert posts(tw) == 11 and "1 × iam-trust-public: REJECTED" in words_of(digest.card)
    assert activity_problems(digest.activity) == []


def test_quiet_hours_hold_new_messages_and_no_grave_ones(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = {"zone": "UTC", "from": f"{now:%H}:00", "to": f"{now + timedelta(hours=2):%H}:00", "but": ["critical"]}
    with teams_world(tmp_path, quiet=hours) as tw:
        case = tw.unguarded()
        tw.proposed()
        assert posts(tw) == 1, "the critical one alone"
        assert [delay for *_, delay in tw.held] == [900]
        tw.d.ahead = timedelta(hours=3)
        tw.later()
        assert posts(tw) == 2 and tw.message(case)


def payments_role(tw: TeamsWorld) -> Any:
    """A role for anyone, tagged as the payments team's."""
    role("pay", trust=ANYONE)
    boto3.client("iam").tag_role(RoleName="pay", Tags=[{"Key": "Owner", "Value": "payments"}])
    tw.change("AWS::IAM::Role", "pay", "iam:CreateRole")
    tw.run()
    return tw.case(TRUST)


def test_an_owner_tag_routes_and_grants_nothing(tw: TeamsWorld) -> None:
    case = payments_role(tw)
    assert tw.message(case).conversation.startswith(URGENT)
    assert "not listed" in tw.press("mallory", case, "view")


FAULTS: list[tuple[dict[str, Any], int]] = [
    ({"status": 429, "code": "Throttled", "wait": 7}, 7),
    ({"status": 429}, 30),
    ({"status": 412, "code": "PreconditionFailed"}, 30),
    ({"status": 502}, 30),
    ({"status": 401, "code": "Unauthorized"}, 30),
    ({"status": 403, "code": "BotNotInConversationRoster"}, 30),
    ({"status": 404, "code": "ConversationNotFound"}, 30),
    ({"status": 418, "code": "SomethingNew"}, 30),
]


@pytest.mark.parametrize(("fault", "delay"), FAULTS, ids=[str(f[0]["status"]) + str(f[1]) for f in FAULTS])
def test_what_teams_does_not_take_comes_later_and_the_case_stays_decidable(
    tw: TeamsWorld, fault: dict[str, Any], delay: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tw.space.fail(**fault, only="POST /teams/v3/conversations")
    case = tw.unguarded()
    assert posts(tw) == 0
    assert [(message["case"], d) for _, message, d in tw.held] == [(case.id, delay)]
    assert LOST in capsys.readouterr().out, "an operator is told"
    assert tw.decide("oncall", case, "approve").case.state == "APPROVED"
    tw.later()
    assert "resolved" in words_of(tw.message(case).card)


@pytest.mark.parametrize(("status", "code"), [(401, "invalid_client"), (400, "unauthorized_client"), (500, "")])
def test_a_secret_that_is_refused_is_read_anew(
    tw: TeamsWorld, status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tw.space.fail(status, code, only="/oauth2/")
    case = tw.unguarded()
    logged = capsys.readouterr().out
    assert LOST in logged and tw.space.secret not in logged and case.id in logged
    tw.later()
    assert posts(tw) == 1
    assert tw.space.token not in capsys.readouterr().out


def test_teams_is_down_for_hours_and_nothing_is_lost(tw: TeamsWorld) -> None:
    tw.space.fail(500, times=6)
    case = tw.proposed()
    delays = []
    for _ in range(5):
        delays += [delay for *_, delay in tw.held]
        tw.later()
    assert delays == [30, 60, 120, 240, 480]
    tw.later()
    assert posts(tw) == 1 and tw.message(case)


def test_a_deleted_message_or_post_is_sent_anew(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    old = tw.message(case)
    tw.space.messages.remove(old)
    tw.decide("oncall", case, "approve")
    assert tw.message(case).id != old.id and "resolved" in words_of(tw.message(case).card)
    other = tw.proposed()
    tw.space.closed.add(tw.message(other).conversation)
    tw.decide("security", other, "reject")
    assert "rejected" in words_of(tw.message(other).card) and tw.message(other).is_post


def test_a_channel_that_is_gone_moves_the_message_to_the_default_one(tw: TeamsWorld) -> None:
    tw.space.closed.add(URGENT)
    case = payments_role(tw)
    assert posts(tw) == 0
    tw.later()
    assert tw.message(case).conversation.startswith(SECURITY)


def test_a_card_that_teams_refuses_becomes_a_plain_line(tw: TeamsWorld, capsys: pytest.CaptureFixture[str]) -> None:
    tw.space.fail(400, "BadSyntax", only="POST /teams/v3/conversations")
    case = tw.unguarded()
    (sent,) = tw.space.messages
    assert case.id in sent.activity["text"] and "attachments" not in sent.activity
    assert LOST in capsys.readouterr().out


def test_a_reminder_mentions_those_who_may_decide_and_no_others(tw: TeamsWorld) -> None:
    case = tw.unguarded()
    notices.tell(tw.d, {"suture": "notice", "case": case.id, "remind": "two hours are left"})
    said = tw.space.messages[-1]
    entities = said.card["msteams"]["entities"]
    assert {e["mentioned"]["id"] for e in entities} == {PEOPLE["sam"], PEOPLE["olly"]}
    assert "two hours are left" in words_of(said.card) and activity_problems(said.activity) == []


def test_who_is_not_in_the_channel_is_not_refreshed_for(tw: TeamsWorld) -> None:
    tw.space.fail(404, "MemberNotFoundInConversation", only=f"members/{PEOPLE['olly']}")
    case = tw.unguarded()
    assert tw.message(case).card["refresh"]["userIds"] == [f"29:{PEOPLE['sam']}"]


def test_a_workflow_is_told_and_decides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with teams_world(tmp_path, workflow={"severity": ["critical"]}) as tw:
        tw.unguarded()
        case = tw.proposed()
        tw.decide("security", case, "reject")
        told = [m for m in tw.space.messages if m.conversation == "workflow"]
        assert [case.id in words_of(m.card) for m in told] == [True, True], "the critical one alone, at each move"
        assert "rejected" in words_of(told[-1].card)
        assert "Action." not in json.dumps([m.activity for m in told])
        tw.space.fail(429, wait=9, only="/workflow")
        other = tw.proposed("other")
        assert [(m["channel"], delay) for _, m, delay in tw.held] == [("workflow", 9)]
        tw.later()
        assert other.id in words_of([m for m in tw.space.messages if m.conversation == "workflow"][-1].card)
        assert "/workflow" not in capsys.readouterr().out.replace("/teams/workflow", ""), "its address is a secret"


def test_a_workflow_elsewhere_is_never_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with teams_world(tmp_path, workflow={}) as tw:
        ssm = boto3.client("ssm", region_name=REGION)
        there = "https://evil.example/workflows/1?sig=abc"
        ssm.put_parameter(Name="/teams/workflow", Value=there, Type="SecureString", Overwrite=True)
        tw.proposed()
        logged = capsys.readouterr().out
        assert "a sink did not take a message" in logged and "sig=" not in logged


def test_a_secret_reaches_neither_teams_nor_a_log(tw: TeamsWorld, capsys: pytest.CaptureFixture[str]) -> None:
    from world import function

    canary = "hunter2-" + "Tr0ub4dor&3"
    function("pay", {"DB_PASSWORD": canary})
    tw.change("AWS::Lambda::Function", "pay", "lambda:UpdateFunctionConfiguration")
    tw.run()
    case = tw.case("lambda-env-plaintext-secret")
    assert "DB_PASSWORD" in words_of(tw.message(case).card)
    tw.press("sam", case, "approve", reason="store it", digits=case.plan_digest[-4:])
    seen = json.dumps([tw.space.calls, [m.personal for m in tw.space.messages], tw.items()], default=str)
    assert canary not in seen and canary not in capsys.readouterr().out
