"""Recipes: how the token tables write their examples, so that no token stands in the project in plain form.

Text is itself, and `<…>` is made: `<w36>` thirty-six letters and digits, the same ones each time (classes below),
`<x*20>` one character twenty times, `<crc>` thirty characters and their checksum as GitHub and npm add it, `<uuid>`,
`<jwt>` (`<jwt64>` again in base64, `<jwthead>` its first part), `<sp>`, `<nl>`, `<lt>`; `<>` is nothing, and parts
what must not stand together. A space begins the next example.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import zlib

WORD, HEX = string.ascii_letters + string.digits, "0123456789abcdef"
CLASSES = {
    "w": WORD,
    "h": HEX,
    "H": HEX.upper(),
    "l": string.ascii_lowercase + string.digits,
    "u": string.ascii_uppercase + string.digits,
    "a": string.ascii_letters,
    "d": string.digits,
    "b": string.ascii_uppercase + "234567",
    "B": string.ascii_lowercase + "234567",
    "p": WORD + "+/",
}
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PART = re.compile(r"<(?:(\w)\*(\d+)|([whHludabBp])(\d+)|(crc|uuid|jwt64|jwthead|jwt|sp|nl|lt|))>")


def examples(recipes: str) -> list[str]:
    """Every example of a row's column."""
    return [expand(recipe) for recipe in recipes.split()]


def expand(recipe: str) -> str:
    return _PART.sub(_made, recipe)


def mixed(size: int, alphabet: str = WORD) -> str:
    """Random-looking characters, always the same for one size and alphabet; the first is a letter or a digit."""
    return "".join(random.Random(f"{size}{alphabet}").choices(alphabet, k=size))


def summed(prefix: str) -> str:
    """A token that ends as GitHub's and npm's do: thirty characters and their CRC-32 in base 62."""
    body, number, digits = mixed(30), zlib.crc32(mixed(30).encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def jwt(claims: dict[str, object] | None = None) -> str:
    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part(claims or {'sub': '1234567890', 'name': 'Ann Example'})}.{mixed(43)}"


def _made(part: re.Match[str]) -> str:
    one, times, class_, size, name = part.groups()
    if one:
        return one * int(times)
    if class_:
        return mixed(int(size), CLASSES[class_])
    return _NAMED[name]


_NAMED = {
    "": "",
    "sp": " ",
    "nl": "\n",
    "lt": "<",
    "crc": summed(""),
    "uuid": "-".join(mixed(n, HEX) for n in (8, 4, 4, 4, 12)),
    "jwt": jwt(),
    "jwthead": jwt().split(".")[0],
    "jwt64": base64.b64encode(jwt().encode()).decode(),
}
