"""What people see in Slack: one message a case, changed in place, its history in the thread.

Where a message stands is kept in the table (`MESSAGE#<problem>`), claimed while somebody writes it. What Slack does
not take now is sent later: the case stays decidable through every other door, and an operator is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ... import approvals
from ...approvals import Identity
from ...aws.deployment import Deployment
from ...cases import Case
from ...errors import BadEvent, Conflict
from ...logs import log
from ...model import Json
from .. import claims, storms
from ..facts import facts_of
from ..gate import SecretInMessage
from . import blocks, home
from .client import GONE, NOWHERE, OURS, Slack, SlackFailed

UNSAID = frozenset({"DETECTED", "PLANNED", "OBSERVED", "SUPPRESSED", "SUPERSEDED"})
"""States about which nobody is told anew; a message that is there already shows them."""

LONGEST_WAIT = 900
MOST_TRIES = 200
"""Two days of waiting; longer than any plan is open."""

LOST = "slack did not take a message"
"""The log line that an alarm listens to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message of a case stands: `thread` is its problem's first message, `told` the version it shows,
    `window` the storm that it is counted in, `in_digest` whether it is part of that storm's digest.
    """

    channel: str = ""
    ts: str = ""
    thread: str = ""
    told: int = 0
    window: int = 0
    in_digest: bool = False


Keep = Callable[[Place], None]


def tell(d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    """Show a case as it stands. Never raises for what Slack does: it comes back later."""
    slack = d.slack
    if slack is None:
        return
    tries = int(message.get("tries") or 0)
    try:
        with _claimed(d, case) as (place, keep):
            if place.told < case.version and (place.told or case.state not in UNSAID):
                place = _shown(d, slack, case, place, keep)
                keep(place)
            if message.get("remind"):
                _remind(d, slack, case, place, str(message["remind"]))
    except Conflict:
        _again(d, message, tries, 5)
    except SecretInMessage as error:
        log("error", LOST, case=case.id, why=error.what)
    except SlackFailed as error:
        _failed(d, case, message, tries, error)


def _shown(d: Deployment, slack: Slack, case: Case, place: Place, keep: Keep) -> Place:
    """Where the message stands once it shows the case."""
    if not place.told:
        if slack.rules.is_quiet(case, d.now()):
            raise SlackFailed("quiet_hours", LONGEST_WAIT)
        channel = slack.rules.channel_of(case)
        count, window = (0, place.window) if place.window else storms.count(d, channel, slack.rules.storm_seconds)
        is_storm = place.in_digest or count > slack.rules.storm_count
        place = replace(place, channel=place.channel or channel, window=window, in_digest=is_storm)
        keep(place)  # so that another try is not counted again
    if place.in_digest:
        storms.add(d, "slack-digest", place.channel, place.window, case)
        return replace(place, told=case.version)
    before, place = place, _written(d, slack, case, place)
    if place.ts != before.ts:
        keep(place)  # so that a failure from here on does not send it twice
    _continue_thread(d, slack, case, place)
    return replace(place, told=case.version)


def _written(d: Deployment, slack: Slack, case: Case, place: Place) -> Place:
    """The message itself: changed where it is, new where it is no more; a repeat goes into the first one's thread."""
    said = _said(d, case)
    if place.ts:
        try:
            _sent(slack, "chat.update", {"channel": place.channel, "ts": place.ts, **said, "parse": "none"})
            return place
        except SlackFailed as error:
            if error.code not in GONE:
                raise
            log("warning", "a message is gone and is sent anew", case=case.id, why=error.code)
    thread = _thread_of(d, case, place.channel)
    try:
        if thread and thread != place.ts:
            ts = _post(slack, place.channel, {**said, "thread_ts": thread, "reply_broadcast": True})
            return replace(place, ts=ts, thread=thread)
    except SlackFailed as error:
        if error.code not in GONE:
            raise
    ts = _post(slack, place.channel, said)
    _remember_thread(d, case, place.channel, ts)
    return replace(place, ts=ts, thread=ts)


def _said(d: Deployment, case: Case) -> Mapping[str, Json]:
    return {"blocks": blocks.message(case, facts_of(d, case)), "text": blocks.summary(case)}


def _post(slack: Slack, channel: str, said: Mapping[str, Json]) -> str:
    """A new message; its `ts`."""
    return str(_sent(slack, "chat.postMessage", {"channel": channel, **said, **_QUIET}).get("ts") or "")


def _sent(slack: Slack, method: str, body: Mapping[str, Json]) -> Mapping[str, Json]:
    """One message, or its first line alone where Slack refuses its blocks."""
    try:
        return slack.call(method, body)
    except SlackFailed as error:
        if error.code not in OURS:
            raise
        log("error", LOST, why=error.code, what="blocks")
        text = f"{body['text']} (decide: suture cases list)"
        return slack.call(method, {**body, "text": text, "blocks": []})


_QUIET = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}


def _continue_thread(d: Deployment, slack: Slack, case: Case, place: Place) -> None:
    """What happened since the message was last written, as one reply."""
    records = [r for r in d.ledger.records(case.id) if r["version"] > place.told] if place.told else []
    if not records:
        return
    names = {p.id: p.name for p in d.packaged.people}
    said, text = blocks.history(records, names)
    try:
        _post(slack, place.channel, {"blocks": said, "text": text, "thread_ts": place.thread})
    except SlackFailed as error:
        if error.code not in GONE:  # the thread was deleted: the case keeps its history
            raise


def _remind(d: Deployment, slack: Slack, case: Case, place: Place, why: str) -> None:
    if case.state == "PENDING" and place.ts:
        said, text = blocks.reminder(case, facts_of(d, case), why)
        _post(slack, place.channel, {"blocks": said, "text": text, "thread_ts": place.thread, "reply_broadcast": True})


def _failed(d: Deployment, case: Case, message: Mapping[str, Json], tries: int, error: SlackFailed) -> None:
    """Slack did not take it: say so where an alarm listens, and come back."""
    if error.code == "quiet_hours":
        return _again(d, message, tries, error.wait)
    log("error", LOST, case=case.id, why=error.code, tries=tries, seconds=error.wait)
    if error.code in NOWHERE and case.state not in UNSAID:
        _move_elsewhere(d, case, error)
    if tries >= MOST_TRIES:
        return log("error", "a message is given up: the case is shown by `suture cases`", case=case.id)
    return _again(d, message, tries + 1, error.wait or patience(tries))


def patience(tries: int) -> int:
    """Seconds until the next try."""
    return min(30 << min(tries, 5), LONGEST_WAIT)


def _move_elsewhere(d: Deployment, case: Case, error: SlackFailed) -> None:
    """An archived or closed channel: the next try begins anew in the default channel."""
    slack = d.slack
    with _claimed(d, case) as (place, keep):
        if slack is not None and (place.channel or slack.rules.channel_of(case)) != slack.rules.channel:
            keep(Place(channel=slack.rules.channel, window=place.window))


def _again(d: Deployment, message: Mapping[str, Json], tries: int, delay: int) -> None:
    d.queues.send("notices", {**message, "channel": "slack", "tries": tries}, min(max(delay, 1), LONGEST_WAIT))


# --- where messages stand -------------------------------------------------------------------------------------------


@contextmanager
def _claimed(d: Deployment, case: Case) -> Iterator[tuple[Place, Keep]]:
    """The place of a case's message, and how to keep it. Raises Conflict when somebody else writes it."""
    with claims.claimed(d, case, "slack") as claim:
        yield Place(**claim.kept), lambda place: claim.keep({n: getattr(place, n) for n in Place.__slots__})


def _thread_of(d: Deployment, case: Case, channel: str) -> str:
    item = d.ledger.table.get(claims.problem(case), "slack")
    return str(item["ts"]) if item and item.get("channel") == channel else ""


def _remember_thread(d: Deployment, case: Case, channel: str, ts: str) -> None:
    d.ledger.table.put({"pk": claims.problem(case), "sk": "slack", "channel": channel, "ts": ts})


# --- other deeds of `notify` ----------------------------------------------------------------------------------------


def _say(d: Deployment, message: Mapping[str, Json]) -> None:
    """An answer for one person alone. When Slack does not take it, it is too late for another."""
    if d.slack is None:
        return
    to, text = str(message.get("to") or ""), str(message.get("text") or "")
    shown = blocks.aside(text)
    try:
        d.slack.respond(to, {"response_type": "ephemeral", "replace_original": False, **shown})
    except (SlackFailed, SecretInMessage) as error:
        log("warning", "a refusal was not shown", why=error.what)


def _home(d: Deployment, message: Mapping[str, Json]) -> None:
    slack, user = d.slack, message.get("user")
    if slack is None:
        return
    if not isinstance(user, str):
        raise BadEvent("a notice that names no user", next_step="look who may send to the notices queue")
    is_listed = approvals.person_of(d.packaged.people, Identity(slack.rules.team, "slack", user)) is not None
    try:
        slack.call("views.publish", {"user_id": user, "view": home.view(d, is_listed=is_listed)})
    except (SlackFailed, SecretInMessage) as error:
        log("warning", "a home tab was not shown", why=error.what)


@dataclass(frozen=True, slots=True)
class _Digest:
    """Where a storm of one channel is shown: `at` is its message's `ts`."""

    slack: Slack
    channel: str

    def write(self, at: str, cases: Sequence[Case], more: int) -> str:
        shown, text = blocks.digest(cases, more)
        said = {"blocks": shown, "text": text}
        try:
            if at:
                self.slack.call("chat.update", {"channel": self.channel, "ts": at, **said, "parse": "none"})
        except SlackFailed as error:
            if error.code not in GONE:
                raise
            at = ""
        return at or _post(self.slack, self.channel, said)

    def drop(self, at: str) -> None:
        self.slack.call("chat.delete", {"channel": self.channel, "ts": at})


def _digest(d: Deployment, message: Mapping[str, Json]) -> None:
    slack = d.slack
    if slack is None:
        return
    tries, channel = int(message.get("tries") or 0), str(message["channel"])
    try:
        storms.show(d, channel, int(message["window"]), _Digest(slack, channel))
    except SecretInMessage as error:
        log("error", LOST, why=error.what, what="digest")
    except (SlackFailed, Conflict) as error:
        if not isinstance(error, Conflict):
            log("error", LOST, why=error.what, what="digest")
        wait = error.wait if isinstance(error, SlackFailed) else 5
        if tries < MOST_TRIES:
            d.queues.send("notices", {**message, "tries": tries + 1}, wait or patience(tries))


DEEDS: Mapping[str, Callable[[Deployment, Mapping[str, Json]], None]] = {
    "slack-say": _say,
    "slack-home": _home,
    "slack-digest": _digest,
}
