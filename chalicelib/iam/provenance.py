"""Where a statement of a proposal comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .documents import Statement
from .evidence import Observed

_SHOWN = 3


class Reason(NamedTuple):
    """Why something stays. `kind` is seen (then `seen` holds the observations), kept or deny; `about` are actions."""

    kind: str
    seen: tuple[Observed, ...]
    text: str
    about: str = ""

    def __str__(self) -> str:
        about = f"{self.about}: " if self.about else ""
        if self.kind == "kept":
            return f"{about}kept: could not be known because {self.text}"
        if self.kind == "deny":
            return f"kept: {self.text}"
        shown = "; ".join(str(o) for o in self.seen[:_SHOWN])
        more = f"; and {len(self.seen) - _SHOWN} more" if len(self.seen) > _SHOWN else ""
        return f"{about}{self.text} ({shown}{more})"


class Justified(NamedTuple):
    """One statement of the proposal as JSON values, the old statement that it is of, and why it is there."""

    statement: Mapping[str, Any]
    of: str
    reasons: tuple[Reason, ...]


class Dropped(NamedTuple):
    """An old allowance that goes: of which policy and statement, what, and how it is known that nobody needs it."""

    policy: str
    statement: str
    what: str
    why: str


class Piece(NamedTuple):
    """One old statement (`raw` as it was written) and what becomes of it. `number` is its policy's place."""

    number: int
    statement: Statement
    raw: Mapping[str, Any]
    made: tuple[Justified, ...]
    dropped: tuple[Dropped, ...]
    policy: str
