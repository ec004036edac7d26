"""`suture iam subset`: proofs that a policy allows nothing new. Also: policies in files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

import click

from chalicelib.errors import BadPolicy

from . import failures, options, output
from .failures import WrongUsage

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.iam.documents import Document
    from chalicelib.model import Json


@click.command(
    "subset",
    epilog="""\b
Example:
  suture iam subset new.json old.json

\b
Exit codes: 0 proved, 1 the new policy allows more (with a request that shows it), 2 could not tell.""",
)
@click.argument("new", type=click.Path(dir_okay=False, allow_dash=True))
@click.argument("old", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--kind", type=click.Choice(["identity", "resource", "trust"]), help="Of the policies.  [default: theirs]"
)
@options.as_json
@click.pass_context
def subset(ctx: click.Context, new: str, old: str, kind: str | None, as_json: bool) -> None:
    """Prove that policy NEW allows nothing that policy OLD did not allow."""
    from chalicelib.iam.subset import allows_subset
    from suture.counterexample import counterexample

    ours, theirs = _policy(new, kind), _policy(old, kind)
    proof = allows_subset(ours, theirs)
    found = None if proof.holds or ours.kind != theirs.kind else counterexample(ours, theirs)
    verdict = "subset" if proof.holds else "more" if found else "unknown"
    if as_json:
        shown = found.as_json() if found else None
        output.print_json({"verdict": verdict, "reason": proof.reason, "counter_example": shown})
    else:
        output.show(_subset_lines(verdict, proof.reason, found.as_json() if found else None))
    ctx.exit({"subset": failures.OK, "more": failures.FOUND}.get(verdict, failures.INCOMPLETE))


def _subset_lines(verdict: str, reason: str, found: Mapping[str, Json] | None) -> list[Text]:
    said = {
        "subset": ("Proved: the new policy allows nothing that the old one did not", "green"),
        "more": ("The new policy allows more", "bold red"),
        "unknown": ("Could not tell: there is no proof, and no request that shows the contrary", "yellow"),
    }[verdict]
    lines = [output.text(*said), _indented(reason)]
    for name, value in (found or {}).items():
        shown = ", ".join(f"{k} = {v}" for k, v in value.items()) or "none" if isinstance(value, dict) else str(value)
        lines.append(_indented(f"{name:<10} {shown}"))
    return lines


def _indented(said: str) -> Text:
    from rich.text import Text

    return Text("  ") + output.text(said, limit=1000)


def _policy(path: str, kind: str | None) -> Document:
    """A policy document from a file. What cannot be read cannot be told: WrongUsage, exit code 2."""
    import json

    from chalicelib.iam.documents import parse

    try:
        with opened(path) as file:
            text = file.read().decode("utf-8-sig")
        if kind is None:
            raw = json.loads(text)
            kind = kind_of(raw) if isinstance(raw, dict) else "identity"
        return parse(text, kind)
    except BadPolicy as error:
        raise WrongUsage(error.what, where=path, next_step=error.next_step) from None
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"not JSON: {error}", where=path, next_step="give a policy document") from None


def opened(path: str) -> IO[bytes]:
    if path == "-":
        return sys.stdin.buffer
    try:
        return open(path, "rb")  # noqa: PTH123  (the caller closes it)
    except OSError as error:
        raise WrongUsage(f"cannot be read: {error.strerror}", where=path, next_step="check the path") from None


def kind_of(document: Mapping[str, Json]) -> str:
    """What kind of policy a document is: one that names principals, to assume roles or for something else, or not."""
    statements = document.get("Statement") or []
    listed = [s for s in (statements if isinstance(statements, list) else [statements]) if isinstance(s, dict)]
    if not any("Principal" in s or "NotPrincipal" in s for s in listed):
        return "identity"
    assumes = all("sts:" in str(s.get("Action", "")).lower() and "Resource" not in s for s in listed)
    return "trust" if assumes else "resource"
