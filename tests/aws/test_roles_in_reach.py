"""Roles that a role may pass or assume, looked up on moto: what is asked, what is kept, what stays unread, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws import readers
from chalicelib.aws.clients import Clients
from chalicelib.aws.readers import _onward, iam_role, lambda_shared_role
from chalicelib.controls import judge_one
from chalicelib.errors import Denied, Gone, Throttled
from chalicelib.model import Resource, canonical
from chalicelib.redaction import state_digest

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = "AWS::IAM::Role"
ALONE = ("iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies")
"""What a role with one inline policy costs."""


def allow(action: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


RUN = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
LOGS, ADMIN = policy(allow("logs:PutLogEvents")), policy(allow("*"))
LAMBDA, EC2 = {"Service": "lambda.amazonaws.com"}, {"Service": "ec2.amazonaws.com"}
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def passes(*names: str) -> str:
    return policy(allow("iam:PassRole", [arn(name) for name in names]), RUN)


def assumes(*names: str) -> str:
    return policy(allow("sts:AssumeRole", [arn(name) for name in names]))


class Account(Clients):
    """An account on moto that remembers what it was asked. It fails where `failing` says so, by operation, and by role
    unless that is empty; documents of roles in `garbled` come as AWS would never give them."""

    def __init__(self) -> None:
        super().__init__(ACCOUNT, REGION)
        self.iam = boto3.client("iam", region_name=REGION)
        self.asked: list[tuple[str, str]] = []
        self.failing: dict[tuple[str, str], Exception] = {}
        self.garbled: dict[str, str] = {}

    def call(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        role = str(parameters.get("RoleName", ""))
        self.asked.append((name, role))
        if error := self.failing.get((name, role)) or self.failing.get((name, "")):
            raise error
        answer = super().call(name, parameters)
        if key := self.garbled.get(role):
            inner = answer.get("Role", answer)
            return {**answer, "Role": {**inner, key: "{"}, **({key: "{"} if key in answer else {})}
        return answer

    def role(self, name: str, says: str, trust: Any = LAMBDA, path: str = "/") -> str:
        statement = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
        made = self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=policy(statement))
        self.iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=says)
        return str(made["Role"]["Arn"])

    def of(self, name: str = "me") -> Resource:
        self.asked.clear()
        found = readers.read(self, ROLE, name)
        assert found is not None
        return found

    def severity(self, name: str = "me") -> str:
        """How the control judges the role, read just now; empty where it is silent."""
        found = judge_one("iam-role-escalation", self.of(name))
        return found.severity if found else ""


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


def names(resource: Resource) -> list[str]:
    return [role["Arn"].rsplit("/", 1)[-1] for role in resource.config["RolesInReach"]["Roles"]]


def whys(resource: Resource) -> list[str]:
    return [unread["Why"] for unread in resource.config["RolesInReach"]["Unread"]]


ORDINARY = {
    "few rights": LOGS,
    "an administrator": ADMIN,
    "passes a role, and has nothing to pass it to": policy(allow("iam:PassRole", arn("boss"))),
    "creates functions, and has nothing to pass to them": policy(RUN),
    "assumes a role of another account": policy(allow("sts:AssumeRole", "arn:aws:iam::210987654321:role/boss")),
    "is denied what it allows": policy(
        allow("iam:PassRole", arn("boss")), RUN, {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
    ),
    "passes itself": passes("me"),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_a_role_that_can_take_no_other_costs_what_it_did(account: Account, name: str) -> None:
    account.role("me", ORDINARY[name])
    account.role("boss", ADMIN)
    found = account.of()
    assert account.asked == [(operation, "me") for operation in ALONE]
    assert (found.config["RolesInReach"] or {}) in ({}, {"Roles": [], "Unread": []})


def test_a_person_s_role_and_other_sights_of_a_role_cost_nothing_more(account: Account) -> None:
    account.role("me", passes("boss"), trust=ROOT)
    account.role("boss", ADMIN)
    account.of()
    assert [name for name, _ in account.asked] == list(ALONE)
    account.role("service", passes("boss"))
    account.asked.clear()
    lambda_shared_role.read(account, "service")
    assert "boss" not in [role for _, role in account.asked]


def test_one_passed_role_costs_as_much_as_itself_and_is_judged(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", LOGS)
    assert account.severity() == ""
    assert account.asked == [(operation, "me") for operation in ALONE] + [
        ("iam:GetRole", "b"),
        ("iam:ListAttachedRolePolicies", "b"),
        ("iam:ListRolePolicies", "b"),
        ("iam:GetRolePolicy", "b"),
    ]
    account.iam.put_role_policy(RoleName="b", PolicyName="all", PolicyDocument=ADMIN)
    assert account.severity() == "high"


def test_two_hops_by_passing_and_by_assuming(account: Account) -> None:
    account.role("me", passes("b", "d"))
    account.role("b", assumes("c"))
    account.role("c", ADMIN, trust=ROOT)
    account.role("d", passes("e"))
    account.role("e", LOGS)
    found = account.of()
    assert names(found) == ["b", "d", "c", "e"] and whys(found) == []
    assert account.severity() == "high"
    account.iam.put_role_policy(RoleName="c", PolicyName="all", PolicyDocument=LOGS)
    assert account.severity() == ""


def test_a_role_whose_trust_does_not_do_its_part_is_not_read_further(account: Account) -> None:
    account.role("me", passes("ec2"))
    account.role("ec2", ADMIN, trust=EC2)
    assert account.severity() == ""
    assert [operation for operation, role in account.asked if role == "ec2"] == ["iam:GetRole"]


def test_attached_policies_and_boundaries_of_other_roles_count(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", LOGS)
    wide = account.iam.create_policy(PolicyName="wide", PolicyDocument=ADMIN)["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName="b", PolicyArn=wide)
    assert account.severity() == "high"
    limit = account.iam.create_policy(PolicyName="limit", PolicyDocument=LOGS)["Policy"]["Arn"]
    account.iam.put_role_permissions_boundary(RoleName="b", PermissionsBoundary=limit)
    assert account.severity() == ""


def test_a_pattern_is_looked_up_in_the_list_and_only_where_trust_fits(account: Account) -> None:
    account.role("me", passes("app-*"))
    for name in ("app-b", "app-a", "other"):
        account.role(name, LOGS)
    account.role("app-ec2", ADMIN, trust=EC2)
    found = account.of()
    assert names(found) == ["app-a", "app-b"] and whys(found) == []
    assert [call for call in account.asked if call[0] == "iam:ListRoles"] == [("iam:ListRoles", "")]
    assert {role for _, role in account.asked} == {"", "me", "app-a", "app-b"}
    assert account.severity() == ""
    account.iam.put_role_policy(RoleName="app-b", PolicyName="all", PolicyDocument=ADMIN)
    assert account.severity() == "high"


def test_a_role_that_is_gone_or_has_another_path_is_nothing_to_pass(account: Account) -> None:
    account.role("me", passes("gone", "b"))
    account.role("b", ADMIN, path="/service/")
    found = account.of()
    assert names(found) == whys(found) == []
    assert account.severity() == ""


@pytest.mark.parametrize("lost", ["iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"])
def test_a_role_that_goes_while_it_is_read_is_gone(account: Account, lost: str) -> None:
    account.role("me", passes("b"))
    account.role("b", ADMIN)
    account.failing[lost, "b"] = Gone("not there", code="NoSuchEntity")
    assert account.severity() == ""


@pytest.mark.parametrize("refused", ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"])
def test_a_role_that_may_not_be_read_is_not_known(account: Account, refused: str) -> None:
    account.role("me", passes("b"))
    account.role("b", LOGS)
    account.failing[refused, "b"] = Denied("no", code="AccessDenied")
    assert whys(account.of()) == ["Role b could not be read: AWS refused it (AccessDenied)"]
    assert account.severity() == "medium"


def test_a_role_that_cannot_be_parsed_is_not_known(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", LOGS)
    account.garbled["b"] = "PolicyDocument"
    assert "Role b cannot be judged: its policy all:" in whys(account.of())[0]
    assert account.severity() == "medium"


def test_a_trust_policy_that_cannot_be_parsed_lets_everyone_in(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", ADMIN, trust=EC2)
    assert account.severity() == ""
    account.garbled["b"] = "AssumeRolePolicyDocument"
    assert account.severity() == "high"


def test_a_list_that_may_not_be_read_is_not_known(account: Account) -> None:
    account.role("me", passes("app-*"))
    account.failing["iam:ListRoles", ""] = Denied("no", code="AccessDenied")
    assert whys(account.of()) == ["The roles of the account could not be listed (AccessDenied)"]
    assert account.severity() == "medium"


def test_when_aws_is_unwell_nothing_is_said(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", LOGS)
    account.failing["iam:GetRole", "b"] = Throttled("later", code="Throttling")
    with pytest.raises(Throttled):
        account.of()


def test_a_circle_ends_and_each_role_is_asked_for_once(account: Account) -> None:
    account.role("me", passes("b", "c"))
    account.role("b", passes("c", "me"))
    account.role("c", passes("b", "me"))
    found = account.of()
    assert names(found) == ["b", "c"] and whys(found) == []
    assert [role for operation, role in account.asked if operation == "iam:GetRole"] == ["me", "b", "c"]
    assert account.severity() == ""


def test_what_is_more_than_two_steps_away_is_not_known(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", passes("c"))
    account.role("c", passes("d"))
    account.role("d", LOGS)
    found = account.of()
    assert names(found) == ["b", "c"] and whys(found) == ["Roles more than 2 steps away are not read"]
    assert account.severity() == "medium"


def test_no_more_than_ten_are_asked_for_and_the_rest_is_told(account: Account) -> None:
    account.role("me", passes("app-*"))
    for number in range(13):
        account.role(f"app-{number:02}", LOGS)
    found = account.of()
    assert len(names(found)) == _onward.MOST_ROLES == 10
    assert {u["Pattern"] for u in found.config["RolesInReach"]["Unread"]} == {arn(f"app-{n}") for n in (10, 11, 12)}
    assert len(account.asked) == 4 + 1 + 10 * 4
    assert account.severity() == "medium"


def test_an_account_with_more_roles_than_are_looked_through_says_so(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_onward, "MOST_LISTED", 2)
    account.role("me", passes("app-*"))
    for number in range(3):
        account.role(f"zzz-{number}", LOGS)
    assert whys(account.of()) == ["No more than 2 roles of the account are looked through"]
    assert account.severity() == "medium"


def test_what_is_kept_is_bounded(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.role("me", passes("a", "b"))
    for name in ("a", "b"):
        account.role(name, policy(*(allow("s3:GetObject", f"arn:aws:s3:::{'x' * 60}/{n}") for n in range(60))))
    one = len(canonical(account.of("a").config["RolePolicyList"]))
    monkeypatch.setattr(_onward, "MOST_KEPT", 2 * one)
    found = account.of()
    assert names(found) == ["a"] and "too long to be kept" in whys(found)[0]
    assert len(canonical(found.config["RolesInReach"]["Roles"])) <= 2 * one
    assert account.severity() == "medium"


def test_the_list_of_what_was_not_read_is_bounded_and_still_covers_it_all(account: Account) -> None:
    account.role("me", passes(*(f"gone-{n:03}" for n in range(150))))
    found = account.of()
    assert len(found.config["RolesInReach"]["Unread"]) <= _onward.MOST_UNREAD + 1
    assert len(account.asked) == 4 + _onward.MOST_ROLES
    assert account.severity() == "medium"


def test_another_role_s_change_leaves_the_state_as_it_was(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", LOGS)
    before = account.of()
    account.iam.put_role_policy(RoleName="b", PolicyName="all", PolicyDocument=ADMIN)
    after = account.of()
    assert before.config["RolesInReach"] != after.config["RolesInReach"]
    assert state_digest(before, lambda: b"k") == state_digest(after, lambda: b"k")
    plain = iam_role.alone(account, "me")
    assert plain is not None and state_digest(plain, lambda: b"k") == state_digest(after, lambda: b"k")


def test_the_fix_ends_the_look_at_others(account: Account) -> None:
    account.role("me", passes("b"))
    account.role("b", ADMIN)
    assert account.severity() == "high"
    limit = account.iam.create_policy(PolicyName="limit", PolicyDocument=LOGS)["Policy"]["Arn"]
    account.iam.put_role_permissions_boundary(RoleName="me", PermissionsBoundary=limit)
    assert account.severity() == ""
    assert {role for _, role in account.asked} <= {"me", ""}


def test_every_call_is_one_that_the_reader_declares(account: Account) -> None:
    account.role("me", passes("app-*", "b"))
    account.role("b", assumes("c"))
    account.role("c", LOGS, trust=ROOT)
    account.role("app-a", LOGS)
    account.of()
    assert {operation for operation, _ in account.asked} <= set(iam_role.OPERATIONS)
