"""What a CloudFormation stack does, as the calls that CloudFormation makes for its caller.

moto makes a stack's resources without any call, so their records are written from the stack: one for each resource
that the call created, changed or deleted, with `invokedBy`, `sourceIPAddress` and `userAgent` of CloudFormation.
Source: CloudTrail User Guide, "userIdentity element" (invokedBy); recorded events.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.responses import get_service_model

from . import cloudtrail_answers, cloudtrail_lambda
from . import cloudtrail_tables as tables
from .cloudtrail_shapes import lower_first, recorded
from .front import Exchange

Json = Any
CLOUDFORMATION = "cloudformation.amazonaws.com"
_NOT_COPIED = ("resources", "apiVersion", "tlsDetails", "additionalEventData", "errorCode", "errorMessage")
_S3_EXTRA = {
    "SignatureVersion": "SigV4",
    "CipherSuite": "TLS_AES_128_GCM_SHA256",
    "bytesTransferredIn": 0,
    "AuthenticationMethod": "AuthHeader",
    "bytesTransferredOut": 0,
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack: CloudFormation's type, its physical id, its properties without intrinsics."""

    kind: str
    physical_id: str
    properties: Mapping[str, Json]
    made: Any


@dataclass(frozen=True, slots=True)
class Verbs:
    """The calls that make, change and remove a type of resource; `named` is the parameter that takes its id."""

    service: str
    create: str
    update: str
    delete: str
    named: str


_VERBS: Mapping[str, Verbs] = {
    "AWS::Lambda::Function": Verbs(
        "lambda", "CreateFunction", "UpdateFunctionConfiguration", "DeleteFunction", "FunctionName"
    ),
    "AWS::Lambda::Permission": Verbs("lambda", "AddPermission", "AddPermission", "RemovePermission", "StatementId"),
    "AWS::Lambda::Url": Verbs(
        "lambda", "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig", ""
    ),
    "AWS::Lambda::Alias": Verbs("lambda", "CreateAlias", "UpdateAlias", "DeleteAlias", ""),
    "AWS::Lambda::EventSourceMapping": Verbs(
        "lambda", "CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping", ""
    ),
    "AWS::IAM::Role": Verbs("iam", "CreateRole", "UpdateAssumeRolePolicy", "DeleteRole", "RoleName"),
    "AWS::IAM::ManagedPolicy": Verbs("iam", "CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "PolicyArn"),
    "AWS::IAM::User": Verbs("iam", "CreateUser", "UpdateUser", "DeleteUser", "UserName"),
    "AWS::ApiGateway::RestApi": Verbs("apigateway", "CreateRestApi", "UpdateRestApi", "DeleteRestApi", "restApiId"),
    "AWS::ApiGateway::Stage": Verbs("apigateway", "CreateStage", "UpdateStage", "DeleteStage", "stageName"),
    "AWS::ApiGateway::Deployment": Verbs("apigateway", "CreateDeployment", "UpdateDeployment", "DeleteDeployment", ""),
    "AWS::S3::Bucket": Verbs("s3", "CreateBucket", "", "DeleteBucket", "Bucket"),
    "AWS::SQS::Queue": Verbs("sqs", "CreateQueue", "SetQueueAttributes", "DeleteQueue", "QueueUrl"),
    "AWS::SNS::Topic": Verbs("sns", "CreateTopic", "SetTopicAttributes", "DeleteTopic", "TopicArn"),
    "AWS::DynamoDB::Table": Verbs("dynamodb", "CreateTable", "UpdateTable", "DeleteTable", "TableName"),
    "AWS::Events::Rule": Verbs("events", "PutRule", "PutRule", "DeleteRule", "Name"),
    "AWS::Logs::LogGroup": Verbs("logs", "CreateLogGroup", "PutRetentionPolicy", "DeleteLogGroup", "logGroupName"),
    "AWS::KMS::Key": Verbs("kms", "CreateKey", "PutKeyPolicy", "ScheduleKeyDeletion", "KeyId"),
    "AWS::SecretsManager::Secret": Verbs("secretsmanager", "CreateSecret", "UpdateSecret", "DeleteSecret", "SecretId"),
    "AWS::SSM::Parameter": Verbs("ssm", "PutParameter", "PutParameter", "DeleteParameter", "Name"),
    "AWS::StepFunctions::StateMachine": Verbs(
        "stepfunctions", "CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine", "stateMachineArn"
    ),
}
# Identifiers that the service makes: a creating call does not carry them.
_MADE_BY_SERVICE = {"restApiId", "QueueUrl", "TopicArn", "KeyId", "SecretId", "stateMachineArn", "PolicyArn"}


def records(exchange: Exchange, parent: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The CloudTrail records of the resources that this stack call created, changed or deleted, in that order.
    `parent` is the record of the call itself."""
    before, after = _before_and_after(exchange)
    calls: list[tuple[str, str, dict[str, Json], dict[str, Json] | None]] = []
    for name, resource in after.items():
        if name not in before:
            calls += _created(resource)
        elif before[name].properties != resource.properties:
            calls += _changed(resource)
    for name in reversed(list(before.keys() - after.keys())):
        calls += _deleted(before[name])
    return [_record(parent, *call) for call in calls]


def _before_and_after(exchange: Exchange) -> tuple[dict[str, Resource], dict[str, Resource]]:
    stack = _stack(exchange)
    if stack is None:
        return {}, {}
    before: dict[str, Resource] = getattr(stack, "suture_seen", {})
    gone = exchange.call.operation == "DeleteStack"
    if not gone and exchange.call.operation not in {"CreateStack", "UpdateStack", "ExecuteChangeSet"}:
        return {}, {}
    after = {} if gone else _resources(stack)
    stack.suture_seen = after
    return before, after


def _stack(exchange: Exchange) -> Any:
    # moto's CloudFormation takes a second to import: only when there is a stack.
    from moto.cloudformation.models import cloudformation_backends

    backend = cloudformation_backends[exchange.identity.account][exchange.call.region]
    parameters = exchange.call.parameters
    named = parameters.get("StackName") or parameters.get("ChangeSetName")
    for stack in [*backend.stacks.values(), *backend.deleted_stacks.values()]:
        if named in (stack.name, stack.stack_id):
            return stack
    for change_set in backend.change_sets.values():
        if named in (change_set.change_set_id, change_set.change_set_name):
            return change_set.stack
    return None


def _resources(stack: Any) -> dict[str, Resource]:
    from moto.cloudformation.parsing import clean_json

    found = {}
    template = stack.resource_map._resource_json_map
    for name, made in list(stack.resource_map._parsed_resources.items()):
        if name in template and hasattr(made, "physical_resource_id"):
            properties = clean_json(template[name].get("Properties", {}), stack.resource_map)
            kind = template[name]["Type"]
            found[name] = Resource(kind, str(made.physical_resource_id), json.loads(_text(properties)), made)
    return found


def _created(resource: Resource) -> Iterator[tuple[str, str, dict[str, Json], dict[str, Json] | None]]:
    verbs = _VERBS.get(resource.kind)
    if resource.kind == "AWS::IAM::Policy":
        yield from _role_policies(resource)
        return
    if verbs is None:
        return
    parameters = _parameters(resource, verbs)
    if verbs.named in _MADE_BY_SERVICE:
        parameters.pop(verbs.named, None)
    yield verbs.service, verbs.create, parameters, _response(resource, verbs)
    if resource.kind == "AWS::IAM::Role":
        yield from _role_extras(resource)


def _changed(resource: Resource) -> Iterator[tuple[str, str, dict[str, Json], dict[str, Json] | None]]:
    verbs = _VERBS.get(resource.kind)
    if resource.kind == "AWS::IAM::Policy":
        yield from _role_policies(resource)
    elif resource.kind == "AWS::IAM::Role":
        trust = _text(resource.properties["AssumeRolePolicyDocument"])
        yield "iam", "UpdateAssumeRolePolicy", {"RoleName": resource.physical_id, "PolicyDocument": trust}, None
        yield from _role_extras(resource)
    elif verbs is not None and verbs.update:
        yield verbs.service, verbs.update, _parameters(resource, verbs), _response(resource, verbs)


def _deleted(resource: Resource) -> Iterator[tuple[str, str, dict[str, Json], dict[str, Json] | None]]:
    verbs = _VERBS.get(resource.kind)
    if verbs is None:
        return
    model = get_service_model(verbs.service).operation_model(verbs.delete)
    wanted = set(model.input_shape.members) if model.input_shape else set()
    parameters = {k: v for k, v in _parameters(resource, verbs).items() if k in wanted}
    answer = _response(resource, verbs) if resource.kind == "AWS::DynamoDB::Table" else None
    yield verbs.service, verbs.delete, parameters, answer


def _role_extras(resource: Resource) -> Iterator[tuple[str, str, dict[str, Json], None]]:
    for policy in resource.properties.get("Policies") or ():
        document = _text(policy["PolicyDocument"])
        named = {"RoleName": resource.physical_id, "PolicyName": policy["PolicyName"], "PolicyDocument": document}
        yield "iam", "PutRolePolicy", named, None
    for arn in resource.properties.get("ManagedPolicyArns") or ():
        yield "iam", "AttachRolePolicy", {"RoleName": resource.physical_id, "PolicyArn": arn}, None


def _role_policies(resource: Resource) -> Iterator[tuple[str, str, dict[str, Json], None]]:
    document = _text(resource.properties.get("PolicyDocument", {}))
    for role in resource.properties.get("Roles") or ():
        named = {"RoleName": role, "PolicyName": resource.properties.get("PolicyName"), "PolicyDocument": document}
        yield "iam", "PutRolePolicy", named, None


def _parameters(resource: Resource, verbs: Verbs) -> dict[str, Json]:
    """A resource's properties as its API names them; a document becomes the text that the API takes."""
    given: dict[str, Json] = {**resource.properties, **({verbs.named: resource.physical_id} if verbs.named else {})}
    if verbs.service == "apigateway":
        given = {name[0].lower() + name[1:]: value for name, value in given.items()}
    if "TargetFunctionArn" in given:
        given["FunctionName"] = given["TargetFunctionArn"]
    for name, value in given.items():
        if name in ("Tags", "tags") and verbs.service in {"lambda", "apigateway"} and isinstance(value, list):
            given[name] = {tag["Key"]: tag["Value"] for tag in value}
        if name.endswith(("Document", "Policy", "Pattern")) and isinstance(value, dict | list):
            given[name] = _text(value)
    return {**given, **cloudtrail_answers.asked(resource.kind, resource.physical_id, resource.properties)}


def _response(resource: Resource, verbs: Verbs) -> dict[str, Json] | None:
    """What of the service's answer a reader of events needs: the configuration, or the id that the service made."""
    known = cloudtrail_answers.answered(resource.kind, resource.properties, resource.made)
    if known is not None:
        return known
    by_member = {"restApiId": "id", "stateMachineArn": "stateMachineArn", "SecretId": "ARN"}
    member = by_member.get(verbs.named) or verbs.named
    return {member: resource.physical_id} if verbs.named in _MADE_BY_SERVICE else None


def _record(
    parent: Mapping[str, Json],
    service: str,
    operation: str,
    parameters: Mapping[str, Json],
    response: Mapping[str, Json] | None,
) -> dict[str, Json]:
    model = get_service_model(service)
    shape = model.operation_model(operation)
    request = {**tables.DEFAULTS.get(f"{service}:{operation}", {})}
    request.update(_request(service, operation, shape.input_shape, parameters, parent["awsRegion"]))
    answered = _answered(service, operation, shape.output_shape, response)
    kept = {key: value for key, value in parent.items() if key not in _NOT_COPIED}
    source = tables.SOURCES.get(service) or model.signing_name
    return {
        **kept,
        "userIdentity": {**parent["userIdentity"], "invokedBy": CLOUDFORMATION},
        "eventSource": f"{source}.amazonaws.com",
        "eventName": tables.EVENT_NAMES.get(f"{service}:{operation}", operation),
        "awsRegion": "us-east-1" if service in tables.GLOBAL else parent["awsRegion"],
        "sourceIPAddress": CLOUDFORMATION,
        "userAgent": CLOUDFORMATION,
        "requestParameters": request or None,
        "responseElements": answered or None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        **_extras(service, parent, parameters),
    }


def _answered(service: str, operation: str, shape: Any, response: Mapping[str, Json] | None) -> dict[str, Json]:
    if not response or f"{service}:{operation}" in tables.NO_RESPONSE:
        return {}
    written = recorded(service, operation, shape, response)
    return cloudtrail_lambda.response(operation, written) if service == "lambda" else written


def _extras(service: str, parent: Mapping[str, Json], parameters: Mapping[str, Json]) -> dict[str, Json]:
    """What S3 and DynamoDB add to each of their records."""
    version = {"apiVersion": tables.API_VERSIONS[service]} if service in tables.API_VERSIONS else {}
    account, region = parent["recipientAccountId"], parent["awsRegion"]
    if service == "s3":
        arn, kind = f"arn:aws:s3:::{parameters['Bucket']}", "AWS::S3::Bucket"
        extra = {"additionalEventData": _S3_EXTRA}
    elif service == "dynamodb":
        arn, kind = f"arn:aws:dynamodb:{region}:{account}:table/{parameters['TableName']}", "AWS::DynamoDB::Table"
        extra = {}
    else:
        return version
    return {"resources": [{"ARN": arn, "accountId": account, "type": kind}], **version, **extra}


def _request(service: str, operation: str, shape: Any, parameters: Mapping[str, Json], region: str) -> dict[str, Json]:
    if service == "s3":
        bucket = parameters["Bucket"]
        return {"bucketName": bucket, "Host": f"{bucket}.s3.{region}.amazonaws.com"}
    written = recorded(service, operation, shape, parameters)
    if f"{service}:{operation}" == "sqs:CreateQueue":
        return {tables.QUEUE_SPELLINGS.get(name, name): value for name, value in written.items()}
    if service != "apigateway":
        return written
    placed = {lower_first(name) for name, one in shape.members.items() if one.serialization.get("location") == "uri"}
    body = {name: value for name, value in written.items() if name not in placed}
    top = {name: value for name, value in written.items() if name in placed}
    return {**top, **({f"{lower_first(operation)}Input": body} if body else {}), "template": False}


def _text(document: Json) -> str:
    return document if isinstance(document, str) else json.dumps(document, default=str)
