"""Structured logs: one JSON object a line. Values are made safe and short; secrets never get here as `Hidden`."""

from __future__ import annotations

import json
import sys

from .redaction import safe_text


def log(level: str, message: str, **facts: object) -> None:
    """Write one line: `level` (info, warning, error), `message`, and the facts, text made safe."""
    line = {"level": level, "message": message, **{k: _plain(v) for k, v in facts.items() if v not in (None, "")}}
    sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value][:20]
    return safe_text(value, 500)
