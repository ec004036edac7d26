"""IAM users may have a permissions boundary.

moto answers PutUserPermissionsBoundary and DeleteUserPermissionsBoundary with NotImplementedError. AWS: IAM API
Reference, PutUserPermissionsBoundary, GetUser.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import User
from moto.iam.responses import IamResponse

from . import iam
from .patching import instead


def mend() -> None:
    User.permissions_boundary = None

    @instead(IamResponse, "put_user_permissions_boundary")
    def put(self: Any) -> ActionResult:
        user, arn = self.backend.get_user(self._get_param("UserName")), self._get_param("PermissionsBoundary")
        iam.must_exist(self.backend, arn)
        user.permissions_boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
        return EmptyResult()

    @instead(IamResponse, "delete_user_permissions_boundary")
    def delete(self: Any) -> ActionResult:
        user = self.backend.get_user(self._get_param("UserName"))
        if user.permissions_boundary is None:
            raise NotFoundException(f"User {user.name} has no permissions boundary.")
        user.permissions_boundary = None
        return EmptyResult()


def bounded(backend: Any, arn: str) -> list[Any]:
    """The users that a policy bounds."""
    return [u for u in backend.users.values() if (u.permissions_boundary or {}).get("PermissionsBoundaryArn") == arn]
