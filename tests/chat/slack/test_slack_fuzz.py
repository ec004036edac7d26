"""Requests that Slack signed and nobody meant: generated, nearly right, and spoilt. SUTURE_SOAK=1 tries 100,000."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_world import SlackWorld, form, slack_world

from chalicelib.chat.slack import door
from suture.sandbox.slack.workspace import APP, TEAM

EXAMPLES = 100_000 if os.environ.get("SUTURE_SOAK") else 3_000

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from([TEAM, APP, "C0SECURITY"])
anything = st.recursive(
    scalars, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=8), s, max_size=3), max_leaves=6
)
ALLOWED = {200, 400, 401, 403, 404, 409, 413, 415}
users = st.sampled_from(["U0MALLORY", "U0DREW", "U0DANA"])
actions = st.sampled_from(["approve", "reject", "snooze", "undo", "revoke", "details", "dance"])


def values(case: Mapping[str, str]) -> Any:
    about = st.fixed_dictionaries({"c": st.just(case["c"]) | st.text(max_size=12), "p": st.just(case["p"]) | anything})
    return about.map(json.dumps) | st.text(max_size=20)


def interactions(case: Mapping[str, str]) -> Any:
    """Payloads that are nearly right: one of them may be right but for who sends it."""
    who = st.fixed_dictionaries({"id": users | st.text(max_size=8), "team_id": st.just(TEAM) | anything})
    clicked = st.fixed_dictionaries({"action_id": actions | anything, "value": values(case) | anything})
    typed = st.dictionaries(st.sampled_from(["reason", "digits", "until"]), anything, max_size=3)
    view = st.fixed_dictionaries(
        {"callback_id": actions | anything, "private_metadata": values(case) | anything},
        optional={"state": st.fixed_dictionaries({"values": typed | anything}) | anything},
    )
    fixed = {
        "type": st.sampled_from(["block_actions", "view_submission", "x"]) | anything,
        "user": who | anything,
        "team": st.just({"id": TEAM}) | anything,
        "api_app_id": st.just(APP) | anything,
        "channel": st.just({"id": "C0SECURITY"}) | anything,
        "actions": st.lists(clicked, min_size=1, max_size=1) | anything,
        "view": view | anything,
        "trigger_id": st.text(max_size=6) | anything,
        "response_url": st.text(max_size=20) | anything,
    }
    return st.fixed_dictionaries({}, optional=fixed).map(form)


def commands_of(case: Mapping[str, str]) -> Any:
    words = ["list", "show", "plan", "why", "approve", "reject", "undo", "snooze", "takeback", "pause", "resume", "7d"]
    text = st.lists(st.sampled_from([*words, case["c"], case["p"][-4:]]) | st.text(max_size=6), max_size=5)
    fields = {
        "api_app_id": st.just(APP) | st.text(max_size=6),
        "team_id": st.just(TEAM) | st.text(max_size=6),
        "user_id": users | st.text(max_size=8),
        "channel_id": st.just("C0SECURITY") | st.text(max_size=8),
        "text": text.map(" ".join),
        "response_url": st.text(max_size=20),
    }
    return st.fixed_dictionaries({}, optional=fields).map(lambda f: urlencode(f, errors="replace").encode())


def events_of() -> Any:
    fields = {
        "type": st.sampled_from(["url_verification", "event_callback"]) | anything,
        "challenge": anything,
        "api_app_id": st.just(APP) | anything,
        "team_id": st.just(TEAM) | anything,
        "event": st.fixed_dictionaries({"type": st.just("app_home_opened") | anything, "user": anything}) | anything,
    }
    return st.fixed_dictionaries({}, optional=fields).map(lambda d: json.dumps(d).encode())


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SlackWorld, Mapping[str, str], Any]]:
    with slack_world(tmp_path_factory.mktemp("fuzz")) as made:
        case = made.proposed()
        made.d.queues.send = lambda name, message, delay=0: None  # type: ignore[method-assign]
        yield made, {"c": case.id, "p": case.plan_digest}, made.items()


def test_no_request_raises_decides_or_is_logged(fuzzed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Signed by Slack, sent by people who may not decide here, and mutated at will; some not signed at all."""
    sw, about, items = fuzzed
    doors: dict[str, Any] = {
        "interactive": interactions(about),
        "command": commands_of(about),
        "events": events_of(),
    }
    requests = st.one_of([body.map(lambda b, n=name: (n, b)) for name, body in doors.items()])
    noise = st.tuples(st.sampled_from(sorted(doors)), st.binary(max_size=200))
    spoilt = st.sampled_from(["", "cut", "flip", "unsigned", "wrong"])

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(request=requests | noise, how=spoilt, at=st.integers(0, 10_000))
    def law(request: tuple[str, bytes], how: str, at: int) -> None:
        which, body = request
        if body and how == "cut":
            body = body[: at % len(body)]
        if body and how == "flip":
            spot = at % len(body)
            body = body[:spot] + bytes([body[spot] ^ 0x55]) + body[spot + 1 :]
        headers = sw.fake.sender.signed(body)
        if how == "unsigned":
            headers = {}
        if how == "wrong":
            headers["x-slack-signature"] = headers["x-slack-signature"][:-2] + "zz"
        capsys.readouterr()
        status, said = door.answer(sw.d, {"door": which, "headers": headers, "raw": body})
        logged = capsys.readouterr().out
        assert status in ALLOWED, (status, which, body)
        assert status == 401 or how not in ("unsigned", "wrong")
        json.dumps(said)
        signature = headers.get("x-slack-signature", "v0=none")
        assert signature not in logged
        assert len(body) < 12 or body.decode("utf-8", "replace") not in logged

    law()
    assert sw.items() == items
