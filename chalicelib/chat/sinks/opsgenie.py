"""Opsgenie: one alert a case, created, acknowledged while somebody's decision is carried out, closed with it.

Alert API: `POST /v2/alerts`, `…/{alias}/acknowledge` and `…/close`. The alias is the case's: creating an alert that is
open counts it once more and opens no second one. An acknowledged alert that needs people again is closed and created
anew. Limits: message 130 characters, description 15,000, 20 tags of 50, source 100, note 25,000, details 8,000.
Source: Opsgenie's "Alert API".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...model import Json
from ...redaction import safe_text
from ..gate import refuse_secrets
from . import CLOSED, OPEN, WORKING, Job, Told, stage_of, words
from .line import Line, line_of

URL, KEY = "https://api.opsgenie.com", "/suture/opsgenie-key"
MOST_MESSAGE, MOST_TEXT, MOST_NOTE = 130, 15_000, 1_000
PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}
SOURCE = {"source": "Suture", "user": "Suture"}


def send(job: Job) -> Told:
    """Bring the alert to what the case is."""
    line = line_of(job.d, "opsgenie", job.rules.options.get("url", URL), job.rules.options.get("key", KEY))
    told, stage = job.told, stage_of(job.case)
    if stage == OPEN and job.is_news:
        if told.stage == WORKING:
            _post(line, _about(job, "close"), _note(job))
            job.keep(told := replace(told, stage=CLOSED))
        _post(line, "/v2/alerts", alert(job))
    elif stage != told.stage and told.stage != CLOSED:
        _post(line, _about(job, "close" if stage == CLOSED else "acknowledge"), _note(job))
    return told


def alert(job: Job) -> Mapping[str, Json]:
    """A new alert."""
    case, page, teams = job.case, words.link(job), job.rules.targets_of(job.case)
    details = {"case": case.id, "state": case.state, "account": case.account, "region": case.region}
    return {
        "message": words.title(case, MOST_MESSAGE),
        "alias": alias(job),
        "description": words.text(job, MOST_TEXT),
        "responders": [{"name": team, "type": "team"} for team in teams],
        "tags": ["suture", case.control[:50], case.severity],
        "details": {**details, "owner": safe_text(case.owner), **({"page": page} if page else {})},
        "entity": safe_text(case.arn, 512),
        "priority": PRIORITIES.get(case.severity, "P3"),
        **SOURCE,
    }


def alias(job: Job) -> str:
    return f"suture-{job.d.stage}-{job.case.id}"


def _about(job: Job, what: str) -> str:
    return f"/v2/alerts/{alias(job)}/{what}?identifierType=alias"


def _note(job: Job) -> Mapping[str, Json]:
    return {**SOURCE, "note": words.news(job.case)[:MOST_NOTE]}


def _post(line: Line, path: str, body: Mapping[str, Json]) -> None:
    refuse_secrets(body)
    line.call("POST", path, body, {"Authorization": f"GenieKey {line.secret()}"})
