"""Each error of RELIABILITY.md's list at each call of a fix and of its undo, once and for a while: the laws hold.

All of them in the soak (SUTURE_SOAK=1), a sample in the quick form; a death before and after each call beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import WOUNDS
from invariants import violations
from more_worlds import MAKERS, more_world
from points import GoodDay, played_with, points
from simulate import simulated_aws
from small_worlds import WORLDS

SINGLE = ("url", "grants", "trust", "contain")

NOT_PLAYED = [
    "apigateway-move-stage-secret",
    "cloudformation-hide-stack-secret",
    "ecs-move-task-secret",
    "iam-bound-role",
    "iam-delete-stale-versions",
    "iam-drop-unused-permissions",
    "iam-drop-unused-shared-permissions",
    "iam-limit-passrole",
    "iam-narrow-policies",
    "iam-narrow-shared-policies",
    "lambda-bind-service-grants",
    "lambda-grant-secret",
    "lambda-grant-secret-gcp",
    "lambda-grant-secret-ssm",
    "lambda-lead-out-secret-azure",
    "lambda-lead-out-secret-gcp",
    "lambda-lead-out-secret-ssm",
    "lambda-retire-secret",
    "lambda-retire-secret-azure",
    "lambda-retire-secret-gcp",
    "lambda-retire-secret-ssm",
    "lambda-split-shared-role",
    "lambda-store-secret",
    "lambda-store-secret-azure",
    "lambda-store-secret-gcp",
    "lambda-store-secret-ssm",
    "lambda-unshare-layer",
    "s3-ignore-public-acls",
    "stepfunctions-move-definition-secret",
]
"""Runbooks for which no test makes a risk in an account that can fail: tests/controls plays their calls alone."""


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with simulated_aws():
            yield


@pytest.mark.parametrize("name", SINGLE)
def test_an_error_at_any_call_breaks_no_law(aws: None, name: str) -> None:
    world, count = WORLDS[name], 0
    for point in points(world, 20):
        sim, history = played_with(world, point)
        assert violations(sim) == [], "\n".join((str(point), *history.lines()))
        count += 1
    assert count > 20


@pytest.mark.parametrize("runbook", MAKERS)
def test_an_error_at_any_call_of_what_closes_a_policy_breaks_no_law(aws: None, runbook: str) -> None:
    world = more_world(runbook)
    for point in points(world, 60):
        sim, history = played_with(world, point)
        assert violations(sim) == [], "\n".join((str(point), *history.lines()))


@pytest.mark.parametrize("name", (*SINGLE, *MAKERS))
def test_a_good_day_is_fixed_and_undone(aws: None, name: str) -> None:
    day = GoodDay(WORLDS[name] if name in WORLDS else more_world(name))
    day.play()
    states = [e.facts["after"]["state"] for e in day.history.of("moved")]
    assert states.count("UNDOING") and day.cases()[0].state == "UNDONE", states
    assert len(day.calls) > 30


def test_every_runbook_that_ships_is_played_or_named_here() -> None:
    shipped = {path.name for path in Path("runbooks").iterdir() if path.is_dir()}
    assert sorted(shipped - {book.split(":")[0] for book in WOUNDS} - set(MAKERS)) == sorted(NOT_PLAYED)
