"""The deployment: the expanded template's resources made one after the other, and what runs known to the sandbox."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from chalicelib.errors import Misconfigured
from suture.sandbox.apis import Route, routes_of
from suture.sandbox.intrinsics import Made, Scope, in_order
from suture.sandbox.makers import MAKERS
from suture.sandbox.making import Account
from suture.sandbox.polling import MappingSpec
from suture.sandbox.processes import FunctionSpec

STACK = "suture"
_RUNNING = ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig")


@dataclass(frozen=True, slots=True)
class Api:
    """The REST API: its id, stage and routes."""

    id: str
    stage: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """What was deployed. Functions are keyed by the name of their handler in app.py (the REST API's by `chat`),
    queues by logical id (→ URL), `made` by logical id. `notes` tells what the sandbox could not make."""

    functions: Mapping[str, FunctionSpec]
    mappings: tuple[MappingSpec, ...]
    queues: Mapping[str, str]
    tables: tuple[str, ...]
    buckets: tuple[str, ...]
    key_aliases: tuple[str, ...]
    config_rules: Mapping[str, str]
    api: Api | None
    made: Mapping[str, Made]
    notes: tuple[str, ...]


def deploy(
    template: Path,
    code: bytes,
    client: Callable[[str], Any],
    *,
    account: str = "123456789012",
    region: str = "us-east-1",
    parameters: Mapping[str, str] | None = None,
    running: Callable[[Iterable[FunctionSpec], Iterable[MappingSpec]], None] = lambda functions, mappings: None,
) -> Stack:
    """Make everything in an expanded template (JSON) by API calls of `client(service)`. `code` is the zip that the
    functions show; `running` is told of the functions as soon as they exist, before the rest is made. Raises
    Misconfigured with the logical id of what cannot be made."""
    body = json.loads(template.read_text())
    here = Account(account, region, STACK, code, client)
    scope = Scope(body, parameters or {}, _pseudo(account, region))
    wanted = {
        logical: resource
        for logical, resource in body["Resources"].items()
        if "Condition" not in resource or scope.condition(resource["Condition"])
    }
    resolved: dict[str, tuple[str, Any]] = {}
    first, rest = in_order(wanted, lambda kind: kind in _RUNNING)
    for names in (first, rest):
        for logical in names:
            kind, properties = wanted[logical]["Type"], scope.resolve(wanted[logical].get("Properties", {}))
            resolved[logical] = (kind, properties)
            scope.made[logical] = _make(here, logical, kind, properties)
        if names is first:
            running(tuple(_functions(resolved, scope.made)), tuple(_mappings(resolved, scope.made)))
    return _described(resolved, scope.made, here)


def _make(here: Account, logical: str, kind: str, properties: Mapping[str, Any]) -> Made:
    maker = MAKERS.get(kind)
    if maker is None:
        raise Misconfigured(
            f"the sandbox cannot make a {kind}", where=logical, next_step="add it to suture/sandbox/makers.py"
        )
    try:
        return maker(here, logical, properties)
    except (ClientError, ParamValidationError, KeyError) as wrong:
        raise Misconfigured(
            f"{kind}: {type(wrong).__name__}: {wrong}",
            where=logical,
            next_step="correct it in resources.json or app.py",
        ) from wrong


def _pseudo(account: str, region: str) -> dict[str, str]:
    identifier = hashlib.sha256(f"{STACK}{account}{region}".encode()).hexdigest()
    uuid = "-".join((identifier[:8], identifier[8:12], identifier[12:16], identifier[16:20], identifier[20:32]))
    return {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": STACK,
        "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/{STACK}/{uuid}",
    }


Resolved = Mapping[str, tuple[str, Any]]


def _names(resolved: Resolved, made: Mapping[str, Made], kind: str) -> tuple[str, ...]:
    return tuple(made[logical].ref for logical, _ in _of(resolved, kind))


def _described(resolved: Resolved, made: Mapping[str, Made], here: Account) -> Stack:
    rules = _of(resolved, "AWS::Config::ConfigRule")
    queues = {logical: made[logical].ref for logical, _ in _of(resolved, "AWS::SQS::Queue")}
    return Stack(
        functions={_short(spec.handler): spec for spec in _functions(resolved, made)},
        mappings=tuple(_mappings(resolved, made)),
        queues=queues,
        tables=_names(resolved, made, "AWS::DynamoDB::Table"),
        buckets=_names(resolved, made, "AWS::S3::Bucket"),
        key_aliases=_names(resolved, made, "AWS::KMS::Alias"),
        config_rules={made[logical].ref: str(wanted["Source"]["SourceIdentifier"]) for logical, wanted in rules},
        api=_api(resolved, made),
        made=dict(made),
        notes=tuple(here.notes),
    )


def _functions(resolved: Resolved, made: Mapping[str, Made]) -> Iterator[FunctionSpec]:
    configs = {wanted["FunctionName"]: wanted for _, wanted in _of(resolved, "AWS::Lambda::EventInvokeConfig")}
    limits = {
        wanted["FunctionName"]: wanted["ScalingConfig"]["MaximumConcurrency"]
        for _, wanted in _of(resolved, "AWS::Lambda::EventSourceMapping")
        if wanted.get("ScalingConfig")
    }
    for logical, wanted in _of(resolved, "AWS::Lambda::Function"):
        name = made[logical].ref
        asynchronous = configs.get(name, {})
        failed = asynchronous.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        yield FunctionSpec(
            name=name,
            arn=made[logical].attributes["Arn"],
            role_arn=wanted["Role"],
            handler=wanted["Handler"],
            timeout=int(wanted.get("Timeout", 3)),
            memory=int(wanted.get("MemorySize", 128)),
            environment={key: str(value) for key, value in wanted.get("Environment", {}).get("Variables", {}).items()},
            concurrency=int(wanted.get("ReservedConcurrentExecutions") or limits.get(name, 0)),
            retries=int(asynchronous.get("MaximumRetryAttempts", 2)),
            dead_letters=failed or wanted.get("DeadLetterConfig", {}).get("TargetArn", ""),
        )


def _mappings(resolved: Resolved, made: Mapping[str, Made]) -> Iterator[MappingSpec]:
    for _, wanted in _of(resolved, "AWS::Lambda::EventSourceMapping"):
        if ":sqs:" not in wanted["EventSourceArn"]:
            continue
        yield MappingSpec(
            queue_arn=wanted["EventSourceArn"],
            function_name=wanted["FunctionName"].rsplit(":", 1)[-1],
            batch_size=int(wanted.get("BatchSize", 10)),
            window=int(wanted.get("MaximumBatchingWindowInSeconds", 0)),
            partial="ReportBatchItemFailures" in wanted.get("FunctionResponseTypes", []),
            enabled=wanted.get("Enabled", True) is not False,
        )


def _api(resolved: Resolved, made: Mapping[str, Made]) -> Api | None:
    stages = {
        str(wanted["RestApiId"]): made[logical].ref for logical, wanted in _of(resolved, "AWS::ApiGateway::Stage")
    }
    for logical, wanted in _of(resolved, "AWS::ApiGateway::RestApi"):
        api = made[logical].ref
        return Api(api, stages.get(api, "api"), tuple(routes_of(wanted.get("Body", {}))))
    return None


def _short(handler: str) -> str:
    name = handler.rsplit(".", 1)[-1]
    return "chat" if name == "app" else name


def _of(resolved: Resolved, kind: str) -> Iterator[tuple[str, Any]]:
    return ((logical, wanted) for logical, (found, wanted) in resolved.items() if found == kind)
