"""moto as it comes, asked whether it still has the gaps that suture/sandbox/mends closes. Run as a script: prints a
JSON object of gap → whether moto still has it. In its own process, since the mends stay for good once applied."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
TRUSTED = {"Effect": "Allow", "Action": "sts:AssumeRole"}
GAPS: dict[str, Callable[[], bool]] = {}


def gap(probe: Callable[[], bool]) -> Callable[[], bool]:
    GAPS[probe.__name__] = probe
    return probe


def function() -> Any:
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "")
    client = boto3.client("lambda")
    client.create_function(
        FunctionName="f", Runtime="python3.11", Role=role, Handler="a.b", Code={"ZipFile": buffer.getvalue()}
    )
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    return client


def refused(call: Callable[..., Any], **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError:
        return True
    except NotImplementedError:
        return True
    return False


GRANT = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}


@gap
def ses_mail_has_no_headers() -> bool:
    from moto.ses.models import ses_backends

    ses = boto3.client("sesv2")
    ses.create_email_identity(EmailIdentity="example.com")
    body = {"Text": {"Data": "t"}, "Html": {"Data": "h"}}
    simple = {"Subject": {"Data": "s"}, "Body": body, "Headers": [{"Name": "List-Id", "Value": "x"}]}
    sent = {"FromEmailAddress": "a@example.com", "Destination": {"ToAddresses": ["b@example.com"]}}
    ses.send_email(**sent, Content={"Simple": simple})
    backend = ses_backends["123456789012"][ses.meta.region_name]
    kept = getattr(backend.sent_messages[-1], "headers", {}) == {"List-Id": "x"}
    forged = {**simple, "Headers": [{"Name": "Message-ID", "Value": "<x@y>"}]}
    return not kept or not refused(ses.send_email, **sent, Content={"Simple": forged})


@gap
def cloudtrail_no_event_history() -> bool:
    return refused(boto3.client("cloudtrail").lookup_events)


@gap
def lambda_no_provisioned_concurrency() -> bool:
    client = function()
    asked = {"FunctionName": "f", "Qualifier": "prod", "ProvisionedConcurrentExecutions": 1}
    if refused(client.put_provisioned_concurrency_config, **asked):
        return True
    return len(client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]) != 1


@gap
def lambda_one_policy_for_all_qualifiers() -> bool:
    client = function()
    client.add_permission(FunctionName="f", Qualifier="prod", **GRANT)
    return not refused(client.get_policy, FunctionName="f", Qualifier="1")


@gap
def lambda_takes_a_sid_twice() -> bool:
    client = function()
    client.add_permission(FunctionName="f", **GRANT)
    return not refused(client.add_permission, FunctionName="f", **GRANT)


@gap
def lambda_puts_no_whole_policy() -> bool:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return refused(function().put_resource_policy, ResourceArn=arn, Policy=policy)


@gap
def lambda_url_auth_type_is_no_condition() -> bool:
    client = function()
    client.add_permission(FunctionName="f", FunctionUrlAuthType="NONE", **GRANT)
    statement = json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"][0]
    return "Condition" not in statement


@gap
def lambda_one_url_for_all_qualifiers() -> bool:
    client = function()
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM", Qualifier="prod")
    return bool(client.get_function_url_config(FunctionName="f")["AuthType"] == "AWS_IAM")


@gap
def lambda_lists_no_urls() -> bool:
    return refused(function().list_function_url_configs, FunctionName="f")


@gap
def lambda_takes_a_stale_revision() -> bool:
    return not refused(function().update_function_configuration, FunctionName="f", RevisionId="old", Timeout=4)


@gap
def lambda_drops_tracing() -> bool:
    client = function()
    client.update_function_configuration(FunctionName="f", TracingConfig={"Mode": "Active"})
    return bool(client.get_function_configuration(FunctionName="f")["TracingConfig"]["Mode"] != "Active")


def stage() -> tuple[Any, str]:
    client = boto3.client("apigateway")
    api = client.create_rest_api(name="a")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=api, stageName="prod")
    return client, api


def patch(client: Any, api: str, verb: str, path: str, **value: str) -> Any:
    operations = [{"op": verb, "path": path, **value}]
    return client.update_stage(restApiId=api, stageName="prod", patchOperations=operations)


@gap
def apigateway_invents_method_settings() -> bool:
    client, api = stage()
    settings = patch(client, api, "replace", "/*/*/throttling/rateLimit", value="5")["methodSettings"]["*/*"]
    return "cachingEnabled" in settings


@gap
def apigateway_removes_no_method_settings() -> bool:
    client, api = stage()
    patch(client, api, "replace", "/*/*/throttling/rateLimit", value="5")
    return bool(patch(client, api, "remove", "/*/*")["methodSettings"])


@gap
def apigatewayv2_lists_no_authorizers() -> bool:
    client = boto3.client("apigatewayv2")
    api = client.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    given = {"AuthorizerType": "REQUEST", "AuthorizerPayloadFormatVersion": "2.0"}
    client.create_authorizer(ApiId=api, Name="who", IdentitySource=["$request.header.A"], **given)
    try:
        return [one["Name"] for one in client.get_authorizers(ApiId=api)["Items"]] != ["who"]
    except NotImplementedError:
        return True


@gap
def logs_have_no_account_policies() -> bool:
    client, kind = boto3.client("logs"), "SUBSCRIPTION_FILTER_POLICY"
    document = json.dumps({"DestinationArn": "arn:aws:lambda:us-east-1:123456789012:function:f"})
    try:
        client.put_account_policy(policyName="all", policyType=kind, policyDocument=document)
        told = [one["policyDocument"] for one in client.describe_account_policies(policyType=kind)["accountPolicies"]]
        client.delete_account_policy(policyName="all", policyType=kind)
        return told != [document] or bool(client.describe_account_policies(policyType=kind)["accountPolicies"])
    except NotImplementedError:
        return True


@gap
def iam_takes_a_missing_boundary() -> bool:
    iam = boto3.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    missing = "arn:aws:iam::123456789012:policy/none"
    return not refused(iam.put_role_permissions_boundary, RoleName="r", PermissionsBoundary=missing)


@gap
def iam_knows_no_managed_policy() -> bool:
    return refused(boto3.client("iam").get_policy, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def own_policy() -> str:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam = boto3.client("iam")
    return str(iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(document))["Policy"]["Arn"])


@gap
def iam_leaves_the_date_of_a_policy_with_a_new_version() -> bool:
    iam, arn = boto3.client("iam"), own_policy()
    was = iam.get_policy(PolicyArn=arn)["Policy"]["UpdateDate"]
    text = json.dumps(iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=text)
    return bool(iam.get_policy(PolicyArn=arn)["Policy"]["UpdateDate"] == was)


@gap
def iam_does_not_tell_whom_a_policy_bounds() -> bool:
    iam, arn = boto3.client("iam"), own_policy()
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    found = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    return not found["PolicyRoles"] or not iam.get_policy(PolicyArn=arn)["Policy"].get("PermissionsBoundaryUsageCount")


@gap
def cloudtrail_has_no_lake() -> bool:
    client = boto3.client("cloudtrail")
    try:
        arn = client.create_event_data_store(Name="lake")["EventDataStoreArn"]
        return bool(client.get_event_data_store(EventDataStore=arn)["Status"] != "ENABLED")
    except NotImplementedError:
        return True


@gap
def iam_bounds_no_users() -> bool:
    iam, arn = boto3.client("iam"), own_policy()
    iam.create_user(UserName="u")
    try:
        iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=arn)
    except NotImplementedError:
        return True
    found = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    return not found["PolicyUsers"] or "PermissionsBoundary" not in iam.get_user(UserName="u")["User"]


@gap
def iam_has_no_report_on_what_a_role_used() -> bool:
    iam = boto3.client("iam")
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    try:
        job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
        return iam.get_service_last_accessed_details(JobId=job)["JobStatus"] != "IN_PROGRESS"
    except (ClientError, NotImplementedError):
        return True


def deployed(**resources: Any) -> None:
    boto3.client("cloudformation").create_stack(
        StackName="s", TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )


@gap
def iam_template_role_policies_are_no_json() -> bool:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    properties = {
        "RoleName": "r",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
        "Policies": [{"PolicyName": "p", "PolicyDocument": document}],
    }
    deployed(R={"Type": "AWS::IAM::Role", "Properties": properties})
    return not isinstance(boto3.client("iam").get_role_policy(RoleName="r", PolicyName="p")["PolicyDocument"], dict)


@gap
def cloudformation_applies_no_queue_policy() -> bool:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Queues": [{"Ref": "Q"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    deployed(
        Q={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}},
        P={"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
    )
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    return "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


@gap
def cloudformation_makes_no_function_url() -> bool:
    arn = function().get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    deployed(U={"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": arn, "AuthType": "NONE"}})
    return refused(boto3.client("lambda").get_function_url_config, FunctionName="f")


@gap
def dynamodb_updates_no_encryption() -> bool:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_table(TableName="t", SSESpecification={"Enabled": True, "SSEType": "KMS"})
    return "SSEDescription" not in client.describe_table(TableName="t")["Table"]


@gap
def kms_hashes_a_digest_once_more() -> bool:
    client = boto3.client("kms")
    key = client.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    sure = {"KeyId": key, "SigningAlgorithm": "ECDSA_SHA_256"}
    digest = hashlib.sha256(b"text").digest()
    signature = client.sign(Message=digest, MessageType="DIGEST", **sure)["Signature"]
    return not client.verify(Message=b"text", MessageType="RAW", Signature=signature, **sure)["SignatureValid"]


@gap
def s3_denies_those_whom_a_condition_excepts() -> bool:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    but = {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/writer"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*"}
    policy = {"Version": "2012-10-17", "Statement": [{**deny, "Condition": but}]}
    client.put_bucket_policy(Bucket="bucket", Policy=json.dumps(policy))
    return refused(client.put_object, Bucket="bucket", Key="k", Body=b"")


def written(client: Any, count: int) -> None:
    put = [{"Put": {"TableName": "t", "Item": {"pk": {"S": str(number)}}}} for number in range(count)]
    client.transact_write_items(TransactItems=put)


@gap
def dynamodb_transactions_keep_tables_and_rows() -> bool:
    from moto.dynamodb.models.dynamo_type import Item
    from moto.dynamodb.models.table import Table

    client = boto3.client("dynamodb")
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    before = [len(model.instances_tracked) for model in (Table, Item)]
    written(client, 5)
    return [len(model.instances_tracked) for model in (Table, Item)] != before


@gap
def events_deliver_for_disabled_rules() -> bool:
    sqs, events = boto3.client("sqs"), boto3.client("events")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}', State="DISABLED")
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    return "Messages" in sqs.receive_message(QueueUrl=url)


@gap
def events_keep_statements_of_a_policy_that_was_replaced() -> bool:
    client = boto3.client("events")
    client.create_event_bus(Name="b")
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/b"
    for sid, account in (("first", "111122223333"), ("second", "444455556666")):
        basic = {"Sid": sid, "Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
        statement = {**basic, "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        client.put_permission(EventBusName="b", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return len(json.loads(client.describe_event_bus(Name="b")["Policy"])["Statement"]) != 1


@gap
def config_puts_only_in_test_mode() -> bool:
    evaluation = {
        "ComplianceResourceType": "AWS::Lambda::Function",
        "ComplianceResourceId": "f",
        "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": 0,
    }
    return refused(boto3.client("config").put_evaluations, Evaluations=[evaluation], ResultToken="t")


def secret(*values: str) -> Any:
    client = boto3.client("secretsmanager")
    first, *rest = [base64.b64encode(v.encode()).decode() for v in values]
    client.create_secret(Name="s", SecretString=first, ClientRequestToken="1" * 32)
    for number, value in enumerate(rest, 2):
        client.put_secret_value(SecretId="s", SecretString=value, ClientRequestToken=str(number) * 32)
    return client


@gap
def secretsmanager_shows_versions_without_a_label() -> bool:
    client = secret("a", "b", "c")
    return len(client.describe_secret(SecretId="s")["VersionIdsToStages"]) == 3


@gap
def secretsmanager_gives_out_the_version_that_was_current() -> bool:
    client = secret("a", "b")
    labels = {"MoveToVersionId": "1" * 32, "RemoveFromVersionId": "2" * 32}
    client.update_secret_version_stage(SecretId="s", VersionStage="AWSCURRENT", **labels)
    return bool(client.get_secret_value(SecretId="s")["VersionId"] == "2" * 32)


@gap
def secretsmanager_writes_to_a_deleted_secret() -> bool:
    client = secret("a")
    client.delete_secret(SecretId="s")
    try:
        client.put_resource_policy(SecretId="s", ResourcePolicy="{}")
    except ClientError as error:
        return error.response["Error"]["Code"] != "InvalidRequestException"
    return True


@gap
def secretsmanager_says_exists_for_a_deleted_one() -> bool:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="s", SecretString=base64.b64encode(b"v").decode())
    client.delete_secret(SecretId="s")
    try:
        client.create_secret(Name="s", SecretString=base64.b64encode(b"w").decode())
    except ClientError as error:
        return error.response["Error"]["Code"] != "InvalidRequestException"
    return True


@gap
def a_policy_may_name_who_is_not_there() -> bool:
    trust = TRUST.replace("[]", json.dumps([{**TRUSTED, "Principal": {"AWS": "AROA" + "EXAMPLE" * 2 + "1"}}]))
    return not refused(boto3.client("iam").create_role, RoleName="r", AssumeRolePolicyDocument=trust)


@gap
def a_policy_keeps_the_arn_of_who_is_deleted() -> bool:
    iam, sqs = boto3.client("iam"), boto3.client("sqs")
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = TRUST.replace("[]", json.dumps([{**TRUSTED, "Principal": {"AWS": arn}}]))
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": policy})["QueueUrl"]
    iam.delete_role(RoleName="r")
    return arn in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]


@gap
def ssm_keeps_the_key_of_what_is_plain() -> bool:
    client = boto3.client("ssm")
    client.put_parameter(Name="p", Type="SecureString", Value="v")
    client.put_parameter(Name="p", Type="String", Value="v", Overwrite=True)
    return "KeyId" in client.describe_parameters()["Parameters"][0]


@gap
def ssm_tells_policies_as_objects() -> bool:
    client, given = boto3.client("ssm"), {"Type": "NoChangeNotification", "Version": "1.0"}
    client.put_parameter(Name="p", Type="String", Value="v", Tier="Advanced", Policies=json.dumps([given]))
    (policy,) = client.describe_parameters()["Parameters"][0]["Policies"]
    return bool(policy["PolicyText"] != json.dumps(given))


@gap
def ecs_describes_an_inactive_family() -> bool:
    client = boto3.client("ecs")
    client.register_task_definition(family="f", containerDefinitions=[])
    client.deregister_task_definition(taskDefinition="f:1")
    return not refused(client.describe_task_definition, taskDefinition="f")


@gap
def ecs_lists_inactive_families() -> bool:
    client = boto3.client("ecs")
    client.register_task_definition(family="f", containerDefinitions=[])
    client.deregister_task_definition(taskDefinition="f:1")
    return bool(client.list_task_definition_families(status="ACTIVE")["families"])


@gap
def cloudformation_shows_what_has_noecho() -> bool:
    client = boto3.client("cloudformation")
    template = {
        "Parameters": {"Word": {"Type": "String", "NoEcho": True}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    }
    given = [{"ParameterKey": "Word", "ParameterValue": "shown"}]
    client.create_stack(StackName="s", TemplateBody=json.dumps(template), Parameters=given)
    return bool(client.describe_stacks(StackName="s")["Stacks"][0]["Parameters"][0]["ParameterValue"] != "****")


def main() -> None:
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1")
    found = {}
    for name, probe in GAPS.items():
        with mock_aws():
            found[name] = probe()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
