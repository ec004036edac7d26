"""Secrets Manager: a secret that is scheduled for deletion keeps its name and takes no writes; labels move for good.

moto answers ResourceExistsException, or gives the deleted secret back to a repeated token; it writes to a deleted
secret; it lists versions without a label in DescribeSecret; and it goes on giving out the version that was current
before UpdateSecretVersionStage. AWS: Secrets Manager API Reference, CreateSecret ("InvalidRequestException … scheduled
for deletion"), PutSecretValue, PutResourcePolicy, DescribeSecret (VersionIdsToStages), UpdateSecretVersionStage,
DeleteSecret.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

from .patching import around

_WRITES = ("put_secret_value", "update_secret_version_stage", "put_resource_policy", "delete_resource_policy")
_DELETED = "You can't perform this operation on the secret because it was marked for deletion."


def mend() -> None:
    for name in _WRITES:
        _refuse_when_deleted(name)

    @around(SecretsManagerBackend, "create_secret")
    def create_secret(original: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        known = self.secrets.get(name) if name in self.secrets else None
        if known is not None and known.is_deleted():
            raise InvalidRequestException(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            )
        return original(self, name, *args, **kwargs)

    @around(FakeSecret, "_form_version_ids_to_stages")
    def labelled(original: Any, self: Any) -> dict[str, list[str]]:
        return {version: stages for version, stages in original(self).items() if stages}

    @around(SecretsManagerBackend, "update_secret_version_stage")
    def update_secret_version_stage(original: Any, self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, secret_id, *args, **kwargs)
        secret = self.secrets[secret_id]
        current = next((id_ for id_, v in secret.versions.items() if "AWSCURRENT" in v["version_stages"]), None)
        secret.set_default_version_id(current)
        return answer


def _refuse_when_deleted(name: str) -> None:
    @around(SecretsManagerBackend, name)
    def refused(original: Any, self: Any, secret_id: str, *args: Any, **kwargs: Any) -> Any:
        known = self.secrets.get(secret_id) if secret_id in self.secrets else None
        if known is not None and known.is_deleted():
            raise InvalidRequestException(_DELETED)
        return original(self, secret_id, *args, **kwargs)
