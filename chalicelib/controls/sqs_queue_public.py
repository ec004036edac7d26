"""A queue's policy lets anyone send, read or delete its messages."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason."""
    return everyone(resource, "queue", "use")


CONTROL = Control(
    title="Only named callers may use a queue",
    why=(
        "A statement for everyone lets any AWS account put messages into the queue, which the code behind it "
        "takes for its own, or read and delete what is in it."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::SQS::Queue",
    signals=(
        Signal("aws.sqs", ("CreateQueue", "DeleteQueue", "SetQueueAttributes", "AddPermission", "RemovePermission")),
    ),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sqs-controls.html",
    ),
    peers=("SQS.3", "sqs_queues_not_publicly_accessible", "CKV_AWS_168"),
)
