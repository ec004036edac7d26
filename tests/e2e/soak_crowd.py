"""Real concurrency, in full: `make soak-concurrency` (SEED=N for the same dice again).

1,000 calls on 50 resources by 8 clients, up to eight processes a function, two people who decide, about one process
killed a second; then a sweep, and the checks of crowd_checks.py. Prints what was done, and each violation.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from crowd import Crowd
from crowd_checks import Aftermath
from foreign import running_sandbox

SETTLE_SECONDS = 1_500
"""The sweep takes up what has not moved for ten minutes; what waited for it may be killed by nobody any more."""
SWEEP_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--resources", type=int, default=50)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--kills", type=float, default=1.0, help="processes a second")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two calls of one client")
    asked = parser.parse_args()
    print(f"SEED={asked.seed}", flush=True)
    options = ("--chaos", "redeliver=2", "--processes", str(asked.workers))
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder), *options) as ready:
        sys.exit(_played(Crowd(ready, asked.seed, asked.resources), asked))


def _played(crowd: Crowd, asked: argparse.Namespace) -> int:
    start = time.monotonic()
    crowd.build()
    crowd.act(asked.events, asked.workers, asked.kills, asked.pause)
    _say(f"{asked.events} calls made in {time.monotonic() - start:.0f} s; waiting for what is under way")
    crowd.settle(SWEEP_SECONDS)
    flying, deadline = [{}], time.monotonic() + SETTLE_SECONDS
    while flying and time.monotonic() < deadline:
        crowd.sweep()
        flying = crowd.settle(SWEEP_SECONDS)
    after = Aftermath(crowd)
    problems = [*crowd.told.strange, *after.problems()]
    _say(f"settled after {time.monotonic() - start:.0f} s, {len(flying)} cases in flight")
    _say(f"calls {dict(crowd.told.calls)}")
    _say(f"decisions {dict(crowd.told.decisions)}")
    _say(f"kills {crowd.told.kills.total()}: {dict(crowd.told.kills)}")
    _say(f"cases {len(after.cases)}: {dict(Counter(c['state'] for c in after.cases.values()))}")
    applied = sum(r["to"] == "APPLYING" for records in after.records.values() for r in records)
    resumed = sum(bool(data.get("answer", {}).get("observed")) for _, _, data in after.journal)
    _say(f"plans applied {applied}, writes {len(after.ours)}, lost answers observed {resumed}")
    _say(f"dead letters {crowd.dead_letters()}")
    for problem in problems:
        _say(f"VIOLATION {problem}")
    _say(f"{len(problems)} violations; again: make soak-concurrency SEED={asked.seed}")
    return int(bool(problems))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
