"""Services that may call a function for any customer: found, bound before the old grant leaves, undone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from playing import ACCOUNT, REGION, Account, fresh_account, policy, refused

from chalicelib.controls import judge_one
from chalicelib.model import Call, Finding, Resource
from chalicelib.proofs import unproved

TYPE, CONTROL, RUNBOOK = "AWS::Lambda::Function", "lambda-policy-unbound-service", "lambda-bind-service-grants"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/nightly"


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "")
        trust = '{"Version": "2012-10-17", "Statement": []}'
        role = made.client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        client = made.client("lambda")
        client.create_function(
            FunctionName="orders",
            Runtime="python3.11",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
        )
        client.publish_version(FunctionName="orders")
        client.create_alias(FunctionName="orders", Name="prod", FunctionVersion="1")
        yield made


def grant(account: Account, sid: str, service: str, **more: Any) -> None:
    basic = {"FunctionName": "orders", "StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": service}
    account.client("lambda").add_permission(**basic, **more)


def conditions(resource: Resource, qualifier: str) -> dict[str, Any]:
    (entry,) = [q for q in resource.config["Qualifiers"] if q["Qualifier"] == qualifier]
    return {s["Principal"]["Service"]: s.get("Condition") for s in entry["Policy"]["Statement"]}


def test_services_are_bound_to_what_the_account_owns(account: Account) -> None:
    grant(account, "bucket", "s3.amazonaws.com")
    grant(account, "rule", "events.amazonaws.com", Qualifier="prod")
    before = account.read(TYPE, "orders")
    plan, fixed = account.fixed_and_undone(RUNBOOK, CONTROL, before)
    names = [step.call.operation.partition(":")[2] for step in plan.steps]
    assert names == ["AddPermission", "AddPermission", "RemovePermission", "RemovePermission"]
    assert conditions(fixed, "$LATEST") == {"s3.amazonaws.com": {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}}
    own = f"arn:aws:events:*:{ACCOUNT}:rule/*"
    assert conditions(fixed, "prod") == {"events.amazonaws.com": {"ArnLike": {"AWS:SourceArn": own}}}


def test_the_one_source_that_the_policy_names_is_taken(account: Account) -> None:
    grant(account, "nightly", "events.amazonaws.com", SourceArn=RULE)
    grant(account, "loose", "events.amazonaws.com")
    before = account.read(TYPE, "orders")
    plan, _ = account.fixed_and_undone(RUNBOOK, CONTROL, before)
    assert plan.steps[0].call.parameters["SourceArn"] == RULE


def test_several_sources_are_for_the_owner_to_choose_from(account: Account) -> None:
    grant(account, "nightly", "events.amazonaws.com", SourceArn=RULE)
    grant(account, "hourly", "events.amazonaws.com", SourceArn=f"{RULE}-2")
    grant(account, "loose", "events.amazonaws.com")
    assert "several sources" in refused(RUNBOOK, CONTROL, account.read(TYPE, "orders")).why


def test_a_service_that_nobody_wrote_down_is_escalated(account: Account) -> None:
    grant(account, "odd", "somethingnew.amazonaws.com")
    assert "no condition is known" in refused(RUNBOOK, CONTROL, account.read(TYPE, "orders")).why


def statement(**more: Any) -> dict[str, Any]:
    basic = {"Sid": "s", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN}
    return {**basic, "Principal": {"Service": "s3.amazonaws.com"}, **more}


def function(*statements: Any) -> Resource:
    entry = {"Qualifier": "$LATEST", "Policy": policy(*statements), "FunctionUrl": None}
    return Resource(TYPE, ARN, "orders", ACCOUNT, REGION, {"Qualifiers": [entry]})


def judged(*statements: Any) -> Finding | None:
    return judge_one(CONTROL, function(*statements))


@pytest.mark.parametrize(
    "loud",
    [
        statement(),
        statement(Condition={"StringEqualsIfExists": {"AWS:SourceAccount": ACCOUNT}}),
        statement(Condition={"StringLike": {"AWS:SourceAccount": "*"}}),
        statement(Principal={"Service": "apigateway.amazonaws.com"}),
    ],
)
def test_unbound_services_are_found(loud: dict[str, Any]) -> None:
    found = judged(loud)
    assert found is not None and found.severity == "medium"
    assert [item["Statement"] for item in found.evidence] == [loud]


@pytest.mark.parametrize(
    "quiet",
    [
        statement(Condition={"StringEquals": {"AWS:SourceAccount": ACCOUNT}}),
        statement(Condition={"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::uploads"}}),
        statement(Condition={"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}),
        statement(
            Principal={"Service": "alexa-appkit.amazon.com"},
            Condition={"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}},
        ),
        statement(Principal={"AWS": "arn:aws:iam::210987654321:root"}),
        statement(Principal="*"),
        statement(Effect="Deny"),
    ],
)
def test_bound_services_and_other_callers_are_quiet(quiet: dict[str, Any]) -> None:
    assert judged(quiet) is None


def test_a_condition_that_could_not_be_written_again_is_escalated() -> None:
    odd = statement(Condition={"Bool": {"aws:SecureTransport": "true"}})
    assert "could not put back" in refused(RUNBOOK, CONTROL, function(odd)).why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"SourceAccount": ACCOUNT}, ""),
        ({}, ""),
        ({"Principal": "*"}, "not proved"),
        ({"Action": "lambda:*"}, "not proved"),
        ({"Principal": "sns.amazonaws.com", "SourceAccount": ACCOUNT}, "not proved"),
        ({"Qualifier": "prod", "SourceAccount": ACCOUNT}, "has no policy"),
    ],
)
def test_a_grant_is_proved_to_lie_within_what_is_there(change: dict[str, Any], why: str) -> None:
    basic = {"FunctionName": ARN, "StatementId": "new", "Action": "lambda:InvokeFunction"}
    call = Call("lambda:AddPermission", {**basic, "Principal": "s3.amazonaws.com", **change})
    assert why in unproved((call,), function(statement()))
    assert bool(why) == bool(unproved((call,), function(statement())))
