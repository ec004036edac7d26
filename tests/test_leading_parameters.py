"""The way out into Parameter Store: the same stages, taken back to the byte, and only the function's reads count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import boto3
import pytest
from leading import (
    FUNCTION,
    VALUE,
    approve,
    attest,
    case_of,
    invoked,
    parameters,
    policies_of,
    reads_parameter,
    stage_of,
    variables,
)
from world import ACCOUNT, REGION, World, function, pin

from chalicelib import messages
from chalicelib.chat import facts
from suture.cli import secrets_status

OTHERS = {"TABLE": "orders", "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "ODD": "ä=\n\t\"'"}
WHO = {"store": "oncall", "grant": "security", "reference": "oncall", "remove": "oncall"}


@pytest.fixture
def w(w: World) -> World:
    chosen(w)
    return w


def chosen(w: World, **params: Any) -> None:
    """Pin Parameter Store's way out, and nothing else."""
    pin(w, "lambda-lead-out-secret-ssm", params)


def begin(w: World) -> str:
    """A function with a secret; answers with the name under which that is to be stored."""
    function("pay", {**OTHERS, "DB_PASSWORD": VALUE})
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    assert w.run() == []
    return f"/suture/pay/latest/DB_PASSWORD/{case_of(w).id}"


def taken_up(w: World, **more: Any) -> None:
    """The function runs well, and reads its parameter as the owner deployed it."""
    invoked(w, "pay", 30)
    w.d.ahead += timedelta(minutes=11)
    reads_parameter(w, variables("pay")["DB_PASSWORD_PARAMETER"], "pay-role", **more)


def at(w: World, stage: str) -> str:
    """Bring the case to the point where the plan of `stage` has been applied."""
    name = begin(w)
    for due in WHO:
        if due == "remove":
            taken_up(w)
        approve(w, due)
        if due == stage:
            break
    return name


def seen(w: World) -> dict[str, object]:
    return {"variables": variables("pay"), "policies": policies_of("pay-role"), "parameters": parameters()}


def test_the_whole_way_out(w: World) -> None:
    name = begin(w)
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "store")
    approve(w, "store")
    assert parameters() == {name: VALUE}
    (found,) = boto3.client("ssm", REGION).describe_parameters()["Parameters"]
    assert (found["Type"], found["KeyId"]) == ("SecureString", "alias/aws/ssm")
    approve(w, "grant")
    (document,) = policies_of("pay-role").values()
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    assert [(s["Action"], s["Resource"]) for s in document["Statement"]] == [("ssm:GetParameter", arn)]
    words = messages.text(case_of(w), facts.shown(), ("Olly",))
    assert f'Environment=(not shown; {{"set": {{"DB_PASSWORD_PARAMETER": "{name}"}}' in words
    approve(w, "reference")
    assert variables("pay") == {**OTHERS, "DB_PASSWORD": VALUE, "DB_PASSWORD_PARAMETER": name}
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")
    taken_up(w)
    approve(w, "remove")
    assert variables("pay") == {**OTHERS, "DB_PASSWORD_PARAMETER": name}
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate")
    attest(w)
    case = case_of(w)
    assert (case.state, case.outcome) == ("RESOLVED", "every stage is done")
    assert [s["stage"] for s in case.stages] == list(WHO)
    assert VALUE not in json.dumps(w.items(), default=str)


@pytest.mark.parametrize("stage", WHO)
def test_a_stage_is_taken_back_to_the_byte_and_taken_up_again(w: World, stage: str) -> None:
    stages = list(WHO)
    if stage == "store":
        begin(w)
    else:
        at(w, stages[stages.index(stage) - 1])
    if stage == "remove":
        taken_up(w)
    was = seen(w)
    approve(w, stage)
    done = seen(w)
    assert done != was
    w.decide(WHO[stage], case_of(w), "undo", "it broke", plan=case_of(w).last_stage["plan"]["digest"])
    why = f"the stage {stage} is taken back: all is as it was before it"
    assert (case_of(w).state, case_of(w).outcome) == ("UNDONE", why)
    assert seen(w) == was
    w.decide("security", case_of(w), "continue", "the code reads the store now")
    assert (case_of(w).state, stage_of(w)) == ("PENDING", stage)
    approve(w, stage)
    assert seen(w) == done


def test_the_variable_comes_back_after_a_rotation_from_the_version_that_was_stored(w: World) -> None:
    name = at(w, "remove")
    client = boto3.client("ssm", REGION)
    client.put_parameter(Name=name, Value="another-" + VALUE, Type="SecureString", Overwrite=True)
    w.decide("oncall", case_of(w), "undo", "it broke", plan=case_of(w).last_stage["plan"]["digest"])
    assert case_of(w).state == "UNDONE", case_of(w).outcome
    assert variables("pay")["DB_PASSWORD"] == VALUE


def test_a_parameter_that_is_gone_leaves_everything_as_it_is(w: World) -> None:
    name = at(w, "remove")
    boto3.client("ssm", REGION).delete_parameter(Name=name)
    before = variables("pay")
    w.decide("oncall", case_of(w), "undo", "it broke", plan=case_of(w).last_stage["plan"]["digest"])
    assert case_of(w).state == "UNDO_FAILED" and "ParameterNotFound" in case_of(w).outcome
    assert variables("pay") == before


def test_a_value_that_the_store_does_not_hold_is_not_removed(w: World) -> None:
    """Undo could not put it back. Where the store holds the right value again, the way goes on."""
    at(w, "reference")
    client = boto3.client("lambda", REGION)
    kept = variables("pay")
    changed = {**kept, "DB_PASSWORD": VALUE + "-changed"}
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": changed})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    w.run()
    assert case_of(w).state == "ESCALATED" and "holds another value" in case_of(w).outcome
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": kept})
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")


READS: Mapping[str, tuple[dict[str, Any], str]] = {
    "by its name": ({}, "remove"),
    "by its ARN": ({"name": "arn:aws:ssm:us-east-1:123456789012:parameter{}"}, "remove"),
    "with a version": ({"name": "{}:1"}, "remove"),
    "among others": ({"call": "GetParameters"}, "remove"),
    "still encrypted": ({"withDecryption": False}, "observe"),
    "by somebody else": ({"role": "an-operator"}, "observe"),
    "of another": ({"name": "/suture/pay/latest/OTHER/C-1"}, "observe"),
}


@pytest.mark.parametrize("how", READS)
def test_only_the_functions_own_decrypting_read_counts(w: World, how: str) -> None:
    name = at(w, "reference")
    more, due = READS[how]
    invoked(w, "pay", 30)
    w.d.ahead += timedelta(minutes=11)
    given = {"name": name, "role": "pay-role", **more}
    reads_parameter(w, given.pop("name").format(name), given.pop("role"), **given)
    assert stage_of(w) == due


def test_a_role_that_reads_every_parameter_gets_nothing_but_its_key(w: World) -> None:
    """What a role may read already is not granted again; a customer key that it may not use is."""
    key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    chosen(w, kms_key=key)
    name = begin(w)
    wide = {"Effect": "Allow", "Action": "ssm:Get*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [wide]}
    boto3.client("iam").put_role_policy(RoleName="pay-role", PolicyName="wide", PolicyDocument=json.dumps(document))
    approve(w, "store")
    approve(w, "grant")
    (ours,) = (d for n, d in policies_of("pay-role").items() if n.startswith("suture-secret-"))
    decrypt = ours["Statement"][1]
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", key)
    assert decrypt["Condition"]["StringLike"] == {"kms:EncryptionContext:PARAMETER_ARN": arn}
    assert stage_of(w) == "reference"


def test_a_role_that_may_read_already_is_granted_nothing(w: World) -> None:
    begin(w)
    wide = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [wide]}
    boto3.client("iam").put_role_policy(RoleName="pay-role", PolicyName="wide", PolicyDocument=json.dumps(document))
    approve(w, "store")
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "reference")


def test_the_status_speaks_of_parameters(w: World) -> None:
    name = at(w, "reference")
    status, answer = w.api("oncall", "GET", "/cases/{id}", path_parameters={"id": case_of(w).id})
    found = secrets_status.told(json.loads(json.dumps(answer, default=str)))
    assert status == 200 and [s["stage"] for s in found["stages"]][2:5] == ["store", "grant", "reference"]
    code = "\n".join(str(c["text"]) for c in found["code"])
    assert "DB_PASSWORD_PARAMETER" in code and name in code and "secretsmanager" not in code
    assert any(name in step for step in found["rotation"][0]["steps"])
