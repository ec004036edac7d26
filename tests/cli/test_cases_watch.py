"""`suture cases watch`: what is open, then each case that moves, through a door that is gone for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from suture.cli import cases
from suture.cli.failures import INTERRUPTED

CASE = {
    "id": "C-1",
    "state": "PENDING",
    "severity": "high",
    "title": "Anyone may call shop",
    "updated": "2026-01-02T03:04:05.678Z",
    "plan": "sha256:a",
}
OTHER = {**CASE, "id": "C-2", "title": "Anyone may call pay\x1b[2J", "updated": "2026-01-02T03:05:00.000Z"}
DONE = {**CASE, "id": "C-3", "state": "RESOLVED"}


def listed(*found: Any, paused: bool = False) -> tuple[int, Any]:
    return 200, {"cases": found, "paused": paused}


LOOKS = [
    listed(CASE, DONE),
    listed({**CASE, "plan": "sha256:b"}, DONE),
    (503, {"error": "busy"}),
    (503, {"error": "busy"}),
    listed({**CASE, "plan": "sha256:b", "state": "APPROVED"}, DONE, OTHER, paused=True),
    listed({**CASE, "plan": "sha256:b", "state": "APPROVED"}, {**DONE, "state": "UNDOING"}, OTHER),
]
Play = Callable[..., Any]


@pytest.fixture
def play(door: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Run the command while the door answers one look after the other; then somebody presses Ctrl-C."""

    def go(looks: list[tuple[int, Any]], *arguments: str) -> Any:
        left = list(looks)

        def wait(seconds: float) -> None:
            assert seconds == 5
            if not left:
                raise KeyboardInterrupt
            door.answers[("GET", "/api/cases")] = left.pop(0)

        door.answers[("GET", "/api/cases")] = left.pop(0)
        monkeypatch.setattr(cases.time, "sleep", wait)
        return run("cases", "watch", *arguments)

    return go


def test_each_case_is_told_once_as_it_moves(play: Play) -> None:
    result = play(LOOKS)
    assert result.exit_code == INTERRUPTED
    first, newer, lost, paused, approved, found, resumed, undoing = result.stdout.splitlines()
    assert first == "2026-01-02 03:04:05Z  C-1  high  PENDING  Anyone may call shop"
    assert "C-1  high  PENDING, a new plan" in newer
    assert "503: busy" in lost and lost.endswith("Looking again until it answers.")
    assert paused.startswith("Paused:") and "C-1  high  PENDING → APPROVED" in approved
    assert "C-2  high  PENDING  Anyone may call pay" in found and "\x1b" not in found
    assert resumed.startswith("Resumed:") and "C-3  high  RESOLVED → UNDOING" in undoing


def test_a_state_is_watched_where_it_is_come_into_and_left(play: Play) -> None:
    told = [json.loads(line) for line in play(LOOKS, "--state", "approved", "--json").stdout.splitlines()]
    assert [m.get("id") or next(iter(m)) for m in told] == ["error", "paused", "C-1", "paused"]
    assert (told[2]["from"], told[2]["state"]) == ("PENDING", "APPROVED")


def test_a_door_that_never_answered_or_refuses_ends_it(play: Play) -> None:
    assert play([(503, {"error": "busy"})]).exit_code == 3
    assert play([listed(CASE), (403, {"error": "who are you"})]).exit_code == 1


@pytest.mark.parametrize("wrong", [("--every", "0"), ("--every", "nan"), ("--state", "NOWHERE")])
def test_wrong_usage_is_named_before_anything_is_asked(door: Any, run: Any, wrong: tuple[str, str]) -> None:
    result = run("cases", "watch", *wrong)
    assert result.exit_code == 2 and wrong[1] in result.stderr and not door.asked
