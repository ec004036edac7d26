"""moto without what only rare calls need: its API Gateway loads a validator of OpenAPI documents (0.4 s) at import,
and needs it when a client imports an OpenAPI 3 body. Until then a stand-in keeps its place."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_NAMES = (
    "openapi_spec_validator",
    "openapi_spec_validator.validation",
    "openapi_spec_validator.validation.exceptions",
)


class OpenAPIValidationError(Exception):
    """What moto catches around `validate`."""


def install() -> None:
    """Put the stand-in into place, unless the real library is loaded already."""
    if _NAMES[0] in sys.modules:
        return
    for name in _NAMES:
        sys.modules[name] = ModuleType(name)
    vars(sys.modules[_NAMES[0]])["validate"] = validate
    vars(sys.modules[_NAMES[2]])["OpenAPIValidationError"] = OpenAPIValidationError


def validate(document: Any) -> None:
    """The library's own `validate`; what it raises for a wrong document comes as our OpenAPIValidationError."""
    for name in _NAMES:
        if not getattr(sys.modules.get(name), "__file__", None):
            sys.modules.pop(name, None)
    wrong = import_module(_NAMES[2]).OpenAPIValidationError
    try:
        import_module(_NAMES[0]).validate(document)
    except wrong as error:
        raise OpenAPIValidationError(str(error)) from error
