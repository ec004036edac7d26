"""The part of the operation catalogue that leads secrets into stores: AWS's two, Azure's and Google's.

Only entries of the kind `late` give a value back, to the undo of a removal. Calls into other clouds need no IAM action
but the token that AWS issues for them; the rights that they need there stand in docs/stores.md. Nothing here destroys
for good: Secrets Manager and Key Vault keep what is deleted for a while, Google's versions are disabled. An SSM
parameter is gone when it is deleted, which is why only the undo of putting it does so. Sources: Service Authorization
Reference; Key Vault REST API 7.4, "Secrets"; Secret Manager API v1, `projects.secrets`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .entries import Operation, own, read

_OURS = "arn:{partition}:secretsmanager:{region}:{account}:secret:{SecretId}*"
_PARAMETER = "arn:{partition}:ssm:{region}:{account}:parameter{Name}"
_TAGGED = "arn:{partition}:ssm:{region}:{account}:parameter/{ResourceId}"
_ROLE = "arn:{partition}:iam::{account}:role/{RoleName}"
_AZURE_TOKEN = (("sts:GetWebIdentityToken", "*"),)

STORE_OPERATIONS: Mapping[str, Operation] = {
    "sts:GetWebIdentityToken": own(*_AZURE_TOKEN),
    "secretsmanager:DeleteResourcePolicy": Operation(
        "write",
        (("secretsmanager:DeleteResourcePolicy", _OURS),),
        absent=("ResourceNotFoundException",),
        shown=("SecretId",),
    ),
    "ssm:DescribeParameters": read("ssm:DescribeParameters", "*"),
    "ssm:ListTagsForResource": read("ssm:ListTagsForResource", _TAGGED),
    "ssm:PutParameter": Operation(
        "write",
        (("ssm:PutParameter", _PARAMETER), ("ssm:AddTagsToResource", _PARAMETER)),
        repeat="none",
        exists=("ParameterAlreadyExists",),
        never=("Overwrite", "Policies", "AllowedPattern"),
        shown=("Name", "Description", "Type", "KeyId", "Tags", "Tier"),
        hushed=True,
    ),
    "ssm:GetParameter#Stored": Operation("late", (("ssm:GetParameter", _PARAMETER),), hushed=True),
    "ssm:DeleteParameter": Operation(
        "write",
        (("ssm:DeleteParameter", _PARAMETER),),
        absent=("ParameterNotFound",),
        shown=("Name",),
    ),
    "azure-keyvault:DescribeSecret": Operation("read", _AZURE_TOKEN),
    "azure-keyvault:GetSecret": Operation("late", _AZURE_TOKEN, hushed=True),
    "azure-keyvault:SetSecret": Operation(
        "write",
        _AZURE_TOKEN,
        repeat="token",
        shown=("Vault", "Name", "Tags", "ContentType"),
        hushed=True,
        settle=30,
    ),
    "azure-keyvault:DeleteSecret": Operation(
        "write", _AZURE_TOKEN, absent=("SecretNotFound",), shown=("Vault", "Name"), settle=60
    ),
    "azure-keyvault:RecoverDeletedSecret": Operation("write", _AZURE_TOKEN, shown=("Vault", "Name"), settle=60),
    "gcp-secretmanager:DescribeSecret": Operation("read", ()),
    "gcp-secretmanager:GetSecretAccessors": Operation("read", ()),
    "gcp-secretmanager:AccessSecretVersion": Operation("late", (), hushed=True),
    "gcp-secretmanager:CreateSecret": Operation(
        "write",
        (),
        repeat="none",
        exists=("ALREADY_EXISTS",),
        shown=("Project", "Name", "Annotations", "Locations", "KmsKeyName"),
        settle=30,
    ),
    "gcp-secretmanager:AddSecretVersion": Operation(
        "write", (), repeat="token", shown=("Project", "Name"), settle=30, hushed=True
    ),
    "gcp-secretmanager:DisableSecretVersion": Operation(
        "write", (), absent=("NOT_FOUND",), shown=("Project", "Name", "Version"), settle=30
    ),
    "gcp-secretmanager:EnableSecretVersion": Operation("write", (), shown=("Project", "Name", "Version"), settle=30),
    "gcp-secretmanager:AddSecretAccessor": Operation("write", (), shown=("Project", "Name", "Member"), settle=30),
    "gcp-secretmanager:RemoveSecretAccessor": Operation(
        "write", (), absent=("NOT_FOUND",), shown=("Project", "Name", "Member"), settle=30
    ),
}
