"""Parameters in plain text: found by name and value, encrypted under their name, and plain again, exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playing import ACCOUNT, REGION, ROOT, Account, found, fresh_account, key, planned, refused, spoken

from chalicelib import planning, proofs, redaction, runbooks
from chalicelib.controls import judge_one
from chalicelib.errors import Escalation
from chalicelib.model import Call, Hidden, Plan, Resource
from suture.sandbox import mends

TYPE, CONTROL, BOOK = "AWS::SSM::Parameter", "ssm-parameter-plaintext-secret", "ssm-encrypt-parameter"
PASSWORD = "white" + "duke" + "-7Tr0ub"
TOKEN = "gh" + "p_" + "A1b2C3d4" * 4 + "Zz9Y"
NAME = "/shop/prod/db/password"


@pytest.fixture(autouse=True)
def account() -> Iterator[Account]:
    mends.apply_to("ssm")
    with fresh_account() as made:
        yield made


def parameter(name: str, value: str, type_: str = "String") -> Resource:
    config = {"Name": name, "Type": type_, "Tier": "Standard", "DataType": "text", "Value": Hidden(value)}
    return Resource(TYPE, f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}", name, ACCOUNT, REGION, config)


BAD: dict[str, Resource] = {
    "called a password": parameter(NAME, PASSWORD),
    "called so one level up": parameter("/shop/password/db", PASSWORD),
    "a token under any name": parameter("/shop/colour", f"{TOKEN[:-1]}8"),
    "a login in an address": parameter("/shop/db/url", f"postgres://app:{PASSWORD}@db.internal/app"),
    "in a list": parameter("/shop/api/token", f"{PASSWORD},x", "StringList"),
    "no hierarchy": parameter("DB_PASSWORD", PASSWORD),
}
GOOD: dict[str, Resource] = {
    "a table": parameter("/shop/table", "app-prod-OrdersTable-1A2B3C4D5E6F"),
    "below a folder of secrets": parameter("/secrets/table-name", "app-prod-OrdersTable"),
    "a hash below a folder of secrets": parameter("/secrets/git-sha", "7a682f31cafad62de488" + "c6d8ab6756d89d3f5441"),
    "the ARN of a secret": parameter(NAME, f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-AbCdEf"),
    "a placeholder": parameter(NAME, "changeme"),
    "about a secret": parameter("/shop/db/password-length", "24"),
    "an image": parameter("/shop/ami", "ami-0abcdef1234567890"),
    "a list of networks": parameter("/shop/subnets", "subnet-0a1b2c3d,subnet-1a2b3c4d", "StringList"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    finding = judge_one(CONTROL, BAD[name])
    assert finding is not None
    (item,) = finding.evidence
    assert item["Name"] == BAD[name].id and item["Kind"] and item["Reason"]
    told = json.dumps([finding.title, *finding.evidence])
    assert PASSWORD not in told and TOKEN[:20] not in told


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert judge_one(CONTROL, GOOD[name]) is None


def put(account: Account, **more: Any) -> None:
    account.client("ssm").put_parameter(**{"Name": NAME, "Type": "String", "Value": PASSWORD, **more})


def test_what_is_encrypted_is_never_decrypted(account: Account) -> None:
    put(account, Type="SecureString")
    resource = account.read(TYPE, NAME)
    assert resource.config["Type"] == "SecureString" and "Value" not in resource.config
    assert PASSWORD not in repr(redaction.revealed(resource.config))
    assert account.ids(TYPE) == [] and spoken(resource) == set()


def test_the_sweep_lists_what_is_plain(account: Account) -> None:
    put(account)
    put(account, Name="/shop/hosts", Type="StringList", Value="a,b")
    put(account, Name="/shop/hidden", Type="SecureString")
    assert account.ids(TYPE) == [NAME, "/shop/hosts"]
    assert account.aws.call("ssm:ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": NAME})


def made(account: Account, resource: Resource, call: Call, plan: Plan) -> None:
    """The call as the executor makes it: late values filled from a fresh read."""
    chosen = runbooks.load(json.loads((ROOT / "runbooks" / "packaged.json").read_text("utf-8")))[f"{BOOK}/1.0.0"]
    finding = judge_one(CONTROL, resource) or judge_one(CONTROL, BAD["called a password"])
    assert finding is not None
    at = planning.bench("case-1", resource, finding, chosen, {"kms_key": ""}, key)
    account.run(replace(call, parameters=planning.late_values(call.parameters, at)))


DRESSED = {
    "Description": "the shop's database",
    "AllowedPattern": "^[a-z].*$",
    "Tier": "Advanced",
    "Policies": json.dumps([{"Type": "NoChangeNotification", "Version": "1.0"}]),
    "Tags": [{"Key": "team", "Value": "shop"}],
}


@pytest.mark.parametrize("more", [{}, DRESSED], ids=["bare", "dressed"])
def test_it_is_encrypted_under_its_name_and_plain_again(account: Account, more: dict[str, Any]) -> None:
    put(account, **more)
    before = account.read(TYPE, NAME)
    plan = planned(BOOK, before, found(CONTROL, before))
    assert isinstance(plan, Plan), plan
    assert PASSWORD not in json.dumps(plan.as_json())
    (step,) = plan.steps
    made(account, before, step.call, plan)
    fixed = account.read(TYPE, NAME)
    ssm = account.client("ssm")
    stored = ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]
    assert (stored["Type"], stored["Value"], stored["Version"]) == ("SecureString", PASSWORD, 2)
    kept = ("Description", "AllowedPattern", "Tier", "Policies", "DataType")
    assert {k: fixed.config.get(k) for k in kept} == {k: before.config.get(k) for k in kept}
    assert spoken(fixed) == set()
    (undo,) = step.undo
    made(account, fixed, undo, plan)
    undone = account.read(TYPE, NAME)
    assert redaction.state_digest(undone, key) == redaction.state_digest(before, key)
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=NAME)["TagList"]
    assert tags == more.get("Tags", [])


def test_another_value_written_since_is_not_taken_back(account: Account) -> None:
    put(account)
    before = account.read(TYPE, NAME)
    plan = planned(BOOK, before, found(CONTROL, before))
    assert isinstance(plan, Plan)
    made(account, before, plan.steps[0].call, plan)
    fixed = account.read(TYPE, NAME)
    put(account, Type="SecureString", Value=PASSWORD + "x", Overwrite=True)
    rotated = account.read(TYPE, NAME)
    assert redaction.state_digest(rotated, key) != redaction.state_digest(fixed, key)
    with pytest.raises(Escalation, match="not there"):
        made(account, rotated, plan.steps[0].undo[0], plan)


def test_a_configured_key_encrypts(account: Account) -> None:
    put(account)
    before = account.read(TYPE, NAME)
    chosen = runbooks.load(json.loads((ROOT / "runbooks" / "packaged.json").read_text("utf-8")))[f"{BOOK}/1.0.0"]
    plan = planning.plan("case-1", before, found(CONTROL, before), chosen, {"kms_key": "alias/shop"}, key)
    assert isinstance(plan, Plan)
    assert plan.steps[0].call.parameters["KeyId"] == "alias/shop"
    assert "KeyId" not in plan.steps[0].undo[0].parameters


def test_a_list_and_a_checked_type_are_for_people(account: Account) -> None:
    put(account, Name="/shop/api/token", Type="StringList", Value=f"{PASSWORD},x")
    assert "list" in refused(BOOK, CONTROL, account.read(TYPE, "/shop/api/token")).why
    typed = parameter(NAME, PASSWORD)
    checked = replace(typed, config={**typed.config, "DataType": "aws:ssm:integration"})
    assert "data type" in refused(BOOK, CONTROL, checked).why


def late(expression: str = "=not_null(resource.config.Value, resource.config.Previous.Value)") -> dict[str, Any]:
    return {"late": expression, "each": None, "fingerprint": "hmac:0"}


RIGHT: dict[str, Any] = {"Name": NAME, "Type": "SecureString", "Value": late(), "Overwrite": True, "Tier": "Standard"}
WRONG: dict[str, dict[str, Any]] = {
    "another parameter": {**RIGHT, "Name": "/shop/other"},
    "plain": {**RIGHT, "Type": "String"},
    "no type, which keeps it plain": {k: v for k, v in RIGHT.items() if k != "Type"},
    "a value of its own": {**RIGHT, "Value": PASSWORD},
    "another late value": {**RIGHT, "Value": late("=resource.config.Description")},
    "another tier": {**RIGHT, "Tier": "Advanced"},
    "a description": {**RIGHT, "Description": "new"},
    "policies": {**RIGHT, "Policies": "[]"},
}


def test_only_the_encryption_in_place_is_proved() -> None:
    def problem(parameters: dict[str, Any], of: Resource) -> str:
        return proofs.unproved((Call("ssm:PutParameter#Overwrite", parameters),), of)

    plain = parameter(NAME, PASSWORD)
    assert problem(RIGHT, plain) == "" and problem({**RIGHT, "KeyId": "alias/shop"}, plain) == ""
    for name, parameters in WRONG.items():
        assert problem(parameters, plain), name
    assert problem(RIGHT, parameter(NAME, PASSWORD, "StringList"))
