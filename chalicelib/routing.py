"""Who hears of a case, where and when: channels, quiet hours, storms. Rules only; nothing here grants a right.

The rules are the validated JSON of governance/chat.yaml, and `hours`, `remind` and `escalate` of a pin. Owner tags
route messages. Whose word counts is said by approvals.py; a pin's escalation reaches it as groups that stand in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from .cases import Case
from .model import Json
from .runbooks import seconds

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of some days in one time zone, `HH:MM`; they end the next day where the end is not after the start."""

    zone: str
    days: tuple[str, ...]
    start: str
    end: str

    def cover(self, moment: datetime) -> bool:
        """Is `moment` inside? A zone that this machine does not know counts as UTC."""
        here = moment.astimezone(_zone(self.zone))
        at, today = here.strftime("%H:%M"), _DAYS[here.weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= at < self.end
        before = _DAYS[(here - timedelta(days=1)).weekday()]
        return (today in self.days and at >= self.start) or (before in self.days and at < self.end)


@dataclass(frozen=True, slots=True)
class Route:
    """Cases that fit every filled condition go to `channel`."""

    channel: str
    severities: tuple[str, ...]
    accounts: tuple[str, ...]
    owners: tuple[str, ...]

    def fits(self, case: Case) -> bool:
        given = ((self.severities, case.severity), (self.accounts, case.account), (self.owners, case.owner))
        return all(value in wanted for wanted, value in given if wanted)


@dataclass(frozen=True, slots=True)
class Slack:
    """One workspace. Of new messages in `quiet` hours only those of the severities `loud` are sent; more than
    `storm_count` new ones in `storm_seconds` become one digest.
    """

    team: str
    app: str
    channel: str
    routes: tuple[Route, ...]
    quiet: Hours | None
    loud: tuple[str, ...]
    storm_count: int
    storm_seconds: int

    @property
    def channels(self) -> frozenset[str]:
        """Every channel that Suture speaks in: from no other does it take a decision."""
        return frozenset({self.channel, *(r.channel for r in self.routes)})

    def channel_of(self, case: Case) -> str:
        """The channel of the first route that fits, or else the default."""
        return next((r.channel for r in self.routes if r.fits(case)), self.channel)

    def is_quiet(self, case: Case, now: datetime) -> bool:
        """Must a new message about this case wait for the end of the quiet hours?"""
        return self.quiet is not None and case.severity not in self.loud and self.quiet.cover(now)


def slack_from(document: Mapping[str, Json]) -> Slack | None:
    """The Slack part of the validated chat document; None where there is none."""
    given = document.get("slack")
    if not given:
        return None
    quiet, storm = given.get("quiet"), given.get("storm", {})
    return Slack(
        team=given["team"],
        app=given["app"],
        channel=given["channel"],
        routes=tuple(map(_route, given.get("routes", ()))),
        quiet=hours_from(quiet) if quiet else None,
        loud=tuple(quiet.get("but", ())) if quiet else (),
        storm_count=storm.get("more_than", 10),
        storm_seconds=seconds(storm.get("within", "10m")),
    )


def hours_from(document: Mapping[str, Json]) -> Hours:
    return Hours(document["zone"], tuple(document.get("days", _DAYS)), document["from"], document["to"])


def _route(given: Mapping[str, Json]) -> Route:
    lists = (tuple(given.get(name, ())) for name in ("severity", "accounts", "owners"))
    return Route(given["channel"], *lists)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # only rules with hours pay for it

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
