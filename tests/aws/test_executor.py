"""Writers are killed, refused and raced at every call; afterwards the nine invariants hold."""

from __future__ import annotations

import os
from functools import partial

import pytest
from faults import WOUNDS, WRITES, Killed, Stage, place, state_of
from forking import forked
from world import World

from chalicelib.cases import Case

BOOKS = sorted(WOUNDS)


def points(calls: list[str]) -> list[int]:
    """The calls to die at: those around every write and each fourth; in the soak (SUTURE_SOAK=1) all of them."""
    near = {n + k for n, name in enumerate(calls, 1) if name in WRITES for k in range(-2, 4)}
    every = range(1, len(calls) + 1)
    return [n for n in every if n in near or n % 4 == 1 or os.environ.get("SUTURE_SOAK")]


@pytest.fixture
def stage(w: World) -> Stage:
    return Stage(w)


def warmed(stage: Stage, case: Case) -> None:
    """One delivery in this process, so that no copy of it has to load what a delivery and a look at its end need."""
    assert stage.deliver(stage.writer_message()) == []
    state_of(stage, stage.case(case.resource_id, case.control))
    stage.queues.take("notices", "changes")
    stage.faults.reset()


@pytest.mark.parametrize("book", BOOKS)
def test_a_writer_killed_at_any_call_ends_with_the_fix_whole(stage: Stage, book: str) -> None:
    wound = WOUNDS[book]
    warmed(stage, wound.approved(stage, "first"))
    case = wound.approved(stage, "thing")
    message = stage.writer_message()
    stage.queues.take("notices", "changes")
    calls, writes = forked(lambda: (stage.calls_of(message), len(stage.faults.writes)))
    repeated = 1 if book == "lambda-lead-out-secret" else 0

    def killed_at(n: int) -> None:
        stage.faults.reset(kill_at=n)
        with pytest.raises(Killed):
            stage.deliver(message)
        made = list(stage.faults.writes)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message)
        after = stage.case(case.resource_id, case.control)
        assert (after.state, state_of(stage, after)) == (wound.end, "new"), f"killed at call {n}: {after.outcome}"
        assert len(made) + len(stage.faults.writes) <= writes + repeated, f"killed at call {n}: called twice"
        assert ("notices", after.id) in {(q, m.get("case")) for q, m in stage.queues.take("notices")}

    for n in points(calls):
        forked(partial(killed_at, n))


@pytest.mark.parametrize("book", BOOKS)
def test_a_writer_killed_at_any_call_of_an_undo_ends_with_the_undo_whole(stage: Stage, book: str) -> None:
    wound = WOUNDS[book]
    warmed(stage, wound.undoing(stage, "first"))
    case = wound.undoing(stage, "thing")
    message = stage.writer_message()
    calls = forked(partial(stage.calls_of, message))

    def killed_at(n: int) -> None:
        stage.faults.reset(kill_at=n)
        with pytest.raises(Killed):
            stage.deliver(message)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message)
        after = stage.case(case.resource_id, case.control)
        assert (after.state, state_of(stage, after)) == ("UNDONE", "old"), f"killed at call {n}: {after.outcome}"
        assert case.control in stage.d.ledger.history(place(after)).undone

    for n in points(calls):
        forked(partial(killed_at, n))
