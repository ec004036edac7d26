"""moto's gaps: each is still there in moto as it comes, and closed once mended."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends as ddb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from unmended import GAPS, patch, stage

from suture.sandbox import mends
from suture.sandbox.mends.config import put as evaluations_put

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture(autouse=True)
def account() -> Iterator[None]:
    mends.apply()
    for service in ("cloudformation", "ecs", "sesv2", "ssm"):
        mends.apply_to(service)
    with mock_aws():
        yield


@pytest.fixture(scope="module")
def unmended() -> dict[str, bool]:
    script = Path(__file__).with_name("unmended.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, bool] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("gap", sorted(GAPS))
def test_moto_still_needs_the_mend(unmended: dict[str, bool], gap: str) -> None:
    assert unmended[gap], f"moto closes {gap} by itself now: take the mend out"


@pytest.mark.parametrize("gap", sorted(GAPS))
def test_the_mend_closes_the_gap(gap: str) -> None:
    assert not GAPS[gap]()


def function(**more: Any) -> Any:
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "")
    client = boto3.client("lambda")
    client.create_function(
        FunctionName="f", Runtime="python3.11", Role=role, Handler="a.b", Code={"ZipFile": buffer.getvalue()}, **more
    )
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    return client


def statements(client: Any, **where: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(client.get_policy(**where)["Policy"])["Statement"]
    return found


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"Principal": "*"}, {"Principal": "*"}),
        ({"Principal": "s3.amazonaws.com"}, {"Principal": {"Service": "s3.amazonaws.com"}}),
        ({"Principal": "111122223333"}, {"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}),
        ({"Principal": "arn:aws:iam::111122223333:role/x"}, {"Principal": {"AWS": "arn:aws:iam::111122223333:role/x"}}),
        (
            {"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b", "SourceAccount": "111122223333"},
            {
                "Principal": {"Service": "s3.amazonaws.com"},
                "Condition": {
                    "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
                    "StringEquals": {"AWS:SourceAccount": "111122223333"},
                },
            },
        ),
        (
            {"Principal": "*", "PrincipalOrgID": "o-1234567890"},
            {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}},
        ),
        (
            {"Principal": "*", "FunctionUrlAuthType": "NONE"},
            {"Principal": "*", "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
        ),
        (
            {"Principal": "*", "InvokedViaFunctionUrl": True},
            {"Principal": "*", "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
        ),
        (
            {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "skill-1"},
            {
                "Principal": {"Service": "alexa-appkit.amazon.com"},
                "Condition": {"StringEquals": {"lambda:EventSourceToken": "skill-1"}},
            },
        ),
    ],
)
def test_a_grant_is_written_as_aws_writes_it(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    client = function()
    answer = client.add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", **asked)
    written = {"Sid": "s", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN, **expected}
    assert json.loads(answer["Statement"]) == written
    assert statements(client, FunctionName="f") == [written]


@pytest.mark.parametrize("by", [{"FunctionName": "f", "Qualifier": "prod"}, {"FunctionName": f"{ARN}:prod"}])
def test_each_qualifier_has_its_own_policy(by: dict[str, str]) -> None:
    client = function()
    grant = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    client.add_permission(**by, **grant)
    assert [one["Resource"] for one in statements(client, FunctionName="f", Qualifier="prod")] == [f"{ARN}:prod"]
    for elsewhere in ({"FunctionName": "f"}, {"FunctionName": "f", "Qualifier": "1"}):
        assert code_of(client.get_policy, **elsewhere) == "ResourceNotFoundException"
    client.add_permission(FunctionName="f", **grant)
    client.remove_permission(StatementId="s", **by)
    assert code_of(client.get_policy, **by) == "ResourceNotFoundException"
    assert len(statements(client, FunctionName="f")) == 1


def test_what_a_grant_is_refused_for() -> None:
    client = function()
    grant = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    client.add_permission(**grant)
    assert code_of(client.add_permission, **grant) == "ResourceConflictException"
    assert code_of(client.add_permission, **{**grant, "StatementId": "t"}, RevisionId="stale") == (
        "PreconditionFailedException"
    )
    assert code_of(client.add_permission, **{**grant, "Qualifier": "none"}) == "ResourceNotFoundException"
    assert code_of(client.add_permission, **{**grant, "Qualifier": "$LATEST"}) == "InvalidParameterValueException"
    assert code_of(client.add_permission, **{**grant, "StatementId": "t", "Principal": "nobody"}) == (
        "InvalidParameterValueException"
    )
    assert code_of(client.remove_permission, FunctionName="f", StatementId="t") == "ResourceNotFoundException"
    assert code_of(client.remove_permission, FunctionName="f", StatementId="s", RevisionId="stale") == (
        "PreconditionFailedException"
    )
    revision = client.get_policy(FunctionName="f")["RevisionId"]
    client.remove_permission(FunctionName="f", StatementId="s", RevisionId=revision)


@pytest.mark.parametrize(
    ("sid", "taken"),
    [("a", True), ("A-1_b", True), ("x" * 100, True), ("x" * 101, False), ("a b", False), ("a.b", False), ("é", False)],
)
def test_a_sid_has_a_form(sid: str, taken: bool) -> None:
    function()
    grant = {"FunctionName": "f", "StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "*"}
    if taken:
        unchecked("lambda").add_permission(**grant)
    else:
        assert code_of(unchecked("lambda").add_permission, **grant) == "ValidationException"


def test_what_hangs_on_an_alias_or_a_function_goes_with_it() -> None:
    client = function()
    grant = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    for place in ({}, {"Qualifier": "prod"}):
        client.add_permission(FunctionName="f", **grant, **place)
        client.create_function_url_config(FunctionName="f", AuthType="NONE", **place)
    client.delete_alias(FunctionName="f", Name="prod")
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    assert code_of(client.get_policy, FunctionName="f", Qualifier="prod") == "ResourceNotFoundException"
    assert len(client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]) == 1
    client.delete_function(FunctionName="f")
    boto3.client("iam").delete_role(RoleName="r")
    assert code_of(function().get_policy, FunctionName="f") == "ResourceNotFoundException"


def test_urls_keep_their_host_name_when_the_auth_type_changes() -> None:
    client = function()
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    other = client.create_function_url_config(FunctionName="f", AuthType="NONE", Qualifier="prod")
    client.update_function_url_config(FunctionName=ARN, AuthType="AWS_IAM")
    found = {
        one["FunctionArn"]: one for one in client.list_function_url_configs(FunctionName=ARN)["FunctionUrlConfigs"]
    }
    assert found[ARN]["FunctionUrl"] == made["FunctionUrl"] != other["FunctionUrl"]
    assert (found[ARN]["AuthType"], found[f"{ARN}:prod"]["AuthType"]) == ("AWS_IAM", "NONE")
    client.delete_function_url_config(FunctionName="f", Qualifier="prod")
    assert code_of(client.get_function_url_config, FunctionName="f", Qualifier="prod") == "ResourceNotFoundException"
    assert code_of(client.create_function_url_config, FunctionName="f", AuthType="NONE") == "ResourceConflictException"


def test_versions_keep_the_configuration_they_were_published_with() -> None:
    client = function(Environment={"Variables": {"A": "old"}})
    revision = client.get_function_configuration(FunctionName="f")["RevisionId"]
    client.update_function_configuration(
        FunctionName="f", RevisionId=revision, Environment={"Variables": {"A": "new"}}, KMSKeyArn="arn:aws:kms:k"
    )
    for name in ("f", ARN):
        latest, first = client.list_versions_by_function(FunctionName=name)["Versions"]
        assert (latest["Version"], latest["Environment"]) == ("$LATEST", {"Variables": {"A": "new"}})
        assert (first["Version"], first["Environment"]) == ("1", {"Variables": {"A": "old"}})
        assert latest["KMSKeyArn"] == "arn:aws:kms:k"
        assert "KMSKeyArn" not in first
    [listed] = client.list_functions()["Functions"]
    assert listed["Environment"] == {"Variables": {"A": "new"}}
    assert listed["RevisionId"] != revision
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert client.get_function(FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 0}


def test_a_stage_returns_to_what_it_was() -> None:
    client, api = stage()
    role = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::123456789012:role/logs"}]
    assert (
        code_of(
            client.update_stage,
            restApiId=api,
            stageName="prod",
            patchOperations=[{"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn:x"}],
        )
        == "BadRequestException"
    )
    client.update_account(patchOperations=role)
    account = client.get_account()
    assert account["cloudwatchRoleArn"].endswith("role/logs")
    assert set(account["throttleSettings"]) == {"burstLimit", "rateLimit"}
    before = client.get_stage(restApiId=api, stageName="prod")
    assert (before["methodSettings"], before["tracingEnabled"]) == ({}, False)
    patch(client, api, "replace", "/*/*/throttling/rateLimit", value="50")
    patch(client, api, "replace", "/*/*/throttling/burstLimit", value="20")
    patch(client, api, "replace", "/~1pets/GET/metrics/enabled", value="true")
    patch(client, api, "replace", "/tracingEnabled", value="true")
    patch(client, api, "replace", "/accessLogSettings/destinationArn", value="arn:x")
    after = patch(client, api, "replace", "/accessLogSettings/format", value="$context.requestId")
    assert after["methodSettings"] == {
        "*/*": {"throttlingRateLimit": 50.0, "throttlingBurstLimit": 20},
        "/pets/GET": {"metricsEnabled": True},
    }
    assert after["accessLogSettings"] == {"destinationArn": "arn:x", "format": "$context.requestId"}
    patch(client, api, "remove", "/*/*/throttling/rateLimit")
    patch(client, api, "remove", "/*/*/throttling/burstLimit")
    patch(client, api, "remove", "/~1pets/GET")
    patch(client, api, "remove", "/accessLogSettings")
    patch(client, api, "replace", "/tracingEnabled", value="false")
    again = client.get_stage(restApiId=api, stageName="prod")
    ignored = {"lastUpdatedDate", "ResponseMetadata"}
    assert {k: v for k, v in again.items() if k not in ignored} == {k: v for k, v in before.items() if k not in ignored}
    assert (
        code_of(
            client.update_stage,
            restApiId=api,
            stageName="prod",
            patchOperations=[{"op": "replace", "path": "/*/*/nonsense/x", "value": "1"}],
        )
        == "BadRequestException"
    )


@pytest.mark.parametrize("boundary", ["arn:aws:iam::aws:policy/PowerUserAccess", "own"])
def test_a_boundary_that_exists_is_taken(boundary: str) -> None:
    iam = boto3.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    own = iam.create_policy(PolicyName="b", PolicyDocument=document)["Policy"]["Arn"]
    arn = own if boundary == "own" else boundary
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    assert iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    missing = "arn:aws:iam::123456789012:policy/none"
    assert code_of(iam.put_role_permissions_boundary, RoleName="r", PermissionsBoundary=missing) == "NoSuchEntity"
    assert (
        code_of(iam.create_role, RoleName="r2", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=missing)
        == "NoSuchEntity"
    )


def test_evaluations_have_limits() -> None:
    from moto.config.models import config_backends

    config = boto3.client("config")
    one = {
        "ComplianceResourceType": "AWS::Lambda::Function",
        "ComplianceResourceId": "f",
        "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": 0,
    }
    config.put_evaluations(Evaluations=[one] * 100, ResultToken="t")
    assert code_of(config.put_evaluations, Evaluations=[one] * 101, ResultToken="t") == "ValidationException"
    config.put_evaluations(Evaluations=[{**one, "Annotation": "x" * 256}], ResultToken="t")
    long = [{**one, "Annotation": "x" * 257}]
    assert code_of(unchecked("config").put_evaluations, Evaluations=long, ResultToken="t") == "ValidationException"
    assert len(evaluations_put(config_backends["123456789012"]["us-east-1"])) == 101


def unchecked(service: str) -> Any:
    from botocore.config import Config

    return boto3.client(service, config=Config(parameter_validation=False))


def test_a_repeated_token_makes_one_secret() -> None:
    client = boto3.client("secretsmanager")
    token = "0" * 32
    value = "-".join(("v", "1"))
    first = client.create_secret(Name="s", SecretString=value, ClientRequestToken=token)["ARN"]
    assert client.create_secret(Name="s", SecretString=value, ClientRequestToken=token)["ARN"] == first
    assert code_of(client.create_secret, Name="s", SecretString="other", ClientRequestToken=token) == (
        "ResourceExistsException"
    )
    client.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    assert code_of(client.get_secret_value, SecretId="s") == "InvalidRequestException"
    assert code_of(client.create_secret, Name="s", SecretString=value, ClientRequestToken=token) == (
        "InvalidRequestException"
    )
    client.restore_secret(SecretId="s")
    assert client.get_secret_value(SecretId="s")["SecretString"] == value


def test_macs_are_verified() -> None:
    kms = boto3.client("kms")
    key = kms.create_key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")["KeyMetadata"]["KeyId"]
    mac = kms.generate_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=b"m")["Mac"]
    assert kms.verify_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=b"m", Mac=mac)["MacValid"]
    assert code_of(kms.verify_mac, KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=b"n", Mac=mac) == (
        "KMSInvalidMacException"
    )


def case_table(*, ranged: bool) -> Any:
    client = boto3.client("dynamodb")
    names = ("pk", "sk") if ranged else ("pk",)
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": n, "KeyType": k} for n, k in zip(names, ("HASH", "RANGE"), strict=False)],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return client


def row(name: str, value: str = "", *, ranged: bool) -> dict[str, Any]:
    keys = {"pk": {"S": name}} | ({"sk": {"S": "#"}} if ranged else {})
    return keys | ({"value": {"S": value}} if value else {})


def transaction(*, ranged: bool, owner: str) -> list[dict[str, Any]]:
    """Writes "new", updates "changed", deletes "gone", and asks who owns "checked"."""
    at = {"TableName": "t"}
    values = {"ExpressionAttributeNames": {"#v": "value"}}
    return [
        {"Put": {**at, "Item": row("new", "n", ranged=ranged)}},
        {
            "Update": {
                **at,
                **values,
                "Key": row("changed", ranged=ranged),
                "UpdateExpression": "SET #v = :v",
                "ExpressionAttributeValues": {":v": {"S": "c"}},
            }
        },
        {"Delete": {**at, "Key": row("gone", ranged=ranged)}},
        {
            "ConditionCheck": {
                **at,
                **values,
                "Key": row("checked", ranged=ranged),
                "ConditionExpression": "#v = :v",
                "ExpressionAttributeValues": {":v": {"S": owner}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
    ]


@pytest.mark.parametrize("ranged", [True, False])
def test_a_transaction_is_all_or_nothing(ranged: bool) -> None:
    client = case_table(ranged=ranged)
    for name in ("changed", "gone", "checked", "other"):
        client.put_item(TableName="t", Item=row(name, "old", ranged=ranged))

    def rows() -> dict[str, str]:
        return {one["pk"]["S"]: one["value"]["S"] for one in client.scan(TableName="t")["Items"]}

    old = dict.fromkeys(("changed", "gone", "checked", "other"), "old")
    shard = ddb_backends["123456789012"]["us-east-1"].tables["t"].stream_shard
    records = len(shard.items)
    with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
        client.transact_write_items(TransactItems=transaction(ranged=ranged, owner="somebody"))
    reasons = cancelled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "None", "None", "ConditionalCheckFailed"]
    assert reasons[3]["Item"] == row("checked", "old", ranged=ranged)
    assert (rows(), len(shard.items)) == (old, records)
    twice = transaction(ranged=ranged, owner="old")
    assert code_of(client.transact_write_items, TransactItems=[*twice, twice[0]]) == "ValidationException"
    assert (rows(), len(shard.items)) == (old, records)
    client.transact_write_items(TransactItems=twice)
    assert rows() == {"checked": "old", "other": "old", "changed": "c", "new": "n"}
    assert len(shard.items) == records + 3


def test_a_transaction_copies_no_row_that_it_does_not_touch() -> None:
    client = case_table(ranged=True)
    client.put_item(TableName="t", Item=row("other", "old", ranged=True))
    backend = ddb_backends["123456789012"]["us-east-1"]
    table, other = backend.tables["t"], backend.get_item("t", row("other", ranged=True))
    client.put_item(TableName="t", Item=row("checked", "old", ranged=True))
    tracked = [len(model.instances_tracked) for model in (Table, Item)]
    for owner in ("old", "somebody"):
        with suppress(client.exceptions.TransactionCanceledException):
            client.transact_write_items(TransactItems=transaction(ranged=True, owner=owner))
    assert backend.tables["t"] is table
    assert backend.get_item("t", row("other", ranged=True)) is other
    assert [len(model.instances_tracked) for model in (Table, Item)] == tracked


def test_a_transaction_that_fails_takes_nothing_of_others_with_it() -> None:
    """Half of the threads fail on the row that the other half writes."""
    client = case_table(ranged=True)
    client.put_item(TableName="t", Item=row("checked", "old", ranged=True))

    def write(n: int) -> None:
        ours = {"Put": {"TableName": "t", "Item": row(f"won {n // 2}", "n", ranged=True)}}
        refused = transaction(ranged=True, owner="somebody")[3:] if n % 2 else []
        with suppress(client.exceptions.TransactionCanceledException):
            client.transact_write_items(TransactItems=[ours, *refused])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))
    assert len(client.scan(TableName="t")["Items"]) == 101
