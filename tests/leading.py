"""Playing the way out of a secret in a small account: who approves, whose code reads the store, what is attested."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from world import ACCOUNT, REGION, World

from chalicelib.cases import Case
from suture.sandbox.mends import cloudtrail

CONTROL = "lambda-env-plaintext-secret"
FUNCTION = "AWS::Lambda::Function"
VALUE = "hunter2-" + "Tr0ub4dor&3"
APPROVERS = {"store": ("oncall",), "grant": ("security",), "reference": ("oncall",), "remove": ("oncall",)}
APPROVERS["prune"] = ("oncall", "security")


def case_of(w: World) -> Case:
    return w.case(CONTROL)


def stage_of(w: World) -> str:
    return str(case_of(w).standing["stage"])


def approve(w: World, stage: str) -> Case:
    """Have the plan of the stage that is due approved by those who may."""
    case = case_of(w)
    assert (case.state, stage_of(w), case.plan["stage"]) == ("PENDING", stage, stage), (case.state, case.outcome)
    for role in APPROVERS[stage]:
        w.decide(role, case_of(w), "approve")
    return case_of(w)


def reads_secret(w: World, name: str, role: str, times: int = 1) -> None:
    """The function's code takes the secret from the store; CloudTrail writes that down, and a rule hands it on."""
    arn = next(s["ARN"] for s in stored() if f"/{name}/" in s["Name"])
    for _ in range(times):
        detail = read_event(arn, role, w)
        cloudtrail.put_down(detail)
    w.send(
        "changes", {"detail-type": "AWS API Call via CloudTrail", "source": "aws.secretsmanager", **_envelope(detail)}
    )
    w.run()


def reads_parameter(w: World, name: str, role: str, call: str = "GetParameter", **more: Any) -> None:
    """The function's code takes the parameter from the store, and a rule hands on what CloudTrail wrote down."""
    given = {"name": name} if call == "GetParameter" else {"names": [name]}
    asked = {**given, "withDecryption": True, **more}
    of_ssm = {"eventSource": "ssm.amazonaws.com", "eventName": call, "requestParameters": asked}
    detail = {**read_event("", role, w), **of_ssm}
    cloudtrail.put_down(detail)
    w.send("changes", {"detail-type": "AWS API Call via CloudTrail", "source": "aws.ssm", **_envelope(detail)})
    w.run()


def parameters() -> dict[str, str]:
    """The values of all parameters that Suture stored, decrypted, by name."""
    client = boto3.client("ssm", region_name=REGION)
    pages = client.get_paginator("get_parameters_by_path").paginate(Path="/suture", Recursive=True, WithDecryption=True)
    return {p["Name"]: p["Value"] for page in pages for p in page["Parameters"]}


def read_event(arn: str, role: str, w: World) -> dict[str, Any]:
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "userName": role, "accountId": ACCOUNT}
    return {
        "eventVersion": "1.10",
        "eventID": str(uuid.uuid4()),
        "eventTime": (w.d.now() + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "GetSecretValue",
        "eventType": "AwsApiCall",
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "readOnly": True,
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/f",
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": issuer},
        },
        "requestParameters": {"secretId": arn},
        "responseElements": None,
    }


def _envelope(detail: dict[str, Any]) -> dict[str, Any]:
    where = {"version": "0", "id": str(uuid.uuid4()), "account": ACCOUNT, "region": REGION, "resources": []}
    return {**where, "time": detail["eventTime"], "detail": detail}


def invoked(w: World, function: str, invocations: int, errors: int = 0, hours_ago: float = 0) -> None:
    """CloudWatch's metrics of some invocations."""
    at = w.d.now() - timedelta(hours=hours_ago)
    names = {"Invocations": invocations, "Errors": errors}
    boto3.client("cloudwatch", region_name=REGION).put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
                "Timestamp": at.astimezone(UTC),
                "Value": value,
            }
            for name, value in names.items()
        ],
    )


def stored() -> list[dict[str, Any]]:
    client = boto3.client("secretsmanager", region_name=REGION)
    return list(client.list_secrets(IncludePlannedDeletion=True)["SecretList"])


def variables(name: str, qualifier: str = "$LATEST") -> dict[str, str]:
    client = boto3.client("lambda", region_name=REGION)
    found = client.get_function_configuration(FunctionName=name, Qualifier=qualifier)
    return dict(found.get("Environment", {}).get("Variables", {}))


def current(name: str) -> tuple[str, str]:
    """The id and the value of the version that the store gives out for one variable."""
    client = boto3.client("secretsmanager", region_name=REGION)
    arn = next(s["ARN"] for s in stored() if f"/{name}/" in s["Name"])
    found = client.get_secret_value(SecretId=arn)
    return str(found["VersionId"]), str(found["SecretString"])


def policies_of(role: str) -> dict[str, Any]:
    iam = boto3.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {n: iam.get_role_policy(RoleName=role, PolicyName=n)["PolicyDocument"] for n in names}


def attest(
    w: World, role: str = "oncall", by: str = "Olly", at: datetime | None = None, how: str = "new password"
) -> None:
    """Say who rotated the secret, and when."""
    when = (at or w.d.now()).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"decision": "attest", "by": by, "at": when, "reason": how}
    status, answer = w.api(
        role, "POST", "/cases/{id}/decision", path_parameters={"id": case_of(w).id}, body=json.dumps(body)
    )
    assert status == 200, answer
    w.run()


def taken_up(w: World, name: str) -> None:
    """The function reads its secret as CloudTrail and CloudWatch tell it."""
    arn_ = next(s["ARN"] for s in stored() if f"/{name}/" in s["Name"])
    cloudtrail.put_down(read_event(arn_, f"{name}-role", w))
    invoked(w, name, 30)


def stage_state(case: Case) -> str:
    """What AWS holds of one stage of a way out."""
    plan, name = case.plan or {}, case.resource_id
    found = boto3.client("lambda", region_name=REGION).get_function_configuration(FunctionName=name)
    variables = found["Environment"]["Variables"]
    policies = boto3.client("iam").list_role_policies(RoleName=f"{name}-role")["PolicyNames"]
    done = {
        "grant": any(p.startswith("suture-read-") for p in policies),
        "reference": "DB_PASSWORD_SECRET_ARN" in variables,
        "remove": "DB_PASSWORD" not in variables,
    }
    return "new" if done[plan["stage"]] else "old"
