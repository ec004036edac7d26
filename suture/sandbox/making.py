"""Where the makers of resources work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """Where resources are made. `client(service)` gives a boto3 client of the deploying principal; `code` is the
    package's zip; `stack` the stack's name."""

    account: str
    region: str
    stack: str
    code: bytes
    client: Callable[[str], Any]
    notes: list[str] = field(default_factory=list)

    def name(self, logical: str) -> str:
        """The physical name of a resource that its template leaves unnamed."""
        return f"{self.stack}-{logical}"

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        return f"arn:aws:{service}:{self.region if region else ''}:{self.account if account else ''}:{resource}"
