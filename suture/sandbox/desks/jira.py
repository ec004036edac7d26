"""Jira Cloud's REST API v3, as far as tickets need it. Source: Atlassian, "The Jira Cloud platform REST API"
(Issues, Issue comments, Issue search), "Atlassian Document Format"."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.model import Json

from ..vaults.loopback import Answer, Asked

MOST_SUMMARY, MOST_TEXT = 255, 32_767
STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
_NODES = ("paragraph", "codeBlock")


@dataclass(slots=True)
class Issue:
    key: str
    fields: Json
    status: str = "To Do"
    comments: list[Json] = field(default_factory=list)


class Jira:
    """One site with some projects, and one account with an API token."""

    def __init__(self, user: str, token: str, projects: tuple[str, ...] = ("SEC",)) -> None:
        self._login = "Basic " + b64encode(f"{user}:{token}".encode()).decode()
        self._projects = projects
        self.issues: dict[str, Issue] = {}
        self._made = 0

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != self._login:
            return Answer(401, {"message": "Client must be authenticated to access this resource."})
        path = asked.path.removeprefix("/rest/api/3")
        if (asked.method, path) == ("POST", "/issue"):
            return self._create(asked.body["fields"])
        if (asked.method, path) == ("POST", "/search/jql"):
            return self._search(asked.body)
        match = re.fullmatch(r"/issue/([A-Z0-9_]+-\d+)(/comment|/transitions)?", path)
        if not match:
            return Answer(404)
        issue = self.issues.get(match[1])
        if issue is None:
            return Answer(404, _errors("Issue does not exist or you do not have permission to see it."))
        return _about(issue, asked, match[2] or "")

    def _create(self, fields: Json) -> Answer:
        wrong = dict(_problems(fields))
        project = (fields.get("project") or {}).get("key")
        if project not in self._projects:
            wrong["project"] = "valid project is required"
        if wrong:
            return Answer(400, {"errorMessages": [], "errors": wrong})
        self._made += 1
        key = f"{project}-{self._made}"
        self.issues[key] = Issue(key, fields)
        return Answer(201, {"id": str(10_000 + self._made), "key": key, "self": f"https://x/rest/api/3/issue/{key}"})

    def _search(self, body: Json) -> Answer:
        match = re.fullmatch(r'labels = "([\w-]+)"', body["jql"])
        if not match:
            return Answer(400, _errors("Error in the JQL Query"))
        found = [i for i in self.issues.values() if match[1] in i.fields["labels"]]
        return Answer(200, {"issues": [{"key": i.key, "fields": {"labels": i.fields["labels"]}} for i in found]})


def _about(issue: Issue, asked: Asked, what: str) -> Answer:
    if what == "/comment" and asked.method == "GET":
        return Answer(200, {"comments": list(reversed(issue.comments))})
    if what == "/comment":
        wrong = list(_document_problems(asked.body["body"]))
        if wrong:
            return Answer(400, _errors(*wrong))
        issue.comments.append(asked.body)
        return Answer(201, {"id": str(len(issue.comments))})
    if what == "/transitions" and asked.method == "GET":
        ways = [{"id": str(n), "name": s, "to": _status(s)} for n, s in enumerate(STATUSES) if s != issue.status]
        return Answer(200, {"transitions": ways})
    if what == "/transitions":
        issue.status = list(STATUSES)[int(asked.body["transition"]["id"])]
        return Answer(204)
    return Answer(200, {"key": issue.key, "fields": {"status": _status(issue.status)}})


def _status(name: str) -> Json:
    return {"name": name, "statusCategory": {"key": STATUSES[name]}}


def _errors(*messages: str) -> Json:
    return {"errorMessages": list(messages), "errors": {}}


def _problems(fields: Json) -> Iterator[tuple[str, str]]:
    summary = fields.get("summary") or ""
    if not summary or len(summary) > MOST_SUMMARY:
        yield "summary", "Summary must be less than 255 characters."
    if "\n" in summary:
        yield "summary", "The summary is invalid because it contains newline characters."
    if any(" " in label for label in fields.get("labels") or ()):
        yield "labels", "The label contains spaces which is invalid."
    if not (fields.get("issuetype") or {}).get("name"):
        yield "issuetype", "Specify a valid issue type"
    for problem in _document_problems(fields.get("description")):
        yield "description", problem


def _document_problems(document: Json) -> Iterator[str]:
    if not isinstance(document, dict) or (document.get("type"), document.get("version")) != ("doc", 1):
        yield "Operation value must be an Atlassian Document"
        return
    nodes = document["content"]
    texts = [t for n in nodes for t in n.get("content", ())]
    if any(n["type"] not in _NODES for n in nodes) or any(not t.get("text") for t in texts):
        yield "INVALID_INPUT"
    if sum(len(t["text"]) for t in texts) > MOST_TEXT:
        yield "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
