"""The kill switches in the table: one partition, so that one strongly consistent read tells of all of them."""

from __future__ import annotations

from ..pausing import KINDS, Pause, Scope
from .table import Item, Table, unbody

PARTITION, _SK = "SWITCH#global", "PAUSE"


def sort_key(scope: Scope) -> str:
    return f"{_SK}#{scope.kind}#{scope.name}" if scope.kind else _SK


def pauses(table: Table) -> tuple[Pause, ...]:
    """Every switch that is off, by one read that sees the last write. Raises a CallFailed: whoever cannot read it
    may not write."""
    return tuple(_pause(item) for item in table.query(PARTITION, _SK) if item.get("paused"))


def _pause(item: Item) -> Pause:
    """A switch that is off, whatever else its item says: one for what nobody knows stops everything."""
    try:
        said = unbody(item)
    except (KeyError, ValueError):
        said = {}
    _, kind, name = (*str(item["sk"]).split("#", 2), "", "")[:3]
    scope = Scope(kind, name) if kind in KINDS else Scope()
    facts = {fact: str(said.get(fact, "")) for fact in ("by", "at", "reason")}
    return Pause(scope, **facts, resume=tuple(map(str, said.get("resume", ()))))
