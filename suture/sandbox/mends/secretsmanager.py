"""Secrets Manager: a secret that is scheduled for deletion keeps its name.

moto answers ResourceExistsException, or gives the deleted secret back to a repeated token. AWS: Secrets Manager API
Reference, CreateSecret ("InvalidRequestException … scheduled for deletion"), DeleteSecret.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from .patching import around


def mend() -> None:
    @around(SecretsManagerBackend, "create_secret")
    def create_secret(original: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        known = self.secrets.get(name) if name in self.secrets else None
        if known is not None and known.is_deleted():
            raise InvalidRequestException(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            )
        return original(self, name, *args, **kwargs)
