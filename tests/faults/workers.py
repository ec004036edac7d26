"""Functions as Lambda runs them: at most one moves at a time, each may be held between two calls, and each is ended.

A worker is a thread with a strict baton: it runs only while the scheduler waits for it, and hands the baton back when
it is held or over. So the order of everything is the scheduler's choice, and the same choices give the same order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from faults import Killed


class Worker:
    """One invocation of a function: `work` gets this worker as Lambda's context. Times are the world's seconds."""

    def __init__(self, name: str, now: Callable[[], float], timeout: float, work: Callable[[Worker], Any]) -> None:
        self.name = self.aws_request_id = name
        self.deadline = now() + timeout
        self.is_over = self.is_dead = False
        self.answer: Any = None
        self.error: BaseException | None = None
        self._now, self._work = now, work
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def get_remaining_time_in_millis(self) -> int:
        return int((self.deadline - self._now()) * 1000)

    @property
    def is_late(self) -> bool:
        return self._now() >= self.deadline

    def go(self) -> None:
        """Run until the worker is held again or over. Called by the scheduler alone."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        self._mine.release()
        self._theirs.acquire()

    def hold(self) -> None:
        """Give the baton back, and wait until the scheduler comes again. Called by the worker itself."""
        self._theirs.release()
        self._mine.acquire()
        self.check()

    def check(self) -> None:
        """Whoever was killed, or whose time is over, never does anything again."""
        if self.is_dead or self.is_late:
            self.die("")

    def die(self, why: str) -> None:
        self.is_dead = True
        raise Killed(why)

    def _run(self) -> None:
        self._mine.acquire()
        try:
            if not (self.is_dead or self.is_late):
                self.answer = self._work(self)
        except Killed:
            self.is_dead = True
        except BaseException as error:  # the scheduler looks at it: a mistake of ours is a finding too
            self.error = error
        self.is_over = True
        self._theirs.release()
