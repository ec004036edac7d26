"""Stages of REST APIs, with the account's own throttling limit and logging role beside them.

Sources: the API Gateway REST API reference, GetStage, GetStages, GetRestApis, GetAccount; ARN format from
"Amazon Resource Names (ARNs) reference for Amazon API Gateway".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Gone
from ...model import Hidden, Json, Resource
from ..answers import plain
from ..clients import Aws

TYPE = "AWS::ApiGateway::Stage"
OPERATIONS = (
    "apigateway:GetRestApis",
    "apigateway:GetStages",
    "apigateway:GetStage",
    "apigateway:GetAccount",
)
VOLATILE = ("lastUpdatedDate", "createdDate", "cacheClusterStatus", "Account")
_ACCOUNT_KEYS = ("cloudwatchRoleArn", "throttleSettings")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The stage `<restApiId>/<stageName>`, or None when it is gone. Stage variables are hidden. Raises a CallFailed."""
    api, _, name = resource_id.partition("/")
    try:
        stage = plain(aws.call("apigateway:GetStage", {"restApiId": api, "stageName": name}))
    except Gone:
        return None
    account = plain(aws.call("apigateway:GetAccount", {}))
    config = {
        **{key: value for key, value in stage.items() if key != "tags"},
        **_hidden(stage, "variables"),
        "restApiId": api,
        "tracingEnabled": stage.get("tracingEnabled") is True,
        "Account": {key: account[key] for key in _ACCOUNT_KEYS if account.get(key)},
    }
    if stage.get("canarySettings"):
        canary = stage["canarySettings"]
        config["canarySettings"] = {**canary, **_hidden(canary, "stageVariableOverrides")}
    return Resource(
        type=TYPE,
        arn=f"arn:{aws.partition}:apigateway:{aws.region}::/restapis/{api}/stages/{name}",
        id=resource_id,
        account=aws.account,
        region=aws.region,
        config=config,
        tags=dict(stage.get("tags") or {}),
        volatile=VOLATILE,
    )


def list_ids(aws: Aws) -> Iterator[str]:
    """`<restApiId>/<stageName>` of every stage in this account and region."""
    for api in aws.pages("apigateway:GetRestApis", {}, "items"):
        try:
            stages = aws.call("apigateway:GetStages", {"restApiId": api["id"]})
        except Gone:
            continue
        yield from (f"{api['id']}/{stage['stageName']}" for stage in stages.get("item") or ())


def _hidden(holder: Mapping[str, Json], key: str) -> dict[str, Json]:
    """`{key: …}` with each value under it hidden: people put credentials there. Empty when there is no such key."""
    values = holder.get(key)
    return {key: {name: Hidden(value) for name, value in values.items()}} if values else {}
