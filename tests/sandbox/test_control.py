"""The sandbox's switches over HTTP: what they refuse. What they do is in test_sandbox.py."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from suture.sandbox.chaos import Chaos
from suture.sandbox.control import controls
from suture.sandbox.processes import Result
from suture.sandbox.signatures import Request


class Recorder:
    """A sandbox that only remembers what it was told."""

    def __init__(self) -> None:
        self.chaos = Chaos()
        self.told: list[Any] = []

    def drain(self, timeout: float, horizon: float) -> bool:
        self.told.append((timeout, horizon))
        return True

    def waiting(self) -> dict[str, int]:
        return {}

    def fire_schedule(self, name: str) -> int:
        self.told.append(name)
        return 1

    def invoke_config_rule(self, item: Mapping[str, Any]) -> Result:
        self.told.append(item)
        return Result("r", "{}")

    def tell_use(self, role: str, used: Mapping[str, datetime], created: datetime | None) -> None:
        self.told.append((role, dict(used), created))

    def processes(self) -> dict[str, tuple[int, ...]]:
        return {}


def turned(sandbox: Recorder, switch: str, body: bytes) -> int:
    headers = {"host": "127.0.0.1:1", "x-suture-sandbox": "1"}
    answer = controls(sandbox)(Request("POST", f"/_sandbox/{switch}", headers, body))
    assert answer is not None
    json.loads(answer.body)
    return answer.status


@pytest.mark.parametrize(
    ("switch", "body"),
    [
        ("last-accessed", b'{"used": {}}'),
        ("last-accessed", b'{"role": "r", "used": {"s3": "yesterday"}}'),
        ("last-accessed", b'{"role": "r", "created": 7}'),
        ("drain", b'{"timeout": []}'),
        ("drain", b'{"timeout": true}'),
        ("drain", b'{"timeout": NaN}'),
        ("drain", b'{"timeout": -1}'),
        ("drain", b'{"timeout": 1, "horizon": "5"}'),
        ("drain", b"[]"),
        ("drain", b"{"),
        ("drain", b"\xff"),
        ("drain", b"[" * 100_000),
        ("config-item", b'{"item": 5}'),
        ("config-item", b"{}"),
        ("chaos", b'{"drop": NaN}'),
        ("chaos", b'{"seed": {}}'),
        ("schedule", b"{}"),
    ],
)
def test_what_cannot_be_turned_is_a_bad_request(caplog: pytest.LogCaptureFixture, switch: str, body: bytes) -> None:
    sandbox = Recorder()
    with caplog.at_level(logging.DEBUG):
        assert turned(sandbox, switch, body) == 400
    assert (sandbox.told, caplog.records) == ([], [])


def test_what_can_be_turned_is() -> None:
    sandbox = Recorder()
    for switch, body in (
        ("drain", b""),
        ("drain", b'{"timeout": 0.5, "horizon": 0}'),
        ("config-item", b'{"item": {}}'),
        ("last-accessed", b'{"role": "r", "used": {"s3": "2026-01-02"}}'),
    ):
        assert turned(sandbox, switch, body) == 200
    used = ("r", {"s3": datetime(2026, 1, 2, tzinfo=UTC)}, None)
    assert sandbox.told == [(30.0, 5.0), (0.5, 0.0), {}, used]
