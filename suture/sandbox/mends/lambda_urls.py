"""Lambda: a function URL for each qualifier, and ListFunctionUrlConfigs.

moto keeps one URL a function: creating `prod`'s replaces the function's own. AWS: Lambda API Reference,
CreateFunctionUrlConfig, GetFunctionUrlConfig, UpdateFunctionUrlConfig, DeleteFunctionUrlConfig,
ListFunctionUrlConfigs; CloudFormation User Guide, AWS::Lambda::Url.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.exceptions import GenericResourcNotFound, InvalidParameterValueException
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.utils import make_function_arn

from .lambda_grants import Conflict, split
from .patching import instead

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
Urls = dict[tuple[str, str], dict[str, Any]]


def mend() -> None:
    instead(LambdaResponse, "create_function_url_config")(_create)
    instead(LambdaResponse, "get_function_url_config")(_get)
    instead(LambdaResponse, "update_function_url_config")(_update)
    instead(LambdaResponse, "delete_function_url_config")(_delete)
    instead(LambdaResponse, "list_function_url_configs")(_list)
    urls.url_paths[r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/urls/?$"] = (
        LambdaResponse.dispatch
    )


def create(storage: Any, name: str, qualifier: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Make the URL of a qualifier. Raises Lambda's own errors."""
    storage.get_function_by_name_or_arn_with_qualifier(name, qualifier or None)
    if qualifier.isdigit():
        raise InvalidParameterValueException("A function URL is for the function or for an alias, not for a version.")
    kept = urls_of(storage)
    arn = make_function_arn(storage.region_name, storage.account_id, name) + (f":{qualifier}" if qualifier else "")
    if (name, qualifier) in kept:
        raise Conflict(
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
            "FunctionUrlConfig exists for this Lambda function"
        )
    label = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    now = _now()
    kept[name, qualifier] = {
        "FunctionUrl": f"https://{label}.lambda-url.{storage.region_name}.on.aws/",
        "FunctionArn": arn,
        "AuthType": asked.get("AuthType"),
        **({"Cors": asked["Cors"]} if asked.get("Cors") else {}),
        "CreationTime": now,
        "LastModifiedTime": now,
        "InvokeMode": asked.get("InvokeMode") or "BUFFERED",
    }
    return kept[name, qualifier]


def urls_of(storage: Any) -> Urls:
    """All URLs of a region, by function name and qualifier ("" = the function itself)."""
    kept: Urls = storage.__dict__.setdefault("suture_urls", {})
    return kept


def _create(self: Any) -> tuple[int, dict[str, int], str]:
    made = dict(create(self.backend._lambdas, *_addressed(self), json.loads(self.body)))
    made.pop("LastModifiedTime")
    return 201, {"status": 201}, json.dumps(made)


def _get(self: Any) -> str:
    return json.dumps(_existing(self))


def _update(self: Any) -> str:
    known = _existing(self)
    asked = json.loads(self.body)
    known.update({key: asked[key] for key in ("AuthType", "Cors", "InvokeMode") if asked.get(key) is not None})
    known["LastModifiedTime"] = _now()
    return json.dumps(known)


def _delete(self: Any) -> tuple[int, dict[str, int], str]:
    _existing(self)
    del urls_of(self.backend._lambdas)[_addressed(self)]
    return 204, {"status": 204}, ""


def _list(self: Any) -> str:
    storage = self.backend._lambdas
    name, _ = _addressed(self)
    storage.get_function_by_name_or_arn_with_qualifier(name)
    return json.dumps({"FunctionUrlConfigs": [known for key, known in urls_of(storage).items() if key[0] == name]})


def _existing(self: Any) -> dict[str, Any]:
    storage = self.backend._lambdas
    name, qualifier = _addressed(self)
    storage.get_function_by_name_or_arn_with_qualifier(name, qualifier or None)
    known = urls_of(storage).get((name, qualifier))
    if known is None:
        raise GenericResourcNotFound
    return known


def _addressed(self: Any) -> tuple[str, str]:
    return split(unquote(self.path.rstrip("/").split("/")[-2]), self.querystring.get("Qualifier", [None])[0])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
