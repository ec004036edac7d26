"""What bench/cold_start.py measures runs in here: `python -I -S probe.py`, one fresh process a measurement.

Standard library only. It takes one JSON line from stdin:
{"what": "floor" | "cold" | "warm", "paths": […], "events": {scene: [event, …]}}
and prints one JSON line. Times are milliseconds: `ms` on the wall, `cpu_ms` of this process, from the first import
to the end of the work.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Event = dict[str, Any]


class Context:
    """What Lambda passes to a handler, as far as `watch` asks."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def main() -> None:
    order = json.loads(sys.stdin.readline())
    sys.path[:0] = order["paths"]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    answers.write(json.dumps(MEASURES[order["what"]](order["events"])) + "\n")
    answers.close()


def floor(events: dict[str, list[Event]]) -> dict[str, Any]:
    """boto3 and one client; then, apart, one call with it."""
    clock = Clock()
    import boto3

    client = boto3.client("lambda")
    made = clock.read()
    with suppress(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName="nobody")
    return {**made, "with_call": clock.read()}


def cold(events: dict[str, list[Event]]) -> dict[str, Any]:
    """The import of app.py and the first event that `watch` ever sees."""
    from importlib import import_module

    clock = Clock()
    app = import_module("app")
    imported, modules = clock.read(), set(sys.modules)
    failures = app.watch(events["clean function"][0], Context())["batchItemFailures"]
    done = clock.read()
    return {
        **done,
        "import_ms": imported["ms"],
        "failures": failures,
        "modules": {"import app": sorted(modules), "first event": sorted(set(sys.modules) - modules)},
    }


def warm(events: dict[str, list[Event]]) -> dict[str, Any]:
    """Every scene's events one after the other, each measured by itself."""
    from importlib import import_module

    count = Count()
    count.begin()
    app = import_module("app")
    return {
        "scenes": {scene: [_once(app.watch, event, count) for event in given] for scene, given in events.items()},
        "clients": count.clients,
    }


def click(events: dict[str, list[Event]]) -> dict[str, Any]:
    """A process's first clicks in Slack, through API Gateway's event: the first is cold, import included."""
    from importlib import import_module

    count, clock = Count(), Clock()
    app = import_module("app")
    imported = clock.read()
    count.begin()
    answers = []
    for number, event in enumerate(events["clicks"]):
        calls, clock = len(count.calls), clock if number == 0 else Clock()
        status = app.app(event, Context())["statusCode"]
        answers.append({**clock.read(), "calls": count.calls[calls:], "status": status})
    return {"import_ms": imported["ms"], "answers": answers, "clients": count.clients}


def _once(handler: Callable[[Event, None], Any], event: Event, count: Count) -> dict[str, Any]:
    calls, clients, clock = len(count.calls), len(count.clients), Clock()
    failures = handler(event, Context())["batchItemFailures"]
    taken = clock.read()
    return {**taken, "calls": count.calls[calls:], "clients": count.clients[clients:], "failures": failures}


class Clock:
    """Milliseconds since it was made, and the most memory that the process has had."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"ms": wall * 1000, "cpu_ms": cpu * 1000, "peak_mb": peak_mb()}


class Count:
    """AWS calls that leave the process (tries included) and clients made, through botocore's own event hooks."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.clients: list[str] = []

    def begin(self) -> None:
        from botocore.session import Session

        create = Session.create_client

        def counted(session: Any, service: str, *positional: Any, **named: Any) -> Any:
            client = create(session, service, *positional, **named)
            self.clients.append(f"{service} {client.meta.region_name}")
            client.meta.events.register("before-send", self._sent)
            return client

        Session.create_client = counted

    def _sent(self, event_name: str, **_: Any) -> None:
        self.calls.append(event_name.removeprefix("before-send.").replace(".", ":"))


def peak_mb() -> float:
    """Peak resident memory. Not getrusage's: that one remembers the parent's memory from before exec."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123  (pathlib would be loaded by the measurement)
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0.0


MEASURES = {"floor": floor, "cold": cold, "warm": warm, "click": click}

if __name__ == "__main__":
    main()
