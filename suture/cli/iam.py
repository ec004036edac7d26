"""`suture iam`: what a policy lets happen, whether a principal may do something, and proofs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import click

from . import options, output
from .iam_can import account_of, can, is_role, role_named
from .iam_narrow import narrow
from .iam_subset import kind_of, opened, subset

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.aws.clients import Clients
    from chalicelib.iam.documents import Document
    from chalicelib.model import Json
    from suture.account_roles import Read
    from suture.explain import Explanation

EPILOG = """\b
Examples:
  suture iam explain role/checkout
  suture iam explain policies.jsonl > answers.jsonl
  suture iam explain policy.json --pretty
  suture iam can role/checkout s3:PutObject arn:aws:s3:::orders/x
  suture iam narrow role/checkout --trail AWSLogs/ --package build.zip
  suture iam subset new.json old.json"""

_MOST_ROLES = 200


@click.group(epilog=EPILOG)
def iam() -> None:
    """What IAM policies let happen: who reaches what, what leads to administrator, what is proved."""


iam.add_command(can)
iam.add_command(narrow)
iam.add_command(subset)


@iam.command(
    "explain",
    epilog="""\b
Each line in: {"id", "kind": "identity"|"resource"|"trust", "policy", "context": {"account", "trusted_accounts",
"trusted_org_ids", "trusted_org_paths", "trusted_vpcs", "trusted_vpc_endpoints", "other_policies", "boundary", "scps"}}
Each line out: {"id", "reach", "public", "external", "admin", "escalation", "reasons", "error"}

\b
A policy that IAM refuses has `error`, and is `unknown` unless it would be a danger once its slip is put right.

\b
Exit codes: 0 every line has its answer (a bad one has `error`), 2 the input or the role cannot be read, 3 no AWS.""",
)
@click.argument("source", metavar="[FILE|-|role/NAME]", default="-")
@click.option("--pretty", is_flag=True, help="A picture for people instead of JSON lines.")
@click.option(
    "--roles",
    "most",
    type=click.IntRange(0, 5000),
    default=_MOST_ROLES,
    show_default=True,
    metavar="N",
    help="Of the account, look at no more than N roles that could be passed or assumed.",
)
@options.region
@options.profile
def explain(source: str, pretty: bool, most: int, region: str | None, profile: str | None) -> None:
    """Say who can reach what a policy guards, whether it makes an administrator, and how it escalates.

    FILE has one JSON object a line, or is one policy document. A role name or ARN is read from the account that the
    AWS credentials name, with the roles that it could pass or assume.
    """
    if is_role(source):
        _explain_role(source, pretty or output.console().is_terminal, most, region, profile)
    elif source == "-":
        _explain_lines(sys.stdin.buffer, pretty)
    else:
        with opened(source) as file:
            _explain_lines(file, pretty)


def _explain_lines(file: IO[bytes], pretty: bool) -> None:
    import json

    from suture.explain import answers

    lines = _lines(file)
    if pretty:
        for line in lines:
            output.show(_picture(line))
        return
    for found in answers(lines, _now()):
        sys.stdout.write(json.dumps(found, ensure_ascii=True) + "\n")
        sys.stdout.flush()


def _lines(file: IO[bytes]) -> Sequence[bytes] | IO[bytes]:
    """The lines of a file; a file that is one policy document is one line about it."""
    import json

    if file is sys.stdin.buffer:
        return file
    whole = file.read()
    try:
        document = json.loads(whole)
    except (ValueError, RecursionError):
        return whole.splitlines()
    if not isinstance(document, dict):
        return whole.splitlines()
    if "Statement" in document and "policy" not in document:
        text = whole.decode("utf-8-sig")
        return [json.dumps({"id": file.name, "kind": kind_of(document), "policy": text}).encode()]
    return [whole]


def _picture(line: bytes) -> list[Text]:
    from suture.explain import answer, explain, read_question

    from . import iam_page

    if not line.strip():
        return []
    told = answer(line, _now())
    title = str(told["id"] if told["id"] is not None else "policy")
    if told["error"]:
        return [output.text(title, "bold"), output.text(f"unknown: {told['error']}", "yellow"), output.text("")]
    asked, raw = read_question(line)
    page = iam_page.explained(title, explain(asked, _now()), {asked.kind: (raw, asked.policy)})
    return [*page, output.text("")]


def _explain_role(source: str, pretty: bool, most: int, region: str | None, profile: str | None) -> None:
    import json
    from dataclasses import replace

    from chalicelib.iam.reach import Trust, reach

    aws = account_of(region, profile)
    read = role_named(aws, source)
    found = _judged(aws, read, most)
    trust = read.role.trust
    if trust is not None:
        reached = reach(trust, Trust(aws.account))
        found = replace(found, found=reached, reach=reached.verdict)
    if not pretty:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=True) + "\n")
        return
    from . import iam_page

    policies: dict[str, tuple[Json, Document]] = {d.name: (read.raw[d.name], d) for d in read.role.documents}
    if trust is not None:
        policies["trust policy"] = (read.resource.config["AssumeRolePolicyDocument"], trust)
    output.show(iam_page.explained(read.role.arn, found, policies))


def _judged(aws: Clients, read: Read, most: int) -> Explanation:
    """The role's answer, with the account's other roles where they matter: only if there might be a path at all."""
    from chalicelib.iam.admin import administrator
    from chalicelib.iam.escalation import escalations
    from suture import account_roles
    from suture.explain import Explanation

    role = read.role
    now = _now()
    admin = administrator(role.documents, role.boundary)
    paths = escalations(role.documents, role.boundary, principal=role.arn, now=now)
    notes = read.notes
    may_assume = any(s.allows and "sts" in str(s.actions).lower() for d in role.documents for s in d.statements)
    if most and (paths or may_assume):
        others, blind = account_roles.other_roles(aws, most)
        paths = escalations(role.documents, role.boundary, (), others, role.arn, complete=not blind, now=now)
        notes += blind
    notes += ("Service control policies of the organisation were not looked at.",)
    return Explanation(role.arn, "private", None, admin, paths, notes)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")
