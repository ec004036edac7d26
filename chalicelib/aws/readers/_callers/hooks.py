"""Services that leave a part of their own work to a function: Cognito, Secrets Manager, AWS Config.

Sources: the API references of Cognito (DescribeUserPool, LambdaConfig), Secrets Manager (ListSecrets) and AWS Config
(DescribeConfigRules). For the conditions: Cognito Developer Guide, "Customizing user pool workflows with Lambda
triggers"; AWS Config Developer Guide, "Security best practice for AWS Lambda resource-based policy" (the rule's ARN
beside the account); Secrets Manager User Guide, "Permissions for rotation", which recommends the account alone, since
the ARN would bind the function to one secret only.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....model import Json
from ...clients import Aws
from .asking import Ask, Found, bare, of_each

OPERATIONS = (
    "cognito-idp:ListUserPools",
    "cognito-idp:DescribeUserPool",
    "secretsmanager:ListSecrets",
    "config:DescribeConfigRules",
)
MOST_POOLS, MOST_SECRETS, MOST_CONFIG_RULES = 50, 1000, 250
"""How much is asked at most in one read: 51, 10 and 10 calls."""


def _pools(aws: Aws, arns: set[str]) -> Found:
    """User pools with a function as one of their triggers, by itself or with the version of its event."""

    def look(listed: Json) -> Found:
        pool = aws.call("cognito-idp:DescribeUserPool", {"UserPoolId": listed["Id"]})["UserPool"]
        for trigger in (pool.get("LambdaConfig") or {}).values():
            name = trigger.get("LambdaArn") if isinstance(trigger, Mapping) else trigger
            yield bare(str(name)), {"SourceArn": pool["Arn"]}

    yield from of_each(aws.pages("cognito-idp:ListUserPools", {"MaxResults": 60}, "UserPools"), MOST_POOLS, look)


def _secrets(aws: Aws, arns: set[str]) -> Found:
    """Secrets that a function rotates, all bound by their one account."""

    def look(secret: Json) -> Found:
        if "RotationLambdaARN" in secret:
            yield bare(secret["RotationLambdaARN"]), {"Caller": secret["ARN"], "SourceAccount": aws.account}

    yield from of_each(aws.pages("secretsmanager:ListSecrets", {}, "SecretList"), MOST_SECRETS, look)


def _config_rules(aws: Aws, arns: set[str]) -> Found:
    """Config rules whose evaluation is a function. A managed rule's identifier is no ARN."""

    def look(rule: Json) -> Found:
        source = {"SourceArn": rule["ConfigRuleArn"], "SourceAccount": aws.account}
        yield bare(str(rule["Source"].get("SourceIdentifier"))), source

    yield from of_each(aws.pages("config:DescribeConfigRules", {}, "ConfigRules"), MOST_CONFIG_RULES, look)


ASKERS: Mapping[str, Ask] = {
    "cognito-idp.amazonaws.com": _pools,
    "secretsmanager.amazonaws.com": _secrets,
    "config.amazonaws.com": _config_rules,
}
