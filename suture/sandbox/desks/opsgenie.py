"""Opsgenie's Alert API. Source: Opsgenie, "Alert API" (Create Alert, Close Alert, Acknowledge Alert), "Response"."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from chalicelib.model import Json

from ..vaults.loopback import Answer, Asked

MOST = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100, "user": 100, "note": 25_000}
MOST_TAGS, MOST_TAG, MOST_DETAILS = 20, 50, 8_000


@dataclass(slots=True)
class Alert:
    alias: str
    body: Json
    status: str = "open"
    count: int = 1
    notes: list[str] = field(default_factory=list)
    is_acknowledged: bool = False


class Opsgenie:
    """One account behind one API integration. An alias names at most one open alert."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.alerts: list[Alert] = []

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"GenieKey {self._key}":
            return Answer(401, {"message": "Could not authenticate", "took": 0.0, "requestId": str(uuid4())})
        body = asked.body if isinstance(asked.body, dict) else {}
        wrong = _problems(body)
        if wrong:
            return Answer(422, {"message": "Request body is not processable.", "errors": wrong})
        if (asked.method, asked.path) == ("POST", "/v2/alerts"):
            self._create(body)
        elif asked.method == "POST" and asked.query.get("identifierType") == "alias":
            alias, _, what = asked.path.removeprefix("/v2/alerts/").partition("/")
            self._change(alias, what, body)
        else:
            return Answer(404)
        return Answer(202, {"result": "Request will be processed", "took": 0.1, "requestId": str(uuid4())})

    def _open(self, alias: str) -> Alert | None:
        return next((a for a in self.alerts if a.alias == alias and a.status == "open"), None)

    def _create(self, body: Json) -> None:
        found = self._open(body["alias"])
        if found is not None:
            found.count += 1
        else:
            self.alerts.append(Alert(body["alias"], body))

    def _change(self, alias: str, what: str, body: Json) -> None:
        """Accepted whether there is such an alert or not: the work is done later."""
        found = self._open(alias)
        if found is None:
            return
        found.notes.append(str(body.get("note") or ""))
        if what == "close":
            found.status = "closed"
        elif what == "acknowledge":
            found.is_acknowledged = True


def _problems(body: Json) -> Json:
    found = {name: "is too long" for name, most in MOST.items() if len(str(body.get(name) or "")) > most}
    tags = body.get("tags") or ()
    if len(tags) > MOST_TAGS or any(len(tag) > MOST_TAG for tag in tags):
        found["tags"] = "are too many or too long"
    if sum(len(k) + len(v) for k, v in (body.get("details") or {}).items()) > MOST_DETAILS:
        found["details"] = "are too long"
    if "alias" in body and not body.get("message"):
        found["message"] = "Message can not be empty."
    return found
