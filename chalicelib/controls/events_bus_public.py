"""An event bus's policy lets anyone put events on it, or write its rules."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason."""
    return everyone(resource, "event bus", "use")


CONTROL = Control(
    title="Only named callers may use an event bus",
    why=(
        "A statement for everyone lets any AWS account put events on the bus that rules and the functions "
        "behind them take for real."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::Events::EventBus",
    signals=(
        Signal(
            "aws.events", ("CreateEventBus", "UpdateEventBus", "DeleteEventBus", "PutPermission", "RemovePermission")
        ),
    ),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-permissions.html",),
    peers=("eventbridge_bus_exposed",),
)
