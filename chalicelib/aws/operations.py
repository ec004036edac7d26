"""The operation catalogue: every call that Suture may make, and nothing else can be called.

An entry says which IAM action on which resource the call needs (policies are rendered from it, and the sandbox
authorises by it), whether it reads or writes, what may never be among its parameters, what of them a message
may show, and what a retry may assume. One call may have a second entry, `service:Call#Use`, for another use of it.
Kinds: `read` and `write` touch customers' resources, and runbooks may name them. The others may not stand in a
runbook: `own` is Suture's own plumbing, `late` reads a value for a late parameter, and `look` is what a person's
commands read with that person's credentials: no function has the right.

Actions and resource formats: AWS Service Authorization Reference, one page a service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import BadRunbook, CallFailed, Denied, SutureError
from ..model import Json
from .entries import Operation
from .entries import own as _own
from .entries import read as _read
from .operations_callers import CALLER_OPERATIONS
from .operations_commands import COMMAND_OPERATIONS
from .operations_leading import LEADING_OPERATIONS
from .operations_places import PLACE_OPERATIONS
from .operations_stores import STORE_OPERATIONS

_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:{FunctionName}"
_ROLE = "arn:{partition}:iam::{account}:role/{RoleName}"
_POLICY = "arn:{partition}:iam::{account}:policy/{PolicyArn}"
_COPY = "arn:{partition}:iam::{account}:policy/suture/"
_STAGE = "arn:{partition}:apigateway:{region}::/restapis/{restApiId}/stages/{stageName}"
_SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:{SecretId}*"
_TABLE = "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}"
_QUEUE = "arn:{partition}:sqs:{region}:{account}:{QueueUrl}"
_TOPIC = "arn:{partition}:sns:{region}:{account}:{TopicArn}"
_ANY_SECRET = "arn:{partition}:secretsmanager:{region}:{account}:secret:{SecretId}"
_KEY = "arn:{partition}:kms:{region}:{account}:key/{KeyId}"
_BUS = "arn:{partition}:events:{region}:{account}:event-bus/{EventBusName}"
_TABLE_POLICY = "arn:{partition}:dynamodb:{region}:{account}:table/{ResourceArn}"
_REPOSITORY = "arn:{partition}:ecr:{region}:{account}:repository/{repositoryName}"
_BUCKET = "arn:{partition}:s3:::{Bucket}"
_LAYER = "arn:{partition}:lambda:{region}:{account}:layer:{LayerName}:{VersionNumber}"


OPERATIONS: Mapping[str, Operation] = {
    **CALLER_OPERATIONS,
    **LEADING_OPERATIONS,
    **COMMAND_OPERATIONS,
    **PLACE_OPERATIONS,
    **STORE_OPERATIONS,
    "lambda:ListFunctions": _read("lambda:ListFunctions", "*"),
    "lambda:ListVersionsByFunction": _read("lambda:ListVersionsByFunction", _FUNCTION),
    "lambda:ListAliases": _read("lambda:ListAliases", _FUNCTION),
    "lambda:ListFunctionUrlConfigs": _read("lambda:ListFunctionUrlConfigs", _FUNCTION),
    "lambda:GetPolicy": _read("lambda:GetPolicy", _FUNCTION),
    "lambda:ListTags": _read("lambda:ListTags", "{Resource}"),
    "lambda:GetFunction": _read("lambda:GetFunction", _FUNCTION),
    "lambda:GetLayerVersion": _read("lambda:GetLayerVersion", _LAYER),
    "lambda:RemovePermission": Operation(
        "write",
        (("lambda:RemovePermission", _FUNCTION),),
        absent=("ResourceNotFoundException",),
        shown=("FunctionName", "StatementId", "Qualifier"),
    ),
    "lambda:AddPermission": Operation(
        "write",
        (("lambda:AddPermission", _FUNCTION),),
        repeat="none",
        shown=(
            "FunctionName",
            "StatementId",
            "Action",
            "Principal",
            "Qualifier",
            "SourceArn",
            "SourceAccount",
            "PrincipalOrgID",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
        ),
    ),
    "lambda:UpdateFunctionUrlConfig": Operation(
        "write",
        (("lambda:UpdateFunctionUrlConfig", _FUNCTION),),
        never=("Cors",),
        shown=("FunctionName", "Qualifier", "AuthType"),
    ),
    "lambda:ListLayers": _read("lambda:ListLayers", "*"),
    "lambda:ListLayerVersions": _read("lambda:ListLayerVersions", "*"),
    "lambda:GetLayerVersionPolicy": _read("lambda:GetLayerVersionPolicy", _LAYER),
    "lambda:RemoveLayerVersionPermission": Operation(
        "write",
        (("lambda:RemoveLayerVersionPermission", _LAYER),),
        absent=("ResourceNotFoundException",),
        shown=("LayerName", "VersionNumber", "StatementId"),
    ),
    "lambda:AddLayerVersionPermission": Operation(
        "write",
        (("lambda:AddLayerVersionPermission", _LAYER),),
        repeat="none",
        shown=("LayerName", "VersionNumber", "StatementId", "Action", "Principal", "OrganizationId"),
    ),
    "iam:GetRole": _read("iam:GetRole", _ROLE),
    "iam:ListRoles": _read("iam:ListRoles", "*"),
    "iam:ListRolePolicies": _read("iam:ListRolePolicies", _ROLE),
    "iam:GetRolePolicy": _read("iam:GetRolePolicy", _ROLE),
    "iam:ListAttachedRolePolicies": _read("iam:ListAttachedRolePolicies", _ROLE),
    "iam:GetPolicy": _read("iam:GetPolicy", "{PolicyArn}"),
    "iam:GetPolicyVersion": _read("iam:GetPolicyVersion", "{PolicyArn}"),
    "iam:ListEntitiesForPolicy": _read("iam:ListEntitiesForPolicy", "{PolicyArn}"),
    "iam:ListPolicies": _read("iam:ListPolicies", "*"),
    "iam:ListPolicyVersions": _read("iam:ListPolicyVersions", "{PolicyArn}"),
    "iam:GenerateServiceLastAccessedDetails": _read("iam:GenerateServiceLastAccessedDetails", "{Arn}"),
    "iam:GetServiceLastAccessedDetails": _read("iam:GetServiceLastAccessedDetails", "*"),
    "iam:PutRolePolicy": Operation(
        "write",
        (("iam:PutRolePolicy", _ROLE),),
        shown=("RoleName", "PolicyName", "PolicyDocument"),
        settle=30,
    ),
    "iam:AttachRolePolicy": Operation(
        "write", (("iam:AttachRolePolicy", _ROLE),), shown=("RoleName", "PolicyArn"), settle=30
    ),
    "iam:DetachRolePolicy": Operation(
        "write",
        (("iam:DetachRolePolicy", _ROLE),),
        absent=("NoSuchEntity",),
        shown=("RoleName", "PolicyArn"),
        settle=30,
    ),
    "iam:CreatePolicy": Operation(
        "write",
        (("iam:CreatePolicy", _COPY + "{PolicyName}"),),
        repeat="none",
        shown=("PolicyName", "Path", "PolicyDocument", "Description"),
        settle=30,
    ),
    "iam:DeletePolicy": Operation(
        "write",
        (("iam:DeletePolicy", _COPY + "{PolicyArn}"),),
        absent=("NoSuchEntity",),
        shown=("PolicyArn",),
        settle=30,
    ),
    "iam:CreatePolicyVersion": Operation(
        "write",
        (("iam:CreatePolicyVersion", _POLICY),),
        repeat="none",
        shown=("PolicyArn", "PolicyDocument", "SetAsDefault"),
        settle=30,
    ),
    "iam:SetDefaultPolicyVersion": Operation(
        "write",
        (("iam:SetDefaultPolicyVersion", _POLICY),),
        shown=("PolicyArn", "VersionId"),
        settle=30,
    ),
    "iam:DeletePolicyVersion": Operation(
        "write",
        (("iam:DeletePolicyVersion", _POLICY),),
        absent=("NoSuchEntity",),
        shown=("PolicyArn", "VersionId"),
        settle=30,
    ),
    "iam:PutRolePermissionsBoundary": Operation(
        "write", (("iam:PutRolePermissionsBoundary", _ROLE),), shown=("RoleName", "PermissionsBoundary"), settle=30
    ),
    "iam:DeleteRolePermissionsBoundary": Operation(
        "write",
        (("iam:DeleteRolePermissionsBoundary", _ROLE),),
        absent=("NoSuchEntity",),
        shown=("RoleName",),
        settle=30,
    ),
    "iam:UpdateAssumeRolePolicy": Operation(
        "write",
        (("iam:UpdateAssumeRolePolicy", _ROLE),),
        shown=("RoleName", "PolicyDocument"),
        settle=30,
    ),
    "apigateway:GetRestApis": _read("apigateway:GET", "arn:{partition}:apigateway:{region}::/restapis"),
    "apigateway:GetStages": _read(
        "apigateway:GET", "arn:{partition}:apigateway:{region}::/restapis/{restApiId}/stages"
    ),
    "apigateway:GetStage": _read("apigateway:GET", _STAGE),
    "apigateway:GetAccount": _read("apigateway:GET", "arn:{partition}:apigateway:{region}::/account"),
    "apigateway:UpdateStage": Operation(
        "write", (("apigateway:PATCH", _STAGE),), shown=("restApiId", "stageName", "patchOperations")
    ),
    "secretsmanager:DescribeSecret": _read("secretsmanager:DescribeSecret", _SECRET),
    "secretsmanager:CreateSecret": Operation(
        "write",
        (
            ("secretsmanager:CreateSecret", "arn:{partition}:secretsmanager:{region}:{account}:secret:{Name}*"),
            ("secretsmanager:TagResource", "arn:{partition}:secretsmanager:{region}:{account}:secret:{Name}*"),
        ),
        repeat="token",
        never=("ForceOverwriteReplicaSecret", "AddReplicaRegions"),
        shown=("Name", "Description", "KmsKeyId", "Tags"),
        hushed=True,
    ),
    "secretsmanager:ListSecrets": _read("secretsmanager:ListSecrets", "*"),
    "secretsmanager:GetResourcePolicy": _read("secretsmanager:GetResourcePolicy", _ANY_SECRET),
    "secretsmanager:PutResourcePolicy": Operation(
        "write", (("secretsmanager:PutResourcePolicy", _ANY_SECRET),), shown=("SecretId", "ResourcePolicy")
    ),
    "sqs:ListQueues": _read("sqs:ListQueues", "*"),
    "sqs:GetQueueUrl": _read("sqs:GetQueueUrl", "arn:{partition}:sqs:{region}:{account}:{QueueName}"),
    "sqs:GetQueueAttributes": _read("sqs:GetQueueAttributes", _QUEUE),
    "sqs:ListQueueTags": _read("sqs:ListQueueTags", _QUEUE),
    "sqs:SetQueueAttributes": Operation(
        "write", (("sqs:SetQueueAttributes", _QUEUE),), shown=("QueueUrl", "Attributes"), settle=60
    ),
    "sns:ListTopics": _read("sns:ListTopics", "*"),
    "sns:GetTopicAttributes": _read("sns:GetTopicAttributes", _TOPIC),
    "sns:ListTagsForResource": _read("sns:ListTagsForResource", "{ResourceArn}"),
    "sns:SetTopicAttributes": Operation(
        "write", (("sns:SetTopicAttributes", _TOPIC),), shown=("TopicArn", "AttributeName", "AttributeValue")
    ),
    "kms:ListKeys": _read("kms:ListKeys", "*"),
    "kms:DescribeKey": _read("kms:DescribeKey", _KEY),
    "kms:GetKeyPolicy": _read("kms:GetKeyPolicy", _KEY),
    "kms:ListResourceTags": _read("kms:ListResourceTags", _KEY),
    "kms:PutKeyPolicy": Operation(
        "write",
        (("kms:PutKeyPolicy", _KEY),),
        never=("BypassPolicyLockoutSafetyCheck",),
        shown=("KeyId", "PolicyName", "Policy"),
        settle=30,
    ),
    "events:ListEventBuses": _read("events:ListEventBuses", "*"),
    "events:DescribeEventBus": _read(
        "events:DescribeEventBus", "arn:{partition}:events:{region}:{account}:event-bus/{Name}"
    ),
    "events:ListTagsForResource": _read("events:ListTagsForResource", "{ResourceARN}"),
    "events:PutPermission": Operation(
        "write",
        (("events:PutPermission", _BUS),),
        never=("Action", "Principal", "StatementId", "Condition"),
        shown=("EventBusName", "Policy"),
    ),
    "dynamodb:ListTables": _read("dynamodb:ListTables", "*"),
    "dynamodb:GetResourcePolicy": _read("dynamodb:GetResourcePolicy", _TABLE_POLICY),
    "dynamodb:ListTagsOfResource": _read("dynamodb:ListTagsOfResource", _TABLE_POLICY),
    "dynamodb:PutResourcePolicy": Operation(
        "write",
        (("dynamodb:PutResourcePolicy", _TABLE_POLICY),),
        never=("ConfirmRemoveSelfResourceAccess",),
        shown=("ResourceArn", "Policy"),
        settle=30,
    ),
    "ecr:DescribeRepositories": _read("ecr:DescribeRepositories", "*"),
    "ecr:GetRepositoryPolicy": _read("ecr:GetRepositoryPolicy", _REPOSITORY),
    "ecr:ListTagsForResource": _read("ecr:ListTagsForResource", "{resourceArn}"),
    "ecr:SetRepositoryPolicy": Operation(
        "write", (("ecr:SetRepositoryPolicy", _REPOSITORY),), never=("force",), shown=("repositoryName", "policyText")
    ),
    "s3:ListBuckets": _read("s3:ListAllMyBuckets", "*"),
    "s3:GetBucketPolicy": _read("s3:GetBucketPolicy", _BUCKET),
    "s3:GetBucketAcl": _read("s3:GetBucketAcl", _BUCKET),
    "s3:GetPublicAccessBlock": _read("s3:GetBucketPublicAccessBlock", _BUCKET),
    "s3:GetBucketTagging": _read("s3:GetBucketTagging", _BUCKET),
    "s3:PutBucketPolicy": Operation(
        "write",
        (("s3:PutBucketPolicy", _BUCKET),),
        never=("ConfirmRemoveSelfBucketAccess",),
        shown=("Bucket", "Policy"),
    ),
    "s3:PutPublicAccessBlock": Operation(
        "write",
        (("s3:PutBucketPublicAccessBlock", _BUCKET),),
        shown=("Bucket", "PublicAccessBlockConfiguration"),
    ),
    "s3:DeletePublicAccessBlock": Operation(
        "write",
        (("s3:PutBucketPublicAccessBlock", _BUCKET),),
        absent=("NoSuchPublicAccessBlockConfiguration",),
        shown=("Bucket",),
    ),
    "s3control:GetPublicAccessBlock": _read("s3:GetAccountPublicAccessBlock", "*"),
    "dynamodb:GetItem": _own(("dynamodb:GetItem", _TABLE)),
    "dynamodb:PutItem": _own(("dynamodb:PutItem", _TABLE)),
    "dynamodb:UpdateItem": _own(("dynamodb:UpdateItem", _TABLE)),
    "dynamodb:Query": _own(("dynamodb:Query", _TABLE)),
    "dynamodb:TransactWriteItems": _own(
        ("dynamodb:PutItem", _TABLE), ("dynamodb:UpdateItem", _TABLE), ("dynamodb:ConditionCheckItem", _TABLE)
    ),
    "sqs:SendMessage": _own(("sqs:SendMessage", _QUEUE)),
    "kms:GenerateMac": _own(("kms:GenerateMac", "{KeyId}")),
    "kms:Sign": _own(("kms:Sign", "{KeyId}")),
    "kms:Verify": _own(("kms:Verify", "{KeyId}")),
    "s3:PutObject": _own(("s3:PutObject", "arn:{partition}:s3:::{Bucket}/{Key}")),
    "sesv2:SendEmail": _own(("ses:SendEmail", "arn:{partition}:ses:{region}:{account}:identity/{FromEmailAddress}")),
    "config:PutEvaluations": _own(("config:PutEvaluations", "*")),
    "ssm:GetParameter": _own(("ssm:GetParameter", "arn:{partition}:ssm:{region}:{account}:parameter{Name}")),
    "sts:GetCallerIdentity": _own(),
}


def api_of(name: str) -> str:
    """The AWS call behind an entry: `ssm:PutParameter#Overwrite` is ssm:PutParameter under narrower rules."""
    return name.partition("#")[0]


def is_plumbing(error: SutureError) -> bool:
    """Did a call fail that is Suture's own business, and no reading or writing of anybody's resource?"""
    entry = OPERATIONS.get(error.operation) if isinstance(error, CallFailed) else None
    return entry is not None and entry.kind == "own"


def missing_actions(error: CallFailed) -> list[str]:
    """The IAM actions that a refused call needs, with the resource where AWS or the catalogue tells it."""
    if isinstance(error, Denied) and error.missing:
        return list(error.missing)
    entry = OPERATIONS.get(error.operation)
    return [action for action, _ in entry.iam] if entry else []


def operation(name: str) -> Operation:
    """The entry of `name` (`lambda:GetPolicy`). Raises BadRunbook where the catalogue has none."""
    try:
        return OPERATIONS[name]
    except KeyError:
        raise BadRunbook(
            f"the operation {name!r} is not in the catalogue",
            where="chalicelib/aws/operations.py",
            next_step="use a listed operation, or add it there with its IAM action and its limits",
        ) from None


def resource_of(template: str, parameters: Mapping[str, Json], account: str, region: str, partition: str) -> str:
    """The ARN that a call addresses. A parameter that holds an ARN already stands for the whole template."""

    def fill(match: re.Match[str]) -> str:
        value = str(parameters.get(match[1], "*"))
        return value.rsplit("/", 1)[-1] if match[1] == "QueueUrl" else value

    for name in re.findall(r"{([A-Za-z]+)}", template):
        if name not in _PLACES and str(parameters.get(name, "")).startswith("arn:"):
            return str(parameters[name])
    places = {"partition": partition, "account": account, "region": region}
    filled = re.sub(r"{(partition|account|region)}", lambda m: places[m[1]], template)
    return re.sub(r"{([A-Za-z]+)}", fill, filled)


_PLACES = ("partition", "account", "region")
