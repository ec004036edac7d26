"""One request and one answer of the page, whatever carries them: API Gateway, or a server on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from ...errors import BadRequest

MAX_BODY = 16_384
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Asked:
    """`path` is below the page's address, and begins with a slash; `base` is that address on its host. Names of
    headers are in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes = b""
    base: str = ""

    def cookie(self, name: str) -> str:
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return found.value if found else ""

    def is_from(self, origin: str) -> bool:
        """Did a page of this origin send it, as far as a browser says? It says the origin `null` where the page asks
        for no referrer, as ours do (Fetch Standard, "append a request `Origin` header").
        """
        named, site = self.headers.get("origin"), self.headers.get("sec-fetch-site")
        return named in (None, "null", origin) and site in (None, "same-origin", "none")

    def form(self) -> Mapping[str, str]:
        """The fields of a form that was sent, each once. Raises BadRequest."""
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise BadRequest(f"a form is sent as {FORM}", status=415)
        if len(self.raw) > MAX_BODY:
            raise BadRequest(f"the form has more than {MAX_BODY} bytes", status=413)
        try:
            text = self.raw.decode("utf-8")
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=20, errors="strict"
            )
        except ValueError as error:
            raise BadRequest("this is no form") from error
        if len(dict(pairs)) != len(pairs):
            raise BadRequest("a field was sent twice")
        return dict(pairs)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` besides those that every answer has; one name may come twice."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "text/html; charset=utf-8"


def see(address: str, *headers: tuple[str, str]) -> Answer:
    """Go and GET another address."""
    return Answer(303, "", (("Location", address), *headers))
