"""What the services may do meanwhile: nothing is lost, nothing is told twice, and an operator hears of it."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from sinks_world import TICKETS, TOKENS, SinksWorld, sinks_world
from world import ACCOUNT, REGION, role

from chalicelib.chat import claims, notices, sinks
from chalicelib.chat.sinks import LOST, line
from chalicelib.chat.sinks.line import Line, SinkFailed
from chalicelib.errors import Conflict
from suture.sandbox.vaults.loopback import Answer, Asked

OUTSIDE = ("github", "jira", "opsgenie", "pagerduty", "webhook")
FAULTS = [
    (Answer(429, {}, {"Retry-After": "7"}), 7),
    (Answer(429, {}), 30),
    (Answer(429, {}, {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}), 30),
    (Answer(403, {}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}), 1),
    (Answer(500, {}), 30),
    (Answer(503, {}, {"Retry-After": "9000"}), 900),
    (Answer(401, {}), 30),
    (Answer(403, {}), 30),
    (Answer(302, {}, {"Location": "https://elsewhere.example/"}), 30),
    (Answer(0), 30),
]


def once(answer: Answer) -> Any:
    """Answer the first request so, and leave the others to the service."""
    asked: list[Asked] = []

    def refuse(one: Asked) -> Answer | None:
        asked.append(one)
        return answer if len(asked) == 1 else None

    return refuse


@pytest.mark.parametrize(("answer", "delay"), FAULTS, ids=[f"{a.status}-{d}" for a, d in FAULTS])
def test_what_is_not_taken_comes_later_and_the_case_stays_decidable(
    tmp_path: Path, answer: Answer, delay: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with sinks_world(tmp_path, *OUTSIDE) as s:
        for loopback in s.lines.values():
            loopback.refuse = once(answer)
        case = s.proposed()
        assert sorted(s.waiting()) == [(name, delay) for name in OUTSIDE]
        assert capsys.readouterr().out.count(LOST) == len(OUTSIDE), "an operator is told of each"
        assert s.decide("security", case, "reject").case.state == "REJECTED"
        s.later(2)
        assert {len(s.tickets(name)) for name in TICKETS} <= {0, 1}
        assert s.held == [] and len(s.asked("webhook")) == 2


def test_services_are_down_for_hours_and_nothing_is_lost(tmp_path: Path) -> None:
    with sinks_world(tmp_path, *OUTSIDE) as s:
        for loopback in s.lines.values():
            loopback.refuse = lambda asked: Answer(503, {})
        s.proposed()
        delays = []
        for _ in range(7):
            delays.append({delay for _, delay in s.waiting()})
            s.later()
        assert delays == [{30}, {60}, {120}, {240}, {480}, {900}, {900}]
        for loopback in s.lines.values():
            loopback.refuse = lambda asked: None
        s.later()
        assert [len(s.tickets(name)) for name in OUTSIDE[:4]] == [1, 1, 1, 1] and s.held == []


@pytest.mark.parametrize("sink", ["jira", "github", "pagerduty", "opsgenie"])
def test_a_lost_answer_opens_nothing_twice(tmp_path: Path, sink: str) -> None:
    with sinks_world(tmp_path, sink) as s:
        lost: list[Asked] = []
        s.lines[sink].lose = lambda asked: asked.method in ("POST", "PATCH") and not lost and not lost.append(asked)
        case = s.proposed()
        assert s.waiting() == [(sink, 30)]
        s.later()
        assert len(s.tickets(sink)) == 1 and s.held == []
        lost.clear()
        s.move(case, "REJECTED", outcome="meant so")
        s.later()
        (ticket,) = s.tickets(sink)
        assert s.held == [] and (ticket.status if sink != "github" else ticket.state) in ("Done", "closed", "resolved")
        if sink in TICKETS:
            said = [c for c in ticket.comments if "meant so" in json.dumps(c)]
            assert len(said) == 1, "one comment for one move"


def test_a_case_that_ends_while_its_ticket_is_lost_still_closes_it(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "jira") as s:
        lost: list[Asked] = []
        s.lines["jira"].lose = lambda asked: asked.path.endswith("/issue") and not lost and not lost.append(asked)
        case = s.proposed()
        s.d.lines.clear()
        s.move(case, "REJECTED")
        s.later()
        (issue,) = s.tickets("jira")
        assert issue.status == "Done"


@pytest.mark.parametrize("how", ["jira", "github", "moved"])
def test_a_ticket_that_is_gone_is_opened_anew(tmp_path: Path, how: str) -> None:
    sink = "jira" if how == "jira" else "github"
    with sinks_world(tmp_path, sink) as s:
        case = s.proposed()
        if how == "jira":
            s.desks["jira"].issues.clear()
        else:
            (s.desks["github"].moved if how == "moved" else s.desks["github"].deleted).add(1)
        s.move(case, "ESCALATED", outcome="AWS refused the call")
        assert s.held == []
        assert "AWS refused the call" in json.dumps(
            s.tickets(sink)[-1].fields if how == "jira" else s.tickets(sink)[-1].body
        )
        s.move(case, "RESOLVED")
        assert len(s.tickets(sink)) == (1 if how == "jira" else 2)


def test_no_issue_is_opened_where_everybody_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sinks_world(tmp_path, "github") as s:
        s.desks["github"].public.add("acme/security")
        s.proposed()
        assert s.tickets("github") == [] and s.asked("github", "POST") == []
        assert "public_repository" in capsys.readouterr().out and s.waiting() == [("github", 30)]


def test_a_gone_ticket_of_a_case_that_ends_is_left_gone(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "jira") as s:
        case = s.proposed()
        s.desks["jira"].issues.clear()
        s.move(case, "RESOLVED")
        assert s.tickets("jira") == [] and s.held == []


def test_a_workflow_without_a_way_to_done_is_told_and_not_tried_for_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sinks_world(tmp_path, "jira", jira={"done": "Archived"}) as s:
        case = s.proposed()
        s.move(case, "RESOLVED")
        assert "no transition to Archived" in capsys.readouterr().out
        assert s.held == [] and len(s.tickets("jira")[0].comments) == 1


def test_what_looks_like_a_secret_leaves_through_no_sink(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    with sinks_world(tmp_path) as s:
        role(f"open.{token}", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        s.change("AWS::IAM::Role", f"open.{token}", "iam:UpdateAssumeRolePolicy")
        s.run()
        assert token not in json.dumps([a.body for name in OUTSIDE for a in s.asked(name)], default=str)
        assert s.mails == [] and s.held == []
        out = capsys.readouterr().out
        assert out.count(LOST) == 6 and "held a secret" in out


def test_an_address_with_a_password_is_seen_behind_its_joiner(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "github", "email") as s:
        case = s.proposed()
        address = "postgres://app:" + "hG7tR2" + "mPq9zWx@db.example.com/shop"
        s.move(case, "ESCALATED", outcome=f"the function says {address}")
        assert "mPq9zWx" not in json.dumps([a.body for a in s.asked("github")]) and len(s.mails) == 1


def test_no_token_is_in_a_log_or_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sinks_world(tmp_path, *OUTSIDE) as s:
        for loopback in s.lines.values():
            loopback.refuse = once(Answer(401, {"message": "Bad credentials"}))
        s.proposed()
        s.later()
        kept = capsys.readouterr().out + json.dumps(s.items())
        assert not [name for name, token in TOKENS.items() if token in kept]


def test_a_new_token_is_read_when_the_old_one_is_refused(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "github") as s:
        s.desks["github"]._token = "renewed"
        s.proposed()
        boto3.client("ssm", region_name=REGION).put_parameter(
            Name="/suture/github-token", Value="renewed", Type="SecureString", Overwrite=True
        )
        (message,) = (m for _, m, _ in s.held)
        notices.tell(s.d, message)
        assert len(s.tickets("github")) == 1, "the same process reads it anew"


def test_a_token_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sinks_world(tmp_path, "jira", jira={"token": "/suture/nowhere"}) as s:
        s.proposed()
        assert "no_secret (ParameterNotFound)" in capsys.readouterr().out
        assert s.waiting() == [("jira", 30)] and s.asked("jira") == []


def test_mail_that_ses_refuses_comes_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sinks_world(tmp_path, "email", email={"from": "suture@elsewhere.example"}) as s:
        s.proposed()
        assert "MessageRejected" in capsys.readouterr().out and s.waiting() == [("email", 30)]
        boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity="elsewhere.example")
        s.later()
        assert len(s.mails) == 1 and s.held == []


def test_two_notices_at_once_open_one_ticket(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "github", github={"severity": ["low"]}) as s:
        case = s.proposed()
        with claims.claimed(s.d, case, "github"):
            sinks.tell("github", s.d, case, {"suture": "notice", "case": case.id})
            assert s.waiting() == [("github", 5)] and s.asked("github") == []


def test_who_lost_the_claim_keeps_nothing(tmp_path: Path) -> None:
    from datetime import timedelta

    with sinks_world(tmp_path, "github") as s:
        case = s.proposed()
        with claims.claimed(s.d, case, "github") as late:
            s.d.ahead = timedelta(seconds=61)
            with claims.claimed(s.d, case, "github") as other:
                other.keep({**other.kept, "id": "theirs"})
            with claims.claimed(s.d, case, "github"), pytest.raises(Conflict):
                late.keep({**late.kept, "id": "mine"})
        with claims.claimed(s.d, case, "github") as after:
            assert after.kept["id"] == "theirs"


def _rough(s: SinksWorld, dice: random.Random | None) -> None:
    """From here on requests fail at random, before or after their work; without dice, all go well."""
    for loopback in s.lines.values():
        loopback.refuse = lambda asked: (
            Answer(dice.choice((429, 500, 503, 0))) if dice and dice.random() < 0.25 else None
        )
        loopback.lose = lambda asked: bool(dice and dice.random() < 0.25)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_refused_lost_or_told_again_there_is_one_ticket_and_it_ends(tmp_path: Path, seed: int) -> None:
    """Notices come twice and in any order, and nearly half of all requests fail."""
    dice = random.Random(seed)
    with sinks_world(tmp_path, *OUTSIDE) as s:
        _rough(s, dice)
        case = s.proposed()
        for rough, states in ((dice, ("ESCALATED", "SUPERSEDED", "PENDING", "APPROVED")), (None, ())) * 2:
            _rough(s, rough)
            for state in states:
                s.move(case, state)
                s.send("notices", {"suture": "notice", "case": case.id, "version": 1})
                dice.shuffle(s.held)
                s.later(dice.randrange(3))
            s.later(0 if rough else 2)
        assert [i.status for i in s.tickets("jira")] == ["To Do"] and [i.state for i in s.tickets("github")] == ["open"]
        _rough(s, dice)
        s.move(case, "RESOLVED")
        s.later(3)
        _rough(s, None)
        s.later(2)
        assert s.held == []
        (issue,), (ticket,) = s.tickets("jira"), s.tickets("github")
        assert (issue.status, ticket.state) == ("Done", "closed")
        assert {a.status for name in ("pagerduty", "opsgenie") for a in s.tickets(name)} == {"resolved", "closed"}
        for comments in (issue.comments, ticket.comments):
            said = re.findall(r"\[C-\w+\.\d+\]", json.dumps(comments))
            assert said and len(said) == len(set(said)), "no move is told twice"


class _Drip(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def drip() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Drip)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_who_sends_a_byte_at_a_time_gets_no_more_of_our_time(drip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "LONGEST", 0.3)
    begun = time.monotonic()
    with pytest.raises(SinkFailed, match="no_answer"):
        Line(None, drip, "", is_sandboxed=True).call("GET", "/", None, {})  # type: ignore[arg-type]
    assert time.monotonic() - begun < 3


def test_a_service_that_is_down_is_not_waited_for_by_every_message(tmp_path: Path) -> None:
    with sinks_world(tmp_path, "github") as s:
        s.lines["github"].refuse = lambda asked: Answer(0)
        s.proposed()
        s.proposed("other")
        assert len(s.asked("github")) == 1 and len(s.held) == 2
