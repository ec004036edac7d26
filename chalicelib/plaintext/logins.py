"""Logins written into addresses and commands: `scheme://user:password@host`, `curl -u`, `Authorization:`."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import NamedTuple

from .values import is_placeholder


class Login(NamedTuple):
    kind: str
    confidence: str
    reason: str
    masked: str


def find(text: str) -> Login | None:
    """The first login with a password that is no placeholder; None when there is none."""
    return _address(text) or _header(text) or _command(text)


def _address(text: str) -> Login | None:
    if "://" not in text or "@" not in text:
        return None
    for hit in _patterns()["address"].finditer(text):
        scheme, _, password = hit.groups()
        if not _named_by_convention(password) and not re.match(r"\d{1,5}(?:[/?#]|\Z)", password):
            return Login("url-password", "likely", "an address holds a password", f"{scheme}://…")
    return None


def _header(text: str) -> Login | None:
    if "uthorization" not in text:
        return None
    for hit in _patterns()["header"].finditer(text):
        scheme, credential = (hit.group(1) or "").lower(), hit.group(2)
        plain = _decoded(credential) if scheme == "basic" else credential
        empty = scheme == "basic" and not plain.strip(":")
        if not empty and len(credential) >= 8 and not is_placeholder(credential) and any(map(str.isalnum, credential)):
            return Login("authorization-header", "likely", "an Authorization header holds a credential", "…")
    return None


def _command(text: str) -> Login | None:
    if "curl" not in text:
        return None
    for hit in _patterns()["command"].finditer(text):
        user, password = hit.group(1), hit.group(2)
        said = password or user
        if said and not said.startswith("$") and not _named_by_convention(said) and user != password:
            return Login("command-login", "likely", "a command line holds a login", "…")
    return None


def _named_by_convention(password: str) -> bool:
    return is_placeholder(password) or password.lower() in _CONVENTIONAL


_CONVENTIONAL = ("pass", "user", "guest", "username", "pw", "postgres", "admin", "root")


def _decoded(credential: str) -> str:
    try:
        return base64.b64decode(credential + "==", validate=False).decode("utf-8", "replace")
    except ValueError:
        return credential


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "address": re.compile(r"([a-z][a-z0-9+.-]{0,20})://([^\s/@:\"'<>?#]{0,128}):([^\s@\"'<>]{1,256})@", re.I),
        "header": re.compile(
            r"[Aa]uthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?\s{0,4}(?:(Basic|Bearer|Token|ApiKey|Digest)\s{1,4})?"
            r"([A-Za-z0-9_.~+/=:-]{8,4096})",
            re.I,
        ),
        "command": re.compile(r"\s(?:-u|--user)[ =]{0,4}[\"']?([^\s:\"']{0,128}):([^\s\"']{0,128})"),
    }
