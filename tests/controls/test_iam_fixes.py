"""The fixes of execution roles on moto as their runbooks plan them: found, fixed, silent, undone, as it was before.

What AWS answers is moto's, with the sandbox's mends; the calls go through the same reader, control, planner, proofs
and catalogue as in Lambda.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from execution_roles import LOGS, allow, document
from iam_account import BOUNDARY, Account, fixed_and_undone, found, refused, runbook

SERVICE = "iam:PassedToService"
PASSING = document(allow(["lambda:CreateFunction", "iam:PassRole"]), allow("logs:PutLogEvents"))
LIMITED = ["edgelambda.amazonaws.com", "lambda.amazonaws.com", "logs.amazonaws.com"]


def test_a_role_that_may_pass_any_role_is_bounded(account: Account) -> None:
    account.role(all=PASSING)
    account.policy("boundary", LOGS)
    before = account.read()
    plan, fixed = fixed_and_undone(account, "iam-bound-role", "iam-passrole-wildcard", before)
    assert plan.steps[0].call.parameters == {"RoleName": "orders", "PermissionsBoundary": BOUNDARY}
    assert fixed.config["RolePolicyList"] == before.config["RolePolicyList"]
    assert "suture iam narrow" in plan.manual[0]


def test_an_inline_policy_passes_roles_to_the_services_in_use_only(account: Account) -> None:
    account.role(all=PASSING)
    plan, fixed = fixed_and_undone(account, "iam-limit-passrole", "iam-passrole-wildcard", account.read())
    assert [s.call.operation for s in plan.steps] == ["iam:PutRolePolicy"]
    first, second, third = fixed.config["RolePolicyList"][0]["PolicyDocument"]["Statement"]
    assert first == allow(["lambda:CreateFunction"])
    assert second == allow("iam:PassRole", Condition={"StringEquals": {SERVICE: LIMITED}})
    assert third == allow("logs:PutLogEvents")


def test_a_customers_own_policy_gets_a_new_version_and_the_old_one_back(account: Account) -> None:
    account.role()
    arn = account.policy("own", LOGS, PASSING, attached_to=("orders",))
    before = account.read()
    assert before.config["AttachedManagedPolicies"][0]["VersionIds"] == ["v1", "v2"]
    plan, fixed = fixed_and_undone(account, "iam-limit-passrole", "iam-passrole-wildcard", before)
    (step,) = plan.steps
    assert step.call.parameters["SetAsDefault"] is True
    assert [(u.operation, u.parameters) for u in step.undo] == [
        ("iam:SetDefaultPolicyVersion", {"PolicyArn": arn, "VersionId": "v2"})
    ]
    assert fixed.config["AttachedManagedPolicies"][0]["DefaultVersionId"] == "v3"


def test_a_policy_of_aws_is_replaced_by_a_copy_and_never_edited(account: Account) -> None:
    account.role(logs=LOGS)
    arn = "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccesswithDataPipeline"
    account.iam.attach_role_policy(RoleName="orders", PolicyArn=arn)
    plan, fixed = fixed_and_undone(account, "iam-limit-passrole", "iam-passrole-wildcard", account.read())
    assert [s.call.operation.split(":")[1] for s in plan.steps] == [
        "CreatePolicy",
        "AttachRolePolicy",
        "DetachRolePolicy",
    ]
    (copy,) = fixed.config["AttachedManagedPolicies"]
    assert copy["PolicyArn"].startswith("arn:aws:iam::123456789012:policy/suture/AmazonDynamoDBFullAccess")
    assert SERVICE in json.dumps(copy["PolicyDocument"])
    left = account.iam.list_policies(Scope="Local")["Policies"]
    assert left == []


REFUSED = {
    "a right on all services": (document(allow("iam:PassRole"), allow("*:Get*")), "cannot be told"),
    "NotAction": (document(allow("iam:PassRole"), {**allow("x"), "NotAction": "iam:*"}), "cannot be told"),
    "nothing to pass to": (document(allow("iam:PassRole")), "cannot be told"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_asked_of_a_person(account: Account, name: str) -> None:
    policy, why = REFUSED[name]
    account.role(
        all={
            **policy,
            "Statement": [
                {k: v for k, v in s.items() if "NotAction" not in s or k != "Action"} for s in policy["Statement"]
            ],
        }
    )
    assert why in refused("iam-limit-passrole", "iam-passrole-wildcard", account.read())


def test_five_versions_are_asked_about_before_the_first_write(account: Account) -> None:
    account.role()
    account.policy("own", *[LOGS] * 4, PASSING, attached_to=("orders",))
    assert "five versions" in refused("iam-limit-passrole", "iam-passrole-wildcard", account.read())


def test_who_else_uses_a_policy_is_shown_and_two_people_decide(account: Account) -> None:
    account.role()
    account.role("returns")
    arn = account.policy("own", PASSING, attached_to=("orders", "returns"))
    account.iam.create_user(UserName="ada")
    account.iam.attach_user_policy(UserName="ada", PolicyArn=arn)
    account.iam.put_role_permissions_boundary(RoleName="returns", PermissionsBoundary=arn)
    (item,) = found("iam-passrole-wildcard", account.read()).evidence
    assert item["UsedBy"] == ["boundary of role/returns", "role/returns", "user/ada"]
    fixed_and_undone(account, "iam-limit-passrole", "iam-passrole-wildcard", account.read())
    assert runbook("iam-limit-passrole")["approval"]["min"] == 2


def test_a_retired_policy_of_aws_could_not_come_back(account: Account) -> None:
    account.role()
    arn = "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccesswithDataPipeline"
    account.iam.attach_role_policy(RoleName="orders", PolicyArn=arn)
    before = account.read()
    (policy,) = before.config["AttachedManagedPolicies"]
    retired = replace(before, config={**before.config, "AttachedManagedPolicies": [{**policy, "IsAttachable": False}]})
    assert "retired" in refused("iam-limit-passrole", "iam-passrole-wildcard", retired)


def test_old_versions_that_grant_more_leave_and_come_back_under_other_numbers(account: Account) -> None:
    setter = document(allow("iam:SetDefaultPolicyVersion", "arn:aws:iam::123456789012:policy/own"))
    account.role(set=setter)
    wide = document(allow("s3:*"))
    narrower = document(allow("logs:PutLogEvents"))
    arn = account.policy("own", wide, narrower, PASSING, document(allow("s3:GetObject")), attached_to=("orders",))
    account.iam.set_default_policy_version(PolicyArn=arn, VersionId="v3")
    before = account.read(arn, "AWS::IAM::ManagedPolicy")
    name = "iam-delete-stale-versions"
    plan, fixed = fixed_and_undone(account, name, "iam-policy-stale-version", before)
    assert {s.call.parameters["VersionId"] for s in plan.steps} == {"v1", "v4"}
    assert plan.reversible == "partial"
    assert [v["VersionId"] for v in fixed.config["PolicyVersionList"]] == ["v3", "v2"]
    undone = account.read(arn, "AWS::IAM::ManagedPolicy")
    assert {v["VersionId"] for v in undone.config["PolicyVersionList"]} == {"v2", "v3", "v5", "v6"}


def test_a_version_that_cannot_be_judged_is_asked_about(account: Account) -> None:
    account.role()
    arn = account.policy("own", document(allow("s3:*")), LOGS)
    account.iam.create_user(UserName="ada")
    account.iam.attach_user_policy(UserName="ada", PolicyArn=arn)
    policy = account.read(arn, "AWS::IAM::ManagedPolicy")
    assert "cannot be judged" in refused("iam-delete-stale-versions", "iam-policy-stale-version", policy)


S3 = document(allow("s3:*"), allow("logs:PutLogEvents"))
NEEDED = document(allow("s3:GetObject", "arn:aws:s3:::photos/*"), allow("logs:PutLogEvents"))
WILD = "iam-role-wildcard-actions"


def proposal(policy: str, found: Any = NEEDED, role: str = "orders") -> dict[str, Any]:
    return {"role": role, "policy": policy, "document": found}


def test_a_role_with_a_whole_service_is_bounded(account: Account) -> None:
    account.role(all=S3)
    account.policy("boundary", LOGS)
    _, fixed = fixed_and_undone(account, "iam-bound-role", WILD, account.read())
    assert fixed.config["PermissionsBoundary"]["PolicyDocument"] == LOGS


@pytest.mark.parametrize("role", ["orders", "arn:aws:iam::123456789012:role/orders"])
def test_an_inline_policy_becomes_what_was_proposed(account: Account, role: str) -> None:
    account.role(all=S3, other=LOGS)
    before = account.read()
    proposals = [proposal("all", role=role), proposal("other", document(allow("*"))), proposal("all", LOGS, "returns")]
    plan, fixed = fixed_and_undone(account, "iam-narrow-policies", WILD, before, proposals=proposals)
    assert [s.call.parameters["PolicyName"] for s in plan.steps] == ["all"]
    assert [p["PolicyDocument"] for p in fixed.config["RolePolicyList"]] == [NEEDED, LOGS]


def test_every_way_in_one_plan(account: Account) -> None:
    account.role(all=S3)
    own = account.policy("own", S3, attached_to=("orders",))
    of_aws = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    account.iam.attach_role_policy(RoleName="orders", PolicyArn=of_aws)
    proposals = [proposal(p, document(NEEDED["Statement"][0])) for p in ("all", own, of_aws)]
    plan, fixed = fixed_and_undone(account, "iam-narrow-policies", WILD, account.read(), proposals=proposals)
    assert [s.call.operation.split(":")[1] for s in plan.steps] == [
        "PutRolePolicy",
        "CreatePolicyVersion",
        "CreatePolicy",
        "AttachRolePolicy",
        "DetachRolePolicy",
    ]
    arns = [p["PolicyArn"] for p in fixed.config["AttachedManagedPolicies"]]
    assert of_aws not in arns and own in arns and len(arns) == 2


def test_without_evidence_a_person_is_told_how_to_get_it(account: Account) -> None:
    account.role(all=S3)
    why = refused("iam-narrow-policies", WILD, account.read())
    assert "suture iam narrow" in why and "iam-bound-role" in why
    assert "suture iam narrow" in refused("iam-narrow-policies", WILD, account.read(), proposals=[proposal("other")])


NOT_NARROWER = {
    "more": document(allow("*")),
    "another service": document(allow("sqs:SendMessage")),
    "broken": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]},
}


@pytest.mark.parametrize("name", NOT_NARROWER)
def test_a_proposal_that_is_not_proved_narrower_never_runs(account: Account, name: str) -> None:
    account.role(all=S3)
    why = refused("iam-narrow-policies", WILD, account.read(), proposals=[proposal("all", NOT_NARROWER[name])])
    assert why.startswith("iam:PutRolePolicy is not proved to grant nothing new")


def test_a_proposal_beyond_the_size_limit_is_refused(account: Account) -> None:
    account.role(all=S3)
    long = document(allow([f"s3:Get{'x' * 90}{n}" for n in range(200)]))
    assert "longer than IAM allows" in refused(
        "iam-narrow-policies", WILD, account.read(), proposals=[proposal("all", long)]
    )


def test_a_shared_policy_takes_the_runbook_with_two_approvals(account: Account) -> None:
    account.role()
    account.role("returns")
    arn = account.policy("own", S3, attached_to=("orders", "returns"))
    given = {"proposals": [proposal(arn)]}
    assert "two people" in refused("iam-narrow-policies", WILD, account.read(), **given)
    fixed_and_undone(account, "iam-narrow-shared-policies", WILD, account.read(), **given)
    assert runbook("iam-narrow-shared-policies")["approval"]["min"] == 2
    assert runbook("iam-narrow-policies")["approval"]["min"] == 1


SELF_MADE = document(allow("iam:AttachRolePolicy"), allow("logs:PutLogEvents"))


def test_a_role_that_can_give_itself_more_is_bounded_first(account: Account) -> None:
    account.role(all=SELF_MADE)
    account.policy("boundary", LOGS)
    fixed_and_undone(account, "iam-bound-role", "iam-role-escalation", account.read())


def test_a_role_that_can_give_itself_more_is_narrowed_second(account: Account) -> None:
    account.role(all=SELF_MADE)
    given = {"proposals": [proposal("all", document(allow("logs:PutLogEvents")))]}
    _, fixed = fixed_and_undone(account, "iam-narrow-policies", "iam-role-escalation", account.read(), **given)
    assert fixed.config["RolePolicyList"][0]["PolicyDocument"] == document(allow("logs:PutLogEvents"))


def test_a_boundary_that_is_there_is_never_replaced(account: Account) -> None:
    account.role(all=SELF_MADE)
    wide = account.policy("wide", document(allow("iam:*"), allow("logs:*")))
    account.iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=wide)
    assert "has a permissions boundary already" in refused("iam-bound-role", "iam-role-escalation", account.read())
