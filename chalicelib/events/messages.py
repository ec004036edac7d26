"""Our own messages on the `changes` queue: `{"suture": "look", "changes": [Change as JSON, …]}`.

One that had to wait before says with `waits` how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import BadEvent
from ..model import Change, Json, Principal
from .fields import LONGEST, table

_TEXTS = ("account", "region", "resource_type", "resource_id", "action", "via", "time", "event_id")
_NEEDED = _TEXTS[:6]
_FLAGS = ("created", "deleted", "replayed")


def look_message(changes: Iterable[Change], waits: int = 0) -> dict[str, Json]:
    """The message that asks `watch` to look at some places again; `waits` counts how often it had to wait."""
    message: dict[str, Json] = {"suture": "look", "changes": [change_as_json(c) for c in changes]}
    return {**message, "waits": waits} if waits else message


def change_as_json(change: Change) -> dict[str, Json]:
    """A change as JSON; `change_from_json` gives the same change back."""
    plain: dict[str, Json] = {name: getattr(change, name) for name in (*_TEXTS, *_FLAGS)}
    who = change.principal
    return {**plain, "principal": who and {name: getattr(who, name) for name in Principal.__slots__}}


def change_from_json(data: Json, where: str = "message of ours") -> Change:
    """The change that `change_as_json` wrote. Keys that it does not know are passed over. Raises BadEvent."""
    fields = _known(data, (*_TEXTS, *_FLAGS), where)
    missing = [name for name in _NEEDED if not fields.get(name)]
    if missing:
        raise BadEvent(f"a change without {', '.join(missing)}", where=where, next_step=_SENDER)
    who = table(data, "change", where).get("principal")
    principal = None if who is None else Principal(**_known(who, Principal.__slots__, where))
    return Change(**fields, principal=principal)


def _known(data: Json, names: Iterable[str], where: str) -> dict[str, Json]:
    given = table(data, "change", where)
    known = {name: given[name] for name in names if given.get(name) is not None}
    for name, value in known.items():
        wanted = bool if name in _FLAGS else str
        if not isinstance(value, wanted) or (isinstance(value, str) and len(value) > LONGEST):
            raise BadEvent(f"{name} is not a short {wanted.__name__}", where=where, next_step=_SENDER)
    return known


def changes_of(message: Mapping[str, Json], where: str) -> tuple[Change, ...]:
    """The changes that one message of ours names. Raises BadEvent."""
    if message.get("suture") != "look":
        raise BadEvent("a message of ours that asks for no look", where=where, next_step=_SENDER)
    changes = message.get("changes")
    if not isinstance(changes, list):
        raise BadEvent("changes is not a list", where=where, next_step=_SENDER)
    return tuple(change_from_json(c, where) for c in changes)


_SENDER = "look for who may send to the changes queue: only our functions and EventBridge should"
