"""All cases at a glance: what waits for people first; filters and search are a form that GETs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from ...aws.deployment import Deployment
from ...cases import TRANSITIONS, Case
from ...errors import BadRequest
from ...model import SEVERITIES
from ...redaction import safe_text
from ...times import iso
from .asked import Answer
from .frame import Frame
from .html import Html, Part, el, table
from .words import CLOSED, NEEDS_PEOPLE, OPEN, WAITING, causers, now_said, rank, severity, state

PAGE = 50
MOST = 3_000
"""So many cases are read at most: the rest is behind a filter, or the command line."""
BACK = timedelta(days=30)

_SHOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "open": ("Open", OPEN),
    "waiting": ("Waits for approval", WAITING),
    "people": ("Needs a person", NEEDS_PEOPLE),
    "closed": ("Closed, last 30 days", CLOSED),
    "all": ("All, closed in the last 30 days", (*OPEN, *CLOSED)),
}


def page(d: Deployment, frame: Frame) -> Answer:
    """The list, as its query filters it. Raises BadRequest for a filter that there is not."""
    query = frame.asked.query
    show, wanted = query.get("show") or "open", query.get("severity") or ""
    if show not in _SHOWN or wanted not in ("", *SEVERITIES):
        raise BadRequest("there is no such filter", next_step="choose from the lists")
    all_open = read(d, OPEN, "")
    cases = all_open if show == "open" else read(d, _SHOWN[show][1], iso(frame.now - BACK))
    sought = safe_text(query.get("q") or "", 200).casefold()
    found = [c for c in cases if wanted in ("", c.severity) and all(w in _text(c) for w in sought.split())]
    found.sort(key=lambda c: c.updated, reverse=True)
    found.sort(key=lambda c: (c.state not in WAITING, c.state not in NEEDS_PEOPLE, -rank(c)))
    number = _number(query.get("page") or "1", len(found))
    return frame.page(
        "Cases",
        el("h1", "Cases"),
        _tiles(frame, all_open),
        _filters(frame, show, wanted, query.get("q") or ""),
        el("p", _counted(len(found), len(cases), bool(sought or wanted)), class_="count", role="status"),
        _table(frame, found[(number - 1) * PAGE : number * PAGE]) if found else _nothing(show, bool(sought or wanted)),
        _pages(frame, number, len(found), show, wanted, query.get("q") or ""),
        section="",
    )


def read(d: Deployment, states: Iterable[str], since: str) -> list[Case]:
    """The cases in some states; of closed ones those that moved after `since` (ISO 8601, empty for all)."""
    found: list[Case] = []
    for one in (s for s in states if s in TRANSITIONS):
        for case in d.ledger.cases_since(one, since if one in CLOSED else ""):
            found.append(case)
            if len(found) >= MOST:
                return found
    return found


def _text(case: Case) -> str:
    parts = (case.id, case.title, case.arn, case.control, case.account, case.region, case.owner, causers(case))
    return " ".join(parts).casefold()


def _number(text: str, found: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= max(1, -(-found // PAGE))):
        raise BadRequest("there is no such page of the list")
    return int(text)


def _counted(found: int, of: int, is_filtered: bool) -> str:
    more = f", the first {MOST} that were read" if of >= MOST else ""
    noun = "case" if found == 1 else "cases"
    return f"{found} of {of} cases{more}" if is_filtered else f"{found} {noun}{more}"


def _tiles(frame: Frame, cases: Sequence[Case]) -> Html:
    """What is open, in numbers; each is a link to its list."""
    waiting = [c for c in cases if c.state in WAITING]
    people = [c for c in cases if c.state in NEEDS_PEOPLE]
    next_ = min((c.expires for c in waiting if c.expires), default="")
    grave = Counter(c.severity for c in cases)
    hint = ("the first ", frame.ends(next_)) if next_ else ("nothing is asked of anybody",)
    tiles = [
        _tile(frame.to(show="waiting"), len(waiting), "wait for approval", hint, "ask" if waiting else ""),
        _tile(frame.to(show="people"), len(people), "need a person", ("Suture may not, or could not",), ""),
        *(
            _tile(frame.to(severity=name), grave[name], f"{name}, open", (), f"edge {name}")
            for name in reversed(SEVERITIES)
        ),
    ]
    return el("ul", *tiles, class_="tiles", aria_label="Open cases in numbers")


def _tile(href: str, number: int, words: str, hint: Sequence[str | Html], tone: str) -> Html:
    inside = el("b", str(number)), el("span", words), el("small", *hint) if hint else None
    return el("li", el("a", *inside, href=href, class_="zero" if not number else None), class_=tone or None)


def _filters(frame: Frame, show: str, wanted: str, sought: str) -> Html:
    choices = (_option(value, name, show) for value, (name, _) in _SHOWN.items())
    grave = (_option(value, value.capitalize() if value else "Any", wanted) for value in ("", *reversed(SEVERITIES)))
    search = el("input", type="search", id="q", name="q", value=sought, maxlength=200, placeholder="name, ARN, who …")
    return el(
        "form",
        el("div", el("label", "Search", for_="q"), search),
        el("div", el("label", "Show", for_="show"), el("select", *choices, id="show", name="show")),
        el("div", el("label", "Severity", for_="severity"), el("select", *grave, id="severity", name="severity")),
        el("button", "Filter", type="submit"),
        class_="filters",
        method="get",
        action=frame.to(),
        role="search",
        aria_label="Cases",
    )


def _option(value: str, name: str, chosen: str) -> Html:
    return el("option", name, value=value, selected=value == chosen)


def _table(frame: Frame, cases: Sequence[Case]) -> Html:
    heads = ("Problem", "Severity", "State", "Changed by", "Opened")
    return table("Cases, those that wait for people first", heads, (_row(frame, c) for c in cases), "cases")


def _row(frame: Frame, case: Case) -> tuple[Part, ...]:
    link = el("a", case.title or case.control, href=frame.to("cases", case.id))
    where = el("small", el("code", safe_text(case.arn, 160)), " · ", case.control)
    by = causers(case), el("small", safe_text(case.action, 60)) if case.action else None
    when = frame.ago(case.opened), el("small", case.id)
    return (link, where), severity(case.severity), (state(case.state), _standing(frame, case)), by, when


def _standing(frame: Frame, case: Case) -> Html:
    if case.state in WAITING and case.expires:
        return el("small", frame.ends(case.expires))
    if case.state == "SUPPRESSED" and case.until:
        return el("small", "until ", frame.ago(case.until))
    return el("small", safe_text(now_said(case), 90))


def _nothing(show: str, is_filtered: bool) -> Html:
    words = "No case fits. Search for less, or show all." if is_filtered else "Nothing here. That is good news."
    return el("p", words if show != "closed" else "Nothing was closed in the last 30 days.", class_="nothing")


def _pages(frame: Frame, number: int, found: int, show: str, wanted: str, sought: str) -> Html | None:
    if found <= PAGE:
        return None
    last = -(-found // PAGE)

    def links() -> Iterator[Html]:
        for to, words in ((number - 1, "Newer"), (number + 1, "Older")):
            if 1 <= to <= last:
                yield el("a", words, href=frame.to(show=show, severity=wanted, q=sought, page=str(to)))

    return el("nav", f"Page {number} of {last} ", *links(), class_="pages", aria_label="Pages of the list")


def age(at: str, now: datetime) -> float:
    """Days since a time in ISO 8601."""
    return (now - datetime.fromisoformat(at)).total_seconds() / 86_400
