"""What a service answers, and takes, when CloudFormation calls it, where a template's properties do not say it alone.

moto makes a stack's resources without any call; here is what the same call made directly would have told. Sources:
the API reference of each service (CreateRole, CreatePolicy, AddPermission, CreateTable, CreateQueue, CreateTopic) and
the CloudFormation User Guide's page of each resource type.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Json = Any
Properties = Mapping[str, Json]
_DEFAULT_PATH = "/"
_QUEUE_OWN = {"QueueName", "QueueUrl", "Tags"}
_TOPIC_OWN = {"TopicName", "TopicArn", "Tags", "Subscription", "DataProtectionPolicy"}


def answered(kind: str, properties: Properties, made: Any) -> dict[str, Json] | None:
    """The answer, in the API's own names, to the call that made or changed `made`; None where no table knows it."""
    known = _ANSWERS.get(kind)
    return known(properties, made) if known else None


def asked(kind: str, physical_id: str, properties: Properties) -> dict[str, Json]:
    """The parameters that a type's properties become, where they are not the properties themselves."""
    if kind == "AWS::SQS::Queue":
        return {
            "QueueName": physical_id.rstrip("/").rsplit("/", 1)[-1],
            **_some("Attributes", _attributes(properties, _QUEUE_OWN)),
            **_some("tags", {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}),
        }
    if kind == "AWS::SNS::Topic":
        attributes = _attributes(properties, _TOPIC_OWN)
        return {"Name": physical_id.rsplit(":", 1)[-1], **_some("Attributes", attributes)}
    if kind == "AWS::IAM::ManagedPolicy":
        return {"PolicyName": physical_id.rsplit("/", 1)[-1]}
    if kind == "AWS::DynamoDB::Table":
        return _table_request(properties)
    return {}


def _function(properties: Properties, made: Any) -> dict[str, Json]:
    return dict(made.get_configuration())


def _permission(properties: Properties, made: Any) -> dict[str, Json]:
    return {"Statement": json.dumps(made.suture_statement, separators=(",", ":"))}


def _role(properties: Properties, made: Any) -> dict[str, Json]:
    trust = properties["AssumeRolePolicyDocument"]
    text = trust if isinstance(trust, str) else json.dumps(trust, default=str)
    bound = properties.get("PermissionsBoundary")
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": bound}
    role = {
        "Path": made.path or _DEFAULT_PATH,
        "RoleName": made.name,
        "RoleId": made.id,
        "Arn": str(made.arn),
        "CreateDate": made.create_date,
        "AssumeRolePolicyDocument": urllib.parse.quote(text, safe=""),
        **_some("Description", properties.get("Description")),
        **_some("PermissionsBoundary", boundary if bound else None),
        **_some("Tags", properties.get("Tags")),
    }
    return {"Role": role}


def _policy(properties: Properties, made: Any) -> dict[str, Json]:
    policy = {
        "PolicyName": made.name,
        "PolicyId": made.id,
        "Arn": str(made.arn),
        "Path": made.path or _DEFAULT_PATH,
        "DefaultVersionId": made.default_version_id,
        "AttachmentCount": 0,
        "IsAttachable": True,
        "CreateDate": made.create_date,
        "UpdateDate": made.update_date,
        **_some("Description", properties.get("Description")),
    }
    return {"Policy": policy}


def _table(properties: Properties, made: Any) -> dict[str, Json]:
    described = dict(made.describe()["TableDescription"])
    at = described["CreationDateTime"]
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(float(at), UTC)
    return {"TableDescription": {**described, "CreationDateTime": moment}}


def _table_request(properties: Properties) -> dict[str, Json]:
    """CreateTable's parameters: a stream and an encryption are switched on by another word than in a template."""
    changed: dict[str, Json] = {}
    stream, encryption = properties.get("StreamSpecification"), properties.get("SSESpecification")
    if stream:
        changed["StreamSpecification"] = {"StreamEnabled": True, **stream}
    if encryption:
        rest = {name: value for name, value in encryption.items() if name != "SSEEnabled"}
        changed["SSESpecification"] = {"Enabled": encryption.get("SSEEnabled"), **rest}
    return changed


def _attributes(properties: Properties, own: set[str]) -> dict[str, str]:
    return {name: _text(value) for name, value in properties.items() if name not in own}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _some(name: str, value: Json) -> dict[str, Json]:
    return {name: value} if value else {}


_ANSWERS: Mapping[str, Callable[[Properties, Any], dict[str, Json]]] = {
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::IAM::Role": _role,
    "AWS::IAM::ManagedPolicy": _policy,
    "AWS::DynamoDB::Table": _table,
}
