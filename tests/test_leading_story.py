"""A plaintext secret is led out of a function stage by stage, without breaking it; each can be taken back."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
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
from world import REGION, World, function

OTHERS = {"TABLE": "orders", "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "ODD": "ä=\n\t\"'"}


def begin(w: World) -> None:
    function("pay", {**OTHERS, "DB_PASSWORD": VALUE})
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    assert w.run() == []


def test_the_whole_way_out(w: World) -> None:
    begin(w)
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "store")
    approve(w, "store")
    (secret,) = stored()
    assert boto3.client("secretsmanager", REGION).get_secret_value(SecretId=secret["ARN"])["SecretString"] == VALUE
    assert (case_of(w).state, stage_of(w)) == ("PENDING", "grant")
    approve(w, "grant")
    (document,) = policies_of("pay-role").values()
    assert [s["Resource"] for s in document["Statement"]] == [secret["ARN"]]
    approve(w, "reference")
    assert variables("pay") == {**OTHERS, "DB_PASSWORD": VALUE, "DB_PASSWORD_SECRET_ARN": secret["ARN"]}
    assert (case_of(w).state, stage_of(w)) == ("WAITING_OWNER", "observe")
    invoked(w, "pay", 30)
    w.d.ahead = timedelta(hours=2)
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
