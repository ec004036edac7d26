"""API Gateway: UpdateStage as its patch operations say, and a stage's own fields.

moto does nothing for `remove` of method settings, invents eight settings for the first that is set (so that a stage
never returns to what it was), ignores clientCertificateId, and asks no CloudWatch role for logging. AWS: API Gateway
API Reference, "Patch operations: UpdateStage"; Developer Guide, "Set up CloudWatch logging".
"""

from __future__ import annotations

import time
from typing import Any

from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.models import Account, APIGatewayBackend, Stage

from .patching import around, instead

_SETTINGS = {
    "metrics/enabled": ("metricsEnabled", bool),
    "logging/loglevel": ("loggingLevel", str),
    "logging/dataTrace": ("dataTraceEnabled", bool),
    "throttling/burstLimit": ("throttlingBurstLimit", int),
    "throttling/rateLimit": ("throttlingRateLimit", float),
    "caching/enabled": ("cachingEnabled", bool),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", int),
    "caching/dataEncrypted": ("cacheDataEncrypted", bool),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", bool),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", str),
}
_FIELDS = {
    "/description": "description",
    "/deploymentId": "deployment_id",
    "/cacheClusterSize": "cache_cluster_size",
    "/clientCertificateId": "suture_client_certificate",
    "/documentationVersion": "suture_documentation_version",
}


def mend() -> None:
    instead(Stage, "apply_operations")(_apply)

    @around(Stage, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.suture_created = self.suture_moved = int(time.time())
        self.suture_client_certificate = self.suture_documentation_version = None

    @around(Stage, "to_json")
    def to_json(original: Any, self: Any) -> dict[str, Any]:
        shown = {
            "cacheClusterStatus": "NOT_AVAILABLE",
            **original(self),
            "tracingEnabled": bool(self.tracing_enabled),
            "cacheClusterEnabled": bool(self.cache_cluster_enabled),
            "clientCertificateId": self.suture_client_certificate,
            "documentationVersion": self.suture_documentation_version,
            "createdDate": self.suture_created,
            "lastUpdatedDate": self.suture_moved,
        }
        empty = {name for name in ("description", "variables") if not shown.get(name)}
        return {name: value for name, value in shown.items() if value is not None and name not in empty}

    @around(APIGatewayBackend, "update_stage")
    def update_stage(original: Any, self: Any, function_id: str, stage_name: str, operations: Any) -> Any:
        if not self.account.cloudwatch_role_arn and any(_turns_logging_on(operation) for operation in operations or ()):
            raise BadRequestException("CloudWatch Logs role ARN must be set in account settings to enable logging")
        return original(self, function_id, stage_name, operations)

    @around(Account, "to_json")
    def account_json(original: Any, self: Any) -> dict[str, Any]:
        return {name: value for name, value in original(self).items() if value}


def _turns_logging_on(operation: dict[str, Any]) -> bool:
    path, value = str(operation.get("path")), str(operation.get("value") or "")
    if operation.get("op") == "remove":
        return False
    return path.startswith("/accessLogSettings/") or (path.endswith("/logging/loglevel") and value != "OFF")


def _apply(self: Any, operations: list[dict[str, Any]]) -> Any:
    for operation in operations:
        _apply_one(self, str(operation["op"]), str(operation["path"]), operation.get("value"))
    self.suture_moved = int(time.time())
    return self


def _apply_one(stage: Any, verb: str, path: str, value: Any) -> None:
    if verb not in {"add", "replace", "remove", "copy"}:
        raise BadRequestException(f"Invalid patch operation {verb}")
    if path in _FIELDS:
        setattr(stage, _FIELDS[path], None if verb == "remove" else value)
    elif path == "/tracingEnabled":
        stage.tracing_enabled = verb != "remove" and _as(bool, value)
    elif path == "/cacheClusterEnabled":
        stage.cache_cluster_enabled = _as(bool, value)
        stage.cache_cluster_status = "AVAILABLE" if stage.cache_cluster_enabled else "NOT_AVAILABLE"
    elif path.startswith("/variables/"):
        kept = {k: v for k, v in stage.variables.items() if k != path[11:]}
        stage.variables = kept if verb == "remove" else {**kept, path[11:]: value}
    elif path.startswith("/accessLogSettings"):
        _apply_to_log(stage, verb, path, value)
    elif not path.startswith("/canarySettings"):
        _apply_to_methods(stage, verb, path, value)


def _apply_to_log(stage: Any, verb: str, path: str, value: Any) -> None:
    if path == "/accessLogSettings":
        stage.access_log_settings = None
        return
    name = path.rsplit("/", 1)[-1]
    kept = {k: v for k, v in (stage.access_log_settings or {}).items() if k != name}
    stage.access_log_settings = (kept if verb == "remove" else {**kept, name: value}) or None


def _apply_to_methods(stage: Any, verb: str, path: str, value: Any) -> None:
    parts = path.strip("/").split("/", 2)
    if len(parts) < 2:
        raise BadRequestException(f"Invalid patch path {path}")
    method = "/".join(part.replace("~1", "/").replace("~0", "~") for part in parts[:2])
    known = dict(stage.method_settings)
    setting = _SETTINGS.get(parts[2]) if len(parts) == 3 else None
    if verb == "remove":
        _without(known, method, parts[2] if len(parts) == 3 else "")
    elif setting is None:
        raise BadRequestException(f"Invalid method setting path: {path}")
    else:
        known[method] = {**known.get(method, {}), setting[0]: _as(setting[1], value)}
    stage.method_settings = known


def _without(known: dict[str, Any], method: str, what: str) -> None:
    gone = {name for path, (name, _) in _SETTINGS.items() if path == what or path.startswith(f"{what}/")}
    kept = {k: v for k, v in known.pop(method, {}).items() if what and k not in gone}
    if kept:
        known[method] = kept


def _as(kind: Any, value: Any) -> Any:
    text = str(value)
    if kind is bool:
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError as error:
        raise BadRequestException(f"Invalid value {text} for a patch operation") from error
