"""Opsgenie: one alert a case, created, acknowledged while somebody's decision is carried out, closed with it.

Alert API: `POST /v2/alerts`, `…/{alias}/acknowledge` and `…/close`. The alias is the case's: creating an alert that is
open counts it once more and opens no second one. Limits: message 130 characters, description 15,000, 20 tags of 50,
source 100, note 25,000, details 8,000.
Source: Opsgenie's "Alert API".
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model import Json
from ...redaction import safe_text
from ..gate import refuse_secrets
from . import Job, Told, alerts, words
from .line import Line, line_of

URL, KEY = "https://api.opsgenie.com", "/suture/opsgenie-key"
MOST_MESSAGE, MOST_TEXT, MOST_NOTE = 130, 15_000, 1_000
PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}
SOURCE = {"source": "Suture", "user": "Suture"}


def send(job: Job) -> Told:
    """Bring the alert to what the case is."""
    given = job.rules.options
    return alerts.send(job, Opsgenie(line_of(job.d, "opsgenie", given.get("url", URL), given.get("key", KEY))))


class Opsgenie:
    """One account, by the key of an API integration."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def trigger(self, job: Job) -> None:
        self._post("/v2/alerts", alert(job))

    def acknowledge(self, job: Job) -> None:
        self._about(job, "acknowledge")

    def end(self, job: Job) -> None:
        self._about(job, "close")

    def _about(self, job: Job, deed: str) -> None:
        note = {**SOURCE, "note": words.news(job.case)[:MOST_NOTE]}
        self._post(f"/v2/alerts/{alias(job)}/{deed}?identifierType=alias", note)

    def _post(self, path: str, body: Mapping[str, Json]) -> None:
        refuse_secrets(body)
        self._line.call("POST", path, body, {"Authorization": f"GenieKey {self._line.secret()}"})


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
