"""What every page has: landmarks, navigation, who is signed in, and the headers that keep a browser to it.

Headers: OWASP "HTTP Security Response Headers Cheat Sheet"; Content Security Policy Level 3.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from ...times import iso
from .asked import Answer, Asked
from .html import Html, Part, ago, el, join, path
from .session import Visitor

_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = (
    ("Content-Security-Policy", _CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
NEVER_KEPT = ("Cache-Control", "no-store")
KEPT = ("Cache-Control", "private, max-age=86400, immutable")
"""For the style sheet and the icon, whose addresses change with them."""

_NAV = (("Cases", ""), ("Posture", "posture"), ("Suppressions", "suppressions"), ("Runbooks", "runbooks"))
_FILES = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page is drawn in. `paused` says that the kill switch is off, `place` which account this is."""

    asked: Asked
    visitor: Visitor | None
    now: datetime
    place: str
    paused: bool = False

    def to(self, *steps: str, **query: str) -> str:
        """An address of the page."""
        return path(self.asked.base, *steps, **query)

    def ago(self, at: str) -> Html:
        return ago(at, self.now)

    def ends(self, at: str) -> Html:
        """When what expires at a time does so, or did."""
        return join("expires " if at > iso(self.now) else "expired ", self.ago(at))

    @property
    def token(self) -> Html:
        """The hidden field that binds a form to this session."""
        return el("input", type="hidden", name="csrf", value=self.visitor.csrf if self.visitor else "")

    def page(self, title: str, *parts: Part, status: int = 200, section: str | None = None) -> Answer:
        """A whole page. `section` is the entry of the navigation that it belongs to."""
        head = el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("title", f"{title} · Suture"),
            el("link", rel="icon", href=self._file("icon.svg")),
            el("link", rel="stylesheet", href=self._file("style.css")),
        )
        body = el(
            "body",
            el("a", "Skip to the content", href="#main", class_="skip"),
            self._top(section),
            self._paused(),
            el("main", *parts, id="main", tabindex="-1"),
            el("footer", el("p", self.place), el("p", "Times are UTC. Nothing here decides by being looked at.")),
        )
        return Answer(status, join(Html("<!doctype html>\n"), el("html", head, body, lang="en")))

    def _top(self, section: str | None) -> Html:
        brand = el("a", el("span", class_="mark", aria_hidden="true"), "Suture", href=self.to(), class_="brand")
        if self.visitor is None:
            return el("header", brand, class_="top")
        links = (
            el("li", el("a", name, href=self.to(*filter(None, [at])), aria_current="page" if at == section else None))
            for name, at in _NAV
        )
        leave = el(
            "form",
            self.token,
            el("button", "Sign out", type="submit", class_="quiet"),
            method="post",
            action=self.to("sign-out"),
        )
        who = el("div", el("span", self.visitor.name, class_="who"), leave, class_="me")
        return el("header", brand, el("nav", el("ul", *links), aria_label="Pages"), who, class_="top")

    def _paused(self) -> Html | None:
        if not self.paused:
            return None
        words = el("strong", "Every write is paused."), " Cases are found and planned; nothing is applied or undone."
        return el("p", *words, class_="paused", role="status")

    def _file(self, name: str) -> str:
        return self.to(name, v=_digest(name))


def asset(name: str) -> Answer:
    """The style sheet or the icon."""
    return Answer(200, _text(name), (KEPT,), _FILES[name])


def is_asset(name: str) -> bool:
    return name in _FILES


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_text(name).encode()).hexdigest()[:12]
