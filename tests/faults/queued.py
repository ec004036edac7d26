"""SQS as it promises to be: at least once, in any order, hidden while somebody works on it, dead after three.

Times are the world's seconds. A message that is dropped is one that SQS never got: an event that EventBridge lost, a
function that died before it sent. Source: SQS Developer Guide, "Amazon SQS visibility timeout", "dead-letter queues".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

RECEIVES = 3


@dataclass
class Message:
    id: str
    region: str
    queue: str
    body: str
    visible: float
    receives: int = 0

    @property
    def says(self) -> str:
        body = json.loads(self.body)
        changes = ", ".join(f"{c['resource_id']} {c['action']}" for c in body.get("changes", ()))
        return f"{self.queue} {body.get('do', '')} {changes or body.get('case', '')}".replace("  ", " ")


class QueueModel:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sent = 0
        self.messages: list[Message] = []
        self.dead: list[Message] = []
        self.notices: list[str] = []

    def send(self, region: str, queue: str, body: str, delay: float = 0) -> None:
        self._sent += 1
        if queue == "notices":
            self.notices.append(body)
        else:
            self.messages.append(Message(f"m{self._sent}", region, queue, body, self._now() + delay))

    def due(self) -> list[Message]:
        """What may be delivered now, the oldest first; what was received too often is dead."""
        found = [m for m in self.messages if m.visible <= self._now()]
        for message in [m for m in found if m.receives >= RECEIVES]:
            self.messages.remove(message)
            self.dead.append(message)
        return sorted((m for m in found if m.receives < RECEIVES), key=lambda m: m.visible)

    def next_at(self) -> float | None:
        return min((m.visible for m in self.messages), default=None)

    def receive(self, message: Message) -> dict[str, Any]:
        """Hand one message out, as Lambda's event source does, and hide it for a while."""
        message.receives += 1
        message.visible = self._now() + VISIBILITY[message.queue]
        attributes = {"ApproximateReceiveCount": str(message.receives)}
        return {"messageId": message.id, "body": message.body, "attributes": attributes}

    def delete(self, id_: str) -> None:
        self.messages = [m for m in self.messages if m.id != id_]

    def copy(self, message: Message) -> None:
        """Deliver it once more: SQS may."""
        self._sent += 1
        self.messages.append(replace(message, id=f"m{self._sent}", visible=self._now()))


def _visibility() -> dict[str, float]:
    resources = json.loads((Path(__file__).parents[2] / "resources.json").read_text())["Resources"]
    names = {"changes": "Changes", "remediate": "Remediate"}
    names |= {"remediate_iam": "RemediateIam", "remediate_secrets": "RemediateSecrets"}
    return {q: resources[f"{n}Queue"]["Properties"]["VisibilityTimeout"] for q, n in names.items()}


VISIBILITY = _visibility()
"""Seconds for which each queue hides a message, as it is deployed."""
