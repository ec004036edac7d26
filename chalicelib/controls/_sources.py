"""How a grant to an AWS service is bound to its owner's account: by the source that the service names.

Each entry follows the service's page in the Lambda Developer Guide ("Invoking Lambda with events from other AWS
services"): most send aws:SourceArn with the account in it; some have no account in their ARNs, or are documented with
aws:SourceAccount.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..iam.principals import global_name

_BY_ACCOUNT = (
    "s3.amazonaws.com",
    "ses.amazonaws.com",
    "config.amazonaws.com",
    "secretsmanager.amazonaws.com",
    "codecommit.amazonaws.com",
    "bedrock.amazonaws.com",
    "connect.amazonaws.com",
    "lexv2.amazonaws.com",
)
_BY_ARN: Mapping[str, str] = {
    "apigateway.amazonaws.com": "execute-api:*:{account}:*",
    "events.amazonaws.com": "events:*:{account}:rule/*",
    "sns.amazonaws.com": "sns:*:{account}:*",
    "logs.amazonaws.com": "logs:*:{account}:log-group:*",
    "iot.amazonaws.com": "iot:*:{account}:rule/*",
    "cognito-idp.amazonaws.com": "cognito-idp:*:{account}:userpool/*",
    "elasticloadbalancing.amazonaws.com": "elasticloadbalancing:*:{account}:targetgroup/*",
    "lambda.alarms.cloudwatch.amazonaws.com": "cloudwatch:*:{account}:alarm:*",
    "cloudformation.amazonaws.com": "cloudformation:*:{account}:stack/*",
}


def own_account(service: str, account: str, partition: str) -> dict[str, str] | None:
    """The AddPermission parameters that bind `service` to what `account` owns; None where no page says how."""
    service = global_name(service)
    if service in _BY_ACCOUNT:
        return {"SourceAccount": account}
    pattern = _BY_ARN.get(service)
    return {"SourceArn": f"arn:{partition}:{pattern.format(account=account)}"} if pattern else None
