"""Signed requests that are wrong in some way: refused with the right status, and nothing moves. Then many at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from slack_world import SlackWorld, ask, form, payload, slack_world

from chalicelib.chat.slack import door
from suture.sandbox.slack.workspace import APP, TEAM

ALLOWED = {200, 400, 401, 403, 404, 409, 413, 415}


BAD: list[tuple[int, str, bytes]] = [
    (400, "interactive", b""),
    (400, "interactive", b"\xff"),
    (400, "interactive", b"%ff=1"),
    (400, "interactive", b"payload"),
    (400, "interactive", b"other=1"),
    (400, "interactive", form(payload()) + b"&" + form(payload())),
    (400, "interactive", b"payload=" + b"%5B" * 20_000),
    (400, "interactive", form([])),
    (400, "interactive", form("text")),
    (400, "interactive", form(payload(type=7))),
    (400, "interactive", form(payload(user=None))),
    (400, "interactive", form(payload(user={"id": "<!channel>", "team_id": TEAM}))),
    (400, "interactive", form(payload(team=None))),
    (400, "interactive", form(payload(actions=[]))),
    (400, "interactive", form(payload(actions=[1]))),
    (400, "interactive", form(payload(actions=[{"action_id": "approve", "value": "x"}]))),
    (400, "interactive", form(payload(actions=[{"action_id": "approve", "value": "{}"}]))),
    (400, "interactive", form(payload(actions=payload()["actions"] * 2))),
    (403, "interactive", form(payload(api_app_id="A0OTHER"))),
    (403, "interactive", form(payload(team={"id": "T0OTHER"}))),
    (403, "interactive", form(payload(user={"id": "U0OLLY", "team_id": "T0PARTNER"}))),
    (403, "interactive", form(payload(channel={"id": "C0RANDOM"}))),
    (413, "interactive", b"payload=" + b"x" * 100_001),
    (200, "interactive", form(payload(type="shortcut"))),
    (400, "interactive", form(payload(type="view_submission"))),
    (400, "command", b"text=list"),
    (400, "command", b"text=list&text=list"),
    (403, "command", urlencode({"api_app_id": "A0OTHER"}).encode()),
    (400, "events", b"{"),
    (400, "events", b"[" * 50_000),
    (400, "events", b'{"type": "url_verification"}'),
    (200, "events", b'{"type": "app_rate_limited"}'),
    (403, "events", json.dumps({"type": "event_callback", "api_app_id": APP, "team_id": "T0X", "event": {}}).encode()),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackWorld]:
    with slack_world(tmp_path_factory.mktemp("slack")) as made:
        made.proposed()
        yield made


def test_each_wrong_request_has_its_status_and_changes_nothing(shared: SlackWorld) -> None:
    before = shared.items()
    for status, which, body in BAD:
        assert ask(shared, body, which) == status, (status, which, body[:200])
    assert shared.items() == before
    assert door.answer(shared.d, {"door": "events", "headers": {}, "raw": b""})[0] == 401


def test_a_signed_request_of_another_door_is_no_decision(shared: SlackWorld) -> None:
    assert ask(shared, form(payload()), "command") == 400
    assert ask(shared, form(payload()), "events") == 400


def test_without_a_workspace_there_is_no_door(shared: SlackWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shared.d.__dict__, "slack", None)
    assert ask(shared, form(payload())) == 404


def test_a_response_url_elsewhere_is_never_called(shared: SlackWorld) -> None:
    """The body is signed, and still its word for an address counts for nothing."""
    for url in (
        "http://169.254.169.254/",
        "https://hooks.slack.com.evil.example/x",
        "file:///etc/passwd",
        "https://u@hooks.slack.com/",
    ):
        shared.held.clear()
        assert ask(shared, form(payload(response_url=url))) == 200
        shared.run()
    assert shared.d.slack is not None
    assert shared.d.slack.may_respond("https://hooks.slack.com/actions/T/1/2")
    assert not shared.d.slack.may_respond("https://hooks.slack.com:444/x")
