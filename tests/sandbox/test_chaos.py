"""The chaos switches: what they mean, and that a seed decides."""

from __future__ import annotations

import threading
import time

import pytest

from chalicelib.errors import BadInput
from suture.sandbox.chaos import Chaos, Kill, Switches, changed, parse
from suture.sandbox.later import Later


def test_switches_are_read_from_text() -> None:
    assert parse("duplicate=0.2, kill=0.1,seed=7") == Switches(duplicate=0.2, kill=0.1, seed=7)
    assert parse("") == Switches()
    assert changed(Switches(seed=7), {"drop": 0.5}) == Switches(drop=0.5, seed=7)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fire=1", "no switch 'fire'"),
        ("drop", "not a number"),
        ("drop=often", "not a number"),
        ("drop=1.5", "out of range"),
        ("delay=-1", "out of range"),
        ("seed=x", "not a number"),
        ("kill_before=1.5", "not a number"),
    ],
)
def test_wrong_switches_are_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse(text)


def test_nothing_goes_wrong_by_default() -> None:
    chaos = Chaos()
    assert {chaos.deliveries() for _ in range(100)} == {(0.0,)}
    assert {chaos.kill() for _ in range(100)} == {None}


def test_one_seed_gives_one_sequence() -> None:
    switches = Switches(duplicate=0.5, reorder=0.5, delay=0.2, drop=0.2, kill=0.5, seed=11)
    one, other, third = Chaos(switches), Chaos(switches), Chaos(changed(switches, {"seed": 12}))
    first = [(one.deliveries(), one.kill()) for _ in range(50)]
    assert first == [(other.deliveries(), other.kill()) for _ in range(50)]
    assert first != [(third.deliveries(), third.kill()) for _ in range(50)]
    counts = {len(deliveries) for deliveries, _ in first}
    assert counts == {0, 1, 2}


@pytest.mark.parametrize(
    ("switches", "kill"),
    [
        (Switches(kill=1, kill_before=3), Kill("before", 3)),
        (Switches(kill=1, kill_after=2), Kill("after", 2)),
        (Switches(kill=0, kill_after=2), None),
    ],
)
def test_kills_strike_where_they_are_told(switches: Switches, kill: Kill | None) -> None:
    assert Chaos(switches).kill() == kill


def test_a_kill_without_a_call_strikes_soon() -> None:
    kill = Chaos(Switches(kill=1)).kill()
    assert kill is not None
    assert kill.when == "time"
    assert 0 <= kill.at <= 0.5


def test_later_keeps_the_order_of_time_and_survives_failures() -> None:
    later, done, finished = Later(), [], threading.Event()
    later.after(0.06, lambda: (done.append("second"), finished.set())[0])
    later.after(0.02, lambda: done.append("first"))
    later.after(0.04, lambda: 1 / 0)
    assert later.next_due() is not None
    assert finished.wait(2)
    deadline = time.monotonic() + 1
    while later.next_due() is not None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert done == ["first", "second"]
    assert later.next_due() is None
    later.close()
