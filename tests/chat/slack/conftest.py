"""A small account with a played Slack in front of it, for each test: see slack_world.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def sw(tmp_path: Path) -> Iterator[object]:
    from slack_world import slack_world

    with slack_world(tmp_path) as made:
        yield made
