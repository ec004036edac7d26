"""One schedule: a seed decides what happens when, everything is written down, and then the laws are asked.

The first part is wild: messages come twice, late, in another order or never; functions are held between two calls,
die, lose answers and have wrong clocks; people decide, strangers change the same resources. The second part is calm:
what waits is delivered, the sweep comes by, until nothing moves any more. Then every case must be at an end.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from unittest import mock

from choices import Choices
from deployed import (
    CALL_SECONDS,
    DIE_AFTER,
    DIE_BEFORE,
    FATES,
    HOLD_AFTER,
    HOLD_BEFORE,
    TIMEOUTS,
    SimDeployment,
)
from history import SKEWS, Event, History
from memory_table import MemoryTable
from queued import Message, QueueModel
from remembered import Remembered
from small_worlds import Problem, SmallWorld, packaged
from wild import Wild
from workers import Worker
from world import ACCOUNT

from chalicelib import detection, pipeline, sweeping
from chalicelib.aws import hands
from chalicelib.cases import Case
from chalicelib.model import Change

START = 1_767_603_600.0
"""Monday, 5 January 2026, 09:00 UTC."""

PATIENCE, ROUNDS = 300, 8


class Simulation:
    def __init__(self, world: SmallWorld, choices: Choices, mood: str = "") -> None:
        self.world, self.choices, self.mood = world, choices, mood
        self.now = START
        self.history = History(START)
        self.packaged = packaged()
        self.table, self.aws, self.path = MemoryTable(), account_of(world), 0
        self.queues = QueueModel(lambda: self.now)
        self.held: list[Worker] = []
        self.current: Worker | None = None
        self.ends: dict[str, Callable[[Worker], None]] = {}
        self.is_wild, self.chance = False, 0.0
        self.fates: tuple[int, ...] = ()
        self.fated: tuple[str, tuple[str, ...]] = ("", ("",))
        self.skew = 0.0
        self.refusal: Callable[[str], str] = lambda name: ""
        self.read = self.born = 0

    def play(self) -> History:
        """The whole schedule. Answers with what happened."""
        with contextlib.redirect_stdout(_Nowhere()), _one_sweep(self.world), _no_chance():
            self.table.items = dict(_seen(self.world))
            try:
                self.is_wild = True
                self.play_wild()
                self.is_wild = False
                self._come_to_rest()
            finally:
                self._end_all()
        return self.history

    def play_wild(self) -> None:
        Wild(self).play()

    # --- what the product's calls come through ---

    def note(self, kind: str, what: str, who: str = "", **facts: Any) -> Event:
        name = who or (self.current.name if self.current else "scheduler")
        return self.history.add(self.now, name, kind, what, **facts)

    def fate_of(self, name: str) -> int:
        """What becomes of a call that is about to be made; holds and deaths before it happen right here."""
        worker = self.current
        self.now += CALL_SECONDS
        if worker is None:
            return 0
        worker.check()
        who, names = self.fated
        is_fated = self.is_wild and self.chance and worker.name.startswith(who) and name.startswith(names)
        chosen = self.choices.rarely(self.chance, len(self.fates)) if is_fated else 0
        if not chosen:
            return 0
        fate = self.fates[chosen - 1]
        self.note("fault", f"{FATES[fate]} {name}")
        if fate == HOLD_BEFORE:
            self._hold(worker)
        if fate == DIE_BEFORE:
            worker.die(name)
        return fate

    def after(self, fate: int, name: str) -> None:
        if fate == HOLD_AFTER and self.current is not None:
            self._hold(self.current)
        if fate == DIE_AFTER and self.current is not None:
            self.current.die(name)

    def dies(self, is_so: bool, name: str) -> None:
        if is_so and self.current is not None:
            self.current.die(name)

    def stored(self, api: str, request: Mapping[str, Any], issued: float) -> Mapping[str, Any]:
        """One call of our table; where it moves a case, that is told."""
        before = dict(self.table.items)
        answer = self.table.call(api, request)
        self.note("own", api, request=request)
        if request.get("Item", {}).get("pk", {}).get("S") == "SWITCH#global":
            paused = request["Item"]["paused"]["N"] == "1"
            self.note("switch", "off: nobody writes" if paused else "on", is_paused=paused)
        for part in request.get("TransactItems", ()):
            item = part.get("Put", {}).get("Item", {})
            if item.get("sk", {}).get("S") == "HEAD":
                old, after = before.get((item["pk"]["S"], "HEAD")), json.loads(item["body"]["S"])
                case = json.loads(old["body"]["S"]) if old else None
                says = f"{case['state'] if case else '-'} -> {after['state']}: {after['outcome'][:90]}"
                facts = {"before": case, "after": after, "path": self.path, "issued": issued, "items": before}
                self.note("moved", after["id"], says=says, **facts)
        return answer

    def _hold(self, worker: Worker) -> None:
        self.current = None
        worker.hold()

    # --- what the scheduler does ---

    def deployment(self, region: str) -> SimDeployment:
        skew = SKEWS[self.choices.rarely(0.5, len(SKEWS) - 1)] if self.is_wild and self.skew else 0.0
        return SimDeployment(self, region, skew)

    def start(
        self, function: str, region: str, work: Callable[[SimDeployment, Worker], Any], end: Callable[[Worker], None]
    ) -> Worker:
        """Start a function in a new process, and let it run until it is held or over."""
        self.born += 1
        d = self.deployment(region)
        worker = Worker(f"{function}-{self.born}", lambda: self.now, TIMEOUTS[function], lambda w: work(d, w))
        self.ends[worker.name] = end
        self.note("began", function, worker.name, items=dict(self.table.items), path=self.path, skew=d._skew)
        self.wake(worker)
        return worker

    def wake(self, worker: Worker) -> None:
        if worker in self.held:
            self.held.remove(worker)
            self.note("act", "goes on", worker.name)
        self.current = worker
        worker.go()
        self.current = None
        if not worker.is_over:
            self.held.append(worker)
            return
        how = "late or killed" if worker.is_dead else "failed" if worker.error else "done"
        self.note("ended", how, worker.name, says=str(worker.error or ""), error=worker.error)
        if not worker.is_dead:
            self.ends.pop(worker.name)(worker)

    def deliver(self, message: Message) -> None:
        """One message to the function that its queue wakes."""
        record = self.queues.receive(message)
        event = {"Records": [record]}
        function = "watch" if message.queue == "changes" else message.queue
        self.note("act", f"delivers {message.id} (time {message.receives})", says=message.says)

        def work(d: SimDeployment, worker: Worker) -> Any:
            if function == "watch":
                return pipeline.watched(d, event, lambda: worker.get_remaining_time_in_millis() / 1000)
            return pipeline.remediated(d, event, worker)

        def end(worker: Worker) -> None:
            if worker.error is None and not worker.answer["batchItemFailures"]:
                self.queues.delete(record["messageId"])

        self.start(function, message.region, work, end)

    def sweep(self, region: str) -> None:
        self.start("sweep", region, lambda d, w: sweeping.sweep(d), lambda w: None)

    def change(self, problem: Problem, action: str, who: Any, created: bool = False) -> Change:
        return Change(ACCOUNT, problem.region, problem.kind, problem.id, action, "cloudtrail", who, created=created)

    def cases(self) -> list[Case]:
        """Every case as it stands, the oldest first."""
        heads = [json.loads(i["body"]["S"]) for (_, sk), i in self.table.items.items() if sk == "HEAD"]
        return sorted((Case.from_json(h) for h in heads), key=lambda c: (c.opened, c.id))

    def case(self, id_: str) -> Case:
        return next(c for c in self.cases() if c.id == id_)

    def go_on(self) -> bool:
        """What happens by itself on a good day: somebody who was held goes on, or the next message comes."""
        if self.held:
            self.wake(self.held[0])
        elif due := self.queues.due():
            self.deliver(due[0])
        elif (at := self.queues.next_at()) is not None:
            self.now = max(self.now, at)
        else:
            return False
        return True

    # --- the calm after it ---

    def _come_to_rest(self) -> None:
        self.note("act", "calm")
        while self.held:
            self.wake(self.held[0])
        for _ in range(ROUNDS):
            Wild(self).resume()
            self._drain()
            before = [(c.id, c.version) for c in self.cases()]
            for region in self.world.regions:
                self.now += 3660
                self.sweep(region)
                self._drain()
            if [(c.id, c.version) for c in self.cases()] == before:
                self.note("act", "at rest")
                return
        self.note("act", "never at rest")

    def _drain(self) -> None:
        for _ in range(PATIENCE):
            if not self.go_on():
                return
        self.note("act", "never at rest")

    def _end_all(self) -> None:
        """No thread outlives its schedule."""
        for worker in self.held:
            worker.is_dead = True
            worker.go()
        self.held = []


class _Nowhere(io.TextIOBase):
    """Where our logs go."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def _one_sweep(world: SmallWorld) -> Iterator[None]:
    """The sweep looks for the kinds of resource that the world has; no CloudTrail there brings its own call back."""
    known = {p.control: sweeping.all_controls()[p.control] for p in world.problems}
    deaf = mock.patch.object(sweeping.defending, "listen", lambda d: None)
    with deaf, mock.patch.object(sweeping, "all_controls", lambda: known):
        yield


@contextlib.contextmanager
def _no_chance() -> Iterator[None]:
    """The pauses between verifying reads are a little random, and the same each time that a schedule is played."""
    with mock.patch.object(hands, "random", random.Random(0)):
        yield


@cache
def account_of(world: SmallWorld) -> Remembered:
    return Remembered(world.seed, world.services)


@cache
def _seen(world: SmallWorld) -> Mapping[Any, Any]:
    """Our table after Suture saw every resource being made, without a risk."""
    sim = Simulation(world, Choices(played=()))
    for problem in (p for p in world.problems if p.seen):
        d = SimDeployment(sim, problem.region)
        change = sim.change(problem, "seed:Create", None, created=True)
        for place in detection.places_of(d, change):
            detection.look(d, place, (change,))
    assert not sim.cases()
    return sim.table.items


def played(world: SmallWorld, seed: int = 0, made: Sequence[int] | None = None, mood: str = "") -> Simulation:
    """A schedule played from its seed, or from the choices of another; of one mood, if it is named."""
    sim = Simulation(world, Choices(seed, made), mood)
    sim.play()
    return sim
