"""`suture redrive`: what is in the dead-letter queues, why, and each of it again or gone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from . import failures, options, output
from .failures import WrongUsage

if TYPE_CHECKING:
    from suture.redrive import Desk, Letter

EPILOG = """\b
Examples:
  suture redrive --dry-run                         what waits, and why
  suture redrive                                   decide about each, on a terminal
  suture redrive --dlq remediate-dlq --all         all of one queue again
  suture redrive --id 0b2c… --drop                 one of them gone for good

A message is sent to its own queue first, and deleted here afterwards. What was dropped is printed with its SHA-256, and
is nowhere else. Only `changes-dlq` and `failed-invocations` may be dropped without a second thought: the sweep finds
again what they were about.

\b
Exit codes: 0 nothing is left there, 1 something is, or a queue is missing, 2 wrong usage, 3 AWS does not answer."""

_CHOICES = {"a": "again", "d": "drop", "l": "leave", "q": "quit"}


@click.command(epilog=EPILOG)
@click.option("--dlq", default="", metavar="NAME", help="Only this dead-letter queue, such as remediate-dlq.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this message; may be given again.")
@click.option("--all", "is_all", is_flag=True, help="Every message, without asking.")
@click.option("--drop", "is_drop", is_flag=True, help="Delete instead of sending again.")
@click.option("--dry-run", is_flag=True, help="Only show them.")
@click.option("--stage", default="prod", show_default=True, metavar="NAME", help="The deployment's stage.")
@click.option(
    "--table",
    envvar="SUTURE_TABLE",
    default="",
    metavar="NAME",
    help="The table of cases, which says why: the stack's output TableName.  [env: SUTURE_TABLE]",
)
@options.region
@options.profile
@options.as_json
@click.pass_context
def redrive(
    ctx: click.Context,
    dlq: str,
    ids: tuple[str, ...],
    is_all: bool,
    is_drop: bool,
    dry_run: bool,
    stage: str,
    table: str,
    region: str | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Show what failed three times, with the reason, and send it again or drop it.

    Mend first what made it fail: a message that fails three more times comes back here.
    """
    _check(dlq, ids, is_all, dry_run, as_json)
    done = {"dry": dry_run, "again": not is_drop and bool(ids or is_all), "drop": is_drop}
    how = next((name for name, wanted in done.items() if wanted), "ask")
    desk, told, left = _desk(stage, table, region, profile), [], 0
    for letter, deed in _dealt(desk, dlq, ids, how):
        left += deed == "leave"
        told.append({**letter.as_json, "done": deed})
        if not as_json and how != "ask":
            _tell(letter, deed)
    missing = [id_ for id_ in ids if id_ not in {t["id"] for t in told}]
    if as_json:
        output.print_json({"messages": told, "left": left, "not_found": missing})
    else:
        for id_ in missing:
            output.show([output.text(f"no message {id_} is there just now", "yellow")])
        output.show([output.text(f"{len(told)} looked at, {left} left", "bold")])
    ctx.exit(failures.FOUND if left or missing else failures.OK)


def _check(dlq: str, ids: tuple[str, ...], is_all: bool, dry_run: bool, as_json: bool) -> None:
    from suture.redrive import SOURCES

    if dlq and dlq not in SOURCES:
        raise WrongUsage(
            f"{dlq!r} is no dead-letter queue", where="--dlq", next_step=f"use one of {', '.join(SOURCES)}"
        )
    if ids and is_all:
        raise WrongUsage("--id and --all contradict each other", where="redrive", next_step="give one of them")
    if not (ids or is_all or dry_run) and (as_json or not sys.stdin.isatty()):
        step = "say which by --id or --all, or look by --dry-run; on a terminal it asks"
        raise WrongUsage("it is not said what to do", where="redrive", next_step=step)


def _desk(stage: str, table: str, region: str | None, profile: str | None) -> Desk:
    from chalicelib.aws.clients import Clients
    from chalicelib.aws.table import Table
    from suture.redrive import Desk

    from .account import session

    made = session(region, profile)
    cases = Table(Clients("", made.region_name, made), table) if table else None
    return Desk(made.client("sqs"), cases, stage)


def _dealt(desk: Desk, dlq: str, ids: tuple[str, ...], how: str) -> Iterator[tuple[Letter, str]]:
    """Each message that was asked for, with what became of it: `again`, `drop` or `leave`.

    Whatever is left, also when somebody interrupts, is shown to others again.
    """
    from suture.redrive import SOURCES

    open_: dict[str, Letter] = {}
    try:
        for name in (dlq,) if dlq else SOURCES:
            for letter in desk.letters(name):
                open_[letter.id] = letter
                if ids and letter.id not in ids:
                    continue
                deed = "leave" if how == "dry" else _asked(letter) if how == "ask" else how
                if deed == "quit":
                    return
                if deed == "again" and not SOURCES[name]:
                    deed = "leave"
                if deed != "leave":
                    {"again": desk.again, "drop": desk.drop}[deed](letter)
                    del open_[letter.id]
                yield letter, deed
    finally:
        for letter in open_.values():
            desk.leave(letter)


def _asked(letter: Letter) -> str:
    """What somebody at the terminal wants to become of one message."""
    from suture.redrive import SOURCES

    _tell(letter, "")
    able = "adlq" if SOURCES[letter.dlq] else "dlq"
    question = ", ".join(f"[{key}]{_CHOICES[key][1:]}" for key in able)
    return _CHOICES[click.prompt(question, type=click.Choice(list(able)), show_choices=False, default="l")]


def _tell(letter: Letter, deed: str) -> None:
    at = datetime.fromtimestamp(letter.sent, UTC)
    days, rest = divmod(int((datetime.now(UTC) - at).total_seconds()), 86_400)
    age = f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"
    words = {"again": "sent again", "drop": f"dropped, sha256:{letter.sha256}", "leave": "left there", "": ""}
    output.show(
        [
            output.text(f"{letter.dlq} {letter.id}", "bold"),
            output.text(f"  {letter.what}"),
            output.text(f"  why: {letter.why}", limit=700),
            output.text(f"  first sent {at:%Y-%m-%d %H:%M:%SZ} ({age} ago), received {letter.received} times"),
            *([output.text(f"  {words[deed]}", "yellow" if deed == "leave" else "green")] if deed else []),
        ]
    )
