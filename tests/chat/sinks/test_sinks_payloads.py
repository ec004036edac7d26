"""Every kind of request, as it was looked at once and kept; within the limits, and deaf to what AWS says.

SUTURE_GOLDEN=1 writes the golden files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sinks_world import PAGE, SINKS, SinksWorld, sinks_world

from chalicelib.chat.sinks import LOST, email, github, jira, opsgenie, pagerduty, ses, words
from suture.sandbox.desks import github as github_desk
from suture.sandbox.desks import jira as jira_desk
from suture.sandbox.desks import opsgenie as opsgenie_desk
from suture.sandbox.desks import pagerduty as pagerduty_desk

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "@channel <!here> <script>alert(1)</script> ```\n```[x](https://evil.example) www.evil.example \u202e\r\nBcc: x"
)


def test_limits_are_those_of_the_desks() -> None:
    assert pagerduty.MOST_SUMMARY == pagerduty_desk.MOST_SUMMARY == 1024
    assert opsgenie.MOST_MESSAGE == opsgenie_desk.MOST["message"] == 130
    assert opsgenie_desk.MOST["description"] >= opsgenie.MOST_TEXT
    assert jira.MOST_SUMMARY == jira_desk.MOST_SUMMARY == 255 and jira.MOST_TEXT < jira_desk.MOST_TEXT
    assert github.MOST_TITLE == github_desk.MOST_TITLE == 256
    assert github.MOST_TEXT < github.MOST_BODY == github_desk.MOST_BODY == 65_536


def requests(s: SinksWorld, sink: str) -> Any:
    """What was sent, with what differs from run to run taken out."""
    if sink == "email":
        sent = [{"to": m.destinations, "subject": m.subject, "headers": m.headers, "text": m.text} for m in s.mails]
        told: Any = [{**one, "html": m.html} for one, m in zip(sent, s.mails, strict=True)]
        return _steady(told, [m.id for m in s.mails])
    asked = [a for a in s.asked(sink) if a.method != "GET"]
    return _steady([{"request": f"{a.method} {a.path}", "body": a.body} for a in asked], [])


def _steady(found: Any, ids: list[str]) -> Any:
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
    for number, id_ in enumerate(ids):
        text = text.replace(id_, f"<mail {number}>")
    for pattern, word in (
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
        (r"sha256:[0-9a-f]{64}", "<digest>"),
        (r"Plan [0-9a-f]{12}", "Plan <digest>"),
        (r"suture(-| )[0-9a-f]{16}", r"suture\1<mark>"),
        (r"0123456789abcdef0123456789abcdef", "<key>"),
    ):
        text = re.sub(pattern, word, text)
    return json.loads(text)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A case from its proposal through a fix that fails to its end, as every sink hears it."""
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
    with sinks_world(tmp_path_factory.mktemp("story")) as s:
        case = s.proposed()
        s.move(case, "APPROVED")
        s.move(case, "ESCALATED", outcome="AWS refused iam:UpdateAssumeRolePolicy")
        s.move(case, "RESOLVED", outcome="somebody closed it by hand")
        assert s.held == []
        return {sink: requests(s, sink) for sink in SINKS}


@pytest.mark.parametrize("sink", SINKS)
def test_requests_are_as_they_were_looked_at(story: Any, sink: str) -> None:
    path = GOLDEN / f"{sink}.json"
    text = json.dumps(story[sink], indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("SUTURE_GOLDEN"):
        path.write_text(text)
    assert json.loads(path.read_text()) == story[sink]


def test_the_longest_and_worst_words_fit_and_stay_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sinks_world(tmp_path) as s:
        case = s.proposed()
        plan = dict(case.plan or {})
        long = {"title": HOSTILE * 40, "outcome": HOSTILE * 40, "owner": HOSTILE * 20, "notes": (HOSTILE * 30,) * 20}
        capsys.readouterr()
        s.move(case, "PENDING", plan={**plan, "steps": [*plan["steps"] * 200]}, arn=case.arn + "/@x" * 600, **long)
        assert s.held == [] and LOST not in capsys.readouterr().out, "every desk took it"
        issue, ticket, mail = s.tickets("jira")[-1], s.tickets("github")[-1], s.mails[-1]
        assert len(issue.fields["summary"]) == 255 and len(ticket.title) == 256
        assert len(s.asked("opsgenie")[-1].body["message"]) == 130
        assert len(s.tickets("pagerduty")[-1].events[-1]["payload"]["summary"]) <= 1024
        assert "… The rest: suture cases show" in ticket.body
        outside = re.sub(r"(`{3,})text\n.*?\n\1\n", "", ticket.body, flags=re.DOTALL)
        assert outside.strip().startswith(f"[Open the case]({PAGE}/cases/") and "evil" not in outside
        assert "\n" not in mail.subject and "\r" not in json.dumps(mail.headers) and "Bcc" not in mail.headers
        _looked_through(mail.html, f"{PAGE}/cases/{case.id}")
        for words_ in (mail.text, ticket.body, json.dumps(issue.fields, ensure_ascii=False)):
            assert re.findall(r"https?://[\w./-]+", words_) in ([f"{PAGE}/cases/{case.id}"], [])
            assert "\u202e" not in words_


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def _looked_through(html: str, page: str) -> None:
    """Nothing to load, nothing that runs, and one link that SES leaves alone."""
    parts = _Parts()
    parts.feed(html)
    assert {tag for tag, _ in parts.tags} <= {"html", "head", "meta", "body", "h1", "p", "strong", "pre", "a"}
    assert [a for tag, a in parts.tags if tag == "a"] == [{"ses:no-track": None, "href": page}]
    assert not [a for _, a in parts.tags if {"src", "background", "onload", "onclick"} & set(a)]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.text(max_size=2000))
def test_no_text_becomes_a_header_or_markup(subject: str, value: str) -> None:
    made = ses.message(
        subject, value, ses.html(subject, value, value, "https://x.example/cases/C-1"), {"List-Id": value}
    )
    assert re.fullmatch(r"[ -~]*", made["Subject"]["Data"])
    ((header),) = made["Headers"]
    assert re.fullmatch(r"[ -~]{0,995}", header["Value"])
    _looked_through(made["Body"]["Html"]["Data"], "https://x.example/cases/C-1")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_no_text_leaves_its_fence(text: str) -> None:
    fence, *_, last = github.fenced(text).split("\n")
    assert last == fence.removesuffix("text") and last not in text


def test_without_a_page_there_is_no_link() -> None:
    job: Any = SimpleNamespace(d=SimpleNamespace(packaged=SimpleNamespace(page="")), case=SimpleNamespace(id="C-1"))
    assert words.link(job) == ""
    assert "href" not in ses.html("s", "", "t", "")
    assert email.message_id("", "eu-west-1") == ""
    assert email.message_id("0100", "eu-west-1") == "<0100@eu-west-1.amazonses.com>"
