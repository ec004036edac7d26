"""What `make demo` runs, in a process of its own: the whole story ends in the state that it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from foreign import ROOT

pytestmark = pytest.mark.sandbox


def test_the_story_is_played_to_its_end_and_proved() -> None:
    command = [sys.executable, "-c", "from suture.cli import main; main()", "demo", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    played = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert played.returncode == 0, played.stderr[-2000:]
    told = json.loads(played.stdout)
    assert told["differences"] == []
    states = {case["state"] for case in told["cases"]}
    assert states == {"RESOLVED", "UNDONE", "REJECTED", "ESCALATED", "WAITING_OWNER"}
