"""What a call asks of IAM: actions on resources, with the condition keys that the request carries.

Source: Service Authorization Reference, one page a service ("Actions, resources, and condition keys for …").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.utilities.utils import get_partition

from chalicelib.aws.entries import Operation
from chalicelib.aws.operations import OPERATIONS, resource_of

from .calls import Call

UNKNOWN = ""
Values = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One action on one resource (UNKNOWN where the table below cannot tell it); `context` holds what the call
    itself says, under IAM's condition keys."""

    action: str
    resource: str
    context: Values = field(default_factory=dict)


# IAM's prefix is the signing name but here.
_PREFIXES = {"cloudwatch": "cloudwatch", "ses": "ses", "sesv2": "ses", "s3control": "s3", "dynamodbstreams": "dynamodb"}

# API operations whose IAM action has another name.
_ACTIONS: Mapping[str, str] = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:PutBucketCors": "s3:PutBucketCORS",
    "s3:DeleteBucketCors": "s3:PutBucketCORS",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:PutBucketReplication": "s3:PutReplicationConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
}
_VERBS = {"GET": "GET", "POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE", "HEAD": "GET"}

# Prefix and parameter → the resource that the call addresses, where the operation catalogue has no entry.
_RESOURCES: Mapping[tuple[str, str], str] = {
    ("lambda", "FunctionName"): "arn:{partition}:lambda:{region}:{account}:function:{FunctionName}",
    ("lambda", "Resource"): "{Resource}",
    ("lambda", "ResourceArn"): "{ResourceArn}",
    ("lambda", "LayerName"): "arn:{partition}:lambda:{region}:{account}:layer:{LayerName}",
    ("dynamodb", "TableName"): "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}",
    ("sqs", "QueueUrl"): "arn:{partition}:sqs:{region}:{account}:{QueueUrl}",
    ("sqs", "QueueName"): "arn:{partition}:sqs:{region}:{account}:{QueueName}",
    ("sns", "TopicArn"): "{TopicArn}",
    ("sns", "Name"): "arn:{partition}:sns:{region}:{account}:{Name}",
    ("logs", "logGroupName"): "arn:{partition}:logs:{region}:{account}:log-group:{logGroupName}:*",
    ("ssm", "Name"): "arn:{partition}:ssm:{region}:{account}:parameter/{Name}",
    ("kms", "KeyId"): "arn:{partition}:kms:{region}:{account}:key/{KeyId}",
    ("states", "stateMachineArn"): "{stateMachineArn}",
    ("sts", "RoleArn"): "{RoleArn}",
}
_PASSES_ROLE: Mapping[str, tuple[str, str]] = {
    "lambda:CreateFunction": ("Role", "lambda.amazonaws.com"),
    "lambda:UpdateFunctionConfiguration": ("Role", "lambda.amazonaws.com"),
    "stepfunctions:CreateStateMachine": ("roleArn", "states.amazonaws.com"),
    "stepfunctions:UpdateStateMachine": ("roleArn", "states.amazonaws.com"),
}
# Condition keys that are parameters.
_CONTEXT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "iam": (("PermissionsBoundary", "iam:PermissionsBoundary"), ("PolicyArn", "iam:PolicyARN")),
    "lambda": (
        ("Principal", "lambda:Principal"),
        ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
        ("AuthType", "lambda:FunctionUrlAuthType"),
    ),
    "kms": (("MacAlgorithm", "kms:MacAlgorithm"),),
    "ses": (("FromEmailAddress", "ses:FromAddress"),),
    "secretsmanager": (("Name", "secretsmanager:Name"), ("SecretId", "secretsmanager:SecretId")),
}


def asked(call: Call, account: str) -> list[Asked]:
    """Everything that must be allowed for the call to go through."""
    if call.name in _BY_ITEM:
        return list(_items(call, account))
    context = {**_bound(call, account), **_context(call)}
    wanted = [Asked(action, resource, context) for action, resource in _pairs(call, account)]
    if call.service == "dynamodb":
        keys = _leading_keys(call, call.parameters, account)
        wanted = [Asked(one.action, one.resource, {**context, **keys}) for one in wanted]
    if call.name in _PASSES_ROLE and call.parameters.get(_PASSES_ROLE[call.name][0]):
        parameter, service = _PASSES_ROLE[call.name]
        role = str(call.parameters[parameter])
        wanted.append(Asked("iam:PassRole", role, {"iam:PassedToService": service}))
    return wanted


def prefix_of(call: Call) -> str:
    """IAM's prefix of a call's actions."""
    return _PREFIXES.get(call.service) or str(call.service_model.signing_name)


def _pairs(call: Call, account: str) -> Iterator[tuple[str, str]]:
    prefix = prefix_of(call)
    if prefix == "apigateway":
        resource = f"arn:{_partition(call)}:apigateway:{call.region}::{call.path.removeprefix('/v2')}"
        yield f"apigateway:{_VERBS[call.request.method]}", resource
        return
    known = _entry(prefix, call)
    if known is not None:
        for action, template in known.iam:
            filled = _filled(template, call, account).replace("parameter//", "parameter/")
            yield action, _exact(call, account, action, filled)
        return
    action = _ACTIONS.get(call.name, f"{prefix}:{call.operation}")
    yield action, _exact(call, account, action, _looked_up(prefix, call, account))


def _entry(prefix: str, call: Call) -> Operation | None:
    """The catalogue's entry, that of a narrower use before the common one: PutParameter, with Overwrite."""
    name = f"{prefix}:{call.operation}"
    uses = (f"{name}#{parameter}" for parameter, value in call.parameters.items() if value is True)
    return next((OPERATIONS[use] for use in uses if use in OPERATIONS), OPERATIONS.get(name))


def _filled(template: str, call: Call, account: str) -> str:
    parameters = {name: value for name, value in call.parameters.items() if isinstance(value, str)}
    if "FunctionName" in parameters:
        parameters["FunctionName"] = _function(parameters["FunctionName"])
    filled = resource_of(template, parameters, account, call.region, _partition(call))
    qualifier = call.parameters.get("Qualifier")
    return f"{filled}:{qualifier}" if "{FunctionName}" in template and qualifier else filled


def _looked_up(prefix: str, call: Call, account: str) -> str:
    if prefix == "s3":
        bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
        arn = f"arn:{_partition(call)}:s3:::{bucket}" if bucket else "*"
        return f"{arn}/{key}" if key else arn
    for (owner, parameter), template in _RESOURCES.items():
        if owner == prefix and isinstance(call.parameters.get(parameter), str):
            return _filled(template, call, account).replace("parameter//", "parameter/")
    return UNKNOWN


def _exact(call: Call, account: str, action: str, resource: str) -> str:
    """The resource as it exists: a role with its path, a secret with its suffix, a key behind its alias."""
    partition = _partition(call)
    if action.startswith("iam:"):
        return _iam_resource(call, account) or resource
    if action.startswith("secretsmanager:"):
        named = call.parameters.get("SecretId")
        secrets = secretsmanager_backends[account][call.region].secrets
        if isinstance(named, str) and named in secrets:
            return str(secrets[named].arn)
        if not named and isinstance(call.parameters.get("Name"), str):
            name = call.parameters["Name"]
            return f"arn:{partition}:secretsmanager:{call.region}:{account}:secret:{name}-AbCdEf"
    if action.startswith("kms:") and resource and not resource.startswith("arn:"):
        return f"arn:{partition}:kms:{call.region}:{account}:key/{resource}"
    return resource


def _iam_resource(call: Call, account: str) -> str:
    backend = iam_backends[account][_partition(call)]
    parameters = call.parameters
    if isinstance(parameters.get("RoleName"), str):
        found = next((r for r in list(backend.roles.values()) if r.name == parameters["RoleName"]), None)
        path = str(parameters.get("Path") or "/")
        return str(found.arn) if found else f"arn:{_partition(call)}:iam::{account}:role{path}{parameters['RoleName']}"
    if isinstance(parameters.get("UserName"), str):
        user = backend.users.get(parameters["UserName"])
        return str(user.arn) if user else f"arn:{_partition(call)}:iam::{account}:user/{parameters['UserName']}"
    if isinstance(parameters.get("PolicyArn"), str):
        return str(parameters["PolicyArn"])
    if call.operation == "CreatePolicy":
        return (
            f"arn:{_partition(call)}:iam::{account}:policy{parameters.get('Path') or '/'}{parameters.get('PolicyName')}"
        )
    return UNKNOWN


def _function(name: str) -> str:
    return name if name.startswith("arn:") else name.rsplit("function:", 1)[-1]


def _context(call: Call) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for parameter, key in _CONTEXT.get(prefix_of(call), ()):
        if isinstance(call.parameters.get(parameter), str):
            found[key] = call.parameters[parameter]
    tags = call.parameters.get("Tags") or call.parameters.get("tags")
    pairs = _tags(tags)
    if pairs:
        found["aws:TagKeys"] = list(pairs)
        found.update({f"aws:RequestTag/{name}": value for name, value in pairs.items()})
    return found


def _bound(call: Call, account: str) -> dict[str, str | list[str]]:
    """iam:PermissionsBoundary where the request names none: the boundary that the addressed role or user has now."""
    if prefix_of(call) != "iam":
        return {}
    backend, parameters = iam_backends[account][_partition(call)], call.parameters
    owners = [r for r in list(backend.roles.values()) if r.name == parameters.get("RoleName")]
    owners += [u for u in list(backend.users.values()) if u.name == parameters.get("UserName")]
    bounds = [b for o in owners if (b := getattr(o, "permissions_boundary_arn", None))]
    return {"iam:PermissionsBoundary": str(bounds[0])} if bounds else {}


def _tags(tags: Any) -> dict[str, str]:
    if isinstance(tags, Mapping):
        return {str(k): str(v) for k, v in tags.items()}
    listed = tags if isinstance(tags, list) else []
    named = [one for one in listed if isinstance(one, Mapping) and ("Key" in one or "key" in one)]
    return {str(one.get("Key", one.get("key"))): str(one.get("Value", one.get("value", ""))) for one in named}


def _partition(call: Call) -> str:
    return str(get_partition(call.region))


# DynamoDB authorises these by what they do to each table.
_BY_ITEM: Mapping[str, str] = {
    "dynamodb:TransactWriteItems": "TransactItems",
    "dynamodb:TransactGetItems": "TransactItems",
    "dynamodb:BatchWriteItem": "RequestItems",
    "dynamodb:BatchGetItem": "RequestItems",
}
_ITEM_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def _items(call: Call, account: str) -> Iterator[Asked]:
    given = call.parameters.get(_BY_ITEM[call.name]) or ()
    if isinstance(given, Mapping):
        action = f"dynamodb:{call.operation}"
        for table, requests in given.items():
            keys = [key for one in _requests(requests) for key in _of_item(call, {**one, "TableName": table}, account)]
            yield Asked(action, _table(call, table, account), {"dynamodb:LeadingKeys": keys} if keys else {})
        return
    for entry in given:
        for kind, inner in entry.items():
            context = _leading_keys(call, inner, account)
            yield Asked(f"dynamodb:{_ITEM_ACTIONS[kind]}", _table(call, inner["TableName"], account), context)


def _requests(requests: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(requests, Mapping):
        for key in requests.get("Keys") or ():
            yield {"Key": key}
        return
    for one in requests:
        yield one.get("PutRequest") or one.get("DeleteRequest") or {}


def _table(call: Call, name: str, account: str) -> str:
    bare = name.rsplit("/", 1)[-1]
    return f"arn:{_partition(call)}:dynamodb:{call.region}:{account}:table/{bare}"


def _leading_keys(call: Call, parameters: Mapping[str, Any], account: str) -> dict[str, str | list[str]]:
    keys = list(_of_item(call, parameters, account))
    return {"dynamodb:LeadingKeys": keys} if keys else {}


def _of_item(call: Call, parameters: Mapping[str, Any], account: str) -> Iterator[str]:
    table = dynamodb_backends[account][call.region].tables.get(str(parameters.get("TableName", "")).rsplit("/", 1)[-1])
    if table is None:
        return
    item = parameters.get("Key") or parameters.get("Item")
    if isinstance(item, Mapping):
        yield from _text(item.get(table.hash_key_attr))
        return
    index = parameters.get("IndexName")
    hash_key = table.hash_key_attr
    for one in table.all_indexes() if index else ():
        if one.name == index:
            hash_key = next(part["AttributeName"] for part in one.schema if part["KeyType"] == "HASH")
    yield from _queried(parameters, str(hash_key))


def _queried(parameters: Mapping[str, Any], hash_key: str) -> Iterator[str]:
    names = parameters.get("ExpressionAttributeNames") or {}
    values = parameters.get("ExpressionAttributeValues") or {}
    for name, value in re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", str(parameters.get("KeyConditionExpression") or "")):
        if names.get(name, name) == hash_key:
            yield from _text(values.get(value))


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield str(next(iter(value.values())))
