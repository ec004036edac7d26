"""Signing in where Suture is deployed: OpenID Connect, code flow with PKCE, state and nonce.

Who somebody is follows from issuer and subject (or Entra's tenant and object) as approvers.yaml lists them; a name or
an address in a token is shown and means nothing. What a sign-in needs to remember stands in a signed cookie of ten
minutes: nonce and verifier follow from its state and our key, so that none of them is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...approvals import Identity, person_of
from ...aws.deployment import Deployment
from ...errors import BadRequest, Gone, Misconfigured
from ...logs import log
from ...model import Json
from ...redaction import safe_text
from ..decide import Request, decide
from .asked import Answer, Asked, see
from .provider import Provider, is_safe
from .session import Cookies, Visitor

if TYPE_CHECKING:
    from .frame import Frame
    from .html import Html

SIGNING_IN = 600
_ENTRA = "https://login.microsoftonline.com/"
OFF = "the page is not switched on here"
_LACKS = "signing in needs the library joserfc, which this deployment has not"
_LAYER = "give the stack the layer of docs/web.md; `suture web` shows the page with AWS credentials"
OFF_STEP = "`suture web` shows it with AWS credentials; docs/web.md says how to deploy it"


class OidcGuard:
    """Sign-in of one deployment. Raises Misconfigured for settings that nobody could sign in with."""

    def __init__(self, d: Deployment) -> None:
        self._d, url = d, d.packaged.page.rstrip("/")
        if not is_safe(url):
            step = "correct `page` in governance/chat.yaml"
            raise Misconfigured("the page's address is no https address", where=url, next_step=step)
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        secure, prefix = parts.scheme == "https", "__Host-" if parts.scheme == "https" else ""
        self._session = Cookies(f"{prefix}suture", d.page_key, secure)
        self._coming = Cookies(f"{prefix}suture-in", d.page_key, secure)
        issuer, client, parameter = d.oidc
        self._provider = Provider(issuer, client, f"{url}/signed-in", lambda: _secret(d, parameter))

    def visitor(self, asked: Asked) -> Visitor | None:
        held = self._session.read(asked.cookie(self._session.name), self._d.now())
        if held is None or held.get("i") != self._provider.issuer:
            return None
        identities = list(_identities(held))
        people = self._d.packaged.people
        listed = next((i for i in identities if person_of(people, i)), identities[0])
        person = person_of(people, listed)
        name = person.name if person else f"{held.get('w') or held['s']} ({self._provider.issuer})"
        return Visitor(name, listed, person, self._session.csrf(held))

    def entrance(self, frame: Frame, next_: str) -> Html:
        from .html import el, join

        if find_spec("joserfc") is None:
            return el("p", f"Nobody can sign in: {_LACKS}. Next: {_LAYER}.", class_="alert")
        host = urlsplit(self._provider.issuer).netloc
        words = el("p", "People whom governance/approvers.yaml lists see the cases of this account here.")
        address = frame.to("sign-in", go="1", next=next_)
        return join(words, el("a", f"Sign in at {host}", href=address, class_="button primary"))

    def enter(self, asked: Asked) -> Answer | None:
        from .door import is_next

        if asked.method != "GET":
            raise BadRequest("this address takes GET alone", status=405)
        if asked.path == "/signed-in":
            return self._come_back(asked)
        if "go" not in asked.query:
            return None
        _need_library()
        next_ = asked.query.get("next", "")
        state = token_urlsafe(24)
        held = {"s": state, "to": next_ if is_next(next_) else ""}
        to = self._provider.address(state, self._derived("nonce", state), self._derived("verifier", state))
        return see(to, self._coming.given(held, self._d.now(), SIGNING_IN))

    def leave(self) -> tuple[str, str]:
        return self._session.taken()

    def decide(self, visitor: Visitor, request: Request) -> None:
        decide(self._d, visitor.identity, request)

    def _come_back(self, asked: Asked) -> Answer:
        """From the provider, with a code for the state that this browser began with."""
        _need_library()
        held = self._coming.read(asked.cookie(self._coming.name), self._d.now())
        state, said = asked.query.get("state", ""), asked.query.get("iss")
        if held is None or not hmac.compare_digest(state.encode(), str(held["s"]).encode()):
            raise BadRequest("this sign-in was not begun here, or too long ago", status=401, next_step="sign in again")
        if said != self._provider.issuer and (said is not None or self._provider.names_itself):
            raise BadRequest("another provider answered", status=401, next_step="sign in again")
        if "error" in asked.query:
            what = f"the provider did not let you in: {safe_text(asked.query['error'], 60)}"
            raise BadRequest(what, status=403, next_step="sign in again, or ask who runs it")
        token = self._provider.token(asked.query.get("code", ""), self._derived("verifier", state))
        claims = self._proved(token, self._derived("nonce", state))
        facts = {"i": claims["iss"], "s": claims["sub"], "w": safe_text(claims.get("name") or "", 80)}
        if claims["iss"] == f"{_ENTRA}{claims.get('tid')}/v2.0" and isinstance(claims.get("oid"), str):
            facts |= {"t": claims["tid"], "o": claims["oid"]}
        log("info", "signed in", door="page", issuer=facts["i"], subject=facts["s"])
        address = asked.base + (str(held["to"]) or ("" if asked.base else "/"))
        return see(address, self._session.given(facts, self._d.now()), self._coming.taken())

    def _proved(self, token: str, nonce: str) -> Mapping[str, Json]:
        """The claims of a token, with keys read anew once where its key is not known."""
        from .tokens import BadToken, NoSuchKey, claims_of

        about = (self._provider.issuer, self._provider.client, nonce, self._d.now().timestamp())
        try:
            try:
                return claims_of(token, self._provider.keys(), *about)
            except NoSuchKey:
                return claims_of(token, self._provider.keys(again=True), *about)
        except (BadToken, NoSuchKey) as error:
            log("warning", "an ID token was refused", door="page", why=error.what)
            what = f"the provider's token was refused: {error.what}"
            raise BadRequest(what, status=401, next_step="sign in again") from error

    def _derived(self, purpose: str, state: str) -> str:
        made = hmac.new(self._d.page_key(), f"oidc\n{purpose}\n{state}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _need_library() -> None:
    if find_spec("joserfc") is None:
        raise BadRequest(_LACKS, status=403, next_step=_LAYER)


def _identities(held: Mapping[str, Json]) -> Iterator[Identity]:
    yield Identity(str(held["i"]), "oidc", str(held["s"]))
    if "t" in held:
        yield Identity(str(held["t"]), "entra", str(held["o"]))


def _secret(d: Deployment, parameter: str) -> str:
    """The client's secret, or nothing: a public client has none, and PKCE alone binds the code to us."""
    if not parameter:
        return ""
    try:
        answer = d.clients.call("ssm:GetParameter", {"Name": parameter, "WithDecryption": True})
    except Gone:
        return ""
    return str(answer["Parameter"]["Value"]).strip()


@cache
def guard_of(d: Deployment) -> OidcGuard | None:
    """How people sign in to a deployment; None where it has no page."""
    issuer, client, _ = d.oidc
    return OidcGuard(d) if d.packaged.page and issuer and client else None
