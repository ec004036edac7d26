"""`suture render`: the files that follow from controls, readers, runbooks and governance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from . import failures, options, output

_check = click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is stale.")


@click.group(epilog="\b\nExamples:\n  suture render events\n  suture render policies --check\n  suture render packaged")
def render() -> None:
    """Write the files that follow from controls and runbooks, or check that they are fresh."""


@render.command("events")
@_check
@options.root
@options.as_json
@click.pass_context
def events(ctx: click.Context, check: bool, root: Path, as_json: bool) -> None:
    """The event rules in resources.json, from the controls' signals."""
    from suture.render import render_events

    settle(ctx, root, "events", lambda: render_events(root, check=check), check, as_json)


@render.command("policies")
@_check
@options.root
@options.as_json
@click.pass_context
def policies(ctx: click.Context, check: bool, root: Path, as_json: bool) -> None:
    """Each function's IAM policy, from what readers and pinned runbooks declare."""
    from suture.render import render_policies

    settle(ctx, root, "policies", lambda: render_policies(root, check=check), check, as_json)


@render.command("packaged")
@_check
@options.root
@options.as_json
@click.pass_context
def packaged(ctx: click.Context, check: bool, root: Path, as_json: bool) -> None:
    """Runbooks and governance as the functions load them: validated, as JSON."""
    from suture import compile as compiler

    run = compiler.check_all if check else compiler.compile_all
    settle(ctx, root, "packaged", lambda: run(root), check, as_json)


@render.command("docs")
@_check
@options.root
@options.as_json
@click.pass_context
def docs(ctx: click.Context, check: bool, root: Path, as_json: bool) -> None:
    """The generated pages in docs/, and the table of controls in README.md."""
    from suture.docs import stale, write_docs

    run = stale if check else write_docs
    settle(ctx, root, "docs", lambda: run(root), check, as_json)


def settle(
    ctx: click.Context, root: Path, name: str, run: Callable[[], Iterable[Path]], check: bool, as_json: bool
) -> None:
    """Run one rendering, say which files were stale (or are written), and end with 1 where `check` found any."""
    stale = [p.relative_to(root).as_posix() if p.is_relative_to(root) else str(p) for p in run()]
    if as_json:
        output.print_json({"rendered": name, "check": check, "stale" if check else "written": stale})
    else:
        word = "is stale" if check else "written"
        output.show([output.text(f"{path} {word}") for path in stale] or [output.text(f"{name}: fresh")])
    if check and stale:
        if not as_json:
            click.echo(f"Next: run `suture render {name}` and commit what it writes", err=True)
        ctx.exit(failures.FOUND)
