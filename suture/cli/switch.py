"""`suture pause` and `suture resume`: the kill switches, which every writer reads before every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from chalicelib.model import Json

from . import options, output
from .cases import connect
from .failures import WrongUsage

_PAUSE = """\b
Examples:
  suture pause --reason "fixes break the checkout"
  suture pause --control lambda-url-public --reason "the shop's URLs are public by design"

\b
Exit codes: 0 done, 1 refused (and why), 2 wrong usage, 3 the decision API does not answer."""
_RESUME = """\b
Examples:
  suture resume --reason "the runbook is corrected"
  suture resume --control lambda-url-public --reason "accepted instead"

Each switch is resumed by itself: what is paused as a whole and by account stays paused until both are resumed.

\b
Exit codes: 0 done, 1 refused (and why), 2 wrong usage, 3 the decision API does not answer."""


def _scoped(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name what is paused or resumed: everything where none is given."""
    for kind, what in (("runbook", "what this runbook, in any version, does"), ("control", "fixes for this control")):
        command = click.option(f"--{kind}", default="", metavar="ID", help=f"Only {what}.")(command)
    return click.option("--account", default="", metavar="ID", help="Only writes in this account.")(command)


@click.command(epilog=_PAUSE)
@_scoped
@options.reason
@options.api_url
@options.region
@options.profile
@options.as_json
def pause(
    reason: str, api_url: str | None, region: str | None, profile: str | None, as_json: bool, **scope: str
) -> None:
    """Stop writes, all of them or some, at once, in the middle of a fix if need be. Detection goes on."""
    answer = connect(api_url, region, profile).pause(reason, _one(scope))
    _tell(answer, "paused: nothing of it is written until two people resume", as_json)


@click.command(epilog=_RESUME)
@_scoped
@options.reason
@options.api_url
@options.region
@options.profile
@options.as_json
def resume(
    reason: str, api_url: str | None, region: str | None, profile: str | None, as_json: bool, **scope: str
) -> None:
    """Give your word that writing may go on; it does when two people have given theirs."""
    _tell(connect(api_url, region, profile).resume(reason, _one(scope)), "your word is noted", as_json)


def _one(scope: Mapping[str, str]) -> Mapping[str, str]:
    """The one thing that is named, or nothing. Raises WrongUsage for several."""
    named = {kind: name for kind, name in scope.items() if name}
    if len(named) > 1:
        flags = " and ".join(f"--{kind}" for kind in named)
        raise WrongUsage(f"{flags} are two switches", where="pause", next_step="turn each by a command of its own")
    return named


def _tell(answer: Mapping[str, Json], otherwise: str, as_json: bool) -> None:
    if as_json:
        output.print_json(answer)
        return
    reasons = answer.get("reasons")
    lines = [str(r) for r in reasons] if isinstance(reasons, list) and reasons else [otherwise]
    output.show([output.text(line, limit=1000) for line in lines])
