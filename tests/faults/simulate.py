"""Play schedules by their seeds: `make simulate SEED=7`, `SEED=0..300`; `--soak N` goes on with progress.

A failure is shrunk, told as a readable history, and ends with 1. The same seed always gives the same schedule.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from choices import shrunk
from invariants import violations
from moto import mock_aws
from remembered import Remembered, forget_moto
from simulation import Simulation, account_of, played
from small_worlds import WORLDS, SmallWorld

from suture.sandbox import mends

MOST_ANSWERS = 60_000


@dataclass(frozen=True)
class Failure:
    """A seed whose schedule breaks a law, and the shortest schedule found that still does."""

    seed: int
    broken: tuple[str, ...]
    story: tuple[str, ...]

    def __str__(self) -> str:
        head = f"seed {self.seed} in the world {world_of(self.seed).name}; again with: make simulate SEED={self.seed}"
        return "\n".join((head, *self.story, *(f"BROKEN {b}" for b in self.broken)))


def world_of(seed: int) -> SmallWorld:
    """Neighbouring seeds are in different worlds."""
    return list(WORLDS.values())[seed % len(WORLDS)]


@contextmanager
def simulated_aws() -> Iterator[None]:
    mends.apply()
    with mock_aws(config={"lambda": {"use_docker": False}}):
        forget_moto()
        yield
    forget_moto()


def failure_of(seed: int, world: SmallWorld | None = None, mood: str = "", tries: int = 300) -> Failure | None:
    """The failure of a seed's schedule, shrunk; None when it keeps every law."""
    at = world or world_of(seed)
    sim = played(at, seed, mood=mood)
    broken = violations(sim)
    if not broken:
        return None
    law = broken[0].split(":")[0]
    made = shrunk(sim.choices.made, lambda c: _breaks(played(at, made=c, mood=mood), law), tries)
    short = played(at, made=made, mood=mood)
    return Failure(seed, tuple(violations(short)), tuple(short.history.lines()))


def _breaks(sim: Simulation, law: str) -> bool:
    return any(v.startswith(law) for v in violations(sim))


def play(seeds: range, says_progress: bool) -> list[Failure]:
    """Play many; answers with what failed."""
    began, cpu, failures = time.monotonic(), time.process_time(), list[Failure]()
    for n, seed in enumerate(seeds, 1):
        if failure := failure_of(seed):
            failures.append(failure)
            print(failure, flush=True)
        _forget_much()
        if says_progress and (n % 250 == 0 or n == len(seeds)):
            rate = n / (time.process_time() - cpu)
            spent = time.monotonic() - began
            print(f"{n}/{len(seeds)} schedules, {len(failures)} failed, {spent:.0f} s, {rate:.0f} a second of one core")
            sys.stdout.flush()
    return failures


def _forget_much() -> None:
    """A memory that grew too big is begun anew."""
    for world in WORLDS.values():
        known: Remembered = account_of(world)
        if known.size > MOST_ANSWERS:
            known.forget()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", help="one seed, or first..last")
    parser.add_argument("--history", action="store_true", help="tell the history of a schedule that fails at nothing")
    asked = parser.parse_args()
    first, _, last = asked.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    with simulated_aws():
        failures = play(seeds, says_progress=len(seeds) > 1)
        if not failures and (asked.history or len(seeds) == 1):
            for seed in seeds:
                print(f"seed {seed} in the world {world_of(seed).name}")
                print(*played(world_of(seed), seed).history.lines(), sep="\n")
    print(f"{len(seeds)} schedules, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
