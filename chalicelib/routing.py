"""Who hears of a case, where and when: channels, sinks, quiet hours, storms. Rules only; nothing here grants a right.

The rules are the validated JSON of governance/chat.yaml, and `hours`, `remind` and `escalate` of a pin. Owner tags
route messages. Whose word counts is said by approvals.py; a pin's escalation reaches it as groups that stand in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from .cases import TRANSITIONS, Case
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
class Sink:
    """One way out besides chats. A case that fits `takes`, and is in one of `states`, is told there, and from then on
    followed to its end. `options` are what only this kind of sink knows, as governance/chat.yaml has them.

    `targets` are where a route or the default leads: addresses, a project, a repository, a team. Quiet hours and
    storms are those of mail: an alert and a ticket are one a case, because each is closed with its case.
    """

    name: str
    takes: Route
    states: frozenset[str]
    targets: tuple[str, ...]
    routes: tuple[tuple[Route, tuple[str, ...]], ...]
    quiet: Hours | None
    loud: tuple[str, ...]
    storm_count: int
    storm_seconds: int
    options: Mapping[str, Json]

    def targets_of(self, case: Case) -> tuple[str, ...]:
        """The targets of the first route that fits, or else the default ones."""
        return next((targets for route, targets in self.routes if route.fits(case)), self.targets)

    def begins(self, case: Case) -> bool:
        """Is a case told here that was not told before?"""
        return case.state in self.states and self.takes.fits(case)

    def is_quiet(self, case: Case, now: datetime) -> bool:
        return self.quiet is not None and case.severity not in self.loud and self.quiet.cover(now)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where people read and decide. Of new messages in `quiet` hours only those of the severities `loud` are sent;
    more than `storm_count` new ones in `storm_seconds` become one digest.
    """

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


@dataclass(frozen=True, slots=True)
class Slack(Rooms):
    """One workspace."""

    team: str
    app: str


@dataclass(frozen=True, slots=True)
class Teams(Rooms):
    """One tenant of Entra, `app` the bot in it, and the address of the connector through which it speaks."""

    tenant: str
    app: str
    service: str


def slack_from(document: Mapping[str, Json]) -> Slack | None:
    """The Slack part of the validated chat document; None where there is none."""
    given = document.get("slack")
    if not given:
        return None
    return Slack(team=given["team"], app=given["app"], **_rooms(given))


SERVICE = "https://smba.trafficmanager.net/teams/"
"""The connector of Microsoft's public cloud ("Send proactive messages", Microsoft Teams)."""


def teams_from(document: Mapping[str, Json]) -> Teams | None:
    """The Microsoft Teams part of the validated chat document; None where there is none."""
    given = document.get("teams")
    if not given:
        return None
    return Teams(tenant=given["tenant"], app=given["app"], service=given.get("service") or SERVICE, **_rooms(given))


def _rooms(given: Mapping[str, Json]) -> Mapping[str, Any]:
    quiet, storm = given.get("quiet"), given.get("storm", {})
    return {
        "channel": given["channel"],
        "routes": tuple(map(_route, given.get("routes", ()))),
        "quiet": hours_from(quiet) if quiet else None,
        "loud": tuple(quiet.get("but", ())) if quiet else (),
        "storm_count": storm.get("more_than", 10),
        "storm_seconds": seconds(storm.get("within", "10m")),
    }


_ASKS = ("PENDING", "ESCALATED", "UNDO_FAILED")
_SINKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "email": ("to", (*_ASKS, "WAITING_OWNER", "EXPIRED", "RESOLVED", "UNDONE")),
    "pagerduty": ("", _ASKS),
    "opsgenie": ("team", _ASKS),
    "jira": ("project", (*_ASKS, "WAITING_OWNER")),
    "github": ("repository", (*_ASKS, "WAITING_OWNER")),
    "webhook": ("", tuple(TRANSITIONS)),
    "workflow": ("", (*_ASKS, "WAITING_OWNER", "EXPIRED", "RESOLVED", "UNDONE")),
}
"""What a sink calls its target, and the states in which it begins with a case when the rules do not say."""


def sinks_from(document: Mapping[str, Json]) -> Mapping[str, Sink]:
    """The sinks of the validated chat document, by name. The webhook is there always: the stack says whether it is."""
    given = {name: document[name] for name in _SINKS if document.get(name) is not None}
    return {name: _sink(name, rules) for name, rules in {"webhook": {}, **given}.items()}


def _sink(name: str, given: Mapping[str, Json]) -> Sink:
    target, states = _SINKS[name]
    quiet, storm = given.get("quiet"), given.get("storm", {})
    return Sink(
        name=name,
        takes=_route({"channel": name, **given}),
        states=frozenset(given.get("states", states)),
        targets=_many(given.get(target)),
        routes=tuple((_route({"channel": name, **r}), _many(r.get(target))) for r in given.get("routes", ())),
        quiet=hours_from(quiet) if quiet else None,
        loud=tuple(quiet.get("but", ())) if quiet else (),
        storm_count=storm.get("more_than", 10),
        storm_seconds=seconds(storm.get("within", "10m")),
        options=given,
    )


def _many(value: Json) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


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
