"""S3: moto reads a bucket policy without its conditions, so a Deny that excepts somebody denies them too.

What a policy denies, the sandbox's authorizer decides, conditions included. S3 User Guide, "Bucket policy examples".
"""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from .patching import around


def mend() -> None:
    @around(FakeBucket, "get_permission")
    def get_permission(original: Any, self: Any, action: str, resource: str) -> PermissionResult:
        found: PermissionResult = original(self, action, resource)
        return PermissionResult.NEUTRAL if found is PermissionResult.DENIED else found
