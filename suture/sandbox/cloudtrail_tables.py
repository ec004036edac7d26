"""What no service model says about CloudTrail: names with date suffixes, what is delivered, what is hidden.

Sources: the "Logging … with AWS CloudTrail" page of each service's guide, the EventBridge guide ("AWS service
events delivered via CloudTrail"), and what recorded events show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

# `eventSource` is the service's signing name but here.
SOURCES: Mapping[str, str] = {
    "cloudwatch": "monitoring",
    "ses": "ses",
    "sesv2": "ses",
    "stepfunctions": "states",
    "s3control": "s3",
}

_LAMBDA_2015 = [
    "CreateFunction",
    "DeleteFunction",
    "PublishVersion",
    "CreateAlias",
    "UpdateAlias",
    "DeleteAlias",
    "CreateEventSourceMapping",
    "UpdateEventSourceMapping",
    "DeleteEventSourceMapping",
]
_LAMBDA_2015_V2 = ["AddPermission", "RemovePermission", "UpdateFunctionCode", "UpdateFunctionConfiguration"]
_LAMBDA_2018 = [
    "PublishLayerVersion",
    "DeleteLayerVersion",
    "AddLayerVersionPermission",
    "RemoveLayerVersionPermission",
]

# Service and operation → `eventName`, where it is not the operation's name.
EVENT_NAMES: Mapping[str, str] = {
    **{f"lambda:{name}": f"{name}20150331" for name in _LAMBDA_2015},
    **{f"lambda:{name}": f"{name}20150331v2" for name in _LAMBDA_2015_V2},
    **{f"lambda:{name}": f"{name}20181031" for name in _LAMBDA_2018},
    "lambda:PutFunctionConcurrency": "PutFunctionConcurrency20171031",
    "lambda:DeleteFunctionConcurrency": "DeleteFunctionConcurrency20171031",
    "lambda:TagResource": "TagResource20170331v2",
    "lambda:UntagResource": "UntagResource20170331v2",
    "s3:PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "s3:PutBucketNotificationConfiguration": "PutBucketNotification",
    "s3:PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "s3:DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "s3:PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "s3:PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "s3control:PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    "s3control:DeletePublicAccessBlock": "DeleteAccountPublicAccessBlock",
}

# Their events occur in us-east-1, whatever region the client named.
GLOBAL = frozenset({"iam", "cloudfront", "organizations", "route53"})

_READ_PREFIXES = (
    "Get", "List", "Describe", "Head", "Search", "Lookup", "Test", "Validate", "Estimate", "Check", "Simulate",
    "Preview", "Select", "Filter", "Poll", "Query", "Scan", "Verify", "View", "Detect",
)  # fmt: skip
# Reads that are delivered all the same, with `readOnly` true.
_DELIVERED_READS = frozenset(
    {
        "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoot",
        "secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameter", "ssm:GetParameters",
        "kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
        "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateMac",
        "kms:VerifyMac", "kms:Sign", "kms:Verify", "kms:GenerateRandom", "sqs:ListQueues",
    }
)  # fmt: skip
# Data events: a trail's default does not log them, so the bus never sees them.
_DATA = frozenset(
    {
        "lambda:Invoke", "lambda:InvokeAsync", "lambda:InvokeWithResponseStream",
        "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem", "dynamodb:TransactGetItems", "dynamodb:TransactWriteItems",
        "dynamodb:ExecuteStatement", "dynamodb:BatchExecuteStatement", "dynamodb:ExecuteTransaction",
        "sqs:SendMessage", "sqs:SendMessageBatch", "sqs:ReceiveMessage", "sqs:DeleteMessage",
        "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch",
        "sns:Publish", "sns:PublishBatch", "events:PutEvents", "logs:PutLogEvents", "logs:StartLiveTail",
        "cloudwatch:PutMetricData", "kinesis:PutRecord", "kinesis:PutRecords", "kinesis:SubscribeToShard",
        "firehose:PutRecord", "firehose:PutRecordBatch", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
        "ses:SendEmail", "ses:SendRawEmail", "ses:SendTemplatedEmail", "sesv2:SendEmail",
        "stepfunctions:SendTaskSuccess", "stepfunctions:SendTaskFailure", "stepfunctions:SendTaskHeartbeat",
        "apigatewaymanagementapi:PostToConnection",
        "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjects", "s3:CopyObject", "s3:PutObjectAcl",
        "s3:PutObjectTagging", "s3:DeleteObjectTagging", "s3:PutObjectRetention", "s3:PutObjectLegalHold",
        "s3:RestoreObject", "s3:CreateMultipartUpload", "s3:UploadPart", "s3:UploadPartCopy",
        "s3:CompleteMultipartUpload", "s3:AbortMultipartUpload", "s3:CreateSession", "s3:PostObject",
        "s3:WriteGetObjectResponse",
    }
)  # fmt: skip


def delivered(service: str, operation: str) -> bool:
    """Whether EventBridge gets an event of this call: writes, and the few reads that AWS delivers."""
    name = f"{service}:{operation}"
    if not operation or name in _DATA:
        return False
    return name in _DELIVERED_READS or not operation.startswith(_READ_PREFIXES)


def read_only(service: str, operation: str) -> bool:
    """CloudTrail's `readOnly` of a delivered call."""
    return f"{service}:{operation}" in _DELIVERED_READS


# Members that CloudTrail never records, by operation ("*" = every operation); a path is dotted, in the API's own
# names, and [] goes into a list.
OMITTED: Mapping[str, tuple[str, ...]] = {
    "*": ("SecretAccessKey", "Credentials.SecretAccessKey", "AccessKey.SecretAccessKey"),
    "lambda:CreateFunction": ("Code.ZipFile",),
    "lambda:UpdateFunctionCode": ("ZipFile",),
    "lambda:PublishLayerVersion": ("Content.ZipFile", "Content.Location"),
    "iam:CreateLoginProfile": ("Password",),
    "iam:UpdateLoginProfile": ("Password",),
    "iam:ChangePassword": ("OldPassword", "NewPassword"),
    "iam:CreateRole": ("Role.MaxSessionDuration", "Role.RoleLastUsed"),
    "iam:CreatePolicy": ("Policy.Document",),
    "secretsmanager:CreateSecret": ("SecretString", "SecretBinary"),
    "secretsmanager:PutSecretValue": ("SecretString", "SecretBinary"),
    "secretsmanager:UpdateSecret": ("SecretString", "SecretBinary"),
    "cloudformation:CreateStack": ("TemplateBody", "Parameters[].ParameterValue"),
    "cloudformation:UpdateStack": ("TemplateBody", "Parameters[].ParameterValue"),
    "cloudformation:CreateChangeSet": ("TemplateBody", "Parameters[].ParameterValue"),
    "kms:Encrypt": ("Plaintext", "CiphertextBlob"),
    "kms:Decrypt": ("CiphertextBlob", "Plaintext"),
    "kms:GenerateMac": ("Message", "Mac"),
    "kms:VerifyMac": ("Message", "Mac"),
    "kms:Sign": ("Message", "Signature"),
    "kms:Verify": ("Message", "Signature"),
    "kms:GenerateDataKey": ("Plaintext", "CiphertextBlob"),
}
# Members that are there, but hidden.
MASKED: Mapping[str, Mapping[str, Any]] = {
    "*": {"KeyMaterial": "<sensitiveDataRemoved>", "MasterUserPassword": "****"},
    "ssm:PutParameter": {"Value": HIDDEN},
    "ssm:SendCommand": {"Parameters": HIDDEN, "Command.Parameters": HIDDEN},
    "stepfunctions:CreateStateMachine": {"Definition": HIDDEN},
    "stepfunctions:UpdateStateMachine": {"Definition": HIDDEN},
    "stepfunctions:StartExecution": {"Input": HIDDEN},
    "lambda:CreateFunction": {"Environment": {}},
    "lambda:UpdateFunctionConfiguration": {"Environment": {}},
    "lambda:UpdateFunctionCode": {"Environment": {}},
    "lambda:PublishVersion": {"Environment": {}},
    "apigatewayv2:CreateStage": {"StageVariables": "***"},
    "apigatewayv2:UpdateStage": {"StageVariables": "***"},
    "sns:Subscribe": {"Endpoint": HIDDEN},
    "ec2:ModifyInstanceAttribute": {"UserData": "<sensitiveDataRemoved>"},
    "ec2:RunInstances": {"UserData": "<sensitiveDataRemoved>"},
    "cloudfront:CreateDistribution": {
        "DistributionConfig.Comment": HIDDEN, "Distribution.DistributionConfig.Comment": HIDDEN,
    },
}  # fmt: skip
# Members that the service adds to the recorded request where the client left them out.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "lambda:CreateFunction": {"environment": {}, "publish": False},
    "lambda:UpdateFunctionConfiguration": {"environment": {}},
    "lambda:UpdateFunctionCode": {"dryRun": False, "publish": False},
    "iam:CreateLoginProfile": {"passwordResetRequired": False},
    "ssm:SendCommand": {"interactive": False},
    "ec2:AuthorizeSecurityGroupIngress": {"ipPermissions": {}},
    "ec2:AuthorizeSecurityGroupEgress": {"ipPermissions": {}},
    "ec2:RevokeSecurityGroupIngress": {"ipPermissions": {}},
    "ec2:RevokeSecurityGroupEgress": {"ipPermissions": {}},
    "route53resolver:DeleteResolverQueryLogConfig": {"originSequenceNumber": 0},
}
# Calls whose answer is recorded as null though it says something.
NO_RESPONSE = frozenset(
    {
        "secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "kms:Decrypt", "kms:Encrypt",
        "kms:GenerateMac", "kms:VerifyMac", "kms:Sign", "kms:Verify", "kms:GenerateDataKey", "kms:ReEncrypt",
        "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateRandom", "lambda:DeleteFunction", "ssm:PutComplianceItems",
        "ssm:GetParameter", "ssm:GetParameters",
        "cloudformation:DeleteStack", "apigateway:TagResource",
        "elbv2:AddTags", "elbv2:RemoveTags", "sqs:SetQueueAttributes",
    }
)  # fmt: skip

# Services that record what their answer wraps, without the wrapper.
UNWRAPPED = frozenset({"rds", "redshift", "neptune", "docdb", "elasticache"})

# Services that write times as "Aug 1, 2024 1:37:41 PM"; the others put a comma after the year.
NO_COMMA = frozenset({"iam", "apigateway", "apigatewayv2", "cloudfront", "config"})

# A first letter that is not simply lowered.
SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "secretsmanager": {"ARN": "arn"},
}

# CreateQueue's maps, which SQS records in the singular.
QUEUE_SPELLINGS: Mapping[str, str] = {"attributes": "attribute", "tags": "tag"}

API_VERSIONS: Mapping[str, str] = {
    "events": "2015-10-07",
    "dynamodb": "2012-08-10",
    "logs": "20140328",
    "efs": "2015-02-01",
    "elbv2": "2015-12-01",
    "elb": "2012-06-01",
    "cloudfront": "2020_05_31",
}

# An error code of the API → CloudTrail's.
IAM_ERRORS_AS_THEY_ARE = frozenset({"AccessDenied", "ValidationError", "Throttling", "InternalFailure"})
