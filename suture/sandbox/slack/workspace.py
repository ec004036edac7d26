"""The state of the workspace: people, channels, messages, open windows, and what goes wrong on purpose."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TEAM, APP, BOT = "T0SUTURE", "A0SUTURE", "U0BOT"
PEOPLE: Mapping[str, str] = {
    "U0SAM": "Sam",
    "U0OLLY": "Olly",
    "U0DANA": "Dana",
    "U0DREW": "Drew",
    "U0MALLORY": "Mallory",
}
CHANNELS: Mapping[str, str] = {"C0SECURITY": "security", "C0URGENT": "urgent"}

TRIGGER_SECONDS, RESPONSE_SECONDS, RESPONSES = 3, 1800, 5
BURST = 30
"""Messages that one channel takes at once; then about one a second ("Rate limits" of Slack's Web API)."""


class Refused(Exception):
    """An answer that is not ok: Slack's error code, and more of its answer."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


@dataclass(slots=True)
class Message:
    ts: str
    channel: str
    text: str
    blocks: list[Any]
    thread_ts: str = ""
    broadcast: bool = False
    edited: bool = False
    only_for: str = ""


@dataclass(slots=True)
class Fault:
    """What goes wrong for `method` (`*`: every one) the next `times`: an error code, or an HTTP status."""

    method: str
    error: str = ""
    status: int = 0
    retry_after: int = 0
    times: int = 1


@dataclass(slots=True)
class Workspace:
    """Everything that Slack would remember. Use `lock` around what is more than one step."""

    token: str
    clock: Callable[[], float] = time.time
    messages: list[Message] = field(default_factory=list)
    archived: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    windows: dict[str, dict[str, Any]] = field(default_factory=dict)
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _responses: dict[str, list[Any]] = field(default_factory=dict)
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _counter: Any = field(default_factory=itertools.count)

    def next_ts(self) -> str:
        return f"{int(self.clock())}.{next(self._counter):06d}"

    def find(self, channel: str, ts: str, user: str = "") -> Message | None:
        """A message of a channel, or one that only `user` sees."""
        return next((m for m in self.messages if (m.channel, m.ts) == (channel, ts) and m.only_for in ("", user)), None)

    def delete(self, ts: str) -> None:
        """What somebody with the right to does in the client."""
        with self.lock:
            self.messages[:] = [m for m in self.messages if m.ts != ts]

    def fail(self, method: str, error: str = "", *, status: int = 0, retry_after: int = 0, times: int = 1) -> None:
        """Make the next `times` calls of a method fail."""
        with self.lock:
            self.faults.append(Fault(method, error, status, retry_after, times))

    def fault_of(self, method: str) -> Fault | None:
        """The fault that strikes now; it is used up by that."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method in ("*", method):
                    fault.times -= 1
                    return fault
        return None

    def trigger(self, user: str) -> str:
        """A new trigger of a click: one window, within three seconds."""
        made = f"{next(self._counter)}.{TEAM}.{id(self):x}"
        self._triggers[made] = (user, self.clock() + TRIGGER_SECONDS)
        return made

    def spend_trigger(self, trigger: str) -> str:
        """The user behind a trigger, once. Raises Refused."""
        user, until = self._triggers.pop(trigger, ("", 0.0))
        if not user:
            raise Refused("invalid_trigger_id")
        if self.clock() > until:
            raise Refused("expired_trigger_id")
        return user

    def response_id(self, user: str, channel: str) -> str:
        """The last part of a new response_url."""
        made = f"{TEAM}-{next(self._counter)}"
        self._responses[made] = [user, channel, self.clock() + RESPONSE_SECONDS, RESPONSES]
        return made

    def respond(self, response_id: str, body: Mapping[str, Any]) -> None:
        """A message through a response_url. Raises Refused."""
        with self.lock:
            known = self._responses.get(response_id)
            if known is None or self.clock() > known[2]:
                raise Refused("expired_url")
            if known[3] <= 0:
                raise Refused("used_url")
            known[3] -= 1
            only_for = known[0] if body.get("response_type", "ephemeral") == "ephemeral" else ""
            text, blocks = str(body.get("text") or ""), list(body.get("blocks") or [])
            self.messages.append(Message(self.next_ts(), known[1], text, blocks, only_for=only_for))

    def take(self, channel: str) -> None:
        """Count one message of a channel. Raises Refused with Retry-After when it is too much."""
        now = self.clock()
        left, at = self._buckets.get(channel, (float(BURST), now))
        left = min(float(BURST), left + now - at)
        if left < 1:
            raise Refused("ratelimited", retry_after=1)
        self._buckets[channel] = (left - 1, now)
