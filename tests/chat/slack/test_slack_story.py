"""Deciding in Slack from end to end: every way to say yes, no and not yet, and everybody who may not."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from slack_world import SlackWorld, words_of
from world import ACCOUNT, function, role


def test_one_click_of_an_eligible_person_applies_and_the_message_says_so(sw: SlackWorld) -> None:
    case = sw.unguarded()
    before = sw.message(case)
    assert "Approve" in words_of(before.blocks) and "Expires" in words_of(before.blocks)
    assert sw.click("U0OLLY", case, "approve") == []
    assert sw.case("apigateway-stage-unguarded").state == "RESOLVED"
    after = sw.message(case)
    assert after.ts == before.ts and after.edited
    assert "resolved" in words_of(after.blocks) and "Undo" in words_of(after.blocks)
    thread = [words_of(m.blocks) for m in sw.fake.space.messages if m.thread_ts == after.ts]
    assert any("Olly: approved; the quorum stands" in reply for reply in thread)


def test_a_high_tier_wants_a_reason_and_the_plans_last_digits(sw: SlackWorld) -> None:
    case = sw.proposed()
    assert sw.click("U0SAM", case, "approve") == []
    assert sw.case(case.control).state == "PENDING"
    assert "digits" in sw.submit("U0SAM", reason="close it", digits="0000" if case.plan_digest[-4:] != "0000" else "1")
    assert "reason" in sw.submit("U0SAM", reason="  ", digits=case.plan_digest[-4:])
    assert sw.case(case.control).state == "PENDING"
    assert sw.submit("U0SAM", reason="close it", digits=case.plan_digest[-4:].upper()) == {}
    assert sw.case(case.control).state == "RESOLVED"
    assert [a.reason for a in sw.d.ledger.approvals(case.id)] == ["close it"]


@pytest.mark.parametrize(
    ("user", "says"),
    [("U0MALLORY", "not listed"), ("U0DANA", "not listed"), ("U0DREW", "caused this change")],
)
def test_who_may_not_is_told_so_alone_and_nothing_moves(sw: SlackWorld, user: str, says: str) -> None:
    case = sw.unguarded()
    for action in ("approve", "reject", "snooze"):
        (said,) = sw.click(user, case, action)
        assert says in said
    for text in ("takeback {c}", "undo {c} because", "snooze {c} 7d because"):
        assert says in sw.type(user, text.format(c=case.id))
    assert sw.fake.space.windows == {}
    assert sw.case(case.control) == case
    assert sw.d.ledger.approvals(case.id) == ()


def test_two_people_of_two_groups_and_one_takes_it_back(sw: SlackWorld) -> None:
    role("mighty", policy={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    sw.change("AWS::IAM::Role", "mighty", "iam:PutRolePolicy")
    sw.run()
    case = sw.case("iam-role-admin")
    digits = case.plan_digest[-4:]
    sw.click("U0OLLY", case, "approve")
    assert sw.submit("U0OLLY", reason="contain it", digits=digits) == {}
    assert "1 of 2 (Olly), still one of: security" in words_of(sw.message(case).blocks)
    assert "has approved this plan already" in sw.type("U0OLLY", f"approve {case.id} {digits} again")
    assert sw.click("U0OLLY", case, "revoke") == []
    assert "0 of 2" in words_of(sw.message(case).blocks)
    assert "has not approved" in sw.type("U0OLLY", f"takeback {case.id}")
    assert "1 of 2 people" in sw.type("U0SAM", f"approve {case.id} {digits} contain it")
    assert "is APPROVED" in sw.type("U0OLLY", f"approve {case.id} {digits} contain it")
    assert sw.case("iam-role-admin").state == "RESOLVED"


def test_one_rejection_is_final_and_the_loser_learns_who_decided(sw: SlackWorld) -> None:
    case = sw.unguarded()
    sw.click("U0OLLY", case, "reject")
    assert sw.submit("U0OLLY", reason="a load test runs") == {}
    assert sw.case(case.control).state == "REJECTED"
    said = sw.type("U0SAM", f"approve {case.id} {case.plan_digest[-4:]} please")
    assert "REJECTED already" in said and "Olly was first" in said
    assert "a load test runs" in words_of(sw.message(case).blocks)


def test_a_second_window_that_comes_too_late_says_who_was_first(sw: SlackWorld) -> None:
    case = sw.proposed()
    sw.click("U0SAM", case, "approve")
    sw.click("U0OLLY", case, "approve")
    assert sw.submit("U0SAM", reason="yes", digits=case.plan_digest[-4:]) == {}
    errors = sw.submit("U0OLLY", reason="yes", digits=case.plan_digest[-4:])
    assert "Sam was first" in errors["reason"]


def test_an_old_message_shows_the_new_plan_instead(sw: SlackWorld) -> None:
    case = sw.proposed()
    old = json.loads(json.dumps(sw.message(case).blocks))
    boto3.client("iam").update_assume_role_policy(RoleName="open", PolicyDocument=json.dumps(_two_doors()))
    sw.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
    sw.run()
    now = sw.case(case.control)
    assert now.plan_digest != case.plan_digest and now.state == "PENDING"
    message = sw.message(now)
    assert message.edited, "the message shows the new plan in place"
    message.blocks = old
    (said,) = sw.click("U0SAM", now, "approve")
    assert "superseded" in said and now.plan_digest in said
    assert sw.case(case.control).state == "PENDING"


def _two_doors() -> object:
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def test_expired_is_neither_yes_nor_no(sw: SlackWorld) -> None:
    case = sw.unguarded()
    sw.d.ahead = timedelta(hours=25)
    assert "expired" in sw.type("U0OLLY", f"approve {case.id} {case.plan_digest[-4:]}")
    looked = sw.d.now().strftime("%Y-%m-%dT%H")
    sw.d.ledger.count("sweep", looked, 0)
    sw.sweep()
    assert sw.case(case.control).state == "EXPIRED"
    text = words_of(sw.message(case).blocks)
    assert "expired" in text and "Approve" not in text
    sw.change("AWS::ApiGateway::Stage", case.resource_id, "suture:Sweep", None, via="sweep")
    sw.run()
    again = sw.case(case.control)
    assert (again.id, again.state) == (case.id, "PENDING"), "what is still there is asked about anew"
    assert "Approve" in words_of(sw.message(case).blocks)


def test_undo_asks_for_the_quorum_of_the_fix(sw: SlackWorld) -> None:
    case = sw.proposed()
    sw.click("U0SAM", case, "approve")
    sw.submit("U0SAM", reason="close it", digits=case.plan_digest[-4:])
    done = sw.case(case.control)
    (said,) = sw.click("U0DREW", done, "undo")
    assert "caused" in said
    sw.click("U0OLLY", done, "undo")
    assert sw.submit("U0OLLY", reason="the partner cannot sign yet") == {}
    assert sw.case(case.control).state == "UNDONE"
    assert "undone" in words_of(sw.message(done).blocks)


def test_snoozing_lasts_seven_days_and_no_longer(sw: SlackWorld) -> None:
    case = sw.unguarded()
    sw.click("U0SAM", case, "snooze")
    assert sw.submit("U0SAM", reason="after the sale") == {}
    (made,) = sw.d.ledger.suppressions()
    days = (sw.d.now() + timedelta(days=7)).isoformat()[:13]
    assert made.expires.startswith(days) and made.owner == "sam"


def test_a_pipelines_change_is_silenced_by_security_alone(sw: SlackWorld) -> None:
    from chalicelib.model import Principal

    pipeline = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/pipeline", "ci")
    case = sw.proposed(who=pipeline)
    for action in ("reject", "snooze"):
        (said,) = sw.click("U0OLLY", case, action)
        assert "none of the groups security" in said
    sw.click("U0OLLY", case, "approve")
    assert sw.submit("U0OLLY", reason="ok", digits=case.plan_digest[-4:]) == {}
    assert sw.case(case.control).state == "PENDING", "an owner's word is not enough"
    assert "still one of: security" in words_of(sw.message(case).blocks)
    sw.click("U0SAM", case, "reject")
    assert sw.submit("U0SAM", reason="meant so") == {}
    assert sw.case(case.control).state == "REJECTED"


def test_a_double_click_is_one_approval(sw: SlackWorld) -> None:
    case = sw.unguarded()
    message = sw.message(case)
    for _ in range(2):
        sw.fake.sender.click("U0OLLY", message.channel, message.ts, "approve")
    sw.run()
    assert len(sw.d.ledger.approvals(case.id)) == 1
    assert [r["to"] for r in sw.d.ledger.records(case.id)].count("APPROVED") == 1
    assert "Olly was first" in sw.asides("U0OLLY")[-1]


def test_pause_by_one_and_resume_by_two(sw: SlackWorld) -> None:
    assert "not listed" in sw.type("U0MALLORY", "pause now")
    assert "paused every write" in sw.type("U0OLLY", "pause the checkout breaks")
    assert "one more person" in sw.type("U0OLLY", "resume fixed")
    assert "resumed by" in sw.type("U0SAM", "resume fixed")


def test_a_pause_of_one_runbook_is_shown_where_people_look(sw: SlackWorld) -> None:
    assert "no runbook nothing here" in sw.type("U0OLLY", "pause runbook=nothing why")
    assert "is no account" in sw.type("U0OLLY", "pause account= why")
    assert "say why" in sw.type("U0OLLY", "pause runbook=lambda-require-url-auth")
    assert "paused runbook lambda-require-url-auth" in sw.type("U0OLLY", "pause runbook=lambda-require-url-auth a=b")
    assert "runbook lambda-require-url-auth is paused" in sw.type("U0SAM", "list")
    assert sw.fake.sender.open_home("U0SAM") == 200
    sw.run()
    assert "runbook lambda-require-url-auth is paused" in words_of(sw.fake.space.homes["U0SAM"]["blocks"])
    for user in ("U0OLLY", "U0SAM"):
        answer = sw.type(user, "resume runbook=lambda-require-url-auth fixed")
    assert "resumed by" in answer


def test_the_home_tab_shows_what_is_open_to_people_who_are_listed(sw: SlackWorld) -> None:
    case = sw.proposed()
    for user in ("U0SAM", "U0MALLORY"):
        assert sw.fake.sender.open_home(user) == 200
    sw.run()
    assert case.id in words_of(sw.fake.space.homes["U0SAM"]["blocks"])
    assert case.id not in words_of(sw.fake.space.homes["U0MALLORY"]["blocks"])
    assert sw.fake.sender.click("U0SAM", "", "", "details") == 200
    assert "iam:UpdateAssumeRolePolicy" in words_of(sw.fake.space.windows["U0SAM"]["blocks"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "approve CASE DIGITS"),
        ("dance", "approve CASE DIGITS"),
        ("list", "1 open"),
        ("show {c}", "narrow-trust"),
        ("plan {c}", "UpdateAssumeRolePolicy"),
        ("plan {c} 7", "pages"),
        ("why {c}", "Why it matters"),
        ("show", "which case?"),
        ("show C-NOTHING", "there is no case"),
        ("approve {c}", "not the last characters"),
        ("approve {c} {d}", "with a reason"),
        ("reject {c}", "needs a reason"),
        ("undo {c} because", "nothing was applied"),
        ("snooze {c} 200d because", "180"),
        ("pause", "say why"),
    ],
)
def test_what_commands_answer(sw: SlackWorld, text: str, says: str) -> None:
    case = sw.proposed()
    assert says in sw.type("U0SAM", text.format(c=case.id.lower(), d=case.plan_digest[-4:]))
    assert sw.case(case.control) == case


def test_a_command_is_heard_in_our_channels_and_direct_messages_only(sw: SlackWorld) -> None:
    assert sw.fake.sender.command("U0SAM", "C0ELSEWHERE", "list") == 403
    assert sw.fake.sender.command("U0SAM", "D0SAM", "list") == 200


def test_a_secret_reaches_neither_slack_nor_a_log(sw: SlackWorld, capsys: pytest.CaptureFixture[str]) -> None:
    canary = "hunter2-" + "Tr0ub4dor&3"
    client = function("pay", {"DB_PASSWORD": canary})
    client.add_permission(FunctionName="pay", StatementId="x", Action="lambda:InvokeFunction", Principal="*")
    sw.change("AWS::Lambda::Function", "pay", "lambda:UpdateFunctionConfiguration")
    sw.run()
    case = sw.case("lambda-env-plaintext-secret")
    assert "DB_PASSWORD" in words_of(sw.message(case).blocks)
    for text in ("plan {c}", "why {c}", "show {c}", "approve {c} {d} store it"):
        sw.type("U0SAM", text.format(c=case.id, d=case.plan_digest[-4:]))
    sw.type("U0OLLY", f"approve {case.id} {case.plan_digest[-4:]} store it")
    sw.click("U0SAM", case, "details")
    assert [s["stage"] for s in sw.case(case.control).stages] == ["store"]
    seen = json.dumps([sw.fake.space.calls, [m.blocks for m in sw.fake.space.messages], sw.fake.space.windows])
    assert canary not in seen and canary not in json.dumps(sw.items(), default=str)
    assert canary not in capsys.readouterr().out
