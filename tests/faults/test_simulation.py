"""Schedules by their seeds: whatever fails, whenever, the laws hold; and the simulation itself can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from choices import Choices, shrunk
from invariants import violations
from simulate import failure_of, simulated_aws, world_of
from simulation import account_of, played
from small_worlds import WORLDS

QUICK, SHARES = 308, 7


@pytest.fixture(autouse=True, scope="module")
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with simulated_aws():
            yield


@pytest.mark.parametrize("share", range(SHARES))
def test_no_schedule_breaks_a_law(share: int) -> None:
    for seed in range(share, QUICK, SHARES):
        failure = failure_of(seed)
        assert failure is None, str(failure)


def test_a_seed_gives_the_same_schedule_again_and_so_do_its_choices() -> None:
    for seed in range(len(WORLDS)):
        world = world_of(seed)
        first = played(world, seed)
        told = list(first.history.lines())
        account_of(world).forget()
        assert list(played(world, seed).history.lines()) == told
        assert list(played(world, made=first.choices.made).history.lines()) == told


@pytest.mark.parametrize("name", WORLDS)
def test_a_good_day_fixes_everything(name: str) -> None:
    """A schedule of zeros: nothing goes wrong, people who are asked say yes, and every fix is verified."""
    sim = played(WORLDS[name], made=())
    assert {c.state for c in sim.cases()} == {"RESOLVED"}
    assert len(sim.cases()) == len(WORLDS[name].problems)
    assert violations(sim) == []


def test_schedules_reach_what_they_are_for() -> None:
    """The wild part is wild: every kind of fault, end and act comes up among few schedules."""
    sims = [played(world_of(seed), seed) for seed in range(140)]
    faults = {e.what.rsplit(" ", 1)[0] for s in sims for e in s.history.of("fault")}
    assert {"held before", "held after", "dies before", "dies after", "loses the answer of"} <= faults
    assert {"sends twice", "is throttled at", "is refused", "finds busy"} <= faults
    ends = {c.state for s in sims for c in s.cases()}
    assert {"RESOLVED", "UNDONE", "UNDO_FAILED", "ESCALATED", "PENDING"} <= ends
    kinds = {e.kind for s in sims for e in s.history.events}
    assert {"foreign", "switch", "deploy", "clock", "write", "moved"} <= kinds
    assert any(s.queues.dead for s in sims) or any("time 2" in e.what for s in sims for e in s.history.of("act"))


def test_choices_are_drawn_once_and_played_again() -> None:
    drawn = Choices(3)
    made = [drawn.rarely(0.5, 4), drawn.number(9), drawn.one_of((1, 2, 3)), drawn.rarely(1.0, 2)]
    again = Choices(0, drawn.made)
    assert [again.rarely(0.5, 4), again.number(9), again.one_of((1, 2, 3)), again.rarely(1.0, 2)] == made
    assert [again.number(5), again.rarely(1.0, 5)] == [0, 0], "a list that ends goes on with what is usual"


def test_a_failing_schedule_is_shrunk_to_what_it_needs() -> None:
    made = [0, 3, 0, 1, 7, 0, 2, 2, 0, 5, 1]
    assert [c for c in shrunk(made, lambda c: 7 in c and 5 in c) if c] == [7, 5]
    assert shrunk(made, lambda c: len(c) > 4 and c[4] == 7) == [0, 0, 0, 0, 7]
