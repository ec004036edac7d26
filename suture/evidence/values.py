"""What an expression may be in either language, as far as it matters for AWS calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything, besides what else is known: a name that has been given a value that cannot be followed."""


@dataclass(frozen=True, slots=True)
class Client:
    service: str
