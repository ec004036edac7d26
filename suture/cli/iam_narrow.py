"""`suture iam narrow`: the smallest policies that what was seen supports, beside the old ones."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chalicelib.errors import BadInput, Gone, Invalid

from . import failures, options, output
from .failures import WrongUsage
from .iam_named import is_principal, principal_named

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.aws.clients import Clients
    from chalicelib.iam.documents import Document
    from chalicelib.iam.fitting import Fitted
    from chalicelib.model import Json, Resource
    from suture.evidence.bucket import Place
    from suture.narrow import Narrowing

_MOST_REASONS, _MOST_OTHERS = 12, 20
_HOW = {
    "inline": "the inline policy",
    "version": "a new default version of the managed policy",
    "copy": "a customer policy for this role alone, in the place of",
}
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@click.command(
    "narrow",
    epilog="""\b
Examples:
  suture iam narrow role/checkout
  suture iam narrow role/checkout --trail AWSLogs/ --days 180 --data-events s3
  suture iam narrow role/checkout --trail s3://acme-trail/AWSLogs/123456789012/CloudTrail/eu-west-1/2026/
  suture iam narrow role/checkout --lake arn:aws:cloudtrail:eu-west-1:123456789012:eventdatastore/EXAMPLE-ID
  suture iam narrow role/checkout --package build.zip --env TABLE=orders --json

\b
Exit codes: 0 a proposal, 1 none can be made (and why), 2 the role or a file cannot be read, 3 could not reach AWS.""",
)
@click.argument("role")
@click.option(
    "--trail",
    multiple=True,
    metavar="FILE|s3://…",
    help="CloudTrail records: a log file, JSON lines, a folder of them, or s3://BUCKET/PREFIX. Repeatable.",
)
@click.option(
    "--lake",
    "lakes",
    multiple=True,
    metavar="ARN",
    help="An event data store of CloudTrail Lake: one query, which AWS charges for. Repeatable.",
)
@click.option(
    "--package",
    "packages",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="ZIP|DIR",
    help="The code that runs with the role: Python, JavaScript or TypeScript. Repeatable.",
)
@click.option("--days", type=click.IntRange(1, 400), default=90, show_default=True, metavar="N", help="How far back.")
@click.option("--env", "given", multiple=True, metavar="NAME=VALUE", help="An environment variable of the code.")
@click.option(
    "--data-events", multiple=True, metavar="SERVICE", help="The records hold all data events of this service (s3, …)."
)
@options.as_json
@options.region
@options.profile
@click.pass_context
def narrow(
    ctx: click.Context,
    role: str,
    trail: tuple[str, ...],
    lakes: tuple[str, ...],
    packages: tuple[Path, ...],
    days: int,
    given: tuple[str, ...],
    data_events: tuple[str, ...],
    as_json: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Propose the smallest policies for ROLE that still allow what it was seen to do; change nothing.

    Evidence is IAM's last-accessed data, CloudTrail records in files, buckets and Lake, and the calls in the code
    itself. What could not be known is kept, and said. The proposal is proved to allow nothing that the old policies
    did not.
    """
    from suture.narrow import Sources
    from suture.narrow import narrow as narrowing

    from . import account

    services = frozenset(s.strip().lower() for each in data_events for s in each.split(",") if s.strip())
    files, places = _logs(trail, lakes)
    sources = Sources(files, places, lakes, packages, _environment(given), services, days)
    made = account.session(region, profile)
    aws = account.aws(made, account.account_of(made))
    found, boundary = _role(aws, role)
    try:
        said = narrowing(aws, found, boundary, sources, datetime.now(UTC))
    except (Gone, Invalid, BadInput) as error:
        raise WrongUsage(error.what, where=error.where or "evidence", next_step=error.next_step) from None
    if as_json:
        output.print_json(_as_json(said))
    else:
        output.show(_page(said))
    ctx.exit(failures.REFUSED if said.proposal.refused else failures.OK)


def _logs(trail: Sequence[str], lakes: Sequence[str]) -> tuple[tuple[Path, ...], tuple[Place, ...]]:
    """Files and folders, and places in buckets. Raises WrongUsage before anything is read."""
    from suture.evidence.bucket import place_of
    from suture.evidence.lake import check

    try:
        for store in lakes:
            check(store)
        places = tuple(place_of(t) for t in trail if "://" in t)
    except BadInput as error:
        raise WrongUsage(error.what, where=error.where, next_step=error.next_step) from None
    files = tuple(Path(t) for t in trail if "://" not in t)
    for file in files:
        if not file.exists():
            raise WrongUsage("does not exist", where=str(file), next_step="check the path after --trail")
    return files, places


def _environment(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise WrongUsage(f"{pair!r} has no value", where="--env", next_step="write it as TABLE=orders")
        found[name] = value
    return found


def _role(aws: Clients, name: str) -> tuple[Resource, tuple[Document, ...] | None]:
    from chalicelib.aws.readers import iam_role

    read = principal_named(aws, name if is_principal(name) else f"role/{name}", ("role",))
    found = iam_role.alone(aws, read.role.arn.rsplit("/", 1)[-1])
    if found is None:
        raise WrongUsage(f"there is no role {name!r}", where="iam")
    if found.arn.split(":role/", 1)[-1].startswith(("aws-service-role/", "aws-reserved/")):
        step = "narrow the permission set in Identity Center, or leave it to the service"
        raise WrongUsage("AWS looks after this role, so that it is left alone", where=found.arn, next_step=step)
    return found, read.role.boundary


# --- shown ----------------------------------------------------------------------------------------------------------


def _as_json(said: Narrowing) -> dict[str, Json]:
    proposal = said.proposal
    window = said.window
    return {
        "role": said.role,
        "window": {"since": window.since, "until": window.until, "days": window.days},
        "old": [{"name": p.name, "kind": p.kind, "arn": p.arn, "document": p.document} for p in said.old],
        "policies": [_policy_json(f) for f in proposal.policies],
        "dropped": [d._asdict() for d in proposal.dropped],
        "beyond": [o._asdict() for o in proposal.beyond],
        "blind_spots": list(proposal.blind),
        "proof": {"subset": proposal.proof.holds, "reason": proposal.proof.reason},
        "refused": proposal.refused or None,
        "observed": [o._asdict() for o in said.observed],
    }


def _policy_json(fitted: Fitted) -> dict[str, Json]:
    statements = [
        {"statement": dict(j.statement), "of": j.of, "because": [str(r) for r in j.reasons]} for j in fitted.statements
    ]
    plain = {"name": fitted.name, "how": fitted.how, "replaces": fitted.arn or None, "size": fitted.size}
    return {**plain, "document": fitted.document, "statements": statements}


def _page(said: Narrowing) -> Iterator[Text]:
    from rich.text import Text

    proposal = said.proposal
    yield Text.assemble((said.role, "bold"))
    if proposal.refused:
        yield Text.assemble(("No proposal: ", "bold red"), output.text(proposal.refused, limit=2000))
    old = {p.arn or p.name: p for p in said.old}
    for fitted in proposal.policies:
        before = old.get(fitted.arn or fitted.name)
        is_first = fitted.how != "copy" or not fitted.name.rpartition("-")[2].isdigit()
        yield Text()
        yield Text.assemble((_HOW[fitted.how] + " ", "dim"), output.text(before.name if before else fitted.name))
        yield from _diff(before.document if before and is_first else {}, fitted.document)
        for number, justified in enumerate(fitted.statements, 1):
            for reason in justified.reasons[:_MOST_REASONS]:
                style = {"seen": "green", "kept": "yellow"}.get(reason.kind, "dim")
                yield Text.assemble((f"  {number}. ", "dim"), output.text(reason, style, limit=1200))
            if len(justified.reasons) > _MOST_REASONS:
                yield output.text(
                    f"     and {len(justified.reasons) - _MOST_REASONS} more reasons (--json has all)", "dim"
                )
    yield from _rest(said)


def _rest(said: Narrowing) -> Iterator[Text]:
    from rich.text import Text

    proposal = said.proposal
    if proposal.dropped:
        yield Text()
        yield output.text("Dropped", "bold")
    for dropped in proposal.dropped:
        yield Text.assemble(
            ("  - ", "red"), output.text(f"{dropped.policy}, {dropped.statement}: {dropped.what}: {dropped.why}")
        )
    if proposal.beyond:
        yield Text()
        yield output.text("Seen, but not allowed by these policies, so not added", "bold")
    for observed in proposal.beyond[:_MOST_OTHERS]:
        yield Text("  ") + output.text(observed, "dim")
    yield Text()
    yield output.text("What this cannot know", "bold")
    for sentence in proposal.blind:
        yield Text("  ") + output.text(sentence, limit=1000)
    yield Text()
    verdict = ("Proved: ", "bold green") if proposal.proof.holds else ("Not proved: ", "bold red")
    yield Text.assemble(verdict, output.text(proposal.proof.reason, limit=1000))


def _diff(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Text]:
    """The two documents as a diff with all their lines."""
    from rich.text import Text

    old, new = (json.dumps(d, indent=2).splitlines() if d else [] for d in (before, after))
    lines = difflib.unified_diff(old, new, "old", "new", n=max(len(old), len(new)), lineterm="")
    shown = list(lines)[2:] or [f" {line}" for line in new]
    for line in shown:
        if not line.startswith("@"):
            style, plain = _STYLES.get(line[:1], ""), line[1:].lstrip()
            indent = len(line) - 1 - len(plain)
            yield Text.assemble((line[:1] + " " * indent, style), output.text(plain, style, limit=2200))
