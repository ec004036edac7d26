"""PagerDuty: one alert a case, triggered, acknowledged while somebody's decision is carried out, resolved with it.

Events API v2, `POST /v2/enqueue`. The deduplication key is the case's, so a repeated event changes nothing.
Limits: summary 1024 characters, key 255, event 512 KB. Source: PagerDuty's "Send an Alert Event".
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model import Json
from ...redaction import safe_text
from ..gate import refuse_secrets
from . import Job, Told, alerts, words
from .line import Line, line_of

URL, KEY = "https://events.pagerduty.com", "/suture/pagerduty-key"
MOST_SUMMARY, MOST_TEXT = 1024, 20_000
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}


def send(job: Job) -> Told:
    """Bring the alert to what the case is."""
    given = job.rules.options
    return alerts.send(job, PagerDuty(line_of(job.d, "pagerduty", given.get("url", URL), given.get("key", KEY))))


class PagerDuty:
    """One service, by its integration key."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def trigger(self, job: Job) -> None:
        self._enqueue(job, "trigger", alert(job))

    def acknowledge(self, job: Job) -> None:
        self._enqueue(job, "acknowledge", {})

    def end(self, job: Job) -> None:
        self._enqueue(job, "resolve", {})

    def _enqueue(self, job: Job, action: str, body: Mapping[str, Json]) -> None:
        event = {"event_action": action, "dedup_key": f"suture-{job.d.stage}-{job.case.id}", **body}
        refuse_secrets(event)
        self._line.call("POST", "/v2/enqueue", {**event, "routing_key": self._line.secret()}, {})


def alert(job: Job) -> Mapping[str, Json]:
    """The part of a trigger event that says what is wrong."""
    case, page = job.case, words.link(job)
    payload = {
        "summary": words.title(case, MOST_SUMMARY),
        "source": safe_text(case.arn, 500),
        "severity": SEVERITIES.get(case.severity, "warning"),
        "timestamp": case.updated,
        "component": safe_text(case.resource_id, 255),
        "group": f"{case.account} {case.region}",
        "class": case.control,
        "custom_details": {
            "case": case.id,
            "state": case.state,
            "account": case.account,
            "region": case.region,
            "owner": safe_text(case.owner),
            "text": words.text(job, MOST_TEXT),
        },
    }
    links = [{"href": page, "text": f"Case {case.id}"}] if page else []
    return {"payload": payload, "links": links, "client": "Suture", **({"client_url": page} if page else {})}
