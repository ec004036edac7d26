"""A secret's policy lets anyone read or change it."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason."""
    return everyone(resource, "secret", "use")


CONTROL = Control(
    title="Only named callers may use a secret",
    why=(
        "A statement for everyone gives the secret's value, or the power to change it, to any AWS account "
        "that may decrypt it."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::SecretsManager::Secret",
    signals=(
        Signal(
            "aws.secretsmanager",
            ("CreateSecret", "DeleteSecret", "RestoreSecret", "PutResourcePolicy", "DeleteResourcePolicy"),
        ),
    ),
    judge=judge,
    public_access=True,
    references=("https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html",),
    peers=("secretsmanager_not_publicly_accessible",),
)
