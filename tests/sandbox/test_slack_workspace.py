"""The played workspace refuses what Slack refuses; otherwise tests against it would prove nothing."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from suture.sandbox.slack import webapi
from suture.sandbox.slack.limits import message_problems, view_problems
from suture.sandbox.slack.server import FakeSlack
from suture.sandbox.slack.workspace import BURST, RESPONSES, Refused, Workspace

TEXT = {"type": "plain_text", "text": "x"}
GOOD = [{"type": "header", "text": TEXT}]
BUTTON = {"type": "button", "action_id": "a", "text": TEXT, "value": "v"}


def space() -> tuple[Workspace, list[float]]:
    now = [1_800_000_000.0]
    return Workspace(token="made-up", clock=lambda: now[0]), now


def call(where: Workspace, method: str, token: str = "made-up", **body: Any) -> dict[str, Any]:
    return webapi.call(where, method, f"Bearer {token}" if token else "", body)


def refused(where: Workspace, method: str, token: str = "made-up", **body: Any) -> str:
    with pytest.raises(Refused) as error:
        call(where, method, token, **body)
    return error.value.code


def test_calls_are_refused_as_slack_refuses_them() -> None:
    made, _ = space()
    made.archived.add("C0URGENT")
    hello = {"channel": "C0SECURITY", "text": "hello"}
    assert refused(made, "chat.postMessage", "", **hello) == "not_authed"
    assert refused(made, "chat.postMessage", "other", **hello) == "invalid_auth"
    assert refused(made, "chat.everything") == "unknown_method"
    assert refused(made, "chat.postMessage", channel="C0NOWHERE", text="x") == "channel_not_found"
    assert refused(made, "chat.postMessage", channel="C0URGENT", text="x") == "is_archived"
    assert refused(made, "chat.postMessage", channel="C0SECURITY") == "no_text"
    assert refused(made, "chat.postMessage", channel="C0SECURITY", text="x" * 40_001) == "msg_too_long"
    assert refused(made, "chat.postMessage", channel="C0SECURITY", blocks=[{"type": "poem"}]) == "invalid_blocks"
    assert refused(made, "chat.postMessage", **hello, thread_ts="1.2") == "thread_not_found"
    assert refused(made, "chat.update", **hello, ts="1.2") == "message_not_found"
    assert refused(made, "views.open", trigger_id="1", view={"type": "home", "blocks": GOOD}) == "invalid_arguments"
    assert made.messages == []


def test_a_message_is_posted_changed_and_deleted() -> None:
    made, _ = space()
    ts = call(made, "chat.postMessage", channel="C0SECURITY", text="one")["ts"]
    call(made, "chat.postMessage", channel="C0SECURITY", text="reply", thread_ts=ts, reply_broadcast=True)
    call(made, "chat.update", channel="C0SECURITY", ts=ts, text="two", blocks=GOOD)
    assert [(m.text, m.edited, m.broadcast) for m in made.messages] == [("two", True, False), ("reply", False, True)]
    call(made, "chat.delete", channel="C0SECURITY", ts=ts)
    assert [m.text for m in made.messages] == ["reply"]


def test_a_trigger_opens_one_window_within_three_seconds() -> None:
    made, now = space()
    view = {"type": "modal", "title": TEXT, "blocks": GOOD}
    trigger = made.trigger("U0SAM")
    call(made, "views.open", trigger_id=trigger, view=view)
    assert made.windows["U0SAM"]["title"] == TEXT
    assert refused(made, "views.open", trigger_id=trigger, view=view) == "invalid_trigger_id"
    late = made.trigger("U0SAM")
    now[0] += 3.1
    assert refused(made, "views.open", trigger_id=late, view=view) == "expired_trigger_id"


def test_a_response_url_answers_five_times_in_half_an_hour() -> None:
    made, now = space()
    one = made.response_id("U0SAM", "C0SECURITY")
    for _ in range(RESPONSES):
        made.respond(one, {"text": "hello"})
    assert {m.only_for for m in made.messages} == {"U0SAM"}
    with pytest.raises(Refused, match="used_url"):
        made.respond(one, {"text": "again"})
    other = made.response_id("U0SAM", "C0SECURITY")
    now[0] += 1801
    with pytest.raises(Refused, match="expired_url"):
        made.respond(other, {"text": "late"})


def test_a_channel_takes_a_burst_and_then_a_message_a_second() -> None:
    made, now = space()
    for _ in range(BURST):
        call(made, "chat.postMessage", channel="C0SECURITY", text="x")
    assert refused(made, "chat.postMessage", channel="C0SECURITY", text="x") == "ratelimited"
    call(made, "chat.postMessage", channel="C0URGENT", text="x")
    now[0] += 1
    call(made, "chat.postMessage", channel="C0SECURITY", text="x")


BAD_BLOCKS: list[tuple[str, Any]] = [
    ("no list", {}),
    ("none", []),
    ("too many", GOOD * 51),
    ("no dict", ["x"]),
    ("a header of mrkdwn", [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]),
    ("a long header", [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]),
    ("an empty header", [{"type": "header", "text": {"type": "plain_text", "text": ""}}]),
    ("a long section", [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]),
    ("an empty section", [{"type": "section"}]),
    (
        "a long button",
        [{"type": "actions", "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}]}],
    ),
    ("a long value", [{"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]}]),
    ("another style", [{"type": "actions", "elements": [{**BUTTON, "style": "pink"}]}]),
    ("two alike", [{"type": "actions", "elements": [BUTTON, BUTTON]}]),
    ("no buttons", [{"type": "actions", "elements": []}]),
    ("a block id twice", [{**GOOD[0], "block_id": "b"}, {**GOOD[0], "block_id": "b"}]),
    ("an input in a message", [{"type": "input", "label": TEXT, "element": {"type": "plain_text_input"}}]),
    ("empty rich text", [{"type": "rich_text", "elements": []}]),
    ("an empty paragraph", [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}]),
    (
        "a mention in code",
        [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "user"}]}]}],
    ),
    (
        "an empty text",
        [
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]}],
            }
        ],
    ),
]


@pytest.mark.parametrize("blocks", [b for _, b in BAD_BLOCKS], ids=[n for n, _ in BAD_BLOCKS])
def test_blocks_beyond_slacks_limits_are_refused(blocks: Any) -> None:
    assert message_problems(blocks)


def test_a_message_that_is_too_long_as_a_whole_is_refused() -> None:
    long = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 2900}}] * 5
    assert message_problems(long[:4]) == []
    assert message_problems(long)[0].startswith("msg_blocks_too_long")


@pytest.mark.parametrize(
    "view",
    [
        None,
        {"type": "sheet"},
        {"type": "modal", "blocks": GOOD},
        {"type": "modal", "title": {"type": "plain_text", "text": "x" * 25}, "blocks": GOOD},
        {"type": "modal", "title": TEXT, "blocks": GOOD * 101},
        {"type": "modal", "title": TEXT, "blocks": GOOD, "private_metadata": "x" * 3001},
        {
            "type": "modal",
            "title": TEXT,
            "blocks": [{"type": "input", "label": TEXT, "element": {"type": "plain_text_input"}}],
        },
    ],
    ids=range(7),
)
def test_views_beyond_slacks_limits_are_refused(view: Any) -> None:
    assert view_problems(view)


@pytest.fixture
def fake() -> Iterator[FakeSlack]:
    with FakeSlack() as made:
        yield made


def answer(url: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(asked, timeout=5) as got:
            return got.status, got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_page_and_its_parts_are_served_without_anything_from_elsewhere(fake: FakeSlack) -> None:
    for path, word in (("/", b"You are"), ("/style.css", b"color-scheme"), ("/script.js", b"textContent")):
        status, content = answer(fake.url + path)
        assert status == 200 and word in content
        assert b"https://" not in content and b"innerHTML" not in content


def test_no_other_page_can_click(fake: FakeSlack) -> None:
    """A browser sends another page's name as Host, and no JSON to another origin without asking first."""
    click = {"user": "U0SAM", "channel": "C0SECURITY", "text": "list"}
    assert answer(f"{fake.url}/ui/command", click, Host="evil.example")[0] == 404
    assert answer(f"{fake.url}/ui/command", click, **{"Content-Type": "text/plain"})[0] == 404
    assert answer(f"{fake.url}/ui/state?user=U0SAM", Host="evil.example")[0] == 404
    assert answer(f"{fake.url}/ui/state?user=U0SAM")[0] == 200


def test_an_app_that_does_not_answer_is_told_to_the_one_who_clicked(fake: FakeSlack) -> None:
    fake.point_to("http://127.0.0.1:9")
    status, said = answer(f"{fake.url}/ui/command", {"user": "U0SAM", "channel": "C0SECURITY", "text": "list"})
    assert (status, json.loads(said)) == (200, {"ok": True, "status": 0})
    assert json.loads(answer(f"{fake.url}/ui/click", {"user": "U0SAM", "channel": "C", "action": "approve"})[1]) == {
        "ok": False,
        "error": "action_not_found",
    }
