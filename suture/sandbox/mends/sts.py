"""STS: a session knows when it began, which CloudTrail's `sessionContext.attributes.creationDate` shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.sts.models import AssumedRole

from .patching import around


def mend() -> None:
    @around(AssumedRole, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.since = datetime.now(UTC)
