"""Laws beside the nine: the record is whole, people are told, waiting is no failure, no call begins too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deployed import TIMEOUTS
from judged import Deed
from laws import law
from world import broken_chains

from chalicelib.aws.hands import CALL_SECONDS

if TYPE_CHECKING:
    from simulation import Simulation

PASSING = ("Throttl", "ServiceUnavailable", "ExpiredToken", "ResourceConflict", "ConcurrentMod", "got no answer")
"""Errors that pass by themselves, as a case would name them."""

ENDS = ("RESOLVED", "UNDONE", "UNDO_FAILED", "ESCALATED", "WAITING_OWNER")


@law("the record")
def the_record(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    """Every case's records follow from each other, and no function ended by a mistake of ours."""
    yield from map(str, broken_chains(sim.table.items.values()))
    for event in sim.history.of("ended"):
        error = event.facts["error"]
        if error is not None and not type(error).__module__.startswith("chalicelib"):
            yield f"{event.who} ended with {type(error).__name__}: {error}"


@law("people are told")
def people_are_told(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    """What a writer ends is told, whatever dies in between; what is in a dead-letter queue waits for `redrive`."""
    if sim.queues.dead:
        return
    sent = [e for e in sim.history.of("own") if e.what == "sqs:SendMessage notices"]
    for case in sim.cases():
        moves = [e for e in sim.history.of("moved") if e.what == case.id]
        last = [e for e in moves if e.who.startswith("remediate") and e.facts["after"]["state"] in ENDS]
        is_last = bool(last) and last[-1] is moves[-1]
        told = [e.facts["message"]["version"] for e in sent if e.facts["message"]["case"] == case.id]
        if is_last and max(told, default=0) < last[-1].facts["after"]["version"]:
            yield f"nobody was told that case {case.id} is {case.state}"


@law("waiting is no failure")
def waiting_is_no_failure(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    for event in sim.history.of("moved"):
        after = event.facts["after"]
        came = (event.facts["before"] or {}).get("state") != after["state"]
        if came and after["state"] in ("ESCALATED", "UNDOING", "UNDO_FAILED"):
            passing = [word for word in PASSING if word in after["outcome"]]
            if passing:
                yield f"case {after['id']} is {after['state']} for what passes by itself: {after['outcome']}"


@law("no call without the time to end")
def time_to_end(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    """Unless the worker was held in between, a call begins with enough of its function's time left."""
    for deed in known:
        began = sim.history.began(deed.event)
        mine = [e for e in sim.history.between(began.n, deed.event.n, "own", "fault", "write") if e.who == began.who]
        left = began.at + TIMEOUTS[began.what] - deed.event.at
        if left < CALL_SECONDS - 1 and not any(e.kind == "fault" for e in mine[-4:]):
            yield f"{deed.write.name} by {began.who} begins {left:.1f} seconds before its function is ended"
