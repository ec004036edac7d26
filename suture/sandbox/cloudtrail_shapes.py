"""From parsed API members to CloudTrail's casing: the first letter is lowered by shape, never of a map's keys."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from . import cloudtrail_tables as tables

_LEAVE = object()


def recorded(service: str, operation: str, shape: Any, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """The members of `value` (API names) as CloudTrail writes them for `service`, hidden what it hides."""
    if shape is None or not value:
        return {}
    names = tables.SPELLINGS.get(service, {})
    hide = _hider(f"{service}:{operation}")
    written = _written(shape, value, "", service, names, hide)
    return dict(written)


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def date_text(moment: datetime, comma: bool) -> str:
    """`Aug 1, 2024, 1:37:41 PM`, in UTC; without the second comma in the older form."""
    at = moment.astimezone(UTC) if moment.tzinfo else moment
    hour = at.hour % 12 or 12
    joint = ", " if comma else " "
    return f"{at:%b} {at.day}, {at.year}{joint}{hour}:{at:%M:%S %p}"


def _written(
    shape: Any, value: Any, path: str, service: str, names: Mapping[str, str], hide: Callable[[str], Any]
) -> Any:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for name, member in shape.members.items():
            if name not in value or value[name] is None:
                continue
            inner = f"{path}.{name}" if path else name
            shown = hide(inner)
            if shown is None:
                continue
            key = names.get(name) or lower_first(name)
            members[key] = shown if shown is not _LEAVE else _written(member, value[name], inner, service, names, hide)
        return members
    if shape.type_name == "list" and isinstance(value, list | tuple):
        return [_written(shape.member, item, f"{path}[]", service, names, hide) for item in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {k: _written(shape.value, v, f"{path}{{}}", service, names, hide) for k, v in value.items()}
    return _scalar(value, service)


def _scalar(value: Any, service: str) -> Any:
    if isinstance(value, datetime):
        return date_text(value, service not in tables.NO_COMMA)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(bytes(value)).decode()
    if hasattr(value, "read"):
        return tables.HIDDEN
    return value


def _hider(name: str) -> Callable[[str], Any]:
    """A function of a path: None = leave it out, a replacement, or _LEAVE."""
    omitted = {path.lower() for path in (*tables.OMITTED["*"], *tables.OMITTED.get(name, ()))}
    masked = {path.lower(): to for path, to in {**tables.MASKED["*"], **tables.MASKED.get(name, {})}.items()}

    def hide(path: str) -> Any:
        folded = path.lower()
        return None if folded in omitted else masked.get(folded, _LEAVE)

    return hide
