"""What Jira and GitHub share: one ticket a case, opened, commented at each move, closed with it and opened again.

Before a ticket is created its mark is kept, so a redelivery after a lost answer looks for the mark first and never
opens two. A ticket that somebody deleted is opened anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol
from uuid import uuid4

from ...errors import SutureError
from . import CLOSED, Job, Told, stage_of, words


class Deleted(SutureError):
    """The ticket is no more."""


class Tracker(Protocol):
    """Where tickets are. Methods raise SinkFailed, those about one ticket Deleted too."""

    def find(self, mark: str) -> str:
        """The id of the ticket with that mark, or nothing."""

    def create(self, job: Job, mark: str) -> str:
        """Open a ticket with that mark; its id."""

    def comment(self, ticket: str, text: str) -> None: ...

    def has_comment(self, ticket: str, text: str) -> bool:
        """Is this comment there already? It ends with the case and its version, so no two are the same."""

    def close(self, ticket: str, job: Job) -> None: ...

    def reopen(self, ticket: str, job: Job) -> None: ...


def send(job: Job, tracker: Tracker) -> Told:
    """Bring the ticket to what the case is."""
    if job.told.id and not job.is_news and not job.why:
        return job.told
    return replace(_sent(job, tracker), stage=stage_of(job.case))


def _sent(job: Job, tracker: Tracker) -> Told:
    if not job.told.id:
        return _opened(job, tracker)
    try:
        _moved(job, tracker)
        return job.told
    except Deleted:
        anew = replace(job.told, id="", mark="", stage="")
        job.keep(anew)
        return _opened(replace(job, told=anew), tracker)


def _opened(job: Job, tracker: Tracker) -> Told:
    """A ticket for a case that has none; none for a case that is over before anybody was told."""
    told, is_over = job.told, stage_of(job.case) == CLOSED
    ticket = tracker.find(told.mark) if told.mark else ""
    if not ticket and is_over:
        return told
    if not ticket:
        told = replace(told, mark=told.mark or uuid4().hex[:16])
        job.keep(told)
        return replace(told, id=tracker.create(job, told.mark))
    told = replace(told, id=ticket)
    job.keep(told)
    _moved(replace(job, told=told), tracker)
    return told


def _moved(job: Job, tracker: Tracker) -> None:
    """A comment, and the ticket closed or opened again."""
    ticket, stage = job.told.id, stage_of(job.case)
    said = comment(job)
    if not (job.is_again and tracker.has_comment(ticket, said)):
        tracker.comment(ticket, said)
    if stage == CLOSED and job.told.stage != CLOSED:
        tracker.close(ticket, job)
    elif stage != CLOSED and job.told.stage == CLOSED:
        tracker.reopen(ticket, job)


def comment(job: Job) -> str:
    case = job.case
    about = f"{words.news(case)}. {words.inert(job.why)}" if job.why else words.news(case)
    step = f" Plan {case.plan_digest[-12:]}, until {case.expires}." if case.state == "PENDING" else ""
    return f"{about}.{step} [{case.id}.{case.version}]"
