"""CloudTrail records, bare and in envelopes: where each asks us to look, and what is left alone."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.controls import all_controls
from chalicelib.errors import BadEvent
from chalicelib.events import (
    FunctionName,
    Place,
    api_name,
    function_name,
    home_region,
    is_own_write,
    place_of_arn,
    principal_of,
    read,
)
from chalicelib.model import Principal

ACCOUNT, REGION = "123456789012", "eu-west-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
SAMPLES = Path(__file__).parents[1] / "../shared/samples"

needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="recorded events: needs ../shared/samples")


def record(source: str, name: str, request: Any = None, response: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ann", "accountId": ACCOUNT},
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "userAgent": "aws-cli/2.0",
        "requestParameters": request,
        "responseElements": response,
        "eventID": "e-1",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        **more,
    }


def envelope(detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    source = "aws." + detail["eventSource"].removesuffix(".amazonaws.com")
    return {
        "version": "0",
        "id": "env-1",
        "detail-type": "AWS API Call via CloudTrail",
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-20T10:00:01Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
        **more,
    }


FUNCTION, ROLE, POLICY = "AWS::Lambda::Function", "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
STAGE, REST_API = "AWS::ApiGateway::Stage", "AWS::ApiGateway::RestApi"
POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/team/p"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"
TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
LAYER_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:common"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders.fifo"
KEY_ID = "mrk-0123456789abcdef0123456789abcdef"

LOOKED_AT = [
    ("lambda", "AddPermission20150331v2", {"functionName": "shop"}, None, FUNCTION, "shop"),
    ("lambda", "AddPermission20150331", {"functionName": "shop:prod"}, None, FUNCTION, "shop"),
    ("lambda", "AddPermission", {"functionName": FUNCTION_ARN}, None, FUNCTION, "shop"),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": f"{ACCOUNT}:function:shop"}, None, FUNCTION, "shop"),
    ("lambda", "CreateFunction20150331", None, {"functionArn": f"{FUNCTION_ARN}:1"}, FUNCTION, "shop"),
    ("lambda", "PutFunctionConcurrency20171031", {"functionName": "shop"}, None, FUNCTION, "shop"),
    ("lambda", "UpdateFunctionUrlConfig", {"functionName": "shop", "authType": "NONE"}, None, FUNCTION, "shop"),
    ("lambda", "PutResourcePolicy", {"resourceArn": f"{FUNCTION_ARN}:prod", "policy": "{}"}, None, FUNCTION, "shop"),
    ("lambda", "TagResource20170331v2", {"resource": FUNCTION_ARN}, None, FUNCTION, "shop"),
    ("iam", "CreateRole", {"roleName": "r"}, None, ROLE, "r"),
    ("iam", "UpdateAssumeRolePolicy", {"roleName": "r+=,.@-_"}, None, ROLE, "r+=,.@-_"),
    ("iam", "AttachRolePolicy", {"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/A"}, None, ROLE, "r"),
    ("iam", "CreatePolicy", {"policyName": "p"}, {"policy": {"arn": POLICY_ARN}}, POLICY, POLICY_ARN),
    ("iam", "SetDefaultPolicyVersion", {"policyArn": POLICY_ARN}, None, POLICY, POLICY_ARN),
    ("apigateway", "CreateStage", {"restApiId": "a1", "createStageInput": {"stageName": "v1"}}, None, STAGE, "a1/v1"),
    ("apigateway", "CreateStage", {"createStageInput": {"restApiId": "a1", "stageName": "v1"}}, None, STAGE, "a1/v1"),
    ("apigateway", "UpdateStage", {"restApiId": "a1", "stageName": "v1", "template": False}, None, STAGE, "a1/v1"),
    (
        "apigateway",
        "CreateDeployment",
        {"restApiId": "a1", "createDeploymentInput": {"stageName": "v1"}},
        None,
        STAGE,
        "a1/v1",
    ),
    (
        "apigateway",
        "TagResource",
        {"resourceArn": f"arn:aws:apigateway:{REGION}::/restapis/a1/stages/v1"},
        None,
        STAGE,
        "a1/v1",
    ),
    ("sqs", "CreateQueue", {"queueName": "orders"}, {"queueUrl": QUEUE_URL}, "AWS::SQS::Queue", "orders"),
    ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE_URL}, None, "AWS::SQS::Queue", "orders.fifo"),
    ("sns", "SetTopicAttributes", {"topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t"}, None, "AWS::SNS::Topic", "t"),
    ("sns", "CreateTopic", {"name": "t"}, {"topicArn": "…"}, "AWS::SNS::Topic", "t"),
    ("secretsmanager", "PutResourcePolicy", {"secretId": "shop/db"}, None, "AWS::SecretsManager::Secret", "shop/db"),
    (
        "secretsmanager",
        "PutResourcePolicy",
        {"secretId": "shop/db"},
        {"aRN": SECRET_ARN},
        "AWS::SecretsManager::Secret",
        SECRET_ARN,
    ),
    ("kms", "PutKeyPolicy", {"keyId": KEY_ID}, None, "AWS::KMS::Key", KEY_ID),
    ("kms", "PutKeyPolicy", {"keyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"}, None, "AWS::KMS::Key", KEY_ID),
    ("kms", "CreateKey", {}, {"keyMetadata": {"keyId": KEY_ID}}, "AWS::KMS::Key", KEY_ID),
    ("events", "PutPermission", {"eventBusName": "shop"}, None, "AWS::Events::EventBus", "shop"),
    ("events", "PutPermission", {"statementId": "s"}, None, "AWS::Events::EventBus", "default"),
    (
        "events",
        "PutPermission",
        {"eventBusName": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/shop"},
        None,
        "AWS::Events::EventBus",
        "shop",
    ),
    ("dynamodb", "PutResourcePolicy", {"resourceArn": TABLE_ARN}, None, "AWS::DynamoDB::Table", "orders"),
    ("dynamodb", "CreateTable", {"tableName": "orders"}, None, "AWS::DynamoDB::Table", "orders"),
    ("dynamodb", "DeleteTable", {"tableName": TABLE_ARN}, None, "AWS::DynamoDB::Table", "orders"),
    ("ecr", "SetRepositoryPolicy", {"repositoryName": "shop/app"}, None, "AWS::ECR::Repository", "shop/app"),
    ("s3", "PutBucketPolicy", {"bucketName": "uploads", "bucketPolicy": {}}, None, "AWS::S3::Bucket", "uploads"),
    (
        "lambda",
        "AddLayerVersionPermission20181031",
        {"layerName": "common", "versionNumber": 3},
        None,
        "AWS::Lambda::LayerVersion",
        "common:3",
    ),
    (
        "lambda",
        "RemoveLayerVersionPermission",
        {"layerName": LAYER_ARN, "versionNumber": 3},
        None,
        "AWS::Lambda::LayerVersion",
        "common:3",
    ),
    (
        "lambda",
        "PublishLayerVersion20181031",
        {"layerName": "common"},
        {"version": 4},
        "AWS::Lambda::LayerVersion",
        "common:4",
    ),
    ("apigateway", "PutRestApi", {"restApiId": "a1"}, None, REST_API, "a1"),
    ("apigateway", "CreateRestApi", {"createRestApiInput": {"name": "x"}}, {"id": "a1"}, REST_API, "a1"),
]


@pytest.mark.parametrize(("source", "name", "request_", "response", "kind", "resource_id"), LOOKED_AT)
def test_a_change_says_where_to_look(
    source: str, name: str, request_: Any, response: Any, kind: str, resource_id: str
) -> None:
    detail = record(source, name, request_, response)
    (bare,) = read(detail).changes
    (wrapped,) = read(envelope(detail)).changes
    assert bare == wrapped
    assert (bare.resource_type, bare.resource_id) == (kind, resource_id)
    assert (bare.account, bare.via, bare.event_id, bare.time) == (ACCOUNT, "cloudtrail", "e-1", "2026-11-20T10:00:00Z")
    assert bare.region == ("us-east-1" if source == "iam" else REGION)
    assert bare.action == f"{source}:{api_name(name)}"
    assert not bare.replayed


SHOP = {"functionName": "shop"}
IGNORED = [
    ("failed", record("lambda", "AddPermission20150331v2", SHOP, errorCode="AccessDenied")),
    ("failed", record("lambda", "AddPermission20150331v2", errorCode="ThrottlingException")),
    ("failed", record("lambda", "AddPermission20150331v2", SHOP, errorMessage="no")),
    ("only reads", record("lambda", "GetFunction20150331v2", SHOP, readOnly=True)),
    ("moves nothing", record("lambda", "GetFunction20150331v2", SHOP)),
    ("moves nothing", record("lambda", "Invoke", SHOP)),
    ("dry run", record("lambda", "UpdateFunctionCode20150331v2", {**SHOP, "dryRun": True})),
    ("does not say which", record("lambda", "AddPermission20150331v2")),
    ("does not say which", record("iam", "PutRolePolicy", {})),
    (
        "no control reads",
        record("lambda", "TagResource20170331v2", {"resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:x"}),
    ),
    ("v2", record("apigateway", "CreateStage", {"apiId": "a1", "stageName": "$default"})),
    (
        "no control reads",
        record("apigateway", "TagResource", {"resourceArn": f"arn:aws:apigateway:{REGION}::/apis/a1/stages/v1"}),
    ),
    ("deploys nothing", record("apigateway", "CreateDeployment", {"restApiId": "a1", "createDeploymentInput": {}})),
    ("moves nothing", record("iam", "CreateAccessKey", {"userName": "u"})),
    ("no control watches rds", record("rds", "ModifyDBInstance", {"dBInstanceIdentifier": "s"})),
    ("which is no AWS::SSM::Parameter", record("ssm", "PutParameter", {"name": "a b"})),
    ("does not say which", record("ssm", "PutParameter")),
    ("moves nothing", record("ssm", "DeleteParameters", {"names": ["a", "b"]})),
    (
        "which is no AWS::StepFunctions::StateMachine",
        record("states", "UpdateStateMachine", {"stateMachineArn": "arn:x"}),
    ),
    ("which is no AWS::CloudFormation::Stack", record("cloudformation", "UpdateStack", {"stackName": "a/b"})),
    ("moves nothing", record("cloudformation", "CreateStackSet", {"stackSetName": "a"})),
    ("moves nothing", record("secretsmanager", "PutSecretValue", {"secretId": "s"})),
    ("which is no AWS::SQS::Queue", record("sqs", "AddPermission", {"queueUrl": "https://q"})),
    ("does not say which", record("kms", "PutKeyPolicy")),
    ("which is no AWS::KMS::Key", record("kms", "PutKeyPolicy", {"keyId": "alias/shop"})),
    (
        "which is no AWS::DynamoDB::Table",
        record("dynamodb", "PutResourcePolicy", {"resourceArn": f"{TABLE_ARN}/stream/2026-01-01T00:00:00.000"}),
    ),
    ("without name or version", record("lambda", "AddLayerVersionPermission20181031", {"layerName": "common"})),
    ("another place", record("sqs", "SetQueueAttributes", {"queueUrl": "https://q/999999999999/orders"})),
    (
        "another place",
        record("dynamodb", "PutResourcePolicy", {"resourceArn": TABLE_ARN.replace(ACCOUNT, "999999999999")}),
    ),
    ("not an API call", record("lambda", "AddPermission", SHOP, eventType="AwsServiceEvent")),
    (
        "another place",
        record("lambda", "AddPermission", {"functionName": FUNCTION_ARN.replace(ACCOUNT, "999999999999")}),
    ),
    ("another place", record("lambda", "AddPermission", {"functionName": FUNCTION_ARN.replace(REGION, "us-east-1")})),
    ("another place", record("iam", "CreatePolicyVersion", {"policyArn": POLICY_ARN.replace(ACCOUNT, "999999999999")})),
]


@pytest.mark.parametrize(("why", "detail"), IGNORED)
def test_what_changes_nothing_of_ours_is_ignored_with_its_reason(why: str, detail: dict[str, Any]) -> None:
    for event in (detail, envelope(detail)):
        reading = read(event)
        assert reading.changes == ()
        assert why in reading.ignored


ENVELOPES = [
    ("foreign source", {"source": "my.app"}),
    ("foreign source", {"source": ""}),
    ("foreign source", {"source": "xaws.lambda"}),
    ("differ", {"source": "aws.iam"}),
    ("nothing that we act on", {"detail-type": "AWS Console Sign In via CloudTrail"}),
    ("nothing that we act on", {"detail-type": "Scheduled Event", "source": "aws.events"}),
]


@pytest.mark.parametrize(("why", "change"), ENVELOPES)
def test_only_awss_own_envelopes_are_read(why: str, change: dict[str, Any]) -> None:
    reading = read(envelope(record("lambda", "AddPermission", SHOP)) | change)
    assert reading.changes == ()
    assert why in reading.ignored


BAD = [
    ({}, "neither an envelope"),
    ({"Records": []}, "neither an envelope"),
    (envelope(record("lambda", "AddPermission", SHOP)) | {"detail": None}, "no detail"),
    (envelope(record("lambda", "AddPermission", SHOP)) | {"detail": [1]}, "detail is a list"),
    (record("lambda", "AddPermission", "text"), "requestParameters is a str"),
    (record("lambda", "AddPermission", {"functionName": 7}), "functionName is a int"),
    (record("lambda", "AddPermission", {"functionName": "no spaces"}), "no form"),
    (record("lambda", "AddPermission", {"functionName": "x" * 65}), "no form"),
    (record("lambda", "AddPermission", {"functionName": "x" * 9999}), "functionName is a str"),
    (record("iam", "PutRolePolicy", {"roleName": "../etc"}), "impossible AWS::IAM::Role"),
    (record("iam", "CreatePolicyVersion", {"policyArn": "p"}), "no ARN"),
    (record("iam", "CreatePolicyVersion", {"policyArn": f"arn:aws:iam::{ACCOUNT}:role/r"}), "names no policy"),
    (record("apigateway", "UpdateStage", {"restApiId": "a/b", "stageName": "v1"}), "impossible AWS::ApiGateway::Stage"),
    (record("apigateway", "UpdateStage", {"restApiId": "a1"}), "impossible AWS::ApiGateway::Stage"),
    (record("lambda", "AddPermission", SHOP, eventName=None), "eventName"),
    (record("lambda", "AddPermission", SHOP, eventVersion="2.0"), "not 1.x"),
    (record("lambda", "AddPermission", SHOP, awsRegion=None), "no account and region"),
    (record("lambda", "AddPermission", SHOP, recipientAccountId="12"), "no account and region"),
]


@pytest.mark.parametrize(("event", "what"), BAD)
def test_malformed_events_are_refused_with_their_id(event: dict[str, Any], what: str) -> None:
    with pytest.raises(BadEvent) as caught:
        read(event)
    assert what in caught.value.what
    assert caught.value.where in ("e-1", "env-1", "event")
    assert caught.value.next_step


@pytest.mark.parametrize("url", ["/", "//", "orders/", "https:/"])
def test_a_queue_url_without_account_names_no_queue(url: str) -> None:
    reading = read(record("sqs", "SetQueueAttributes", {"queueUrl": url}))
    assert reading.changes == () and "which is no AWS::SQS::Queue" in reading.ignored


def test_a_replay_is_read_and_marked() -> None:
    (change,) = read(envelope(record("lambda", "AddPermission", SHOP), **{"replay-name": "archive-1"})).changes
    assert change.replayed


@pytest.mark.parametrize(
    ("source", "name", "request_", "created", "deleted"),
    [
        ("lambda", "CreateFunction20150331", SHOP, True, False),
        ("lambda", "CreateFunctionUrlConfig", SHOP, False, False),
        ("lambda", "CreateAlias20150331", SHOP, False, False),
        ("lambda", "DeleteFunction20150331", SHOP, False, True),
        ("lambda", "DeleteFunction20150331", {**SHOP, "qualifier": "7"}, False, False),
        ("lambda", "DeleteFunction20150331", {"functionName": "shop:7"}, False, False),
        ("lambda", "DeleteFunctionUrlConfig", SHOP, False, False),
        ("iam", "CreateRole", {"roleName": "r"}, True, False),
        ("iam", "DeleteRolePolicy", {"roleName": "r"}, False, False),
        ("iam", "DeleteRole", {"roleName": "r"}, False, True),
        ("iam", "CreatePolicyVersion", {"policyArn": POLICY_ARN}, False, False),
        ("apigateway", "CreateStage", {"restApiId": "a", "createStageInput": {"stageName": "v"}}, True, False),
        (
            "apigateway",
            "CreateDeployment",
            {"restApiId": "a", "createDeploymentInput": {"stageName": "v"}},
            False,
            False,
        ),
    ],
)
def test_only_the_creating_and_the_deleting_call_say_so(
    source: str, name: str, request_: Any, created: bool, deleted: bool
) -> None:
    (change,) = read(record(source, name, request_)).changes
    assert (change.created, change.deleted) == (created, deleted)


def test_the_account_comes_from_the_record_then_the_envelope_then_the_caller() -> None:
    old = record("lambda", "AddPermission", SHOP)
    del old["recipientAccountId"]
    assert read(envelope(old, account="210987654321")).changes[0].account == "210987654321"
    assert read(old).changes[0].account == ACCOUNT


def test_names_are_read_with_and_without_date_suffix() -> None:
    given = [
        "AddPermission20150331v2",
        "PutFunctionConcurrency20171031",
        "CreateFunction2020_05_31",
        "CreateStage",
        "Put2",
    ]
    assert [api_name(n) for n in given] == [
        "AddPermission",
        "PutFunctionConcurrency",
        "CreateFunction",
        "CreateStage",
        "Put2",
    ]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("shop", FunctionName("shop")),
        ("shop:prod", FunctionName("shop", "prod")),
        ("shop:$LATEST", FunctionName("shop", "$LATEST")),
        (f"{ACCOUNT}:function:shop", FunctionName("shop", "", ACCOUNT)),
        (f"{ACCOUNT}:function:shop:7", FunctionName("shop", "7", ACCOUNT)),
        (FUNCTION_ARN, FunctionName("shop", "", ACCOUNT, REGION)),
        (f"{FUNCTION_ARN}:prod", FunctionName("shop", "prod", ACCOUNT, REGION)),
        (
            f"arn:aws-us-gov:lambda:us-gov-west-1:{ACCOUNT}:function:shop",
            FunctionName("shop", "", ACCOUNT, "us-gov-west-1"),
        ),
        ("", None),
        ("a b", None),
        ("shop:", None),
        ("shop:a:b", None),
        ("shop\n", None),
        ("x" * 65, None),
        ("x" * 64, FunctionName("x" * 64)),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:shop", None),
        (f"arn:aws:iam::{ACCOUNT}:role/shop", None),
    ],
)
def test_every_form_of_a_functions_name(given: str, wanted: FunctionName | None) -> None:
    assert function_name(given) == wanted


@pytest.mark.parametrize(
    ("arn", "wanted"),
    [
        (f"{FUNCTION_ARN}:$LATEST", Place(FUNCTION, "shop", ACCOUNT, REGION)),
        (f"arn:aws:iam::{ACCOUNT}:role/a/b/r", Place(ROLE, "r", ACCOUNT, "us-east-1")),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/r", Place(ROLE, "r", ACCOUNT, "cn-north-1")),
        (POLICY_ARN, Place(POLICY, POLICY_ARN, ACCOUNT, "us-east-1")),
        ("arn:aws:iam::aws:policy/AdministratorAccess", None),
        (f"arn:aws:iam::{ACCOUNT}:user/u", None),
        (f"arn:aws:apigateway:{REGION}::/restapis/a1/stages/v1", Place(STAGE, "a1/v1", "", REGION)),
        (f"arn:aws:apigateway:{REGION}::/restapis/a1", Place(REST_API, "a1", "", REGION)),
        (f"arn:aws:apigateway:{REGION}::/restapis/a1/stages/v1/x", None),
        ("arn:aws:s3:::bucket", ("AWS::S3::Bucket", "bucket", "", "")),
        ("arn:aws:s3:::bucket/key", None),
        (SECRET_ARN, ("AWS::SecretsManager::Secret", SECRET_ARN, ACCOUNT, REGION)),
        (f"{LAYER_ARN}:3", ("AWS::Lambda::LayerVersion", "common:3", ACCOUNT, REGION)),
        (LAYER_ARN, None),
        (f"{TABLE_ARN}/index/by_state", None),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/shop", None),
        (f"arn:aws:events:{REGION}:{ACCOUNT}:rule/shop", None),
        (f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop/app", ("AWS::ECR::Repository", "shop/app", ACCOUNT, REGION)),
        ("not an arn", None),
        ("", None),
    ],
)
def test_places_of_arns(arn: str, wanted: Place | None) -> None:
    assert place_of_arn(arn) == wanted


def test_iam_lives_in_one_region_of_its_partition() -> None:
    asked = ["eu-west-1", "global", "us-gov-east-1", "cn-northwest-1", "us-iso-west-1", "us-isob-east-1"]
    homes = ["us-east-1", "us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1"]
    assert [home_region(ROLE, r) for r in asked] == homes
    assert home_region(FUNCTION, "eu-west-1") == "eu-west-1"


ISSUER = f"arn:aws:iam::{ACCOUNT}:role/team/deploy"
IDENTITIES = [
    (
        {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci/7",
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ISSUER}, "sourceIdentity": "ann"},
            "invokedBy": "cloudformation.amazonaws.com",
        },
        Principal("AssumedRole", ACCOUNT, ISSUER, "ci/7", "ann", "cloudformation.amazonaws.com", "tool/1"),
        "deploy",
    ),
    (
        {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci", "accountId": ACCOUNT},
        Principal("AssumedRole", ACCOUNT, "", "ci", user_agent="tool/1"),
        "unknown",
    ),
    (
        {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/ann", "accountId": ACCOUNT},
        Principal("IAMUser", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", user_agent="tool/1"),
        "ann",
    ),
    (
        {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT},
        Principal("Root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", user_agent="tool/1"),
        f"arn:aws:iam::{ACCOUNT}:root",
    ),
    (
        {"type": "AWSService", "invokedBy": "config.amazonaws.com"},
        Principal("AWSService", invoked_by="config.amazonaws.com", user_agent="tool/1"),
        "config.amazonaws.com",
    ),
    (
        {
            "type": "FederatedUser",
            "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:user/broker"}},
        },
        Principal("FederatedUser", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/broker", "bob", user_agent="tool/1"),
        "broker",
    ),
    (
        {"type": "AWSAccount", "accountId": "999999999999"},
        Principal("AWSAccount", "999999999999", user_agent="tool/1"),
        "unknown",
    ),
    (None, Principal(user_agent="tool/1"), "unknown"),
    ("odd", Principal(user_agent="tool/1"), "unknown"),
]


@pytest.mark.parametrize(("identity", "wanted", "name"), IDENTITIES)
def test_principals(identity: Any, wanted: Principal, name: str) -> None:
    found = principal_of({"userIdentity": identity, "userAgent": "tool/1"})
    assert found == wanted
    assert found.name == name


def test_own_writes_are_told_by_the_roles_arn_never_by_the_session() -> None:
    own = frozenset([ISSUER])
    writer = Principal("AssumedRole", ACCOUNT, ISSUER, "anything")
    assert is_own_write(writer, own)
    assert not is_own_write(Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/deploy", "x"), own)
    assert not is_own_write(Principal("AssumedRole", ACCOUNT, "", ISSUER), own)
    assert not is_own_write(Principal("FederatedUser", ACCOUNT, ISSUER), own)
    assert not is_own_write(None, own)


def test_the_event_is_not_changed() -> None:
    event = envelope(record("lambda", "AddPermission", SHOP))
    before = copy.deepcopy(event)
    read(event)
    assert event == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_json_is_read_or_refused_as_a_bad_event(event: Any) -> None:
    try:
        reading = read(event)
    except BadEvent as error:
        assert error.next_step
    else:
        assert reading.changes == ()


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_mutilated_event_is_read_or_refused_as_a_bad_event(data: st.DataObject) -> None:
    source, name, request_, response, *_ = data.draw(st.sampled_from(LOOKED_AT))
    event = copy.deepcopy(envelope(record(source, name, request_, response)))
    if data.draw(st.booleans()):
        event = event["detail"]
    where = event
    for _ in range(data.draw(st.integers(0, 3))):
        inner = [v for v in where.values() if isinstance(v, dict) and v]
        where = data.draw(st.sampled_from(inner)) if inner else where
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(JSON)
    try:
        reading = read(event)
    except BadEvent as error:
        assert error.where
    else:
        assert bool(reading.changes) != bool(reading.ignored)


@needs_samples
def test_recorded_calls_that_failed_ask_for_nothing() -> None:
    failed = looked = 0
    for recorded in _recorded():
        reading = read(recorded)
        looked += bool(reading.changes)
        if recorded.get("errorCode"):
            failed += 1
            assert not reading.changes
    assert failed > 50
    assert looked >= 12


def _recorded() -> list[dict[str, Any]]:
    files = [json.loads(p.read_text()) for p in sorted(SAMPLES.glob("cloudtrail/*/*.json"))]
    with gzip.open(SAMPLES / "streams/stratus-detonations.ndjson.gz", "rt") as lines:
        return files + [json.loads(line) for line in lines]


IDS = {
    "functionName": "shop",
    "resource": FUNCTION_ARN,
    "resourceArn": FUNCTION_ARN,
    "roleName": "r",
    "policyArn": POLICY_ARN,
    "restApiId": "a1",
    "stageName": "v1",
}


OF_SERVICE = {
    "apigateway": {"resourceArn": f"arn:aws:apigateway:{REGION}::/restapis/a1"},
    "dynamodb": {"resourceArn": TABLE_ARN, "tableName": "orders"},
    "sqs": {"queueUrl": QUEUE_URL},
    "sns": {"topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"},
    "secretsmanager": {"secretId": SECRET_ARN},
    "kms": {"keyId": KEY_ID},
    "ecr": {"repositoryName": "shop/app"},
    "s3": {"bucketName": "uploads"},
    "lambda": {"layerName": "common", "versionNumber": 3},
    "ssm": {"name": "/shop/db/password"},
    "states": {"stateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:shop", "name": "shop"},
    "ecs": {"family": "shop", "taskDefinition": "shop:3"},
    "cloudformation": {"stackName": "shop"},
}


def test_every_signal_of_every_control_leads_somewhere() -> None:
    signals = [s for control in all_controls().values() for s in control.signals]
    for service, name in sorted({(s.source.removeprefix("aws."), n) for s in signals for n in s.names}):
        request = {**IDS, **OF_SERVICE.get(service, {})}
        assert read(record(service, name, request)).changes, f"{service}:{name}"


_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/6d1c2b3a-0000-11ee-8000-000000000000"
_MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:shop"
_TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/shop:4"
PLACES = {
    ("ssm:PutParameter", "/shop/db"): ({"name": "/shop/db"}, {}),
    ("ssm:DeleteParameter", "plain.name"): ({"name": "plain.name"}, {}),
    ("ssm:PutParameter", "/a/b"): ({"name": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/a/b"}, {}),
    ("states:CreateStateMachine", "shop"): ({"name": "shop"}, {"stateMachineArn": _MACHINE}),
    ("states:UpdateStateMachine", "shop"): ({"stateMachineArn": _MACHINE}, {"revisionId": "x"}),
    ("ecs:RegisterTaskDefinition", "shop"): ({"family": "shop"}, {"taskDefinition": {"taskDefinitionArn": _TASK}}),
    ("ecs:DeregisterTaskDefinition", "shop"): ({"taskDefinition": "shop:4"}, {}),
    ("cloudformation:CreateStack", "shop"): ({"stackName": "shop"}, {"stackId": _STACK}),
    ("cloudformation:DeleteStack", "shop"): ({"stackName": _STACK}, {}),
    ("cloudformation:ExecuteChangeSet", "shop"): ({"changeSetName": "c", "stackName": "shop"}, {}),
}


@pytest.mark.parametrize(("call", "id_"), PLACES)
def test_where_secrets_may_stand_is_named_by_its_name(call: str, id_: str) -> None:
    request, response = PLACES[call, id_]
    service, _, api = call.partition(":")
    (change,) = read({**record(service, api, request), "responseElements": response}).changes
    assert change.resource_id == id_ and change.created == (api in ("CreateStateMachine", "CreateStack"))
