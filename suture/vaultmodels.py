"""The calls of stores outside AWS, described as botocore describes AWS's, so that one lint checks both.

The parameters are those that the adapters in `chalicelib.vaults` take. `Value` is sensitive: late, or refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.stores import FOREIGN

_TEXT, _SECRET, _LIST, _MAP = "Text", "Secret", "List", "Map"
_SHAPES: Mapping[str, Any] = {
    _TEXT: {"type": "string"},
    _SECRET: {"type": "string", "sensitive": True},
    _LIST: {"type": "list", "member": {"shape": _TEXT}},
    _MAP: {"type": "map", "key": {"shape": _TEXT}, "value": {"shape": _TEXT}},
}
_AZURE = {"Vault": _TEXT, "Name": _TEXT}
_GOOGLE = {"Project": _TEXT, "Name": _TEXT}
_VERSION = {**_GOOGLE, "Version": _TEXT}
_MEMBER = {**_GOOGLE, "Member": _TEXT}

_CALLS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "azure-keyvault": {
        "DescribeSecret": _AZURE,
        "GetSecret": {**_AZURE, "Version": _TEXT},
        "SetSecret": {**_AZURE, "Value": _SECRET, "Tags": _MAP, "ContentType?": _TEXT},
        "DeleteSecret": _AZURE,
        "RecoverDeletedSecret": _AZURE,
    },
    "gcp-secretmanager": {
        "DescribeSecret": _GOOGLE,
        "GetSecretAccessors": _GOOGLE,
        "AccessSecretVersion": _VERSION,
        "CreateSecret": {**_GOOGLE, "Annotations": _MAP, "Locations?": _LIST, "KmsKeyName?": _TEXT},
        "AddSecretVersion": {**_GOOGLE, "Value": _SECRET},
        "DisableSecretVersion": _VERSION,
        "EnableSecretVersion": _VERSION,
        "AddSecretAccessor": _MEMBER,
        "RemoveSecretAccessor": _MEMBER,
    },
}


def is_outside(service: str) -> bool:
    return service in FOREIGN


def service_model(service: str) -> Any:
    """A botocore ServiceModel of one store outside AWS."""
    from botocore.model import ServiceModel

    shapes, operations = dict(_SHAPES), {}
    for name, parameters in _CALLS[service].items():
        members = {p.removesuffix("?"): {"shape": shape} for p, shape in parameters.items()}
        required = [p for p in parameters if not p.endswith("?")]
        shapes[f"{name}Request"] = {"type": "structure", "members": members, "required": required}
        operations[name] = {"name": name, "input": {"shape": f"{name}Request"}}
    return ServiceModel({"metadata": {}, "operations": operations, "shapes": shapes}, service)
