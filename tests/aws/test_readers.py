"""Readers against a small account that answers as AWS documents it: shapes, budgets, races, hidden values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws import readers
from chalicelib.aws.operations import OPERATIONS
from chalicelib.aws.readers import _role_policies, apigateway_stage, iam_managed_policy, iam_role, lambda_function
from chalicelib.errors import Denied, Gone, Throttled
from chalicelib.model import Hidden, Resource

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
Answer = Callable[[Mapping[str, Any]], Any]


class FakeAws:
    """An `Aws` that answers from a table by operation and counts the calls; a page is one call."""

    account, region, partition = "123456789012", "us-east-1", "aws"

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert name in OPERATIONS
        self.calls.append((name, parameters))
        answer = self.answers[name]
        answer = answer(parameters) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pages(self, name: str, parameters: Mapping[str, Any], key: str) -> Iterator[Any]:
        yield from self.call(name, parameters).get(key, ())


def gone(*_: Any) -> Gone:
    return Gone("not there", code="ResourceNotFoundException")


def version(number: str, **more: Any) -> dict[str, Any]:
    return {
        "FunctionName": "orders",
        "FunctionArn": f"{ARN}:{number}",
        "Version": number,
        "Role": "arn:aws:iam::123456789012:role/orders",
        "LastModified": "2026-07-01T00:00:00.000+0000",
        "RevisionId": "r-1",
        **more,
    }


def function_account(**changes: Any) -> FakeAws:
    answers: dict[str, Any] = {
        "lambda:ListVersionsByFunction": {"Versions": [version("$LATEST")]},
        "lambda:ListAliases": {"Aliases": []},
        "lambda:ListFunctionUrlConfigs": {"FunctionUrlConfigs": []},
        "lambda:GetPolicy": gone,
        "lambda:ListTags": {"Tags": {"team": "shop"}},
    }
    return FakeAws({**answers, **{f"lambda:{k}": v for k, v in changes.items()}})


def policy_text(*sids: str) -> str:
    statements = [{"Sid": s, "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"} for s in sids]
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})


def read_function(aws: FakeAws) -> Resource:
    resource = lambda_function.read(aws, "orders")
    assert resource is not None
    return resource


def by_qualifier(resource: Resource) -> dict[str, Any]:
    return {q["Qualifier"]: q for q in resource.config["Qualifiers"]}


def test_a_plain_function_costs_four_calls() -> None:
    aws = function_account()
    resource = read_function(aws)
    assert [name for name, _ in aws.calls] == [
        "lambda:ListVersionsByFunction",
        "lambda:ListAliases",
        "lambda:GetPolicy",
        "lambda:ListFunctionUrlConfigs",
    ]
    assert (resource.type, resource.id, resource.arn) == ("AWS::Lambda::Function", "orders", ARN)
    assert resource.tags == {}
    assert by_qualifier(resource) == {
        "$LATEST": {
            "Qualifier": "$LATEST",
            "FunctionVersion": "$LATEST",
            "Environment": {},
            "Policy": None,
            "FunctionUrl": None,
        }
    }


def test_versions_and_aliases_cost_one_call_each_and_keep_their_own_policy_and_url() -> None:
    aws = function_account(
        ListVersionsByFunction={
            "Versions": [
                version("$LATEST", Environment={"Variables": {"A": "new"}}),
                version("7", Environment={"Variables": {"A": "old"}}),
            ]
        },
        ListAliases={"Aliases": [{"Name": "prod", "FunctionVersion": "7"}]},
        GetPolicy=lambda p: (
            {"Policy": policy_text("open"), "RevisionId": "x"} if p.get("Qualifier") == "prod" else gone()
        ),
        ListFunctionUrlConfigs={
            "FunctionUrlConfigs": [
                {
                    "FunctionArn": f"{ARN}:prod",
                    "FunctionUrl": "https://abc.lambda-url.us-east-1.on.aws/",
                    "AuthType": "NONE",
                    "CreationTime": "2026-01-01T00:00:00Z",
                    "LastModifiedTime": "2026-01-02T00:00:00Z",
                    "Cors": {"AllowOrigins": ["*"]},
                }
            ]
        },
    )
    found = by_qualifier(read_function(aws))
    assert len(aws.calls) == 6
    assert list(found) == ["$LATEST", "7", "prod"]
    assert found["$LATEST"]["Policy"] is None and found["7"]["Policy"] is None
    assert found["prod"]["Policy"]["Statement"][0]["Sid"] == "open"
    assert found["prod"]["FunctionVersion"] == "7"
    assert found["prod"]["Environment"] == found["7"]["Environment"] == {"Variables": {"A": Hidden("old")}}
    assert found["$LATEST"]["Environment"]["Variables"]["A"].reveal() == "new"
    assert found["$LATEST"]["FunctionUrl"] is None
    assert found["prod"]["FunctionUrl"] == {
        "FunctionUrl": "https://abc.lambda-url.us-east-1.on.aws/",
        "AuthType": "NONE",
        "Cors": {"AllowOrigins": ["*"]},
    }


def test_the_url_of_latest_has_an_unqualified_arn() -> None:
    url = {"FunctionArn": ARN, "FunctionUrl": "https://x/", "AuthType": "AWS_IAM"}
    aws = function_account(ListFunctionUrlConfigs={"FunctionUrlConfigs": [url]})
    assert by_qualifier(read_function(aws))["$LATEST"]["FunctionUrl"]["AuthType"] == "AWS_IAM"


def test_environment_is_kept_out_of_everything_that_prints_or_encodes() -> None:
    aws = function_account(
        ListVersionsByFunction={"Versions": [version("$LATEST", Environment={"Variables": {"PASSWORD": "whiteduke"}})]}
    )
    resource = read_function(aws)
    assert "Environment" not in resource.config
    assert "whiteduke" not in repr(resource)
    with pytest.raises(TypeError):
        json.dumps(resource.config)


def test_an_environment_that_aws_may_not_decrypt_keeps_its_error() -> None:
    error = {"ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt"}
    aws = function_account(ListVersionsByFunction={"Versions": [version("$LATEST", Environment={"Error": error})]})
    assert by_qualifier(read_function(aws))["$LATEST"]["Environment"] == {"Error": error}


@pytest.mark.parametrize(
    "text", ["{'Version': '2012-10-17'}", "", "[" * 100_000, "null", "[]", '"x"', '{"a": NaN}', '{"a": 1e999}']
)
def test_a_policy_that_cannot_be_read_never_looks_empty(text: str) -> None:
    policy = by_qualifier(read_function(function_account(GetPolicy={"Policy": text})))["$LATEST"]["Policy"]
    assert list(policy) == ["Unparsed"]


def test_statement_order_does_not_matter() -> None:
    one = read_function(function_account(GetPolicy={"Policy": policy_text("a", "b", "c")}))
    two = read_function(function_account(GetPolicy={"Policy": policy_text("c", "a", "b")}))
    assert one.config == two.config


@pytest.mark.parametrize("lost", ["ListVersionsByFunction", "ListAliases", "ListFunctionUrlConfigs"])
def test_a_function_that_goes_at_any_moment_is_gone_not_clean(lost: str) -> None:
    assert lambda_function.read(function_account(**{lost: gone}), "orders") is None


def test_a_denied_read_is_an_error_not_an_absence() -> None:
    with pytest.raises(Denied):
        lambda_function.read(function_account(GetPolicy=lambda _: Denied("no", code="AccessDeniedException")), "orders")


def loose(*services: str) -> str:
    basic = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN}
    statements = [{**basic, "Sid": s, "Principal": {"Service": f"{s}.amazonaws.com"}} for s in services]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def asking(*services: str, **answers: Any) -> tuple[FakeAws, Mapping[str, Any]]:
    """An account whose function lets `services` come for anybody, and what its reader found out about them."""
    aws = function_account(GetPolicy={"Policy": loose(*services)})
    aws.answers.update({name.replace("_", ":"): answer for name, answer in answers.items()})
    return aws, read_function(aws).config["Callers"]


def buckets(count: int) -> dict[str, Any]:
    return {"Buckets": [{"Name": f"b{n}"} for n in range(count)]}


def test_only_a_grant_that_is_open_to_anybody_has_the_account_asked() -> None:
    bound = json.loads(loose("s3", "sns", "events"))
    for one in bound["Statement"]:
        one["Condition"] = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    for text in (json.dumps(bound), loose("codecommit", "connect"), policy_text("everyone"), "[]"):
        aws = function_account(GetPolicy={"Policy": text})
        assert read_function(aws).config["Callers"] == {} and len(aws.calls) == 4


@pytest.mark.parametrize(
    ("service", "answers", "calls"),
    [
        ("s3", {"s3_ListBuckets": buckets(101)}, 1),
        ("s3", {"s3_ListBuckets": Denied("no", code="AccessDenied")}, 1),
        ("s3", {"s3_ListBuckets": buckets(2), "s3_GetBucketNotificationConfiguration": Denied("no", code="x")}, 3),
        ("sns", {"sns_ListSubscriptions": {"Subscriptions": [{"Protocol": "sqs", "Endpoint": "x"}] * 2001}}, 1),
        ("events", {"events_ListEventBuses": {"EventBuses": [{"Name": f"b{n}"} for n in range(51)]}}, 1),
    ],
)
def test_what_is_too_much_or_refused_is_not_complete(service: str, answers: Any, calls: int) -> None:
    aws, found = asking(service, **answers)
    assert found == {f"{service}.amazonaws.com": {"Complete": False, "Sources": []}}
    assert len(aws.calls) == 4 + calls


def test_a_bucket_that_goes_meanwhile_calls_nobody() -> None:
    lost = {"s3_GetBucketNotificationConfiguration": Gone("no", code="NoSuchBucket")}
    _, found = asking("s3", s3_ListBuckets=buckets(1), **lost)
    assert found == {"s3.amazonaws.com": {"Complete": True, "Sources": []}}


def test_an_unwell_service_fails_the_read_so_that_it_is_tried_again() -> None:
    with pytest.raises(Throttled):
        asking("sns", sns_ListSubscriptions=Throttled("later", code="Throttled"))


def test_tags_are_read_apart() -> None:
    aws = function_account()
    assert lambda_function.tags(aws, "orders", ARN) == {"team": "shop"}
    assert aws.calls == [("lambda:ListTags", {"Resource": ARN})]
    assert lambda_function.tags(function_account(ListTags=gone), "orders", ARN) == {}


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
OWN = "arn:aws:iam::123456789012:policy/own"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def role_account(**changes: Any) -> FakeAws:
    role = {
        "Path": "/service/",
        "RoleName": "orders",
        "RoleId": "AROAEXAMPLE",
        "Arn": "arn:aws:iam::123456789012:role/service/orders",
        "CreateDate": datetime(2026, 1, 2, tzinfo=UTC),
        "AssumeRolePolicyDocument": TRUST,
        "Tags": [{"Key": "team", "Value": "shop"}],
        "RoleLastUsed": {"LastUsedDate": datetime(2026, 7, 1, tzinfo=UTC), "Region": "us-east-1"},
    }
    answers: dict[str, Any] = {
        "iam:GetRole": {"Role": role},
        "iam:ListRolePolicies": {"PolicyNames": ["b", "a"]},
        "iam:GetRolePolicy": lambda p: {"PolicyName": p["PolicyName"], "PolicyDocument": EVERYTHING},
        "iam:ListAttachedRolePolicies": {
            "AttachedPolicies": [
                {"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN},
                {"PolicyName": "own", "PolicyArn": OWN},
            ]
        },
        "iam:GetPolicy": {"Policy": {"DefaultVersionId": "v1"}},
        "iam:GetPolicyVersion": {"PolicyVersion": {"Document": EVERYTHING, "VersionId": "v1"}},
    }
    return FakeAws({**answers, **{f"iam:{k}": v for k, v in changes.items()}})


def read_role(aws: FakeAws) -> Resource:
    resource = iam_role.read(aws, "orders")
    assert resource is not None
    return resource


def with_role(**more: Any) -> dict[str, Any]:
    return {"Role": {**role_account().answers["iam:GetRole"]["Role"], **more}}


def test_a_role_has_its_path_its_policies_and_its_tags() -> None:
    resource = read_role(role_account())
    assert resource.arn == "arn:aws:iam::123456789012:role/service/orders"
    assert (resource.id, resource.tags) == ("orders", {"team": "shop"})
    assert resource.config["AssumeRolePolicyDocument"] == TRUST
    assert resource.config["PermissionsBoundary"] is None
    assert [p["PolicyName"] for p in resource.config["RolePolicyList"]] == ["a", "b"]
    assert [p["PolicyArn"] for p in resource.config["AttachedManagedPolicies"]] == [OWN, ADMIN]
    assert resource.config["CreateDate"] == "2026-01-02T00:00:00+00:00"
    json.dumps(resource.config)


def test_only_documents_of_aws_own_policies_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_role_policies, "_aws_managed", {})
    read_role(role_account())
    again = role_account()
    read_role(again)
    assert [p["PolicyArn"] for name, p in again.calls if name == "iam:GetPolicyVersion"] == [OWN]


def own_only(**about: Any) -> FakeAws:
    answers = {"DefaultVersionId": "v1", "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0, **about}
    return role_account(
        ListAttachedRolePolicies={"AttachedPolicies": [{"PolicyName": "own", "PolicyArn": OWN}]},
        GetPolicy={"Policy": answers},
        ListPolicyVersions={"Versions": [{"VersionId": "v3"}, {"VersionId": "v1"}]},
        ListEntitiesForPolicy=lambda p: {"PolicyRoles": [{"RoleName": "orders"}, {"RoleName": "returns"}]},
    )


def test_a_customers_own_policy_in_its_only_version_costs_two_calls() -> None:
    aws = own_only()
    (policy,) = read_role(aws).config["AttachedManagedPolicies"]
    assert (policy["DefaultVersionId"], policy["VersionIds"], policy["UsedBy"]) == ("v1", ["v1"], [])
    asked = [name for name, parameters in aws.calls if parameters.get("PolicyArn") == OWN]
    assert asked == ["iam:GetPolicy", "iam:GetPolicyVersion"]


def test_versions_and_other_users_are_asked_for_where_there_are_any() -> None:
    was, now = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC)
    (policy,) = read_role(own_only(CreateDate=was, UpdateDate=now, AttachmentCount=2)).config["AttachedManagedPolicies"]
    assert policy["VersionIds"] == ["v3", "v1"]
    assert policy["UsedBy"] == ["role/returns"]


def test_whom_a_policy_bounds_uses_it_too() -> None:
    (policy,) = read_role(own_only(PermissionsBoundaryUsageCount=1)).config["AttachedManagedPolicies"]
    assert policy["UsedBy"] == ["boundary of role/orders", "boundary of role/returns", "role/returns"]


def test_the_memory_of_documents_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], Any] = {}
    monkeypatch.setattr(_role_policies, "_aws_managed", kept)
    for number in range(200):
        name = {"PolicyName": "p", "PolicyArn": f"arn:aws:iam::aws:policy/p{number}"}
        read_role(role_account(ListAttachedRolePolicies={"AttachedPolicies": [name]}))
    assert 0 < len(kept) <= 64
    assert ("arn:aws:iam::aws:policy/p199", "v1") in kept


def test_a_boundary_comes_with_its_document() -> None:
    boundary = {"PermissionsBoundaryArn": OWN, "PermissionsBoundaryType": "Policy"}
    resource = read_role(role_account(GetRole=with_role(PermissionsBoundary=boundary)))
    assert resource.config["PermissionsBoundary"] == {**boundary, "PolicyDocument": EVERYTHING}


def test_a_boundary_whose_policy_is_gone_says_so() -> None:
    boundary = {"PermissionsBoundaryArn": OWN, "PermissionsBoundaryType": "Policy"}
    aws = role_account(
        GetRole=with_role(PermissionsBoundary=boundary),
        GetPolicy=gone,
        ListAttachedRolePolicies={"AttachedPolicies": []},
    )
    assert read_role(aws).config["PermissionsBoundary"] == {**boundary, "PolicyDocument": None}


def test_an_undecodable_trust_is_kept_as_text() -> None:
    resource = read_role(role_account(GetRole=with_role(AssumeRolePolicyDocument="{'Version'")))
    assert resource.config["AssumeRolePolicyDocument"] == {"Unparsed": "{'Version'"}


@pytest.mark.parametrize("lost", ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies"])
def test_a_role_that_goes_at_any_moment_is_gone(lost: str) -> None:
    assert iam_role.read(role_account(**{lost: gone}), "orders") is None


def test_policies_that_go_between_listing_and_reading_are_left_out() -> None:
    resource = read_role(role_account(GetRolePolicy=gone, GetPolicy=gone))
    assert resource.config["RolePolicyList"] == resource.config["AttachedManagedPolicies"] == []


def test_a_managed_policy_leads_to_the_roles_it_is_attached_to_or_bounds() -> None:
    attached, bounding = [{"RoleName": "b"}, {"RoleName": "a"}], [{"RoleName": "c"}, {"RoleName": "a"}]
    aws = FakeAws(
        {
            "iam:ListEntitiesForPolicy": lambda p: {
                "PolicyRoles": attached if p["PolicyUsageFilter"] == "PermissionsPolicy" else bounding
            }
        }
    )
    itself = ("AWS::IAM::ManagedPolicy", OWN)
    assert list(iam_managed_policy.lead(aws, OWN)) == [itself, *(("AWS::IAM::Role", n) for n in "abc")]
    assert list(iam_managed_policy.lead(FakeAws({"iam:ListEntitiesForPolicy": gone}), OWN)) == [itself]


def policy_account(*versions: str, **changes: Any) -> FakeAws:
    about = {"Arn": OWN, "PolicyName": "own", "Path": "/", "DefaultVersionId": versions[0], "AttachmentCount": 1}
    answers: dict[str, Any] = {
        "GetPolicy": {"Policy": {**about, "PermissionsBoundaryUsageCount": 0}},
        "ListPolicyVersions": {"Versions": [{"VersionId": v} for v in sorted(versions, reverse=True)]},
        "GetPolicyVersion": lambda p: {"PolicyVersion": {"Document": {**EVERYTHING, "Id": p["VersionId"]}}},
        "ListEntitiesForPolicy": lambda p: {"PolicyRoles": [{"RoleName": "orders"}]},
        "ListAttachedRolePolicies": {"AttachedPolicies": []},
        "ListRolePolicies": {"PolicyNames": []},
    }
    return role_account(**{**answers, **changes})


def test_a_managed_policy_has_its_versions_and_what_its_holders_may_do() -> None:
    found = iam_managed_policy.read(policy_account("v2", "v3", "v1"), OWN)
    assert found is not None and found.id == OWN
    assert [v["VersionId"] for v in found.config["PolicyVersionList"]] == ["v2", "v1", "v3"]
    assert [v["IsDefaultVersion"] for v in found.config["PolicyVersionList"]] == [True, False, False]
    assert found.config["UsedBy"] == ["role/orders"]
    (holder,) = found.config["Holders"]
    assert (holder["RoleName"], holder["RolePolicyList"]) == ("orders", [])


def test_a_managed_policy_in_one_version_costs_three_calls() -> None:
    aws = policy_account("v1")
    found = iam_managed_policy.read(aws, OWN)
    assert found is not None and found.config["Holders"] == found.config["UsedBy"] == []
    assert [name for name, _ in aws.calls] == ["iam:GetPolicy", "iam:ListPolicyVersions", "iam:GetPolicyVersion"]


@pytest.mark.parametrize("lost", ["GetPolicy", "ListPolicyVersions", "GetPolicyVersion", "ListEntitiesForPolicy"])
def test_a_managed_policy_that_goes_at_any_moment_is_gone(lost: str) -> None:
    assert iam_managed_policy.read(policy_account("v2", "v1", **{lost: gone}), OWN) is None


def stage_account(**changes: Any) -> FakeAws:
    answers: dict[str, Any] = {
        "apigateway:GetStage": {
            "stageName": "prod",
            "deploymentId": "d1",
            "tracingEnabled": False,
            "variables": {"TOKEN": "whiteduke"},
            "canarySettings": {"percentTraffic": 5.0, "stageVariableOverrides": {"TOKEN": "blackduke"}},
            "tags": {"team": "shop"},
            "createdDate": datetime(2026, 1, 2, tzinfo=UTC),
        },
        "apigateway:GetAccount": {
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": ["UsagePlans"],
        },
        "apigateway:GetRestApis": {"items": [{"id": "a1"}, {"id": "a2"}]},
        "apigateway:GetStages": lambda p: (
            gone() if p["restApiId"] == "a1" else {"item": [{"stageName": "dev"}, {"stageName": "prod"}]}
        ),
    }
    return FakeAws({**answers, **{f"apigateway:{k}": v for k, v in changes.items()}})


def test_a_stage_has_its_account_beside_it_and_its_variables_hidden() -> None:
    resource = apigateway_stage.read(stage_account(), "a1/prod")
    assert resource is not None
    assert resource.arn == "arn:aws:apigateway:us-east-1::/restapis/a1/stages/prod"
    assert resource.tags == {"team": "shop"}
    assert resource.config["restApiId"] == "a1"
    assert resource.config["Account"] == {"throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0}}
    assert resource.config["createdDate"] == "2026-01-02T00:00:00+00:00"
    assert resource.config["variables"]["TOKEN"].reveal() == "whiteduke"
    assert "duke" not in repr(resource)


def test_a_stage_that_is_gone_is_gone() -> None:
    assert apigateway_stage.read(stage_account(GetStage=gone), "a1/prod") is None


def test_stages_are_listed_though_an_api_goes_meanwhile() -> None:
    assert list(apigateway_stage.list_ids(stage_account())) == ["a2/dev", "a2/prod"]


def test_every_reader_declares_catalogued_reads_only() -> None:
    for reader in readers.all_readers().values():
        assert {OPERATIONS[name].kind for name in reader.OPERATIONS} == {"read"}
