"""What moves between two looks at the cases, as `suture cases watch` tells it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from chalicelib.model import Json
from suture.api import NoAnswer

from . import output
from .case_page import moment_of, state_style
from .failures import sentence

if TYPE_CHECKING:
    from rich.text import Text

Look = Callable[[], Mapping[str, Json]]
AT_REST = frozenset({"RESOLVED", "SUPPRESSED"})
"""States that the first look leaves out: there is nothing to wait for."""


def moves(look: Look, wait: Callable[[], None]) -> Iterator[Mapping[str, Json]]:
    """Without end: first each case that is not at rest, then each that is new, changes its state or gets another plan,
    with `from` as its state before. `{"paused": …}` tells that the kill switch was turned, also before the first look.

    `look` answers as `GET /cases`, `wait` returns when it is time for the next look. The first look raises what it
    raises; after it, one that is not answered gives one `{"error": …}`, and the next is made all the same.
    """
    before: Mapping[str, Mapping[str, Json]] | None = None
    paused, is_lost = False, False
    while True:
        try:
            answer = look()
        except NoAnswer as error:
            if before is None:
                raise
            if not is_lost:
                yield {"error": sentence(error)}
            is_lost = True
            wait()
            continue
        is_lost = False
        if bool(answer.get("paused")) != paused:
            paused = not paused
            yield {"paused": paused}
        now = {str(case.get("id")): case for case in answer["cases"]}
        yield from _moved(before, now)
        before = now
        wait()


def _moved(
    before: Mapping[str, Mapping[str, Json]] | None, now: Mapping[str, Mapping[str, Json]]
) -> Iterable[Mapping[str, Json]]:
    """The cases that stand differently, the earliest change first."""
    for id_, case in sorted(now.items(), key=lambda item: str(item[1].get("updated"))):
        was = (before or {}).get(id_)
        if was is None and not (before is None and case.get("state") in AT_REST):
            yield {**case, "from": ""}
        elif was is not None and any(was.get(name) != case.get(name) for name in ("state", "plan")):
            yield {**case, "from": was.get("state")}


def tell(move: Mapping[str, Json], as_json: bool) -> None:
    """Print one move, at once: a line, or a JSON document on a line of its own."""
    if as_json:
        sys.stdout.write(json.dumps(move, ensure_ascii=True, default=str) + "\n")
    else:
        output.show([_line(move)])
    sys.stdout.flush()


def _line(move: Mapping[str, Json]) -> Text:
    if "error" in move:
        return output.text(f"{move['error']} Looking again until it answers.", "red", limit=1000)
    if "paused" in move:
        words = "Paused: nothing is written until two people resume" if move["paused"] else "Resumed: fixes are written"
        return output.text(words, "bold yellow")
    from rich.text import Text

    was, state = str(move.get("from") or ""), str(move.get("state") or "")
    way = f"{was} → {state}" if was not in ("", state) else f"{state}, a new plan" if was else state
    return Text("  ").join(
        (
            output.text(moment_of(move.get("updated")), "dim"),
            output.text(move.get("id", ""), "bold"),
            output.severity(str(move.get("severity", ""))),
            output.text(way, state_style(state)),
            output.text(move.get("title") or move.get("arn") or ""),
        )
    )
