"""What the store has of a secret, what may be written there, and when a rotation is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import proofs
from chalicelib.errors import Escalation
from chalicelib.model import Call, Resource
from chalicelib.stores import only_readers
from chalicelib.storing import all_rotated, guarded_by_others, in_doubt, led, rotations, stored_as, unguarded

HERE = "us-east-1:123456789012"
ARN = f"arn:aws:lambda:{HERE}:function:pay"
ROLE = "arn:aws:iam::123456789012:role/teams/pay-role"
WRITER = "arn:aws:iam::123456789012:role/suture-prod-remediate-secrets"
ITEM = {"Name": "A", "Kind": "password", "Confidence": "likely", "Secret": "suture/pay/A/C-1", "Token": "a" * 64}
OURS, OTHER, THEIRS = "a" * 64, "b" * 64, "0b9a-uuid"
TAGS = [{"Key": "suture:case", "Value": "C-1"}, {"Key": "suture:function", "Value": ARN}]
FUNCTION = Resource("AWS::Lambda::Function", ARN, "pay", "123456789012", "us-east-1", {"Role": ROLE})


def held(tags: Any = TAGS, deleted: str = "", **labels: str) -> dict[str, Any]:
    by_name = {"ours": OURS, "other": OTHER, "theirs": THEIRS}
    stages = {by_name[name]: [stage] for name, stage in labels.items()}
    return {"item": ITEM, "found": {"VersionIdsToStages": stages, "Tags": tags, "DeletedDate": deleted or None}}


def versions(*ids: str) -> list[dict[str, Any]]:
    return [{"item": ITEM, "found": {"Ids": list(ids)}}]


NOW, OLD = "AWSCURRENT", "AWSPREVIOUS"
STATES = [
    ({"item": ITEM, "found": None}, [], "missing", ""),
    (held(ours=NOW), [], "held", OURS),
    (held(ours=OLD, other=NOW), [], "former", OTHER),
    (held(other=NOW), versions(OURS, OTHER), "former", OTHER),
    (held(other=NOW), versions(OTHER), "other", OTHER),
    (held(ours=OLD, theirs=NOW), [], "rotated", THEIRS),
    (held(theirs=NOW), versions(OURS, THEIRS), "rotated", THEIRS),
    (held(theirs=NOW, other=OLD), versions(OTHER, THEIRS), "taken", THEIRS),
    (held(theirs=NOW), [{"item": ITEM, "found": None}], "taken", THEIRS),
    (held(ours=OLD), [], "taken", ""),
    (held(), [], "taken", ""),
    (held(tags=None, ours=NOW), [], "foreign", OURS),
    (held(tags=[{"Key": "suture:case", "Value": "C-2"}, TAGS[1]], other=NOW), [], "foreign", OTHER),
    (held(tags=[TAGS[0], {"Key": "suture:function", "Value": ARN + "2"}], ours=NOW), [], "foreign", OURS),
]


@pytest.mark.parametrize(("secret", "known", "state", "former"), STATES)
def test_what_the_store_has(secret: Any, known: Any, state: str, former: str) -> None:
    (found,) = stored_as([secret], known, ARN, "C-1")
    assert (found["Is"], found["Former"], found["Open"]) == (state, former, state not in ("held", "rotated"))
    assert found["Token"] == OURS and found["Does"]


def test_a_secret_that_is_to_be_deleted_is_open_whatever_it_holds() -> None:
    (found,) = stored_as([held(deleted="2027-01-01", ours=NOW)], [], ARN, "C-1")
    assert (found["Is"], found["Deleted"], found["Open"]) == ("held", True, True)


def test_only_what_is_in_doubt_is_asked_about() -> None:
    assert in_doubt([held(ours=NOW), {"item": ITEM, "found": None}]) == []
    assert in_doubt([held(ours=OLD, other=NOW)]) == [ITEM]


def test_what_was_led_out_once_is_told_for_ever() -> None:
    before = [{"Name": "B", "Kind": "password", "Confidence": "likely"}]
    now = stored_as([held(ours=NOW)], [], ARN, "C-1")
    assert [s["Name"] for s in led(now, before)] == ["B", "A"]
    assert led([], None) == [] and led([], before) == before
    assert "Token" not in led(now, None)[0]


MINE = json.dumps(only_readers(ROLE, [WRITER]))
FORMER = json.dumps(only_readers(ROLE + "-old", [WRITER]))
THEIR_OWN = [
    "{}",
    "{",
    "[]",
    json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}),
    json.dumps({**json.loads(MINE), "Statement": json.loads(MINE)["Statement"] * 2}),
    MINE.replace("GetSecretValue", "*"),
]


def policies(text: str | None) -> list[dict[str, Any]]:
    return [{"item": ITEM, "found": {"Policy": text}}]


@pytest.mark.parametrize(
    ("secret", "read", "made", "former"),
    [
        ({"item": ITEM, "found": None}, [], [True], None),
        (held(ours=NOW), policies(None), [False], None),
        (held(ours=NOW), policies(FORMER), [False], FORMER),
        (held(ours=NOW), policies(MINE), [], None),
        (held(ours=NOW), [{"item": ITEM, "found": None}], [], None),
        (held(deleted="2027-01-01", ours=NOW), [], [], None),
        *[(held(ours=NOW), policies(text), [], None) for text in THEIR_OWN],
    ],
)
def test_which_secrets_get_the_policy(secret: Any, read: Any, made: list[bool], former: str | None) -> None:
    found = unguarded(stored_as([secret], [], ARN, "C-1"), read, ROLE, [WRITER])
    assert [f["Made"] for f in found] == made
    assert [(f["Former"], json.loads(f["Policy"])) for f in found] == [(former, json.loads(MINE))] * len(made)


def test_a_policy_of_somebody_elses_is_told() -> None:
    assert guarded_by_others(policies(MINE)) == guarded_by_others(policies(None)) == []
    assert all(guarded_by_others(policies(text)) == [ITEM["Secret"]] for text in THEIR_OWN)


@pytest.mark.parametrize("readers", [[None], [WRITER, "everyone"], [WRITER, "arn:aws:iam::123456789012:role/*"]])
def test_a_reader_is_one_role(readers: list[str | None]) -> None:
    with pytest.raises(Escalation):
        unguarded(stored_as([held(ours=NOW)], [], ARN, "C-1"), policies(None), ROLE, readers)


LATE = {"late": "=x", "each": None, "fingerprint": "hmac:1"}
NAME = {"SecretId": "suture/pay/A/C-1"}
PUT = {**NAME, "SecretString": LATE, "ClientRequestToken": OURS}
MOVE = {**NAME, "VersionStage": NOW, "MoveToVersionId": OURS, "RemoveFromVersionId": OTHER}
GUARD = {**NAME, "ResourcePolicy": MINE, "BlockPublicPolicy": True}


@pytest.mark.parametrize(
    ("operation", "parameters", "read", "is_proved"),
    [
        ("PutSecretValue", PUT, [], True),
        ("PutSecretValue", {**PUT, "SecretId": "suture/orders/A/C-1"}, [], False),
        ("PutSecretValue", {**PUT, "SecretId": "prod/db"}, [], False),
        ("PutSecretValue", {**PUT, "SecretString": "word"}, [], False),
        ("UpdateSecretVersionStage", MOVE, [], True),
        ("UpdateSecretVersionStage", {**MOVE, "MoveToVersionId": THEIRS}, [], False),
        ("UpdateSecretVersionStage", {**MOVE, "VersionStage": "AWSPENDING"}, [], False),
        ("UpdateSecretVersionStage", {**MOVE, "SecretId": "prod/db"}, [], False),
        ("PutResourcePolicy", GUARD, policies(None), True),
        ("PutResourcePolicy", GUARD, policies(FORMER), True),
        ("PutResourcePolicy", GUARD, policies(THEIR_OWN[3]), False),
        ("PutResourcePolicy", GUARD, [{"item": ITEM, "found": None}], False),
        ("PutResourcePolicy", GUARD, [], False),
        ("PutResourcePolicy", {**GUARD, "SecretId": "suture/pay/B/C-1"}, policies(None), False),
        ("PutResourcePolicy", {**GUARD, "ResourcePolicy": FORMER}, policies(None), False),
        ("PutResourcePolicy", {**GUARD, "ResourcePolicy": MINE.replace("Deny", "Allow")}, policies(None), False),
    ],
)
def test_what_may_be_written(operation: str, parameters: Any, read: Any, is_proved: bool) -> None:
    call = Call(f"secretsmanager:{operation}", parameters)
    assert (proofs.unproved((call,), FUNCTION, {"resource_policies": read}) == "") is is_proved


STORED = "2026-01-02T10:30:00.000Z"
ROTATED = {
    "RotationEnabled": True,
    "RotationLambdaARN": f"arn:aws:lambda:{HERE}:function:rotates",
    "LastRotatedDate": "2026-01-03T00:00:00+00:00",
    "VersionIdsToStages": {THEIRS: [NOW, "AWSPENDING"], "1c-uuid": [OLD]},
}


@pytest.mark.parametrize(
    ("kind", "changed", "is_one"),
    [
        ("password", {}, True),
        ("url-password", {}, True),
        ("password", {"VersionIdsToStages": {THEIRS: [NOW]}}, True),
        ("github-token", {}, False),
        ("password", {"RotationEnabled": False}, False),
        ("password", {"RotationEnabled": None}, False),
        ("password", {"LastRotatedDate": None}, False),
        ("password", {"LastRotatedDate": "2026-01-02T10:30:00+00:00"}, False),
        ("password", {"LastRotatedDate": "2026-01-02T11:30:00+02:00"}, False),
        ("password", {"VersionIdsToStages": {OURS: [NOW]}}, False),
        ("password", {"VersionIdsToStages": {THEIRS: [NOW], OURS: [OLD]}}, False),
        ("password", {"VersionIdsToStages": {THEIRS: [NOW], OTHER: [OLD]}}, False),
        ("password", {"VersionIdsToStages": {THEIRS: ["AWSPENDING"]}}, False),
        ("password", {"VersionIdsToStages": None}, False),
    ],
)
def test_when_a_rotation_is_evidence(kind: str, changed: Any, is_one: bool) -> None:
    found = rotations([{"item": {**ITEM, "Kind": kind}, "found": {**ROTATED, **changed}}], STORED)
    assert bool(found) is is_one
    assert all((f["Name"], f["By"], f["At"][:10]) == ("A", ROTATED["RotationLambdaARN"], "2026-01-03") for f in found)


def test_every_secret_must_be_rotated_and_one_that_is_gone_is_not() -> None:
    one, other = {"Name": "A"}, {"Name": "B"}
    seen = rotations([{"item": ITEM, "found": ROTATED}, {"item": {**ITEM, "Name": "B"}, "found": None}], STORED)
    assert all_rotated([one], seen) and not all_rotated([one, other], seen)
    assert not all_rotated([], seen) and not all_rotated(None, [])
