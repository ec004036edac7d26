"""Is anything still under way? Tests and the demo ask before they look at the result."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from moto.sqs.models import sqs_backends

from suture.sandbox.bus import Bus
from suture.sandbox.lambdas import Lambdas
from suture.sandbox.server import Server

_STEP_SECONDS = 0.03


class Quiet:
    """Watches one sandbox: calls whose events are not out, delayed deliveries, queues, functions."""

    def __init__(self, server: Server, bus: Bus, lambdas: Lambdas, queue_arns: Iterable[str]) -> None:
        self._server, self._bus, self._lambdas = server, bus, lambdas
        self._queues = tuple(arn.split(":") for arn in queue_arns)

    def drain(self, timeout: float, horizon: float) -> bool:
        """Wait until all is quiet twice in a row; False when `timeout` (seconds) ends first. Messages that wait for
        a time more than `horizon` seconds away are not waited for."""
        end, seen = time.monotonic() + timeout, 0
        while seen < 2:
            if time.monotonic() > end:
                return False
            seen = seen + 1 if self._quiet(horizon) else 0
            time.sleep(_STEP_SECONDS)
        return True

    def waiting(self) -> dict[str, int]:
        """Messages in each queue that feeds a function, hidden and delayed ones included."""
        with self._server.lock:
            return {parts[5]: len(queue._messages) for parts in self._queues if (queue := _queue(parts)) is not None}

    def _quiet(self, horizon: float) -> bool:
        self._server.drain()
        if self._bus.later.next_due() is not None:
            return False
        limit = (time.time() + horizon) * 1000
        with self._server.lock:
            for parts in self._queues:
                queue = _queue(parts)
                messages = list(queue._messages) if queue is not None else []
                if any(max(message.visible_at, message.delayed_until) <= limit for message in messages):
                    return False
            return self._lambdas.idle()


def _queue(parts: list[str]) -> Any:
    return sqs_backends[parts[4]][parts[3]].queues.get(parts[5])
