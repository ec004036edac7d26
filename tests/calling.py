"""What has a service call a function: how each is made, and the source that binds a grant to it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import NamedTuple

from holders import ACCOUNT, HERE, REGION, Aws

ARN = f"arn:aws:lambda:{HERE}:function:orders"
SENT = f"arn:aws:execute-api:{HERE}:"


class Caller(NamedTuple):
    """One kind: the service's name before `.amazonaws.com`, a maker that gives a new one of a name the function to
    call, and answers with its source, and whether each has a source of its own, so that two of them are several."""

    service: str
    make: Callable[[Aws, str, str], dict[str, str]]
    several: bool = True


def function(aws: Aws, name: str = "orders") -> None:
    """A function with version 1 and the alias `prod`."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client = aws("lambda")
    made = {"Runtime": "python3.11", "Role": role, "Handler": "app.handler", "Code": {"ZipFile": code.getvalue()}}
    client.create_function(FunctionName=name, **made)
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")


def path_of(target: str) -> str:
    """The URI by which API Gateway calls a function."""
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{target}/invocations"


def rest_api(aws: Aws, name: str, target: str, **more: str) -> dict[str, str]:
    client = aws("apigateway")
    api = client.create_rest_api(name=name)["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    place = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    client.put_method(**place, authorizationType="NONE")
    client.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=path_of(target), **more)
    return {"SourceArn": f"{SENT}{api}/*"}


def rest_authorizer(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("apigateway")
    api = client.create_rest_api(name=name)["id"]
    client.create_authorizer(
        restApiId=api, name="who", type="TOKEN", authorizerUri=path_of(target), identitySource="method.request.header.A"
    )
    return {"SourceArn": f"{SENT}{api}/*"}


def http_api(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("apigatewayv2")
    api = client.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    client.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=target, PayloadFormatVersion="2.0")
    return {"SourceArn": f"{SENT}{api}/*"}


def http_authorizer(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("apigatewayv2")
    selection = "$request.body.action"
    api = client.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression=selection)["ApiId"]
    kind = {"AuthorizerType": "REQUEST", "IdentitySource": ["route.request.header.A"]}
    client.create_authorizer(ApiId=api, Name="who", AuthorizerUri=path_of(target), **kind)
    return {"SourceArn": f"{SENT}{api}/*"}


def target_group(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("elbv2")
    arn = client.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    client.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    return {"SourceArn": arn}


def pool(aws: Aws, name: str, target: str) -> dict[str, str]:
    triggers = {"PreSignUp": target}
    return {"SourceArn": aws("cognito-idp").create_user_pool(PoolName=name, LambdaConfig=triggers)["UserPool"]["Arn"]}


def versioned_pool(aws: Aws, name: str, target: str) -> dict[str, str]:
    triggers = {"PreTokenGenerationConfig": {"LambdaArn": target, "LambdaVersion": "V2_0"}}
    return {"SourceArn": aws("cognito-idp").create_user_pool(PoolName=name, LambdaConfig=triggers)["UserPool"]["Arn"]}


def secret(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("secretsmanager")
    made = client.create_secret(Name=name, SecretString="x")
    rules = {"AutomaticallyAfterDays": 30}
    client.rotate_secret(SecretId=made["ARN"], RotationLambdaARN=target, RotationRules=rules, RotateImmediately=False)
    return {"SourceAccount": ACCOUNT}


def config_rule(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("config")
    details = [{"EventSource": "aws.config", "MessageType": "ConfigurationItemChangeNotification"}]
    source = {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": target, "SourceDetails": details}
    client.put_config_rule(ConfigRule={"ConfigRuleName": name, "Source": source})
    (made,) = client.describe_config_rules(ConfigRuleNames=[name])["ConfigRules"]
    return {"SourceArn": made["ConfigRuleArn"], "SourceAccount": ACCOUNT}


def log_group(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("logs")
    client.create_log_group(logGroupName=name)
    client.put_subscription_filter(logGroupName=name, filterName="all", filterPattern="", destinationArn=target)
    return {"SourceArn": f"arn:aws:logs:{HERE}:log-group:{name}:*"}


def every_log_group(aws: Aws, name: str, target: str) -> dict[str, str]:
    """An account has one of these only, so that another name overwrites what `all` says."""
    document = json.dumps({"DestinationArn": target, "FilterPattern": "ERROR"})
    aws("logs").put_account_policy(policyName="all", policyType="SUBSCRIPTION_FILTER_POLICY", policyDocument=document)
    return {"SourceArn": f"arn:aws:logs:{HERE}:log-group:*"}


def alarm(aws: Aws, name: str, target: str) -> dict[str, str]:
    rule = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1.0, "Period": 60}
    seen = {"MetricName": "Errors", "Namespace": "AWS/Lambda", "Statistic": "Sum"}
    aws("cloudwatch").put_metric_alarm(AlarmName=name, OKActions=[target], **rule, **seen)
    return {"SourceArn": f"arn:aws:cloudwatch:{HERE}:alarm:{name}"}


def receipt_rule(aws: Aws, name: str, target: str) -> dict[str, str]:
    client = aws("ses")
    if "Metadata" not in client.describe_active_receipt_rule_set():
        client.create_receipt_rule_set(RuleSetName="mail")
        client.set_active_receipt_rule_set(RuleSetName="mail")
    actions = [{"LambdaAction": {"FunctionArn": target}}]
    client.create_receipt_rule(RuleSetName="mail", Rule={"Name": name, "Actions": actions})
    arn = f"arn:aws:ses:{HERE}:receipt-rule-set/mail:receipt-rule/{name}"
    return {"SourceArn": arn, "SourceAccount": ACCOUNT}


def topic_rule(aws: Aws, name: str, target: str) -> dict[str, str]:
    payload = {"sql": "SELECT * FROM 'x'", "actions": [{"lambda": {"functionArn": target}}]}
    aws("iot").create_topic_rule(ruleName=name, topicRulePayload=payload)
    return {"SourceArn": f"arn:aws:iot:{HERE}:rule/{name}"}


CALLERS = {
    "rest api": Caller("apigateway", rest_api),
    "rest authorizer": Caller("apigateway", rest_authorizer),
    "http api": Caller("apigateway", http_api),
    "http authorizer": Caller("apigateway", http_authorizer),
    "target group": Caller("elasticloadbalancing", target_group),
    "user pool": Caller("cognito-idp", pool),
    "user pool by version": Caller("cognito-idp", versioned_pool),
    "secret": Caller("secretsmanager", secret, several=False),
    "config rule": Caller("config", config_rule),
    "log group": Caller("logs", log_group),
    "every log group": Caller("logs", every_log_group, several=False),
    "alarm": Caller("lambda.alarms.cloudwatch", alarm),
    "receipt rule": Caller("ses", receipt_rule),
    "topic rule": Caller("iot", topic_rule),
}
TRIED = ("secret", "config rule", "log group", "receipt rule")
"""Kinds that are not made without the function: AWS tries to call it."""
