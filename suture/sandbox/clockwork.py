"""The clock behind schedules: looks once a second which scheduled rules are due, and fires their targets."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from moto.events.models import events_backends

from chalicelib.errors import BadInput
from suture.sandbox.bus import Bus
from suture.sandbox.schedules import Due, parse_schedule, scheduled_event

log = logging.getLogger("suture.sandbox")


class Clockwork:
    """Fires the scheduled rules of the default bus. `clock` gives the time; tests bring their own."""

    def __init__(
        self, bus: Bus, account: str, region: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bus, self._clock = bus, clock
        self._account, self._region = account, region
        self._last: dict[str, datetime] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def tick(self) -> list[str]:
        """Fire what is due now; the names of the rules that fired."""
        now, fired = self._clock(), []
        for rule in self._rules():
            due = _due(rule.scheduled_expression)
            if due is None or not str(rule.state).startswith("ENABLED"):
                continue
            last = self._last.setdefault(rule.arn, now)
            if due(last, now):
                self._last[rule.arn] = now
                self._fire(rule, now)
                fired.append(str(rule.name))
        return fired

    def fire(self, function_arn: str) -> int:
        """Fire at once every scheduled rule that has this target, whatever the time; how many there were."""
        rules = [rule for rule in self._rules() if any(target["Arn"] == function_arn for target in rule.targets)]
        for rule in rules:
            self._fire(rule, self._clock())
        return len(rules)

    def _rules(self) -> list[Any]:
        with self._bus.lock:
            bus = events_backends[self._account][self._region].event_buses.get("default")
            return [rule for rule in bus.rules.values() if rule.scheduled_expression] if bus else []

    def _fire(self, rule: Any, now: datetime) -> None:
        event = scheduled_event(rule.arn, now, str(uuid.uuid4()))
        for target in list(rule.targets):
            self._bus.deliver(rule.arn, target, event)

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.tick()
            except Exception:
                log.exception("schedules")


@lru_cache(maxsize=128)
def _due(expression: str) -> Due | None:
    try:
        return parse_schedule(expression)
    except BadInput as wrong:
        log.warning("a scheduled rule never fires: %s", wrong)
        return None
