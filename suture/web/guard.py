"""Signing in on loopback: the address that was printed opens the door, and then one says who one is.

Where there is one identity, that of the AWS credentials, there is nothing to choose. In a sandbox everybody's
credentials are at hand, so that a newcomer can be each of its people.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.approvals import Person, person_of
from chalicelib.chat.decide import Request
from chalicelib.chat.page.asked import Answer, Asked, see
from chalicelib.chat.page.door import is_next
from chalicelib.chat.page.frame import Frame
from chalicelib.chat.page.html import Html, el, join
from chalicelib.chat.page.session import Cookies, Visitor
from chalicelib.errors import BadRequest

from .desk import Chair

LASTS = 12 * 3600


class LocalGuard:
    """`token` is in the printed address; `key` signs the cookie and lives as long as the process."""

    def __init__(
        self,
        chairs: Sequence[Chair],
        people: Sequence[Person],
        token: str,
        key: bytes,
        origin: str,
        now: Callable[[], datetime],
    ) -> None:
        self.origin = origin
        self._chairs = {chair.id: chair for chair in chairs}
        self._people, self._token, self._now = tuple(people), token, now
        port = origin.rpartition(":")[2]
        self._cookies = Cookies(f"suture-{port}", lambda: key, secure=False, lax=False)

    def visitor(self, asked: Asked) -> Visitor | None:
        held = self._held(asked)
        chair = self._chairs.get(str(held.get("p")))
        if chair is None:
            return None
        person = person_of(self._people, chair.identity)
        return Visitor(chair.name, chair.identity, person, self._cookies.csrf(held), reads=True)

    def entrance(self, frame: Frame, next_: str) -> Html:
        held = self._held(frame.asked)
        if not held:
            return el("p", "Open the address that was printed when this page was started: it holds the key to it.")
        choices = (
            el(
                "button",
                chair.name,
                el("small", ", ".join(p.groups) if (p := person_of(self._people, chair.identity)) else "in no group"),
                type="submit",
                name="person",
                value=chair.id,
            )
            for chair in self._chairs.values()
        )
        hidden = (("csrf", self._cookies.csrf(held)), ("next", next_))
        fields = (el("input", type="hidden", name=name, value=value) for name, value in hidden)
        form = el("form", *fields, *choices, method="post", action=frame.to("sign-in"), class_="chairs")
        return join(el("p", "This is a sandbox: be whom you like. What you may decide follows from who you are."), form)

    def enter(self, asked: Asked) -> Answer | None:
        if asked.path != "/sign-in":
            raise BadRequest("there is no such page", status=404)
        if asked.method == "POST":
            return self._sit(asked)
        if asked.method != "GET":
            raise BadRequest("this address takes GET and POST", status=405)
        next_ = asked.query.get("next", "")
        if "token" not in asked.query:
            return None
        if not hmac.compare_digest(asked.query["token"].encode(), self._token.encode()):
            step = "copy the whole address that was printed"
            raise BadRequest("this address does not open the page", status=403, next_step=step)
        only = next(iter(self._chairs)) if len(self._chairs) == 1 else ""
        cookie = self._cookies.given({"p": only}, self._now(), LASTS)
        return see((next_ if is_next(next_) and next_ else "/") if only else "/sign-in" + _and(next_), cookie)

    def leave(self) -> tuple[str, str]:
        return self._cookies.given({"p": ""}, self._now(), LASTS)

    def decide(self, visitor: Visitor, request: Request) -> None:
        chair = next(c for c in self._chairs.values() if c.identity == visitor.identity)
        chair.decide(request)

    def _sit(self, asked: Asked) -> Answer:
        held, fields = self._held(asked), asked.form()
        if not held or not hmac.compare_digest(fields.get("csrf", "").encode(), self._cookies.csrf(held).encode()):
            raise BadRequest("open the address that was printed", status=401)
        if not asked.is_from(self.origin):
            raise BadRequest("this form was not sent from the page", status=403)
        if fields.get("person") not in self._chairs:
            raise BadRequest("there is nobody of that name here")
        next_ = fields.get("next", "")
        return see(
            next_ if next_ and is_next(next_) else "/", self._cookies.given({"p": fields["person"]}, self._now(), LASTS)
        )

    def _held(self, asked: Asked) -> dict[str, object]:
        return dict(self._cookies.read(asked.cookie(self._cookies.name), self._now()) or {})


def _and(next_: str) -> str:
    return f"?next={next_}" if next_ and is_next(next_) else ""
