"""What each role of the stack may do, worked out by our own IAM reasoning on the template as it is deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.aws.operations import OPERATIONS, resource_of
from chalicelib.iam.admin import administrator
from chalicelib.iam.documents import Document, parse
from chalicelib.iam.permissions import may
from chalicelib.writers import WRITERS

ROLES = {
    "watch": "WatchRole",
    "sweep": "SweepRole",
    "config_rule": "ConfigRuleRole",
    "remediate": "RemediateRole",
    "remediate_iam": "RemediateIamRole",
    "remediate_secrets": "RemediateSecretsRole",
    "chat": "ApiHandlerRole",
    "notify": "NotifyRole",
}
HERE = "us-east-1:123456789012"
TABLE = f"arn:aws:dynamodb:{HERE}:table/made-CaseTable"
ROLE = "arn:aws:iam::123456789012:role"
BOUNDARY = "arn:aws:iam::123456789012:policy/suture-boundary"
FUNCTION = f"arn:aws:lambda:{HERE}:function"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret"
AUDIT = "arn:aws:s3:::suture-prod-audit-123456789012-us-east-1"
STAGES = "arn:aws:apigateway:us-east-1::/restapis"
EVERYTHING = parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "identity"
)

Context = Mapping[str, str | list[str]]


@pytest.fixture(scope="module")
def rights(stack: Mapping[str, Any]) -> Mapping[str, Document]:
    return {
        name: parse(stack[role]["Properties"]["Policies"][0]["PolicyDocument"], "identity")
        for name, role in ROLES.items()
    }


@pytest.fixture(scope="module")
def boundary(stack: Mapping[str, Any]) -> Document:
    return parse(stack["Boundary"]["Properties"]["PolicyDocument"], "identity")


def keys(*leading: str) -> Context:
    return {"dynamodb:LeadingKeys": list(leading)}


def bounded(arn: str) -> Context:
    return {"iam:PermissionsBoundary": arn}


ALLOWED: list[tuple[str, str, str, Context]] = [
    ("watch", "dynamodb:PutItem", TABLE, keys("CASE#1")),
    ("watch", "dynamodb:UpdateItem", TABLE, keys("COUNT#x")),
    ("watch", "dynamodb:Query", f"{TABLE}/index/by_state", keys("PENDING")),
    ("watch", "dynamodb:ConditionCheckItem", TABLE, keys("SWITCH#1")),
    ("watch", "lambda:GetPolicy", f"{FUNCTION}:shop", {}),
    ("watch", "iam:GetRole", f"{ROLE}/teams/shop", {}),
    ("watch", "apigateway:GET", f"{STAGES}/abc/stages/prod", {}),
    ("watch", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-remediate-iam", {}),
    ("watch", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-FingerprintKey", {}),
    ("sweep", "lambda:ListFunctions", "*", {}),
    ("sweep", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-failed-invocations", {}),
    ("sweep", "dynamodb:PutItem", TABLE, keys("ANCHOR#manifest")),
    ("sweep", "s3:PutObject", f"{AUDIT}/manifests/2026-11-26.json", {}),
    ("sweep", "kms:Sign", f"arn:aws:kms:{HERE}:key/made-AuditKey", {}),
    ("watch", "ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/shop/db", {}),
    ("config_rule", "config:PutEvaluations", "*", {}),
    ("remediate", "dynamodb:PutItem", TABLE, keys("JOURNAL#1", "CASE#1")),
    ("remediate", "dynamodb:UpdateItem", TABLE, keys("LEASE#1")),
    ("remediate", "lambda:RemovePermission", f"{FUNCTION}:shop", {}),
    ("remediate", "lambda:AddPermission", f"{FUNCTION}:shop:prod", {}),
    ("remediate", "apigateway:PATCH", f"{STAGES}/abc/stages/prod", {}),
    ("remediate", "lambda:GetPolicy", f"{FUNCTION}:suture-prod-watch", {}),
    ("remediate", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-remediate", {}),
    ("remediate", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-JournalKey", {}),
    ("remediate_iam", "iam:PutRolePermissionsBoundary", f"{ROLE}/shop", bounded(BOUNDARY)),
    ("remediate_iam", "iam:DeleteRolePermissionsBoundary", f"{ROLE}/shop", bounded(BOUNDARY)),
    ("remediate_iam", "iam:UpdateAssumeRolePolicy", f"{ROLE}/teams/shop", {}),
    ("remediate_secrets", "secretsmanager:CreateSecret", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:DescribeSecret", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:RestoreSecret", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:GetSecretValue", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:PutSecretValue", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:UpdateSecretVersionStage", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:DeleteResourcePolicy", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate_secrets", "lambda:UpdateFunctionConfiguration", f"{FUNCTION}:shop", {}),
    ("remediate_iam", "iam:DeleteRolePolicy", f"{ROLE}/shop", {}),
    ("remediate", "lambda:DeleteFunction", f"{FUNCTION}:shop:3", {}),
    ("watch", "cloudtrail:LookupEvents", "*", {}),
    ("chat", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-changes", {}),
    ("chat", "dynamodb:PutItem", TABLE, keys("APPROVAL#1")),
    ("chat", "dynamodb:UpdateItem", TABLE, keys("CASE#1", "SUPPRESSION#1", "SWITCH#1")),
    ("notify", "dynamodb:GetItem", TABLE, {}),
    ("notify", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/webhook-secret", {}),
    ("notify", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/slack-token", {}),
    ("notify", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/teams-secret", {}),
    ("chat", "dynamodb:PutItem", TABLE, keys("ACTIVITY#1")),
    ("notify", "dynamodb:UpdateItem", TABLE, keys("MESSAGE#1")),
    ("notify", "dynamodb:PutItem", TABLE, keys("FAILURE#1")),
    ("sweep", "dynamodb:PutItem", TABLE, keys("BEAT#events")),
    ("sweep", "sqs:ListQueues", "*", {}),
    ("watch", "dynamodb:PutItem", TABLE, keys("BEAT#events")),
    ("watch", "cloudformation:DescribeStacks", "*", {}),
    ("watch", "dynamodb:PutItem", TABLE, keys("FAILURE#1")),
    ("remediate_iam", "dynamodb:PutItem", TABLE, keys("FAILURE#1")),
    ("chat", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/slack-token", {}),
    ("chat", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/slack-signing-secret", {}),
    ("chat", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/oidc-client-secret", {}),
    ("chat", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-PageKey", {}),
]

DENIED: list[tuple[str, str, str, Context]] = [
    ("chat", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-JournalKey", {}),
    ("chat", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-FingerprintKey", {}),
    ("remediate_iam", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-PageKey", {}),
    ("notify", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-PageKey", {}),
    ("notify", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/oidc-client-secret", {}),
    ("notify", "dynamodb:PutItem", TABLE, keys("CASE#1")),
    ("chat", "dynamodb:PutItem", TABLE, keys("BEAT#events")),
    ("remediate", "dynamodb:PutItem", TABLE, keys("BEAT#events")),
    ("watch", "events:EnableRule", f"arn:aws:events:{HERE}:rule/suture-prod-iam-calls", {}),
    ("sweep", "lambda:UpdateFunctionConfiguration", f"{FUNCTION}:suture-prod-watch", {}),
    ("watch", "dynamodb:PutItem", TABLE, keys("APPROVAL#1")),
    ("watch", "dynamodb:PutItem", TABLE, keys("CASE#1", "APPROVAL#1")),
    ("watch", "dynamodb:PutItem", TABLE, keys("CASEY")),
    ("watch", "dynamodb:PutItem", TABLE, {}),
    ("watch", "dynamodb:PutItem", TABLE, keys("JOURNAL#1")),
    ("watch", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-JournalKey", {}),
    ("watch", "lambda:GetFunction", f"{FUNCTION}:shop", {}),
    ("sweep", "dynamodb:PutItem", TABLE, keys("APPROVAL#1")),
    ("sweep", "dynamodb:PutItem", TABLE, keys("SUPPRESSION#1")),
    ("sweep", "s3:PutObject", f"{AUDIT}/other", {}),
    ("sweep", "s3:DeleteObjectVersion", f"{AUDIT}/manifests/2026-11-26.json", {}),
    ("watch", "dynamodb:PutItem", TABLE, keys("ANCHOR#manifest")),
    ("watch", "kms:Sign", f"arn:aws:kms:{HERE}:key/made-AuditKey", {}),
    ("remediate", "kms:Sign", f"arn:aws:kms:{HERE}:key/made-AuditKey", {}),
    ("remediate", "s3:PutBucketPolicy", AUDIT, {}),
    ("config_rule", "dynamodb:GetItem", TABLE, keys("CASE#1")),
    ("config_rule", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-remediate", {}),
    ("remediate", "dynamodb:PutItem", TABLE, keys("APPROVAL#1")),
    ("remediate", "dynamodb:PutItem", TABLE, keys("SWITCH#1")),
    ("remediate", "lambda:RemovePermission", f"{FUNCTION}:suture-prod-chat", {}),
    ("remediate", "lambda:RemovePermission", f"{FUNCTION}:suture-prod-chat:live", {}),
    ("remediate", "apigateway:PATCH", f"{STAGES}/made-RestAPI/stages/api", {}),
    ("remediate", "iam:UpdateAssumeRolePolicy", f"{ROLE}/shop", {}),
    ("remediate", "secretsmanager:CreateSecret", f"{SECRET}:suture/x-AbCdEf", {}),
    ("remediate", "secretsmanager:PutSecretValue", f"{SECRET}:suture/x-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:PutSecretValue", f"{SECRET}:prod/db-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:UpdateSecretVersionStage", f"{SECRET}:prod/db-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:DeleteResourcePolicy", f"{SECRET}:prod/db-AbCdEf", {}),
    ("watch", "secretsmanager:GetSecretValue", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-remediate-iam", {}),
    (
        "remediate_iam",
        "iam:PutRolePermissionsBoundary",
        f"{ROLE}/shop",
        bounded("arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    ("remediate_iam", "iam:PutRolePermissionsBoundary", f"{ROLE}/shop", {}),
    ("remediate_iam", "iam:DeleteRolePermissionsBoundary", f"{ROLE}/shop", bounded(f"{BOUNDARY}-of-others")),
    ("remediate_iam", "iam:DeleteRolePermissionsBoundary", f"{ROLE}/shop", {}),
    ("remediate_iam", "iam:PutRolePermissionsBoundary", f"{ROLE}/suture-prod-remediate-iam", bounded(BOUNDARY)),
    ("remediate_iam", "iam:UpdateAssumeRolePolicy", f"{ROLE}/suture-prod-chat", {}),
    ("remediate_iam", "iam:UpdateAssumeRolePolicy", f"{ROLE}/aws-service-role/ops.amazonaws.com/Ops", {}),
    ("remediate_iam", "iam:UpdateAssumeRolePolicy", f"{ROLE}/aws-reserved/sso.amazonaws.com/Admin", {}),
    ("remediate_iam", "lambda:RemovePermission", f"{FUNCTION}:shop", {}),
    ("remediate_secrets", "secretsmanager:CreateSecret", f"{SECRET}:prod/db-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:DeleteSecret", f"{SECRET}:prod/db-AbCdEf", {}),
    ("remediate_secrets", "secretsmanager:GetSecretValue", f"{SECRET}:prod/db-AbCdEf", {}),
    ("remediate_secrets", "iam:PutRolePolicy", f"{ROLE}/shop", {}),
    ("remediate_secrets", "lambda:UpdateFunctionConfiguration", f"{FUNCTION}:suture-prod-chat", {}),
    ("remediate", "secretsmanager:GetSecretValue", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("remediate", "lambda:DeleteFunction", f"{FUNCTION}:shop", {}),
    ("remediate", "lambda:DeleteFunction", f"{FUNCTION}:suture-prod-chat:3", {}),
    ("remediate_iam", "secretsmanager:GetSecretValue", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("watch", "secretsmanager:GetSecretValue", f"{SECRET}:suture/shop/DB-AbCdEf", {}),
    ("chat", "dynamodb:PutItem", TABLE, keys("JOURNAL#1")),
    ("chat", "dynamodb:PutItem", TABLE, keys("RES#1")),
    ("chat", "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-JournalKey", {}),
    ("chat", "lambda:GetPolicy", f"{FUNCTION}:shop", {}),
    ("notify", "dynamodb:PutItem", TABLE, keys("CASE#1")),
    ("notify", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-remediate", {}),
    ("notify", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/prod/db", {}),
    ("notify", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/slack-signing-secret", {}),
    ("notify", "dynamodb:PutItem", TABLE, keys("APPROVAL#1")),
    ("notify", "dynamodb:PutItem", TABLE, keys("ACTIVITY#1")),
    ("chat", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/teams-secret", {}),
    ("watch", "dynamodb:PutItem", TABLE, keys("ACTIVITY#1")),
    ("chat", "dynamodb:PutItem", TABLE, keys("MESSAGE#1")),
    ("chat", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/suture/webhook-secret", {}),
    ("watch", "ssm:GetParameterHistory", f"arn:aws:ssm:{HERE}:parameter/shop/db", {}),
    ("remediate_secrets", "ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/shop/db", {}),
]


@pytest.mark.parametrize(("function", "action", "resource", "context"), ALLOWED)
def test_it_may(rights: Mapping[str, Document], function: str, action: str, resource: str, context: Context) -> None:
    answer = may([rights[function]], action, resource, context=context)
    assert answer.is_allowed, answer.reasons


@pytest.mark.parametrize(("function", "action", "resource", "context"), DENIED)
def test_it_may_not(
    rights: Mapping[str, Document], function: str, action: str, resource: str, context: Context
) -> None:
    assert may([rights[function]], action, resource, context=context).verdict == "denied"


NEVER = [
    ("iam:PassRole", f"{ROLE}/shop"),
    ("iam:PutRolePolicy", f"{ROLE}/suture-prod-remediate-iam"),
    ("iam:PutRolePolicy", f"{ROLE}/aws-service-role/ops.amazonaws.com/Ops"),
    ("iam:AttachRolePolicy", f"{ROLE}/shop"),
    ("iam:CreatePolicyVersion", BOUNDARY),
    ("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/eve"),
    ("sts:AssumeRole", f"{ROLE}/shop"),
    ("lambda:UpdateFunctionCode", f"{FUNCTION}:shop"),
    ("lambda:UpdateFunctionConfiguration", f"{FUNCTION}:suture-prod-watch"),
    ("lambda:InvokeFunction", f"{FUNCTION}:suture-prod-remediate-iam"),
    ("events:DisableRule", f"arn:aws:events:{HERE}:rule/suture-prod-lambda-calls"),
    ("dynamodb:DeleteItem", TABLE),
    ("dynamodb:DeleteTable", TABLE),
    ("dynamodb:Scan", TABLE),
    ("sqs:SetQueueAttributes", f"arn:aws:sqs:{HERE}:suture-prod-changes"),
    ("sqs:PurgeQueue", f"arn:aws:sqs:{HERE}:suture-prod-remediate"),
    ("kms:PutKeyPolicy", f"arn:aws:kms:{HERE}:key/made-JournalKey"),
    ("kms:ScheduleKeyDeletion", f"arn:aws:kms:{HERE}:key/made-JournalKey"),
    ("secretsmanager:GetSecretValue", f"{SECRET}:prod/db-AbCdEf"),
    ("s3:GetObject", "arn:aws:s3:::anything/at-all"),
]


PLANTED = {
    "APPROVAL#C-1": {"chat"},
    "SUPPRESSION#all": {"chat"},
    "SWITCH#global": {"chat"},
    "JOURNAL#C-1": {"remediate", "remediate_iam", "remediate_secrets"},
    "LEASE#x": {"remediate", "remediate_iam", "remediate_secrets"},
    "BEAT#events": {"sweep", "watch"},
    "ANCHOR#manifest": {"sweep"},
    "MESSAGE#x": {"notify"},
}
"""A kind of item, and the only functions whose roles may write one: nobody else can plant it."""


@pytest.mark.parametrize("function", ROLES)
@pytest.mark.parametrize("action", ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"])
def test_nobody_plants_what_another_writes(rights: Mapping[str, Document], function: str, action: str) -> None:
    for leading, writers in PLANTED.items():
        able = function in writers and action != "dynamodb:DeleteItem"
        verdict = may([rights[function]], action, TABLE, context=keys(leading)).verdict
        assert (verdict == "allowed") == able, (leading, verdict)


@pytest.mark.parametrize("function", ROLES)
def test_only_writers_can_seal_a_journal(rights: Mapping[str, Document], function: str) -> None:
    verdict = may([rights[function]], "kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-JournalKey").verdict
    assert (verdict == "allowed") == function.startswith("remediate")


@pytest.mark.parametrize("function", ROLES)
@pytest.mark.parametrize(("action", "resource"), NEVER)
def test_no_role_may_ever(rights: Mapping[str, Document], function: str, action: str, resource: str) -> None:
    assert may([rights[function]], action, resource).verdict == "denied"


@pytest.mark.parametrize("function", sorted(set(ROLES) - {"remediate_iam"}))
def test_only_the_writer_of_permissions_may_grant(rights: Mapping[str, Document], function: str) -> None:
    assert may([rights[function]], "iam:PutRolePolicy", f"{ROLE}/shop").verdict == "denied"


@pytest.mark.parametrize("function", ["watch", "sweep", "config_rule"])
def test_who_reads_plain_parameters_decrypts_none(rights: Mapping[str, Document], function: str) -> None:
    """As under `alias/aws/ssm`, whose policy lets every caller of SSM in the account."""
    key = f"arn:aws:kms:{HERE}:key/aws-ssm"
    everyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    opened = parse({"Version": "2012-10-17", "Statement": [everyone]}, "resource")

    def verdict(service: str) -> str:
        via = {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"}
        return may([rights[function]], "kms:Decrypt", key, resource_policy=opened, context=via).verdict

    assert (verdict("ssm"), verdict("s3")) == ("denied", "allowed")


@pytest.mark.parametrize("function", sorted(set(ROLES) - set(WRITERS)))
def test_only_the_writers_may_write_to_customers_resources(rights: Mapping[str, Document], function: str) -> None:
    for operation in OPERATIONS.values():
        for action, template in operation.iam if operation.kind == "write" else ():
            resource = resource_of(template, {}, "123456789012", "us-east-1", "aws").replace("*", "x")
            assert may([rights[function]], action, resource).verdict == "denied"


@pytest.mark.parametrize("function", ROLES)
def test_no_role_is_administrator(rights: Mapping[str, Document], function: str) -> None:
    assert administrator([rights[function]], None) is None


# --- the boundary that contained roles get --------------------------------------------------------------------------


def test_an_administrator_under_the_boundary_is_none(boundary: Document) -> None:
    assert administrator([EVERYTHING], None) is not None
    assert administrator([EVERYTHING], [boundary]) is None


def test_the_boundary_fits_into_a_managed_policy(stack: Mapping[str, Any]) -> None:
    """6,144 characters, white space not counted ("IAM and AWS STS quotas"), with room for longer names."""
    document = stack["Boundary"]["Properties"]["PolicyDocument"]
    assert len(json.dumps(document, separators=(",", ":"))) < 5_600


KEPT = [
    ("logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:/aws/lambda/shop:*"),
    ("xray:PutTraceSegments", "*"),
    ("cloudwatch:PutMetricData", "*"),
    ("dynamodb:PutItem", f"arn:aws:dynamodb:{HERE}:table/orders"),
    ("s3:GetObject", "arn:aws:s3:::photos/1"),
    ("s3:PutObject", "arn:aws:s3:::photos/1"),
    ("sqs:ReceiveMessage", f"arn:aws:sqs:{HERE}:orders"),
    ("sns:Publish", f"arn:aws:sns:{HERE}:orders"),
    ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/default"),
    ("kinesis:GetRecords", f"arn:aws:kinesis:{HERE}:stream/clicks"),
    ("states:StartExecution", f"arn:aws:states:{HERE}:stateMachine:order"),
    ("lambda:InvokeFunction", f"{FUNCTION}:shop"),
    ("execute-api:ManageConnections", f"arn:aws:execute-api:{HERE}:abc/prod/POST/@connections/1"),
    ("secretsmanager:GetSecretValue", f"{SECRET}:prod/db-AbCdEf"),
    ("ssm:GetParametersByPath", f"arn:aws:ssm:{HERE}:parameter/prod"),
    ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/1"),
    ("rds-data:ExecuteStatement", f"arn:aws:rds:{HERE}:cluster:shop"),
    ("ec2:CreateNetworkInterface", "*"),
    ("ecr:GetAuthorizationToken", "*"),
]


@pytest.mark.parametrize(("action", "resource"), KEPT)
def test_the_boundary_keeps_what_serverless_roles_need(boundary: Document, action: str, resource: str) -> None:
    assert may([EVERYTHING], action, resource, boundary=[boundary]).is_allowed


STOPPED = [
    ("iam:PutRolePolicy", f"{ROLE}/shop"),
    ("iam:DeleteRolePermissionsBoundary", f"{ROLE}/shop"),
    ("iam:PassRole", f"{ROLE}/admin"),
    ("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/eve"),
    ("iam:CreateServiceLinkedRole", f"{ROLE}/aws-service-role/x"),
    ("sts:AssumeRole", f"{ROLE}/admin"),
    ("sts:AssumeRoleWithWebIdentity", f"{ROLE}/admin"),
    ("organizations:LeaveOrganization", "*"),
    ("account:CloseAccount", "*"),
    ("lambda:UpdateFunctionCode", f"{FUNCTION}:admin"),
    ("lambda:CreateFunction", f"{FUNCTION}:new"),
    ("lambda:AddPermission", f"{FUNCTION}:shop"),
    ("lambda:PutResourcePolicy", f"{FUNCTION}:shop"),
    ("states:UpdateStateMachine", f"arn:aws:states:{HERE}:stateMachine:order"),
    ("cloudformation:CreateStack", "*"),
    ("ec2:RunInstances", "*"),
    ("ecs:RunTask", "*"),
    ("ssm:SendCommand", "*"),
    ("ssm:StartSession", "*"),
    ("glue:CreateJob", "*"),
    ("codebuild:StartBuild", "*"),
    ("s3:PutBucketPolicy", "arn:aws:s3:::photos"),
    ("s3:PutObjectAcl", "arn:aws:s3:::photos/1"),
    ("s3:DeleteBucket", "arn:aws:s3:::photos"),
    ("sqs:SetQueueAttributes", f"arn:aws:sqs:{HERE}:orders"),
    ("kms:PutKeyPolicy", f"arn:aws:kms:{HERE}:key/1"),
    ("kms:CreateGrant", f"arn:aws:kms:{HERE}:key/1"),
    ("secretsmanager:PutResourcePolicy", f"{SECRET}:prod/db-AbCdEf"),
    ("cloudtrail:StopLogging", "*"),
    ("config:DeleteConfigRule", "*"),
    ("dynamodb:PutItem", TABLE),
    ("dynamodb:GetItem", TABLE),
    ("sqs:SendMessage", f"arn:aws:sqs:{HERE}:suture-prod-remediate-iam"),
    ("lambda:InvokeFunction", f"{FUNCTION}:suture-prod-remediate-iam"),
    ("kms:GenerateMac", f"arn:aws:kms:{HERE}:key/made-JournalKey"),
]


@pytest.mark.parametrize(("action", "resource"), STOPPED)
def test_the_boundary_stops_every_way_to_more_power(boundary: Document, action: str, resource: str) -> None:
    assert may([EVERYTHING], action, resource, boundary=[boundary]).verdict == "denied"
