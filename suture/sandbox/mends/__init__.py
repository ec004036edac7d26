"""moto's gaps that matter, mended: one small file a service, each naming the AWS page that it follows.

Every mend has a probe in tests/sandbox/test_mends.py that fails when a newer moto no longer needs it. Product code
is never bent to moto.
"""

from __future__ import annotations

import threading

from . import (
    apigateway,
    cloudtrail,
    cloudtrail_lake,
    config,
    dynamodb,
    events,
    iam,
    iam_last_accessed,
    iam_policies,
    iam_users,
    kms,
    lambda_configuration,
    lambda_grants,
    lambda_provisioned,
    lambda_resource_policy,
    lambda_urls,
    principals,
    s3,
    secretsmanager,
    sts,
    tracking,
)

_MENDS = (
    tracking,
    lambda_configuration,
    lambda_grants,
    lambda_resource_policy,
    lambda_urls,
    lambda_provisioned,
    apigateway,
    cloudtrail,
    iam,
    iam_policies,
    iam_users,
    iam_last_accessed,
    sts,
    cloudtrail_lake,
    config,
    dynamodb,
    events,
    kms,
    s3,
    secretsmanager,
    principals,
)
_once = threading.Lock()
_applied: list[str] = []


def apply() -> None:
    """Patch moto for the rest of the process. Calling it again changes nothing."""
    with _once:
        for mend in _MENDS:
            if mend.__name__ not in _applied:
                mend.mend()
                _applied.append(mend.__name__)


def apply_to_templates() -> None:
    """Teach moto's CloudFormation the resource types that it lacks. Apart, since importing it takes a second."""
    apply()
    from . import cloudformation

    with _once:
        cloudformation.mend()
