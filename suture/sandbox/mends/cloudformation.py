"""CloudFormation: the resource types that moto leaves out and a serverless stack needs; NoEcho shown as stars.

moto looks for a parameter's value among the names of those with NoEcho. AWS: CloudFormation User Guide,
AWS::SQS::QueuePolicy, AWS::Lambda::Url, AWS::ApiGateway::Stage, AWS::ApiGateway::Account, AWS::Lambda::Alias;
"Parameters section structure" (NoEcho).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from moto.apigateway.exceptions import NotFoundException
from moto.apigateway.models import apigateway_backends
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.utils import get_backend
from moto.cloudformation import parsing
from moto.cloudformation.models import Stack as MotoStack
from moto.core.common_models import CloudFormationModel
from moto.sqs.models import sqs_backends

from . import lambda_urls
from .lambda_grants import split

Properties = Mapping[str, Any]


class Made(CloudFormationModel):  # type: ignore[misc]
    """A resource of ours in a stack: its physical id, its attributes for Fn::GetAtt, and how it is undone."""

    kind = "Suture::Sandbox::Made"

    def __init__(self, physical_id: str, attributes: Properties | None = None) -> None:
        self.physical_resource_id, self.attributes = physical_id, dict(attributes or {})

    @classmethod
    def make(cls, properties: Properties, account: str, region: str, known: str) -> Made:
        """Create the resource, or bring the `known` one to these properties."""
        raise NotImplementedError

    @classmethod
    def unmake(cls, physical_id: str, account: str, region: str) -> None:
        """Delete the resource; nothing to do where deleting what it hangs on does it."""

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.kind

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Made:
        return cls.make(cloudformation_json["Properties"], account_id, region_name, "")

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Made,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Made:
        known = str(original_resource.physical_resource_id)
        return cls.make(cloudformation_json["Properties"], account_id, region_name, known)

    def delete(self, account_id: str, region: str) -> None:
        self.unmake(str(self.physical_resource_id), account_id, region)

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        return self.attributes.get(attribute_name, self.physical_resource_id)


class QueuePolicy(Made):
    """A policy on the queues that it names."""

    kind = "AWS::SQS::QueuePolicy"

    @classmethod
    def make(cls, properties: Properties, account: str, region: str, known: str) -> Made:
        backend = sqs_backends[account][region]
        for url in properties["Queues"]:
            queue = backend.get_queue(str(url).rsplit("/", 1)[-1])
            document = properties["PolicyDocument"]
            text = document if isinstance(document, str) else json.dumps(document, default=str)
            queue._set_attributes({"Policy": text})
        return cls(known or f"queue-policy-{uuid.uuid4().hex[:12]}")


class FunctionUrl(Made):
    """The URL of a function or of one of its aliases."""

    kind = "AWS::Lambda::Url"

    @classmethod
    def make(cls, properties: Properties, account: str, region: str, known: str) -> Made:
        storage = get_backend(account, region)._lambdas
        name, qualifier = split(str(properties["TargetFunctionArn"]), properties.get("Qualifier"))
        asked = {key: properties[key] for key in ("AuthType", "Cors", "InvokeMode") if properties.get(key)}
        urls = lambda_urls.urls_of(storage)
        if known and (name, qualifier) in urls:
            urls[name, qualifier].update(asked)
        else:
            lambda_urls.create(storage, name, qualifier, asked)
        url = urls[name, qualifier]
        return cls(url["FunctionArn"], {"FunctionUrl": url["FunctionUrl"], "FunctionArn": url["FunctionArn"]})

    @classmethod
    def unmake(cls, physical_id: str, account: str, region: str) -> None:
        storage = get_backend(account, region)._lambdas
        lambda_urls.urls_of(storage).pop(split(physical_id, None), None)


class Alias(Made):
    """An alias of a function."""

    kind = "AWS::Lambda::Alias"

    @classmethod
    def make(cls, properties: Properties, account: str, region: str, known: str) -> Made:
        backend = get_backend(account, region)
        name, _ = split(str(properties["FunctionName"]), None)
        version = str(properties["FunctionVersion"])
        how = backend.update_alias if known else backend.create_alias
        alias = how(
            name=properties["Name"],
            function_name=name,
            function_version=version.rsplit(":", 1)[-1],
            description=properties.get("Description", ""),
            routing_config=properties.get("RoutingConfig"),
        )
        return cls(alias.arn)

    @classmethod
    def unmake(cls, physical_id: str, account: str, region: str) -> None:
        name, alias = split(physical_id, None)
        with suppress(UnknownFunctionException):
            get_backend(account, region).delete_alias(alias, name)


class Stage(Made):
    """A stage of a REST API, with its method settings, access log and tracing."""

    kind = "AWS::ApiGateway::Stage"

    @classmethod
    def make(cls, properties: Properties, account: str, region: str, known: str) -> Made:
        backend = apigateway_backends[account][region]
        api, name = properties["RestApiId"], properties["StageName"]
        if known:
            stage = backend.get_stage(api, name)
        else:
            stage = backend.create_stage(
                api, name, properties.get("DeploymentId"), description=properties.get("Description", "")
            )
        stage.deployment_id = properties.get("DeploymentId")
        stage.tracing_enabled = str(properties.get("TracingEnabled", "")).lower() == "true"
        stage.variables = dict(properties.get("Variables") or {})
        stage.tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}
        log = properties.get("AccessLogSetting") or {}
        stage.access_log_settings = {key[0].lower() + key[1:]: value for key, value in log.items()} or None
        stage.method_settings = {
            f"{one.get('ResourcePath', '/*').lstrip('/') or '*'}/{one.get('HttpMethod', '*')}": {
                key[0].lower() + key[1:]: value
                for key, value in one.items()
                if key not in ("ResourcePath", "HttpMethod")
            }
            for one in properties.get("MethodSettings") or ()
        }
        return cls(name, {"RestApiId": api})

    def delete(self, account_id: str, region: str) -> None:
        backend = apigateway_backends[account_id][region]
        with suppress(NotFoundException):
            backend.delete_stage(self.attributes["RestApiId"], str(self.physical_resource_id))


class GatewayAccount(Made):
    """The account's settings of API Gateway."""

    kind = "AWS::ApiGateway::Account"

    @classmethod
    def make(cls, properties: Properties, account: str, region: str, known: str) -> Made:
        backend = apigateway_backends[account][region]
        backend.account.cloudwatch_role_arn = properties.get("CloudWatchRoleArn") or None
        return cls(known or f"account-{uuid.uuid4().hex[:8]}")


_TYPES = (QueuePolicy, FunctionUrl, Alias, Stage, GatewayAccount)


def _parameters(stack: Any) -> list[dict[str, Any]]:
    held, hidden = stack.resource_map.resolved_parameters, stack.resource_map.no_echo_parameter_keys
    return [{"ParameterKey": k, "ParameterValue": "****" if k in hidden else v} for k, v in held.items()]


def mend() -> None:
    MotoStack.parameter_list = property(_parameters)
    known = [model for model in parsing.get_model_list() if model is not Made]
    models = [*known, *(kind for kind in _TYPES if kind not in known)]
    types = {model.cloudformation_type(): model for model in models}
    names = {model.cloudformation_type(): model.cloudformation_name_type() for model in models}
    parsing.get_model_list = lambda: models
    parsing.get_model_map = lambda: types
    parsing.get_name_type_map = lambda: names
