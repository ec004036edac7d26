"""The quick form of `make soak-fuzz`, and every input that it ever found, fed again."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fuzz_targets
import pytest
from fuzz_targets import TARGETS, Feeder, Target, inputs
from fuzzed_account import fuzzed

from chalicelib import pipeline

FOUND = sorted((Path(__file__).parent / "found").glob("*.json"))
NUMBER = 6_000


@pytest.fixture(scope="module")
def feeder() -> Iterator[Feeder]:
    with fuzzed() as (d, account):
        yield Feeder(d, account)


def test_no_input_is_unhandled_or_writes(feeder: Feeder) -> None:
    seed = os.environ.get("SEED") or str(random.randrange(10**6))
    for name, given in inputs(seed, NUMBER):
        why = feeder.wrong(name, given)
        assert not why, f"SEED={seed} {name}: {why}\n{json.dumps(given)[:2000]}"
    assert all(feeder.fed[name] > 0 for name in TARGETS)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_once(path: Path, feeder: Feeder) -> None:
    kept = json.loads(path.read_text())
    assert feeder.wrong(kept["target"], kept["input"]) == ""


@pytest.mark.parametrize(
    ("feed", "says"),
    [
        (lambda d, given: d.clients.call("sqs:SetQueueAttributes", {}), "wrote ['sqs:SetQueueAttributes']"),
        (lambda d, given: 1 / 0, "ZeroDivisionError"),
        (
            lambda d, given: pipeline._each(d, [{"messageId": "m", "body": "{}"}], lambda record: 1 / 0),
            "caught by the last net",
        ),
        (lambda d, given: time.sleep(1), "Stuck"),
    ],
)
def test_each_wrong_is_seen(feed: Any, says: str, feeder: Feeder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "event", Target(1, lambda spoiler: {}, feed))
    monkeypatch.setattr(fuzz_targets, "STUCK_SECONDS", 0.05)
    assert says in feeder.wrong("event", {})
