"""`suture secrets`: what is a secret in plain text, and where it stands."""

from __future__ import annotations

import click

from .secrets_check import check

EPILOG = """\b
Examples:
  suture secrets check variables.jsonl > judged.jsonl
  suture secrets check --package build.zip
  suture secrets check --function checkout --sarif > secrets.sarif"""


@click.group(epilog=EPILOG)
def secrets() -> None:
    """Find secrets that stand in plain text, and never show one."""


secrets.add_command(check)
