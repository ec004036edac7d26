"""A path as it is told: its steps as sentences in their order, what allows each, and what is not sure about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .paths import ASSUMED, PASSED, Need, Path
from .rights import Grant, shown

_SOME_ROLE = "a role"


class Escalation(NamedTuple):
    """One path that can be walked: its id, the steps as sentences in their order, whether a condition of some policy
    has to hold for it, why (what allows each step, and why it leads anywhere), and what of it is not known."""

    path: str
    steps: tuple[str, ...]
    conditional: bool
    reasons: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def is_sure(self) -> bool:
        return not (self.conditional or self.unknown)


class Way(NamedTuple):
    """The role that a path leads through: how sentences call it, the grant that reaches it, what follows, why, whether
    a condition has to hold for that, and what of it is not known."""

    role: str
    grant: Grant | None
    then: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    conditional: bool = False
    unknown: tuple[str, ...] = ()

    @property
    def is_sure(self) -> bool:
        return not (self.conditional or self.unknown) and (self.grant is None or self.grant.sure)


def surest(ways: Iterable[Way]) -> Way | None:
    """The first that is sure, else the first of which all is known, else the first; None where there is none."""
    kept: list[Way] = []
    for way in ways:
        if way.is_sure:
            return way
        kept.append(way)
    return min(kept, key=lambda way: bool(way.unknown), default=None)


def told(path: Path, used: Sequence[tuple[Need, str, Grant]], way: Way) -> Escalation:
    """A path with the action and the grant that were found for each of its needs, and the way that it takes."""
    others = iter(used)
    steps, reasons, sure = [], [path.reason], not way.conditional
    for need in path.needs:
        by_role = need.on in (PASSED, ASSUMED)
        _, action, grant = (need, need.any_of[0], way.grant) if by_role else next(others)
        does = need.does.replace("{role}", way.role)
        steps.append(f"{does[0].upper()}{does[1:]} ({action}).")
        if grant is not None:
            reasons.append(allowed(action, grant))
            sure = sure and grant.sure
    return Escalation(path.id, (*steps, *way.then), not sure, (*reasons, *way.why, *way.unknown), way.unknown)


def allowed(action: str, grant: Grant) -> str:
    """Which statement of which policy allows an action, and under what condition."""
    of = f" of {grant.policy[:120]}" if grant.policy else ""
    when = "" if grant.sure else f", {' and '.join(grant.if_so[:3])}"
    return f"{action} on {shown(grant.region)} is allowed by {grant.by.name}{of}{when}."


def role_text(grant: Grant) -> str:
    """How sentences call the roles that a grant reaches."""
    region = shown(grant.region)
    return _SOME_ROLE if region.endswith(":role/*") else region


def some_role(grant: Grant | None) -> str:
    """How sentences call one of the roles that a grant reaches, of which nothing is known."""
    region = shown(grant.region) if grant else ":role/*"
    return _SOME_ROLE if region.endswith((":role/*", "*:role/?*")) else f"a role such as {region}"
