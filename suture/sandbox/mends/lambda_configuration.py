"""Lambda: a function's configuration, whole and per version, with revision ids that are checked.

moto stores no TracingConfig, KMSKeyArn, DeadLetterConfig or LoggingConfig on update, knows no RevisionId, and lists
nothing for a function named by ARN. AWS: Lambda API Reference, FunctionConfiguration, UpdateFunctionConfiguration,
ListVersionsByFunction, GetFunction.
"""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import PreconditionFailedException
from moto.awslambda.models import LambdaAlias, LambdaBackend, LambdaFunction, LambdaStorage
from moto.awslambda.responses import LambdaResponse

from .lambda_grants import split
from .patching import around

_KEPT = ("KMSKeyArn", "DeadLetterConfig", "LoggingConfig", "TracingConfig", "FileSystemConfigs", "SnapStart")
_UPDATED = (*_KEPT, "Description", "Environment", "Handler", "Layers", "MemorySize", "Role", "Runtime", "Timeout")
_FROM_TEMPLATE = (*_KEPT, "Architectures", "EphemeralStorage", "Layers")


def mend() -> None:
    _mend_reading()
    _mend_updates()
    _mend_listing()
    _mend_templates()


def _mend_reading() -> None:
    @around(LambdaFunction, "__init__")
    def init(original: Any, self: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        original(self, account_id, spec, *args, **kwargs)
        self.suture_kept = {name: spec[name] for name in _KEPT if spec.get(name)}
        _moved(self)

    @around(LambdaFunction, "set_version")
    def set_version(original: Any, self: Any, version: int) -> None:
        original(self, version)
        self.suture_kept = dict(self.suture_kept)
        _moved(self)

    @around(LambdaFunction, "get_configuration")
    def get_configuration(original: Any, self: Any, on_create: bool = False) -> dict[str, Any]:
        config = {k: v for k, v in original(self, on_create).items() if v is not None}
        if not config.get("Layers"):
            config.pop("Layers", None)
        digest = uuid.uuid5(uuid.NAMESPACE_DNS, str(self.run_time)).hex * 2
        runtime = f"arn:{self.partition}:lambda:{self.region}::runtime:{digest}"
        return {
            **config,
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"},
            **({"RuntimeVersionConfig": {"RuntimeVersionArn": runtime}} if self.package_type == "Zip" else {}),
            **self.suture_kept,
            "RevisionId": self.suture_revision,
            "LastModified": self.suture_moved,
        }

    @around(LambdaFunction, "get_code")
    def get_code(original: Any, self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        if self.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": self.reserved_concurrency}
        return answer

    @around(LambdaAlias, "to_json")
    def to_json(original: Any, self: Any) -> dict[str, Any]:
        return {k: v for k, v in original(self).items() if v is not None}

    @around(LambdaAlias, "update")
    def update(original: Any, self: Any, *args: Any) -> None:
        original(self, *args)
        self.revision_id = str(uuid.uuid4())


def _mend_updates() -> None:
    @around(LambdaFunction, "update_configuration")
    def update_configuration(original: Any, self: Any, updates: dict[str, Any]) -> Any:
        known = dict(updates)
        if "Environment" in known:
            known["Environment"] = {"Variables": (known["Environment"] or {}).get("Variables") or {}}
        if "EphemeralStorage" in known:
            self.ephemeral_storage = known["EphemeralStorage"]["Size"]
        changed = {name: known[name] for name in _KEPT if known.get(name) is not None}
        self.suture_kept = {k: v for k, v in {**self.suture_kept, **changed}.items() if v not in ("", {})}
        _moved(self)
        return original(self, known)

    @around(LambdaFunction, "update_function_code")
    def update_function_code(original: Any, self: Any, spec: dict[str, Any]) -> Any:
        _moved(self)
        original(self, spec)
        return self.get_configuration()

    @around(LambdaBackend, "update_function_configuration")
    def update(original: Any, self: Any, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        _check_revision(self.get_function(function_name, qualifier), body)
        return original(self, function_name, qualifier, body)

    @around(LambdaBackend, "update_function_code")
    def update_code(original: Any, self: Any, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        _check_revision(self.get_function(function_name, qualifier), body)
        return original(self, function_name, qualifier, body)


def _mend_listing() -> None:
    @around(LambdaStorage, "list_versions_by_function")
    def list_versions(original: Any, self: Any, name: str) -> Any:
        bare, _ = split(unquote(name), None)
        self.get_function_by_name_or_arn_with_qualifier(bare)
        return original(self, bare)

    @around(LambdaStorage, "_get_function_aliases")
    def aliases(original: Any, self: Any, function_name: str) -> Any:
        return original(self, split(unquote(function_name), None)[0])

    @around(LambdaResponse, "list_aliases")
    def list_aliases(original: Any, self: Any) -> Any:
        self.path = unquote(self.path)
        return original(self)


def _mend_templates() -> None:
    @around(LambdaFunction, "create_from_cloudformation_json")
    def create(original: Any, cls: Any, name: str, json_: Any, account: str, region: str, **kwargs: Any) -> Any:
        made = original(cls, name, json_, account, region, **kwargs)
        properties = json_["Properties"]
        made.update_configuration({key: properties[key] for key in _FROM_TEMPLATE if properties.get(key)})
        if properties.get("Architectures"):
            made.architectures = properties["Architectures"]
        tags = properties.get("Tags") or []
        made.tags = {tag["Key"]: tag["Value"] for tag in tags} if isinstance(tags, list) else dict(tags)
        made.code_or_config_updated = False
        return made

    @around(LambdaFunction, "update_from_cloudformation_json")
    def update(original: Any, cls: Any, original_resource: Any, **kwargs: Any) -> Any:
        properties = kwargs["cloudformation_json"]["Properties"]
        function = original_resource
        changes = {key: properties[key] for key in _UPDATED if properties.get(key) is not None}
        function.update_configuration({"Environment": {}, **changes})
        code = dict(properties["Code"])
        if "ZipFile" in code:
            text = LambdaFunction._create_zipfile_from_plaintext_code(code["ZipFile"])
            code["ZipFile"] = base64.b64encode(text)
        function.update_function_code(code)
        return function


def _check_revision(function: Any, body: dict[str, Any]) -> None:
    if body.get("RevisionId") and body["RevisionId"] != function.suture_revision:
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
            "retrieve the latest Revision Id"
        )


def _moved(function: Any) -> None:
    function.suture_revision = str(uuid.uuid4())
    function.suture_moved = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
