"""Lambda and SQS as a storm meets them, in time that is only counted: who runs when, what waits, what it calls.

The handlers run for real, one after the other in this process; only their time is assumed: a start, and so much a
call. Sources: "Configuring scaling behavior for SQS event source mappings" (five batches at a time, up to 300 more a
minute) in the Lambda developer guide; "How Amazon SQS fair queues work" in the SQS developer guide (a group is noisy
with more than a tenth of what is in flight, and at least 30 messages of its own; then others come first).
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CALL_SECONDS, START_SECONDS, SLACK_SECONDS = 0.02, 0.05, 0.2
FIRST, MORE_A_SECOND = 5, 5.0
NOISY_SHARE, NOISY_MESSAGES = 0.1, 30
TRIES = 3
OWN_GROUP = "suture"

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(eq=False)
class Message:
    number: int
    body: str
    group: str
    sent: float
    at: float
    receives: int = 0


@dataclass
class Pool:
    """One function and its queue: `batch` messages at a time, at most `most` at once; `hidden` in seconds."""

    queue: str
    handler: Handler
    batch: int
    most: int
    hidden: int
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    running: int = 0
    batches: int = 0
    oldest: float = 0.0
    seconds: float = 0.0

    def limit(self, now: float) -> int:
        return min(self.most, FIRST + int(MORE_A_SECOND * now))

    def take(self, now: float, fair: bool) -> list[Message]:
        """The next batch: the oldest first, or in a fair queue those of quiet groups before."""
        ready = [m for m in self.waiting if m.at <= now]
        if fair:
            ready.sort(key=lambda m: self._is_noisy(m.group))
        taken = ready[: self.batch]
        gone = set(map(id, taken))
        self.waiting = [m for m in self.waiting if id(m) not in gone]
        return taken

    def _is_noisy(self, group: str) -> bool:
        mine = self.in_flight[group]
        return mine >= NOISY_MESSAGES and mine > NOISY_SHARE * self.in_flight.total()


class Stage:
    """`calls` counts what was called, by name; `done` has the time at which each message was handled, by its number."""

    def __init__(self, *, fair: bool) -> None:
        self.now, self.fair, self.calls = 0.0, fair, Counter[str]()
        self.pools: dict[str, Pool] = {}
        self.done: dict[int, float] = {}
        self.reads: Counter[str] = Counter()
        self.most_reads = 0
        self._ends: list[tuple[float, int, Pool, list[Message], frozenset[str]]] = []
        self._numbers = 0

    def send(self, name: str, message: Mapping[str, Any], delay: int = 0) -> None:
        """What our own functions send: the `Queues` of a deployment."""
        self.calls["sqs:SendMessage"] += 1
        self.put(name, json.dumps(message), OWN_GROUP, self.now + delay)

    def put(self, name: str, body: str, group: str, at: float) -> int:
        """A message that is seen from `at` on; its number."""
        self._numbers += 1
        self.pools[name].waiting.append(Message(self._numbers, body, group, at, at))
        return self._numbers

    def called(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Count one call; what is read of one resource is counted for each batch."""
        self.calls[name] += 1
        if name in FIRST_READS:
            self.reads[f"{name} {parameters.get(FIRST_READS[name])}"] += 1

    def run(self) -> float:
        """Until nothing waits and nothing runs; answers with the time of the last end."""
        while True:
            for pool in self.pools.values():
                while pool.running < pool.limit(self.now) and (batch := pool.take(self.now, self.fair)):
                    self._start(pool, batch)
            times = [self._ends[0][0]] if self._ends else []
            times += [m.at for p in self.pools.values() for m in p.waiting if m.at > self.now]
            if any(p.waiting and p.running >= p.limit(self.now) for p in self.pools.values()):
                times.append(self.now + 1)  # more of them may run in a second
            if not times:
                return self.now
            self._move(min(times))

    def _move(self, to: float) -> None:
        self.now = to
        while self._ends and self._ends[0][0] <= to:
            self._end(*heapq.heappop(self._ends)[2:])

    def _start(self, pool: Pool, batch: list[Message]) -> None:
        before, self.reads = self.calls.total(), Counter()
        pool.oldest = max(pool.oldest, *(self.now - m.sent for m in batch))
        slack = self.calls["slack"]
        answer = pool.handler({"Records": [_record(m) for m in batch]})
        failed = frozenset(str(f["itemIdentifier"]) for f in answer["batchItemFailures"])
        made = self.calls.total() - before
        posts = self.calls["slack"] - slack
        seconds = START_SECONDS + (made - posts) * CALL_SECONDS + posts * SLACK_SECONDS
        self.most_reads = max([self.most_reads, *self.reads.values()])
        pool.running, pool.batches, pool.seconds = pool.running + 1, pool.batches + 1, pool.seconds + seconds
        pool.in_flight.update(m.group for m in batch)
        heapq.heappush(self._ends, (self.now + seconds, batch[0].number, pool, batch, failed))

    def _end(self, pool: Pool, batch: Iterable[Message], failed: frozenset[str]) -> None:
        pool.running -= 1
        for message in batch:
            pool.in_flight[message.group] -= 1
            message.receives += 1
            if str(message.number) not in failed:
                self.done[message.number] = self.now
            elif message.receives >= TRIES:
                pool.dead.append(message)
            else:
                message.at = self.now + pool.hidden
                pool.waiting.append(message)


FIRST_READS = {"lambda:ListVersionsByFunction": "FunctionName", "iam:GetRole": "RoleName"}
"""The call with which the reading of one resource begins, and the parameter that names it."""


def _record(message: Message) -> dict[str, Any]:
    counted = {"ApproximateReceiveCount": str(message.receives + 1)}
    return {"messageId": str(message.number), "body": message.body, "attributes": counted}


def rings(alarms: Mapping[str, Any], pools: Mapping[str, Pool]) -> dict[str, float]:
    """The alarms of resources.json that would ring, and the value that made them ring."""
    seen: dict[tuple[str, str], float] = defaultdict(float)
    for pool in pools.values():
        logical = "".join(part.capitalize() for part in pool.queue.split("_"))
        seen[f"{logical}Queue", "ApproximateAgeOfOldestMessage"] = pool.oldest
        seen[f"{logical}Dlq", "ApproximateNumberOfMessagesVisible"] = len(pool.dead)
    found = {}
    for name, alarm in alarms.items():
        about = alarm["Properties"]
        dimension = (about.get("Dimensions") or [{}])[0].get("Value")
        queue = dimension["Fn::GetAtt"][0] if isinstance(dimension, dict) and "Fn::GetAtt" in dimension else ""
        value = seen.get((queue, str(about.get("MetricName"))), 0.0)
        if queue and value >= about["Threshold"]:
            found[name] = round(value, 1)
    return found
