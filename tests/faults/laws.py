"""The list of laws. Each is a function of one schedule and its writes, and answers with what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from judged import Deed

if TYPE_CHECKING:
    from simulation import Simulation

Law = Callable[["Simulation", Sequence[Deed]], Iterator[str]]

LAWS: dict[str, Law] = {}


def law(name: str) -> Callable[[Law], Law]:
    def named(function: Law) -> Law:
        LAWS[name] = function
        return function

    return named
