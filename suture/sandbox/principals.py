"""The people of the sandbox's account: their roles, and credentials for them and for the functions' roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

NAMES = ("deployer", "security", "oncall", "developer")
_HOURS = 12

_SERVICES = [
    "access-analyzer",
    "acm",
    "application-autoscaling",
    "autoscaling",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "config",
    "cognito-idp",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "elasticloadbalancing",
    "events",
    "firehose",
    "glue",
    "guardduty",
    "iam",
    "inspector2",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "organizations",
    "pipes",
    "rds",
    "route53",
    "s3",
    "scheduler",
    "securityhub",
    "ses",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
    "tag",
    "wafv2",
    "xray",
]
_READ = {
    "Effect": "Allow",
    "Action": [
        *(f"{service}:{verb}*" for service in _SERVICES for verb in ("Get", "List", "Describe")),
        *(
            "apigateway:GET",
            "iam:GenerateServiceLastAccessedDetails",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:BatchGetItem",
        ),
        *("secretsmanager:ListSecrets", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"),
    ],
    "Resource": "*",
}
_POLICIES: Mapping[str, list[dict[str, Any]]] = {
    "deployer": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    "security": [_READ, {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}],
    "oncall": [_READ, {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}],
    "developer": [
        _READ,
        {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "arn:*:execute-api:*:*:*/*/GET/*"},
    ],
}


def create(account: str, region: str) -> None:
    """Make the four roles in moto's IAM, as they were before CloudTrail looked: no event tells of them."""
    backend = iam_backends[account][str(get_partition(region))]
    for name in NAMES:
        backend.create_role(
            role_name=name,
            assume_role_policy_document=json.dumps(_trust(account, region)),
            path="/",
            permissions_boundary=None,
            description=f"{name} of the sandbox",
            tags=[],
            max_session_duration=str(_HOURS * 3600),
        )
        backend.put_role_policy(name, name, json.dumps({"Version": "2012-10-17", "Statement": _POLICIES[name]}))


def credentials(principal: str, account: str, region: str) -> dict[str, str]:
    """A session of one of the four, under boto3's own argument names. `principal` is one of NAMES."""
    return credentials_for_role(f"arn:{get_partition(region)}:iam::{account}:role/{principal}", principal, region)


def credentials_for_role(role_arn: str, session_name: str, region: str = "us-east-1") -> dict[str, str]:
    """A session of any role, as a service gets one for what it runs: no trust is asked and no event is made."""
    session = sts_backends[role_arn.split(":")[4]][str(get_partition(region))].assume_role(
        region_name=region,
        role_session_name=session_name,
        role_arn=role_arn,
        policy="",
        duration=_HOURS * 3600,
        external_id="",
    )
    return {
        "aws_access_key_id": session.access_key_id,
        "aws_secret_access_key": session.secret_access_key,
        "aws_session_token": session.session_token,
    }


def _trust(account: str, region: str) -> dict[str, Any]:
    principal = {"AWS": f"arn:{get_partition(region)}:iam::{account}:root"}
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
