"""EventBridge's schedules: `rate(…)` and `cron(…)` rules that invoke functions.

Source: "Creating a scheduled rule" in the EventBridge user guide. Times are UTC. Left out of cron: L, W and #.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.errors import BadInput

_RATE = re.compile(r"^rate\((\d+) (minute|minutes|hour|hours|day|days)\)$")
_CRON = re.compile(r"^cron\(([^)]+)\)$")
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: n for n, name in enumerate(_DAY_NAMES, 1)}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))

Due = Callable[[datetime, datetime], bool]  # last time it fired (or was first seen), now


@dataclass(frozen=True, slots=True)
class Cron:
    """The allowed values of minute, hour, day of month, month, day of week (SUN = 1), year."""

    fields: tuple[frozenset[int], ...]

    def fits(self, at: datetime) -> bool:
        weekday = at.isoweekday() % 7 + 1
        values = (at.minute, at.hour, at.day, at.month, weekday, at.year)
        return all(value in allowed for value, allowed in zip(values, self.fields, strict=True))


def parse_schedule(expression: str) -> Due:
    """What says whether a schedule is due. Raises BadInput for what EventBridge or the sandbox does not take."""
    rate = _RATE.match(expression)
    if rate:
        unit = rate[2].rstrip("s") + "s"
        every = timedelta(**{unit: int(rate[1])})
        if not every or (rate[1] == "1") == rate[2].endswith("s"):
            raise _bad(expression, "the unit does not agree with the number")
        return lambda last, now: now >= last + every
    found = _CRON.match(expression)
    if not found:
        raise _bad(expression, "it is neither rate(…) nor cron(…)")
    cron = _cron(expression, found[1].split())
    return lambda last, now: cron.fits(now) and now.replace(second=0, microsecond=0) > last


def _cron(expression: str, parts: list[str]) -> Cron:
    if len(parts) != 6:
        raise _bad(expression, "cron has six fields")
    if (parts[2] == "?") == (parts[4] == "?"):
        raise _bad(expression, "one of day-of-month and day-of-week must be ?")
    names: tuple[Mapping[str, int], ...] = ({}, {}, {}, _MONTHS, _DAYS, {})
    return Cron(tuple(_field(expression, *each) for each in zip(parts, _RANGES, names, strict=True)))


def _field(expression: str, text: str, bounds: tuple[int, int], names: Mapping[str, int]) -> frozenset[int]:
    allowed: set[int] = set()
    for piece in text.split(","):
        span, _, step = piece.partition("/")
        first, last = _span(expression, span, bounds, names)
        if step and span not in ("*", "?") and "-" not in span:
            last = bounds[1]
        if step and not (step.isdigit() and int(step)):
            raise _bad(expression, f"the step {step!r} is no positive number")
        allowed.update(range(first, last + 1, int(step or 1)))
    return frozenset(allowed)


def _span(expression: str, text: str, bounds: tuple[int, int], names: Mapping[str, int]) -> tuple[int, int]:
    if text in ("*", "?"):
        return bounds
    ends = [names.get(end.upper(), int(end) if end.isdigit() else -1) for end in text.split("-")]
    if len(ends) > 2 or not all(bounds[0] <= end <= bounds[1] for end in ends) or ends[0] > ends[-1]:
        raise _bad(expression, f"the sandbox does not take {text!r} here")
    return ends[0], ends[-1]


def _bad(expression: str, why: str) -> BadInput:
    return BadInput(f"schedule {expression!r}: {why}", where="ScheduleExpression", next_step="correct the rule")


def scheduled_event(rule_arn: str, now: datetime, identifier: str) -> dict[str, object]:
    """What a target without Input gets when its rule fires."""
    return {
        "version": "0",
        "id": identifier,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule_arn.split(":")[4],
        "time": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": rule_arn.split(":")[3],
        "resources": [rule_arn],
        "detail": {},
    }
