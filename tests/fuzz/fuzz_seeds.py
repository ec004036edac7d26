"""Good documents of every kind that Suture reads: what is spoilt begins here. All of them are our own."""

from __future__ import annotations

import json
from typing import Any

from fuzzed_account import ACCOUNT, FUNCTION, REGION, ROLE, ROOT, SECRET

from chalicelib.aws.readers import all_readers

WHO = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-deploy/ci",
    "accountId": ACCOUNT,
    "sessionContext": {
        "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/shop-deploy"},
        "sourceIdentity": "ann",
    },
}


def texts(*documents: Any) -> tuple[str, ...]:
    return tuple(map(json.dumps, documents))


def record(service: str, name: str, asked: Any, answered: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": WHO,
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "requestParameters": asked,
        "responseElements": answered,
        "eventID": "e-1",
        "readOnly": False,
        "recipientAccountId": ACCOUNT,
        **more,
    }


def envelope(source: str, kind: str, detail: Any) -> dict[str, Any]:
    ids = {"version": "0", "id": "env-1", "account": ACCOUNT, "region": REGION, "time": "2026-11-20T10:00:01Z"}
    return {**ids, "detail-type": kind, "source": source, "resources": [], "detail": detail}


def heard(service: str, *rest: Any) -> dict[str, Any]:
    return envelope(f"aws.{service}", "AWS API Call via CloudTrail", record(service, *rest))


ITEM = {
    "configurationItemVersion": "1.3",
    "configurationItemCaptureTime": "2026-11-20T10:00:00.000Z",
    "configurationItemStatus": "OK",
    "awsAccountId": ACCOUNT,
    "ARN": FUNCTION,
    "resourceType": "AWS::Lambda::Function",
    "resourceId": "shop",
    "resourceName": "shop",
    "awsRegion": REGION,
    "configuration": {"functionName": "shop", "functionArn": FUNCTION},
}
NOTICE = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": ITEM, "recordVersion": "1.3"}
RULE = {"invokingEvent": json.dumps(NOTICE), "ruleParameters": "{}", "resultToken": "t", "eventLeftScope": False}
ASFF = {
    "SchemaVersion": "2018-10-08",
    "Id": "finding/1",
    "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/securityhub",
    "AwsAccountId": ACCOUNT,
    "RecordState": "ACTIVE",
    "Workflow": {"Status": "NEW"},
    "Compliance": {"Status": "FAILED"},
    "Resources": [{"Type": "AwsLambdaFunction", "Id": FUNCTION}, {"Type": "AwsIamRole", "Id": ROLE}],
}
V2 = {"class_uid": 2004, "status": "New", "resources": [{"uid": FUNCTION, "type": "AWS::Lambda::Function"}]}
DUTY = {"accountId": ACCOUNT, "resource": {"resourceType": "Lambda", "lambdaDetails": {"functionArn": FUNCTION}}}
KEYS = {"resourceType": "AccessKey", "accessKeyDetails": {"userName": "shop", "userType": "AssumedRole"}}

EVENTS = texts(
    heard("lambda", "AddPermission20150331v2", {"functionName": "shop", "principal": "*"}),
    heard("lambda", "CreateFunction20150331", {"functionName": "shop"}, {"functionArn": FUNCTION}),
    heard("iam", "UpdateAssumeRolePolicy", {"roleName": "shop", "policyDocument": "{}"}),
    heard("iam", "CreatePolicyVersion", {"policyArn": f"arn:aws:iam::{ACCOUNT}:policy/team/p"}),
    heard("sqs", "SetQueueAttributes", {"queueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"}),
    heard("sns", "SetTopicAttributes", {"topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t"}),
    heard("apigateway", "UpdateStage", {"restApiId": "a1", "stageName": "v1"}),
    heard("secretsmanager", "PutResourcePolicy", {"secretId": SECRET}),
    heard("secretsmanager", "GetSecretValue", {"secretId": "suture/shop/DB"}),
    heard("kms", "PutKeyPolicy", {"keyId": "mrk-0123456789abcdef0123456789abcdef"}),
    heard("s3", "PutBucketPolicy", {"bucketName": "b"}),
    heard("dynamodb", "PutResourcePolicy", {"resourceArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"}),
    heard("ecs", "RegisterTaskDefinition", {"family": "f"}, {"taskDefinition": {"taskDefinitionArn": "arn:x"}}),
    heard("cloudformation", "CreateStack", {"stackName": "s"}, {"stackId": "arn:aws:cloudformation:x:1:stack/s/i"}),
    record("events", "PutPermission", {"eventBusName": "default"}),
    record("ssm", "PutParameter", {"name": "/shop/db", "type": "String"}, {"version": 1}),
    record("states", "UpdateStateMachine", {"stateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"}),
    ITEM,
    RULE,
    {**RULE, "invokingEvent": json.dumps({"messageType": "ScheduledNotification"})},
    {
        "version": "1.3",
        "arn": ROLE,
        "resourceType": "AWS::IAM::Role",
        "configuration": '{"roleName":"shop"}',
    },
    envelope("aws.config", "Config Configuration Item Change", NOTICE),
    envelope("aws.securityhub", "Security Hub Findings - Imported", {"findings": [ASFF]}),
    envelope("aws.securityhub", "Findings Imported V2", {"findings": [V2]}),
    envelope("aws.guardduty", "GuardDuty Finding", DUTY),
    envelope("aws.guardduty", "GuardDuty Finding", {**DUTY, "resource": KEYS}),
    envelope("aws.access-analyzer", "Access Analyzer Finding", {"resource": ROLE, "status": "ACTIVE"}),
    envelope("aws.inspector2", "Inspector2 Finding", {"status": "ACTIVE", "resources": [{"id": FUNCTION}]}),
    ASFF,
)

CHANGE = {
    "account": ACCOUNT,
    "region": REGION,
    "resource_type": "AWS::Lambda::Function",
    "resource_id": "shop",
    "action": "lambda:AddPermission",
    "via": "cloudtrail",
    "time": "2026-11-20T10:00:00Z",
    "principal": {"kind": "AssumedRole", "account": ACCOUNT, "arn": ROLE, "session": "ci"},
}
IDS = {
    "AWS::ApiGateway::Stage": "a1/v1",
    "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/p",
    "AWS::Lambda::LayerVersion": "l:1",
    "AWS::SQS::Queue": "orders",
    "AWS::SecretsManager::Secret": SECRET,
}
LOOKS = texts(
    {"suture": "look", "changes": [CHANGE]},
    {"suture": "look", "changes": [{**CHANGE, "via": "read"}], "waits": 3},
    *(
        {"suture": "look", "changes": [{**CHANGE, "resource_type": kind, "resource_id": IDS.get(kind, "shop")}]}
        for kind in sorted(all_readers())
    ),
)
WRITES = texts(
    {"suture": "write", "case": "C-0000000001", "do": "apply", "plan": "PLAN"},
    {"suture": "write", "case": "C-0000000002", "do": "apply", "plan": "PLAN", "waits": 2},
    {"suture": "write", "case": "C-0000000002", "do": "undo", "plan": "PLAN"},
    {"suture": "write", "case": "C-0000000001", "do": "watched", "plan": "PLAN"},
)
NOTICES = texts(
    {"suture": "notice", "case": "C-0000000001", "version": 3},
    {"suture": "notice", "case": "C-0000000002", "version": 3, "channel": "log", "remind": "still waits"},
    {"suture": "slack-say", "channel": "C", "text": "t"},
    {"suture": "slack-digest", "channel": "C", "window": "w"},
    {"suture": "email-digest", "window": "w"},
)

ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": FUNCTION, "Sid": "s"}
BOUND = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}}
SERVICE = {**ANYONE, "Principal": {"Service": "s3.amazonaws.com"}, "Condition": BOUND}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
PASSING = {"Effect": "Allow", "Action": ["iam:PassRole", "lambda:CreateFunction"], "Resource": ["*"]}
TRUST = {"Effect": "Allow", "Principal": {"AWS": ["*", ROLE], "Service": "lambda.amazonaws.com"}}
OIDC = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:org/*"}},
}
DENY = {"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "NotAction": "s3:*", "NotResource": "arn:aws:s3:::b"}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "p", "Statement": list(statements)}


POLICIES = texts(
    policy(ANYONE),
    policy(SERVICE, ANYONE),
    policy(EVERYTHING),
    policy(
        PASSING,
        {**EVERYTHING, "Effect": "Deny", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}},
    ),
    policy({**TRUST, "Action": "sts:AssumeRole"}, OIDC),
    policy(ANYONE, DENY),
)
QUESTIONS = texts(
    {"id": 1, "kind": "resource", "policy": policy(SERVICE, DENY), "context": {"account": ACCOUNT}},
    {"id": 2, "kind": "trust", "policy": policy({**TRUST, "Action": "sts:AssumeRole"}, OIDC)},
    {
        "id": 3,
        "kind": "identity",
        "policy": json.dumps(policy(PASSING)),
        "context": {"other_policies": [policy(EVERYTHING)]},
    },
    {
        "id": 4,
        "kind": "identity",
        "policy": policy(EVERYTHING),
        "context": {
            "boundary": policy(PASSING),
            "scps": [[policy(EVERYTHING)], [policy(DENY)]],
            "trusted_accounts": [ACCOUNT],
        },
    },
)
REQUESTS = texts(
    *(
        {
            "method": method,
            "resource": resource,
            "path_parameters": {"id": "C-0000000001"},
            "query": {"state": "PENDING"},
            "body": json.dumps({"decision": decision, "plan": "PLAN", "reason": "r", "until": "2026-12-24"}),
            "identity": {"userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/stranger/s"},
        }
        for method, resource, decision in (
            ("GET", "/cases", ""),
            ("GET", "/cases/{id}", ""),
            ("POST", "/cases/{id}/decision", "approve"),
            ("POST", "/cases/{id}/decision", "suppress"),
            ("POST", "/pause", ""),
            ("POST", "/resume", ""),
        )
    )
)

RUNBOOKS = tuple(p.read_text() for p in sorted((ROOT / "runbooks").glob("*/*.yaml")) if p.stat().st_size < 4000)
GOVERNANCE = {
    name: tuple((ROOT / folder / f"{name}.yaml").read_text() for folder in ("governance", "suture/sandbox/governance"))
    for name in ("pins", "approvers", "suppressions", "chat")
}
