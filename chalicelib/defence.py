"""Suture's own parts: how a CloudTrail record names one, and what is told when somebody changes it.

Nothing of its own is ever repaired (invariant 7): whoever can change a part could make the repair do harm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from .events import api_name
from .events.fields import at, text
from .model import Json

CONTROL = "suture-own-parts"
PART, RELEASE = "Suture::Part", "Suture::Release"
HEARING = "hearing"
"""The part that is no AWS object: that events arrive at all."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "lambda": ("functionName", "resource", "resourceArn"),
    "iam": ("roleName", "policyArn"),
    "events": ("name", "rule", "resourceARN"),
    "sqs": ("queueUrl", "queueName"),
    "dynamodb": ("tableName", "resourceArn"),
    "kms": ("keyId", "targetKeyId"),
    "s3": ("bucketName",),
    "apigateway": ("restApiId",),
    "logs": ("logGroupName",),
}
"""Where the request of a call names what it changes, by service. The event rules are rendered from this."""

TRAIL_CALLS = ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail")
"""Calls that can leave us without CloudTrail's events, whichever trail they are about."""

KEY_CALLS = (
    "CancelKeyDeletion", "CreateGrant", "DeleteAlias", "DisableKey", "EnableKey", "PutKeyPolicy", "ReplicateKey",
    "RetireGrant", "RevokeGrant", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
    "UpdateKeyDescription",
)  # fmt: skip
LOG_CALLS = (
    "DeleteLogGroup", "DeleteLogStream", "DeleteMetricFilter", "DeleteRetentionPolicy", "PutMetricFilter",
    "PutRetentionPolicy", "PutSubscriptionFilter",
)  # fmt: skip
_ONLY: Mapping[str, Collection[str]] = {"kms": KEY_CALLS, "logs": LOG_CALLS, "cloudtrail": TRAIL_CALLS}


@dataclass(frozen=True, slots=True)
class Own:
    """What is ours: everything whose name begins with `prefix` (`suture-prod-`), and these ARNs, ids and names."""

    prefix: str
    parts: frozenset[str]

    def owns(self, name: str) -> bool:
        """Is this a name, an ARN or an address of one of our parts?"""
        last = name.rsplit("/", 1)[-1]
        function = name.partition(":function:")[2]
        return name in self.parts or any(each.startswith(self.prefix) for each in (name, last, function))


def part_of(record: Mapping[str, Json], own: Own) -> str:
    """The part of ours that one CloudTrail record changed, as it names it; empty for none, and for what failed."""
    service = text(record, "eventSource").removesuffix(".amazonaws.com")
    name = api_name(text(record, "eventName"))
    if at(record, "errorCode") or at(record, "readOnly") is True or name not in _ONLY.get(service, (name,)):
        return ""
    if service == "cloudtrail":
        return f"the trail {text(record, 'requestParameters.name') or '(unnamed)'}"
    return next((named for named in _named(service, record) if own.owns(named)), "")


def _named(service: str, record: Mapping[str, Json]) -> Iterator[str]:
    for field in FIELDS.get(service, ()):
        yield text(record, f"requestParameters.{field}")
    if service == "lambda":  # an event source mapping is called by its id
        yield text(record, "responseElements.functionArn")
    resources = at(record, "resources")
    for resource in resources if service == "kms" and isinstance(resources, list) else ():
        yield text(resource, "ARN") if isinstance(resource, Mapping) else ""


def remedies(stack: str) -> tuple[str, ...]:
    """The commands that put every part back as it was deployed; `stack` is the stack's name or ARN.

    Source: CloudFormation User Guide, "Drift-aware change sets". An ordinary update leaves what only drifted.
    """
    name = stack.split(":stack/")[-1].split("/")[0] or "STACK"
    keep = "join(' ',Stacks[0].Parameters[].join('',['ParameterKey=',ParameterKey,',UsePreviousValue=true']))"
    return (
        f"Put it back: aws cloudformation create-change-set --stack-name {name} --change-set-name suture-repair "
        "--deployment-mode REVERT_DRIFT --use-previous-template --capabilities CAPABILITY_NAMED_IAM "
        f'--parameters $(aws cloudformation describe-stacks --stack-name {name} --query "{keep}" --output text)',
        f"Then: aws cloudformation execute-change-set --stack-name {name} --change-set-name suture-repair",
        "Until then trust nothing that Suture says: pause it (suture pause), and look who made the change, and why.",
    )
