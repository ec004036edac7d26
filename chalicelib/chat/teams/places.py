"""Where Suture may speak outside AWS for Teams: Microsoft's own hosts by name, and no other, whatever a request says.

`trafficmanager.net` is open to every customer of Azure, so there only Teams' own name counts. Sources: "Send proactive
messages" and "Connect a bot to Teams" (public cloud, GCC, GCC High, DoD), Microsoft Teams; "Authentication with the
Bot Connector API", Azure AI Bot Service.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from ...errors import Misconfigured, SutureError
from ...model import Json

CONNECTORS = (
    "smba.trafficmanager.net",
    "smba.infra.gcc.teams.microsoft.com",
    "smba.infra.gov.teams.microsoft.us",
    "smba.infra.dod.teams.microsoft.us",
    ".botframework.com",
)
"""A name that begins with a dot stands for every host below it."""

LOGINS = ("login.microsoftonline.com", "login.microsoftonline.us")
SIGNERS = ("login.botframework.com", "login.botframework.azure.us")
WORKFLOWS = (".logic.azure.com", ".webhook.office.com", ".api.powerplatform.com", ".logic.azure.us")

TIMEOUT = 4.0
_MOST = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost")


class TeamsFailed(SutureError):
    """Teams did not do it. `code` is its error, `status` HTTP's (0 for no answer), `wait` its Retry-After, or 0."""

    def __init__(self, code: str, status: int = 0, wait: int = 0) -> None:
        super().__init__(f"Teams answered {code}", next_step="docs/chat.md says what each answer means")
        self.code, self.status, self.wait = code, status, wait


def is_at(url: str, hosts: tuple[str, ...]) -> bool:
    """Is it an https address of one of these hosts, on https' own port?"""
    try:
        place = urlsplit(url)
        host, is_plain = (place.hostname or "").lower(), place.port in (None, 443) and "@" not in place.netloc
    except ValueError:
        return False
    known = any(host.endswith(h) if h.startswith(".") else host == h for h in hosts)
    return place.scheme == "https" and is_plain and known


def checked(url: str, hosts: tuple[str, ...], *, is_sandboxed: bool) -> str:
    """That address without its last slash. Raises Misconfigured for one of anybody else; loopback is for a sandbox."""
    if not (is_sandboxed and _is_loopback(url)) and not is_at(url, hosts):
        where = url.split("/")[2].rpartition("@")[2][:60] if url.count("/") > 1 else ""
        raise Misconfigured("this is no address of Microsoft's for it", where=where, next_step="correct it, and deploy")
    return url.rstrip("/")


def _is_loopback(url: str) -> bool:
    try:
        place = urlsplit(url)
        return place.scheme == "http" and place.hostname in _LOOPBACK
    except ValueError:
        return False


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirect would carry a token elsewhere: it is an error like any other."""

    def redirect_request(self, *args: object, **more: object) -> None:
        return None


def exchanged(
    url: str, data: bytes | None, headers: Mapping[str, str], method: str = "", timeout: float = TIMEOUT
) -> Mapping[str, Json]:
    """One exchange: the JSON object that came back, empty when none did. Raises TeamsFailed for all but a 2xx."""
    request = urllib.request.Request(url, data=data, headers=dict(headers), method=method or None)
    try:
        with urllib.request.build_opener(_Stays).open(request, timeout=timeout) as answer:
            return _object(answer.read(_MOST))
    except urllib.error.HTTPError as error:
        wait = str(error.headers.get("Retry-After") or "")
        code = _code(_read(error)) or f"http_{error.code}"
        raise TeamsFailed(code, error.code, int(wait) if wait.isdecimal() and len(wait) < 6 else 0) from None
    except (urllib.error.URLError, OSError, HTTPException, ValueError) as error:
        raise TeamsFailed(f"no_answer ({type(error).__name__})") from None


def _read(error: urllib.error.HTTPError) -> Mapping[str, Json]:
    try:
        return _object(error.read(_MOST))
    except (OSError, HTTPException):
        return {}


def _code(said: Mapping[str, Json]) -> str:
    """Teams' own word: `{"error": {"code": …}}` of the connector, `{"error": …}` of the token endpoint."""
    error = said.get("error")
    code = error.get("code") if isinstance(error, dict) else error
    return "".join(c for c in str(code or "")[:60] if c.isalnum() or c in "_-")


def _object(raw: bytes) -> Mapping[str, Json]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
