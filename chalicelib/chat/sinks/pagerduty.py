"""PagerDuty: one alert a case, triggered, acknowledged while somebody's decision is carried out, resolved with it.

Events API v2, `POST /v2/enqueue`. The deduplication key is the case's, so a repeated event changes nothing. An
acknowledged alert that needs people again is resolved and triggered anew: a second trigger would wake nobody.
Limits: summary 1024 characters, key 255, event 512 KB. Source: PagerDuty's "Send an Alert Event".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...model import Json
from ...redaction import safe_text
from ..gate import refuse_secrets
from . import CLOSED, OPEN, WORKING, Job, Told, stage_of, words
from .line import Line, line_of

URL, KEY = "https://events.pagerduty.com", "/suture/pagerduty-key"
MOST_SUMMARY, MOST_TEXT = 1024, 20_000
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}


def send(job: Job) -> Told:
    """Bring the alert to what the case is."""
    line = line_of(job.d, "pagerduty", job.rules.options.get("url", URL), job.rules.options.get("key", KEY))
    told, stage = job.told, stage_of(job.case)
    if stage == OPEN and job.is_news:
        if told.stage == WORKING:
            _enqueue(line, job, "resolve", {})
            job.keep(told := replace(told, stage=CLOSED))
        _enqueue(line, job, "trigger", alert(job))
    elif stage != told.stage and told.stage != CLOSED:
        _enqueue(line, job, "resolve" if stage == CLOSED else "acknowledge", {})
    return told


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


def _enqueue(line: Line, job: Job, action: str, body: Mapping[str, Json]) -> None:
    event = {"event_action": action, "dedup_key": f"suture-{job.d.stage}-{job.case.id}", **body}
    refuse_secrets(event)
    line.call("POST", "/v2/enqueue", {**event, "routing_key": line.secret()}, {})
