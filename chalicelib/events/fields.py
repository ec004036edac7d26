"""Taking fields out of JSON that somebody else wrote: nothing here raises on an odd shape but `table` and `word`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..errors import BadEvent
from ..model import Json

LONGEST = 2048
"""No name, ARN or user agent that AWS records is longer; what is longer is cut or refused."""


def at(data: Json, path: str) -> Json:
    """The value at a dotted path of mappings, or None where any part of the path is missing."""
    for key in path.split("."):
        if not isinstance(data, Mapping):
            return None
        data = data.get(key)
    return data


def text(data: Json, path: str) -> str:
    """The string at a dotted path, cut at `LONGEST` characters; empty for anything that is not a string."""
    value = at(data, path)
    return value[:LONGEST] if isinstance(value, str) else ""


def first(data: Json, *paths: str) -> str:
    """The first non-empty string among some dotted paths, or empty."""
    return next((found for path in paths if (found := text(data, path))), "")


def truth(value: Json) -> bool:
    """A flag that AWS writes as a boolean or, in older events, as the word `"true"`."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def table(value: Json, name: str, where: str) -> Mapping[str, Json]:
    """`value` as a mapping: an empty one for null, BadEvent for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadEvent(f"{name} is {_kind(value)}, not an object", where=where, next_step=_LOOK)
    return value


def word(data: Json, path: str, where: str) -> str:
    """The string at a dotted path; empty when absent or null, BadEvent when it is of another type or too long."""
    value = at(data, path)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise BadEvent(f"{path} is {_kind(value)}, not a short string", where=where, next_step=_LOOK)
    return value


def decoded(text: str) -> Json:
    """JSON text as a value. Raises ValueError, for half of a surrogate pair too: JSON can write one, UTF-8 cannot, and
    no name in AWS has it; and RecursionError."""
    value = json.loads(text)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def parsed(value: Json, name: str, where: str) -> Mapping[str, Json]:
    """An object that may have been written as JSON text. BadEvent when it is neither."""
    if isinstance(value, str):
        try:
            value = decoded(value)
        except (ValueError, RecursionError) as error:
            raise BadEvent(f"{name} is not JSON ({type(error).__name__})", where=where, next_step=_LOOK) from None
    if value is None:
        raise BadEvent(f"{name} is missing", where=where, next_step=_LOOK)
    return table(value, name, where)


_LOOK = "compare it with the samples that docs/architecture.md names; if AWS sent it so, report it"


def _kind(value: Json) -> str:
    return f"a {type(value).__name__}"
