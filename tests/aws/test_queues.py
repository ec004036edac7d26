"""What our functions send to each other: delays, and the message groups of a fair queue."""

from __future__ import annotations

from typing import Any

import pytest
from world import World

from chalicelib.events import look_message
from chalicelib.model import Change

SWEPT = look_message([Change("1", "us-east-1", "AWS::IAM::Role", "r", "suture:Sweep", "sweep")])
SEEN_AGAIN = look_message([Change("1", "us-east-1", "AWS::IAM::Role", "r", "suture:Recheck", "recheck")])


@pytest.mark.parametrize(
    ("queue", "message", "group"),
    [
        ("changes", SWEPT, "look-sweep"),
        ("changes", SEEN_AGAIN, "look-recheck"),
        ("changes", look_message([]), None),
        ("remediate", {"suture": "write", "case": "C-1"}, None),
    ],
)
def test_a_sweep_is_one_group_so_that_no_event_waits_for_it(
    w: World, queue: str, message: dict[str, Any], group: str | None
) -> None:
    w.d.queues.send(queue, message)
    asked = {"QueueUrl": w.queues[queue], "MessageSystemAttributeNames": ["All"]}
    (found,) = w.sqs.receive_message(**asked)["Messages"]
    assert found["Attributes"].get("MessageGroupId") == group
