"""EventBridge and event source mappings: the sandbox's bus and pollers deliver, moto does not.

moto delivers for disabled rules, matches no arrays of objects, ignores DLQs, and hands queue messages to Docker; it
merges a bus's new policy into the old one by principal, and loses elements of its statements. AWS: EventBridge User
Guide, "Rules"; EventBridge API Reference, PutPermission (`Policy` is the whole policy); Lambda Developer Guide, "Using
Lambda with Amazon SQS".
"""

from __future__ import annotations

from typing import Any

from moto.events.models import EventBus, Rule
from moto.sqs.models import Queue

from .patching import instead


def mend() -> None:
    @instead(Rule, "send_to_targets")
    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        """Deliver nothing."""

    @instead(EventBus, "add_policy")
    def add_policy(self: Any, policy: dict[str, Any]) -> None:
        self._statements.clear()
        listed = policy["Statement"]
        for index, statement in enumerate([listed] if isinstance(listed, dict) else listed):
            self._statements[statement.get("Sid", str(index))] = _Statement(statement)

    Queue.lambda_event_source_mappings = property(lambda self: {}, lambda self, value: None)


class _Statement:
    """A statement of a bus's policy as it was given; moto's own knows a few elements only."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw, self.principal = raw, raw.get("Principal")

    def describe(self) -> dict[str, Any]:
        return self.raw
