"""`suture scan`: a read-only sweep of whatever account the AWS credentials name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from . import failures, options, output
from .controls import complete_ids

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.aws.clients import Clients
    from chalicelib.model import Finding, Plan, Resource
    from chalicelib.planning import Refusal
    from suture.scan import Planner, Progress, Report

EPILOG = """\b
Examples:
  suture scan
  suture scan --region eu-west-1 --region us-east-1 --json
  suture scan --control iam-role-admin --plan
  suture scan --sarif > suture.sarif

\b
Exit codes: 0 nothing found, 1 findings, 2 could not look everywhere (whatever was found), 3 could not reach AWS.
Needs read access only, such as the AWS managed policy SecurityAudit, with ssm:GetParameters for plain parameters."""


@click.command(epilog=EPILOG)
@options.as_json
@click.option("--sarif", "as_sarif", is_flag=True, help="Print a SARIF 2.1.0 log on stdout.")
@click.option("--plan", "with_plan", is_flag=True, help="Add the exact calls of the pinned runbook to each finding.")
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Region to look at; repeat it for more.")
@click.option(
    "--control", "only", multiple=True, metavar="ID", shell_complete=complete_ids, help="Only this; may be repeated."
)
@options.profile
@click.pass_context
def scan(
    ctx: click.Context,
    as_json: bool,
    as_sarif: bool,
    with_plan: bool,
    regions: tuple[str, ...],
    only: tuple[str, ...],
    profile: str | None,
) -> None:
    """Look at every resource that a control judges; change nothing, deploy nothing.

    Uses the ordinary AWS credentials and AWS_ENDPOINT_URL. IAM is looked at once, whatever the regions.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    report = _report(_flat(regions), only, profile, with_plan)
    if as_json:
        output.print_json(report.as_json())
    elif as_sarif:
        _print_sarif(report, only)
    else:
        output.show(_lines(report))
        _table(report)
        output.show(_after(report, with_plan))
    ctx.exit(failures.INCOMPLETE if report.blind else failures.FOUND if report.findings else failures.OK)


def _report(regions: Sequence[str], only: Sequence[str], profile: str | None, with_plan: bool) -> Report:
    from chalicelib.controls import all_controls
    from chalicelib.events.places import home_region
    from suture import scan as sweep

    from . import account
    from .controls import control_named

    known = all_controls()
    for control in only:
        control_named(known, control)
    made = account.session(regions[0] if regions else None, profile)
    id_ = account.account_of(made)
    doors = [account.aws(made, id_, region) for region in regions or (made.region_name,)]
    home = account.aws(made, id_, home_region("AWS::IAM::Role", doors[0].region))
    plan = _planner([*doors, home]) if with_plan else None
    with _progress() as progress:
        return sweep.scan(doors, home, only or tuple(known), progress, plan)


def _planner(doors: Sequence[Clients]) -> Planner:
    from chalicelib.aws import readers

    from . import books

    by_region = {aws.region: aws for aws in doors}
    planner = books.Planner(books.packaged_runbooks(), books.pins(), doors=by_region)

    def plan(resource: Resource, finding: Finding) -> Plan | Refusal:
        tagged = replace(resource, tags=readers.tags(by_region[resource.region], resource))
        return planner.pinned(tagged, finding)

    return plan


def _flat(regions: Sequence[str]) -> tuple[str, ...]:
    """Each region once; `a,b` means two."""
    return tuple(dict.fromkeys(r.strip() for group in regions for r in group.split(",") if r.strip()))


def _print_sarif(report: Report, only: Sequence[str]) -> None:
    from chalicelib.controls import all_controls
    from suture.sarif import sarif

    judged = {i: c for i, c in all_controls().items() if not only or i in only}
    output.print_json(sarif(report, judged, output.version()))


def _lines(report: Report) -> Iterator[Text]:
    from rich.text import Text

    looked = ", ".join(f"{n} {kind}" for kind, n in report.looked.items())
    yield Text.assemble(
        ("Account ", "dim"), output.text(report.account), ("  ", ""), output.text(", ".join(report.regions))
    )
    yield Text.assemble(("Looked at ", "dim"), output.text(looked or "nothing"))
    yield Text()


def _table(report: Report) -> None:
    rows = [
        (
            output.severity(f.finding.severity),
            output.text(f.finding.control),
            output.text(f.finding.arn),
            output.text(f.finding.title),
        )
        for f in report.findings
    ]
    if rows:
        output.show_table(("SEVERITY", "CONTROL", "RESOURCE", "FINDING"), rows)


def _after(report: Report, with_plan: bool) -> Iterator[Text]:
    from rich.text import Text

    if with_plan:
        yield from _plans(report)
    if report.blind:
        yield Text()
        yield Text("Could not look everywhere:", "yellow")
    for blind in report.blind:
        where = blind.resource_id or "all"
        yield Text("  ") + output.text(f"{blind.resource_type} {where} in {blind.region}: {blind.what}", limit=700)
    yield Text()
    n = len(report.findings)
    yield Text(f"{n} finding{'' if n == 1 else 's'}" if n else "Nothing found", "bold" if n else "green")


def _plans(report: Report) -> Iterator[Text]:
    from rich.text import Text

    from .plans import plan_lines

    for found in report.findings:
        yield Text()
        if found.plan is None:
            yield output.text(f"No plan for {found.finding.control} on {found.finding.arn}: {found.no_plan}", limit=900)
        else:
            yield from plan_lines(found.plan, found.finding.evidence)


class _Silent:
    def begin(self, what: str, total: int) -> None:
        pass

    def step(self) -> None:
        pass


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on stderr where that is a terminal; silence elsewhere."""
    err = output.console(stderr=True)
    if not err.is_terminal:
        yield _Silent()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
    from rich.progress import Progress as Bar

    class Shown:
        task: TaskID | None = None

        def begin(self, what: str, total: int) -> None:
            if self.task is not None:
                bar.remove_task(self.task)
            self.task = bar.add_task(what, total=total)

        def step(self) -> None:
            if self.task is not None:
                bar.advance(self.task)

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=err, transient=True) as bar:
        yield Shown()
