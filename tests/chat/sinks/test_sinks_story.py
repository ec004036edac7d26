"""What each sink hears of a case from its proposal to its end, and that it hears it once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from sinks_world import PAGE, SENDER, SINKS, TEAM, TICKETS, SinksWorld, sinks_world
from world import ACCOUNT, role

from chalicelib.chat import notices


@pytest.fixture
def s(tmp_path: Path) -> Iterator[SinksWorld]:
    with sinks_world(tmp_path) as made:
        yield made


def test_a_case_is_told_to_each_and_followed_to_its_end(s: SinksWorld) -> None:
    case = s.proposed()
    (alert,), (other,) = s.tickets("pagerduty"), s.tickets("opsgenie")
    (issue,), (ticket,) = s.tickets("jira"), s.tickets("github")
    assert (alert.status, other.status, issue.status, ticket.state) == ("triggered", "open", "To Do", "open")
    assert len(s.mails) == 1 and case.id in s.mails[0].text
    s.decide("security", case, "approve")
    assert s.case(case.control).state == "RESOLVED"
    assert (alert.status, other.status, issue.status, ticket.state) == ("resolved", "closed", "Done", "closed")
    assert ticket.reason == "completed" and len(s.tickets("jira")) == len(s.tickets("github")) == 1
    assert "resolved" in s.mails[-1].text and len(s.mails) == 2
    assert s.held == []


def test_work_begun_acknowledges_and_what_fails_then_wakes_people_anew(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "pagerduty", "opsgenie") as s:
        case = s.proposed()
        s.move(case, "APPROVED")
        (alert,), (other,) = s.tickets("pagerduty"), s.tickets("opsgenie")
        assert alert.status == "acknowledged" and other.is_acknowledged
        s.move(case, "ESCALATED", outcome="AWS refused the call")
        assert [a.status for a in s.tickets("pagerduty")] == ["resolved", "triggered"]
        assert [a.status for a in s.tickets("opsgenie")] == ["closed", "open"]
        s.move(case, "SUPPRESSED")
        assert [a.status for a in s.tickets("pagerduty")] == ["resolved", "resolved"]


def test_what_waits_for_its_owner_wakes_nobody_and_the_next_stage_does(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "pagerduty", "opsgenie") as s:
        case = s.proposed()
        for state in ("APPROVED", "WAITING_OWNER"):
            s.move(case, state)
        assert [a.status for a in s.tickets("pagerduty")] == ["acknowledged"]
        s.move(case, "PENDING")
        assert [a.status for a in s.tickets("pagerduty")] == ["resolved", "triggered"]
        s.move(case, "RESOLVED")
        s.move(case, "UNDOING")
        s.move(case, "UNDONE")
        assert [a.status for a in s.tickets("opsgenie")] == ["closed", "closed"], "an undo that people asked for"
        s.move(case, "UNDO_FAILED")
        assert [a.status for a in s.tickets("opsgenie")] == ["closed", "closed", "open"]


@pytest.mark.parametrize("sink", TICKETS)
def test_a_ticket_is_commented_closed_and_opened_again(tmp_path: Path, sink: str) -> None:
    with sinks_world(tmp_path, sink) as s:
        case = s.proposed()
        s.move(case, "REJECTED", outcome="meant so")
        (ticket,) = s.tickets(sink)
        assert len(ticket.comments) == 1 and "rejected" in json.dumps(ticket.comments)
        assert (ticket.status if sink == "jira" else ticket.state) in ("Done", "closed")
        s.move(case, "SUPERSEDED")
        assert (ticket.status if sink == "jira" else ticket.state) in ("To Do", "open")
        s.move(case, "RESOLVED")
        assert len(ticket.comments) == 3 and len(s.tickets(sink)) == 1
        assert (ticket.status if sink == "jira" else ticket.state) in ("Done", "closed")


@pytest.mark.parametrize("sink", SINKS)
def test_nobody_is_told_twice(tmp_path: Path, sink: str) -> None:
    with sinks_world(tmp_path, sink) as s:
        case = s.proposed()
        before = len(s.mails) if sink == "email" else len(s.asked(sink))
        assert before
        for _ in range(3):
            notices.tell(s.d, {"suture": "notice", "case": case.id, "version": case.version})
        assert (len(s.mails) if sink == "email" else len(s.asked(sink))) == before


@pytest.mark.parametrize("sink", ["pagerduty", "opsgenie", "jira", "github"])
def test_what_was_over_before_anybody_was_told_opens_nothing(tmp_path: Path, sink: str) -> None:
    with sinks_world(tmp_path, sink, **{sink: {"severity": ["low"]}}) as s:
        case = s.proposed()
        s.decide("security", case, "approve")
        assert s.tickets(sink) == [] and s.asked(sink) == []


def test_a_case_that_was_not_taken_at_first_is_not_taken_later(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "github", github={"states": ["ESCALATED"]}) as s:
        case = s.proposed()
        assert s.tickets("github") == []
        s.move(case, "ESCALATED")
        assert len(s.tickets("github")) == 1


def test_mails_of_a_case_are_one_thread_of_a_machine(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "email") as s:
        case = s.proposed()
        s.move(case, "REJECTED", outcome="meant so")
        first, second = s.mails
        root = f"<{case.id}.prod.{ACCOUNT}@example.com>"
        assert second.subject == f"Re: {first.subject}" and case.id in first.subject
        assert first.headers["In-Reply-To"] == first.headers["References"] == root
        assert second.headers["In-Reply-To"] == f"<{first.id}@email.amazonses.com>"
        assert second.headers["References"] == f"{root} <{first.id}@email.amazonses.com>"
        for mail in s.mails:
            assert mail.headers["Auto-Submitted"] == "auto-generated"
            assert mail.headers["List-Id"] == "Suture <suture-prod.example.com>"
            assert mail.source == SENDER and mail.destinations["ToAddresses"] == [TEAM]
        assert f"{PAGE}/cases/{case.id}" in first.text and f"{PAGE}/cases/{case.id}" in first.html


def test_mail_goes_where_routes_say_and_to_the_groups_that_are_asked(tmp_path: Path) -> None:
    routes = [{"owners": ["payments"], "to": ["pay@example.com"]}]
    groups = {"security": ["duty@example.com"], "owner": ["owners@example.com"], "platform": ["p@example.com"]}
    with sinks_world(tmp_path, "email", email={"routes": routes, "groups": groups}) as s:
        s.proposed()
        role("pay", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        boto3.client("iam").tag_role(RoleName="pay", Tags=[{"Key": "Owner", "Value": "payments"}])
        s.change("AWS::IAM::Role", "pay", "iam:CreateRole")
        s.run()
        first, second = (m.destinations["ToAddresses"] for m in s.mails)
        assert first[0] == TEAM and second[0] == "pay@example.com" and TEAM not in second
        assert first == [TEAM, "owners@example.com"] and second == ["pay@example.com", "owners@example.com"]
        s.proposed("odd", who=None)
        assert "duty@example.com" in s.mails[-1].destinations["ToAddresses"], "nobody knows who did it"


@pytest.mark.parametrize(
    ("sink", "route", "target"),
    [("jira", {"project": "PAY"}, "PAY-1"), ("github", {"repository": "acme/payments"}, 1)],
)
def test_a_ticket_goes_where_its_route_says(tmp_path: Path, sink: str, route: Any, target: Any) -> None:
    with sinks_world(tmp_path, sink, **{sink: {"routes": [{"severity": ["critical"], **route}]}}) as s:
        s.proposed()
        if sink == "jira":
            assert list(s.desks["jira"].issues) == [target]
        else:
            assert [i.number for i in s.desks["github"].issues["acme/payments"]] == [target]


def test_opsgenie_hears_which_team_answers(tmp_path: Path) -> None:
    routes = [{"severity": ["critical"], "team": "payments"}]
    with sinks_world(tmp_path, "opsgenie", opsgenie={"team": "ops", "routes": routes}) as s:
        s.proposed()
        assert s.tickets("opsgenie")[0].body["responders"] == [{"name": "payments", "type": "team"}]


def test_a_reminder_is_mailed_and_commented_once(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "email", "github", "webhook", "pagerduty") as s:
        case = s.proposed()
        calls = len(s.asked("pagerduty"))
        message = {"suture": "notice", "case": case.id, "version": case.version, "remind": "still waits for a decision"}
        for _ in range(2):
            notices.tell(s.d, message)
        assert len(s.mails) == 2 and "still waits" in s.mails[1].text
        (ticket,) = s.tickets("github")
        assert len(ticket.comments) == 1 and "still waits" in ticket.comments[0]["body"]
        keys = [a.headers["idempotency-key"] for a in s.asked("webhook")]
        assert len(set(keys)) == len(keys) and keys[-1].startswith(f"{case.id}.{case.version}.")
        assert len(s.asked("pagerduty")) == calls


def test_a_storm_is_one_mail_and_a_ticket_for_each(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "email", "github", email={"storm": {"more_than": 3, "within": "10m"}}) as s:
        for n in range(6):
            s.proposed(f"open{n}")
        assert len(s.mails) == 3 and len(s.tickets("github")) == 6
        assert {m["suture"] for _, m, _ in s.held} == {"email-digest"}
        s.later()
        assert len(s.mails) == 3, "its window is not over"
        from datetime import timedelta

        s.d.ahead = timedelta(minutes=11)
        s.later()
        (digest,) = s.mails[3:]
        assert "3 more findings in a storm: 3 critical" in digest.subject
        hidden = [c for c in s.cases() if c.id in digest.text]
        assert len(hidden) == 3 and digest.headers["Auto-Submitted"] == "auto-generated"
        assert s.held == []
        s.decide("security", hidden[0], "reject")
        assert len(s.mails) == 4, "what becomes of a case of a storm fills no mailbox"


def test_quiet_hours_hold_mail_and_no_alert(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    hours = {"zone": "UTC", "from": f"{now:%H}:00", "to": f"{now + timedelta(hours=2):%H}:00", "but": ["critical"]}
    with sinks_world(tmp_path, "email", "pagerduty", email={"quiet": hours}) as s:
        s.unguarded()
        s.proposed()
        assert len(s.mails) == 1 and "critical" in s.mails[0].subject.lower()
        assert len(s.tickets("pagerduty")) == 2 and s.waiting() == [("email", 900)]
        s.d.ahead = timedelta(hours=3)
        s.later()
        assert len(s.mails) == 2 and s.held == []
