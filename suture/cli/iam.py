"""`suture iam`: what a policy lets happen, whether a principal may do something, and proofs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

import click

from . import options, output
from .iam_can import can
from .iam_named import account_of, is_principal, principal_named
from .iam_narrow import narrow
from .iam_subset import kind_of, opened, subset

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.iam.documents import Document
    from chalicelib.model import Json

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
"trusted_org_ids", "trusted_org_paths", "trusted_vpcs", "trusted_vpc_endpoints", "trusted_endpoints",
"other_policies", "boundary", "scps"}}
Each line out: {"id", "reach", "public", "external", "admin", "escalation", "reasons", "error"}

\b
A policy that IAM refuses has `error`, and is `unknown` unless it would be a danger once its slip is put right.

\b
Exit codes: 0 every line has its answer (a bad one has `error`), 2 the input or the role cannot be read, 3 no AWS.""",
)
@click.argument("source", metavar="[FILE|-|PRINCIPAL]", default="-")
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

    FILE has one JSON object a line, or is one policy document. A PRINCIPAL (role/NAME, user/NAME, group/NAME, or an
    ARN) is read from the account that the AWS credentials name, with the roles that it could pass or assume, and the
    other versions of policies that it could put in force.
    """
    if is_principal(source):
        _explain_principal(source, pretty or output.console().is_terminal, most, region, profile)
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


def _lines(file: IO[bytes]) -> Iterable[bytes]:
    """The lines of a file; a file that is one policy document is one line about it."""
    import json

    from suture.explain import lines_of

    if file is sys.stdin.buffer:
        return lines_of(file)
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


def _explain_principal(source: str, pretty: bool, most: int, region: str | None, profile: str | None) -> None:
    import json

    from suture.account_paths import explained

    aws = account_of(region, profile)
    read = principal_named(aws, source)
    found = explained(aws, read, most, _now())
    if not pretty:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=True) + "\n")
        return
    from . import iam_page

    policies: dict[str, tuple[Json, Document]] = {d.name: (read.raw[d.name], d) for d in read.role.documents}
    if read.role.trust is not None:
        policies["trust policy"] = (read.resource.config["AssumeRolePolicyDocument"], read.role.trust)
    output.show(iam_page.explained(read.role.arn, found, policies))


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")
