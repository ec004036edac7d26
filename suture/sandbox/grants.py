"""May an AWS service use this resource? The resource's own policy decides, as for EventBridge and SQS.

Only what resource policies for services use: Service principals, globs in actions and resources, and conditions on
the keys that a service sends. A condition that names anything else is not met. Source: "Using resource-based
policies for Amazon EventBridge" in the EventBridge user guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any


def service_may(
    policy: str | Mapping[str, Any] | None, service: str, action: str, resource: str, source_arn: str
) -> bool:
    """Whether `policy` (JSON text or document; None allows nobody) lets `service` do `action` on `resource` on
    behalf of `source_arn`. Services have no other permissions, so silence is no."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    if not document:
        return False
    context = {
        "aws:sourcearn": source_arn,
        "aws:sourceaccount": source_arn.split(":")[4],
        "aws:securetransport": "true",
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
    }
    effects = {
        statement.get("Effect")
        for statement in _listed(document.get("Statement"))
        if _applies(statement, service, action, resource, context)
    }
    return "Allow" in effects and "Deny" not in effects


def _applies(
    statement: Mapping[str, Any], service: str, action: str, resource: str, context: Mapping[str, str]
) -> bool:
    return (
        _is_principal(statement.get("Principal"), service)
        and any(_glob(pattern.lower(), action.lower()) for pattern in _listed(statement.get("Action")))
        and any(_glob(pattern, resource) for pattern in _listed(statement.get("Resource", "*")))
        and all(_holds(name, body, context) for name, body in (statement.get("Condition") or {}).items())
    )


def _is_principal(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))
    return bool(principal == "*")


def _holds(operator: str, body: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    test = _TESTS.get(operator.removesuffix("IfExists"))
    for key, wanted in body.items():
        value = context.get(key.lower())
        if value is None:
            if operator.endswith("IfExists"):
                continue
            return False
        if test is None or not any(
            test(str(one).lower() if isinstance(one, bool) else str(one), value) for one in _listed(wanted)
        ):
            return False
    return True


def _glob(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": _glob,
    "ArnEquals": _glob,
    "ArnLike": _glob,
    "Bool": lambda wanted, value: wanted.lower() == value,
}


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
