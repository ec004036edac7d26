"""The long form: `make soak` plays ten thousand schedules and every point of every small world, and writes it down."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from invariants import violations
from more_worlds import MAKERS, more_world
from points import played_with, points
from simulate import play, simulated_aws
from small_worlds import WORLDS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
SINGLE = ("url", "grants", "trust", "contain")
FIRST, COUNT = 10_000, 10_000


def schedules(first: int, count: int) -> tuple[str, int]:
    """Play so many schedules; answers with a line for people, and how many failed."""
    began = time.monotonic()
    failed = len(play(range(first, first + count), says_progress=True))
    rate = count / (time.monotonic() - began)
    seeds = f"seeds {first} to {first + count - 1}"
    return f"schedules: {count} played ({seeds}), {failed} broke a law, {rate:.0f} a second on one busy core", failed


def every_point() -> tuple[str, int]:
    """Play every error and every death at every call of the writers."""
    played = failed = 0
    for name in (*SINGLE, *MAKERS):
        world = WORLDS[name] if name in WORLDS else more_world(name)
        for point in points(world, 1):
            sim, history = played_with(world, point)
            played += 1
            if broken := violations(sim):
                failed += 1
                print(name, point, *broken, *history.lines(), sep="\n")
        print(f"{name}: {played} points so far, {failed} failed", flush=True)
    count = len(SINGLE) + len(MAKERS)
    return (
        f"points: {played} played (every error and death at every call, {count} runbooks), {failed} broke a law",
        failed,
    )


def write_down(line: str) -> None:
    """Replace the line of its kind between the marks of docs/reliability.md."""
    kind, today = line.split(":")[0], datetime.now(UTC).date()
    text, new = PAGE.read_text("utf-8"), f"- {today}, {line}."
    begin, end = text.index("<!-- soak -->"), text.index("<!-- /soak -->")
    kept = [x for x in text[begin:end].splitlines() if x.startswith("- ") and not re.match(rf"- \S+ {kind}:", x)]
    block = "\n".join(["<!-- soak -->", "", *sorted([*kept, new], key=lambda x: x.split(" ")[2], reverse=True), "", ""])
    PAGE.write_text(text[:begin] + block + text[end:], "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=COUNT)
    parser.add_argument("--first", type=int, default=FIRST, help="the first seed")
    parser.add_argument("--points", action="store_true", help="play every point of every small world too")
    asked = parser.parse_args()
    failures = 0
    with simulated_aws():
        runs = [lambda: schedules(asked.first, asked.schedules)] if asked.schedules else []
        for run in (*runs, *([every_point] if asked.points else [])):
            line, failed = run()
            failures += failed
            print(line)
            write_down(line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
