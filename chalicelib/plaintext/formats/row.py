"""What a row of the token tables is, and the checks that rows share."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

Check = Callable[[str], str]
"""Looks at a whole token and answers with a confidence, or with nothing when it is none."""

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


class Format(NamedTuple):
    """One form that tokens of a kind have.

    `mark` is a literal that must occur: the cheap test before any regex. `prefix` is what may be shown of a token; it
    and `body` are regex sources, every repetition bounded or inside the run that the boundary before it opens, so
    that matching stays linear. `good` must be caught and `bad` must not: examples as recipes (tests/recipes.py),
    which tests/test_plaintext_formats.py plays.
    """

    kind: str
    mark: str
    prefix: str
    body: str
    good: str
    bad: str
    confidence: str = "certain"
    check: Check | None = None


def crc_base62(token: str) -> str:
    """GitHub and npm end a token with the CRC-32 of its random part, six base-62 digits (github.blog, 2021)."""
    random, given = token.rsplit("_", 1)[1][:-6], token[-6:]
    number, digits = zlib.crc32(random.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + digits
    return "certain" if digits.rjust(6, "0") == given else "likely"


def has_digits(token: str) -> str:
    return "certain" if sum(c.isdigit() for c in token) >= 3 else ""


def well_mixed(token: str) -> str:
    """For forms that an ordinary dotted name could have: generators mix digits and both cases, names seldom do."""
    mixture = (sum(c.isdigit() for c in token) >= 4, any(map(str.isupper, token)), any(map(str.islower, token)))
    return "likely" if all(mixture) else ""


def a_jwt(token: str) -> str:
    """A JSON Web Token carries its claims, and is as good as a password while it lives."""
    return "likely" if len(token) >= 40 else ""
