"""How each CloudFormation resource type is made: with the API calls that CloudFormation makes, sent to the server.

moto's own CloudFormation is not used: it fails at REST APIs, drops queue and role policies or stores them as Python
text (AWS-FACTS.md), and its import alone costs a second. One function a type; `MAKERS` is the list of what is known.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from suture.sandbox.apis import make_account, make_deployment, make_rest_api, make_stage
from suture.sandbox.intrinsics import Made
from suture.sandbox.making import Account

log = logging.getLogger("suture.sandbox")


Properties = Mapping[str, Any]
Maker = Callable[[Account, str, Properties], Made]


def _role(here: Account, logical: str, wanted: Properties) -> Made:
    iam, name = here.client("iam"), wanted.get("RoleName") or here.name(logical)
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(wanted["AssumeRolePolicyDocument"]),
        **_only(wanted, "Path", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags"),
    )["Role"]
    for policy in wanted.get("Policies", []):
        document = json.dumps(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    for arn in wanted.get("ManagedPolicyArns", []):
        _try(here, f"{logical}: {arn}", iam.attach_role_policy, RoleName=name, PolicyArn=arn)
    return Made(name, {"Arn": made["Arn"], "RoleId": made["RoleId"]})


def _managed_policy(here: Account, logical: str, wanted: Properties) -> Made:
    made = here.client("iam").create_policy(
        PolicyName=wanted.get("ManagedPolicyName") or here.name(logical),
        PolicyDocument=json.dumps(wanted["PolicyDocument"]),
        **_only(wanted, "Path", "Description"),
    )["Policy"]
    return Made(made["Arn"], {"PolicyArn": made["Arn"], "PolicyId": made["PolicyId"]})


def _queue(here: Account, logical: str, wanted: Properties) -> Made:
    name = wanted.get("QueueName") or here.name(logical)
    attributes = {key: _text(value) for key, value in wanted.items() if key not in ("QueueName", "Tags")}
    url = here.client("sqs").create_queue(QueueName=name, Attributes=attributes, tags=_tag_map(wanted))["QueueUrl"]
    return Made(url, {"Arn": here.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _queue_policy(here: Account, logical: str, wanted: Properties) -> Made:
    for url in wanted["Queues"]:
        policy = json.dumps(wanted["PolicyDocument"])
        here.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Made(here.name(logical))


def _table(here: Account, logical: str, wanted: Properties) -> Made:
    dynamodb, name = here.client("dynamodb"), wanted.get("TableName") or here.name(logical)
    shared = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    more = ("ProvisionedThroughput", "DeletionProtectionEnabled", "Tags")
    made = dynamodb.create_table(TableName=name, **_only(wanted, *shared, *more), **_encryption(wanted))
    if wanted.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted["TimeToLiveSpecification"])
    recovery = wanted.get("PointInTimeRecoverySpecification")
    if recovery:
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    return Made(name, {"Arn": made["TableDescription"]["TableArn"]})


def _encryption(wanted: Properties) -> dict[str, Any]:
    given = wanted.get("SSESpecification")
    if not given:
        return {}
    renamed = {key: value for key, value in given.items() if key != "SSEEnabled"}
    return {"SSESpecification": {"Enabled": given.get("SSEEnabled", False), **renamed}}


def _key(here: Account, logical: str, wanted: Properties) -> Made:
    made = here.client("kms").create_key(
        **_only(wanted, "Description", "KeySpec", "KeyUsage", "MultiRegion"),
        **({"Policy": json.dumps(wanted["KeyPolicy"])} if "KeyPolicy" in wanted else {}),
        Tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in wanted.get("Tags", [])],
    )["KeyMetadata"]
    return Made(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})


def _key_alias(here: Account, logical: str, wanted: Properties) -> Made:
    here.client("kms").create_alias(AliasName=wanted["AliasName"], TargetKeyId=wanted["TargetKeyId"])
    return Made(wanted["AliasName"])


def _rule(here: Account, logical: str, wanted: Properties) -> Made:
    events, name = here.client("events"), wanted.get("Name") or here.name(logical)
    pattern = {"EventPattern": json.dumps(wanted["EventPattern"])} if "EventPattern" in wanted else {}
    bus = _only(wanted, "EventBusName")
    more = _only(wanted, "ScheduleExpression", "Description", "State", "RoleArn", "Tags")
    arn = events.put_rule(Name=name, **pattern, **more, **bus)["RuleArn"]
    if wanted.get("Targets"):
        events.put_targets(Rule=name, Targets=wanted["Targets"], **bus)
    return Made(name, {"Arn": arn})


def _function(here: Account, logical: str, wanted: Properties) -> Made:
    client, name = here.client("lambda"), wanted.get("FunctionName") or here.name(logical)
    shared = ("Role", "Handler", "Runtime", "Timeout", "MemorySize", "Description", "Architectures", "Layers")
    more = ("Environment", "TracingConfig", "DeadLetterConfig", "VpcConfig", "EphemeralStorage", "LoggingConfig")
    made = client.create_function(
        FunctionName=name, Code={"ZipFile": here.code}, Tags=_tag_map(wanted), **_only(wanted, *shared, *more)
    )
    if "ReservedConcurrentExecutions" in wanted:
        reserved = int(wanted["ReservedConcurrentExecutions"])
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    return Made(name, {"Arn": made["FunctionArn"]})


def _permission(here: Account, logical: str, wanted: Properties) -> Made:
    more = _only(wanted, "Action", "Principal", "SourceArn", "SourceAccount", "EventSourceToken", "FunctionUrlAuthType")
    name = wanted["FunctionName"]
    here.client("lambda").add_permission(FunctionName=name, StatementId=here.name(logical), **more)
    return Made(here.name(logical))


def _mapping(here: Account, logical: str, wanted: Properties) -> Made:
    made = here.client("lambda").create_event_source_mapping(
        **_only(wanted, "FunctionName", "EventSourceArn", "BatchSize", "MaximumBatchingWindowInSeconds", "Enabled"),
        **_only(wanted, "FunctionResponseTypes", "ScalingConfig"),
    )
    return Made(made["UUID"], {"Id": made["UUID"]})


def _invoke_config(here: Account, logical: str, wanted: Properties) -> Made:
    more = _only(wanted, "FunctionName", "Qualifier", "MaximumEventAgeInSeconds", "MaximumRetryAttempts")
    destination = {"DestinationConfig": wanted["DestinationConfig"]} if wanted.get("DestinationConfig") else {}
    _try(here, logical, here.client("lambda").put_function_event_invoke_config, **more, **destination)
    return Made(here.name(logical))


def _log_group(here: Account, logical: str, wanted: Properties) -> Made:
    logs, name = here.client("logs"), wanted.get("LogGroupName") or here.name(logical)
    logs.create_log_group(logGroupName=name, tags=_tag_map(wanted))
    if "RetentionInDays" in wanted:
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(wanted["RetentionInDays"]))
    return Made(name, {"Arn": here.arn("logs", f"log-group:{name}:*")})


def _bucket(here: Account, logical: str, wanted: Properties) -> Made:
    s3, name = here.client("s3"), wanted.get("BucketName") or here.name(logical)
    placed = {} if here.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": here.region}}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=bool(wanted.get("ObjectLockEnabled")), **placed)
    lock = wanted.get("ObjectLockConfiguration")
    if lock:
        kept = lock["Rule"]["DefaultRetention"]
        rule = {"DefaultRetention": {**kept, "Days": int(kept["Days"])}}
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={**lock, "Rule": rule})
    for property_, put, argument in _OF_BUCKETS:
        if property_ in wanted:
            getattr(s3, put)(Bucket=name, **{argument: _as_s3_says(wanted[property_])})
    return Made(name, {"Arn": here.arn("s3", name, region=False, account=False)})


_OF_BUCKETS = (
    ("PublicAccessBlockConfiguration", "put_public_access_block", "PublicAccessBlockConfiguration"),
    ("BucketEncryption", "put_bucket_encryption", "ServerSideEncryptionConfiguration"),
    ("OwnershipControls", "put_bucket_ownership_controls", "OwnershipControls"),
)


def _as_s3_says(given: Any) -> Any:
    """CloudFormation and S3 name the list of encryption rules differently."""
    rules = given.get("ServerSideEncryptionConfiguration")
    if rules is None:
        return given
    renamed = "ApplyServerSideEncryptionByDefault"
    return {"Rules": [{renamed: rule["ServerSideEncryptionByDefault"]} for rule in rules]}


def _bucket_policy(here: Account, logical: str, wanted: Properties) -> Made:
    here.client("s3").put_bucket_policy(Bucket=wanted["Bucket"], Policy=json.dumps(wanted["PolicyDocument"]))
    return Made(here.name(logical))


def _parameter(here: Account, logical: str, wanted: Properties) -> Made:
    name = wanted.get("Name") or here.name(logical)
    here.client("ssm").put_parameter(Name=name, **_only(wanted, "Type", "Value", "Description"))
    return Made(name, {"Type": wanted["Type"], "Value": wanted["Value"]})


def _alarm(here: Account, logical: str, wanted: Properties) -> Made:
    """Nothing measures here, so an alarm could never sound: it gets a name and is not made."""
    name = wanted.get("AlarmName") or here.name(logical)
    return Made(name, {"Arn": here.arn("cloudwatch", f"alarm:{name}")})


def _topic(here: Account, logical: str, wanted: Properties) -> Made:
    name = wanted.get("TopicName") or here.name(logical)
    arn = here.client("sns").create_topic(Name=name)["TopicArn"]
    return Made(arn, {"TopicName": name, "TopicArn": arn})


def _config_rule(here: Account, logical: str, wanted: Properties) -> Made:
    name = wanted.get("ConfigRuleName") or here.name(logical)
    rule = {**wanted, "ConfigRuleName": name}
    if isinstance(rule.get("InputParameters"), Mapping):
        rule["InputParameters"] = json.dumps(rule["InputParameters"])
    _try(here, logical, here.client("config").put_config_rule, ConfigRule=rule)
    return Made(name, {"Arn": here.arn("config", f"config-rule/{name}"), "ConfigRuleId": name})


MAKERS: Mapping[str, Maker] = {
    "AWS::ApiGateway::Account": make_account,
    "AWS::ApiGateway::Deployment": make_deployment,
    "AWS::ApiGateway::RestApi": make_rest_api,
    "AWS::ApiGateway::Stage": make_stage,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Logs::MetricFilter": _alarm,
    "AWS::Config::ConfigRule": _config_rule,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Alias": _key_alias,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::EventInvokeConfig": _invoke_config,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SSM::Parameter": _parameter,
}


def _only(wanted: Properties, *names: str) -> dict[str, Any]:
    return {name: wanted[name] for name in names if name in wanted}


def _tag_map(wanted: Properties) -> dict[str, str]:
    tags = wanted.get("Tags", [])
    return dict(tags) if isinstance(tags, Mapping) else {tag["Key"]: str(tag["Value"]) for tag in tags}


def _text(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _try(here: Account, what: str, call: Callable[..., Any], **parameters: Any) -> None:
    """For what nothing here depends on: a failure is noted, not fatal."""
    try:
        call(**parameters)
    except ClientError as refused:
        here.notes.append(f"{what}: {refused}")
        log.debug("not deployed: %s: %s", what, refused)
