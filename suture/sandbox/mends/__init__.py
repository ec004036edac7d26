"""moto's gaps that matter, mended: one small file a service, each naming the AWS page that it follows.

Every mend has a probe in tests/sandbox/test_mends.py that fails when a newer moto no longer needs it. Product code
is never bent to moto.
"""

from __future__ import annotations

import importlib
import threading

from . import (
    apigateway,
    apigatewayv2,
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
    logs,
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
    apigatewayv2,
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
    logs,
    s3,
    secretsmanager,
    principals,
)
_LATER = ("cloudformation", "ecs", "sesv2", "ssm")
"""CloudFormation brings every service's models, ECS and SSM those of EC2: seconds that few clients need; SES is spoken
to where mail is configured."""

_once = threading.Lock()
_applied: list[str] = []


def apply() -> None:
    """Patch moto for the rest of the process. Calling it again changes nothing."""
    with _once:
        for mend in _MENDS:
            if mend.__name__ not in _applied:
                mend.mend()
                _applied.append(mend.__name__)


def apply_to(service: str) -> None:
    """Patch moto's part for a service that takes long to import; nothing for one that `apply` has patched already."""
    apply()
    if service in _LATER:
        mend = importlib.import_module(f".{service}", __name__)
        with _once:
            if mend.__name__ not in _applied:
                mend.mend()
                _applied.append(mend.__name__)
