"""The command `suture`. Nothing here imports AWS, Rich or a control before a command needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point: runs the command line of the process and ends it with a documented exit code."""
    try:
        from .app import cli

        cli.main(prog_name="suture")
    except KeyboardInterrupt:
        sys.exit(130)
