"""How fast Suture starts and works, next to boto3 alone. Nothing is asserted here: it measures.

    .venv/bin/python bench/cold_start.py [--runs 9] [--repeat 20] [--json]

Method. The real package (`suture.build`) is unpacked as it is; each measurement is a fresh
`python -I -S` that finds the standard library, the package, and a folder with just what AWS's runtime brings (boto3
and what it needs). moto answers on loopback from this process, so that its work costs the measured process time on
the wall but no CPU. The environment is `watch`'s own from resources.json.

- floor: import boto3, make one client (Lambda's). `floor with a call`: the same, and one call with it.
- ours: import app.py, then the first event: an SQS batch with an AddPermission and a CreateFunction record about a
  function with nothing wrong. That is two clients (Lambda, DynamoDB) and five calls.
- ours, no bytecode: the same from a package whose `.pyc` files are of another Python than runs it.

They run in turn, floor and ours beside each other, after one untimed round that fills the disk cache; medians are
of each kind. A ratio is the median of the rounds' own ratios, so that a busy machine weighs on both sides of it. On
the wall (`wall`) a ratio holds the server's answers too; `CPU` does not. Peak memory is VmHWM.

- warm: in one process, every event of each scene measured by itself after two untimed: median CPU, and all calls
  that left the process, counted by botocore's `before-send` hook. "First seen" is a new function for each event.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROBE = Path(__file__).with_name("probe.py")
UNTIMED = 2
sys.path[:0] = [str(ROOT), str(PROBE.parent)]

from account import Account, account  # noqa: E402

from suture.build import build  # noqa: E402
from suture.sandbox.package import runtime_folder, unpack  # noqa: E402


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as folder, account() as made:
        measured = measure(Path(folder), made, asked.runs, asked.repeat)
    if asked.json:
        print(json.dumps(measured, indent=1))
    else:
        print("\n".join(_table(measured)))
    return 0


def measure(folder: Path, made: Account, runs: int, repeat: int) -> dict[str, Any]:
    """Everything, as the JSON document that `--json` prints."""
    package, bare = _packages(folder)
    libraries = runtime_folder(folder)
    events = made.scenes(repeat + UNTIMED)
    rounds = [_round(made, package, bare, libraries, events) for _ in range(runs + 1)][1:]
    warm = _probe("warm", made, [package, libraries], events)
    return {
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "processor": platform.machine()},
        "runs": runs,
        "cold": _cold(rounds),
        "warm": {scene: _warm(measured[UNTIMED:]) for scene, measured in warm["scenes"].items()},
        "clients": {"made": warm["clients"], "twice": [c for c, n in Counter(warm["clients"]).items() if n > 1]},
        "modules": rounds[-1]["ours"]["modules"],
    }


def _packages(folder: Path) -> tuple[Path, Path]:
    """The unpacked package, with bytecode and without."""
    package = unpack(build(ROOT).zip, folder)
    bare = folder / "bare"
    shutil.copytree(package, bare, ignore=shutil.ignore_patterns("__pycache__"))
    return package, bare


def _round(made: Account, package: Path, bare: Path, libraries: Path, events: Mapping[str, Any]) -> dict[str, Any]:
    first = {"clean function": events["clean function"][:1]}
    return {
        "floor": _probe("floor", made, [libraries], {}),
        "ours": _probe("cold", made, [package, libraries], first),
        "ours, no bytecode": _probe("cold", made, [bare, libraries], first),
    }


def _probe(what: str, made: Account, paths: Sequence[Path], events: Mapping[str, Any]) -> Any:
    """One measurement in a fresh process. No bytecode is written, so that every run finds what the first found."""
    order = json.dumps({"what": what, "paths": [str(p) for p in paths], "events": events})
    environment = {**made.environment, "PATH": "/usr/bin:/bin", "HOME": str(paths[-1])}
    command = [sys.executable, "-I", "-S", "-B", str(PROBE)]
    done = subprocess.run(command, input=order + "\n", env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the measured process failed ({what}):\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def _cold(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ours = ("ours", "ours, no bytecode")
    return {
        **{kind: _medians(r[kind] for r in rounds) for kind in ("floor", *ours)},
        "floor with a call": _medians(r["floor"]["with_call"] for r in rounds),
        "our import alone": {"ms": round(median(r["ours"]["import_ms"] for r in rounds), 1)},
        "ratio": {kind: _ratios([(r[kind], r["floor"]) for r in rounds]) for kind in ours},
        "failures": sum(len(r[kind]["failures"]) for r in rounds for kind in ours),
    }


def _medians(measured: Iterable[Mapping[str, float]]) -> dict[str, float]:
    listed = list(measured)
    return {name: round(median(m[name] for m in listed), 1) for name in ("ms", "cpu_ms", "peak_mb")}


def _ratios(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, float]:
    """The median of each round's own ratio, ours to the floor."""
    found = {
        "wall": [ours["ms"] / floor["ms"] for ours, floor in pairs],
        "cpu": [ours["cpu_ms"] / floor["cpu_ms"] for ours, floor in pairs],
        "wall, to the floor with a call": [ours["ms"] / floor["with_call"]["ms"] for ours, floor in pairs],
    }
    return {name: round(median(ratios), 2) for name, ratios in found.items()}


def _warm(measured: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    calls = [len(m["calls"]) for m in measured]
    return {
        "cpu_ms": round(median(m["cpu_ms"] for m in measured), 2),
        "ms": round(median(m["ms"] for m in measured), 2),
        "calls": {"least": min(calls), "most": max(calls), "last": measured[-1]["calls"]},
        "clients": sorted({client for m in measured for client in m["clients"]}),
        "failures": sum(len(m["failures"]) for m in measured),
    }


def _table(measured: Mapping[str, Any]) -> Iterable[str]:
    machine, cold = measured["machine"], measured["cold"]
    yield f"python {machine['python']}, {machine['cores']} cores, {machine['processor']}; {measured['runs']} runs each"
    yield ""
    yield f"{'cold start (medians)':<40}{'wall ms':>9}{'CPU ms':>9}{'peak MB':>9}{'wall':>8}{'CPU':>8}"
    for kind in ("floor", "floor with a call", "ours", "ours, no bytecode"):
        row, ratio = cold[kind], cold["ratio"].get(kind, {})
        shares = "".join(f"{ratio[name]:>7.2f}×" if ratio else " " * 8 for name in ("wall", "cpu"))
        yield f"{kind:<40}{row['ms']:>9.0f}{row['cpu_ms']:>9.0f}{row['peak_mb']:>9.1f}{shares}"
    yield f"{'of ours: import app':<40}{cold['our import alone']['ms']:>9.0f}"
    yield ""
    yield f"{'warm, an event (medians)':<40}{'CPU ms':>9}{'wall ms':>9}{'calls':>9}"
    for scene, row in measured["warm"].items():
        calls = row["calls"]
        shown = str(calls["most"]) if calls["most"] == calls["least"] else f"{calls['least']}–{calls['most']}"
        yield f"{scene:<40}{row['cpu_ms']:>9.2f}{row['ms']:>9.2f}{shown:>9}"
    yield ""
    clients = measured["clients"]
    yield f"clients made: {', '.join(clients['made'])}; made twice: {', '.join(clients['twice']) or 'none'}"
    failures = cold["failures"] + sum(row["failures"] for row in measured["warm"].values())
    yield f"events that failed: {failures}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cold start and cost an event of Suture's watch, next to boto3 alone.")
    parser.add_argument("--runs", type=int, default=9, help="fresh processes of each kind (default 9)")
    parser.add_argument("--repeat", type=int, default=20, help="timed events of each warm scene (default 20)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
