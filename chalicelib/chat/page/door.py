"""The door: which page an address is, who may see it, and what a form does.

Everything but the sign-in, the style sheet and the icon is for people whom approvers.yaml lists. A GET changes
nothing. A form counts only with its session's token and from our own pages, and ends in `decide`, as every door does.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from ...aws.deployment import Deployment
from ...errors import BadRequest, SutureError
from ...logs import log
from .. import switch
from ..decide import Request, found
from . import frame as frames
from . import glance, shelves, story
from .asked import Answer, Asked, see
from .forms import request_of
from .frame import Frame
from .html import Html, el
from .session import Visitor

_CASE = re.compile(r"/cases/([^/]+)")
_DECISION = re.compile(r"/cases/([^/]+)/decision")
_NEXT = re.compile(r"(/cases/C-[A-Za-z0-9]{1,38}|/posture|/suppressions|/runbooks)?")


class Guard(Protocol):
    """How people come in, and through what their decisions go. `origin` is the address's scheme and host."""

    origin: str

    def visitor(self, asked: Asked) -> Visitor | None:
        """Who is signed in, with any rights or none; None for nobody. Raises SutureError."""

    def entrance(self, frame: Frame, next_: str) -> Html:
        """What somebody sees who is not signed in, on their way to `next_`."""

    def enter(self, asked: Asked) -> Answer | None:
        """A request to `/sign-in` or `/signed-in`; None to show the entrance. Raises BadRequest."""

    def leave(self) -> tuple[str, str]:
        """The header that ends a session."""

    def decide(self, visitor: Visitor, request: Request) -> None:
        """Carry a decision out. Raises BadRequest with the status and the sentence for whoever asked."""


def answer(d: Deployment, guard: Guard, asked: Asked) -> Answer:
    """One request of the page; never an exception, and always with the headers that keep a browser to it."""
    try:
        made = _route(d, guard, asked)
    except BadRequest as error:
        log("info", "refused", door="page", status=error.status)
        made = _refusal(d, asked, error.status, error.what, error.next_step)
    except SutureError as error:
        log("error", "a request failed", door="page", why=str(error))
        made = _refusal(
            d, asked, 503, "Suture cannot answer just now", "try again; `suture cases list` shows the state"
        )
    except Exception as error:  # a mistake of ours: its text may hold what must not be told
        log("error", "a request failed by a mistake of ours", door="page", error=type(error).__name__)
        made = _refusal(d, asked, 500, "Suture failed to answer", "the log of `chat` says more")
    kept = () if any(name == "Cache-Control" for name, _ in made.headers) else (frames.NEVER_KEPT,)
    strict = (("Strict-Transport-Security", "max-age=31536000"),) if guard.origin.startswith("https:") else ()
    return replace(made, headers=(*frames.HEADERS, *kept, *strict, *made.headers))


def _route(d: Deployment, guard: Guard, asked: Asked) -> Answer:
    name = asked.path.removeprefix("/")
    if frames.is_asset(name):
        _only("GET", asked)
        return frames.asset(name)
    if name in ("sign-in", "signed-in"):
        return guard.enter(asked) or _entrance(d, guard, asked, 200)
    visitor = guard.visitor(asked)
    if name == "sign-out":
        _form(guard, visitor, asked)
        return see(asked.base or "/", guard.leave())
    decision = _DECISION.fullmatch(asked.path)
    case = _CASE.fullmatch(asked.path)
    page = _PAGES.get(name)
    if not (decision or case or page):
        raise BadRequest("there is no such page", status=404)
    if decision:
        return _decide(d, guard, visitor, asked, decision[1])
    _only("GET", asked)
    if visitor is None:
        return _entrance(d, guard, asked)
    frame = _frame(d, asked, _listed(visitor))
    return story.page(d, frame, case[1]) if case else page(d, frame) if page else _entrance(d, guard, asked)


def _decide(d: Deployment, guard: Guard, visitor: Visitor | None, asked: Asked, case: str) -> Answer:
    fields = _form(guard, visitor, asked)
    signed = _listed(visitor)
    try:
        guard.decide(signed, request_of(found(d, case), fields, d.now()))
    except BadRequest as error:
        log("info", "refused", door="page", status=error.status)
        found(d, case)
        wrong = story.refused(error, fields.get("decision", ""), fields)
        return story.page(d, _frame(d, asked, signed), case, wrong, error.status)
    return see(f"{asked.base}/cases/{case}#decide")


def _form(guard: Guard, visitor: Visitor | None, asked: Asked) -> Mapping[str, str]:
    """The fields of a form that our own page sent in this session. Raises BadRequest."""
    _only("POST", asked)
    if visitor is None:
        raise BadRequest("you are not signed in", status=401, next_step="sign in, and open the page again")
    if not asked.is_from(guard.origin):
        raise BadRequest("this form was not sent from the page", status=403, next_step="open the page itself")
    fields = asked.form()
    if not hmac.compare_digest(fields.get("csrf", "").encode(), visitor.csrf.encode()):
        step = "open the page again, and send the form from there"
        raise BadRequest("the form is not of this session", status=403, next_step=step)
    return fields


def _listed(visitor: Visitor | None) -> Visitor:
    if visitor is None:
        raise BadRequest("you are not signed in", status=401)
    if visitor.person is None and not visitor.reads:
        what = f"{visitor.name} is not listed in governance/approvers.yaml"
        raise BadRequest(what, status=403, next_step="ask who keeps that file")
    return visitor


def _only(method: str, asked: Asked) -> None:
    if asked.method != method:
        raise BadRequest(f"this address takes {method} alone", status=405)


def _frame(d: Deployment, asked: Asked, visitor: Visitor | None) -> Frame:
    place = f"Account {d.account} · {d.region} · stage {d.stage}"
    return Frame(asked, visitor, d.now(), place, visitor is not None and switch.is_paused(d))


def _entrance(d: Deployment, guard: Guard, asked: Asked, status: int = 401) -> Answer:
    frame = _frame(d, asked, None)
    wanted = asked.query.get("next", "") if status == 200 else asked.path
    next_ = wanted if is_next(wanted) else ""
    box = el("div", el("h1", "Sign in"), guard.entrance(frame, next_), class_="entrance")
    return frame.page("Sign in", box, status=status)


def _refusal(d: Deployment, asked: Asked, status: int, what: str, step: str) -> Answer:
    frame = Frame(asked, None, d.now(), "")
    said = what[:1].upper() + what[1:]
    parts = el("h1", said), el("p", step[:1].upper() + step[1:]) if step else None
    box = el(
        "div", el("p", str(status), class_="status"), *parts, el("a", "All cases", href=frame.to()), class_="entrance"
    )
    allow = (("Allow", "POST" if asked.path.endswith(("/decision", "/sign-out")) else "GET"),)
    made = frame.page(said, box, status=status)
    return replace(made, headers=allow) if status == 405 else made


def is_next(path: str) -> bool:
    """Is it an address of ours to which somebody may be led after signing in?"""
    return bool(_NEXT.fullmatch(path))


_PAGES: Mapping[str, Callable[[Deployment, Frame], Answer]] = {
    "": glance.page,
    "cases": glance.page,
    "posture": shelves.posture_page,
    "suppressions": shelves.suppressions_page,
    "runbooks": shelves.runbooks_page,
}
