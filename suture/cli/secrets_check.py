"""`suture secrets check`: named values as JSON lines, a package, or a function with all that it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from . import failures, options, output
from .iam_subset import opened

if TYPE_CHECKING:
    from rich.text import Text

    from suture.secretcheck.found import Found, Report

_STYLES = {"certain": "bold red", "likely": "red", "possible": "yellow"}
_MOST_UNREAD = 50


@click.command(
    "check",
    epilog="""\b
Each line in: {"id", "name", "value"}
Each line out: {"id", "secret", "kind", "confidence", "reason"}, or {"id", "secret": null, "error"}

\b
Examples:
  suture secrets check variables.jsonl
  suture secrets check --package build.zip --json
  suture secrets check --package src/ --dependencies
  suture secrets check --function checkout --region eu-west-1

\b
Exit codes for lines: 0 every line has its answer, 2 the file cannot be read.
For a package or a function: 0 nothing found, 1 found, 2 could not read everything (whatever was found), 3 no AWS.""",
)
@click.argument("source", metavar="[FILE|-]", default="-")
@click.option(
    "--package", type=click.Path(exists=True, path_type=Path), metavar="ZIP|DIR", help="Read the files of a package."
)
@click.option("--function", "name", metavar="NAME", help="Read a function's versions: variables, code and layers.")
@click.option("--dependencies", is_flag=True, help="Read node_modules, site-packages and installed distributions too.")
@options.as_json
@click.option("--sarif", "as_sarif", is_flag=True, help="Print a SARIF 2.1.0 log on stdout.")
@options.region
@options.profile
@click.pass_context
def check(
    ctx: click.Context,
    source: str,
    package: Path | None,
    name: str | None,
    dependencies: bool,
    as_json: bool,
    as_sarif: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Say what is a secret in plain text, what kind, how sure and why. The value is never in what is printed.

    FILE has one JSON object a line. A package is read file by file, archives in it once; nothing in it is run.
    """
    if package and name:
        raise click.UsageError("--package and --function exclude each other")
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    if not package and not name:
        if as_sarif:
            raise click.UsageError("--sarif needs --package or --function")
        _check_lines(source)
        return
    if source != "-":
        raise click.UsageError("FILE goes without --package and --function")
    report = _of_package(package, dependencies) if package else _of_function(name or "", dependencies, region, profile)
    _print(report, as_json, as_sarif)
    ctx.exit(failures.INCOMPLETE if report.unread else failures.FOUND if report.found else failures.OK)


def _check_lines(source: str) -> None:
    if source == "-":
        _answer(sys.stdin.buffer)
    else:
        with opened(source) as file:
            _answer(file)


def _answer(file: IO[bytes]) -> None:
    from suture.secretcheck.lines import answers

    for told in answers(file):
        sys.stdout.write(json.dumps(told, ensure_ascii=True) + "\n")
        sys.stdout.flush()


def _of_package(package: Path, dependencies: bool) -> Report:
    from suture.secretcheck.package import check_package

    return check_package(package, dependencies=dependencies)


def _of_function(name: str, dependencies: bool, region: str | None, profile: str | None) -> Report:
    from suture.secretcheck.function import check_function

    from .iam_named import account_of

    aws = account_of(region, profile)
    report = check_function(aws, name, dependencies=dependencies)
    if report is None:
        step = "list them with `aws lambda list-functions`; pass --region"
        raise failures.WrongUsage(f"there is no function {name!r} in {aws.region}", where="--function", next_step=step)
    return report


def _print(report: Report, as_json: bool, as_sarif: bool) -> None:
    if as_json:
        output.print_json(report.as_json())
    elif as_sarif:
        from suture.secretcheck.sarif import sarif

        output.print_json(sarif(report, output.version()))
    else:
        _table(report)
        output.show(_after(report))


def _table(report: Report) -> None:
    from suture.secretcheck.found import ordered

    rows = [_row(f) for f in ordered(report.found)]
    if rows:
        output.show_table(("SURE", "WHERE", "NAME", "KIND", "WHY"), rows)


def _row(found: Found) -> tuple[Text, ...]:
    where = f"{found.where}:{found.line}" if found.line else found.where
    return (
        output.text(found.confidence, _STYLES[found.confidence]),
        output.text(where),
        output.text(found.name, limit=80),
        output.text(found.kind),
        output.text(found.reason),
    )


def _after(report: Report) -> Iterator[Text]:
    from rich.text import Text

    if report.unread:
        yield Text()
        yield Text("Could not read everything:", "yellow")
    for name, why in list(report.unread.items())[:_MOST_UNREAD]:
        yield Text("  ") + output.text(f"{name}: {why}", limit=400)
    if len(report.unread) > _MOST_UNREAD:
        yield Text(f"  and {len(report.unread) - _MOST_UNREAD} more (--json has them all)")
    yield Text()
    n = len(report.found)
    said = f"{n} secret{'' if n == 1 else 's'} in plain text" if n else "Nothing found"
    left = f", {report.left_out} of dependencies left out (--dependencies reads them)" if report.left_out else ""
    yield Text(said, "bold" if n else "green") + Text(f"; {report.files} files read{left}", "dim")
