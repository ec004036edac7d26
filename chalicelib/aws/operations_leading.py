"""The part of the operation catalogue that leads a secret out of a function, beside what stores it.

A function's configuration is written for its environment alone, never for its role, code, layers or network; and
DeleteFunction deletes a published version, never a function: its right ends in a qualifier.
"""

from __future__ import annotations

from collections.abc import Mapping

from .entries import Operation
from .entries import read as _read

_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:{FunctionName}"
_ROLE = "arn:{partition}:iam::{account}:role/{RoleName}"
_SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:{SecretId}*"

LEADING_OPERATIONS: Mapping[str, Operation] = {
    "lambda:UpdateFunctionConfiguration": Operation(
        "write",
        (("lambda:UpdateFunctionConfiguration", _FUNCTION),),
        never=(
            "CapacityProviderConfig",
            "DeadLetterConfig",
            "Description",
            "DurableConfig",
            "EphemeralStorage",
            "FileSystemConfigs",
            "Handler",
            "ImageConfig",
            "KMSKeyArn",
            "Layers",
            "LoggingConfig",
            "MemorySize",
            "Role",
            "Runtime",
            "SnapStart",
            "Timeout",
            "TracingConfig",
            "VpcConfig",
        ),
        shown=("FunctionName",),
        settle=60,
        needs=("Environment", "RevisionId"),
        fresh=("RevisionId",),
        hushed=True,
    ),
    "lambda:DeleteFunction": Operation(
        "write",
        (("lambda:DeleteFunction", _FUNCTION + ":{Qualifier}"),),
        absent=("ResourceNotFoundException",),
        shown=("FunctionName", "Qualifier"),
        needs=("Qualifier",),
    ),
    "lambda:ListProvisionedConcurrencyConfigs": _read("lambda:ListProvisionedConcurrencyConfigs", _FUNCTION),
    "lambda:ListEventSourceMappings": _read("lambda:ListEventSourceMappings", "*"),
    "iam:DeleteRolePolicy": Operation(
        "write",
        (("iam:DeleteRolePolicy", _ROLE),),
        absent=("NoSuchEntity",),
        shown=("RoleName", "PolicyName"),
        settle=30,
    ),
    "organizations:DescribeOrganization": _read("organizations:DescribeOrganization", "*"),
    "organizations:ListParents": _read("organizations:ListParents", "*"),
    "organizations:ListPoliciesForTarget": _read("organizations:ListPoliciesForTarget", "*"),
    "organizations:DescribePolicy": _read("organizations:DescribePolicy", "*"),
    "secretsmanager:ListSecretVersionIds": _read("secretsmanager:ListSecretVersionIds", _SECRET),
    "secretsmanager:PutSecretValue": Operation(
        "write",
        (("secretsmanager:PutSecretValue", _SECRET),),
        repeat="token",
        never=("RotationToken", "SecretBinary", "VersionStages"),
        shown=("SecretId",),
        needs=("ClientRequestToken",),
        hushed=True,
    ),
    "secretsmanager:UpdateSecretVersionStage": Operation(
        "write",
        (("secretsmanager:UpdateSecretVersionStage", _SECRET),),
        shown=("SecretId", "VersionStage", "MoveToVersionId", "RemoveFromVersionId"),
        needs=("MoveToVersionId", "RemoveFromVersionId"),
    ),
    "secretsmanager:RestoreSecret": Operation(
        "write", (("secretsmanager:RestoreSecret", _SECRET),), shown=("SecretId",)
    ),
    "secretsmanager:GetSecretValue": Operation("late", (("secretsmanager:GetSecretValue", _SECRET),), hushed=True),
    "secretsmanager:DeleteSecret": Operation(
        "write",
        (("secretsmanager:DeleteSecret", _SECRET),),
        absent=("ResourceNotFoundException",),
        never=("ForceDeleteWithoutRecovery",),
        shown=("SecretId", "RecoveryWindowInDays"),
    ),
    "iam:GetAccountAuthorizationDetails": _read("iam:GetAccountAuthorizationDetails", "*"),
    "cloudformation:GetTemplateSummary": _read(
        "cloudformation:GetTemplateSummary", "arn:{partition}:cloudformation:{region}:{account}:stack/{StackName}/*"
    ),
    "cloudtrail:LookupEvents": _read("cloudtrail:LookupEvents", "*"),
    "cloudwatch:GetMetricData": _read("cloudwatch:GetMetricData", "*"),
}
