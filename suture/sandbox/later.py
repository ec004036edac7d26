"""Things to do in a while, in order of their time, in one thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("suture.sandbox")


class Later:
    """`after(seconds, what)` does it then. `close()` forgets what has not come due."""

    def __init__(self, name: str = "later") -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers, self._changed, self._open = itertools.count(), threading.Condition(), True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._numbers), what))
            self._changed.notify()

    def next_due(self) -> float | None:
        """Seconds until the next one (0 when overdue); None when nothing waits."""
        with self._changed:
            return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._heap.clear()
            self._changed.notify()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._open and (not self._heap or self._heap[0][0] > time.monotonic()):
                    self._changed.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                if not self._open:
                    return
                # It stays on the heap while it runs, so that next_due() never says "nothing" too early.
                _, number, what = self._heap[0]
            _quietly(what)
            with self._changed:
                self._heap = [entry for entry in self._heap if entry[1] != number]
                heapq.heapify(self._heap)


def _quietly(what: Callable[[], None]) -> None:
    try:
        what()
    except Exception:
        log.exception("a delayed step failed")
