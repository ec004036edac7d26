"""Old versions that somebody may set to have more, and everything that only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from execution_roles import ADMIN, LOGS, allow, deny, document, own, role

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

CONTROL = "iam-policy-stale-version"
ARN = own("own")
SET = "iam:SetDefaultPolicyVersion"
READ, WRITE = document(allow("s3:GetObject")), document(allow(["s3:GetObject", "s3:PutObject"]))
SETTER = document(allow(SET, ARN))
SELF_SET = document(allow("s3:GetObject"), allow(SET, ARN))


def holder(*inline: Any, name: str = "orders", boundary: Any = None) -> dict[str, Any]:
    config = role(*inline, attached={ARN: READ}, boundary=boundary).config
    return {k: config[k] for k in ("RolePolicyList", "AttachedManagedPolicies", "PermissionsBoundary")} | {
        "RoleName": name
    }


def policy(force: Any, *old: Any, used_by: Any = ("role/orders",), holders: Any = None, path: str = "/") -> Resource:
    versions = [{"VersionId": "v9", "IsDefaultVersion": True, "Document": force}]
    versions += [{"VersionId": f"v{n}", "IsDefaultVersion": False, "Document": d} for n, d in enumerate(old, 1)]
    holders = [holder(SETTER)] if holders is None else holders
    config = {"Arn": ARN, "PolicyName": "own", "Path": path, "DefaultVersionId": "v9", "PolicyVersionList": versions}
    config |= {"UsedBy": list(used_by), "Holders": holders}
    return Resource("AWS::IAM::ManagedPolicy", ARN, ARN, "123456789012", "us-east-1", config)


def judged(resource: Resource) -> Finding | None:
    return judge_one(CONTROL, resource)


LOUD: dict[str, tuple[Resource, set[str], list[str]]] = {
    "its holder may set it": (policy(READ, WRITE), {"v1"}, ["role/orders"]),
    "an administrator it was": (policy(READ, ADMIN), {"v1"}, ["role/orders"]),
    "two of three": (policy(READ, WRITE, READ, ADMIN), {"v1", "v3"}, ["role/orders"]),
    "on other resources": (
        policy(document(allow("s3:GetObject", "arn:aws:s3:::a/*")), READ),
        {"v1"},
        ["role/orders"],
    ),
    "without the Deny": (
        policy(document(allow("s3:*"), deny("s3:DeleteBucket")), document(allow("s3:*"))),
        {"v1"},
        ["role/orders"],
    ),
    "the policy itself lets it": (policy(SELF_SET, ADMIN, holders=[]), {"v1"}, ["role/orders"]),
    "the policy itself lets a user": (
        policy(SELF_SET, ADMIN, used_by=("user/ada",), holders=[]),
        {"v1"},
        ["user/ada"],
    ),
    "by a wildcard": (policy(READ, WRITE, holders=[holder(document(allow("iam:Set*")))]), {"v1"}, ["role/orders"]),
    "under a condition": (
        policy(READ, WRITE, holders=[holder(document(allow(SET, Condition={"Bool": {"aws:ViaAWSService": "true"}})))]),
        {"v1"},
        ["role/orders"],
    ),
    "what it bounds may set it": (
        policy(READ, ADMIN, used_by=("boundary of role/orders",), holders=[holder(SETTER, boundary=SELF_SET)]),
        {"v1"},
        ["role/orders"],
    ),
}

QUIET = {
    "one version": policy(READ),
    "old versions that grant less": policy(WRITE, READ),
    "the same again": policy(READ, READ),
    "the same in other words": policy(READ, document(allow(["S3:getobject"]))),
    "attached to nobody": policy(READ, ADMIN, used_by=(), holders=[]),
    "its holder may not": policy(READ, ADMIN, holders=[holder(LOGS)]),
    "its holder may set another one": policy(READ, ADMIN, holders=[holder(document(allow(SET, own("other"))))]),
    "its holder is refused": policy(READ, ADMIN, holders=[holder(SETTER, document(deny("iam:*")))]),
    "a boundary stops it": policy(READ, ADMIN, holders=[holder(SETTER, boundary=LOGS)]),
    "its holder is administrator already": policy(READ, WRITE, holders=[holder(ADMIN)]),
    "a policy of AWS's own services": policy(READ, ADMIN, path="/aws-service-role/"),
}

UNKNOWN = {
    "an old version": policy(READ, {"Unparsed": "x"}),
    "the version in force": policy({"Unparsed": "x"}, READ),
    "another policy of its holder": policy(READ, ADMIN, holders=[holder({"Unparsed": "x"})]),
    "a user's other policies": policy(READ, ADMIN, used_by=("user/ada",), holders=[]),
    "a group's other policies": policy(READ, ADMIN, used_by=("group/devs", "role/orders"), holders=[holder(LOGS)]),
    "a role beyond the first ones": policy(READ, ADMIN, used_by=("role/orders", "role/z"), holders=[holder(LOGS)]),
}


@pytest.mark.parametrize("name", LOUD)
def test_it_is_found_with_those_who_may_set_it(name: str) -> None:
    resource, versions, setters = LOUD[name]
    found = judged(resource)
    assert found is not None and found.severity == "high"
    assert {item["VersionId"] for item in found.evidence} == versions
    assert all(item["SetBy"] == setters and item["Reason"] for item in found.evidence)
    assert "the new policy" not in str(found) and "the old policy" not in str(found)


@pytest.mark.parametrize("name", QUIET)
def test_what_only_looks_like_it_stays_quiet(name: str) -> None:
    assert judged(QUIET[name]) is None


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_judged_is_said(name: str) -> None:
    found = judged(UNKNOWN[name])
    assert found is not None and found.severity == "low"
    assert all(item["Unknown"] for item in found.evidence)
