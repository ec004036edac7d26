"""`suture secrets`: what leads a secret out of plain text, and where each of them stands."""

from __future__ import annotations

import click

from .secrets_status import status

EPILOG = """\b
Examples:
  suture secrets status C-1A2B3C4D5E
  suture secrets status C-1A2B3C4D5E --json"""


@click.group(epilog=EPILOG)
def secrets() -> None:
    """Lead secrets out of plain text, and never show one."""


secrets.add_command(status)
