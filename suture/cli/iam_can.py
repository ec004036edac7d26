"""`suture iam can`: may a principal do this, and which statement says so?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from . import failures, options, output
from .failures import WrongUsage
from .iam_named import account_of, named, principal_named

if TYPE_CHECKING:
    from chalicelib.iam.permissions import Answer

_DENIED, _DEPENDS = 1, 2


@click.command(
    "can",
    epilog="""\b
Examples:
  suture iam can role/checkout s3:PutObject arn:aws:s3:::orders/x
  suture iam can user/ann kms:Decrypt arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
  suture iam can role/ops iam:PutRolePolicy arn:aws:iam::123456789012:role/app --context aws:MultiFactorAuthPresent=true

\b
Exit codes: 0 allowed, 1 denied, 2 allowed under a condition, or it cannot be told, 3 could not reach AWS.""",
)
@click.argument("principal")
@click.argument("action")
@click.argument("resource")
@click.option(
    "--context", "given", multiple=True, metavar="KEY=VALUE", help="What the call has; other keys are absent."
)
@options.as_json
@options.region
@options.profile
@click.pass_context
def can(
    ctx: click.Context,
    principal: str,
    action: str,
    resource: str,
    given: tuple[str, ...],
    as_json: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Say whether PRINCIPAL may do ACTION on RESOURCE (an ARN, or *), and which statement says so.

    PRINCIPAL is role/NAME, user/NAME, group/NAME or an ARN, of a session too. Read are its policies, its groups' and
    its boundary; service control policies where these credentials may; and the resource's own policy: of functions,
    layers, queues, topics, buckets, secrets, keys, event buses, tables, repositories, and roles to be assumed.
    """
    from suture.can import can as judged

    _check_action(action)
    context = _context(given)
    aws = account_of(region, profile)
    read = principal_named(aws, principal)
    asked = named(principal)
    names = tuple(filter(None, (read.role.arn, asked.session if asked else "")))
    said, notes = judged(aws, read, names, action, resource, context)
    _tell(read.role.arn, action, resource, said, notes, as_json)
    ctx.exit({"allowed": failures.OK, "denied": _DENIED}.get(said.verdict, _DEPENDS))


def _check_action(action: str) -> None:
    service, colon, name = action.partition(":")
    if not (colon and service.replace("-", "").isalnum() and name.isalnum() and action.isascii()):
        raise WrongUsage(f"{action!r} is no action", where="ACTION", next_step="write one, as s3:GetObject")


def _tell(who: str, action: str, resource: str, said: Answer, notes: Sequence[str], as_json: bool) -> None:
    if as_json:
        output.print_json(
            {
                "principal": who,
                "action": action,
                "resource": resource,
                "verdict": said.verdict,
                "reasons": list(said.reasons),
                "notes": list(notes),
            }
        )
        return
    from rich.text import Text

    style = {"allowed": "green", "denied": "red"}.get(said.verdict, "yellow")
    output.show(
        [
            output.text(said.verdict, f"bold {style}"),
            *(Text("  ") + output.text(reason, limit=1000) for reason in said.reasons),
            *(Text("  ") + output.text(note, "dim") for note in notes),
        ]
    )


def _context(given: Sequence[str]) -> dict[str, list[str]] | None:
    """Condition keys, each with all values that it was given; None where nothing is said of the call."""
    found: dict[str, list[str]] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise WrongUsage(f"{pair!r} has no value", where="--context", next_step="write it as aws:SourceIp=10.0.0.1")
        found.setdefault(key, []).append(value)
    return found if given else None
