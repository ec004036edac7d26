"""A function, version or alias policy lets anyone call the function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ..errors import BadPolicy
from ..iam.documents import Statement
from ..iam.globs import fold
from ..model import Json, Resource
from ..surgery import statements
from . import Control, Judgement, Signal
from ._functions import (
    AUTH_TYPE,
    LIFE_SIGNALS,
    SIGNALS,
    THROUGH_URL,
    fails,
    public_statements,
    qualifiers,
    spoken,
    unknown,
)
from ._grants import grant_of

_URL_ACTIONS = frozenset({"lambda:invokefunctionurl", "lambda:invokefunction"})


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Qualifier, Sid, Statement, and Grant where AddPermission can rebuild it."""
    items = tuple(item for name, entry in qualifiers(resource) for item in _items(name, entry, resource))
    public = [item for item in items if "Unknown" not in item]
    if public:
        return Judgement(f"Anyone with an AWS account may call {spoken(resource, _where(public))}", items)
    if items:
        return Judgement(f"The policy of {spoken(resource, _where(items))} cannot be judged", items, "low")
    return None


def _items(name: str | None, entry: Mapping[str, Json], resource: Resource) -> Iterator[dict[str, Json]]:
    arn = resource.arn if name is None else f"{resource.arn}:{name}"
    try:
        public = public_statements(entry["Policy"], resource)
    except BadPolicy as error:
        yield {**unknown(name, error), "Sid": None, "Grant": None}
        return
    sids = Counter(str(s.get("Sid")) for s in statements(entry["Policy"] or {}))
    for statement in public:
        if not _belongs_to_url(statement.parsed):
            sid = statement.raw.get("Sid")
            grant = grant_of(statement.raw, arn) if sids[str(sid)] == 1 else None
            yield {"Qualifier": name, "Sid": sid, "Statement": dict(statement.raw), "Grant": grant}


def _where(items: list[dict[str, Json]] | tuple[dict[str, Json], ...]) -> Iterator[str | None]:
    return (item["Qualifier"] for item in items)


def _belongs_to_url(statement: Statement) -> bool:
    """Does it act through a public function URL only? Then lambda-url-public judges it together with the URL."""
    if statement.actions is None or not {fold(a) for a in statement.actions} <= _URL_ACTIONS:
        return False
    return fails(statement, THROUGH_URL, "false") or fails(statement, AUTH_TYPE, "AWS_IAM")


CONTROL = Control(
    title="Only named callers may call a Lambda function",
    why=(
        "A policy statement for everyone lets any AWS account in the world run the function with the rights of "
        "its role, and at the cost of its owner."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::Lambda::Function",
    signals=(Signal("aws.lambda", (*SIGNALS, *LIFE_SIGNALS)),),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html",
    ),
    peers=(
        "Lambda.1",
        "lambda-function-public-access-prohibited",
        "awslambda_function_not_publicly_accessible",
        "CKV_AWS_301",
    ),
)
