"""The last gate: what looks like a secret leaves through no door."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SutureError
from ..model import Json
from ..plaintext import contains_secret

JOINER = "\u2060"
"""What channels put into addresses, so that no program links them. Here it would hide an address with a password."""


class SecretInMessage(SutureError):
    """This would have left with something that looks like a secret."""


def refuse_secrets(body: Mapping[str, Json]) -> None:
    """Raise SecretInMessage when any text of `body` looks like a secret; it names the kind and never the text."""
    found = contains_secret("\n".join(_texts(body)).replace(JOINER, ""))
    if found:
        raise SecretInMessage(f"the message looks as if it held a secret: {found.kind}")


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [text for item in value for text in _texts(item)] if isinstance(value, list | tuple) else []
