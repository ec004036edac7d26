"""The tester, tested: each of ten bugs that is planted in the product is found, by the law that it breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from invariants import violations
from laws import LAWS
from planted import BUGS
from simulate import failure_of, simulated_aws
from simulation import played
from small_worlds import WORLDS

MOST_SEEDS = 300


@pytest.fixture(autouse=True, scope="module")
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with simulated_aws():
            yield


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    with bug.plant():
        seed, broken = next(found_in(name), (None, []))
    assert seed is not None, f"{name}: {MOST_SEEDS} schedules did not find it"
    assert any(b.startswith(bug.laws) for b in broken), broken
    assert violations(played(WORLDS[bug.world], seed, mood=bug.mood)) == [], "without the bug the same seed is clean"


def found_in(name: str) -> Iterator[tuple[int, list[str]]]:
    """The seeds that find a planted bug, with the laws that it breaks there."""
    bug = BUGS[name]
    for seed in range(MOST_SEEDS):
        broken = violations(played(WORLDS[bug.world], seed, mood=bug.mood))
        if broken:
            yield seed, broken


def test_what_is_found_is_told_with_its_seed_and_a_short_history() -> None:
    bug = BUGS["journal written after the call"]
    with bug.plant():
        failure = next(f for seed in range(20) if (f := failure_of(seed, WORLDS[bug.world])))
    told = str(failure)
    assert f"make simulate SEED={failure.seed}" in told
    assert "BROKEN 1 journal before write" in told
    assert len(failure.story) < 60 and any(" write " in line for line in failure.story)


def test_every_bug_breaks_a_law_that_there_is() -> None:
    assert len(BUGS) == 10
    assert all(any(name.startswith(law) for name in LAWS) for bug in BUGS.values() for law in bug.laws)
