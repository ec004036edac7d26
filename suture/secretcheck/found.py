"""What a check found and what it could not read; nothing here holds a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.model import Json

_ORDER = {"certain": 0, "likely": 1, "possible": 2}


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in a file's line, or in a variable (`line` 0, `where` the function's version)."""

    where: str
    line: int
    name: str
    kind: str
    confidence: str
    reason: str
    masked: str

    def as_json(self) -> dict[str, Json]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Report:
    """All of one check: `unread` files with why, and how many files of dependencies were left out by choice."""

    found: list[Found] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    files: int = 0
    left_out: int = 0

    def add(self, other: Report) -> None:
        self.found += other.found
        self.unread |= other.unread
        self.files += other.files
        self.left_out += other.left_out

    def as_json(self) -> dict[str, Json]:
        return {
            "found": [f.as_json() for f in ordered(self.found)],
            "unread": [{"file": name, "why": why} for name, why in self.unread.items()],
            "files": self.files,
            "left_out": self.left_out,
        }


def ordered(found: Iterable[Found]) -> list[Found]:
    """The surest first, then by place."""
    return sorted(found, key=lambda f: (_ORDER[f.confidence], f.where, f.line, f.kind))
