"""Resource policies open to everyone: eight services, found, closed, silent, undone to the same policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from holders import HERE
from holders import HOLDERS as CASES
from holders import Holder as Case
from playing import ACCOUNT, OTHER, REGION, Account, allow, found, fresh_account, planned, policy, refused

from chalicelib.aws.readers import read
from chalicelib.controls import all_controls, judge_one
from chalicelib.model import Finding, Plan, Resource

OWN = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        yield made


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def statements(case: Case, resource: Resource) -> list[Any]:
    found: list[Any] = resource.config["Policy"]["Statement"]
    return found


def test_everyone_is_narrowed_and_the_others_stay_exactly(account: Account, case: Case) -> None:
    """The public statement keeps serving the account itself; the named ones, and their order, stay."""
    named = allow({"AWS": OTHER}, case.action, case.resource, Sid="partner")
    open_ = allow("*", case.action, case.resource, Sid="open")
    manage = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, f"{case.action.split(':')[0]}:*", case.resource, Sid="own")
    id_ = case.make(account.client, json.dumps(policy(named, open_, manage)))
    before = account.read(case.type, id_)
    plan, fixed = account.fixed_and_undone(case.runbook, case.control, before)
    assert statements(case, fixed) == [named, {**open_, "Condition": OWN}, manage]
    assert (plan.tier, plan.reversible, len(plan.steps)) == ("high", "full", 1)
    assert all_controls()[case.control].public_access


def test_a_statement_for_everyone_and_others_is_split(account: Account, case: Case) -> None:
    mixed = allow({"AWS": ["*", OTHER]}, case.action, case.resource, Sid="mixed")
    before = account.read(case.type, case.make(account.client, json.dumps(policy(mixed))))
    _, fixed = account.fixed_and_undone(case.runbook, case.control, before)
    first = {**mixed, "Principal": {"AWS": [OTHER]}}
    second = {**mixed, "Sid": "mixedOwnAccount", "Principal": {"AWS": "*"}, "Condition": OWN}
    assert statements(case, fixed) == [first, second]


def test_conditions_that_bind_nobody_stay_beside_the_new_one(account: Account, case: Case) -> None:
    loose = {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:RequestedRegion": REGION}}
    open_ = allow("*", case.action, case.resource, Sid="tls", Condition=loose)
    before = account.read(case.type, case.make(account.client, json.dumps(policy(open_))))
    _, fixed = account.fixed_and_undone(case.runbook, case.control, before)
    (statement,) = statements(case, fixed)
    merged = {**loose, "StringEquals": {**loose["StringEquals"], **OWN["StringEquals"]}}
    assert statement == {**open_, "Condition": merged}


def judged(case: Case, document: Any, **facts: Any) -> Finding | None:
    name = {"AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{HERE}:secret:shop/db-AbCdEf"}.get(
        case.type, "shop"
    )
    config = {"Policy": document, **facts}
    return judge_one(case.control, Resource(case.type, f"arn:aws:x:{HERE}:shop", name, ACCOUNT, REGION, config))


LOUD: dict[str, Callable[[Case], dict[str, Any]]] = {
    "everyone": lambda c: allow("*", c.action, c.resource),
    "every AWS account": lambda c: allow({"AWS": "*"}, c.action, c.resource),
    "any account by pattern": lambda c: allow({"AWS": "arn:aws:iam::*:root"}, c.action, c.resource),
    "everyone but one": lambda c: allow(None, c.action, c.resource, NotPrincipal={"AWS": OTHER}),
    "a condition that is true without its key": lambda c: allow(
        "*", c.action, c.resource, Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    ),
    "the resource's own account says nothing of the caller": lambda c: allow(
        "*", c.action, c.resource, Condition={"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
    ),
    "half the internet, twice": lambda c: allow(
        "*", c.action, c.resource, Condition={"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}
    ),
    "everything but one action": lambda c: allow("*", None, c.resource, NotAction=["sts:*"]),
}
QUIET: dict[str, Callable[[Case], dict[str, Any]]] = {
    "another account": lambda c: allow({"AWS": OTHER}, c.action, c.resource),
    "the account itself": lambda c: allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, c.action, c.resource),
    "one organisation": lambda c: allow(
        "*", c.action, c.resource, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    ),
    "one source": lambda c: allow(
        "*", c.action, c.resource, Condition={"ArnEquals": {"aws:SourceArn": f"arn:aws:sns:{HERE}:shop"}}
    ),
    "the owner, as SNS writes it": lambda c: allow(
        {"AWS": "*"}, c.action, c.resource, Condition={"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    ),
    "one VPC endpoint": lambda c: allow(
        "*", c.action, c.resource, Condition={"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}
    ),
    "a service for all customers": lambda c: allow({"Service": "sns.amazonaws.com"}, c.action, c.resource),
    "a refusal": lambda c: allow("*", c.action, c.resource, Effect="Deny"),
}


@pytest.mark.parametrize("name", LOUD)
def test_everyone_is_found_and_can_be_planned(case: Case, name: str) -> None:
    statement = LOUD[name](case)
    found = judged(case, policy(statement), QueueUrl="https://sqs/1/shop", KeyId="k", KeyManager="CUSTOMER")
    assert found is not None and found.severity == all_controls()[case.control].severity
    assert [item["Statement"] for item in found.evidence] == [statement]
    assert found.evidence[0]["Reason"] and found.evidence[0]["Principals"]


@pytest.mark.parametrize("name", QUIET)
def test_named_callers_are_quiet(case: Case, name: str) -> None:
    assert judged(case, policy(QUIET[name](case))) is None


def test_a_deny_of_everyone_else_closes_an_open_statement(case: Case) -> None:
    everyone_else = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    deny = allow("*", "*", case.resource and "*", Effect="Deny", Condition=everyone_else)
    assert judged(case, policy(allow("*", case.action, case.resource), deny)) is None


def test_no_policy_is_quiet(account: Account, case: Case) -> None:
    resource = account.read(case.type, case.make(account.client, None))
    assert judge_one(case.control, resource) is None


@pytest.mark.parametrize("document", [{"Unparsed": "x"}, {"Version": "2012-10-17", "Statement": "x"}])
def test_what_cannot_be_judged_is_said_and_escalated(case: Case, document: Any) -> None:
    found = judged(case, document)
    assert found is not None and found.severity == "low" and found.evidence[0]["Unknown"]
    resource = Resource(case.type, f"arn:aws:x:{HERE}:shop", "shop", ACCOUNT, REGION, {"Policy": document})
    refusal = refused(case.runbook, case.control, resource)
    assert refusal.kind == "escalate" and "cannot be judged" in refusal.why


def test_the_sweep_finds_it_and_what_is_gone_is_none(account: Account, case: Case) -> None:
    assert read(account.aws, case.type, "nothing-of-this-name") is None
    id_ = case.make(account.client, None)
    assert id_ in account.ids(case.type)
    assert account.led(case.type, id_) == [(case.type, id_)]


def test_tags_are_read_for_a_finding(account: Account, case: Case) -> None:
    from chalicelib.aws.readers import tags

    resource = account.read(case.type, case.make(account.client, None))
    assert tags(account.aws, resource) == {}


def test_a_fix_that_would_open_more_is_refused(case: Case) -> None:
    """The proof compares with the policy that is there: a plan for another one grants something new."""
    from chalicelib.model import Call
    from chalicelib.proofs import unproved

    closed = policy(allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, case.action, case.resource))
    resource = Resource(case.type, f"arn:aws:x:{HERE}:shop", "shop", ACCOUNT, REGION, {"Policy": closed})
    open_ = Resource(
        case.type,
        resource.arn,
        "shop",
        ACCOUNT,
        REGION,
        {"Policy": policy(allow("*", case.action, case.resource)), "QueueUrl": "u", "KeyId": "k"},
    )
    found = judge_one(case.control, open_)
    assert found is not None
    plan = planned(case.runbook, open_, found)
    call = plan.steps[0].call  # type: ignore[union-attr]
    assert "not proved" in unproved((Call(call.operation, call.parameters),), resource)
    assert unproved((Call(call.operation, call.parameters),), open_) == ""


def test_a_bucket_behind_its_accounts_block_is_quiet_and_one_that_could_not_be_reopened_escalates(
    account: Account,
) -> None:
    case = CASES["bucket"]
    id_ = case.make(account.client, json.dumps(policy(allow("*", case.action, case.resource))))
    control = account.client("s3control")

    def read_behind(setting: str) -> Resource:
        control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration={setting: True})
        return account.read(case.type, id_)

    assert judge_one(case.control, read_behind("RestrictPublicBuckets")) is None
    refusal = refused(case.runbook, case.control, read_behind("BlockPublicPolicy"))
    assert "the account's block refuses" in refusal.why
    other = read_behind("IgnorePublicAcls")
    assert isinstance(planned(case.runbook, other, found(case.control, other)), Plan)


def test_a_bucket_behind_its_block_is_quiet_and_one_that_could_not_be_reopened_escalates(account: Account) -> None:
    case = CASES["bucket"]
    open_ = json.dumps(policy(allow("*", case.action, case.resource)))
    id_ = case.make(account.client, open_)
    client = account.client("s3")
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": False,
    }
    client.put_public_access_block(Bucket=id_, PublicAccessBlockConfiguration=block)
    refusal = refused(case.runbook, case.control, account.read(case.type, id_))
    assert refusal.kind == "escalate" and "could not be put back" in refusal.why
    client.put_public_access_block(Bucket=id_, PublicAccessBlockConfiguration={**block, "RestrictPublicBuckets": True})
    assert judge_one(case.control, account.read(case.type, id_)) is None


def test_a_secret_named_by_name_leads_to_its_arn(account: Account) -> None:
    arn = CASES["secret"].make(account.client, None)
    assert account.led("AWS::SecretsManager::Secret", "shop/db") == [("AWS::SecretsManager::Secret", arn)]
    assert account.led("AWS::SecretsManager::Secret", "shop/none") == []


def test_the_policies_of_aws_own_keys_are_left_alone(account: Account) -> None:
    from moto.kms.models import kms_backends

    id_ = CASES["key"].make(account.client, json.dumps(policy(allow("*", "kms:Decrypt", "*"))))
    kms_backends[ACCOUNT][REGION].keys[id_].key_manager = "AWS"
    resource = account.read("AWS::KMS::Key", id_)
    assert resource.config["KeyManager"] == "AWS" and resource.config["Policy"] is None
