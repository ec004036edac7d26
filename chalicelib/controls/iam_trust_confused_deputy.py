"""A role lets an AWS service assume it on behalf of any of that service's customers."""

from __future__ import annotations

from ..iam.documents import Statement
from ..model import Resource
from . import Control, Judgement, Signal
from ._trusts import SIGNALS, trusted

_DOCUMENTED = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "appsync",
        "bedrock",
        "codebuild",
        "config",
        "ecs-tasks",
        "events",
        "firehose",
        "iot",
        "logs",
        "pipes",
        "sagemaker",
        "scheduler",
        "ssm",
        "states",
        "transfer",
        "vpc-flow-logs",
    )
)
"""Services whose own guide shows aws:SourceAccount in a role's trust policy ("cross-service confused deputy
prevention"). lambda.amazonaws.com is none of them: a function's role is bound by iam:PassRole when it is made."""


def judge(resource: Resource) -> Judgement | None:
    """One item a statement: Index, Sid, Statement, the Principals (services) that are not bound, and the Reason."""
    title = "{who} may assume the role {role} for any of its customers"
    return trusted(resource, "service-unbound", _documented, title)


def _documented(statement: Statement, principals: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(p for p in principals if p.lower() in _DOCUMENTED)


CONTROL = Control(
    title="Services assume a role for its owner only",
    why=(
        "A service that acts for many customers could be made to use the role by one of the others. Its guide asks for "
        "a condition on the source account."
    ),
    severity="low",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=(Signal("aws.iam", SIGNALS),),
    judge=judge,
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",),
    peers=("iam_role_cross_service_confused_deputy_prevention",),
)
