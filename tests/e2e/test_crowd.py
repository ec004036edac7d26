"""Real concurrency, its quick form: processes die while clients and people act. The full one: make soak-concurrency."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from crowd import Crowd
from crowd_checks import Aftermath
from foreign import running_sandbox

pytestmark = pytest.mark.sandbox


def test_nothing_is_lost_or_done_twice_while_processes_die(tmp_path: Path) -> None:
    """What was killed in the middle of a fix stays leased for a minute: those few cases may be in flight still."""
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    print(f"SEED={seed}")
    with running_sandbox(tmp_path, "--chaos", "redeliver=0.5") as ready:
        crowd = Crowd(ready, seed, resources=6)
        crowd.build()
        crowd.act(events=60, clients=3, kills_a_second=1.5, pause=0.2)
        crowd.sweep()
        flying = crowd.settle(seconds=8)
        after = Aftermath(crowd)
        assert crowd.told.strange == []
        assert after.problems(is_over=not flying) == []
        assert crowd.told.kills.total() > 0 and after.ours, crowd.told
