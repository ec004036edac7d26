"""Calls on resources that are known by a name: which parameter of which call names the resource.

Source: CloudTrail User Guide, the services' "Logging … with AWS CloudTrail" pages, and recorded events. Callers may
write an ARN, a URL or a name in most places; a place is made of what is left when that is taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from ..model import Json
from .fields import at, text, word
from .places import (
    BUCKET,
    BUS,
    KEY,
    LAYER,
    MACHINE_NAME,
    PARAMETER,
    QUEUE,
    REPOSITORY,
    SECRET,
    STACK,
    STATE_MACHINE,
    TABLE,
    TASK_DEFINITION,
    TOPIC,
    Place,
    place_of_arn,
)

_Named = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A resource type, and the paths that name one: of the request, then of the response."""


@cache
def _calls() -> Mapping[str, _Named]:
    """`service:Call` → what it names."""
    named: dict[str, _Named] = {}
    for calls, kind, request, response in _TABLE:
        for call in calls.split():
            named[call] = (kind, request, response)
    return named


_TABLE: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "sqs:CreateQueue sqs:DeleteQueue sqs:SetQueueAttributes sqs:AddPermission sqs:RemovePermission",
        QUEUE,
        ("queueUrl", "queueName"),
        (),
    ),
    (
        "sns:CreateTopic sns:DeleteTopic sns:SetTopicAttributes sns:AddPermission sns:RemovePermission",
        TOPIC,
        ("topicArn", "name"),
        (),
    ),
    (
        """secretsmanager:CreateSecret secretsmanager:DeleteSecret secretsmanager:RestoreSecret
        secretsmanager:PutResourcePolicy secretsmanager:DeleteResourcePolicy""",
        SECRET,
        ("secretId", "name"),
        ("aRN", "arn"),
    ),
    ("kms:CreateKey kms:PutKeyPolicy kms:CancelKeyDeletion", KEY, ("keyId",), ("keyMetadata.keyId", "keyId")),
    (
        """events:CreateEventBus events:UpdateEventBus events:DeleteEventBus events:PutPermission
        events:RemovePermission""",
        BUS,
        ("eventBusName", "name"),
        (),
    ),
    ("dynamodb:CreateTable dynamodb:DeleteTable", TABLE, ("tableName",), ()),
    ("dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy", TABLE, ("resourceArn",), ()),
    (
        """ecr:CreateRepository ecr:DeleteRepository ecr:SetRepositoryPolicy
        ecr:DeleteRepositoryPolicy""",
        REPOSITORY,
        ("repositoryName",),
        (),
    ),
    (
        """s3:CreateBucket s3:DeleteBucket s3:PutBucketPolicy s3:DeleteBucketPolicy s3:PutBucketAcl
        s3:PutBucketPublicAccessBlock s3:DeleteBucketPublicAccessBlock""",
        BUCKET,
        ("bucketName",),
        (),
    ),
    (
        """lambda:PublishLayerVersion lambda:DeleteLayerVersion lambda:AddLayerVersionPermission
        lambda:RemoveLayerVersionPermission""",
        LAYER,
        ("layerName",),
        (),
    ),
    ("ssm:PutParameter ssm:DeleteParameter", PARAMETER, ("name",), ()),
    (
        "states:CreateStateMachine states:UpdateStateMachine states:DeleteStateMachine",
        STATE_MACHINE,
        ("stateMachineArn", "name"),
        ("stateMachineArn",),
    ),
    (
        "ecs:RegisterTaskDefinition ecs:DeregisterTaskDefinition",
        TASK_DEFINITION,
        ("family", "taskDefinition"),
        ("taskDefinition.taskDefinitionArn",),
    ),
    (
        """cloudformation:CreateStack cloudformation:UpdateStack cloudformation:DeleteStack
        cloudformation:ExecuteChangeSet""",
        STACK,
        ("stackName",),
        ("stackId",),
    ),
)


def names_holder(service: str, api: str) -> bool:
    """Is it a call on a resource that is known by a name?"""
    return f"{service}:{api}" in _calls()


def holder_place(service: str, api: str, record: Mapping[str, Json], where: str) -> Place | str:
    """The resource that one such call names, or why it names none. Raises BadEvent where a name is no text."""
    kind, paths, answered = _calls()[f"{service}:{api}"]
    request, response = record.get("requestParameters"), record.get("responseElements")
    given = next((found for path in answered if (found := text(response, path))), "")
    given = given or next((found for path in paths if (found := word(request, path, where))), "")
    if kind == BUS and not given:
        given = "default"
    if not given:
        why = "requestParameters is null or lacks it"
        return f"{service}:{api} does not say which resource ({why}); the sweep will see it"
    if kind == LAYER:
        return _layer(given, at(request, "versionNumber") or at(response, "version"))
    place = _place(kind, given)
    return place or f"{service}:{api} names {given[:100]!r}, which is no {kind} that a control reads"


def _place(kind: str, given: str) -> Place | None:
    if kind == QUEUE and "/" in given:
        *_, account, name = ("", *given.rstrip("/").split("/"))
        return Place(kind, name, account) if _fits(kind, name) and account.isdecimal() else None
    if given.startswith("arn:"):
        place = place_of_arn(given)
        return place if place is not None and place.type == kind else None
    if kind == TASK_DEFINITION:
        given = given.partition(":")[0]  # `family:revision`
    return Place(kind, given) if _fits(kind, given) else None


def _layer(given: str, version: Json) -> Place | str:
    """`version` is a number in the request, and in the answer of PublishLayerVersion."""
    place = place_of_arn(f"{given}:{version}" if given.startswith("arn:") and given.count(":") == 6 else given)
    if place is not None and place.type == LAYER:
        return place
    known = isinstance(version, int) and re.fullmatch(r"[A-Za-z0-9_-]{1,140}", given, re.ASCII)
    return Place(LAYER, f"{given}:{version}") if known else "a layer without name or version"


def _fits(kind: str, name: str) -> bool:
    return re.fullmatch(_NAMES[kind], name, re.ASCII) is not None


_NAMES = {
    QUEUE: r"[A-Za-z0-9_-]{1,80}(\.fifo)?",
    TOPIC: r"[A-Za-z0-9_-]{1,256}(\.fifo)?",
    SECRET: r"[A-Za-z0-9/_+=.@-]{1,512}",
    KEY: r"[A-Za-z0-9-]{1,128}",
    BUS: r"[A-Za-z0-9/._-]{1,256}",
    TABLE: r"[A-Za-z0-9._-]{3,255}",
    REPOSITORY: r"[a-z0-9/._-]{2,256}",
    BUCKET: r"[A-Za-z0-9._-]{3,255}",
    PARAMETER: r"[A-Za-z0-9_./-]{1,1011}",
    STATE_MACHINE: MACHINE_NAME,
    TASK_DEFINITION: r"[A-Za-z0-9_-]{1,255}",
    STACK: r"[A-Za-z][A-Za-z0-9-]{0,127}",
}
"""What each service's API reference allows as a name."""
