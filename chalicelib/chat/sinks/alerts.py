"""What PagerDuty and Opsgenie share: one alert a case, which wakes people when the case needs them, and ends with it.

A state that chat.yaml does not name wakes nobody: the alert stays as it is. Each of the three deeds may be repeated, as
both services know an alert by the case's key; so a lost answer needs no looking.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from . import CLOSED, OPEN, WORKING, Job, Told, stage_of


class Pager(Protocol):
    """Where alerts are. Methods raise SinkFailed."""

    def trigger(self, job: Job) -> None: ...

    def acknowledge(self, job: Job) -> None: ...

    def end(self, job: Job) -> None: ...


def send(job: Job, pager: Pager) -> Told:
    """Bring the alert to what the case is; `stage` is what the alert is then."""
    told, stage = job.told, stage_of(job.case)
    if not job.is_news:
        return told
    if stage == OPEN:
        return _woken(job, pager) if job.case.state in job.rules.states else told
    if stage == WORKING and told.stage == CLOSED:
        return told
    if stage != told.stage:
        (pager.end if stage == CLOSED else pager.acknowledge)(job)
    return replace(told, stage=stage)


def _woken(job: Job, pager: Pager) -> Told:
    """Triggered. An acknowledged alert is ended first: triggering it again would wake nobody."""
    told = job.told
    if told.stage == WORKING:
        pager.end(job)
        told = replace(told, stage=CLOSED)
        job.keep(told)
    pager.trigger(job)
    return replace(told, stage=OPEN)
