"""What people see in Teams: one card a case, changed in place, its history in the thread of its post.

Where a message stands is kept in the table (`MESSAGE#<problem>`), claimed while somebody writes it. What Teams does
not take now is sent later: the case stays decidable through every other door, and an operator is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from ...aws.deployment import Deployment
from ...cases import Case
from ...errors import Conflict
from ...logs import log
from ...model import Json
from .. import claims, storms
from ..facts import facts_of
from ..gate import SecretInMessage
from . import cards
from .client import Teams, activity, is_gone, is_nowhere, is_ours
from .places import TeamsFailed

UNSAID = frozenset({"DETECTED", "PLANNED", "OBSERVED", "SUPPRESSED", "SUPERSEDED"})
"""States about which nobody is told anew; a message that is there already shows them."""

LONGEST_WAIT = 900
MOST_TRIES = 200
"""Two days of waiting; longer than any plan is open."""

LOST = "teams did not take a message"
"""The log line that an alarm listens to."""

DIGEST = "teams-digest"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message of a case stands: its `id` in a `conversation`, which is a post of `channel` with its thread;
    `told` the version it shows, `window` the storm that it is counted in, `in_digest` whether it is part of its digest.
    """

    channel: str = ""
    conversation: str = ""
    id: str = ""
    told: int = 0
    window: int = 0
    in_digest: bool = False


Keep = Callable[[Place], None]
_T = TypeVar("_T")


def tell(d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    """Show a case as it stands. Never raises for what Teams does: it comes back later."""
    teams = d.teams
    if teams is None:
        return
    tries = int(message.get("tries") or 0)
    try:
        with _claimed(d, case) as (place, keep):
            if place.told < case.version and (place.told or case.state not in UNSAID):
                place = _shown(d, teams, case, place, keep)
                keep(place)
            if message.get("remind"):
                _remind(d, teams, case, place, str(message["remind"]))
    except Conflict:
        _again(d, message, tries, 5)
    except SecretInMessage as error:
        log("error", LOST, case=case.id, why=error.what)
    except TeamsFailed as error:
        _failed(d, case, message, tries, error)


def _shown(d: Deployment, teams: Teams, case: Case, place: Place, keep: Keep) -> Place:
    """Where the message stands once it shows the case."""
    if not place.told:
        if teams.rules.is_quiet(case, d.now()):
            raise TeamsFailed("quiet_hours", wait=LONGEST_WAIT)
        channel = place.channel or teams.rules.channel_of(case)
        count, window = (0, place.window) if place.window else storms.count(d, channel, teams.rules.storm_seconds)
        is_storm = place.in_digest or count > teams.rules.storm_count
        place = replace(place, channel=channel, window=window, in_digest=is_storm)
        keep(place)  # so that another try is not counted again
    if place.in_digest:
        storms.add(d, DIGEST, place.channel, place.window, case)
        return replace(place, told=case.version)
    before, place = place, _written(d, teams, case, place)
    if place.id != before.id:
        keep(place)  # so that a failure from here on does not send it twice
    _continue_thread(d, teams, case, place)
    return replace(place, told=case.version)


def _written(d: Deployment, teams: Teams, case: Case, place: Place) -> Place:
    """The message itself: changed where it is, new where it is no more; a repeat goes into the first one's thread."""
    facts = facts_of(d, case)
    members = [teams.member(place.channel, id_) for id_ in facts.asked_in("entra")[: cards.MOST_REFRESHED]]
    card = cards.card(case, facts, [member for member in members if member])
    summary = cards.summary(case)
    if place.id:
        try:
            _sent(lambda said: teams.change(place.conversation, place.id, said), card, summary)
            return place
        except TeamsFailed as error:
            if not is_gone(error) and error.status != 404:
                raise
            log("warning", "a message is gone and is sent anew", case=case.id, why=error.code)
    thread = _thread_of(d, case, place.channel)
    if thread:
        try:
            return replace(place, conversation=thread, id=_sent(lambda said: teams.reply(thread, said), card, summary))
        except TeamsFailed as error:
            if not is_gone(error) and not is_nowhere(error):
                raise  # else the post was deleted, and with it its thread
    conversation, id_ = _sent(lambda said: teams.begin(place.channel, said), card, summary)
    _remember_thread(d, case, place.channel, conversation)
    return replace(place, conversation=conversation, id=id_)


def _sent(send: Callable[[Mapping[str, Json]], _T], card: cards.Card, summary: str) -> _T:
    """One message, or its first line alone where Teams refuses its card."""
    try:
        return send(activity(card, summary))
    except TeamsFailed as error:
        if not is_ours(error):
            raise
        log("error", LOST, why=error.code, what="card")
        return send(activity(None, f"{summary} (decide: suture cases list)"))


def _continue_thread(d: Deployment, teams: Teams, case: Case, place: Place) -> None:
    """What happened since the message was last written, as one reply."""
    records = [r for r in d.ledger.records(case.id) if r["version"] > place.told] if place.told else []
    if not records:
        return
    names = {p.id: p.name for p in d.packaged.people}
    try:
        teams.reply(place.conversation, activity(*cards.history(records, names)))
    except TeamsFailed as error:
        if not is_gone(error) and not is_nowhere(error):  # the thread was deleted: the case keeps its history
            raise


def _remind(d: Deployment, teams: Teams, case: Case, place: Place, why: str) -> None:
    if case.state == "PENDING" and place.conversation:
        facts = facts_of(d, case)
        wanted = set(facts.asked_in("entra"))
        people = [(p.name, i.name) for p in d.packaged.people for i in p.identities if i.kind == "entra"]
        asked = [(name, id_) for name, id_ in people if id_ in wanted]
        teams.reply(place.conversation, activity(*cards.reminder(case, why, asked)))


def _failed(d: Deployment, case: Case, message: Mapping[str, Json], tries: int, error: TeamsFailed) -> None:
    """Teams did not take it: say so where an alarm listens, and come back."""
    if error.code == "quiet_hours":
        return _again(d, message, tries, error.wait)
    log("error", LOST, case=case.id, why=error.code, tries=tries, seconds=error.wait)
    if is_nowhere(error) and case.state not in UNSAID:
        _move_elsewhere(d, case)
    if tries >= MOST_TRIES:
        return log("error", "a message is given up: the case is shown by `suture cases`", case=case.id)
    return _again(d, message, tries + 1, error.wait or patience(tries))


def patience(tries: int) -> int:
    """Seconds until the next try."""
    return min(30 << min(tries, 5), LONGEST_WAIT)


def _move_elsewhere(d: Deployment, case: Case) -> None:
    """A channel that is gone or closed: the next try begins anew in the default channel."""
    teams = d.teams
    with _claimed(d, case) as (place, keep):
        if teams is not None and (place.channel or teams.rules.channel_of(case)) != teams.rules.channel:
            keep(Place(channel=teams.rules.channel, window=place.window))


def _again(d: Deployment, message: Mapping[str, Json], tries: int, delay: int) -> None:
    d.queues.send("notices", {**message, "channel": "teams", "tries": tries}, min(max(delay, 1), LONGEST_WAIT))


# --- where messages stand -------------------------------------------------------------------------------------------


@contextmanager
def _claimed(d: Deployment, case: Case) -> Iterator[tuple[Place, Keep]]:
    """The place of a case's message, and how to keep it. Raises Conflict when somebody else writes it."""
    with claims.claimed(d, case, "teams") as claim:
        yield Place(**claim.kept), lambda place: claim.keep({n: getattr(place, n) for n in Place.__slots__})


def _thread_of(d: Deployment, case: Case, channel: str) -> str:
    item = d.ledger.table.get(claims.problem(case), "teams")
    return str(item["conversation"]) if item and item.get("channel") == channel else ""


def _remember_thread(d: Deployment, case: Case, channel: str, conversation: str) -> None:
    kept = {"pk": claims.problem(case), "sk": "teams", "channel": channel, "conversation": conversation}
    d.ledger.table.put(kept)


# --- storms ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Digest:
    """Where a storm of one channel is shown: `at` are the ids of its conversation and message."""

    teams: Teams
    channel: str

    def write(self, at: str, cases: Sequence[Case], more: int) -> str:
        said = activity(*cards.digest(cases, more))
        conversation, _, id_ = at.rpartition(" ")
        if id_:
            try:
                self.teams.change(conversation, id_, said)
                return at
            except TeamsFailed as error:
                if not is_gone(error):
                    raise
        return " ".join(self.teams.begin(self.channel, said))

    def drop(self, at: str) -> None:
        conversation, _, id_ = at.rpartition(" ")
        self.teams.delete(conversation, id_)


def _digest(d: Deployment, message: Mapping[str, Json]) -> None:
    teams = d.teams
    if teams is None:
        return
    tries, channel = int(message.get("tries") or 0), str(message["channel"])
    try:
        storms.show(d, channel, int(message["window"]), _Digest(teams, channel))
    except SecretInMessage as error:
        log("error", LOST, why=error.what, what="digest")
    except (TeamsFailed, Conflict) as error:
        if not isinstance(error, Conflict):
            log("error", LOST, why=error.what, what="digest")
        wait = error.wait if isinstance(error, TeamsFailed) else 5
        if tries < MOST_TRIES:
            d.queues.send("notices", {**message, "tries": tries + 1}, wait or patience(tries))


DEEDS: Mapping[str, Callable[[Deployment, Mapping[str, Json]], None]] = {DIGEST: _digest}
