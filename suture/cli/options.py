"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
root: Decorator = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=ROOT,
    metavar="DIR",
    help="The project's folder.  [default: the one this command was installed from]",
)
api_url: Decorator = click.option(
    "--api-url", envvar="SUTURE_API_URL", metavar="URL", help="The decision API's address.  [env: SUTURE_API_URL]"
)
region: Decorator = click.option(
    "--region", metavar="REGION", help="AWS region.  [default: AWS_REGION, or the profile's]"
)
profile: Decorator = click.option("--profile", metavar="NAME", help="AWS profile.  [default: AWS_PROFILE]")
reason: Decorator = click.option("--reason", default="", metavar="TEXT", help="Why, for the record.")
