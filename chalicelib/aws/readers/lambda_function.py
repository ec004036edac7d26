"""Lambda functions with all their qualifiers: `$LATEST`, every published version, every alias.

Four calls for a function without versions and aliases, and one more (its policy) for each of those. Only where a
policy lets a service come for anybody are the account's own sources asked for (`Callers`, see `_callers`). Sources:
the Lambda API reference, ListVersionsByFunction, ListAliases, ListFunctionUrlConfigs, GetPolicy, ListTags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import Gone
from ...model import Hidden, Json, Resource
from ..answers import document, plain
from ..clients import Aws
from . import _callers

TYPE = "AWS::Lambda::Function"
OPERATIONS = (
    "lambda:ListFunctions",
    "lambda:ListVersionsByFunction",
    "lambda:ListAliases",
    "lambda:ListFunctionUrlConfigs",
    "lambda:GetPolicy",
    "lambda:ListTags",
    *_callers.OPERATIONS,
)
VOLATILE = (
    "LastModified",
    "RevisionId",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "State",
    "StateReason",
    "StateReasonCode",
    "CodeSize",
    "RuntimeVersionConfig",
    "SnapStart.OptimizationStatus",
    "Callers",  # what a plan assumes of it is in the plan's calls, and others' buckets and rules come and go
)
LATEST = "$LATEST"
_URL_KEYS = ("FunctionUrl", "AuthType", "Cors", "InvokeMode")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The function named `resource_id` with its qualifiers, or None when it is gone. Raises a CallFailed.

    URLs are read last: a function deleted half-way answers 404 there, where a missing policy is no sign of it.
    """
    try:
        versions = {
            v["Version"]: v for v in aws.pages("lambda:ListVersionsByFunction", _named(resource_id), "Versions")
        }
        if LATEST not in versions:
            return None
        aliases = list(aws.pages("lambda:ListAliases", _named(resource_id), "Aliases"))
        points_at = {**{v: v for v in versions}, **{a["Name"]: a["FunctionVersion"] for a in aliases}}
        policies = {qualifier: _policy(aws, resource_id, qualifier) for qualifier in points_at}
        urls = _urls(aws, resource_id)
    except Gone:
        return None
    qualifiers = [
        {
            "Qualifier": qualifier,
            "FunctionVersion": version,
            "Environment": _environment(versions.get(version, {})),
            "Policy": policies[qualifier],
            "FunctionUrl": urls.get(qualifier),
        }
        for qualifier, version in points_at.items()
    ]
    return _resource(aws, resource_id, versions[LATEST], qualifiers)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all functions in this account and region."""
    for function in aws.pages("lambda:ListFunctions", {}, "Functions"):
        yield function["FunctionName"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    """The function's tags; none when it is gone. `arn` is unqualified. One call, made only for a finding."""
    try:
        return dict(aws.call("lambda:ListTags", {"Resource": arn}).get("Tags") or {})
    except Gone:
        return {}


def _resource(aws: Aws, name: str, latest: Mapping[str, Json], qualifiers: list[dict[str, Json]]) -> Resource:
    config = {key: value for key, value in plain(latest).items() if key != "Environment"}
    arn = str(config.get("FunctionArn", "")).removesuffix(f":{LATEST}")
    arn = arn or f"arn:{aws.partition}:lambda:{aws.region}:{aws.account}:function:{name}"
    callers = _callers.callers(aws, _by_arn(arn, qualifiers))
    return Resource(
        type=TYPE,
        arn=arn,
        id=name,
        account=aws.account,
        region=aws.region,
        config={**config, "Qualifiers": qualifiers, "Callers": callers},
        volatile=VOLATILE,
    )


def _by_arn(arn: str, qualifiers: list[dict[str, Json]]) -> dict[str, Json]:
    """Each qualifier's policy by the ARN that callers name it by."""
    return {arn if q["Qualifier"] == LATEST else f"{arn}:{q['Qualifier']}": q["Policy"] for q in qualifiers}


def _named(name: str) -> dict[str, str]:
    return {"FunctionName": name}


def _environment(configuration: Mapping[str, Json]) -> dict[str, Any]:
    """The environment with every value hidden; {} when there is none. `Error` says that we may not decrypt it."""
    environment = dict(configuration.get("Environment") or {})
    variables = environment.get("Variables")
    if variables is not None:
        environment["Variables"] = {name: Hidden(value) for name, value in variables.items()}
    return environment


def _policy(aws: Aws, name: str, qualifier: str) -> dict[str, Json] | None:
    """The policy of one qualifier, or None. $LATEST's is the function's own: its request has no qualifier.

    Statements come in the order of their Sids: their order means nothing, and AddPermission appends, so that a
    statement that was taken out and put back must read as before.
    """
    parameters = _named(name) if qualifier == LATEST else {**_named(name), "Qualifier": qualifier}
    try:
        policy = document(aws.call("lambda:GetPolicy", parameters)["Policy"])
    except Gone:
        return None
    statements = policy.get("Statement")
    if isinstance(statements, list):
        policy["Statement"] = sorted(statements, key=_sid)
    return policy


def _sid(statement: Json) -> str:
    return str(statement.get("Sid", "")) if isinstance(statement, Mapping) else ""


def _urls(aws: Aws, name: str) -> dict[str, Json]:
    """The URL configuration of each qualifier that has one, without its dates."""
    configurations = aws.pages("lambda:ListFunctionUrlConfigs", _named(name), "FunctionUrlConfigs")
    return {_qualifier_of(u["FunctionArn"]): plain({k: u[k] for k in _URL_KEYS if k in u}) for u in configurations}


def _qualifier_of(arn: str) -> str:
    """`prod` of `arn:aws:lambda:us-east-1:123456789012:function:f:prod`; `$LATEST` of an unqualified ARN."""
    fields = arn.split(":")
    return fields[7] if len(fields) > 7 else LATEST
