"""Services that may call a function for any customer: found, bound before the old grant leaves, undone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playing import ACCOUNT, REGION, Account, found, fresh_account, key, planned, policy, refused

from chalicelib.controls import judge_one
from chalicelib.model import Call, Finding, Plan, Resource
from chalicelib.proofs import unproved
from chalicelib.redaction import state_digest

TYPE, CONTROL, RUNBOOK = "AWS::Lambda::Function", "lambda-policy-unbound-service", "lambda-bind-service-grants"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/nightly"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"


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


def notify(account: Account, bucket: str, function: str = ARN) -> None:
    one = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    client = account.client("s3")
    client.create_bucket(Bucket=bucket)
    client.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [one]}
    )


def subscribe(account: Account, topic: str, function: str = ARN) -> None:
    client = account.client("sns")
    client.subscribe(TopicArn=client.create_topic(Name=topic)["TopicArn"], Protocol="lambda", Endpoint=function)


def rule(account: Account, name: str, function: str = ARN, bus: str = "default") -> None:
    client = account.client("events")
    if bus != "default":
        client.create_event_bus(Name=bus)
    client.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["shop"]}')
    client.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "1", "Arn": function}])


BUCKET = {"SourceArn": "arn:aws:s3:::uploads", "SourceAccount": ACCOUNT}
OWN_RULES = {"SourceArn": f"arn:aws:events:*:{ACCOUNT}:rule/*"}
FOUND: dict[str, tuple[str, str, Callable[[Account], None], dict[str, str], str]] = {
    "a bucket": ("s3", "", lambda a: notify(a, "uploads"), BUCKET, "arn:aws:s3:::uploads, and for nothing else"),
    "an alias's bucket": ("s3", "prod", lambda a: notify(a, "uploads", f"{ARN}:prod"), BUCKET, "for nothing else"),
    "a bucket by $LATEST": ("s3", "", lambda a: notify(a, "uploads", f"{ARN}:$LATEST"), BUCKET, "for nothing else"),
    "a topic": ("sns", "", lambda a: subscribe(a, "orders"), {"SourceArn": TOPIC}, "for nothing else"),
    "an alias's topic": (
        "sns",
        "prod",
        lambda a: (subscribe(a, "orders", f"{ARN}:prod"), subscribe(a, "other"))[0],
        {"SourceArn": TOPIC},
        "for nothing else",
    ),
    "a rule": ("events", "", lambda a: rule(a, "nightly"), {"SourceArn": RULE}, "for nothing else"),
    "a rule of another bus": (
        "events",
        "",
        lambda a: rule(a, "paid", bus="shop"),
        {"SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/shop/paid"},
        "for nothing else",
    ),
    "a rule by $LATEST": ("events", "", lambda a: rule(a, "nightly", f"{ARN}:$LATEST"), {"SourceArn": RULE}, ""),
    "another function's rule": ("events", "", lambda a: rule(a, "x", f"{ARN}-2"), OWN_RULES, "may be a relic"),
    "another function's bucket": (
        "s3",
        "",
        lambda a: notify(a, "uploads", f"{ARN}-2"),
        {"SourceAccount": ACCOUNT},
        "bound to the account, and to no single source",
    ),
}
"""For each: the service, the alias that it may call, what the account holds, the condition, and what is said."""


@pytest.mark.parametrize("name", FOUND)
def test_the_one_source_of_the_account_is_taken(account: Account, name: str) -> None:
    service, alias, make, source, said = FOUND[name]
    grant(account, "loose", f"{service}.amazonaws.com", **({"Qualifier": alias} if alias else {}))
    make(account)
    before = account.read(TYPE, "orders")
    plan, fixed = account.fixed_and_undone(RUNBOOK, CONTROL, before)
    added = plan.steps[0].call.parameters
    assert {key: added[key] for key in ("SourceArn", "SourceAccount") if key in added} == source
    assert fixed.config["Callers"] == {}
    assert said in " ".join(found(CONTROL, before).evidence[0]["Notes"])


@pytest.mark.parametrize("service", ["s3", "sns", "events"])
def test_several_sources_of_the_account_are_named_and_left_to_the_owner(account: Account, service: str) -> None:
    make = {"s3": notify, "sns": subscribe, "events": rule}[service]
    grant(account, "loose", f"{service}.amazonaws.com")
    make(account, "first")
    make(account, "second")
    resource = account.read(TYPE, "orders")
    assert "several sources" in refused(RUNBOOK, CONTROL, resource).why
    title = found(CONTROL, resource).title
    assert "first" in title and "second" in title


def test_a_source_that_comes_or_goes_changes_the_plan_and_not_the_state(account: Account) -> None:
    """An undo is verified by the state: somebody's new bucket must not look like a failed one."""
    grant(account, "loose", "s3.amazonaws.com")
    before = account.read(TYPE, "orders")
    notify(account, "uploads")
    after = account.read(TYPE, "orders")
    assert state_digest(before, key) == state_digest(after, key)
    first, second = (planned(RUNBOOK, r, found(CONTROL, r)) for r in (before, after))
    assert isinstance(first, Plan) and isinstance(second, Plan) and first.digest != second.digest


def test_another_accounts_topic_is_for_the_owner(account: Account) -> None:
    callers = {
        "sns.amazonaws.com": {
            "Complete": True,
            "Sources": [{"FunctionArn": ARN, "SourceArn": TOPIC.replace(ACCOUNT, "210987654321")}],
        }
    }
    loose = function(statement(Principal={"Service": "sns.amazonaws.com"}))
    foreign = replace(loose, config={**loose.config, "Callers": callers})
    assert "no condition is known" in refused(RUNBOOK, CONTROL, foreign).why


def test_one_source_among_what_could_not_all_be_asked_binds_nothing_to_it() -> None:
    callers = {"s3.amazonaws.com": {"Complete": False, "Sources": [{"FunctionArn": ARN, **BUCKET}]}}
    loose = function(statement())
    (item,) = found(CONTROL, replace(loose, config={**loose.config, "Callers": callers})).evidence
    assert {k: item["Bound"].get(k) for k in BUCKET} == {"SourceArn": None, "SourceAccount": ACCOUNT}
    assert "could not ask all" in item["Notes"][0] and "arn:aws:s3:::uploads" in item["Notes"][0]


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
    finding = judged(loud)
    assert finding is not None and finding.severity == "medium"
    assert [item["Statement"] for item in finding.evidence] == [loud]


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
