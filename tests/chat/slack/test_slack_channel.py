"""Messages that arrive late, again or elsewhere, and never twice; and what Slack may do meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from slack_world import CHAT, SlackWorld, slack_world, words_of
from world import ACCOUNT, REGION, role

from chalicelib.chat import notices, storms
from chalicelib.chat.slack import channel
from chalicelib.chat.slack.client import SlackFailed

LOST = "slack did not take a message"


def posted(sw: SlackWorld) -> int:
    return len([m for m in sw.fake.space.messages if not m.only_for and not m.thread_ts])


def test_nobody_is_told_twice(sw: SlackWorld) -> None:
    case = sw.proposed()
    for _ in range(3):
        notices.tell(sw.d, {"suture": "notice", "case": case.id})
    assert posted(sw) == 1 and len(sw.calls("chat.update")) == 0


def test_a_notice_that_comes_late_shows_the_case_as_it_is_now(sw: SlackWorld) -> None:
    case = sw.unguarded()
    sw.api("security", "POST", "/cases/{id}/decision", path_parameters={"id": case.id}, body=_reject(case))
    notices.tell(sw.d, {"suture": "notice", "case": case.id, "version": case.version})
    assert "rejected" in words_of(sw.message(case).blocks)


def _reject(case: Any) -> str:
    return json.dumps({"decision": "reject", "plan": case.plan_digest, "reason": "meant"})


def test_repeats_of_a_problem_stay_in_one_thread(sw: SlackWorld) -> None:
    first = sw.proposed()
    root = sw.message(first)
    sw.click("U0SAM", first, "approve")
    sw.submit("U0SAM", reason="close", digits=first.plan_digest[-4:])
    trust = {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}
    statement = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("iam").update_assume_role_policy(RoleName="open", PolicyDocument=document)
    sw.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
    sw.run()
    second = sw.case(first.control)
    assert second.id != first.id
    again = sw.message(second)
    assert (again.thread_ts, again.broadcast) == (root.ts, True)
    assert "resolved" in words_of(root.blocks), "the first message keeps its own case"


def test_a_storm_is_one_digest_with_counts(sw: SlackWorld) -> None:
    trust = {"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]}
    for n in range(16):
        role(f"open{n}", trust=trust)
        sw.change("AWS::IAM::Role", f"open{n}", "iam:UpdateAssumeRolePolicy")
    sw.run()
    assert posted(sw) == 10
    assert {delay for _, message, delay in sw.held if message["suture"] == "slack-digest"} == {5}
    sw.later()
    assert posted(sw) == 11
    digest = sw.fake.space.messages[-1]
    assert "6 more findings in a storm: 6 critical" in words_of(digest.blocks)
    hidden = next(c for c in sw.cases(sw.cases()[0].control) if c.id in json.dumps(digest.blocks))
    assert "is APPROVED" in sw.type("U0SAM", f"approve {hidden.id} {hidden.plan_digest[-4:]} close it")
    sw.later(2)
    assert "1 × iam-trust-public: RESOLVED" in words_of(digest.blocks)
    assert posted(sw) == 11, "what happens to a case of a storm changes its digest"


def test_one_message_asks_for_the_digest_of_many_and_late_ones_ask_again(sw: SlackWorld) -> None:
    """Each would read all the others: a storm of a thousand would cost a million reads."""

    def asked() -> int:
        return len([m for _, m, _ in sw.held if m["suture"] == "slack-digest"])

    for n in range(14):
        sw.proposed(f"r{n}")
    assert asked() == 1
    sw.later()
    sw.proposed("late")
    assert asked() == 1
    sw.held.clear()  # the message is lost
    sw.d.ahead += timedelta(seconds=storms.ASKED + 1)
    sw.proposed("later")
    assert asked() == 1
    sw.later()
    assert "6 more findings in a storm" in words_of(sw.fake.space.messages[-1].blocks)


def test_quiet_hours_hold_new_messages_and_no_grave_ones(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = {"zone": "UTC", "from": f"{now:%H}:00", "to": f"{now + timedelta(hours=2):%H}:00", "but": ["critical"]}
    with slack_world(tmp_path, {"slack": {**CHAT["slack"], "quiet": hours}}) as sw:
        case = sw.unguarded()
        sw.proposed()
        assert posted(sw) == 1, "the critical one alone"
        assert [delay for *_, delay in sw.held] == [900]
        sw.d.ahead = timedelta(hours=3)
        sw.later()
        assert posted(sw) == 2 and sw.message(case)


def payments_role(sw: SlackWorld) -> Any:
    """A role for anyone, tagged as the payments team's."""
    role("pay", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    boto3.client("iam").tag_role(RoleName="pay", Tags=[{"Key": "Owner", "Value": "payments"}])
    sw.change("AWS::IAM::Role", "pay", "iam:CreateRole")
    sw.run()
    return sw.case("iam-trust-public")


def test_an_owner_tag_routes_and_grants_nothing(sw: SlackWorld) -> None:
    case = payments_role(sw)
    assert case.owner == "payments" and sw.message(case).channel == "C0URGENT"
    (said,) = sw.click("U0MALLORY", case, "approve")
    assert "not listed" in said


FAULTS = [
    ({"error": "ratelimited", "status": 429, "retry_after": 7}, 7),
    ({"error": "ratelimited", "status": 429}, 30),
    ({"status": 503}, 30),
    ({"error": "internal_error"}, 30),
    ({"error": "invalid_auth"}, 30),
    ({"error": "token_revoked"}, 30),
    ({"error": "is_archived"}, 30),
    ({"error": "not_in_channel"}, 30),
    ({"error": "something_new"}, 30),
]


@pytest.mark.parametrize(("fault", "delay"), FAULTS, ids=[str(f[0]) for f in FAULTS])
def test_what_slack_does_not_take_comes_later_and_the_case_stays_decidable(
    sw: SlackWorld, fault: Any, delay: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sw.fake.space.fail("chat.postMessage", **fault)
    case = sw.unguarded()
    assert posted(sw) == 0
    assert [(message["case"], d) for _, message, d in sw.held] == [(case.id, delay)]
    assert LOST in capsys.readouterr().out, "an operator is told"
    assert sw.decide("oncall", case, "approve").case.state == "APPROVED"
    sw.later()
    assert "resolved" in words_of(sw.message(case).blocks)


def test_slack_is_down_for_hours_and_nothing_is_lost(sw: SlackWorld) -> None:
    sw.fake.space.fail("*", status=500, times=6)
    case = sw.proposed()
    delays = []
    for _ in range(5):
        delays += [delay for *_, delay in sw.held]
        sw.later()
    assert delays == [30, 60, 120, 240, 480]
    sw.later()
    assert posted(sw) == 1 and "Approve" in words_of(sw.message(case).blocks)


def test_nobody_listens_at_slacks_address(sw: SlackWorld) -> None:
    assert sw.d.slack is not None
    sw.d.slack._url = "http://127.0.0.1:9/api/"
    case = sw.proposed()
    assert [message["case"] for _, message, _ in sw.held] == [case.id]


def test_a_deleted_message_is_sent_anew(sw: SlackWorld) -> None:
    case = sw.unguarded()
    old = sw.message(case).ts
    sw.fake.space.delete(old)
    sw.decide("oncall", case, "approve")
    assert sw.message(case).ts != old
    assert "resolved" in words_of(sw.message(case).blocks)


def test_an_archived_channel_moves_the_message_to_the_default_one(sw: SlackWorld) -> None:
    sw.fake.space.archived.add("C0URGENT")
    payments_role(sw)
    assert posted(sw) == 0
    sw.later()
    assert sw.message(sw.case("iam-trust-public")).channel == "C0SECURITY"


def test_a_new_token_is_read_when_the_old_one_is_revoked(sw: SlackWorld) -> None:
    case = sw.proposed()
    sw.fake.space.token = "-".join(("xoxb", "renewed"))
    sw.decide("security", case, "reject")
    assert sw.held, "the token in SSM is still the old one"
    ssm = boto3.client("ssm", region_name=REGION)
    ssm.put_parameter(Name="/slack/token", Value=sw.fake.space.token, Type="SecureString", Overwrite=True)
    sw.later()
    assert "rejected" in words_of(sw.message(case).blocks)


def test_what_looks_like_a_secret_is_not_sent(sw: SlackWorld, capsys: pytest.CaptureFixture[str]) -> None:
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    role(f"open.{token}", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    sw.change("AWS::IAM::Role", f"open.{token}", "iam:UpdateAssumeRolePolicy")
    sw.run()
    assert posted(sw) == 0 and sw.held == []
    assert token not in json.dumps(sw.fake.space.calls)
    assert LOST in capsys.readouterr().out
    assert sw.case("iam-trust-public").state == "PENDING"


def test_a_window_that_slack_does_not_open_is_explained(sw: SlackWorld) -> None:
    case = sw.proposed()
    sw.fake.space.fail("views.open", "expired_trigger_id")
    (said,) = sw.click("U0SAM", case, "approve")
    assert f"/suture approve {case.id}" in said
    assert sw.case(case.control).state == "PENDING"


def test_two_notices_at_once_write_one_message(sw: SlackWorld) -> None:
    case = sw.proposed()
    with channel._claimed(sw.d, case):
        sw.decide("security", case, "reject")
        assert [message["case"] for _, message, _ in sw.held] == [case.id]
    sw.later()
    assert "rejected" in words_of(sw.message(case).blocks)


def test_a_claim_of_a_worker_that_died_ends(sw: SlackWorld) -> None:
    case = sw.proposed()
    claim = channel._claimed(sw.d, case)
    claim.__enter__()
    sw.d.ahead = timedelta(seconds=61)
    sw.decide("security", case, "reject")
    assert "rejected" in words_of(sw.message(case).blocks)


def test_slacks_own_client_finds_the_played_workspace_in_order(sw: SlackWorld) -> None:
    sdk = pytest.importorskip("slack_sdk", reason="slack_sdk is not installed")
    case = sw.proposed()
    client = sdk.WebClient(token=sw.fake.space.token, base_url=sw.fake.api_url)
    assert client.auth_test()["ok"]
    made = client.chat_postMessage(channel="C0SECURITY", text="hello", blocks=sw.message(case).blocks)
    client.chat_update(channel="C0SECURITY", ts=made["ts"], text="changed", blocks=[])
    found = sw.fake.space.find("C0SECURITY", made["ts"])
    assert found is not None and (found.text, found.blocks) == ("changed", [])
    with pytest.raises(sdk.errors.SlackApiError) as refused:
        client.chat_postMessage(channel="C0NOWHERE", text="hello")
    assert refused.value.response["error"] == "channel_not_found"
    bad = sdk.WebClient(token="nonsense", base_url=sw.fake.api_url)
    with pytest.raises(sdk.errors.SlackApiError):
        bad.auth_test()
    assert sw.case(case.control) == case


def test_only_https_or_loopback_is_spoken_to(sw: SlackWorld) -> None:
    from chalicelib.chat.slack.client import Slack
    from chalicelib.errors import Misconfigured

    assert sw.d.slack is not None
    for url in ("http://slack.com/api/", "ftp://127.0.0.1/", "http://127.0.0.1.evil.example/api/"):
        with pytest.raises(Misconfigured):
            Slack(sw.d.clients, sw.d.slack.rules, url, "/t", "/s")
    with pytest.raises(SlackFailed):
        sw.d.slack.respond("https://elsewhere.example/", {})


def test_people_are_reminded_and_then_the_next_group_may_decide(sw: SlackWorld) -> None:
    pin = {"remind": "4h", "escalate": {"after": "8h", "to": ["platform"]}}
    path = sw.d._root / "governance" / "packaged.json"
    rules = json.loads(path.read_text())
    rules["pins"]["pins"] = [{**p, **pin} for p in rules["pins"]["pins"]]
    rules["approvers"]["people"]["olly"]["groups"] = ["platform"]
    path.write_text(json.dumps(rules))
    case = sw.unguarded()
    (said,) = sw.click("U0OLLY", case, "approve")
    assert "none of the groups owner" in said
    sw.sweep()
    assert sw.case(case.control) == case, "nothing is due yet"
    for hours, word in ((4, "still waits for a decision"), (8, "platform may decide now too"), (8, "still waits")):
        sw.d.ahead = timedelta(hours=hours, minutes=1)
        before = len(sw.fake.space.messages)
        sw.sweep()
        told = [words_of(m.blocks) for m in sw.fake.space.messages[before:] if m.broadcast]
        assert len(told) == 1 and word in told[0], told
    mentions = [m for m in sw.fake.space.messages if m.broadcast][-1].blocks
    assert {"type": "user", "user_id": "U0OLLY"} in mentions[0]["elements"][0]["elements"]
    assert sw.click("U0OLLY", sw.case(case.control), "approve") == []
    assert sw.case(case.control).state == "RESOLVED", "the writer, which asks again, agrees"


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
def test_blocks_that_slack_refuses_leave_a_plain_line(sw: SlackWorld, code: str) -> None:
    sw.fake.space.fail("chat.postMessage", code)
    case = sw.unguarded()
    (message,) = sw.fake.space.messages
    assert message.blocks == [] and case.id in message.text and "suture cases list" in message.text


def test_a_reminder_that_slack_does_not_take_comes_later_and_once(sw: SlackWorld) -> None:
    case = sw.unguarded()
    sw.fake.space.fail("chat.postMessage", status=500)
    notices.tell(sw.d, {"suture": "notice", "case": case.id, "remind": "still waits"})
    sw.later(2)
    assert [words_of(m.blocks) for m in sw.fake.space.messages].count("still waits") == 0
    assert sum("still waits" in words_of(m.blocks) for m in sw.fake.space.messages) == 1


def test_an_update_that_fails_half_way_posts_no_second_message(sw: SlackWorld) -> None:
    case = sw.unguarded()
    sw.fake.space.delete(sw.message(case).ts)
    sw.fake.space.fail("chat.postMessage", status=500, times=1)
    sw.decide("security", case, "reject")
    sw.later(3)
    assert posted(sw) == 1 and "rejected" in words_of(sw.message(case).blocks)


def test_a_slack_that_hangs_is_not_asked_for_every_notice_of_a_batch(sw: SlackWorld) -> None:
    sw.fake.space.fail("chat.postMessage", status=504)
    for n in range(4):
        role(f"open{n}", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        sw.change("AWS::IAM::Role", f"open{n}", "iam:UpdateAssumeRolePolicy")
    sw.run()
    assert posted(sw) == 0 and len(sw.held) == 4, "one asked, and the others believed it"
    sw.later()
    assert posted(sw) == 4
