"""Jira Cloud: one issue a case, commented at each move, taken to done with it.

REST API v3 with an API token. The issue's label is its mark: `suture-` and 16 hex digits. Every text is a text node of
the Atlassian Document Format, which nothing formats, links or mentions. The index of the search lags a little; a
redelivery comes at least half a minute later. Limits: summary 255 characters, description and comment 32,767.
Source: "The Jira Cloud platform REST API", Issues, Issue comments, Issue search (`/search/jql`); "Rate limiting".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from ...logs import log
from ...model import Json
from ..gate import refuse_secrets
from . import Job, Told, tickets, words
from .line import Line, SinkFailed, line_of

TOKEN = "/suture/jira-token"
MOST_SUMMARY, MOST_TEXT = 255, 30_000
_API = "/rest/api/3"


def send(job: Job) -> Told:
    """Bring the issue to what the case is."""
    given = job.rules.options
    line = line_of(job.d, "jira", given["site"], given.get("token", TOKEN))
    return tickets.send(job, Jira(line, given))


class Jira:
    """One site, as the `jira:` of governance/chat.yaml names it."""

    def __init__(self, line: Line, given: Mapping[str, Json]) -> None:
        self._line, self._given = line, given

    def find(self, mark: str) -> str:
        asked = {"jql": f'labels = "{label(mark)}"', "fields": ["labels"], "maxResults": 2}
        found = self._call("POST", "/search/jql", asked).get("issues") or ()
        return str(found[0]["key"]) if found else ""

    def create(self, job: Job, mark: str) -> str:
        fields = self._fields(job, mark)
        return str(self._call("POST", "/issue", {"fields": fields})["key"])

    def comment(self, ticket: str, text: str) -> None:
        self._about(ticket, "POST", "/comment", {"body": document([text], "")})

    def has_comment(self, ticket: str, text: str) -> bool:
        found = self._about(ticket, "GET", "/comment?orderBy=-created&maxResults=50", None).get("comments") or ()
        return any(text in _plain(c.get("body")) for c in found)

    def close(self, ticket: str, job: Job) -> None:
        self._move(ticket, job, self._given.get("done", ""), ("done",))

    def reopen(self, ticket: str, job: Job) -> None:
        self._move(ticket, job, self._given.get("reopened", ""), ("new", "indeterminate"))

    def _fields(self, job: Job, mark: str) -> Mapping[str, Json]:
        (project,) = job.rules.targets_of(job.case)
        lines = words.text(job, MOST_TEXT).splitlines()
        return {
            "project": {"key": project},
            "issuetype": {"name": self._given.get("type", "Task")},
            "summary": words.title(job.case, MOST_SUMMARY),
            "labels": ["suture", label(mark)],
            "description": document(lines, words.link(job)),
        }

    def _move(self, ticket: str, job: Job, status: str, categories: tuple[str, ...]) -> None:
        """To the named status, or to the first one of a category; where the workflow has no such way, an operator is
        told, since asking again would not make one."""
        if _is(self._about(ticket, "GET", "?fields=status", None).get("fields", {}).get("status"), status, categories):
            return
        found = self._about(ticket, "GET", "/transitions", None).get("transitions") or ()
        for wanted in (status,) if status else categories:
            for way in found:
                if _is(way.get("to"), status, (wanted,)):
                    self._about(ticket, "POST", "/transitions", {"transition": {"id": way["id"]}})
                    return
        wanted = status or categories[0]
        log("error", "a sink did not take a message", case=job.case.id, sink="jira", why=f"no transition to {wanted}")

    def _about(self, ticket: str, method: str, path: str, body: Json) -> Mapping[str, Json]:
        try:
            return self._call(method, f"/issue/{ticket}{path}", body)
        except SinkFailed as error:
            if error.status in (404, 410):
                raise tickets.Deleted(f"{ticket} is gone") from error
            raise

    def _call(self, method: str, path: str, body: Json) -> Mapping[str, Json]:
        if body is not None:
            refuse_secrets(body)
        login = b64encode(f"{self._given['user']}:{self._line.secret()}".encode()).decode()
        answer = self._line.call(method, _API + path, body, {"Authorization": f"Basic {login}"})
        return answer.body if isinstance(answer.body, dict) else {}


def _is(found: Json, status: str, categories: tuple[str, ...]) -> bool:
    """Is this the named status, or where none is named, one of these categories?"""
    there = found or {}
    return there.get("name") == status if status else (there.get("statusCategory") or {}).get("key") in categories


def label(mark: str) -> str:
    return f"suture-{mark}"


def document(lines: list[str], link: str) -> Mapping[str, Json]:
    """Lines as a document: each a paragraph, or one block of code where there are many; and a link to the page."""
    filled = [line for line in lines if line.strip()]
    shown: list[Json] = [_paragraph({"type": "text", "text": line}) for line in filled[:1]]
    if filled[1:]:
        shown.append({"type": "codeBlock", "content": [{"type": "text", "text": "\n".join(filled[1:])}]})
    if link:
        marks = [{"type": "link", "attrs": {"href": link}}]
        shown.append(_paragraph({"type": "text", "text": "Open the case", "marks": marks}))
    return {"type": "doc", "version": 1, "content": shown}


def _paragraph(*content: Json) -> Mapping[str, Json]:
    return {"type": "paragraph", "content": list(content)}


def _plain(value: Json) -> str:
    """Every text of a document."""
    if isinstance(value, dict):
        return str(value.get("text") or "") + _plain(value.get("content"))
    return "".join(map(_plain, value)) if isinstance(value, list) else ""
