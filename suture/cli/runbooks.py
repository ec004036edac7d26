"""`suture runbooks`: remediations as data. Lists and shows what is packaged, checks and locks what is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chalicelib.errors import CallFailed, Gone, SutureError

from . import failures, options, output

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients
    from chalicelib.model import Finding, Json, Resource
    from chalicelib.runbooks import Runbook

EPILOG = """\b
Examples:
  suture runbooks list
  suture runbooks show lambda-require-url-auth
  suture runbooks lint
  suture runbooks lock
  suture runbooks plan lambda-require-url-auth arn:aws:lambda:us-east-1:123456789012:function:shop"""


def complete_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from .books import documents

    try:
        names = {n for name in documents() for n in (name, name.partition("/")[0])}
    except SutureError:
        return []
    return sorted(n for n in names if n.startswith(incomplete))


@click.group(epilog=EPILOG)
def runbooks() -> None:
    """List, check, lock and try runbooks."""


@runbooks.command("list")
@options.as_json
def list_runbooks(as_json: bool) -> None:
    """List every packaged version, and where it is pinned."""
    from . import books

    documents, pins = books.documents(), books.pins()
    modes = {f"{p.runbook}/{p.version}": p.mode for p in pins.pins}
    if as_json:
        output.print_json({"runbooks": [{**_summary(d), "pinned": modes.get(n)} for n, d in documents.items()]})
        return
    rows = [
        (n, ", ".join(d["remediates"]), d["tier"], d["reversible"], d["mode"], modes.get(n) or "-")
        for n, d in documents.items()
    ]
    columns = ("RUNBOOK", "REMEDIATES", "TIER", "REVERSIBLE", "MODE", "PINNED")
    output.show_table(columns, [tuple(output.text(cell) for cell in row) for row in rows])


@runbooks.command("show")
@click.argument("runbook", shell_complete=complete_names)
@options.as_json
def show_runbook(runbook: str, as_json: bool) -> None:
    """Show one runbook: what it calls, what guards it, who approves, and the way back."""
    from . import books

    book = books.chosen(books.packaged_runbooks(), books.pins(), runbook)
    document = books.documents()[f"{book.id}/{book.version}"]
    if as_json:
        output.print_json(document)
        return
    from .runbook_page import page

    output.show(page(document))


@runbooks.command("lint")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.root
@options.as_json
@click.pass_context
def lint(ctx: click.Context, files: tuple[Path, ...], root: Path, as_json: bool) -> None:
    """Check runbooks: shape, calls, expressions. Without FILES all of them, their lock, and governance.

    Exits 1 where something is wrong, with file, line, what, and what to do.
    """
    found = _file_problems(files, root) if files else _project_problems(root)
    if as_json:
        output.print_json({"problems": found})
    else:
        lines = [f"{p['where']}: {p['what']} Next: {p['next']}" for p in found]
        output.show([output.text(line, limit=1200) for line in lines] or [output.text("Everything is in order")])
    ctx.exit(failures.FOUND if found else failures.OK)


@runbooks.command("lock")
@options.root
@options.as_json
def lock(root: Path, as_json: bool) -> None:
    """Lock every new valid version by its digest, and package all. A locked version never changes again."""
    from suture import compile as compiler

    added = list(compiler.lock(root))
    if as_json:
        output.print_json({"locked": added})
    else:
        output.show([output.text(f"{name} locked") for name in added] or [output.text("Nothing new to lock")])


@runbooks.command("plan")
@click.argument("runbook", shell_complete=complete_names)
@click.argument("resource_arn")
@options.region
@options.profile
@options.as_json
@click.pass_context
def plan(
    ctx: click.Context, runbook: str, resource_arn: str, region: str | None, profile: str | None, as_json: bool
) -> None:
    """Read one resource and print what a runbook would do about it. Nothing is written.

    Exits 0 with the plan, or when there is nothing to do; 1 when the runbook refuses, and says why.
    """
    from chalicelib.model import Plan

    from . import books

    book = books.chosen(books.packaged_runbooks(), books.pins(), runbook)
    aws, resource, findings = _looked(book, resource_arn, region, profile)
    planner = books.Planner(books.packaged_runbooks(), books.pins(), doors={resource.region: aws})
    pinned = next((p.params for p in books.pins().pins if (p.runbook, p.version) == (book.id, book.version)), {})
    answers = [(f, planner.with_book(book, resource, f, pinned)) for f in findings]
    if as_json:
        plans = [a.as_json() for _, a in answers if isinstance(a, Plan)]
        refusals = [{"control": f.control, "kind": a.kind, "why": a.why} for f, a in answers if not isinstance(a, Plan)]
        output.print_json(
            {"runbook": f"{book.id}/{book.version}", "arn": resource.arn, "plans": plans, "refusals": refusals}
        )
    else:
        _print_plans(book, resource, answers)
    ctx.exit(failures.REFUSED if any(not isinstance(a, Plan) for _, a in answers) else failures.OK)


def _print_plans(book: Runbook, resource: Resource, answers: list[tuple[Finding, Json]]) -> None:
    from chalicelib.model import Plan

    from .plans import plan_lines

    if not answers:
        output.show([output.text(f"Nothing to do: {', '.join(book.remediates)} holds on {resource.arn}", limit=900)])
    for finding, answer in answers:
        output.show([output.text(f"{finding.control}: {finding.title}", limit=900)])
        if isinstance(answer, Plan):
            output.show(plan_lines(answer, finding.evidence))
        else:
            output.show([output.text(f"No plan ({answer.kind}): {answer.why}", limit=900)])


def _looked(
    book: Runbook, arn: str, region: str | None, profile: str | None
) -> tuple[Clients, Resource, list[Finding]]:
    """The resource as AWS describes it now, and what the runbook's controls find on it."""
    from dataclasses import replace

    from chalicelib.aws import readers
    from chalicelib.controls import all_controls, judge_one
    from chalicelib.events.places import place_of_arn

    from . import account

    controls = {c: all_controls()[c].resource_type for c in book.remediates if c in all_controls()}
    place = place_of_arn(arn)
    kind = {readers.object_of(t): t for t in controls.values()}.get(place.type) if place else None
    if place is None or kind is None:
        what = f"{book.id} remediates {', '.join(sorted(set(controls.values())))}, and this is no ARN of one"
        raise failures.WrongUsage(what, where=arn, next_step="copy the ARN from `suture scan`")
    made = account.session(place.region or region if kind == place.type else region or place.region, profile)
    mine = account.account_of(made)
    if place.account and place.account != mine:
        what = f"it belongs to account {place.account}, and these are credentials for {mine}"
        raise failures.WrongUsage(what, where=arn, next_step="choose the right profile with --profile")
    aws = account.aws(made, mine)
    try:
        resource = readers.read(aws, kind, place.id)
    except CallFailed as error:
        error.where = error.where or arn
        raise
    if resource is None:
        raise Gone("there is no such resource", where=arn, next_step="check the ARN, the region and the account")
    tagged = replace(resource, tags=readers.tags(aws, resource))
    found = (judge_one(c, tagged) for c, judged in controls.items() if judged == place.type)
    return aws, tagged, [f for f in found if f is not None]


def _file_problems(files: tuple[Path, ...], root: Path) -> list[dict[str, str]]:
    from suture.compile import lint_file

    found: list[dict[str, str]] = []
    for path in files:
        try:
            found += [_problem(p.where, p.what, p.next_step) for p in lint_file(path.resolve(), root.resolve())]
        except SutureError as error:
            found.append(_problem(error.where or str(path), error.what, error.next_step))
    return found


def _project_problems(root: Path) -> list[dict[str, str]]:
    """Every file's problems; where the files are sound, the first of the lock or of governance."""
    from suture import compile as compiler

    try:
        found = _file_problems(compiler.runbook_sources(root), root)
        if not found:
            compiler.check_all(root)
    except SutureError as error:
        return [_problem(error.where, error.what, error.next_step)]
    return found


def _problem(where: str, what: str, next_step: str) -> dict[str, str]:
    return {"where": where, "what": what, "next": next_step}


def _summary(document: Mapping[str, Json]) -> dict[str, Json]:
    names = ("id", "version", "title", "remediates", "tier", "reversible", "mode", "digest")
    return {name: document[name] for name in names}
