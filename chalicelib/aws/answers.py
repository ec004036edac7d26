"""What readers make of AWS's answers: plain JSON, with policy documents as objects."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date

from ..model import Json

UNPARSED = "Unparsed"
"""The only key of a document that could not be read. No policy has it, so parsing it always fails aloud."""


def plain(value: Json) -> Json:
    """`value` with dates as ISO strings, at any depth; mappings and sequences become dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def document(value: Json) -> dict[str, Json]:
    """A policy document as an object, whether AWS gave JSON text or botocore has decoded it already.

    What is no JSON object stays as `{"Unparsed": text}`: a policy that nobody can read must not look empty. Python
    would read NaN and 1e999 too, and no digest can be taken of those.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=_number, parse_constant=_number)
        except (ValueError, RecursionError):
            return {UNPARSED: value}
    return plain(value) if isinstance(value, Mapping) else {UNPARSED: json.dumps(plain(value))}


def _number(text: str) -> float:
    """A number that JSON can hold. Raises ValueError."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text[:20]} is no JSON")
    return found
