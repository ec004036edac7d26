"""What changes on the way out: a new value is deployed, somebody rotates, a policy or a role is changed by hand."""

from __future__ import annotations

import json
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
    current,
    invoked,
    policies_of,
    reads_secret,
    stage_of,
    stored,
    variables,
)
from world import ACCOUNT, REGION, World, function

from chalicelib import messages
from chalicelib.chat import facts
from suture.cli import secrets_status

NEW = VALUE + "-2027"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pay-role"
WRITER = f"arn:aws:iam::{ACCOUNT}:role/suture-prod-remediate-secrets"


def store() -> Any:
    return boto3.client("secretsmanager", REGION)


def deploy(w: World, value: str) -> None:
    """Somebody deploys the function with this value, and CloudTrail tells of it."""
    both = {**variables("pay"), "DB_PASSWORD": value}
    boto3.client("lambda", REGION).update_function_configuration(FunctionName="pay", Environment={"Variables": both})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    assert w.run() == []


def led_to(w: World, stage: str) -> str:
    """Bring the case to where `stage` is due; answers with the secret's name."""
    function("pay", {"TABLE": "orders", "DB_PASSWORD": VALUE})
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    assert w.run() == []
    for due in ("store", "grant", "reference", "remove"):
        if due == "remove":
            used(w)
        if due == stage:
            break
        approve(w, due)
    return str(stored()[0]["Name"]) if stored() else ""


def used(w: World) -> None:
    assert stage_of(w) == "observe"
    invoked(w, "pay", 30)
    w.d.ahead += timedelta(minutes=11)
    reads_secret(w, "DB_PASSWORD", "pay-role")


def calls(w: World) -> list[str]:
    return [s["call"]["operation"].split(":")[1] for s in case_of(w).plan["steps"]]


def undo(w: World, role: str = "oncall") -> None:
    w.decide(role, case_of(w), "undo", "it broke", plan=case_of(w).stages[-1]["plan"]["digest"])


@pytest.mark.parametrize("stage", ["grant", "reference", "remove"])
def test_a_new_value_is_stored_by_approval_and_the_way_goes_on_where_it_was(w: World, stage: str) -> None:
    led_to(w, stage)
    before, policies = variables("pay"), policies_of("pay-role")
    first, _ = current("DB_PASSWORD")
    deploy(w, NEW)
    assert (case_of(w).state, stage_of(w), calls(w)) == ("PENDING", "store", ["PutSecretValue"])
    words = messages.text(case_of(w), facts.shown(), ("Olly",))
    assert "SecretString=(not shown)" in words and "undo: secretsmanager:UpdateSecretVersionStage" in words
    (told,) = case_of(w).told["store"]["secrets"]
    assert "becomes a new version; taken back by making the former one current again" in told["Does"]
    approve(w, "store")
    assert current("DB_PASSWORD")[1] == NEW
    assert stage_of(w) == stage
    undo(w)
    assert (case_of(w).state, current("DB_PASSWORD")) == ("UNDONE", (first, VALUE))
    assert (variables("pay"), policies_of("pay-role")) == ({**before, "DB_PASSWORD": NEW}, policies)
    w.decide("security", case_of(w), "continue", "go on")
    assert (case_of(w).state, stage_of(w), calls(w)) == ("PENDING", "store", ["UpdateSecretVersionStage"])
    approve(w, "store")
    assert (current("DB_PASSWORD")[1], stage_of(w)) == (NEW, stage)
    assert NEW not in json.dumps(w.items(), default=str)


def test_what_comes_back_to_the_variable_is_the_value_that_was_taken_away(w: World) -> None:
    led_to(w, "remove")
    deploy(w, NEW)
    approve(w, "store")
    approve(w, "remove")
    assert "DB_PASSWORD" not in variables("pay")
    undo(w)
    assert variables("pay")["DB_PASSWORD"] == NEW
    w.decide("security", case_of(w), "continue", "go on")
    approve(w, "remove")
    attest(w)
    assert (case_of(w).state, [s["stage"] for s in case_of(w).stages]) == (
        "RESOLVED",
        ["store", "grant", "reference", "store", "remove"],
    )


@pytest.mark.parametrize("between", [[], ["-a"], ["-a", "-b", "-c"]])
def test_a_value_that_was_stored_before_is_made_current_again(w: World, between: list[str]) -> None:
    """With three values between, the first has lost every label, and only the list of all versions has it."""
    led_to(w, "grant")
    first, _ = current("DB_PASSWORD")
    for end in [*between, "-last"]:
        deploy(w, VALUE + end)
        approve(w, "store")
    deploy(w, VALUE)
    assert (stage_of(w), calls(w)) == ("store", ["UpdateSecretVersionStage"])
    approve(w, "store")
    assert (current("DB_PASSWORD"), stage_of(w)) == ((first, VALUE), "grant")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_rotation_is_left_alone_however_old_the_value_in_the_variable_is(w: World, times: int) -> None:
    name = led_to(w, "grant")
    for number in range(times):
        store().put_secret_value(SecretId=name, SecretString=f"{VALUE} rotated {number}")
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "grant")
    approve(w, "grant")
    assert current("DB_PASSWORD")[1] == f"{VALUE} rotated {times - 1}"


def test_a_value_in_the_store_that_is_not_ours_is_never_overwritten(w: World) -> None:
    name = led_to(w, "reference")
    ours, _ = current("DB_PASSWORD")
    theirs = store().put_secret_value(SecretId=name, SecretString=VALUE + " rotated")["VersionId"]
    deploy(w, NEW)
    case = case_of(w)
    assert (case.state, stage_of(w)) == ("ESCALATED", "store") and "nothing is overwritten" in case.outcome
    assert current("DB_PASSWORD") == (theirs, VALUE + " rotated")
    labels = {"MoveToVersionId": ours, "RemoveFromVersionId": theirs}
    store().update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", **labels)
    w.sweep()
    assert (case_of(w).state, stage_of(w), calls(w)) == ("PENDING", "store", ["PutSecretValue"])
    approve(w, "store")
    assert current("DB_PASSWORD")[1] == NEW


def test_a_rotation_between_approval_and_the_call_wins(w: World) -> None:
    name = led_to(w, "reference")
    deploy(w, NEW)
    theirs = store().put_secret_value(SecretId=name, SecretString=VALUE + " rotated")["VersionId"]
    w.decide("oncall", case_of(w), "approve")
    assert current("DB_PASSWORD") == (theirs, VALUE + " rotated")
    assert case_of(w).state in ("ESCALATED", "SUPERSEDED")


def test_undo_takes_nothing_from_whoever_rotated_since(w: World) -> None:
    name = led_to(w, "reference")
    deploy(w, NEW)
    approve(w, "store")
    theirs = store().put_secret_value(SecretId=name, SecretString=VALUE + " rotated")["VersionId"]
    undo(w)
    assert (case_of(w).state, current("DB_PASSWORD")) == ("UNDO_FAILED", (theirs, VALUE + " rotated"))


def test_a_secret_of_another_case_is_not_touched(w: World) -> None:
    name = led_to(w, "grant")
    store().tag_resource(SecretId=name, Tags=[{"Key": "suture:case", "Value": "C-0"}])
    deploy(w, NEW)
    assert case_of(w).state == "ESCALATED" and "as its tags say" in case_of(w).outcome
    assert current("DB_PASSWORD")[1] == VALUE


def policy(name: str) -> dict[str, Any]:
    text = store().get_resource_policy(SecretId=name).get("ResourcePolicy")
    return json.loads(text) if text else {}


def readers(name: str) -> list[str]:
    (statement,) = policy(name)["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "secretsmanager:GetSecretValue")
    return list(statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"])


def test_nobody_reads_the_secret_but_the_function_and_whoever_takes_it_back(w: World) -> None:
    name = led_to(w, "grant")
    assert readers(name) == [ROLE, WRITER]
    undo(w)
    assert [s["Name"] for s in stored() if not s.get("DeletedDate")] == []
    w.decide("security", case_of(w), "continue", "go on")
    assert calls(w) == ["RestoreSecret"], "its policy comes back with it"
    approve(w, "store")
    assert (readers(name), stage_of(w)) == ([ROLE, WRITER], "grant")


def test_a_policy_that_is_gone_is_set_again_and_taken_back(w: World) -> None:
    name = led_to(w, "reference")
    store().delete_resource_policy(SecretId=name)
    w.sweep()
    assert (stage_of(w), calls(w)) == ("store", ["PutResourcePolicy"])
    approve(w, "store")
    assert (readers(name), stage_of(w)) == ([ROLE, WRITER], "reference")
    undo(w)
    assert (case_of(w).state, policy(name)) == ("UNDONE", {})


def test_another_role_of_the_function_is_let_in_and_the_first_one_is_not(w: World) -> None:
    name = led_to(w, "reference")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    other = boto3.client("iam").create_role(RoleName="new-role", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    boto3.client("lambda", REGION).update_function_configuration(FunctionName="pay", Role=other)
    w.sweep()
    assert (stage_of(w), calls(w)) == ("store", ["PutResourcePolicy"])
    approve(w, "store")
    assert (readers(name), stage_of(w)) == ([other, WRITER], "grant")
    undo(w)
    assert readers(name) == [ROLE, WRITER]


def test_a_policy_of_somebody_elses_stays_and_is_told(w: World) -> None:
    name = led_to(w, "reference")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}
    theirs = {"Version": "2012-10-17", "Statement": [{**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
    store().put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(theirs))
    w.sweep()
    approve(w, "reference")
    assert (stage_of(w), policy(name)) == ("observe", theirs)
    assert case_of(w).told["store"]["policies_of_others"] == [name]


def rotated(w: World, name: str) -> None:
    """Secrets Manager rotates by itself. moto needs no rotation function; the new version has no value."""
    store().rotate_secret(SecretId=name, RotationRules={"AutomaticallyAfterDays": 30})


def later(w: World) -> None:
    w.d.ahead += timedelta(minutes=61)
    w.sweep()


def test_native_rotation_ends_the_stage_by_itself_once_what_was_stored_is_out_of_use(w: World) -> None:
    name = led_to(w, "end")
    store().put_secret_value(SecretId=name, SecretString='{"username": "pay"}')
    later(w)
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate"), "a value put by hand is no rotation"
    rotated(w, name)
    later(w)
    case = case_of(w)
    assert (case.state, case.outcome, case.attested) == ("RESOLVED", "every stage is done", {})
    (told,) = case.told["rotate"]["rotations"]
    assert (told["Name"], told["By"]) == ("DB_PASSWORD", "AWS Secrets Manager") and told["At"]
    page = secrets_status.told({"case": json.loads(json.dumps(case.as_json(), default=str))})
    assert any("was rotated by AWS Secrets Manager" in line.plain for line in secrets_status._page(page))


def test_the_version_that_leaked_must_be_out_of_use(w: World) -> None:
    name = led_to(w, "end")
    rotated(w, name)
    later(w)
    assert stage_of(w) == "rotate", "with two users that alternate, the previous version still works"
    rotated(w, name)
    later(w)
    assert case_of(w).state == "RESOLVED"


def test_what_people_attest_counts_as_before(w: World) -> None:
    led_to(w, "end")
    attest(w)
    assert case_of(w).state == "RESOLVED"
