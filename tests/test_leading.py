"""The pieces of the way out: what may be granted and written, what is counted as read, and the owner's text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib import events, proofs
from chalicelib.containing import plain_parameters, stack_of, who_reads
from chalicelib.leading import (
    differing,
    grant,
    grants_take_effect,
    led_out,
    read_grants,
    references,
    taken_names,
)
from chalicelib.model import Call, Resource
from chalicelib.observing import health, secret_reads, taken_up
from suture import render
from suture.codechange import changes
from suture.rotation import instructions
from suture.sandbox import patterns

HERE = "us-east-1:123456789012"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:suture/pay/DB_PASSWORD/C-1-AbCdEf"
KEY = f"arn:aws:kms:{HERE}:key/1234-abcd"
ROLE = "arn:aws:iam::123456789012:role/teams/pay-role"
VERSIONS = [("$LATEST", "$LATEST"), ("1", "1"), ("2", "2"), ("prod", "2")]
CONFIG = {"Role": ROLE, "Qualifiers": [{"Qualifier": q, "FunctionVersion": v} for q, v in VERSIONS]}
FUNCTION = Resource(
    "AWS::Lambda::Function", f"arn:aws:lambda:{HERE}:function:pay", "pay", "123456789012", "us-east-1", CONFIG
)


def put(document: Any, role: str = "pay-role", name: str = "suture-read-C-1-abcd") -> Call:
    text = document if isinstance(document, str) else json.dumps(document)
    return Call("iam:PutRolePolicy", {"RoleName": role, "PolicyName": name, "PolicyDocument": text})


def changed(**more: Any) -> dict[str, Any]:
    document = grant({"ARN": SECRET}, "us-east-1")
    return {**document, "Statement": [{**document["Statement"][0], **more}]}


ALLOWED = {
    "one secret": put(grant({"ARN": SECRET}, "us-east-1")),
    "with its key": put(grant({"ARN": SECRET, "KmsKeyId": KEY}, "us-east-1")),
}
REFUSED = {
    "every secret": put(changed(Resource="*")),
    "many secrets": put(changed(Resource=SECRET[:-6] + "*")),
    "another function's": put(changed(Resource=SECRET.replace("/pay/", "/orders/"))),
    "nobody's of ours": put(changed(Resource=SECRET.replace("suture/pay", "prod/pay"))),
    "another account's": put(changed(Resource=SECRET.replace("123456789012", "210987654321"))),
    "more actions": put(changed(Action=["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"])),
    "everything": put(changed(Action="*")),
    "a second statement": put(
        {**changed(), "Statement": [*changed()["Statement"], {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    ),
    "every key": put(
        grant({"ARN": SECRET, "KmsKeyId": KEY}, "us-east-1")
        | {"Statement": [changed()["Statement"][0], {"Resource": "*"}]}
    ),
    "another role": put(grant({"ARN": SECRET}, "us-east-1"), role="admin"),
    "a policy of others": put(grant({"ARN": SECRET}, "us-east-1"), name="inline"),
    "no JSON": put("{"),
    "a list": put("[]"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_reading_its_own_secret_may_be_granted(name: str) -> None:
    assert proofs.unproved((ALLOWED[name],), FUNCTION) == ""


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_may(name: str) -> None:
    assert proofs.unproved((REFUSED[name],), FUNCTION)


LATE = {"late": "=x", "each": None, "fingerprint": "hmac:1"}
FRESH = {"fresh": "=resource.config.RevisionId", "each": None}
UPDATE = {"FunctionName": "pay", "Environment": LATE, "RevisionId": FRESH}


@pytest.mark.parametrize(
    ("operation", "parameters", "is_proved"),
    [
        ("lambda:UpdateFunctionConfiguration", UPDATE, True),
        ("lambda:UpdateFunctionConfiguration", {**UPDATE, "Role": ROLE}, False),
        ("lambda:UpdateFunctionConfiguration", {**UPDATE, "RevisionId": "1"}, False),
        ("lambda:UpdateFunctionConfiguration", {**UPDATE, "Environment": {"Variables": {}}}, False),
        ("lambda:DeleteFunction", {"FunctionName": "pay", "Qualifier": "1"}, True),
        ("lambda:DeleteFunction", {"FunctionName": "pay", "Qualifier": "2"}, False),
        ("lambda:DeleteFunction", {"FunctionName": "pay", "Qualifier": "prod"}, False),
        ("lambda:DeleteFunction", {"FunctionName": "pay", "Qualifier": "$LATEST"}, False),
        ("lambda:DeleteFunction", {"FunctionName": "pay", "Qualifier": "7"}, False),
        ("lambda:DeleteFunction", {"FunctionName": "pay"}, False),
        ("lambda:DeleteFunction", {"FunctionName": "orders", "Qualifier": "1"}, False),
    ],
)
def test_only_the_environment_and_only_idle_versions(operation: str, parameters: Any, is_proved: bool) -> None:
    assert (proofs.unproved((Call(operation, parameters),), FUNCTION) == "") is is_proved


EVIDENCE = [
    {"Qualifier": None, "Name": "DB_PASSWORD", "Kind": "password", "Confidence": "likely"},
    {"Qualifier": "1", "Name": "DB_PASSWORD", "Kind": "password", "Confidence": "likely"},
    {"Qualifier": "2", "Unknown": "no key"},
]


def function_with(**variables: str) -> dict[str, Any]:
    entry = {"Qualifier": "$LATEST", "Environment": {"Variables": variables}}
    return {"id": "pay", "arn": FUNCTION.arn, "region": "us-east-1", "config": {"Qualifiers": [entry]}}


def stored(item: Mapping[str, Any], **answer: Any) -> list[dict[str, Any]]:
    return [{"item": item, "found": {"ARN": SECRET, "Mark": "hmac:arn", **answer}}]


def test_only_what_latest_holds_is_led_out_and_its_token_stands_for_its_value() -> None:
    (one,) = led_out(function_with(DB_PASSWORD="hmac:1"), EVIDENCE, "C-1")
    (other,) = led_out(function_with(DB_PASSWORD="hmac:2"), EVIDENCE, "C-1")
    assert one["Secret"] == "suture/pay/DB_PASSWORD/C-1"
    assert one["Token"] != other["Token"] and len(one["Token"]) == 64


def test_a_version_of_somebody_elses_is_a_rotation_and_one_of_ours_another_value() -> None:
    (item,) = led_out(function_with(DB_PASSWORD="hmac:1"), EVIDENCE, "C-1")
    ours, theirs = {"f" * 64: ["AWSCURRENT"]}, {"a-uuid": ["AWSCURRENT"], "f" * 64: ["AWSPREVIOUS"]}
    assert differing(stored(item, VersionIdsToStages={item["Token"]: ["AWSPREVIOUS"]})) == []
    assert differing(stored(item, VersionIdsToStages=theirs)) == []
    assert differing(stored(item, VersionIdsToStages=ours)) == [item]


def test_a_reference_with_another_value_is_missing_and_its_name_taken() -> None:
    (item,) = led_out(function_with(DB_PASSWORD="hmac:1"), EVIDENCE, "C-1")
    right = function_with(DB_PASSWORD="hmac:1", DB_PASSWORD_SECRET_ARN="hmac:arn")
    wrong = function_with(DB_PASSWORD="hmac:1", DB_PASSWORD_SECRET_ARN="hmac:else")
    assert references(right, stored(item)) == {}
    assert references(wrong, stored(item)) == {"DB_PASSWORD_SECRET_ARN": SECRET}
    assert taken_names(wrong, references(wrong, stored(item))) == ["DB_PASSWORD_SECRET_ARN"]


def test_a_role_that_may_read_already_gets_nothing() -> None:
    def role(*documents: Any) -> dict[str, Any]:
        policies = [{"PolicyName": str(n), "PolicyDocument": d} for n, d in enumerate(documents)]
        return {"id": "r", "arn": ROLE, "config": {"RolePolicyList": policies, "AttachedManagedPolicies": []}}

    wide = {"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*"}
    secrets = stored({"Name": "A", "Token": "t"})
    assert (
        read_grants({"region": "us-east-1"}, secrets, role({"Version": "2012-10-17", "Statement": [wide]}), "C-1") == []
    )
    (made,) = read_grants({"region": "us-east-1"}, secrets, role(), "C-1")
    assert json.loads(made["PolicyDocument"])["Statement"][0]["Resource"] == SECRET


BY_STORE = {
    "secretsmanager": ({"Name": "A", "Token": "t"}, {"ARN": SECRET}, "secretsmanager:GetSecretValue"),
    "ssm": (
        {"Name": "A", "Arn": f"arn:aws:ssm:{HERE}:parameter/suture/pay/latest/A/C-1"},
        {"Reference": "/suture/pay/latest/A/C-1", "KmsKeyId": KEY},
        "ssm:GetParameter",
    ),
}


@pytest.mark.parametrize("store", BY_STORE)
def test_what_a_role_may_under_a_condition_is_granted_and_not_taken_for_denied(store: str) -> None:
    """Nobody knows here from where a function's requests come, so such a condition decides nothing."""
    item, found, action = BY_STORE[store]
    secrets, where = [{"item": item, "found": found}], {"aws:SourceVpc": "vpc-1"}
    of_pay = {"region": "us-east-1", "arn": FUNCTION.arn, "account": "123456789012"}

    def role(effect: str, operator: str) -> dict[str, Any]:
        bound = {"Effect": effect, "Action": action, "Resource": "*", "Condition": {operator: where}}
        policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [bound]}}
        return {"id": "r", "arn": ROLE, "config": {"RolePolicyList": [policy], "AttachedManagedPolicies": []}}

    allows, denies = role("Allow", "StringEquals"), role("Deny", "StringNotEquals")
    assert len(read_grants(of_pay, secrets, allows, "C-1", store)) == 1
    grants = read_grants(of_pay, secrets, denies, "C-1", store)
    assert grants_take_effect(denies, secrets, grants, store)


SINCE = "2026-01-02T10:30:00Z"


def event(at: str, role: str = ROLE, secret: str = SECRET, **more: Any) -> dict[str, str]:
    record = {
        "eventName": "GetSecretValue",
        "eventTime": at,
        "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": role}}},
        "requestParameters": {"secretId": secret},
        **more,
    }
    return {"CloudTrailEvent": json.dumps(record)}


@pytest.mark.parametrize(
    ("one", "reads"),
    [
        (event("2026-01-02T10:31:00Z"), 1),
        (event("2026-01-02T10:31:00Z", secret="suture/pay/DB_PASSWORD/C-1"), 1),
        (event("2026-01-02T10:29:00Z"), 0),
        (event("2026-01-02T10:31:00Z", role=ROLE + "2"), 0),
        (event("2026-01-02T10:31:00Z", secret=SECRET + "x"), 0),
        (event("2026-01-02T10:31:00Z", errorCode="AccessDenied"), 0),
        (event("2026-01-02T10:31:00Z", requestParameters=None), 0),
        (event("2026-01-02T10:31:00Z", userIdentity={"type": "Root"}), 0),
        ({"CloudTrailEvent": "{"}, 0),
        ({}, 0),
    ],
)
def test_which_events_are_the_functions_own_reads(one: Any, reads: int) -> None:
    secrets = stored({"Name": "DB_PASSWORD", "Secret": "suture/pay/DB_PASSWORD/C-1"})
    assert [r["Reads"] for r in secret_reads([one], {"arn": ROLE}, secrets, SINCE)] == [reads]


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        (SECRET, "pay"),
        ("suture/pay/DB_PASSWORD/C-1", "pay"),
        ("prod/db", ""),
        (SECRET.replace("suture/pay", "prod/pay"), ""),
        ("suture/pay", ""),
        ("suture/a b/X/C-1", ""),
    ],
)
def test_a_read_of_what_suture_stored_says_where_to_look_and_accuses_nobody(secret: str, found: str) -> None:
    record = json.loads(event(SINCE, secret=secret)["CloudTrailEvent"])
    detail = {**record, "eventSource": "secretsmanager.amazonaws.com", "eventType": "AwsApiCall", "readOnly": True}
    detail |= {"recipientAccountId": "123456789012", "awsRegion": "us-east-1", "eventID": "e"}
    envelope = {"source": "aws.secretsmanager", "detail-type": "AWS API Call via CloudTrail", "detail": detail}
    reading = events.read({"version": "0", "id": "e", "account": "123456789012", "region": "us-east-1", **envelope})
    assert [(c.resource_id, c.via, c.principal) for c in reading.changes] == ([(found, "read", None)] if found else [])


PARAMETER = "/suture/pay/latest/DB_PASSWORD/C-1"


@pytest.mark.parametrize(
    ("call", "asked", "found"),
    [
        ("GetParameter", {"name": PARAMETER}, "pay"),
        ("GetParameter", {"name": f"{PARAMETER}:1"}, "pay"),
        ("GetParameter", {"name": f"arn:aws:ssm:{HERE}:parameter{PARAMETER}"}, "pay"),
        ("GetParameters", {"names": ["/prod/db", PARAMETER]}, "pay"),
        ("GetParameter", {"name": "/suture/webhook-secret"}, ""),
        ("GetParameter", {"name": "/prod/db"}, ""),
        ("GetParameters", {"names": []}, ""),
        ("GetParameters", {"names": [None, {"a": 1}, 7]}, ""),
        ("GetParameter", None, ""),
        ("GetParametersByPath", {"path": "/suture/pay"}, ""),
    ],
)
def test_a_read_of_a_parameter_that_suture_stored_says_where_to_look(call: str, asked: Any, found: str) -> None:
    record = json.loads(event(SINCE, eventName=call, requestParameters=asked)["CloudTrailEvent"])
    detail = {**record, "eventSource": "ssm.amazonaws.com", "eventType": "AwsApiCall", "readOnly": True}
    detail |= {"recipientAccountId": "123456789012", "awsRegion": "us-east-1", "eventID": "e"}
    envelope = {"source": "aws.ssm", "detail-type": "AWS API Call via CloudTrail", "detail": detail}
    reading = events.read({"version": "0", "id": "e", "account": "123456789012", "region": "us-east-1", **envelope})
    assert [(c.resource_id, c.via, c.principal) for c in reading.changes] == ([(found, "read", None)] if found else [])
    matched = [p for p in render._STORED_READS.values() if patterns.matches(p, {**envelope, "detail": detail})]
    assert bool(matched) == bool(found), "the rule that hands reads on asks for the same"


def counted(errors: tuple[float, float], invocations: tuple[float, float]) -> dict[str, Any]:
    hours = ["2026-01-02T09:00:00+00:00", "2026-01-02T10:00:00+00:00"]
    found = (("errors", errors), ("invocations", invocations))
    return health([{"Id": name, "Timestamps": hours, "Values": list(values)} for name, values in found], SINCE)


@pytest.mark.parametrize(
    ("errors", "invocations", "risen"),
    [((0, 0), (100, 100), False), ((5, 5), (100, 100), False), ((0, 1), (100, 100), False), ((0, 2), (100, 100), True),
     ((9, 0), (100, 100), False), ((0, 0), (0, 0), False), ((0, 1), (0, 10), True)],
)  # fmt: skip
def test_whether_an_error_rate_rose(errors: Any, invocations: Any, risen: bool) -> None:
    assert counted(errors, invocations)["Risen"] is risen


@pytest.mark.parametrize(
    ("reads", "invocations", "now", "done"),
    [(1, 20, SINCE, True), (0, 20, SINCE, False), (1, 19, SINCE, False), (1, 0, "2026-01-05T10:30:00Z", True),
     (1, 0, "2026-01-05T10:29:59Z", False)],
)  # fmt: skip
def test_often_or_long_enough(reads: int, invocations: int, now: str, done: bool) -> None:
    well = counted((0, 0), (0, invocations))
    assert taken_up([{"Reads": reads}], well, SINCE, now, {"invocations": 20, "days": 3}) is done


def test_who_could_read_a_variable() -> None:
    def role(name: str, action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {"RoleName": name, "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": document}], **more}

    roles = [
        role("auditor", "lambda:GetFunctionConfiguration", FUNCTION.arn),
        role("lister", "lambda:List*"),
        role("other", "lambda:GetFunction", FUNCTION.arn.replace("pay", "orders")),
        role("writer", "s3:*"),
        role("viewer", "s3:*", AttachedManagedPolicies=[{"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]),
        {"RoleName": "odd", "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": "?"}}]},
    ]
    assert who_reads(FUNCTION.arn, roles, []) == ["auditor", "lister", "odd", "viewer"]


def test_the_stack_and_its_parameters_in_plain_sight() -> None:
    assert stack_of({"aws:cloudformation:stack-name": "shop"}) == ["shop"] and stack_of({}) == []
    parameters = [{"Name": "Password", "NoEcho": False}, {"Name": "Token", "NoEcho": True}]
    assert plain_parameters([{"item": "shop", "found": {"Parameters": parameters}}, {"item": "x", "found": None}]) == [
        "Password"
    ]


WHERE = {
    "secretsmanager": (SECRET, "DB_PASSWORD_SECRET_ARN", "put-secret-value"),
    "ssm": ("/suture/pay/latest/DB_PASSWORD/C-1", "DB_PASSWORD_PARAMETER", "put-parameter"),
    "azure-key-vault": ("https://v.vault.azure.net/secrets/s", "DB_PASSWORD_SECRET_URL", "az keyvault secret set"),
    "gcp-secret-manager": ("projects/p/secrets/s", "DB_PASSWORD_SECRET_NAME", "gcloud secrets versions add"),
}


@pytest.mark.parametrize("store", WHERE)
@pytest.mark.parametrize("runtime", ["python3.12", "nodejs20.x", "java21"])
@pytest.mark.parametrize("tool", ["", "cloudformation", "cdk", "terraform", "serverless"])
def test_the_owners_text_is_of_the_store(store: str, runtime: str, tool: str) -> None:
    reference, variable, _ = WHERE[store]
    found = changes(runtime, "DB_PASSWORD", reference, tool, "pay-role", store, FUNCTION.arn)
    templates = [c.text for c in found if c.language in ("yaml", "typescript", "hcl")]
    assert len(templates) == (1 if tool else 4) and all(variable in t and reference in t for t in templates)
    assert all(variable in c.text for c in found if c.language != "sh")
    assert [c for c in found if runtime.startswith(c.language)] or not runtime.startswith("python")


@pytest.mark.parametrize("store", WHERE)
def test_proposed_python_is_python_and_grants_are_exact(store: str) -> None:
    reference = WHERE[store][0]
    found = changes("python3.12", "DB_PASSWORD", reference, "terraform", "r", store, FUNCTION.arn)
    for change in found:
        if change.language == "python":
            compile(change.text, "proposed", "exec")
    granted = {"ssm": f"arn:aws:ssm:{HERE}:parameter{reference}", "secretsmanager": SECRET}.get(store)
    assert granted is None or f'Resource = "{granted}"' in found[-1].text


@pytest.mark.parametrize("store", WHERE)
def test_the_new_value_goes_into_the_same_store(store: str) -> None:
    reference, _, command = WHERE[store]
    (put,) = (step for step in instructions("password", reference, store) if step.startswith("Put the new value"))
    assert command in put and reference.rpartition("/secrets/")[2] in put
    assert ("Secrets Manager can" in " ".join(instructions("password", reference, store))) == (
        store == "secretsmanager"
    )


@pytest.mark.parametrize("runtime", ["python3.12", "nodejs20.x", "java21", "provided.al2023", ""])
@pytest.mark.parametrize("tool", ["", "cloudformation", "cdk", "terraform", "serverless"])
def test_the_owners_text_names_the_variable_and_the_secret(runtime: str, tool: str) -> None:
    found = changes(runtime, "DB_PASSWORD", SECRET, tool, "pay-role")
    assert all("DB_PASSWORD_SECRET_ARN" in c.text for c in found)
    assert any(SECRET in c.text for c in found)
    assert len([c for c in found if SECRET in c.text]) == (1 if tool else 4)


def test_the_python_that_is_proposed_is_python() -> None:
    (code, *_) = changes("python3.12", "DB_PASSWORD", SECRET, "", "r")
    compile(code.text, "proposed", "exec")


@pytest.mark.parametrize(
    ("kind", "word"),
    [("github-token", "GitHub"), ("aws-access-key-id", "access-key"), ("stripe-key", "Stripe"),
     ("slack-token", "slack"), ("url-password", "ALTER USER"), ("password", "ALTER USER"),
     ("private-key", "certificate"), ("zoom-key", "issued")],
)  # fmt: skip
def test_how_each_kind_is_rotated(kind: str, word: str) -> None:
    steps = instructions(kind, SECRET)
    assert word in " ".join(steps) and any(SECRET in step for step in steps)
