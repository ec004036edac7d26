"""Posture over time, worked out from the cases alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from ...cases import Case
from ...model import SEVERITIES
from .words import CLOSED, LEFT_OPEN

SPANS = ((60, "under 1 min"), (600, "1–10 min"), (3600, "10–60 min"), (28_800, "1–8 h"), (86_400, "8–24 h"))
LONGEST = "over a day"

ITSELF, PEOPLE, ELSEWHERE = "by itself", "approved by people", "outside Suture"
WAYS = (ITSELF, PEOPLE, ELSEWHERE)
"""How a problem went away: fixed in mode auto, fixed after approval, or gone without a call of ours."""


@dataclass(frozen=True, slots=True)
class Posture:
    """`days` are dates, oldest first, with the open cases of each severity at its end; `weeks` the fixes of each week
    by way; `waits` the fixes by how long they took and way; `causes` and `controls` the most frequent, with counts;
    `medians` seconds from change to fix, by way, of those that had any.
    """

    days: tuple[tuple[str, dict[str, int]], ...]
    weeks: tuple[tuple[str, dict[str, int]], ...]
    waits: tuple[tuple[str, dict[str, int]], ...]
    causes: tuple[tuple[str, int], ...]
    controls: tuple[tuple[str, int], ...]
    medians: dict[str, float]


def posture(cases: Sequence[Case], now: datetime, back: int) -> Posture:
    """The last `back` days, told from cases that are open or were closed in them."""
    since = now - timedelta(days=back)
    fixed = [c for c in cases if c.state in ("RESOLVED", "WATCHING") and _at(c.updated) >= since]
    recent = [c for c in cases if _at(c.opened) >= since]
    took: dict[str, list[float]] = {way: [_seconds(c) for c in fixed if way_of(c) == way] for way in WAYS}
    return Posture(
        days=tuple(_day(cases, now - timedelta(days=n)) for n in range(back - 1, -1, -1)),
        weeks=_weeks(fixed, now, back),
        waits=tuple((name, {w: sum(_bucket(s) == name for s in took[w]) for w in WAYS}) for name in _NAMES),
        causes=tuple(Counter(p.name for c in recent for p in set(c.principals) or ()).most_common(6)),
        controls=tuple(Counter(c.control for c in recent).most_common(6)),
        medians={way: median(found) for way, found in took.items() if found},
    )


def way_of(case: Case) -> str:
    """How a resolved case was fixed."""
    if not case.applied:
        return ELSEWHERE
    return ITSELF if case.decision == "apply" else PEOPLE


_NAMES = (*(name for _, name in SPANS), LONGEST)


def _bucket(seconds: float) -> str:
    return next((name for most, name in SPANS if seconds < most), LONGEST)


def _seconds(case: Case) -> float:
    return max(0.0, (_at(case.applied or case.updated) - _at(case.opened)).total_seconds())


def _day(cases: Sequence[Case], end: datetime) -> tuple[str, dict[str, int]]:
    counted = Counter(c.severity for c in cases if _at(c.opened) <= end and not _was_closed(c, end))
    return end.date().isoformat(), {name: counted[name] for name in SEVERITIES}


def _was_closed(case: Case, at: datetime) -> bool:
    """Was nothing to be done about it at a time? A risk that people left where it is counts as closed."""
    return case.state in (*CLOSED, *LEFT_OPEN) and _at(case.updated) <= at


def _weeks(fixed: Sequence[Case], now: datetime, back: int) -> tuple[tuple[str, dict[str, int]], ...]:
    made = []
    for n in range(-(-back // 7) - 1, -1, -1):
        end = now - timedelta(days=7 * n)
        inside = [c for c in fixed if end - timedelta(days=7) < _at(c.updated) <= end]
        name = (end - timedelta(days=6)).date().isoformat()
        made.append((name, {way: sum(way_of(c) == way for c in inside) for way in WAYS}))
    return tuple(made)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
