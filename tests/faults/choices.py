"""Every choice of a schedule, drawn from one seed, written down, played again and shrunk.

A choice is a small number, and 0 is always what would happen on a good day. So a schedule is a list of numbers that is
mostly 0, and a list that ends goes on with 0: the fewer there are besides, the shorter the story of a failure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence


class Choices:
    """Choices drawn from `seed`, or those that `played` holds and then 0."""

    def __init__(self, seed: int = 0, played: Sequence[int] | None = None) -> None:
        self._random = random.Random(seed)
        self._played = played
        self.made: list[int] = []

    def rarely(self, chance: float, of: int) -> int:
        """0, or with this chance one of 1 to `of`."""
        if self._played is not None:
            return self._next(of + 1)
        drawn = self._random.randint(1, of) if of and self._random.random() < chance else 0
        self.made.append(drawn)
        return drawn

    def one_of(self, weights: Sequence[float]) -> int:
        """The place of one of these weights, drawn by its weight."""
        if self._played is not None:
            return self._next(len(weights))
        drawn = self._random.choices(range(len(weights)), weights)[0]
        self.made.append(drawn)
        return drawn

    def number(self, below: int) -> int:
        """A number from 0, each as likely."""
        if self._played is not None:
            return self._next(below)
        drawn = self._random.randrange(below)
        self.made.append(drawn)
        return drawn

    def _next(self, below: int) -> int:
        at = len(self.made)
        assert self._played is not None
        chosen = self._played[at] % below if at < len(self._played) and below else 0
        self.made.append(chosen)
        return chosen


def shrunk(made: Sequence[int], fails: Callable[[Sequence[int]], bool], tries: int = 400) -> list[int]:
    """A smaller list of choices that fails still: ddmin over the choices that are not 0 (Zeller, Hildebrandt 2002),
    by making chunks of them 0, then by leaving chunks out."""
    left = [tries]

    def still(choices: Sequence[int]) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fails(choices)

    best = _trimmed(made)
    for change in (_zeroed, _without):
        best = _reduced(best, change, still)
    return best


def _reduced(
    best: list[int], change: Callable[[list[int], Sequence[int]], list[int]], still: Callable[[list[int]], bool]
) -> list[int]:
    chunks = 2
    while True:
        places = [n for n, c in enumerate(best) if c]
        if not places:
            return best
        size = max(1, len(places) // chunks)
        parts = [places[at : at + size] for at in range(0, len(places), size)]
        smaller = next((s for p in parts if (s := _trimmed(change(best, p))) != best and still(s)), None)
        if smaller is not None:
            best, chunks = smaller, max(2, chunks - 1)
        elif size == 1:
            return best
        else:
            chunks *= 2


def _zeroed(choices: list[int], places: Sequence[int]) -> list[int]:
    return [0 if n in places else c for n, c in enumerate(choices)]


def _without(choices: list[int], places: Sequence[int]) -> list[int]:
    return [c for n, c in enumerate(choices) if n not in places]


def _trimmed(choices: Sequence[int]) -> list[int]:
    last = max((n for n, c in enumerate(choices) if c), default=-1)
    return list(choices[: last + 1])
