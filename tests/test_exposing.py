"""Who could read a variable: roles, users by themselves and by their groups, within boundaries and organisations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from chalicelib.aws.readers import organizations_account
from chalicelib.errors import CallFailed, Denied, Invalid, Throttled
from chalicelib.exposing import MOST_POLICIES, could_read, of_aws

ARN = "arn:aws:lambda:us-east-1:123456789012:function:pay"
ACCOUNT = "arn:aws:iam::123456789012"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ODD = "arn:aws:iam::aws:policy/job-function/Odd"
RESOURCE = {"arn": ARN, "config": {"Qualifiers": [{"Qualifier": "$LATEST"}]}}
FREE = {"config": {"Levels": [], "Unread": "", "Free": "in no organisation"}}


def document(action: str, effect: str = "Allow", resource: str = "*") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]}


def who(kind: str, name: str, *own: Any, attached: tuple[str, ...] = (), bound: str = "", **more: Any) -> Any:
    found = {f"{kind}Name": name, "Arn": f"{ACCOUNT}:{kind.lower()}/{name}", "Path": "/", **more}
    found[f"{kind}PolicyList"] = [{"PolicyName": str(n), "PolicyDocument": d} for n, d in enumerate(own)]
    found["AttachedManagedPolicies"] = [{"PolicyArn": arn} for arn in attached]
    return {**found, "PermissionsBoundary": {"PermissionsBoundaryArn": bound}} if bound else found


def facts(*principals: Any, local: Any = (), aws: Any = (), organization: Any = FREE) -> dict[str, Any]:
    def of(kind: str) -> list[Any]:
        return [p for p in principals if f"{kind}Name" in p]

    versions = [(arn, [{"IsDefaultVersion": True, "Document": d}]) for arn, d in local]
    return {
        "roles": {"RoleDetailList": of("Role")},
        "users": {"UserDetailList": of("User")},
        "groups": {"GroupDetailList": of("Group")},
        "policies": {"Policies": [{"Arn": arn, "PolicyVersionList": v} for arn, v in versions]},
        "aws_documents": [{"item": {"Arn": arn}, "found": {"Document": d} if d else None} for arn, d in aws],
        "organization": organization,
    }


LOOKS, OTHER = document("lambda:Get*"), document("s3:Get*")
LOCAL = f"{ACCOUNT}:policy/local"
CHANGES = document("lambda:UpdateFunctionConfiguration", resource=ARN)
DENIED = document("lambda:*", "Deny")
WITH_MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
PERHAPS = {**LOOKS, "Statement": [{**LOOKS["Statement"][0], **WITH_MFA}]}
OPS = who("Group", "ops", LOOKS)


@pytest.mark.parametrize(
    ("known", "readers"),
    [
        (facts(who("Role", "a", LOOKS), who("Role", "b", OTHER)), {"roles": ["a"]}),
        (facts(who("Role", "a", document("lambda:GetFunction", resource=ARN + "s"))), {}),
        (facts(who("Role", "ci", CHANGES)), {"roles": ["ci"]}),
        (facts(who("User", "ann", LOOKS), who("User", "bob", OTHER)), {"users": ["ann"]}),
        (facts(who("User", "ann", GroupList=["ops"]), OPS), {"users": ["ann"], "groups": ["ops"]}),
        (facts(who("User", "ann", DENIED, GroupList=["ops"]), OPS), {"groups": ["ops"]}),
        (facts(who("Role", "a", attached=(LOCAL,)), local=[(LOCAL, LOOKS)]), {"roles": ["a"]}),
        (facts(who("Role", "a", attached=(ODD,)), aws=[(ODD, LOOKS)]), {"roles": ["a"]}),
        (facts(who("User", "a", attached=(READ_ONLY,)), aws=[(READ_ONLY, OTHER)]), {}),
        (facts(who("User", "a", attached=(READ_ONLY,)), aws=[(READ_ONLY, None)]), {"users": ["a"]}),
        (facts(who("Role", "a", LOOKS, bound=LOCAL), local=[(LOCAL, OTHER)]), {}),
        (facts(who("Role", "a", LOOKS, bound=LOCAL), local=[(LOCAL, document("lambda:*"))]), {"roles": ["a"]}),
        (facts(who("Role", "a", LOOKS, bound=ODD), aws=[(ODD, OTHER)]), {}),
        (facts(who("Role", "a", LOOKS, bound=ODD)), {"roles": ["a"]}),
        (facts(who("Role", "a", {"Statement": "?"})), {"roles": ["a"]}),
        (facts(who("Role", "a", PERHAPS)), {"roles": ["a"]}),
    ],
)  # fmt: skip
def test_who_could_read_it(known: Any, readers: Mapping[str, list[str]]) -> None:
    found = could_read(RESOURCE, known)
    assert {kind: names for kind, names in found.items() if names and kind != "not_looked_at"} == readers


def test_the_functions_own_policy_lets_a_role_in() -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT}:role/a"}, "Action": "lambda:GetFunction"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": ARN}]}
    resource = {"arn": ARN, "config": {"Qualifiers": [{"Qualifier": "$LATEST", "Policy": policy}]}}
    assert could_read(resource, facts(who("Role", "a"), who("Role", "b")))["roles"] == ["a"]


def levels(*documents: Any) -> dict[str, Any]:
    return {"config": {"Levels": [[{"Content": json.dumps(d)}] for d in documents], "Unread": "", "Free": ""}}


EVERYTHING = document("*")


@pytest.mark.parametrize(
    ("organization", "roles"),
    [
        (levels(EVERYTHING, EVERYTHING), ["a", "linked"]),
        (levels(EVERYTHING, OTHER), ["linked"]),
        (levels({**EVERYTHING, "Statement": EVERYTHING["Statement"] + DENIED["Statement"]}), ["linked"]),
        (levels({"Statement": "?"}), ["a", "linked"]),
        ({"config": {"Unread": "AWS refused it (AccessDeniedException)"}}, ["a", "linked"]),
        (None, ["a", "linked"]),
    ],
)  # fmt: skip
def test_service_control_policies_count_where_they_were_read(organization: Any, roles: list[str]) -> None:
    linked = who("Role", "linked", LOOKS, Path="/aws-service-role/x.amazonaws.com/")
    found = could_read(RESOURCE, facts(who("Role", "a", LOOKS), linked, organization=organization))
    assert found["roles"] == roles
    is_said = any(said.startswith("Service control policies: ") for said in found["not_looked_at"])
    assert is_said is ("a" in roles and organization != levels(EVERYTHING, EVERYTHING))


def test_what_was_not_looked_at_is_said() -> None:
    known = facts(who("Role", "a", attached=(ODD,)), who("Role", "b", LOOKS, bound=LOCAL))
    found = could_read(RESOURCE, known)
    assert found["not_looked_at"] == [
        "2 managed policies: Odd, local",
        "Session policies and resource control policies",
    ]
    many = [who("Role", f"r{n:02}", LOOKS) for n in range(52)]
    assert could_read(RESOURCE, facts(*many))["roles"][-1] == "and 2 more"


def test_of_awss_policies_those_that_most_hold_are_read_first() -> None:
    arns = [f"arn:aws:iam::aws:policy/P{n:02}" for n in range(MOST_POLICIES + 5)]
    roles = [who("Role", "a", attached=(LOCAL, *arns)), who("Role", "b", bound=arns[-1])]
    found = of_aws(roles, [who("User", "u", attached=(arns[-1],))], [who("Group", "g", attached=(arns[-2],))])
    assert len(found) == MOST_POLICIES and found[:3] == [arns[-1], arns[-2], arns[0]]


class Organisation:
    """AWS Organizations as a member account with some rights sees it: answers by operation, or what it raises."""

    account, region, partition = "123456789012", "us-east-1", "aws"

    def __init__(self, **answers: Any) -> None:
        self.answers = {"DescribeOrganization": {"Organization": {"Id": "o-1", "MasterAccountId": "9" * 12}}, **answers}

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self.answers[name.split(":")[1]]
        if isinstance(answer, CallFailed):
            raise answer
        return answer(parameters) if callable(answer) else answer  # type: ignore[no-any-return]

    def pages(self, name: str, parameters: Mapping[str, Any], key: str) -> Iterator[Any]:
        yield from self.call(name, parameters)[key]


UP = {"123456789012": ("ou-1", "ORGANIZATIONAL_UNIT"), "ou-1": ("r-1", "ROOT")}


def whole() -> Organisation:
    def parents(asked: Mapping[str, Any]) -> Any:
        id_, kind = UP[asked["ChildId"]]
        return {"Parents": [{"Id": id_, "Type": kind}]}

    return Organisation(
        ListParents=parents,
        ListPoliciesForTarget=lambda asked: {"Policies": [{"Id": f"p-{asked['TargetId']}", "Name": "p"}]},
        DescribePolicy=lambda asked: {"Policy": {"Content": asked["PolicyId"]}},
    )


def test_the_levels_go_from_the_account_to_the_root() -> None:
    config = organizations_account.read(whole(), "123456789012").config
    assert [level[0]["Content"] for level in config["Levels"]] == ["p-123456789012", "p-ou-1", "p-r-1"]
    assert (config["Organization"], config["Unread"], config["Free"]) == ("o-1", "", "")


def test_what_a_member_may_not_read_is_said_and_what_is_throttled_is_asked_again() -> None:
    refused = Denied("no", operation="organizations:ListPoliciesForTarget", code="AccessDeniedException")
    config = organizations_account.read(Organisation(ListParents=refused, ListPoliciesForTarget=refused), "1").config
    assert (config["Unread"], config["Levels"]) == ("AWS refused it (AccessDeniedException)", [])
    slow = Throttled("slow", operation="organizations:DescribeOrganization", code="ThrottlingException")
    with pytest.raises(Throttled):
        organizations_account.read(Organisation(DescribeOrganization=slow), "1")


def test_a_level_without_policies_is_none() -> None:
    """Where service control policies are on, every level has one; where they are off, none has."""
    none = Organisation(ListParents={"Parents": []}, ListPoliciesForTarget={"Policies": []})
    assert organizations_account.read(none, "1").config["Levels"] == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Invalid("none", operation="o", code="AWSOrganizationsNotInUseException"), "in no organisation"),
        ({"Organization": {"Id": "o-1", "MasterAccountId": "123456789012"}}, "do not bind the management account"),
    ],
)
def test_where_none_bind_the_account(answer: Any, why: str) -> None:
    config = organizations_account.read(Organisation(DescribeOrganization=answer), "1").config
    assert why in config["Free"] and config["Unread"] == "" and config["Levels"] == []
