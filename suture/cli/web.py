"""`suture web`: the page on this machine."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from suture.web.desk import Chair, Desk

EPILOG = """\b
Examples:
  suture web
  suture web --ready-file ready.json
  suture web --table suture-prod-CaseTable-1A2B --api-url https://abc.execute-api.eu-west-1.amazonaws.com/api

The table is read with your AWS credentials. Each decision goes to the decision API, signed with them, and is
judged there. With the ready file of a sandbox you choose which of its people you are."""


@click.command(epilog=EPILOG)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port.  [default: a free one]")
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What `suture sandbox --ready-file` wrote.",
)
@click.option("--table", envvar="SUTURE_TABLE", metavar="NAME", help="The case table.  [env: SUTURE_TABLE]")
@options.api_url
@options.region
@options.profile
@options.root
def web(
    port: int,
    ready_file: Path | None,
    table: str | None,
    api_url: str | None,
    region: str | None,
    profile: str | None,
    root: Path,
) -> None:
    """Serve the page of a deployment on this machine: cases, posture, suppressions, runbooks. Ctrl-C ends it.

    It listens on 127.0.0.1 alone, and the address that it prints holds the key to it.
    """
    from suture.web.server import Page

    with Page(port) as page:
        desk, chairs = _of_sandbox(ready_file) if ready_file else _of_account(table, api_url, region, profile, root)
        page.start(desk, chairs)
        click.echo(f"Open {page.address}")
        _until_interrupted()


def _of_account(
    table: str | None, api_url: str | None, region: str | None, profile: str | None, root: Path
) -> tuple[Desk, tuple[Chair, ...]]:
    from chalicelib.errors import Misconfigured
    from suture import api
    from suture.web.desk import Desk, chairs

    from . import account

    if not table:
        step = "pass --table or set SUTURE_TABLE to the stack's output TableName; for a sandbox pass --ready-file"
        raise Misconfigured("the case table is not named", where="SUTURE_TABLE", next_step=step)
    checked = api.checked(api_url or "")
    session = account.session(region or api.region_of(checked), profile)
    facts = _facts(account.account_of(session), session.region_name, table)
    desk = Desk(session, "", facts, root)
    return desk, chairs(desk, [session], "", checked)


def _of_sandbox(path: Path) -> tuple[Desk, tuple[Chair, ...]]:
    from chalicelib.errors import Misconfigured
    from suture.web.desk import of_sandbox

    try:
        ready: Mapping[str, Any] = json.loads(path.read_text())
        return of_sandbox(ready)
    except (OSError, ValueError, KeyError, TypeError) as error:
        step = "pass the file that `suture sandbox --ready-file` writes"
        raise Misconfigured("this is no ready file", where=str(path), next_step=step) from error


def _facts(account: str, region: str, table: str) -> dict[str, str]:
    return {"ACCOUNT_ID": account, "AWS_REGION": region, "TABLE": table}


def _until_interrupted() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):
        pass
