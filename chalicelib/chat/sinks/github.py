"""GitHub: one issue a case, commented at each move, closed with it.

REST API, with a fine-grained token or an app's that may write issues of the repository and nothing else. In a public
repository no issue is opened. The mark is a
comment in the issue's body: labels are dropped in silence where a token may not set them. It is looked for among the
issues that changed since the case was opened, by their list, which lags behind nothing. Words stand in a code fence, in
which nothing is formatted, linked or mentioned. Limits: title 256 characters, body and comment 65,536.
Source: "REST API endpoints for issues", "Rate limits for the REST API".
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from ...cases import Case
from ...model import Json
from ..gate import refuse_secrets
from . import Job, Told, tickets, words
from .line import Line, SinkFailed, line_of

URL, TOKEN = "https://api.github.com", "/suture/github-token"
MOST_TITLE, MOST_BODY, MOST_TEXT = 256, 65_536, 60_000
MOST_PAGES = 10
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_GONE = (301, 404, 410)
"""Transferred, not to be seen any more, deleted."""


def send(job: Job) -> Told:
    """Bring the issue to what the case is. It stays in the repository in which it was opened."""
    given = job.rules.options
    line = line_of(job.d, "github", given.get("url", URL), given.get("token", TOKEN))
    (repository,) = job.rules.targets_of(job.case)
    return tickets.send(job, GitHub(line, repository, tuple(given.get("labels", ())), job.case))


class GitHub:
    """One repository. A ticket's id is its address in the API, so that a new route moves no old one."""

    def __init__(self, line: Line, repository: str, labels: tuple[str, ...], case: Case) -> None:
        self._line, self._issues, self._labels = line, f"/repos/{repository}/issues", labels
        self._case = case

    def find(self, mark: str) -> str:
        for page in range(1, MOST_PAGES + 1):
            asked = {"state": "all", "since": _time(self._case.opened), "per_page": 100, "page": page}
            found = self._call("GET", f"{self._issues}?{urlencode(asked)}", None)
            for issue in found if isinstance(found, list) else ():
                if tag(mark) in str(issue.get("body") or ""):
                    return f"{self._issues}/{int(issue['number'])}"
            if not isinstance(found, list) or len(found) < 100:
                break
        return ""

    def create(self, job: Job, mark: str) -> str:
        self._refuse_the_public()
        content = {"title": words.title(job.case, MOST_TITLE), "body": body(job, mark), "labels": list(self._labels)}
        made = self._call("POST", self._issues, content)
        return f"{self._issues}/{int(made['number'])}"

    def comment(self, ticket: str, text: str) -> None:
        self._about("POST", f"{ticket}/comments", {"body": fenced(text)})

    def has_comment(self, ticket: str, text: str) -> bool:
        asked = urlencode({"since": _time(self._case.updated), "per_page": 100})
        found = self._about("GET", f"{ticket}/comments?{asked}", None)
        return any(text in str(c.get("body") or "") for c in found or ())

    def close(self, ticket: str, job: Job) -> None:
        reason = "completed" if job.case.state == "RESOLVED" else "not_planned"
        self._about("PATCH", ticket, {"state": "closed", "state_reason": reason})

    def reopen(self, ticket: str, job: Job) -> None:
        self._about("PATCH", ticket, {"state": "open", "state_reason": "reopened"})

    def _refuse_the_public(self) -> None:
        """An issue says how an account can be broken into: whoever may read the repository reads that too."""
        found = self._call("GET", self._issues.removesuffix("/issues"), None)
        if not isinstance(found, dict) or found.get("private") is not True:
            raise SinkFailed("public_repository")

    def _about(self, method: str, path: str, content: Json) -> Json:
        try:
            return self._call(method, path, content)
        except SinkFailed as error:
            if error.status in _GONE:
                raise tickets.Deleted("the issue is gone") from error
            raise

    def _call(self, method: str, path: str, content: Json) -> Json:
        if content is not None:
            refuse_secrets(content)
        headers = {**_HEADERS, "Authorization": f"Bearer {self._line.secret()}"}
        return self._line.call(method, path, content, headers).body


def _time(iso: str) -> str:
    """A time as GitHub takes it: whole seconds, in UTC."""
    return iso[:19] + "Z"


def body(job: Job, mark: str) -> str:
    """An issue's body: the case as literal text, the link to its page, and the mark."""
    page = words.link(job)
    shown = f"\n[Open the case]({page})\n" if page else ""
    return f"{fenced(words.text(job, MOST_TEXT))}\n{shown}\n{tag(mark)}"


def tag(mark: str) -> str:
    return f"<!-- suture {mark} -->"


def fenced(text: str) -> str:
    """Literal text: in a fence longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
