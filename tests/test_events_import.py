"""What every cold start pays for: importing the modules that read events and find secrets is next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

PROBE = """
import base64, dataclasses, gzip, hashlib, hmac, json, re, sys, typing
import chalicelib.model, chalicelib.errors
def refuse(*_, **__):
    raise AssertionError("a regex is compiled at import")
before, re.compile = set(sys.modules), refuse
import chalicelib.events, chalicelib.plaintext, chalicelib.redaction, chalicelib.ownership
print(*(m for m in set(sys.modules) - before if not m.startswith("chalicelib")))
"""


def test_importing_compiles_no_regex_and_loads_nothing_else() -> None:
    command = [sys.executable, "-c", PROBE]
    foreign = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=True).stdout.split()
    assert set(foreign) <= {"binascii", "math", "zlib"}
