"""The part of the operation catalogue that asks the account what has a service call a function.

All of it reads, and is made only for a function with a grant that anybody's resources may use. API Gateway's two
APIs share the prefix and the action; DescribeLogGroups and what lists have no narrower resource. Source: Service
Authorization Reference, one page a service.
"""

from __future__ import annotations

from collections.abc import Mapping

from .entries import Operation, read

_GATEWAY = "arn:{partition}:apigateway:{region}::"

CALLER_OPERATIONS: Mapping[str, Operation] = {
    "s3:GetBucketNotificationConfiguration": read("s3:GetBucketNotification", "arn:{partition}:s3:::{Bucket}"),
    "sns:ListSubscriptions": read("sns:ListSubscriptions", "*"),
    "events:ListRuleNamesByTarget": read("events:ListRuleNamesByTarget", "*"),
    "iot:ListTopicRules": read("iot:ListTopicRules", "*"),
    "iot:GetTopicRule": read("iot:GetTopicRule", "arn:{partition}:iot:{region}:{account}:rule/{ruleName}"),
    "ses:DescribeActiveReceiptRuleSet": read("ses:DescribeActiveReceiptRuleSet", "*"),
    "apigateway:GetResources": read("apigateway:GET", _GATEWAY + "/restapis/{restApiId}/resources"),
    "apigateway:GetAuthorizers": read("apigateway:GET", _GATEWAY + "/restapis/{restApiId}/authorizers"),
    "apigatewayv2:GetApis": read("apigateway:GET", _GATEWAY + "/apis"),
    "apigatewayv2:GetIntegrations": read("apigateway:GET", _GATEWAY + "/apis/{ApiId}/integrations"),
    "apigatewayv2:GetAuthorizers": read("apigateway:GET", _GATEWAY + "/apis/{ApiId}/authorizers"),
    "elbv2:DescribeTargetGroups": read("elasticloadbalancing:DescribeTargetGroups", "*"),
    "elbv2:DescribeTargetHealth": read("elasticloadbalancing:DescribeTargetHealth", "*"),
    "cognito-idp:ListUserPools": read("cognito-idp:ListUserPools", "*"),
    "cognito-idp:DescribeUserPool": read(
        "cognito-idp:DescribeUserPool", "arn:{partition}:cognito-idp:{region}:{account}:userpool/{UserPoolId}"
    ),
    "config:DescribeConfigRules": read("config:DescribeConfigRules", "*"),
    "logs:DescribeAccountPolicies": read("logs:DescribeAccountPolicies", "*"),
    "logs:DescribeLogGroups": read("logs:DescribeLogGroups", "*"),
    "logs:DescribeSubscriptionFilters": read(
        "logs:DescribeSubscriptionFilters", "arn:{partition}:logs:{region}:{account}:log-group:{logGroupName}:*"
    ),
    "cloudwatch:DescribeAlarms": read("cloudwatch:DescribeAlarms", "*"),
}
