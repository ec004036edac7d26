"""Calls checked offline against botocore's own service models: operations, members, required members, plain types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.model import OperationNotFoundError

from chalicelib.aws.operations import api_of
from chalicelib.expressions import is_expression
from chalicelib.model import Json

from . import vaultmodels
from .yamlfile import Place

_OF_A_ROLE = frozenset({"RolePolicyList", "AttachedManagedPolicies"})

_OF_A_PARAMETER = frozenset(
    {
        *("Name", "Type", "Tier", "DataType", "Description", "AllowedPattern", "Policies", "Version"),
        *("LastModifiedDate", "Value", "KeyId", "Previous"),
    }
)

_CONFIGURATIONS: Mapping[str, tuple[str, tuple[str, ...], frozenset[str]]] = {
    "AWS::Lambda::Function": ("lambda:GetFunctionConfiguration", (), frozenset({"Qualifiers", "Callers"})),
    "AWS::IAM::Role": ("iam:GetRole", ("Role",), _OF_A_ROLE),
    "Suture::IAM::RoleUsage": ("iam:GetRole", ("Role",), frozenset({*_OF_A_ROLE, "LastAccessed"})),
    "Suture::Lambda::SharedRole": ("iam:GetRole", ("Role",), frozenset({*_OF_A_ROLE, "Functions"})),
    "AWS::IAM::ManagedPolicy": ("iam:GetPolicy", ("Policy",), frozenset({"PolicyVersionList", "UsedBy", "Holders"})),
    "AWS::ApiGateway::Stage": ("apigateway:GetStage", (), frozenset({"restApiId", "Account"})),
    "AWS::Lambda::LayerVersion": ("", (), frozenset({"Policy", "LayerName", "Version"})),
    "AWS::SQS::Queue": ("", (), frozenset({"Policy", "QueueUrl"})),
    "AWS::SNS::Topic": ("", (), frozenset({"Policy"})),
    "AWS::SecretsManager::Secret": ("", (), frozenset({"Policy", "Name"})),
    "AWS::KMS::Key": ("", (), frozenset({"Policy", "KeyId", "KeyManager"})),
    "AWS::Events::EventBus": ("", (), frozenset({"Policy"})),
    "AWS::DynamoDB::Table": ("", (), frozenset({"Policy"})),
    "AWS::ECR::Repository": ("", (), frozenset({"Policy"})),
    "AWS::S3::Bucket": ("", (), frozenset({"Policy", "PublicAccessBlock", "AccountPublicAccessBlock", "Grants"})),
    "AWS::SSM::Parameter": ("", (), _OF_A_PARAMETER),
    "AWS::StepFunctions::StateMachine": ("stepfunctions:DescribeStateMachine", (), frozenset({"Unreadable"})),
    "AWS::ECS::TaskDefinition": ("", (), frozenset({"family", "revision", "executionRoleArn", "containerDefinitions"})),
    "AWS::CloudFormation::Stack": ("", (), frozenset({"StackName", "StackStatus", "Parameters", "Outputs", "Exports"})),
}
"""Where AWS describes what our readers read, and which names the readers add; no operation: these names are all."""


@cache
def input_shape(operation: str) -> Any:
    """botocore's input shape of `lambda:GetPolicy`; None where botocore has no such service or operation."""
    model = _operation(operation)
    return model.input_shape if model else None


def exists(operation: str) -> bool:
    return _operation(operation) is not None


def call_problems(operation: str, parameters: Mapping[str, Json]) -> Iterator[tuple[Place, str]]:
    """What AWS would refuse in a call: the place below `parameters`, and a sentence. Expressions fit everywhere."""
    shape = input_shape(operation)
    if shape is None:
        if parameters:
            yield (), f"{operation} takes no parameters"
        return
    yield from _structure(shape, parameters)


def is_sensitive(operation: str, parameter: str) -> bool:
    """Does botocore mark this parameter, or a part of it, as sensitive: a value that must not be logged?"""
    shape = input_shape(operation)
    member = shape.members.get(parameter) if shape else None
    return member is not None and _is_sensitive(member, 0)


def _is_sensitive(shape: Any, depth: int) -> bool:
    if getattr(shape, "metadata", {}).get("sensitive"):
        return True
    if shape.type_name == "structure" and depth < 2:
        return any(_is_sensitive(member, depth + 1) for member in shape.members.values())
    return False


@cache
def configuration_names(resource_type: str) -> frozenset[str] | None:
    """The names that may follow `resource.config.` for a type, or None where we do not know them."""
    if resource_type not in _CONFIGURATIONS:
        return None
    operation, path, added = _CONFIGURATIONS[resource_type]
    if not operation:
        return added
    model = _operation(operation)
    if model is None:
        return None
    shape = model.output_shape
    for name in path:
        shape = shape.members[name]
    return frozenset(shape.members) | added


@cache
def _operation(name: str) -> Any:
    service, _, operation = api_of(name).partition(":")
    try:
        model = (
            vaultmodels.service_model(service)
            if vaultmodels.is_outside(service)
            else _session().get_service_model(service)
        )
        return model.operation_model(operation)
    except (BotoCoreError, OperationNotFoundError):
        return None


@cache
def _session() -> Any:
    from botocore.session import Session

    return Session()


def _structure(shape: Any, given: Mapping[str, Json]) -> Iterator[tuple[Place, str]]:
    plain = {name.removesuffix("?"): name for name in given}
    for name in shape.required_members:
        if name not in plain:
            yield (), f"the required parameter {name} is missing"
        elif plain[name].endswith("?"):
            yield (plain[name],), f"{name} is required, so it cannot be optional"
    for name, written in plain.items():
        if name not in shape.members:
            known = ", ".join(sorted(shape.members))
            yield (written,), f"{name} is no parameter here (there are: {known})"
        else:
            for place, what in _value(shape.members[name], given[written]):
                yield (written, *place), what


def _value(shape: Any, given: Json) -> Iterator[tuple[Place, str]]:
    kind = shape.type_name
    if is_expression(given) or _is_read_later(given):
        return
    if kind in _TYPES and not _fits(kind, given):
        yield (), f"a {kind} is wanted, and this is {type(given).__name__}"
    elif kind == "structure":
        yield from _structure(shape, given)
    elif kind == "list":
        for index, item in enumerate(given):
            yield from (((index, *place), what) for place, what in _value(shape.member, item))
    elif kind == "map":
        for name, item in given.items():
            yield from (((name, *place), what) for place, what in _value(shape.value, item))
    elif kind == "string" and shape.enum and given not in shape.enum:
        yield (), f"{given!r} is not one of {', '.join(shape.enum)}"


_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "float": (int, float),
    "double": (int, float),
}


def _fits(kind: str, given: Json) -> bool:
    return isinstance(given, _TYPES[kind]) and (kind == "boolean" or not isinstance(given, bool))


def _is_read_later(given: Json) -> bool:
    return isinstance(given, Mapping) and bool(set(given) & {"late", "fresh"})
