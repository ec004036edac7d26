"""An execution role of a serverless service is an administrator."""

from __future__ import annotations

from collections.abc import Iterator

from ..iam.admin import administrator
from ..model import Json, Resource
from . import Control, Judgement
from ._execution import CHANGES, Boundary, Policies, judgement


def judge(resource: Resource) -> Judgement | None:
    """One item a reason: Reason, and the Policy (name or ARN) that gives it; `several` where none does alone."""
    said = "is an administrator: its code may do anything in the account"
    return judgement(resource, _reasons, said, "is an administrator")


def _reasons(policies: Policies, boundary: Boundary) -> Iterator[dict[str, Json]]:
    """Nothing unless all policies together make an administrator; then each that does so by itself, or `several`."""
    together = administrator(tuple(policies.values()), boundary)
    if together is None:
        return
    alone = {name: found for name, document in policies.items() if (found := administrator((document,), boundary))}
    for name, found in (alone or {"several": together}).items():
        yield from ({"Reason": reason, "Policy": name} for reason in found.reasons)


CONTROL = Control(
    title="Execution roles are not administrators",
    why=(
        "Whoever gets one line of code or one dependency into such a function owns the account; an execution "
        "role needs only what its code calls."
    ),
    severity="high",
    pillar="iam-hardening",
    resource_type="AWS::IAM::Role",
    signals=CHANGES,
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
    ),
    peers=(
        "IAM.1",
        "IAM.21",
        "iam-policy-no-statements-with-admin-access",
        "iam_role_administratoraccess_policy",
        "iam_inline_policy_no_administrative_privileges",
        "iam_customer_attached_policy_no_administrative_privileges",
        "CKV_AWS_62",
        "CKV_AWS_274",
    ),
)
