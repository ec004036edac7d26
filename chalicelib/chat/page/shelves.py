"""Posture over time, what is accepted for a while, and the runbooks with their pins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from ...aws.deployment import Deployment
from ...governance import Pin, Pins, Suppression, effective_mode
from ...model import SEVERITIES
from ...plaintext import contains_secret
from ...runbooks import Runbook
from ...times import iso
from .asked import Answer
from .frame import Frame
from .glance import MOST, read
from .html import Html, Part, el, span, table
from .numbers import ELSEWHERE, ITSELF, PEOPLE, WAYS, posture
from .plots import across, stacked
from .words import CLOSED, OPEN

BACK = 28
SOON = timedelta(days=7)


def posture_page(d: Deployment, frame: Frame) -> Answer:
    cases = read(d, (*OPEN, *CLOSED), iso(frame.now - timedelta(days=BACK)))
    found = posture(cases, frame.now, BACK)
    open_now = found.days[-1][1]
    fixed = {way: sum(counts[way] for _, counts in found.weeks) for way in WAYS}
    some = ", ".join(f"{open_now[s]} {s}" for s in reversed(SEVERITIES) if open_now[s]) or "nothing"
    then = sum(found.days[0][1].values())
    waits = "; ".join(f"{way}: {span(s)}" for way, s in found.medians.items())
    shares = f"{fixed[ITSELF]} {ITSELF}, {fixed[PEOPLE]} {PEOPLE}, {fixed[ELSEWHERE]} {ELSEWHERE}."
    plots = (
        stacked(
            "Open by severity",
            f"Open now: {some}. {BACK} days ago: {then}.",
            found.days,
            SEVERITIES,
            noun="cases open at the end of each day",
            every=7,
        ),
        stacked(
            "Time from change to fix",
            f"Median, {waits}." if waits else "Nothing was fixed yet.",
            found.waits,
            WAYS,
            noun="fixes",
        ),
        stacked("Fixed by itself or by people", shares, found.weeks, WAYS, noun="fixes in each week"),
        across("Who causes most", _most(found.causes), found.causes, "cases"),
        across("What goes wrong most", _most(found.controls), found.controls, "cases"),
    )
    few = f" Only {MOST} cases were read." if len(cases) >= MOST else ""
    intro = f"The last {BACK} days of this account, from {len(cases)} cases.{few}"
    return frame.page(
        "Posture",
        el("h1", "Posture"),
        el("p", intro, class_="intro"),
        el("div", *plots, class_="plots"),
        section="posture",
    )


def _most(rows: Iterable[tuple[str, int]]) -> str:
    first = next(iter(rows), None)
    return f"Most often {first[0]}: {first[1]} of the cases opened in {BACK} days." if first else "No case was opened."


def suppressions_page(d: Deployment, frame: Frame) -> Answer:
    """What is accepted, the first to end first; what has ended stays to be read."""
    now = iso(frame.now)
    found = [(s, "governance/suppressions.yaml") for s in d.packaged.suppressions]
    found += [(s, "decided here") for s in d.ledger.suppressions()]
    found.sort(key=lambda pair: pair[0].expires)
    held = [pair for pair in found if pair[0].expires > now]
    ended = [pair for pair in found if pair[0].expires <= now]
    soon = sum(s.expires <= iso(frame.now + SOON) for s, _ in held)
    said = f"{len(held)} in force, {soon} of them end within a week. When one ends, its finding is open again."
    names = {p.id: p.name for p in d.packaged.people}
    inside = (
        _suppressions(frame, held, names, "In force") if held else el("p", "Nothing is accepted.", class_="nothing")
    )
    old = el("details", el("summary", f"{len(ended)} ended"), _suppressions(frame, ended, names, "Ended"))
    return frame.page(
        "Suppressions",
        el("h1", "Suppressions"),
        el("p", said, class_="intro"),
        inside,
        old if ended else None,
        section="suppressions",
    )


def _suppressions(frame: Frame, found: Iterable[tuple[Suppression, str]], names: Mapping[str, str], title: str) -> Html:
    rows = (_suppression(frame, s, where, names.get(s.owner, s.owner)) for s, where in found)
    return table(title, ("What", "Why", "Owner", "Ends"), rows, "plain wide")


def _suppression(frame: Frame, s: Suppression, where: str, owner: str) -> tuple[Part, ...]:
    case = s.id.rpartition("-")[0]
    link = el("a", s.control, href=frame.to("cases", case)) if case.startswith("C-") else s.control
    values = el("small", f"{len(s.fingerprints)} values, by fingerprint") if s.fingerprints else None
    reason = "not shown: it looks as if it held a secret" if contains_secret(s.reason) else s.reason
    what = link, el("small", el("code", s.resource), f" account {s.account}"), values
    return what, reason, (owner, el("small", where)), (frame.ends(s.expires), el("small", s.expires[:10]))


def runbooks_page(d: Deployment, frame: Frame) -> Answer:
    """Which runbook version remediates what, and how far it may go."""
    pins, books = d.packaged.pins, d.packaged.runbooks
    pinned = {f"{p.runbook}/{p.version}" for p in pins.pins}
    rows = [_pin(pins, pin, books.get(f"{pin.runbook}/{pin.version}"), d.account) for pin in pins.pins]
    rest = [book for name, book in sorted(books.items()) if name not in pinned]
    heads = ("Runbook", "Remediates", "Mode", "Tier", "Where")
    pinned_ones = table("Pinned runbooks", heads, rows, "plain wide")
    others = (el("li", f"{b.id} {b.version}", el("small", f" {b.title}")) for b in rest)
    said = f"{len(pins.pins)} pinned. Only a pin chooses a version, and the least of four modes holds."
    return frame.page(
        "Runbooks",
        el("h1", "Runbooks"),
        el("p", said, class_="intro"),
        pinned_ones if rows else el("p", "Nothing is pinned: findings are observed.", class_="nothing"),
        el("details", el("summary", f"{len(rest)} released and not pinned"), el("ul", *others)) if rest else None,
        section="runbooks",
    )


def _pin(pins: Pins, pin: Pin, book: Runbook | None, account: str) -> tuple[Part, ...]:
    if book is None:
        return f"{pin.runbook} {pin.version}", "not packaged", "", "", ""
    mode, why = effective_mode(pins, pin, book, account)
    need = f"asks for {max(1, book.approval.minimum)} of {', '.join(book.approval.groups) or 'nobody'}"
    shown = el("span", mode, class_=f"mode {mode}", title=why), el("small", need if mode != "observe" else "")
    where = ", ".join(pin.accounts) if pin.accounts != ("*",) else "every account"
    only = el("small", ", ".join(pin.resources)) if pin.resources != ("*",) else None
    controls = el("ul", *(el("li", c) for c in book.remediates), class_="plain")
    name = pin.runbook, el("small", f"{pin.version} · {book.title}")
    return name, controls, shown, (book.tier, el("small", f"undo: {book.reversible}")), (where, only)
