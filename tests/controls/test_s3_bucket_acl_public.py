"""ACLs that open a bucket to everyone: found, ignored by S3 from then on, silent, undone to the same block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playing import ACCOUNT, REGION, Account, fresh_account

from chalicelib.controls import judge_one
from chalicelib.model import Call, Resource
from chalicelib.proofs import unproved

TYPE, CONTROL, RUNBOOK = "AWS::S3::Bucket", "s3-bucket-acl-public", "s3-ignore-public-acls"
NAME = "shop-uploads"
ALL, SIGNED_IN, LOGS = (
    f"http://acs.amazonaws.com/groups/{name}"
    for name in ("global/AllUsers", "global/AuthenticatedUsers", "s3/LogDelivery")
)
OWNER = {"Grantee": {"Type": "CanonicalUser", "ID": "75aa57"}, "Permission": "FULL_CONTROL"}
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def block(*on: str) -> dict[str, bool]:
    return {setting: setting in on for setting in SETTINGS}


def group(uri: str, permission: str = "READ") -> dict[str, Any]:
    return {"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission}


def bucket(*grants: Any, own: Any = None, account: Any = None) -> Resource:
    config = {"Policy": None, "PublicAccessBlock": own, "AccountPublicAccessBlock": account, "Grants": [OWNER, *grants]}
    return Resource(TYPE, f"arn:aws:s3:::{NAME}", NAME, ACCOUNT, REGION, config)


LOUD = {
    "anyone reads": (bucket(group(ALL)), "Anyone has READ"),
    "anyone does all": (bucket(group(ALL, "FULL_CONTROL")), "Anyone has FULL_CONTROL"),
    "signed in writes": (bucket(group(SIGNED_IN, "WRITE")), "Anyone with an AWS account has WRITE"),
    "both": (bucket(group(SIGNED_IN, "WRITE"), group(ALL)), "Anyone has READ, WRITE"),
    "a block for new ACLs only": (bucket(group(ALL), own=block("BlockPublicAcls")), "Anyone has READ"),
    "a block for policies": (bucket(group(ALL), own=block("RestrictPublicBuckets")), "Anyone has READ"),
    "an account's for policies": (bucket(group(ALL), account=block("RestrictPublicBuckets")), "Anyone has READ"),
}
QUIET = {
    "the owner alone": bucket(),
    "log delivery": bucket(group(LOGS, "WRITE")),
    "somebody named": bucket({"Grantee": {"Type": "CanonicalUser", "ID": "12ab"}, "Permission": "READ"}),
    "ignored by the bucket": bucket(group(ALL), own=block("IgnorePublicAcls")),
    "ignored by the account": bucket(group(ALL), own=block("BlockPublicAcls"), account=block("IgnorePublicAcls")),
}


@pytest.mark.parametrize("name", LOUD)
def test_everyone_in_an_acl_is_found(name: str) -> None:
    resource, title = LOUD[name]
    found = judge_one(CONTROL, resource)
    assert found is not None and found.severity == "critical" and found.title.startswith(title)


@pytest.mark.parametrize("name", QUIET)
def test_named_grantees_and_ignored_grants_are_quiet(name: str) -> None:
    assert judge_one(CONTROL, QUIET[name]) is None


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        made.client("s3").create_bucket(Bucket=NAME)
        yield made


OLD = {
    "no block": None,
    "a block that is off": block(),
    "a block with one setting on": block("BlockPublicPolicy"),
    "all but this one": block("BlockPublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"),
}


@pytest.mark.parametrize("name", OLD)
def test_acls_are_ignored_and_the_block_comes_back_as_it_was(account: Account, name: str) -> None:
    client, old = account.client("s3"), OLD[name]
    client.put_bucket_acl(Bucket=NAME, ACL="public-read-write")
    if old is not None:
        client.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=old)
    before = account.read(TYPE, NAME)
    assert before.config["PublicAccessBlock"] == old
    plan, fixed = account.fixed_and_undone(RUNBOOK, CONTROL, before)
    assert fixed.config["PublicAccessBlock"] == {**(old or block()), "IgnorePublicAcls": True}
    undo = [call.operation for call in plan.steps[0].undo]
    assert undo == ["s3:DeletePublicAccessBlock" if old is None else "s3:PutPublicAccessBlock"]
    assert (plan.tier, plan.reversible, len(plan.steps)) == ("medium", "full", 1)


def test_the_accounts_block_is_read_where_it_matters(account: Account) -> None:
    control = account.client("s3control")
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block("IgnorePublicAcls"))
    assert account.read(TYPE, NAME).config["AccountPublicAccessBlock"] is None
    account.client("s3").put_bucket_acl(Bucket=NAME, ACL="public-read")
    open_ = account.read(TYPE, NAME)
    assert open_.config["AccountPublicAccessBlock"] == block("IgnorePublicAcls")
    assert judge_one(CONTROL, open_) is None
    control.delete_public_access_block(AccountId=ACCOUNT)
    assert judge_one(CONTROL, account.read(TYPE, NAME)) is not None


def test_a_bucket_behind_a_whole_block_is_asked_for_nothing_more(account: Account) -> None:
    client = account.client("s3")
    client.put_bucket_acl(Bucket=NAME, ACL="public-read")
    client.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=block(*SETTINGS))
    config = account.read(TYPE, NAME).config
    assert (config["Grants"], config["AccountPublicAccessBlock"]) == ([], None)


def test_a_block_that_would_loosen_is_refused() -> None:
    call = Call("s3:PutPublicAccessBlock", {"Bucket": NAME, "PublicAccessBlockConfiguration": block()})
    assert "switches BlockPublicPolicy off" in unproved((call,), bucket(group(ALL), own=block("BlockPublicPolicy")))
    assert unproved((call,), bucket(group(ALL), own=block())) == ""
    assert unproved((call,), bucket(group(ALL))) == ""
