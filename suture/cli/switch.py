"""`suture pause` and `suture resume`: the kill switch, which every writer reads before every call."""

from __future__ import annotations

from collections.abc import Mapping

import click

from chalicelib.model import Json

from . import options, output
from .cases import connect


@click.command(epilog='\b\nExample:\n  suture pause --reason "fixes break the checkout"')
@options.reason
@options.api_url
@options.region
@options.profile
@options.as_json
def pause(reason: str, api_url: str | None, region: str | None, profile: str | None, as_json: bool) -> None:
    """Stop all writes, at once, in the middle of a fix if need be. Detection goes on."""
    _tell(
        connect(api_url, region, profile).pause(reason), "paused: nothing is written until two people resume", as_json
    )


@click.command(epilog='\b\nExample:\n  suture resume --reason "the runbook is corrected"')
@options.reason
@options.api_url
@options.region
@options.profile
@options.as_json
def resume(reason: str, api_url: str | None, region: str | None, profile: str | None, as_json: bool) -> None:
    """Give your word that writing may go on; it does when two people have given theirs."""
    _tell(connect(api_url, region, profile).resume(reason), "your word is noted", as_json)


def _tell(answer: Mapping[str, Json], otherwise: str, as_json: bool) -> None:
    if as_json:
        output.print_json(answer)
        return
    reasons = answer.get("reasons")
    lines = [str(r) for r in reasons] if isinstance(reasons, list) and reasons else [otherwise]
    output.show([output.text(line, limit=1000) for line in lines])
