"""API Gateway: the REST, HTTP and WebSocket APIs whose integrations and authorizers call a function.

A source is a whole API, `arn:aws:execute-api:region:account:api-id/*`, and no single method of it. API Gateway sends
stage, method and path (`api-id/prod/GET/pets`), a route key of a WebSocket API, `test-invoke-stage` for a test from
the console, and `api-id/authorizers/id` for an authorizer. What can be read is the API as it is being edited, while a
stage may still run what was deployed before under other paths: the pattern holds for all of them, and for nobody
else's API. Sources: Lambda Developer Guide, "Using AWS Lambda with Amazon API Gateway" (the region in the ARN is the
function's; an asterisk stands for stages, methods and resources); API Gateway Developer Guide, "Lambda authorizers".

Where an integration or authorizer brings its own role, the function's policy is not what lets it in (API Gateway API
Reference, Integration, `credentials`): it is no source. GetResources may be called five times in two seconds by a
whole account ("Amazon API Gateway quotas"), so that few REST APIs are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ....iam.globs import matches
from ....model import Json
from ...clients import Aws
from .asking import LATEST, Ask, Found, bare, of_each

OPERATIONS = (
    "apigateway:GetRestApis",
    "apigateway:GetResources",
    "apigateway:GetAuthorizers",
    "apigatewayv2:GetApis",
    "apigatewayv2:GetIntegrations",
    "apigatewayv2:GetAuthorizers",
)
MOST_REST_APIS, MOST_RESOURCES, MOST_APIS = 10, 500, 20
"""How much is asked at most in one read: two calls an API. GetResources gives 500 resources a page."""

_INVOKED = re.compile(r"arn:[^:]+:apigateway:[^:]+:lambda:path/[^/]+/functions/(.+)/[a-z-]+")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def _every_api(aws: Aws, arns: set[str]) -> Found:
    rest = aws.pages("apigateway:GetRestApis", {}, "items")
    yield from of_each(rest, MOST_REST_APIS, lambda api: _rest(aws, arns, api["id"]))
    routed = aws.pages("apigatewayv2:GetApis", {}, "Items")
    yield from of_each(routed, MOST_APIS, lambda api: _routed(aws, arns, api["ApiId"]))


def _rest(aws: Aws, arns: set[str], api: str) -> Found:
    wanted = {"restApiId": api, "embed": ["methods"], "limit": MOST_RESOURCES}
    answer = aws.call("apigateway:GetResources", wanted)
    if answer.get("position"):
        yield None
    for resource in answer.get("items", ()):
        for method in (resource.get("resourceMethods") or {}).values():
            integration = method.get("methodIntegration") or {}
            yield from _called(aws, arns, api, integration.get("uri"), integration.get("credentials"))
    for one in aws.pages("apigateway:GetAuthorizers", {"restApiId": api}, "items"):
        yield from _called(aws, arns, api, one.get("authorizerUri"), one.get("authorizerCredentials"))


def _routed(aws: Aws, arns: set[str], api: str) -> Found:
    for one in aws.pages("apigatewayv2:GetIntegrations", {"ApiId": api}, "Items"):
        yield from _called(aws, arns, api, one.get("IntegrationUri"), one.get("CredentialsArn"))
    for one in aws.pages("apigatewayv2:GetAuthorizers", {"ApiId": api}, "Items"):
        yield from _called(aws, arns, api, one.get("AuthorizerUri"), one.get("AuthorizerCredentialsArn"))


def _called(aws: Aws, arns: set[str], api: str, uri: Json, role: Json) -> Found:
    """The function that a URI names: by its ARN, or by the path that Lambda is called at.

    A stage variable may stand for any text, another one in every stage: None where it may make our function's name.
    """
    if not uri or role:
        return
    found = _INVOKED.fullmatch(uri)
    name = found[1] if found else str(uri)
    if _VARIABLE.search(name):
        pattern = _VARIABLE.sub("*", name)
        if any(matches(pattern, one) for arn in arns for one in (arn, arn + LATEST)):
            yield None
    elif ":lambda:action/" in name:
        yield None  # an Invoke whose parameters name the function
    else:
        yield bare(name), {"SourceArn": f"arn:{aws.partition}:execute-api:{aws.region}:{aws.account}:{api}/*"}


ASKERS: Mapping[str, Ask] = {"apigateway.amazonaws.com": _every_api}
