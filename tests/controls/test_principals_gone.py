"""A policy that names a role or user that is gone: AWS would not write it back, so the fix is asked of a person."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from holders import HOLDERS
from playing import ACCOUNT, OTHER, Account, allow, found, fresh_account, planned, policy, refused

from chalicelib.model import Call, Plan, Step
from chalicelib.restoring import unrestorable

ROLE_ID, USER_ID = ("A" + kind + "EXAMPLE" * 2 + "01" for kind in ("ROA", "IDA"))
ROLE = "AWS::IAM::Role"
LAMBDA = {"Service": "lambda.amazonaws.com"}
TRUSTS: dict[str, tuple[str, dict[str, Any]]] = {
    "iam-narrow-trust": ("iam-trust-public", allow({"AWS": "*"}, "sts:AssumeRole")),
    "iam-remove-external-trust": ("iam-trust-external", allow({"AWS": OTHER}, "sts:AssumeRole")),
    "iam-remove-open-federation": (
        "iam-trust-oidc-open",
        allow({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"}, "sts:AssumeRoleWithWebIdentity"),
    ),
    "iam-bind-service-trust": (
        "iam-trust-confused-deputy",
        allow({"Service": "scheduler.amazonaws.com"}, "sts:AssumeRole"),
    ),
}


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        yield made


def guest(account: Account) -> str:
    made = account.client("iam").create_role(RoleName="guest", AssumeRolePolicyDocument=_text(_to_lambda()))
    return str(made["Role"]["Arn"])


def _to_lambda() -> dict[str, Any]:
    return allow(LAMBDA, "sts:AssumeRole")


def _text(*statements: Any) -> str:
    return json.dumps(policy(*statements))


@pytest.mark.parametrize("name", HOLDERS)
def test_a_resource_policy_that_could_not_be_put_back_is_escalated(account: Account, name: str) -> None:
    holder = HOLDERS[name]
    named = allow({"AWS": guest(account)}, holder.action, holder.resource, Sid="guest")
    open_ = allow("*", holder.action, holder.resource, Sid="open")
    id_ = holder.make(account.client, _text(named, open_))
    before = account.read(holder.type, id_)
    assert isinstance(planned(holder.runbook, before, found(holder.control, before)), Plan)
    account.client("iam").delete_role(RoleName="guest")
    refusal = refused(holder.runbook, holder.control, account.read(holder.type, id_))
    assert refusal.kind == "escalate"
    assert refusal.why.startswith("the policy names AROA") and "no longer exists" in refusal.why


@pytest.mark.parametrize("name", TRUSTS)
def test_a_trust_policy_that_could_not_be_put_back_is_escalated(account: Account, name: str) -> None:
    control, wrong = TRUSTS[name]
    named = allow({"AWS": guest(account)}, "sts:AssumeRole")
    account.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=_text(_to_lambda(), named, wrong))
    before = account.read(ROLE, "x")
    assert isinstance(planned(name, before, found(control, before)), Plan)
    account.client("iam").delete_role(RoleName="guest")
    assert "no longer exists" in refused(name, control, account.read(ROLE, "x")).why


def test_grants_that_leave_one_by_one_do_not_touch_the_one_of_who_is_gone(account: Account) -> None:
    role, code = guest(account), io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "")
    client = account.client("lambda")
    content = {"ZipFile": code.getvalue()}
    own = account.client("iam").create_role(RoleName="own", AssumeRolePolicyDocument=_text(_to_lambda()))["Role"]["Arn"]
    client.create_function(FunctionName="orders", Runtime="python3.12", Role=own, Handler="app.h", Code=content)
    for sid, principal in (("guest", role), ("all", "*")):
        client.add_permission(
            FunctionName="orders", StatementId=sid, Action="lambda:InvokeFunction", Principal=principal
        )
    account.client("iam").delete_role(RoleName="guest")
    before = account.read("AWS::Lambda::Function", "orders")
    _, fixed = account.fixed_and_undone("lambda-remove-public-grants", "lambda-policy-public", before)
    (left,) = fixed.config["Qualifiers"][0]["Policy"]["Statement"]
    assert left["Sid"] == "guest" and left["Principal"]["AWS"].startswith("AROA")


def step(new: Any, old: Any) -> Step:
    """One write of a policy with its undo; a document stands as JSON text."""
    new, old = (json.dumps(d) if isinstance(d, dict) else d for d in (new, old))
    return Step(Call("sqs:SetQueueAttributes", {"Attributes": {"Policy": new}}), (Call("x:Put", {"Policy": old}),))


CLEAN = policy(allow({"AWS": OTHER}, "sqs:*"))
GONE: dict[str, Step] = {
    "a role, in what is undone": step(CLEAN, policy(allow({"AWS": ROLE_ID}, "sqs:*"))),
    "a user, in what is written": step(policy(allow({"AWS": USER_ID}, "sqs:*")), CLEAN),
    "beside others": step(CLEAN, policy(allow({"AWS": [OTHER, ROLE_ID]}, "sqs:*"))),
    "in a refusal": step(CLEAN, policy(allow({"AWS": ROLE_ID}, "sqs:*", Effect="Deny"))),
    "in NotPrincipal": step(CLEAN, policy(allow(None, "sqs:*", NotPrincipal={"AWS": [ROLE_ID]}))),
    "in one statement that is no list": step(CLEAN, {"Statement": allow({"AWS": ROLE_ID}, "sqs:*")}),
    "spelled in another case": step(CLEAN, {"statement": [{"principal": {"AWS": ROLE_ID}}]}),
}
THERE: dict[str, Step] = {
    "named principals": step(CLEAN, CLEAN),
    "everyone": step(CLEAN, policy(allow("*", "sqs:*"))),
    "an id in a condition": step(
        CLEAN, policy(allow("*", "sqs:*", Condition={"StringLike": {"aws:userid": f"{ROLE_ID}:*"}}))
    ),
    "an id as a Sid": step(CLEAN, policy(allow({"AWS": OTHER}, "sqs:*", Sid=ROLE_ID))),
    "a role that is called so": step(CLEAN, policy(allow({"AWS": f"arn:aws:iam::{ACCOUNT}:role/{ROLE_ID}"}, "sqs:*"))),
    "text that is no policy": step('{"AWS": ', "[1]"),
}


@pytest.mark.parametrize("name", GONE)
def test_a_principal_that_is_gone_is_named(name: str) -> None:
    said = unrestorable([GONE[name]])
    assert (USER_ID if "user" in name else ROLE_ID) in said and "take that principal out" in said


@pytest.mark.parametrize("name", THERE)
def test_what_can_be_written_back_is_silent(name: str) -> None:
    assert unrestorable([THERE[name]]) == ""
