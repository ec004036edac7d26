"""A plan that was applied and taken back, and is approved once more: the journal of the first time is no word on it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3
import pytest
from faults import WOUNDS, WRITES, Killed, Stage, state_of
from forking import forked
from world import World

from chalicelib.cases import Case

ROLE, CONTROL = "AWS::IAM::Role", "iam-trust-public"


@pytest.fixture
def stage(w: World) -> Stage:
    return Stage(w)


def approved_again(stage: Stage, name: str) -> Case:
    """The trust is open, narrowed, opened by undo, changed and changed back: the very same plan, approved anew."""
    iam = boto3.client("iam")
    first = WOUNDS["iam-narrow-trust"].undoing(stage, name)
    stage.settle(stage.writer_message())
    assert stage.case(name, CONTROL).state == "UNDONE"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    _put(iam, name, {**trust, "Statement": [*trust["Statement"], {**trust["Statement"][0], "Sid": "more"}]})
    stage.look(ROLE, name)
    assert stage.case(name, CONTROL).plan_digest != first.plan_digest
    _put(iam, name, trust)
    stage.look(ROLE, name)
    again = stage.case(name, CONTROL)
    assert (again.state, again.plan_digest) == ("PENDING", first.plan_digest)
    stage.later(60)
    stage.decide("oncall", again, "approve")
    return stage.case(name, CONTROL)


def _put(iam: Any, name: str, trust: Any) -> None:
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def test_a_writer_killed_at_any_call_of_the_second_time_ends_with_the_fix_whole(stage: Stage) -> None:
    case = approved_again(stage, "thing")
    message = stage.writer_message()
    calls = forked(lambda: stage.calls_of(message))

    def killed_at(n: int) -> None:
        stage.faults.reset(kill_at=n)
        with pytest.raises(Killed):
            stage.deliver(message)
        made = list(stage.faults.writes)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message)
        after = stage.case("thing", CONTROL)
        assert (after.state, state_of(stage, after)) == ("RESOLVED", "new"), f"killed at call {n}: {after.outcome}"
        assert len(made) + len(stage.faults.writes) == 1, f"killed at call {n}"

    assert any(name in WRITES for name in calls) and case.state == "APPROVED"
    for n in range(1, len(calls) + 1):
        forked(partial(killed_at, n))
