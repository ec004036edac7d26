"""A key's policy lets anyone decrypt with it, or administer it."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason.

    The policies of AWS's own keys are AWS's; the reader leaves them out.
    """
    return everyone(resource, "key", "use")


CONTROL = Control(
    title="Only named callers may use a KMS key",
    why=(
        "A statement for everyone lets any AWS account decrypt what the key protects, or change the key "
        "itself. A condition on the service alone (kms:ViaService) does not say whose data it is."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::KMS::Key",
    signals=(Signal("aws.kms", ("CreateKey", "PutKeyPolicy", "CancelKeyDeletion")),),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html",
    ),
    peers=("KMS.5", "kms_key_not_publicly_accessible", "CKV_AWS_33"),
)
