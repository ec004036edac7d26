"""A topic's policy lets anyone publish to it or subscribe to it."""

from __future__ import annotations

from ..model import Resource
from . import Control, Judgement, Signal
from ._holders import everyone


def judge(resource: Resource) -> Judgement | None:
    """One item a public statement: Sid, Statement, the Principals in it that are everyone, and the Reason."""
    return everyone(resource, "topic", "use")


CONTROL = Control(
    title="Only named callers may use a topic",
    why=(
        "A statement for everyone lets any AWS account publish messages that subscribers take for the "
        "owner's, or subscribe and read along."
    ),
    severity="critical",
    pillar="iam-hardening",
    resource_type="AWS::SNS::Topic",
    signals=(
        Signal("aws.sns", ("CreateTopic", "DeleteTopic", "SetTopicAttributes", "AddPermission", "RemovePermission")),
    ),
    judge=judge,
    public_access=True,
    references=(
        "https://docs.aws.amazon.com/sns/latest/dg/sns-security-best-practices.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sns-controls.html",
    ),
    peers=("SNS.4", "sns_topics_not_publicly_accessible", "CKV_AWS_169"),
)
