"""AWS SDK calls in code turned into IAM actions, by botocore's own service models (offline)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError

from chalicelib.iam.actions import PASS_ROLE, needed
from chalicelib.iam.evidence import PACKAGE, Observed
from chalicelib.model import Json

from .arns import Where, arns

_PREFIXES = {
    "monitoring": "cloudwatch",
    "tagging": "tag",
    "iotdata": "iot",
    "iotsecuredtunneling": "iot",
    "cloudcontrolapi": "cloudformation",
    "awsssoportal": "sso",
    "mturk-requester": "mechanicalturk",
}
"""Signing names that are not the prefix in policies."""

_ALIASES = {
    "sfn": "stepfunctions",
    "cloudwatchlogs": "logs",
    "cloudwatchevents": "events",
    "eventbridge": "events",
    "cognitoidentityprovider": "cognito-idp",
    "cognitoidentityserviceprovider": "cognito-idp",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "databasemigrationservice": "dms",
    "configservice": "config",
    "costexplorer": "ce",
    "directoryservice": "ds",
    "elasticsearchservice": "es",
    "iotdataplane": "iot-data",
    "lexruntimeservice": "lex-runtime",
    "applicationdiscoveryservice": "discovery",
    "costandusagereportservice": "cur",
    "marketplacemetering": "meteringmarketplace",
    "inspectorv2": "inspector2",
    "transcribeservice": "transcribe",
}
"""SDK for JavaScript names (without dashes, lower case) that are not botocore's."""


@dataclass(frozen=True, slots=True)
class Call:
    """One API call in code: botocore's service name, the API's operation, what is known of its parameters."""

    service: str
    operation: str
    parameters: Mapping[str, Json]
    place: str


@dataclass(slots=True)
class Findings:
    """What reading code gave: calls; IAM prefixes (or `*`) whose calls may be hidden, each with why; unread files."""

    calls: list[Call] = field(default_factory=list)
    blind: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def hide(self, service: str, why: str) -> None:
        """Calls of this botocore service (or `*`) may be there that nobody can read."""
        self.blind.setdefault("*" if service == "*" else prefix(service), why)

    def add(self, other: Findings) -> None:
        self.calls += other.calls
        self.blind = {**other.blind, **self.blind}
        self.unread = {**other.unread, **self.unread}


def observed(calls: Iterable[Call], where: Where) -> list[Observed]:
    """The observations that calls in code are, each once, in the order of their places."""
    found: dict[tuple[str, str], Observed] = {}
    for call in calls:
        for action, arn in _needs(call, where):
            found.setdefault((action, arn), Observed(action, arn, PACKAGE, place=call.place))
    return list(found.values())


def _needs(call: Call, where: Where) -> Iterator[tuple[str, str]]:
    for action in actions_of(call.service, call.operation):
        for arn in arns(action, call.parameters, where) or ("",):
            yield action, arn
    if passes_roles(call.service, call.operation):
        yield PASS_ROLE, ""


def actions_of(service: str, operation: str) -> tuple[str, ...]:
    """IAM actions of an API operation. API Gateway's are the HTTP method that the model names."""
    if prefix(service) == "apigateway" and (model := _model(service)) and operation in model.operation_names:
        return (f"apigateway:{model.operation_model(operation).http['method']}",)
    return needed(prefix(service), operation)


@cache
def prefix(service: str) -> str:
    """IAM's prefix of a botocore service: `stepfunctions` is `states`."""
    model = _model(service)
    if model is None:
        return service
    signing = str(model.metadata.get("signingName", model.metadata["endpointPrefix"])).lower()
    return "cloudwatch" if service == "cloudwatch" else _PREFIXES.get(signing, signing)


@cache
def service_named(name: str) -> str:
    """botocore's name for `CloudWatchLogs` (SDK v2) or `client-cloudwatch-logs` (v3); nothing if there is none."""
    plain = name.removeprefix("client-").lower().replace("-", "").replace("_", "")
    plain = _ALIASES.get(plain, plain)
    return next((s for s in _services() if s.replace("-", "") == plain.replace("-", "")), "")


@cache
def operations(service: str) -> Mapping[str, str]:
    """Python method names and lower-case operation names of a service, each with its operation."""
    model = _model(service)
    names = list(model.operation_names) if model else []
    return {**{n.lower(): n for n in names}, **{xform_name(n): n for n in names}}


@cache
def waiters(service: str) -> Mapping[str, str]:
    """Waiter names, as `get_waiter` and `waitUntil…` take them (lower case, without `_`), with the operation polled."""
    config = _data(service, "waiters-2").get("waiters", {})
    return {name.lower(): waiter["operation"] for name, waiter in config.items()}


@cache
def passes_roles(service: str, operation: str) -> bool:
    """Whether a call hands a role to a service, which takes iam:PassRole: it has a parameter that is a role's ARN."""
    model = _model(service)
    if model is None or service in ("iam", "sts") or operation not in model.operation_names:
        return False
    shape = model.operation_model(operation).input_shape
    names = [n.lower() for n in (shape.members if shape else ())]
    return operation.startswith(_WRITES) and any(n.endswith(("role", "rolearn", "instanceprofile")) for n in names)


_WRITES = ("Create", "Update", "Put", "Register", "Run", "Start", "Submit", "Associate", "Modify", "Import")


@cache
def resource_model(service: str) -> Mapping[str, Any]:
    """boto3's resource model of a service: what `boto3.resource` offers; empty where it has none."""
    import json
    from pathlib import Path

    import boto3

    folder = Path(boto3.__file__).parent / "data" / service
    files = sorted(folder.glob("*/resources-1.json")) if folder.is_dir() else []
    return dict(json.loads(files[-1].read_text())) if files else {}


@cache
def _services() -> tuple[str, ...]:
    return tuple(_session().get_available_services())


@cache
def _model(service: str) -> Any:
    if service not in _services():
        return None
    return _session().get_service_model(service)


def _data(service: str, kind: str) -> Mapping[str, Any]:
    try:
        return dict(_session().get_component("data_loader").load_service_model(service, kind))
    except BotoCoreError:
        return {}


@cache
def _session() -> Any:
    from botocore.session import Session

    return Session()
