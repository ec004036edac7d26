"""Sinks: mail, alerts and tickets about cases. One file each, with one function `send`; none of them decides anything.

A sink is imported when governance/chat.yaml names it. What it told is kept in the table under a claim, so that a
notice that comes late, twice or out of order tells nobody twice; what a service does not take now is sent later
through the queue, and an operator is told. A case never waits for any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from ...cases import IN_FLIGHT, Case
from ...errors import CallFailed, Conflict, Misconfigured
from ...logs import log
from ...model import Json
from .. import claims
from ..gate import SecretInMessage
from .line import SinkFailed

if TYPE_CHECKING:
    from ...aws.deployment import Deployment
    from ...routing import Sink

LOST = "a sink did not take a message"
"""The log line that an alarm listens to."""

QUIET_HOURS = "quiet_hours"
LONGEST_WAIT = 900
MOST_TRIES = 200
"""Two days of waiting; longer than any plan is open."""

OPEN, WORKING, CLOSED = "open", "working", "closed"
_OVER = frozenset({"RESOLVED", "REJECTED", "SUPPRESSED"})


@dataclass(frozen=True, slots=True)
class Told:
    """What a sink keeps about a case: the `version` told last and how that looked (`saw`), the version that it was
    `trying` to tell, the reminder told last.

    `stage` is what its alert or ticket is, `id` the ticket's, and `mark` finds one whose id was lost on the way. Of
    mail: `id` is the first one's, `window` the storm that it is counted in, `in_digest` whether its digest tells of it.
    """

    version: int = 0
    saw: str = ""
    stage: str = ""
    trying: int = 0
    reminded: str = ""
    id: str = ""
    mark: str = ""
    window: int = 0
    in_digest: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One case to tell about: `told` is what was told, `why` the reason of a reminder or empty, `keep` keeps what must
    survive a crash between two calls, `is_again` says that this version was tried before and its answer is unknown.
    """

    d: Deployment
    rules: Sink
    case: Case
    told: Told
    why: str
    keep: Callable[[Told], None]
    is_again: bool = False

    @property
    def is_news(self) -> bool:
        """Does the case look different from what was told?"""
        return look_of(self.case) != self.told.saw


def stage_of(case: Case) -> str:
    """What a case asks of people: `open` needs them, on a `working` one somebody decided, `closed` is over.

    A fix that expired or was taken back leaves the risk in place, so its case stays open.
    """
    return CLOSED if case.state in _OVER else WORKING if case.state in IN_FLIGHT else OPEN


def look_of(case: Case) -> str:
    return f"{case.state} {case.plan_digest[-12:]}"


def tell(name: str, d: Deployment, case: Case, message: Mapping[str, Json]) -> None:
    """Tell one sink about a case as it stands. Never raises for what the service does: it comes back later."""
    rules = d.packaged.sinks.get(name)
    if rules is None:
        return
    tries, why = int(message.get("tries") or 0), str(message.get("remind") or "")
    try:
        with claims.claimed(d, case, name) as claim:
            _told(Job(d, rules, case, Told(**claim.kept), why, lambda told: claim.keep(asdict(told))))
    except Conflict:
        _again(d, name, message, tries, 5)
    except SecretInMessage as error:
        log("error", LOST, case=case.id, sink=name, why=error.what)
    except (SinkFailed, Misconfigured, CallFailed) as error:
        _failed(d, name, case, message, tries, error)


def _told(job: Job) -> None:
    """Send what is new, and keep that it was sent."""
    case, told = job.case, job.told
    has_begun = bool(told.version or told.trying)
    is_due = told.version < case.version and (has_begun or job.rules.begins(case))
    reminder = f"{case.version} {job.why}" if job.why and (has_begun or is_due) else ""
    is_reminder = bool(reminder) and reminder != told.reminded
    if not is_due and not is_reminder:
        return
    trying = replace(told, trying=case.version)
    if trying != told:
        job.keep(trying)
    send = import_module(f".{job.rules.name}", __name__).send
    job = replace(job, told=trying, why=job.why if is_reminder else "", is_again=told.trying == case.version)
    after: Told = send(job)
    seen = replace(after, version=case.version, saw=look_of(case))
    job.keep(replace(seen, reminded=reminder or told.reminded))


def _failed(
    d: Deployment,
    name: str,
    case: Case,
    message: Mapping[str, Json],
    tries: int,
    error: SinkFailed | Misconfigured | CallFailed,
) -> None:
    """It was not taken: say so where an alarm listens, and come back. Nobody needs telling of quiet hours."""
    code, wait = (error.code, error.wait) if isinstance(error, SinkFailed) else (error.what, 0)
    if code == QUIET_HOURS:
        return _again(d, name, message, tries, wait)
    log("error", LOST, case=case.id, sink=name, why=code, tries=tries, seconds=wait)
    if tries >= MOST_TRIES:
        return log("error", "a message is given up: `suture cases` shows the case", case=case.id, sink=name)
    return _again(d, name, message, tries + 1, wait or patience(tries))


def patience(tries: int) -> int:
    """Seconds until the next try."""
    return min(30 << min(tries, 5), LONGEST_WAIT)


def _again(d: Deployment, name: str, message: Mapping[str, Json], tries: int, delay: int) -> None:
    d.queues.send("notices", {**message, "channel": name, "tries": tries}, min(max(delay, 1), LONGEST_WAIT))
