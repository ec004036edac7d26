"""A small account with a played tenant of Teams in front of it, for each test: see teams_world.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tw(tmp_path: Path) -> Iterator[object]:
    from teams_world import teams_world

    with teams_world(tmp_path) as made:
        yield made
