"""What happened in one schedule, in its order: the only thing, beside AWS's state, that the laws are judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from memory_table import Item, Key
from remembered import Path

Items = Mapping[Key, Item]

TOLERANCE = 2.5
"""Seconds by which a function's clock may be wrong: two of them differ by less than a lease outlasts its function."""

SKEWS = (0.0, 2.0, -2.0)
"""By how much a function's clock is wrong in a schedule."""


@dataclass(frozen=True, slots=True)
class Event:
    """`n` counts events, `at` is the true time; `who` is a worker, a person, or somebody else.

    Kinds: began, ended; write (a call that may change a customer's resource), own (a call of our own table or
    queues), foreign (somebody else's write), moved (a case), switch, deploy, clock, fault, act.
    """

    n: int
    at: float
    who: str
    kind: str
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class History:
    """All events of one schedule; `start` is the true time at its beginning."""

    start: float
    events: list[Event] = field(default_factory=list)

    def add(self, at: float, who: str, kind: str, what: str, **facts: Any) -> Event:
        event = Event(len(self.events), at, who, kind, what, facts)
        self.events.append(event)
        return event

    def of(self, *kinds: str) -> Iterator[Event]:
        return (e for e in self.events if e.kind in kinds)

    def began(self, event: Event) -> Event:
        """Where the worker of an event began."""
        return next(e for e in self.events if e.kind == "began" and e.who == event.who)

    def between(self, first: int, last: int, *kinds: str) -> list[Event]:
        return [e for e in self.events[first + 1 : last] if e.kind in kinds]

    def lines(self) -> Iterator[str]:
        """The story for people: every event but plain calls of our own."""
        for e in self.events:
            if e.kind != "own":
                said = e.facts.get("says", "")
                yield f"{e.at - self.start:9.1f}s  {e.who:<18} {e.kind:<8} {e.what}{f': {said}' if said else ''}"


@dataclass(frozen=True, slots=True)
class Write:
    """What is known of one write besides: where the resource stood before and after, and all of our table before."""

    name: str
    parameters: Mapping[str, Any]
    region: str
    before: Path
    after: Path
    items: Items
    is_done: bool
