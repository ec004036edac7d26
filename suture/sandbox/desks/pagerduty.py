"""PagerDuty's Events API v2. Source: PagerDuty, "Send an Alert Event", "Events API v2 Overview"."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from chalicelib.model import Json

from ..vaults.loopback import Answer, Asked

MOST_BYTES, MOST_SUMMARY, MOST_KEY = 512 * 1024, 1024, 255
_ACTIONS, _SEVERITIES = ("trigger", "acknowledge", "resolve"), ("critical", "error", "warning", "info")


@dataclass(slots=True)
class Alert:
    """One alert: `status` triggered, acknowledged or resolved; `events` the events that it grew from."""

    key: str
    status: str
    events: list[Json] = field(default_factory=list)


class PagerDuty:
    """One service behind one integration key. An alert that is resolved is never opened again: a new one is."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.alerts: list[Alert] = []

    def __call__(self, asked: Asked) -> Answer:
        if (asked.method, asked.path) != ("POST", "/v2/enqueue"):
            return Answer(404)
        event = asked.body if isinstance(asked.body, dict) else {}
        wrong = list(_problems(event)) + ([] if event.get("routing_key") == self._key else ["Invalid routing key"])
        if wrong:
            return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": wrong})
        key, action = event["dedup_key"], event["event_action"]
        open_ = next((a for a in self.alerts if a.key == key and a.status != "resolved"), None)
        if action == "trigger" and open_ is None:
            self.alerts.append(open_ := Alert(key, "triggered"))
        if open_ is not None:
            open_.events.append(event)
            open_.status = {"acknowledge": "acknowledged", "resolve": "resolved"}.get(action, open_.status)
        return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})


def _problems(event: Json) -> list[str]:
    found = []
    payload = event.get("payload") or {}
    if event.get("event_action") not in _ACTIONS:
        found.append("'event_action' is invalid")
    if not 0 < len(str(event.get("dedup_key") or "")) <= MOST_KEY:
        found.append("'dedup_key' is missing or too long")
    if len(json.dumps(event)) > MOST_BYTES:
        found.append("the event is too large")
    if event.get("event_action") == "trigger":
        found += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
        if len(payload.get("summary") or "") > MOST_SUMMARY:
            found.append("'payload.summary' is too long")
        if payload.get("severity") not in _SEVERITIES:
            found.append("'payload.severity' is invalid")
        if any("href" not in link for link in event.get("links") or ()):
            found.append("'links' is invalid")
    return found
