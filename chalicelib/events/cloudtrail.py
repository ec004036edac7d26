"""CloudTrail records: which API calls change a resource that we can look at, and where they name it.

Calls are keyed by (service, API name without date suffix): names such as `AddPermission` exist in several
services. Records never carry the state itself, so nothing but the place is taken from them.
Source of fields: CloudTrail User Guide, "CloudTrail record contents", and recorded events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from ..errors import BadEvent
from ..model import Change, Json
from .fields import at, first, table, text, truth, word
from .holders import holder_place, names_holder
from .places import (
    FUNCTION,
    MANAGED_POLICY,
    REST_API,
    ROLE,
    STAGE,
    Place,
    api_part,
    function_name,
    home_region,
    place_of_arn,
    role_name,
)
from .principals import principal_of


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BY_FUNCTION = _words(
    """CreateFunction UpdateFunctionConfiguration UpdateFunctionCode DeleteFunction PublishVersion AddPermission
    RemovePermission CreateFunctionUrlConfig UpdateFunctionUrlConfig DeleteFunctionUrlConfig PutFunctionConcurrency
    DeleteFunctionConcurrency PutProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig
    PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig
    PutFunctionCodeSigningConfig DeleteFunctionCodeSigningConfig PutRuntimeManagementConfig
    PutFunctionRecursionConfig CreateAlias UpdateAlias DeleteAlias"""
)
_BY_ARN = {
    "lambda": {
        "TagResource": "resource",
        "UntagResource": "resource",
        "PutResourcePolicy": "resourceArn",
        "DeleteResourcePolicy": "resourceArn",
    },
    "apigateway": {"TagResource": "resourceArn", "UntagResource": "resourceArn"},
}
_BY_ROLE = _words(
    """CreateRole UpdateRole UpdateRoleDescription DeleteRole UpdateAssumeRolePolicy PutRolePolicy DeleteRolePolicy
    AttachRolePolicy DetachRolePolicy PutRolePermissionsBoundary DeleteRolePermissionsBoundary TagRole UntagRole
    AddRoleToInstanceProfile"""
)
_BY_POLICY = _words("CreatePolicy CreatePolicyVersion SetDefaultPolicyVersion DeletePolicyVersion DeletePolicy")
_BY_STAGE = _words("CreateStage UpdateStage DeleteStage CreateDeployment")
_BY_REST_API = _words("CreateRestApi ImportRestApi UpdateRestApi PutRestApi DeleteRestApi")
_CREATES = _words(
    """CreateFunction CreateRole CreatePolicy CreateStage CreateRestApi ImportRestApi CreateQueue CreateTopic
    CreateSecret CreateKey CreateEventBus CreateTable CreateRepository CreateBucket PublishLayerVersion
    CreateStateMachine CreateStack"""
)
_DELETES = _words(
    """DeleteFunction DeleteRole DeletePolicy DeleteStage DeleteRestApi DeleteQueue DeleteTopic DeleteSecret
    DeleteEventBus DeleteTable DeleteRepository DeleteBucket DeleteLayerVersion DeleteStateMachine DeleteParameter
    DeleteStack"""
)


WATCHED = _words(
    "lambda iam apigateway sqs sns secretsmanager kms events dynamodb ecr s3 ssm states ecs cloudformation"
)
"""Services whose calls change resources that a control reads."""


MOST_NAMES = 10
"""So many parameters one GetParameters takes: Systems Manager API Reference."""


def api_name(event_name: str) -> str:
    """An event name without its API date: `AddPermission20150331v2` and `AddPermission` are one call."""
    return _date_suffix().sub("", event_name)


def read_record(record: Mapping[str, Json], *, account: str, replayed: bool, where: str) -> Change | str:
    """The change that one record reports, or the reason why there is nothing to look at.

    `account` is where EventBridge delivered it, for records too old to name their recipient. Raises BadEvent.
    """
    service = word(record, "eventSource", where).removesuffix(".amazonaws.com")
    name = word(record, "eventName", where)
    if not service or not name:
        raise BadEvent("a CloudTrail record needs eventSource and eventName", where=where, next_step=_FORWARD)
    action = f"{service}:{api_name(name)}"
    if action in _TAKES and not at(record, "errorCode"):
        return _taken(record, action, account, replayed, where)
    reason = _nothing_happened(record, action, where)
    if reason:
        return reason
    place = _place(service, api_name(name), record, where)
    if isinstance(place, str):
        return place
    return _change(record, place, action, account, replayed, where)


_TAKES = _words("secretsmanager:GetSecretValue ssm:GetParameter ssm:GetParameters")


def _taken(record: Mapping[str, Json], action: str, account: str, replayed: bool, where: str) -> Change | str:
    """Somebody took a secret from the store. One that Suture stored for a function says to look at that function; who
    took it is not asked here, since CloudTrail's own history tells, and nobody who reads a secret changed anything.
    """
    function = next((found for name in _taken_names(record) if (found := _function_of(name))), None)
    if function is None:
        return f"{action} of a secret that Suture did not store"
    change = _change(record, Place(FUNCTION, function), action, account, replayed, where)
    return change if isinstance(change, str) else replace(change, via="read", principal=None)


def _taken_names(record: Mapping[str, Json]) -> Iterator[str]:
    """The names of secrets and parameters, as a record has them: by name, or by ARN."""
    many = at(record, "requestParameters.names")
    for given in (
        text(record, "requestParameters.secretId"),
        text(record, "requestParameters.name"),
        *(many[:MOST_NAMES] if isinstance(many, list) else ()),
    ):
        if isinstance(given, str) and given:
            yield given.partition(":secret:" if ":secret:" in given else ":parameter/")[2] or given


def _function_of(name: str) -> str | None:
    """The function for which Suture stored a secret of that name. In Parameter Store the name says the version too."""
    parts = name.removeprefix("/").split("/")
    found = function_name(parts[1]) if parts[0] == "suture" and len(parts) in (4, 5) else None
    return found.name if found else None


def _nothing_happened(record: Mapping[str, Json], action: str, where: str) -> str:
    version = text(record, "eventVersion")
    if version and not version.startswith("1."):
        raise BadEvent(f"eventVersion {version[:10]} is not 1.x", where=where, next_step="update Suture")
    code = at(record, "errorCode")
    if code or at(record, "errorMessage"):  # the message may repeat a value of the request: it is not repeated here
        known = code if isinstance(code, str) and re.fullmatch(_CODE, code) else "no code that we know"
        return f"{action} failed ({known}), so nothing changed"
    if truth(at(record, "readOnly")):
        return f"{action} only reads"
    if truth(at(record, "requestParameters.dryRun")):
        return f"{action} was a dry run"
    kind = text(record, "eventType") or "AwsApiCall"
    return "" if kind == "AwsApiCall" else f"{action} is a {kind[:40]}, not an API call"


def _place(service: str, api: str, record: Mapping[str, Json], where: str) -> Place | str:
    request = table(record.get("requestParameters"), "requestParameters", where)
    response = at(record, "responseElements")
    if service == "lambda" and api in _BY_FUNCTION:
        return _function_place(
            word(request, "functionName", where) or text(response, "functionArn"), service, api, where
        )
    if api in _BY_ARN.get(service, {}):
        return _arn_place(word(request, _BY_ARN[service][api], where), f"{service}:{api}", where)
    if service == "iam" and api in _BY_ROLE:
        given = word(request, "roleName", where) or text(response, "role.roleName")
        return _named(ROLE, given, role_name(given), f"iam:{api}", where)
    if service == "iam" and api in _BY_POLICY:
        return _policy_place(word(request, "policyArn", where) or text(response, "policy.arn"), api, where)
    if service == "apigateway" and api in _BY_STAGE | _BY_REST_API:
        return _api_place(api, request, response, where)
    if names_holder(service, api):
        return holder_place(service, api, record, where)
    known = service in WATCHED
    return f"{service}:{api} moves nothing that a control reads" if known else f"no control watches {service}"


def _function_place(given: str, service: str, api: str, where: str) -> Place | str:
    if not given:
        return _unnamed(f"{service}:{api}")
    name = function_name(given)
    if name is None:
        raise BadEvent("functionName has no form that Lambda takes", where=where, next_step=_FORWARD)
    return Place(FUNCTION, name.name, name.account, name.region)


def _arn_place(arn: str, action: str, where: str) -> Place | str:
    if not arn:
        return _unnamed(action)
    if not arn.startswith("arn:"):
        raise BadEvent(f"{action} names a resource that is no ARN", where=where, next_step=_FORWARD)
    return place_of_arn(arn) or f"{action} names a resource of a type that no control reads"


def _policy_place(arn: str, api: str, where: str) -> Place | str:
    place = _arn_place(arn, f"iam:{api}", where)
    if isinstance(place, Place) and place.type != MANAGED_POLICY:
        raise BadEvent(f"iam:{api} names no policy", where=where, next_step=_FORWARD)
    return place


def _api_place(api: str, request: Mapping[str, Json], response: Json, where: str) -> Place | str:
    inner = api[0].lower() + api[1:] + "Input"
    if word(request, "apiId", where) and not first(request, "restApiId", f"{inner}.restApiId"):
        return f"apigateway:{api} is of an HTTP or WebSocket API (v2), which no control reads"
    rest_api = first(request, "restApiId", f"{inner}.restApiId") or (
        text(response, "id") if api in _BY_REST_API else ""
    )
    if api in _BY_REST_API:
        return _named(REST_API, rest_api, api_part(rest_api), f"apigateway:{api}", where)
    stage = first(request, "stageName", f"{inner}.stageName") or text(response, "stageName")
    if not stage and api == "CreateDeployment":
        return "apigateway:CreateDeployment without a stage deploys nothing yet"
    valid = api_part(rest_api) and api_part(stage)
    return _named(
        STAGE, f"{rest_api}/{stage}".strip("/"), f"{rest_api}/{stage}" if valid else "", f"apigateway:{api}", where
    )


def _named(resource_type: str, given: str, valid: str, action: str, where: str) -> Place | str:
    if not given:
        return _unnamed(action)
    if not valid:
        raise BadEvent(f"{action} names an impossible {resource_type}", where=where, next_step=_FORWARD)
    return Place(resource_type, valid)


def _change(
    record: Mapping[str, Json], place: Place, action: str, account: str, replayed: bool, where: str
) -> Change | str:
    region = text(record, "awsRegion")
    account = text(record, "recipientAccountId") or account or text(record, "userIdentity.accountId")
    if len(account) != 12 or not account.isdecimal() or not region:
        raise BadEvent("the record names no account and region", where=where, next_step=_FORWARD)
    home = home_region(place.type, region)
    if (place.account or account) != account or home_region(place.type, place.region or region) != home:
        return f"{action} names a resource of another place: {place.account or account}/{place.region or region}"
    api = action.partition(":")[2]
    qualified = api == "DeleteFunction" and _only_a_version(record)
    return Change(
        account=account,
        region=home,
        resource_type=place.type,
        resource_id=place.id,
        action=action,
        via="cloudtrail",
        principal=principal_of(record),
        time=text(record, "eventTime"),
        event_id=text(record, "eventID") or where,
        created=api in _CREATES,
        deleted=api in _DELETES and not qualified,
        replayed=replayed,
    )


def _only_a_version(record: Mapping[str, Json]) -> bool:
    name = function_name(text(record, "requestParameters.functionName"))
    return bool(text(record, "requestParameters.qualifier") or (name and name.qualifier))


def _unnamed(action: str) -> str:
    return f"{action} does not say which resource (requestParameters is null or lacks it); the sweep will see it"


_CODE = r"[A-Za-z0-9_.:-]{1,60}"
_FORWARD = "check what forwards events here: AWS writes none like it"


@cache
def _date_suffix() -> re.Pattern[str]:
    return re.compile(r"_?\d{4}_?\d{2}_?\d{2}(?:v\d+)?\Z", re.ASCII)
