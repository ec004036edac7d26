"""`suture audit`: is the record whole, and all of it for an auditor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import Misconfigured

from . import failures, options, output

if TYPE_CHECKING:
    from chalicelib.audit import Problem
    from chalicelib.model import Json
    from suture.audit import Source

EPILOG = """\b
Examples:
  suture audit verify --table suture-prod-CaseTable-1A2B3C --bucket suture-prod-audit-123456789012-eu-west-1
  suture audit verify --since 2026-11-01 --json
  suture audit export record.zip

\b
Exit codes: 0 the record is whole, 1 something is wrong with it (and where), 2 it could not be read."""


@click.group(epilog=EPILOG)
def audit() -> None:
    """Recompute the record of every case, and hand it to an auditor.

    Each record of a case holds the hash of the one before. Once a day the hashes are anchored in a signed manifest,
    in a bucket that lets nobody overwrite it.
    """


def _source(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((_table, _bucket, _key, options.region, options.profile)):
        command = option(command)
    return command


_table = click.option(
    "--table",
    envvar="SUTURE_TABLE",
    default="",
    metavar="NAME",
    help="The table of cases: the stack's output TableName.  [env: SUTURE_TABLE]",
)
_bucket = click.option(
    "--bucket",
    envvar="SUTURE_AUDIT_BUCKET",
    default="",
    metavar="NAME",
    help="The bucket of manifests: AuditBucketName; without it only chains are checked.  [env: SUTURE_AUDIT_BUCKET]",
)
_key = click.option(
    "--key",
    envvar="SUTURE_AUDIT_KEY",
    default="alias/suture-prod-audit",
    show_default=True,
    metavar="KEY",
    help="The KMS key that signs them.  [env: SUTURE_AUDIT_KEY]",
)


@audit.command(epilog=EPILOG)
@_source
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Hold only the manifests of that day and later against the table.",
)
@options.as_json
@click.pass_context
def verify(ctx: click.Context, /, since: Any, as_json: bool, **where: str) -> None:
    """Recompute every hash, check every signature, and name each record that was changed, dropped or reordered."""
    from suture.audit import verify as verified

    source = _made(**where)
    found = verified(source, since.strftime("%Y-%m-%d") if since else "")
    if as_json:
        plain = {n: getattr(found, n) for n in ("cases", "records", "manifests", "last_day")}
        output.print_json({**plain, "whole": not found.problems, "problems": [_as_json(p) for p in found.problems]})
    else:
        for problem in found.problems:
            output.show([output.text(f"{problem.case or 'audit'} {problem.where}: {problem.what}", "red")])
        anchored = (
            f"{found.manifests} manifests, the last of {found.last_day}" if found.manifests else "nothing anchored"
        )
        said = "the record is whole" if not found.problems else f"{len(found.problems)} things are wrong with it"
        output.show([output.text(f"{found.cases} cases, {found.records} records, {anchored}: {said}", "bold")])
    ctx.exit(failures.FOUND if found.problems else failures.OK)


@audit.command(epilog=EPILOG)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@_source
def export(file: Path, **where: str) -> None:
    """Write the whole record to one zip, which is checked with sha256sum and openssl alone; it says how."""
    from suture.audit_export import export as exported

    cases, records, manifests = exported(_made(**where), file)
    said = f"{file}: {cases} cases, {records} records, {manifests} manifests; README.txt inside says how to check it"
    output.show([output.text(said)])


def _made(table: str, bucket: str, key: str, region: str | None, profile: str | None) -> Source:
    from suture.audit import Source

    from .account import session

    if not table:
        step = "pass --table, or set SUTURE_TABLE to the output TableName of the stack, or of the sandbox's ready file"
        raise Misconfigured("the table of cases is not named", where="SUTURE_TABLE", next_step=step)
    return Source(session(region, profile), table, bucket, key)


def _as_json(problem: Problem) -> dict[str, Json]:
    return {"case": problem.case, "record": problem.where, "what": problem.what}
