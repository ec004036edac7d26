"""`suture controls`: what should hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from . import options, output
from .failures import WrongUsage

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.controls import Control
    from chalicelib.model import Json


def complete_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from chalicelib.controls import all_controls

    return [i for i in all_controls() if i.startswith(incomplete)]


@click.group(epilog="\b\nExamples:\n  suture controls list\n  suture controls show lambda-url-public")
def controls() -> None:
    """What should hold, why, and which runbook makes it hold again."""


@controls.command("list")
@options.as_json
def list_controls(as_json: bool) -> None:
    """List all controls."""
    from chalicelib.controls import all_controls

    found = all_controls()
    if as_json:
        output.print_json({"controls": [_summary(i, c) for i, c in found.items()]})
        return
    ranked = sorted(found.items(), key=lambda e: (output.severity_rank(e[1].severity), e[0]))
    output.show_table(
        ("CONTROL", "SEVERITY", "RESOURCE", "TITLE"),
        [
            (output.text(i), output.severity(c.severity), output.text(c.resource_type), output.text(c.title))
            for i, c in ranked
        ],
    )


@controls.command("show")
@click.argument("control", shell_complete=complete_ids)
@options.as_json
def show_control(control: str, as_json: bool) -> None:
    """Show one control: why it should hold, what wakes it, and its runbooks."""
    from chalicelib.controls import all_controls

    found = control_named(all_controls(), control)
    books = _runbooks_of(control)
    if as_json:
        output.print_json({**_summary(control, found), **_details(found), "runbooks": books})
        return
    output.show(_page(control, found, books))


def control_named(found: Mapping[str, Control], control: str) -> Control:
    """The control with an id. Raises WrongUsage with the nearest ids."""
    if control in found:
        return found[control]
    from difflib import get_close_matches

    near = get_close_matches(control, found, 1)
    step = f"did you mean {near[0]}?" if near else "see `suture controls list`"
    raise WrongUsage(f"there is no control {control!r}", where="controls", next_step=step)


def _runbooks_of(control: str) -> list[str]:
    from chalicelib.errors import Misconfigured

    from .books import packaged_runbooks

    try:
        return sorted(name for name, book in packaged_runbooks().items() if control in book.remediates)
    except Misconfigured:
        return []


def _summary(control_id: str, control: Control) -> dict[str, Json]:
    names = ("title", "severity", "pillar", "resource_type", "public_access")
    return {"id": control_id, **{n: getattr(control, n) for n in names}}


def _details(control: Control) -> dict[str, Json]:
    signals = [{"source": s.source, "names": list(s.names)} for s in control.signals]
    return {
        "why": control.why,
        "signals": signals,
        "references": list(control.references),
        "peers": list(control.peers),
    }


def _page(control_id: str, control: Control, books: list[str]) -> Iterator[Text]:
    from rich.text import Text

    yield Text.assemble((control_id, "bold"), "  ", output.severity(control.severity))
    yield output.text(control.title)
    yield Text()
    yield output.text(control.why, limit=2000)
    yield Text()
    rows = {
        "Resource": control.resource_type,
        "Pillar": control.pillar,
        "Runbooks": ", ".join(books) or "none packaged",
        "Also known as": ", ".join(control.peers),
    }
    for name, value in rows.items():
        yield Text.assemble((f"{name:<15}", "dim"), output.text(value))
    for signal in control.signals:
        yield Text.assemble(
            (f"{'Looks after':<15}", "dim"), output.text(f"{signal.source}: {', '.join(signal.names)}", limit=2000)
        )
    for reference in control.references:
        yield Text.assemble((f"{'Read':<15}", "dim"), output.text(reference))
