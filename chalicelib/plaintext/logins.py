"""Logins written into addresses and commands: `scheme://user:password@host`, `curl -u`, `Authorization:`."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
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
    return next((login for _, login in places(text)), None)


def places(text: str) -> Iterator[tuple[int, Login]]:
    """Every such login with where it begins."""
    yield from _addresses(text)
    yield from _headers(text)
    yield from _commands(text)


def _addresses(text: str) -> Iterator[tuple[int, Login]]:
    if "://" not in text or "@" not in text:
        return
    for hit in _patterns()["address"].finditer(text):
        scheme, _, password = hit.groups()
        if not _named_by_convention(password) and not re.match(r"\d{1,5}(?:[/?#]|\Z)", password):
            yield hit.start(), Login("url-password", "likely", "an address holds a password", f"{scheme}://…")


def _headers(text: str) -> Iterator[tuple[int, Login]]:
    if "uthorization" not in text:
        return
    for hit in _patterns()["header"].finditer(text):
        scheme, credential = (hit.group(1) or "").lower(), hit.group(2)
        plain = _decoded(credential) if scheme == "basic" else credential
        empty = scheme == "basic" and not plain.strip(":")
        if not empty and len(credential) >= 8 and not is_placeholder(credential) and any(map(str.isalnum, credential)):
            yield (
                hit.start(),
                Login("authorization-header", "likely", "an Authorization header holds a credential", "…"),
            )


def _commands(text: str) -> Iterator[tuple[int, Login]]:
    if "curl" not in text:
        return
    for hit in _patterns()["command"].finditer(text):
        user, password = hit.group(1), hit.group(2)
        said = password or user
        if said and not said.startswith("$") and not _named_by_convention(said) and user != password:
            yield hit.start(), Login("command-login", "likely", "a command line holds a login", "…")


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
