"""Fuzz: `make soak-fuzz N=1000000` (SEED=TEXT for the same inputs again). One core; start it twice to use two.

Prints how far it is, and saves every input that something went wrong with, one for each place, below tests/fuzz/found,
where `make test` feeds it again. Answers 1 when there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from fuzz_targets import TARGETS, Feeder, inputs
from fuzzed_account import fuzzed

FOUND = Path(__file__).parent / "found"
STEP = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1_000_000)
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    asked = parser.parse_args()
    print(f"SEED={asked.seed}", flush=True)
    wrong: dict[tuple[str, str], Any] = {}
    start, fed = time.process_time(), 0
    with fuzzed() as (d, account):
        feeder = Feeder(d, account)
        for name, given in inputs(asked.seed, asked.number):
            why, fed = feeder.wrong(name, given), fed + 1
            if why and (name, why[:100]) not in wrong:
                wrong[name, why[:100]] = given
                print(f"WRONG {name}: {why}\n  kept in {_kept(name, given)}", flush=True)
            if fed % STEP == 0:
                rate = fed / (time.process_time() - start)
                print(f"{fed:,} inputs, {rate:,.0f} a second of processor time, {len(wrong)} wrong", flush=True)
        print(f"by target: {json.dumps(feeder.fed)}")
    print(f"{fed:,} inputs to {len(TARGETS)} entries, {len(wrong)} wrong; again: SEED={asked.seed}")
    sys.exit(int(bool(wrong)))


def _kept(name: str, given: Any) -> Path:
    text = json.dumps({"target": name, "input": given}, indent=1)
    path = FOUND / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path.write_text(text + "\n")
    return path


if __name__ == "__main__":
    main()
