"""`suture replay`: what Suture would look at for recorded events."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import failures, options, output

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.model import Change, Json
    from suture.replay import Replayed, Totals

EPILOG = """\b
Examples:
  suture replay cloudtrail.json.gz events.jsonl
  suture replay AWSLogs/123456789012/CloudTrail/
  aws cloudtrail lookup-events | suture replay - --json

\b
Exit codes: 0 every record was read, 2 some could not be (and why)."""

_STYLES = {"look": "bold", "ignored": "dim", "failed": "red"}


@click.command(epilog=EPILOG)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, allow_dash=True, path_type=Path)
)
@options.as_json
@click.pass_context
def replay(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Say for each recorded event what Suture would look at, and which controls that concerns.

    Reads CloudTrail records and log files, EventBridge envelopes, Config items and findings, as JSON, JSON lines or
    gzip of either; a folder means all files in it, and - standard input. Calls nothing and changes nothing.
    """
    from suture.replay import Totals

    totals, shown = Totals(), []
    for result in _results(files):
        totals = totals.plus(result)
        if as_json:
            shown.append(_as_json(result))
        else:
            output.show([_line(result)])
    if as_json:
        output.print_json({"records": shown, "totals": _totals(totals)})
    else:
        said = ", ".join(f"{count} {name}" for name, count in _totals(totals).items())
        output.show([output.text(said, "bold")])
    ctx.exit(failures.INCOMPLETE if totals.failed else failures.OK)


def _results(files: Iterable[Path]) -> Iterator[Replayed]:
    from suture.replay import replay as replayed
    from suture.replay import replay_stream

    for path in files:
        if str(path) == "-":
            raw: Any = sys.stdin.buffer
            buffered: Any = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)
            yield from replay_stream(buffered, "standard input")
        elif path.is_dir():
            yield from replayed(sorted(p for p in path.rglob("*") if p.is_file()))
        else:
            yield from replayed([path])


def _line(result: Replayed) -> Text:
    from rich.text import Text

    head = Text.assemble(
        output.text(result.status, _STYLES.get(result.status, "")),
        " " * (9 - len(result.status)),
        output.text(result.where, "dim"),
        "  ",
    )
    if result.status != "look":
        return head + output.text(result.reason, _STYLES.get(result.status, ""))
    seen = dict.fromkeys(f"{c.action} {c.resource_type} {c.resource_id} in {c.region}" for c in result.changes)
    return head + output.text(f"{'; '.join(seen)}: {', '.join(result.controls) or 'no control'}", limit=1000)


def _as_json(result: Replayed) -> dict[str, Json]:
    names = ("file", "place", "status", "event", "reason")
    plain = {name: getattr(result, name) for name in names}
    return {**plain, "controls": list(result.controls), "looks_at": [_change(c) for c in result.changes]}


def _change(change: Change) -> dict[str, Json]:
    names = ("account", "region", "resource_type", "resource_id", "action", "via", "time", "created", "deleted")
    return {**{n: getattr(change, n) for n in names}, "by": change.principal.name if change.principal else None}


def _totals(totals: Totals) -> dict[str, int]:
    return {"read": totals.read, "look": totals.looked, "ignored": totals.ignored, "failed": totals.failed}
