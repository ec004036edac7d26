"""Where the lines go that functions print, and that the sandbox says itself."""

from __future__ import annotations

import sys
import threading

_writing = threading.Lock()


def nowhere(function: str, line: str) -> None:
    """Forget it."""


def to_stderr(function: str, line: str) -> None:
    """One line that a function printed, or that the sandbox says itself."""
    with _writing:
        sys.stderr.write(f"{function:<17} {line}\n")
        sys.stderr.flush()
