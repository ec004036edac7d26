"""`suture secrets`: what is a secret in plain text, and how far each of them is led out."""

from __future__ import annotations

import click

from .secrets_check import check
from .secrets_status import status

EPILOG = """\b
Examples:
  suture secrets check variables.jsonl > judged.jsonl
  suture secrets check --package build.zip
  suture secrets check --function checkout --sarif > secrets.sarif
  suture secrets status C-1A2B3C4D5E"""


@click.group(epilog=EPILOG)
def secrets() -> None:
    """Find secrets that stand in plain text, lead them out, and never show one."""


secrets.add_command(check)
secrets.add_command(status)
