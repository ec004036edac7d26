"""`suture iam can`: may a role do this, and which statement says so? Also: the role that a command names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from chalicelib.errors import BadPolicy

from . import failures, options, output
from .failures import WrongUsage

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients
    from chalicelib.iam.documents import Document
    from chalicelib.iam.permissions import Answer
    from suture.account_roles import Read

_DENIED, _DEPENDS = 1, 2


@click.command(
    "can",
    epilog="""\b
Examples:
  suture iam can role/checkout s3:PutObject arn:aws:s3:::orders/x
  suture iam can role/ops iam:PutRolePolicy arn:aws:iam::123456789012:role/app --context aws:MultiFactorAuthPresent=true

\b
Exit codes: 0 allowed, 1 denied, 2 allowed under a condition or cannot be told, 3 could not reach AWS.""",
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
    """Say whether PRINCIPAL (a role) may do ACTION on RESOURCE, and which statement says so.

    Reads the role's policies and boundary, and the resource's own policy where that is a function's or a role's.
    """
    from chalicelib.iam.permissions import may

    if action.count(":") != 1 or action != action.strip():
        raise WrongUsage(f"{action!r} is no action", where="ACTION", next_step="write it as s3:GetObject")
    context = _context(given)
    aws = account_of(region, profile)
    read = role_named(aws, principal)
    policy, note = _resource_policy(aws, resource)
    names = (read.role.arn,)
    said = may(
        read.role.documents,
        action,
        resource,
        boundary=read.role.boundary,
        resource_policy=policy,
        context={"aws:PrincipalArn": read.role.arn, **context} if context is not None else None,
        principal=names,
    )
    notes = (*read.notes, note, "Service control policies and session policies were not looked at.")
    _tell_can(read.role.arn, action, resource, said, tuple(filter(None, notes)), as_json)
    ctx.exit({"allowed": failures.OK, "denied": _DENIED}.get(said.verdict, _DEPENDS))


def _tell_can(who: str, action: str, resource: str, said: Answer, notes: Sequence[str], as_json: bool) -> None:
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


def _resource_policy(aws: Clients, resource: str) -> tuple[Document | None, str]:
    """The resource's own policy where we have a reader for it, or a note that it was not looked at."""
    from chalicelib.aws import readers
    from chalicelib.iam.documents import parse

    parts = resource.split(":")
    if resource.startswith("arn:") and parts[2] == "lambda" and len(parts) >= 7 and parts[5] == "function":
        there = aws.in_region(parts[3] or aws.region)
        found = readers.read(there, "AWS::Lambda::Function", parts[6])
        wanted = parts[7] if len(parts) > 7 else "$LATEST"
        for one in found.config["Qualifiers"] if found else ():
            if one["Qualifier"] == wanted and one["Policy"]:
                return parse(one["Policy"], "resource"), ""
        return None, "The function has no policy of its own." if found else "There is no such function."
    if resource.startswith("arn:") and parts[2] == "iam" and ":role/" in resource and "*" not in resource:
        read = role_named(aws, resource)
        return read.role.trust, ""
    return None, "A policy of the resource's own was not looked at."


def _context(given: Sequence[str]) -> dict[str, list[str]] | None:
    """Condition keys, each with all values that it was given; None where nothing is said of the call."""
    found: dict[str, list[str]] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise WrongUsage(f"{pair!r} has no value", where="--context", next_step="write it as aws:SourceIp=10.0.0.1")
        found.setdefault(key, []).append(value)
    return found if given else None


def is_role(source: str) -> bool:
    return source.startswith("role/") or (
        source.startswith("arn:") and (":role/" in source or ":assumed-role/" in source)
    )


def account_of(region: str | None, profile: str | None) -> Clients:
    from . import account

    made = account.session(region, profile)
    return account.aws(made, account.account_of(made))


def role_named(aws: Clients, source: str) -> Read:
    from suture.account_roles import read_role

    if not is_role(source):
        step = "name a role, as role/NAME or its ARN"
        raise WrongUsage(f"{source!r} is no role", where="iam", next_step=step)
    name = source.split("/")[1] if ":assumed-role/" in source else source.rsplit("/", 1)[-1]
    owner = source.split(":")[4] if source.startswith("arn:") else aws.account
    if owner != aws.account:
        step = "use credentials of that account"
        raise WrongUsage(f"the credentials are for account {aws.account}", where=source, next_step=step)
    try:
        read = read_role(aws, name)
    except BadPolicy as error:
        raise WrongUsage(f"cannot be judged: {error.where}: {error.what}", where=source) from None
    if read is None:
        raise WrongUsage(f"there is no role {name!r} in account {aws.account}", where="iam")
    return read
