"""Event source mappings: from a queue, in batches, to a function.

As "Using Lambda with Amazon SQS" describes: what the function handles is deleted; what it reports in
`batchItemFailures`, or everything when it fails, becomes visible again after the queue's visibility timeout, and
the queue's redrive policy counts the receives. Left out: filter criteria, backing off, FIFO ordering by group.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moto.sqs.models import sqs_backends

from suture.sandbox.chaos import Chaos
from suture.sandbox.processes import Function, Result

log = logging.getLogger("suture.sandbox")

_IDLE_SECONDS = 0.25
_HIDDEN_SECONDS = 0.02  # how often to look when messages wait for their time


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """One event source mapping. `window` in seconds; `partial` is ReportBatchItemFailures."""

    queue_arn: str
    function_name: str
    batch_size: int = 10
    window: int = 0
    partial: bool = False
    enabled: bool = True


class Poller:
    """Feeds one function from one queue, with as many threads as the function has processes."""

    def __init__(self, spec: MappingSpec, function: Function, lock: threading.RLock, chaos: Chaos) -> None:
        self.spec, self._function, self._lock, self._chaos = spec, function, lock, chaos
        _, _, _, self._region, self._account, self._name = spec.queue_arn.split(":")
        self._open, self.in_hand = True, 0
        self._threads = [
            threading.Thread(target=self._run, name=f"poll-{self._name}", daemon=True) for _ in range(function.size)
        ]

    def start(self) -> None:
        if self.spec.enabled:
            for thread in self._threads:
                thread.start()

    def close(self) -> None:
        self._open = False
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=2)

    def _run(self) -> None:
        while self._open:
            try:
                self._wait()
                self._pass_on()
            except Exception:
                log.exception("polling %s", self._name)
                time.sleep(0.5)

    def _wait(self) -> None:
        """Until something may be there: a send wakes at once, a message whose time comes is looked for."""
        queue = self._queue()
        if queue is None:
            time.sleep(_IDLE_SECONDS)
            return
        with queue._messages_lock:
            if not queue.messages:
                queue._messages_lock.wait(_HIDDEN_SECONDS if queue._messages else _IDLE_SECONDS)

    def _pass_on(self) -> None:
        batch = self._receive(self.spec.batch_size)
        if not batch:
            return
        try:
            batch += self._fill(self.spec.batch_size - len(batch))
            result = self._function.invoke(json.dumps({"Records": [self._record(message) for message in batch]}))
            self._settle(batch, _failures(result, batch, self.spec.partial))
        finally:
            with self._lock:
                self.in_hand -= 1

    def _fill(self, room: int) -> list[Any]:
        """Wait for more, until the batching window ends or the batch is full."""
        more: list[Any] = []
        end = time.monotonic() + self.spec.window
        while self._open and len(more) < room and time.monotonic() < end:
            found = self._receive(room - len(more), count=False)
            more += found
            if not found:
                time.sleep(_HIDDEN_SECONDS)
        return more

    def _receive(self, most: int, *, count: bool = True) -> list[Any]:
        with self._lock:
            queue = self._queue()
            if queue is None:
                return []
            received: list[Any] = sqs_backends[self._account][self._region].receive_message(
                self._name, min(most, 10), 0, int(queue.visibility_timeout), ["All"]
            )
            if received and count:
                self.in_hand += 1
            return received

    def _settle(self, batch: Sequence[Any], failed: frozenset[str]) -> None:
        backend, redeliver = sqs_backends[self._account][self._region], self._chaos.switches.redeliver
        with self._lock:
            if self._queue() is None:
                return
            for message in batch:
                if message.id not in failed:
                    backend.delete_message(self._name, message.receipt_handle)
                elif redeliver:
                    backend.change_message_visibility(self._name, message.receipt_handle, int(redeliver))

    def _queue(self) -> Any:
        return sqs_backends[self._account][self._region].queues.get(self._name)

    def _record(self, message: Any) -> dict[str, Any]:
        return {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.approximate_receive_count),
                "SentTimestamp": str(message.sent_timestamp),
                "SenderId": message.sender_id,
                "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
            },
            "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": self.spec.queue_arn,
            "awsRegion": self._region,
        }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "stringValue": value.get("StringValue"),
        "binaryValue": value.get("BinaryValue"),
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value.get("DataType"),
    }


def _failures(result: Result, batch: Sequence[Any], partial: bool) -> frozenset[str]:
    """The message ids that were not handled. A report that names strangers fails the whole batch, as in AWS."""
    everything = frozenset(str(message.id) for message in batch)
    if result.failed:
        return everything
    if not partial:
        return frozenset()
    answer = json.loads(result.payload)
    reported = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not reported:
        return frozenset()
    if not isinstance(reported, list):
        return everything
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in reported]
    return frozenset(map(str, named)) if all(name in everything for name in named) else everything
