"""Is this a secret in plain sight? Names and values judged together, and nothing of the value given away.

The order is the design: ordinary shapes are never looked at; then token formats, logins inside addresses and
commands, what a document (JSON, base64, `key=value`) holds, looked into once; last the name: a telling name
makes any value a secret that is no placeholder, a hinting one only a value that looks random.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from . import documents, formats, logins, values
from .names import ABOUT, HINT, NEUTRAL, PASSWORD, SECRET, name_class, words_of

LONGEST = 1 << 20
"""Characters of a value that are looked at; Lambda allows 4 KB for all variables, SSM 8 KB for one parameter."""


class Secret(NamedTuple):
    """Why a value counts as a secret. `masked` is at most a public prefix (`ghp_…`): never enough to guess.

    `confidence` is `certain`, `likely` or `possible`.
    """

    kind: str
    confidence: str
    reason: str
    masked: str


def secret_in(name: str, value: str, *, strict: bool = False) -> Secret | None:
    """What secret a named value holds, or None. Linear in the value's length; never raises, never shows it.

    `strict` is for code, where ordinary words stand beside telling names: there a word alone is no password.
    """
    text = value[:LONGEST].replace("\0", "")
    found = _flat(name, text)
    if found or not documents.may_hold(text):
        return found or _by_name(name, text, strict=strict)
    for inner_name, inner, holder in documents.leaves(text):
        inside = _flat(inner_name or name, inner) or (_by_name(inner_name, inner, strict=holder == "text"))
        if inside:
            return inside._replace(reason=f"inside {_HOLDERS[holder]}: {inside.reason}")
    return _by_name(name, text, strict=strict)


def secrets_by_form(text: str) -> Iterator[tuple[int, Secret]]:
    """Every token, key and login in a text, whatever stands around it, with where it begins."""
    yield from ((at, _of_token(token)) for at, token in formats.places(text))
    yield from ((at, Secret(*login)) for at, login in logins.places(text))


def contains_secret(text: str) -> Secret | None:
    """The last gate before text leaves: a token, a key or a login anywhere in it, whatever stands around it.

    Judges by form alone, so that ordinary words never stop a message.
    """
    return _by_form(text.replace("\0", "")) if text else None


_HOLDERS = {"json": "JSON", "base64": "base64", "settings": "a list of settings", "text": "a text"}


def _flat(name: str, text: str) -> Secret | None:
    return None if values.is_ordinary(text) else _by_form(text) or _aws_secret_key(name, text) or _header(name, text)


def _by_form(text: str) -> Secret | None:
    token = formats.find(text)
    if token:
        return _of_token(token)
    login = logins.find(text)
    return Secret(*login) if login else None


def _of_token(token: formats.Match) -> Secret:
    article = "an" if token.kind.startswith(("a", "e", "i", "o")) else "a"
    return Secret(token.kind, token.confidence, f"it has the form of {article} {token.kind}", f"{token.prefix}…")


def _aws_secret_key(name: str, text: str) -> Secret | None:
    words = set(words_of(name))
    named = "aws" in words or {"secret", "access", "key"} <= words or "secretaccesskey" in "".join(words_of(name))
    if named and name_class(name) in (SECRET, HINT) and values.is_key_of_forty(text.strip()):
        return Secret("aws-secret-access-key", "certain", "its name and its form are of an AWS secret access key", "…")
    return None


def _header(name: str, text: str) -> Secret | None:
    """What a field called Authorization holds: the header's name stands in the field, and not in its text."""
    if not text[:7].lower().startswith(("bearer ", "basic ")) or words_of(name)[-1:] != ("authorization",):
        return None
    login = logins.find(f"Authorization: {text}")
    return Secret(*login) if login else None


def _by_name(name: str, text: str, *, strict: bool = False) -> Secret | None:
    kind = name_class(name)
    short = text.strip().strip("\"'")
    if kind in (NEUTRAL, ABOUT) or len(short) > 4096 or "://" in short or values.is_placeholder(short, name):
        return None
    if values.is_ordinary(short) and not (kind == PASSWORD and short.isdecimal() and len(short) >= 6):
        return None
    if kind == PASSWORD:
        return _password(short, strict)
    if "\n" in short or " " in short or values.is_listed(short):
        return None
    if kind == HINT:
        random = values.looks_random(short) and not strict
        return Secret("secret", "possible", "a hinting name and a random value", "…") if random else None
    if values.looks_random(short) or values.looks_made(short):
        return Secret("secret", "likely", f"a telling name and {_A_RANDOM}", "…")
    if len(short) >= 8 and short.isalnum() and not strict:
        return Secret("secret", "possible", f"a telling name and {_NO_PLACEHOLDER}", "…")
    return None


def _password(short: str, strict: bool) -> Secret | None:
    if len(short) > 128 or "\n" in short or values.is_listed(short, of_secrets=True):
        return None
    if strict and not values.looks_made(short):
        return None
    why = _A_RANDOM if values.looks_random(short) else _NO_PLACEHOLDER
    return Secret("password", "likely", f"a telling name and {why}", "…")


_A_RANDOM, _NO_PLACEHOLDER = "a random value", "a value that is no placeholder"
