"""Lambda: provisioned concurrency of aliases and versions, which moto lacks.

AWS: Lambda API Reference, PutProvisionedConcurrencyConfig, ListProvisionedConcurrencyConfigs,
DeleteProvisionedConcurrencyConfig.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.utils import make_function_arn

from .lambda_grants import split
from .patching import instead


def mend() -> None:
    instead(LambdaResponse, "put_provisioned_concurrency_config")(_put)
    instead(LambdaResponse, "list_provisioned_concurrency_configs")(_list)
    instead(LambdaResponse, "delete_provisioned_concurrency_config")(_delete)
    address = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$"
    urls.url_paths[address] = LambdaResponse.dispatch


def _kept(self: Any) -> dict[tuple[str, str], dict[str, Any]]:
    kept: dict[tuple[str, str], dict[str, Any]] = self.backend._lambdas.__dict__.setdefault("suture_provisioned", {})
    return kept


def _named(self: Any) -> tuple[str, str]:
    """The function and the qualifier. Raises Lambda's own error for one that is not there."""
    name, _ = split(unquote(self.path.rstrip("/").split("/")[-2]), None)
    qualifier = str((self.querystring.get("Qualifier") or [""])[0])
    self.backend._lambdas.get_function_by_name_or_arn_with_qualifier(name, qualifier or None)
    return name, qualifier


def _put(self: Any) -> tuple[int, dict[str, int], str]:
    name, qualifier = _named(self)
    count = json.loads(self.body)["ProvisionedConcurrentExecutions"]
    storage = self.backend._lambdas
    arn = f"{make_function_arn(storage.region_name, storage.account_id, name)}:{qualifier}"
    made = {
        "FunctionArn": arn,
        "RequestedProvisionedConcurrentExecutions": count,
        "AvailableProvisionedConcurrentExecutions": count,
        "AllocatedProvisionedConcurrentExecutions": count,
        "Status": "READY",
        "LastModified": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }
    _kept(self)[name, qualifier] = made
    return 202, {"status": 202}, json.dumps(made)


def _list(self: Any) -> str:
    name, _ = _named(self)
    return json.dumps({"ProvisionedConcurrencyConfigs": [c for k, c in _kept(self).items() if k[0] == name]})


def _delete(self: Any) -> tuple[int, dict[str, int], str]:
    _kept(self).pop(_named(self), None)
    return 204, {"status": 204}, ""
