"""GitHub's REST API for issues of one repository. Source: GitHub Docs, "REST API endpoints for issues", "… for issue
comments", "Rate limits for the REST API", "Getting started with the REST API" (User-Agent)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.model import Json

from ..vaults.loopback import Answer, Asked

MOST_TITLE, MOST_BODY = 256, 65_536
_REASONS = ("completed", "not_planned", "reopened", None)


@dataclass(slots=True)
class Issue:
    number: int
    title: str
    body: str
    labels: list[str]
    updated: str
    state: str = "open"
    reason: str = ""
    comments: list[Json] = field(default_factory=list)

    def shown(self) -> Json:
        facts = {n: getattr(self, n) for n in ("number", "title", "body", "state")}
        return {**facts, "updated_at": self.updated, "state_reason": self.reason}


class GitHub:
    """Repositories by name, and one token. `deleted` and `moved` are numbers of issues that are no more here."""

    def __init__(self, token: str, *repositories: str) -> None:
        self._token = token
        self.issues: dict[str, list[Issue]] = {name: [] for name in repositories}
        self.public: set[str] = set()
        self.deleted: set[int] = set()
        self.moved: set[int] = set()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, asked: Asked) -> Answer:
        if not asked.headers.get("user-agent"):
            return Answer(403, {"message": "Request forbidden by administrative rules."})
        if asked.bearer != self._token:
            return Answer(401, {"message": "Bad credentials"})
        name = asked.path.removeprefix("/repos/")
        if asked.method == "GET" and name in self.issues:
            return Answer(200, {"full_name": name, "private": name not in self.public})
        match = re.fullmatch(r"/repos/([\w.-]+/[\w.-]+)/issues(?:/(\d+)(/comments)?)?", asked.path)
        if not match or match[1] not in self.issues:
            return Answer(404, {"message": "Not Found"})
        return self._issue(asked, match) if match[2] else self._issues(asked, self.issues[match[1]])

    def _issues(self, asked: Asked, issues: list[Issue]) -> Answer:
        if asked.method == "GET":
            since, page, size = asked.query.get("since", ""), int(asked.query["page"]), int(asked.query["per_page"])
            found = [i.shown() for i in reversed(issues) if i.updated >= since and i.number not in self.deleted]
            return Answer(200, found[(page - 1) * size : page * size])
        body = asked.body
        if not body.get("title") or len(body["title"]) > MOST_TITLE or len(body["body"]) > MOST_BODY:
            return Answer(422, {"message": "Validation Failed", "errors": [{"resource": "Issue", "code": "invalid"}]})
        made = Issue(len(issues) + 1, body["title"], body["body"], list(body.get("labels") or ()), self._now())
        issues.append(made)
        return Answer(201, made.shown())

    def _issue(self, asked: Asked, match: re.Match[str]) -> Answer:
        number = int(match[2])
        issue = next((i for i in self.issues[match[1]] if i.number == number), None)
        if issue is None:
            return Answer(404, {"message": "Not Found"})
        if number in self.deleted:
            return Answer(410, {"message": "This issue was deleted"})
        if number in self.moved:
            return Answer(301, {"message": "Moved Permanently"}, {"Location": "https://api.github.com/repositories/1"})
        return self._comments(asked, issue) if match[3] else self._change(asked, issue)

    def _comments(self, asked: Asked, issue: Issue) -> Answer:
        if asked.method == "GET":
            return Answer(200, [c for c in issue.comments if c["updated_at"] >= asked.query.get("since", "")])
        if not 0 < len(asked.body["body"]) <= MOST_BODY:
            return Answer(422, {"message": "Validation Failed"})
        issue.updated = self._now()
        issue.comments.append({"body": asked.body["body"], "updated_at": issue.updated})
        return Answer(201, {"id": len(issue.comments)})

    def _change(self, asked: Asked, issue: Issue) -> Answer:
        if asked.method == "GET":
            return Answer(200, issue.shown())
        state, reason = asked.body.get("state"), asked.body.get("state_reason")
        if state not in ("open", "closed") or reason not in _REASONS:
            return Answer(422, {"message": "Validation Failed"})
        issue.state, issue.reason, issue.updated = state, reason or "", self._now()
        return Answer(200, issue.shown())

    def _now(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
