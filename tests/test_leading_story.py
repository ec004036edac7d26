"""A plaintext secret is led out of a function stage by stage, without breaking it; each can be taken back."""

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
    policies_of,
    reads_secret,
    stage_of,
    stored,
    variables,
)
from world import REGION, World, function, role

from chalicelib import messages
from chalicelib.aws.readers import lambda_function
from chalicelib.chat import facts
from chalicelib.errors import BadRequest

OTHERS = {"TABLE": "orders", "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "ODD": "ä=\n\t\"'"}


def begin(w: World) -> None:
    function("pay", {**OTHERS, "DB_PASSWORD": VALUE})
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    assert w.run() == []


def test_the_whole_way_out(w: World) -> None:
    begin(w)
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "store")
    words = messages.text(case_of(w), facts.shown(), ("Olly",))
    assert "Stage 3 of 10, store. Next: approvers." in words and "suture secrets status" in words
    approve(w, "store")
    (secret,) = stored()
    assert boto3.client("secretsmanager", REGION).get_secret_value(SecretId=secret["ARN"])["SecretString"] == VALUE
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "grant")
    approve(w, "grant")
    (document,) = policies_of("pay-role").values()
    assert [s["Resource"] for s in document["Statement"]] == [secret["ARN"]]
    words = messages.text(case_of(w), facts.shown(), ("Olly",))
    assert 'Environment=(not shown; {"set": {"DB_PASSWORD_SECRET_ARN": "arn:' in words
    approve(w, "reference")
    assert variables("pay") == {**OTHERS, "DB_PASSWORD": VALUE, "DB_PASSWORD_SECRET_ARN": secret["ARN"]}
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")
    invoked(w, "pay", 30)
    w.d.ahead = timedelta(minutes=11)
    reads_secret(w, "DB_PASSWORD", "pay-role")
    approve(w, "remove")
    assert variables("pay") == {**OTHERS, "DB_PASSWORD_SECRET_ARN": secret["ARN"]}
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate")
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate")
    attest(w)
    case = case_of(w)
    assert (case.state, case.outcome) == ("RESOLVED", "every stage is done")
    assert case.attested["rotate"]["by"] == "Olly" and case.attested["rotate"]["attested_by"] == "olly"
    assert [s["stage"] for s in case.stages] == ["store", "grant", "reference", "remove"]
    assert VALUE not in json.dumps(w.items(), default=str)


def at(w: World, stage: str) -> None:
    """Bring the case to the point where the plan of `stage` has been applied."""
    begin(w)
    for due in ("store", "grant", "reference", "remove"):
        if due == "remove":
            invoked(w, "pay", 30)
            w.d.ahead = timedelta(minutes=11)
            reads_secret(w, "DB_PASSWORD", "pay-role")
        approve(w, due)
        if due == stage:
            return


def back(w: World, stage: str, role: str = "oncall") -> None:
    digest = next(s["plan"]["digest"] for s in case_of(w).stages if s["stage"] == stage)
    w.decide(role, case_of(w), "undo", "it broke", plan=digest)


def seen(w: World) -> dict[str, object]:
    """What AWS holds: the function's variables, its role's policies, and which secrets are not going away."""
    alive = [s["Name"] for s in stored() if not s.get("DeletedDate")]
    return {"variables": variables("pay"), "policies": policies_of("pay-role"), "secrets": alive}


WHO = {"store": "oncall", "grant": "security", "reference": "oncall", "remove": "oncall"}


@pytest.mark.parametrize("stage", WHO)
def test_a_stage_is_taken_back_to_the_byte_and_taken_up_again(w: World, stage: str) -> None:
    stages = list(WHO)
    before = stages[stages.index(stage) - 1] if stage != "store" else ""
    if before:
        at(w, before)
        was = seen(w)
        if stage == "remove":
            invoked(w, "pay", 30)
            w.d.ahead = timedelta(minutes=11)
            reads_secret(w, "DB_PASSWORD", "pay-role")
    else:
        begin(w)
        was = seen(w)
    approve(w, stage)
    done = seen(w)
    assert done != was
    back(w, stage, WHO[stage])
    assert (case_of(w).state, case_of(w).outcome) == (
        "UNDONE",
        f"the stage {stage} is taken back: all is as it was before it",
    )
    assert seen(w) == was
    w.sweep()
    assert case_of(w).state == "UNDONE", "nobody is asked again about what was taken back"
    w.decide("security", case_of(w), "continue", "the code reads the store now")
    assert (case_of(w).state, stage_of(w)) == ("PENDING", stage)
    approve(w, stage)
    assert seen(w) == done


def test_stages_are_taken_back_the_last_one_first(w: World) -> None:
    at(w, "reference")
    with pytest.raises(BadRequest, match="the stage store cannot be taken back: reference came later"):
        back(w, "store")
    for stage in ("reference", "grant", "store"):
        back(w, stage, WHO[stage])
        assert (case_of(w).state, case_of(w).outcome[:20]) == ("UNDONE", f"the stage {stage} is taken back"[:20])
    assert seen(w) == {"variables": {**OTHERS, "DB_PASSWORD": VALUE}, "policies": {}, "secrets": []}
    with pytest.raises(BadRequest, match="nothing was applied"):
        w.decide("oncall", case_of(w), "undo", "again", plan=case_of(w).plan_digest)


def test_undo_of_remove_refuses_when_the_store_holds_another_value(w: World) -> None:
    at(w, "remove")
    (secret,) = stored()
    client = boto3.client("secretsmanager", REGION)
    for value in ("one", "two"):
        client.put_secret_value(SecretId=secret["ARN"], SecretString=value + VALUE)
    before = variables("pay")
    back(w, "remove")
    case = case_of(w)
    assert case.state in ("UNDO_FAILED", "UNDONE")
    assert variables("pay") in (before, {**before, "DB_PASSWORD": VALUE}), "the old value, or nothing was touched"


def test_what_the_owner_does_by_hand_counts(w: World) -> None:
    """Stages follow from what AWS says: a grant and a variable that somebody else made are as good as ours."""
    at(w, "store")
    (secret,) = stored()
    read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret["ARN"]}
    document = {"Version": "2012-10-17", "Statement": [read]}
    boto3.client("iam").put_role_policy(RoleName="pay-role", PolicyName="ours", PolicyDocument=json.dumps(document))
    client = boto3.client("lambda", REGION)
    both = {**variables("pay"), "DB_PASSWORD_SECRET_ARN": secret["ARN"]}
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": both})
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": OTHERS})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    w.run()
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate"), "the control is silent, and that is no end"


def test_a_deploy_that_brings_the_variable_back_brings_its_stage_back(w: World) -> None:
    at(w, "remove")
    assert stage_of(w) == "rotate"
    client = boto3.client("lambda", REGION)
    client.update_function_configuration(
        FunctionName="pay", Environment={"Variables": {**OTHERS, "DB_PASSWORD": VALUE}}
    )
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    w.run()
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "reference")


def test_two_secrets_go_together_and_a_third_joins_them(w: World) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    function("pay", {**OTHERS, "DB_PASSWORD": VALUE, "API_PASSWORD": VALUE + "x"})
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    w.run()
    approve(w, "store")
    approve(w, "grant")
    assert len(stored()) == 2 and len(policies_of("pay-role")) == 2
    both = {**variables("pay"), "MAIL_PASSWORD": token + "y"}
    boto3.client("lambda", REGION).update_function_configuration(FunctionName="pay", Environment={"Variables": both})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    w.run()
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "store")
    assert {_secret(s["call"]["parameters"]).split("/")[2] for s in case_of(w).plan["steps"]} == {"MAIL_PASSWORD"}
    for stage in ("store", "grant", "reference"):
        approve(w, stage)
    assert sorted(n for n in variables("pay") if n.endswith("_ARN")) == [
        "API_PASSWORD_SECRET_ARN",
        "DB_PASSWORD_SECRET_ARN",
        "MAIL_PASSWORD_SECRET_ARN",
    ]


def _secret(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("Name") or parameters["SecretId"])


def test_a_read_by_somebody_else_is_not_the_functions(w: World) -> None:
    at(w, "reference")
    invoked(w, "pay", 30)
    w.d.ahead = timedelta(minutes=11)
    reads_secret(w, "DB_PASSWORD", "an-operator")
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")


def test_a_risen_error_rate_stops_the_way(w: World) -> None:
    begin(w)
    invoked(w, "pay", 1000, hours_ago=30)
    for stage in ("store", "grant", "reference"):
        approve(w, stage)
    invoked(w, "pay", 100, errors=9)
    w.d.ahead = timedelta(minutes=11)
    reads_secret(w, "DB_PASSWORD", "pay-role")
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")


def test_a_boundary_that_keeps_the_role_from_reading_escalates(w: World) -> None:
    begin(w)
    boto3.client("iam").put_role_permissions_boundary(
        RoleName="pay-role", PermissionsBoundary=w.d.facts["boundary_arn"]
    )
    approve(w, "store")
    case = case_of(w)
    assert case.state == "ESCALATED" and "keeps it from reading the secret" in case.outcome
    boto3.client("iam").delete_role_permissions_boundary(RoleName="pay-role")
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "grant"), "when the reason is gone it goes on by itself"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"by": "", "at": "now", "reason": "x"}, 400),
        ({"by": "Olly", "at": "2001-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"by": "Olly", "at": "2099-01-01T00:00:00Z", "reason": "x"}, 400),
        (
            {
                "by": "Olly",
                "at": "NOW",
                "reason": "password=" + VALUE + " ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
            },
            400,
        ),
    ],
)
def test_an_attestation_says_who_and_when_and_no_secret(w: World, body: dict[str, str], status: int) -> None:
    at(w, "remove")
    now = w.d.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    full = json.dumps({"decision": "attest", **body, "at": body["at"].replace("NOW", now)})
    where = {"path_parameters": {"id": case_of(w).id}, "body": full}
    assert w.api("oncall", "POST", "/cases/{id}/decision", **where)[0] == status
    assert w.api("developer", "POST", "/cases/{id}/decision", **where)[0] == 403
    assert stage_of(w) == "rotate"


def test_a_function_that_is_gone_leaves_its_secret_to_be_rotated(w: World) -> None:
    at(w, "reference")
    boto3.client("lambda", REGION).delete_function(FunctionName="pay")
    w.change(FUNCTION, "pay", "lambda:DeleteFunction", deleted=True)
    w.run()
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "rotate")
    attest(w)
    assert (case_of(w).state, case_of(w).outcome) == ("RESOLVED", "the resource is gone")


def test_a_false_positive_is_suppressed_and_stays_quiet(w: World) -> None:
    begin(w)
    until = (w.d.now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    w.decide("oncall", case_of(w), "suppress", "a sample", until=until)
    w.sweep()
    assert case_of(w).state == "SUPPRESSED"
    assert stored() == []


def test_who_could_read_it_is_said_at_the_beginning(w: World) -> None:
    iam = boto3.client("iam")
    looks = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:Get*", "Resource": "*"}]}
    other = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
    role("auditor", policy=looks)
    role("photographer", policy=other)
    role("boss")
    managed = iam.create_policy(PolicyName="looks", PolicyDocument=json.dumps(looks))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="boss", PolicyArn=managed)
    iam.put_role_permissions_boundary(RoleName="auditor", PermissionsBoundary=managed)
    role("bounded", policy=looks)
    iam.put_role_permissions_boundary(
        RoleName="bounded", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    role("viewer")
    iam.attach_role_policy(RoleName="viewer", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    role("archivist")
    iam.attach_role_policy(RoleName="archivist", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.create_group(GroupName="ops")
    iam.attach_group_policy(GroupName="ops", PolicyArn="arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess")
    for name in ("ann", "bob", "eve"):
        iam.create_user(UserName=name)
    iam.add_user_to_group(GroupName="ops", UserName="ann")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=json.dumps(looks))
    begin(w)
    told = case_of(w).told["contain"]
    assert told["could_read_it"] == {
        "roles": ["auditor", "boss", "viewer"],
        "users": ["ann", "bob"],
        "groups": ["ops"],
        "not_looked_at": ["Session policies and resource control policies"],
    }
    assert (told["stacks"], told["versions_that_carry_it"]) == ([], [])


def test_an_environment_that_nobody_can_read_escalates(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    error = {"Error": {"ErrorCode": "KMSAccessDeniedException", "Message": "no"}}
    monkeypatch.setattr(lambda_function, "_environment", lambda configuration: error)
    begin(w)
    case = case_of(w)
    assert case.state == "ESCALATED" and "kms:Decrypt" in case.outcome
    monkeypatch.undo()
    w.sweep()
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "store")
