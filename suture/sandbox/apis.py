"""A REST API from its Swagger body, by API Gateway's own calls, since moto's import wants another dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suture.sandbox.intrinsics import Made
from suture.sandbox.making import Account

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of a REST API: `resource` is its path with `{names}`; `signed` when AWS_IAM guards it;
    `function` the ARN behind it ("" for none)."""

    method: str
    resource: str
    signed: bool
    function: str


def routes_of(body: Mapping[str, Any]) -> Iterator[Route]:
    """The routes of a Swagger 2.0 body as Chalice writes it. `security` names `sigv4` where a signature is asked."""
    for resource, methods in body.get("paths", {}).items():
        for method, operation in methods.items():
            if method not in _METHODS:
                continue
            security = operation.get("security", body.get("security", []))
            uri = str(operation.get("x-amazon-apigateway-integration", {}).get("uri", ""))
            function = uri.partition("/functions/")[2].removesuffix("/invocations")
            yield Route(method.upper(), resource, any("sigv4" in one for one in security), function)


def make_rest_api(here: Account, logical: str, wanted: Mapping[str, Any]) -> Made:
    client, body = here.client("apigateway"), wanted.get("Body", {})
    name = wanted.get("Name") or body.get("info", {}).get("title") or logical
    api = client.create_rest_api(name=name)["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    ids = {"": root, "/": root}
    for route in routes_of(body):
        resource = _resource(client, api, route.resource, ids)
        where = {"restApiId": api, "resourceId": resource, "httpMethod": route.method}
        client.put_method(**where, authorizationType="AWS_IAM" if route.signed else "NONE")
        path = f"path/2015-03-31/functions/{route.function}/invocations"
        uri = f"arn:aws:apigateway:{here.region}:lambda:{path}"
        client.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    return Made(api, {"RootResourceId": root, "RestApiId": api})


def make_deployment(here: Account, logical: str, wanted: Mapping[str, Any]) -> Made:
    made = here.client("apigateway").create_deployment(restApiId=wanted["RestApiId"])["id"]
    return Made(made, {"DeploymentId": made})


def make_stage(here: Account, logical: str, wanted: Mapping[str, Any]) -> Made:
    client, name = here.client("apigateway"), wanted["StageName"]
    where = {"restApiId": wanted["RestApiId"], "stageName": name}
    tags = {tag["Key"]: tag["Value"] for tag in wanted.get("Tags", [])}
    more = {"tracingEnabled": bool(wanted.get("TracingEnabled"))}
    client.create_stage(**where, deploymentId=wanted["DeploymentId"], tags=tags, **more)
    patches = [*_access_log(wanted.get("AccessLogSetting", {})), *_settings(wanted.get("MethodSettings", []))]
    if patches:
        client.update_stage(**where, patchOperations=patches)
    return Made(name)


def make_account(here: Account, logical: str, wanted: Mapping[str, Any]) -> Made:
    patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": wanted.get("CloudWatchRoleArn", "")}
    here.client("apigateway").update_account(patchOperations=[patch])
    return Made(here.name(logical))


def _resource(client: Any, api: str, path: str, ids: dict[str, str]) -> str:
    if path not in ids:
        parent, _, part = path.rpartition("/")
        above = _resource(client, api, parent, ids)
        ids[path] = client.create_resource(restApiId=api, parentId=above, pathPart=part)["id"]
    return ids[path]


def _access_log(wanted: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for key, path in (("DestinationArn", "destinationArn"), ("Format", "format")):
        if key in wanted:
            yield {"op": "replace", "path": f"/accessLogSettings/{path}", "value": str(wanted[key])}


_SETTINGS = {
    "ThrottlingRateLimit": "throttling/rateLimit",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "DataTraceEnabled": "logging/dataTrace",
}


def _settings(wanted: list[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for setting in wanted:
        resource = setting.get("ResourcePath", "/*").lstrip("/").replace("/", "~1") or "*"
        for key, path in _SETTINGS.items():
            if key in setting:
                value = setting[key]
                text = str(value).lower() if isinstance(value, bool) else str(value)
                method = setting.get("HttpMethod", "*")
                yield {"op": "replace", "path": f"/{resource}/{method}/{path}", "value": text}
