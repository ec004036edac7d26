"""A table's policy lets anyone read or write its items."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason."""
    return everyone(resource, "table", "use")


CONTROL = Control(
    title="Only named callers may use a table",
    why=(
        "A statement for everyone opens the table's items to any AWS account. DynamoDB refuses most such "
        "policies, but not one that a condition seems to close."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::DynamoDB::Table",
    signals=(Signal("aws.dynamodb", ("CreateTable", "DeleteTable", "PutResourcePolicy", "DeleteResourcePolicy")),),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html",),
    peers=("dynamodb_table_cross_account_access",),
)
