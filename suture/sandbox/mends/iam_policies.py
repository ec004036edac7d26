"""IAM's managed policies: when they last got a version, and whom they bound.

moto leaves UpdateDate as it was when a version is added, counts no boundaries, and ignores PolicyUsageFilter. AWS: IAM
API Reference, Policy, ListEntitiesForPolicy.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

from . import iam_users
from .patching import around


def mend() -> None:
    @around(IAMBackend, "create_policy_version")
    def create_version(original: Any, self: Any, policy_arn: str, *args: Any, **kwargs: Any) -> Any:
        version = original(self, policy_arn, *args, **kwargs)
        self.get_policy(policy_arn).update_date = version.create_date
        return version

    @around(IAMBackend, "get_policy")
    def get_policy(original: Any, self: Any, policy_arn: str) -> Any:
        policy = original(self, policy_arn)
        bounded = [*_bounded(self, policy_arn), *iam_users.bounded(self, policy_arn)]
        policy.permissions_boundary_usage_count = len(bounded)
        return policy

    @around(IamResponse, "list_entities_for_policy")
    def list_entities(original: Any, self: Any) -> Any:
        usage, entity = self._get_param("PolicyUsageFilter"), self._get_param("EntityFilter")
        found = dict(original(self).result)
        if usage == "PermissionsBoundary":
            found |= {"PolicyUsers": [], "PolicyGroups": [], "PolicyRoles": []}
        if usage != "PermissionsPolicy" and entity in (None, "", "Role"):
            bounded = _bounded(self.backend, self._get_param("PolicyArn"))
            attached = [role.name for role in found["PolicyRoles"]]
            found["PolicyRoles"] = [*found["PolicyRoles"], *(r for r in bounded if r.name not in attached)]
        if usage != "PermissionsPolicy" and entity in (None, "", "User"):
            people = iam_users.bounded(self.backend, self._get_param("PolicyArn"))
            known = [user.name for user in found["PolicyUsers"]]
            found["PolicyUsers"] = [*found["PolicyUsers"], *(u for u in people if u.name not in known)]
        return ActionResult(found)


def _bounded(backend: Any, arn: str) -> list[Any]:
    return [role for role in backend.roles.values() if role.permissions_boundary_arn == arn]
