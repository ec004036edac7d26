"""Parameter Store: a plain parameter has no key, and a parameter policy is shown as the JSON text that it was given as.

moto keeps the key of an encrypted version when a plain one follows, and gives policies as objects. AWS: Systems Manager
API Reference, PutParameter (`KeyId`), ParameterMetadata, ParameterInlinePolicy (`PolicyText`).
"""

from __future__ import annotations

import json
from typing import Any

from moto.ssm.models import Parameter

from .patching import around


def mend() -> None:
    @around(Parameter, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.parameter_type != "SecureString":
            self.keyid = None

    @around(Parameter, "response_object")
    def response_object(original: Any, self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        shown: dict[str, Any] = original(self, *args, **kwargs)
        for policy in shown.get("Policies") or ():
            given = policy["PolicyText"]
            policy["PolicyText"] = given if isinstance(given, str) else json.dumps(given)
            policy["PolicyType"] = json.loads(policy["PolicyText"]).get("Type")
        return shown
