"""What IAM's own report says that a role used, and what it did not use. Pure.

Sources: the IAM API reference, GetServiceLastAccessedDetails; the IAM User Guide, "Refine permissions using last
accessed information". Service data includes every attempt, refused ones too; actions are tracked for some services
only, and then only management actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .evidence import LAST_ACCESSED, Observed


class LastAccessed(NamedTuple):
    """`idle`: services without an attempt since then, with the date of the one before; `busy`: the others.

    `idle_actions`: actions that AWS tracks and that were not attempted since then. `observed`: actions that were.
    """

    observed: tuple[Observed, ...]
    idle: Mapping[str, str]
    busy: frozenset[str]
    idle_actions: frozenset[str]


def understood(services: Iterable[Mapping[str, Any]], since: str) -> LastAccessed:
    """A report's `ServicesLastAccessed`, with times as ISO text, for the time from the ISO date `since` on."""
    idle: dict[str, str] = {}
    busy: set[str] = set()
    seen: list[Observed] = []
    idle_actions: set[str] = set()
    for service in services:
        name, last = str(service["ServiceNamespace"]), str(service.get("LastAuthenticated") or "")
        if last[:10] >= since[:10]:
            busy.add(name)
        else:
            idle[name] = last
        for tracked in service.get("TrackedActionsLastAccessed") or ():
            action, when = f"{name}:{tracked['ActionName']}", str(tracked.get("LastAccessedTime") or "")
            if when[:10] >= since[:10]:
                place = f"in {tracked.get('LastAccessedRegion') or 'an unknown region'}"
                seen.append(Observed(action, "", LAST_ACCESSED, when, when, place))
            else:
                idle_actions.add(action)
    return LastAccessed(tuple(seen), idle, frozenset(busy), frozenset(idle_actions))
