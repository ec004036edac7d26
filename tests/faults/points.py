"""One good day with one error in it: the n-th call of a fix and its undo is refused, once or for half an hour."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from choices import Choices
from deployed import DIES_AFTER, DIES_BEFORE, RESET
from history import History
from simulation import START, Simulation
from small_worlds import SmallWorld
from wild import Wild

from chalicelib.aws.operations import OPERATIONS

ANYWHERE = (
    "ThrottlingException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ValidationException",
    "ServiceUnavailable",
    "ExpiredTokenException",
    RESET,
)
BUSY = {
    "lambda": "ResourceConflictException",
    "iam": "ConcurrentModification",
    "dynamodb": "TransactionConflictException",
}
OURS = ("ConditionalCheckFailedException", "ProvisionedThroughputExceededException")
"""RELIABILITY.md's list of errors; the last two are the table's alone."""

NOT_OURS = {"ResourceNotFoundException", "ValidationException"}
DEATHS = (DIES_BEFORE, DIES_AFTER)

LASTING = 1800.0
SOAK = bool(os.environ.get("SUTURE_SOAK"))


@dataclass(frozen=True)
class Point:
    """The n-th call of the writers is answered with an error, once or whenever it is made for a while."""

    n: int
    call: str
    error: str
    lasts: bool

    def __str__(self) -> str:
        return f"{self.error} {'for a while' if self.lasts else 'once'} at call {self.n}, {self.call}"


class GoodDay(Simulation):
    """A risk is made, fixed and taken back again; nothing goes wrong but one call of the writers."""

    def __init__(self, world: SmallWorld, point: Point | None = None) -> None:
        super().__init__(world, Choices(played=()))
        self.point, self.calls, self._since = point, list[str](), 0.0
        self.refusal = self._refused

    def play_wild(self) -> None:
        Wild(self).play()
        for case in self.cases():
            for role in ("oncall", "security"):
                Wild(self).decides(role, self.case(case.id), "undo")
        while self.go_on() and self.now < START + LASTING:
            pass

    def _refused(self, name: str) -> str:
        if self.current is None or not self.current.name.startswith("remediate"):
            return ""
        self.calls.append(name)
        point = self.point
        if point is not None and len(self.calls) == point.n:
            self._since = self.now
            return point.error
        lasts = point is not None and point.lasts and self._since and self.now < self._since + LASTING
        return point.error if point is not None and lasts and name == point.call else ""


def points(world: SmallWorld, sample: int) -> Iterator[Point]:
    """Every error and every death at every call of the writers; in the quick form one in `sample`, always the same."""
    day = GoodDay(world)
    day.play()
    for n, call in enumerate(day.calls, 1):
        for error in errors_at(call):
            for lasts in (False, True):
                point = Point(n, call, error, lasts)
                is_drawn = zlib.crc32(f"{world.name} {point}".encode()) % sample == 0
                if (SOAK or is_drawn) and not (lasts and error in DEATHS):
                    yield point


def errors_at(call: str) -> Sequence[str]:
    service, kind = call.split(":")[0], OPERATIONS[call].kind
    if call == "sqs:SendMessage":
        return RESET, *DEATHS
    if kind == "own":
        return [e for e in (*ANYWHERE, *OURS, BUSY[service], *DEATHS) if e not in NOT_OURS]
    return [*ANYWHERE, *DEATHS, *([BUSY.get(service, "ConflictException")] if kind == "write" else [])]


def played_with(world: SmallWorld, point: Point) -> tuple[Simulation, History]:
    day = GoodDay(world, point)
    return day, day.play()
