"""The command `suture`. Nothing here imports AWS, Rich or a control before a command needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point: runs the command line of the process and ends it with a documented exit code."""
    _keep_no_core()
    try:
        from .app import cli

        cli.main(prog_name="suture")
    except KeyboardInterrupt:
        sys.exit(130)


def _keep_no_core() -> None:
    """A command that crashes leaves no image of its memory, which may hold values that it was looking at. One byte,
    not none: at that limit the kernel hands no core to a program either, where `core_pattern` names one (Linux,
    fs/coredump.c). What a command starts inherits it.
    """
    try:
        import resource
    except ImportError:  # no Unix, no core
        return
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    most = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
