"""Permissions that a role never used, and everything that only looks like it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from execution_roles import ADMIN, LOGS, allow, deny, document, managed, own, role

from chalicelib.controls import judge_one
from chalicelib.iam.documents import parse
from chalicelib.iam.permissions import may
from chalicelib.model import Finding, Resource

CONTROL = "iam-role-unused-permissions"
OLD, NOW, LATELY = "2025-01-31T00:00:00+00:00", "2026-10-01T00:00:00+00:00", "2026-09-30T00:00:00+00:00"
S3_OF_AWS = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
BOTH = document(allow(["logs:PutLogEvents", "s3:GetObject"]))


def used(namespace: str, last: str = LATELY, **actions: str) -> dict[str, Any]:
    """One service of the report; actions with the time of their last use, or nothing."""
    found: dict[str, Any] = {"ServiceNamespace": namespace} | ({"LastAuthenticated": last} if last else {})
    if actions:
        tracked = [{"ActionName": n} | ({"LastAccessedTime": at} if at else {}) for n, at in actions.items()]
        found["TrackedActionsLastAccessed"] = tracked
    return found


def usage(of: Resource, *services: Any, created: str = OLD, now: str = NOW) -> Resource:
    report = {"JobCompletionDate": now, "ServicesLastAccessed": list(services)}
    config = {**of.config, "CreateDate": created, "LastAccessed": report}
    return replace(of, type="Suture::IAM::RoleUsage", config=config)


LOGGED, NO_S3 = used("logs"), used("s3", "")

LOUD: dict[str, tuple[Resource, list[tuple[str, list[str]]]]] = {
    "a service without any use": (usage(role(BOTH), LOGGED, NO_S3), [("p0", ["s3:GetObject"])]),
    "used before the 400 days": (
        usage(role(BOTH), LOGGED, used("s3", "2025-08-01T00:00:00+00:00")),
        [("p0", ["s3:GetObject"])],
    ),
    "a whole service": (usage(role(document(allow("s3:*")), LOGS), LOGGED, NO_S3), [("p0", ["s3:*"])]),
    "an action that is tracked": (
        usage(role(document(allow(["s3:PutBucketPolicy", "s3:GetObject"]))), used("s3", PutBucketPolicy="")),
        [("p0", ["s3:PutBucketPolicy"])],
    ),
    "everything, of which some is used": (
        usage(role(ADMIN), LOGGED, NO_S3),
        [("p0", ["* beyond what is listed"])],
    ),
    "a customer's policy": (usage(role(attached={own("p"): BOTH}), LOGGED, NO_S3), [(own("p"), ["s3:GetObject"])]),
    "one of AWS's": (
        usage(role(LOGS, attached={S3_OF_AWS: document(allow("s3:*"))}), LOGGED, NO_S3),
        [(S3_OF_AWS, ["s3:*"])],
    ),
    "in its first year, never": (
        usage(role(BOTH), LOGGED, NO_S3, created="2026-06-01T00:00:00+00:00"),
        [("p0", ["s3:GetObject"])],
    ),
}


def judged(resource: Resource) -> Finding | None:
    return judge_one(CONTROL, resource)


@pytest.mark.parametrize("name", LOUD)
def test_what_was_never_used_is_found(name: str) -> None:
    resource, expected = LOUD[name]
    found = judged(resource)
    assert found is not None and found.severity == "low"
    *items, last = found.evidence
    assert [(i["Policy"], i["Unused"]) for i in items] == expected
    assert "Watched by IAM's last-accessed data" in last["Notes"][0] and any("rarely" in n for n in last["Notes"])
    assert json.loads(json.dumps(list(found.evidence))) == list(found.evidence)


@pytest.mark.parametrize("name", LOUD)
def test_what_is_proposed_is_itself_never_found_again(name: str) -> None:
    resource, _ = LOUD[name]
    found = judged(resource)
    assert found is not None
    new = {i["Policy"]: i["Document"] for i in found.evidence if "Policy" in i}
    config = dict(resource.config)
    config["RolePolicyList"] = [
        {**p, "PolicyDocument": new.get(p["PolicyName"], p["PolicyDocument"])} for p in config["RolePolicyList"]
    ]
    config["AttachedManagedPolicies"] = [
        {**p, "PolicyDocument": new.get(p["PolicyArn"], p["PolicyDocument"])} for p in config["AttachedManagedPolicies"]
    ]
    assert judged(replace(resource, config=config)) is None


QUIET: dict[str, Resource] = {
    "all used": usage(role(BOTH), LOGGED, used("s3")),
    "refused attempts are attempts": usage(role(BOTH), LOGGED, used("s3", "2025-09-01T00:00:00+00:00")),
    "a new role": usage(role(BOTH), LOGGED, NO_S3, created="2026-07-04T00:00:00+00:00"),
    "a service that the report does not know": usage(role(BOTH), LOGGED),
    "no report": role(BOTH),
    "a report without a time": usage(role(BOTH), LOGGED, NO_S3, now=""),
    "a service-linked role": usage(role(BOTH, path="/aws-service-role/x.amazonaws.com/"), LOGGED, NO_S3),
    "a reserved role": usage(role(BOTH, path="/aws-reserved/sso.amazonaws.com/"), LOGGED, NO_S3),
    "a role of people": usage(role(BOTH, trust={"AWS": "arn:aws:iam::123456789012:root"}), LOGGED, NO_S3),
    "only a Deny": usage(role(document(deny("s3:*"))), NO_S3),
    "a data event of a service in use": usage(role(document(allow("s3:GetObject"))), used("s3", PutBucketPolicy="")),
    "an untracked action of a service in use": usage(role(document(allow("s3:ListAllMyBuckets"))), used("s3")),
    "wild cards in a service in use": usage(role(document(allow("s3:*"))), used("s3", PutBucketPolicy="")),
    "a log group that was made years ago": usage(
        role(document(allow(["logs:CreateLogGroup", "logs:PutLogEvents"]))), used("logs", CreateLogGroup="")
    ),
    "a network that was joined years ago": usage(role(document(allow("ec2:CreateNetworkInterface"))), used("ec2", "")),
    "passing roles, which nobody tracks": usage(role(document(allow("iam:PassRole"))), used("iam", "")),
    "an exception that cuts through": usage(
        role(document({"Effect": "Allow", "NotAction": "rds-data:Execute*", "Resource": "*"})), NO_S3
    ),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_was_used_or_cannot_be_known_is_not(name: str) -> None:
    assert judged(QUIET[name]) is None


def test_passing_roles_stays_when_the_rest_of_iam_goes() -> None:
    found = judged(usage(role(document(allow("iam:*"))), used("iam", "")))
    assert found is not None
    new = parse(found.evidence[0]["Document"], "identity")
    assert may([new], "iam:PassRole", "arn:aws:iam::123456789012:role/x").is_allowed
    assert not may([new], "iam:CreateUser", "*").is_allowed
    assert any("does not track the passing of roles" in note for note in found.evidence[-1]["Notes"])


def test_what_could_not_be_known_is_kept_and_said() -> None:
    found = judged(usage(role(document(allow(["s3:*", "sqs:SendMessage"]))), used("s3"), used("sqs", "")))
    assert found is not None
    assert found.evidence[0]["Document"] == document(allow("s3:*"))
    assert any(n.startswith("In p0: s3:*: kept: could not be known") for n in found.evidence[-1]["Notes"])


def test_who_else_uses_a_policy_is_named() -> None:
    shared = role()
    config = {**shared.config, "AttachedManagedPolicies": [managed(own("p"), BOTH, UsedBy=["role/returns"])]}
    found = judged(usage(replace(shared, config=config), LOGGED, NO_S3))
    assert found is not None and found.evidence[0]["UsedBy"] == ["role/returns"]
    assert any("by this role's use alone" in note for note in found.evidence[-1]["Notes"])


def test_the_evidence_does_not_move_from_day_to_day() -> None:
    """Nobody is asked twice about the same thing."""
    days = [judged(usage(role(BOTH), LOGGED, NO_S3, now=f"2026-10-0{n}T00:00:00+00:00")) for n in (1, 2)]
    assert days[0] is not None and days[0] == days[1]


def test_a_policy_that_cannot_be_read_is_said() -> None:
    found = judged(usage(role(BOTH, {"Statement": 7}), LOGGED, NO_S3))
    assert found is not None
    (item,) = found.evidence
    assert item["Policy"] == "p1" and item["Unknown"]
