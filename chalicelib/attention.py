"""How people are asked again: reminders, escalation to the next group, and who stands in outside working hours.

A pin says it. The groups that it names stand in for groups that do not answer: from a time after the asking, or
outside the hours. Nobody stands in for `security`. Each word is judged by what held when it was given, so a writer
that asks again later comes to the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .model import Json
from .routing import Hours, hours_from
from .runbooks import seconds

if TYPE_CHECKING:
    from .approvals import Approval
    from .cases import Case
    from .governance import Pins

StandIns = Callable[[str], tuple[str, ...]]
"""The groups that stand in for others at a time (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class Attention:
    """`remind` and `after` are seconds, 0 for never; `to` are the groups that it escalates to; `outside` those that
    stand in while `hours` do not cover the time.
    """

    remind: int = 0
    after: int = 0
    to: tuple[str, ...] = ()
    hours: Hours | None = None
    outside: tuple[str, ...] = ()

    def stand_ins(self, asked: datetime) -> StandIns:
        """Who stands in when, for what was asked at `asked`."""

        def at(time: str) -> tuple[str, ...]:
            moment = datetime.fromisoformat(time)
            late = self.to if self.after and moment >= asked + timedelta(seconds=self.after) else ()
            away = self.outside if self.hours is not None and not self.hours.cover(moment) else ()
            return tuple(dict.fromkeys((*late, *away)))

        return at

    def due(self, asked: datetime, now: datetime, reminded: int) -> int:
        """How many reminders are due by now, where that is more than there were."""
        count = int((now - asked).total_seconds()) // self.remind if self.remind else 0
        return count if count > reminded else 0

    def is_late(self, asked: datetime, now: datetime) -> bool:
        return bool(self.after) and now >= asked + timedelta(seconds=self.after)


NEVER = Attention()
"""Nobody is asked again, and nobody stands in."""


def attention_from(pin: Mapping[str, Json]) -> Attention:
    """What a validated pin says about asking again."""
    escalate, hours = pin.get("escalate", {}), pin.get("hours")
    return Attention(
        remind=seconds(pin["remind"]) if "remind" in pin else 0,
        after=seconds(escalate["after"]) if escalate else 0,
        to=tuple(escalate.get("to", ())),
        hours=hours_from(hours) if hours else None,
        outside=tuple(pin.get("outside", ())),
    )


def attention_of(pins: Pins, case: Case) -> Attention:
    """What holds for the plan of a case: as the pin says that it was made by, the one that names it most exactly."""
    plan = case.plan or {}
    made = (plan.get("runbook"), plan.get("version"))
    fitting = [p for p in pins.pins if (p.runbook, p.version) == made and p.covers(case.account, case.arn)]
    first = min(fitting, key=lambda p: ("*" in p.resources, "*" in p.accounts), default=None)
    return first.attention if first else NEVER


def asked_at(expires: str, lasts: int) -> datetime:
    """When people were asked for what expires at `expires` and lasts so many seconds."""
    return datetime.fromisoformat(expires) - timedelta(seconds=lasts)


def stand_ins_of(pins: Pins, case: Case, lasts: int) -> StandIns:
    """Who stands in when for the plan of a case, of which an approval lasts `lasts` seconds."""
    if not case.expires:
        return lambda at: ()
    return attention_of(pins, case).stand_ins(asked_at(case.expires, lasts))


def in_force(given: Iterable[Approval], case: Case, lasts: int) -> tuple[Approval, ...]:
    """The words that answer the present asking, of which an approval lasts `lasts` seconds.

    A plan that was applied and taken back may be proposed again to the letter; what people said the first time, about
    it or about its undo, is no answer to that.
    """
    asked = asked_at(case.expires, lasts) if case.expires else None
    last = max((s["at"] for s in case.stages if s["plan"]["digest"] == case.plan_digest), default=case.applied)
    applied = datetime.fromisoformat(last) if last else None
    since = {"apply": asked, "undo": applied}
    return tuple(a for a in given if (begun := since.get(a.about)) is None or datetime.fromisoformat(a.at) >= begun)
