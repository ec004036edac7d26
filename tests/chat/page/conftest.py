"""Two accounts for the tests of the page: a fresh one a test, and one a module for what changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_world import PageWorld, page_world


@pytest.fixture
def pw(tmp_path: Path) -> Iterator[PageWorld]:
    with page_world(tmp_path) as made:
        yield made
