"""Escalation through other roles that the reader looked up: which make a finding, how sure, and what stays quiet."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from execution_roles import ACCOUNT, ADMIN, LAMBDA, LOGS, allow, deny, document, role, when

from chalicelib.aws.readers.iam_role import VOLATILE
from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource
from chalicelib.redaction import state_digest

ME = f"arn:aws:iam::{ACCOUNT}:role/orders"
RUN = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def passes(name: str, **more: Any) -> dict[str, Any]:
    return document(allow("iam:PassRole", arn(name), **more), RUN)


def assumes(name: str) -> dict[str, Any]:
    return document(allow("sts:AssumeRole", arn(name)))


def other(name: str, *inline: Any, trust: Any = LAMBDA, boundary: Any = None) -> dict[str, Any]:
    """A role as it is kept beside the one that may take it."""
    config = role(*inline, trust=trust, boundary=boundary).config
    kept = ("AssumeRolePolicyDocument", "PermissionsBoundary", "RolePolicyList", "AttachedManagedPolicies")
    return {"Arn": arn(name), **{key: config[key] for key in kept}}


def unread(name: str, by: str = "orders", why: str = "Role b could not be read") -> dict[str, str]:
    return {"By": arn(by), "Pattern": arn(name), "Why": why}


def with_others(resource: Resource, *others: dict[str, Any], without: Any = ()) -> Resource:
    found = {"Roles": list(others), "Unread": list(without)}
    return replace(resource, config={**resource.config, "RolesInReach": found}, volatile=VOLATILE)


def judged(resource: Resource) -> Finding | None:
    return judge_one("iam-role-escalation", resource)


BOSS = other("boss", ADMIN)
WILD = document(allow("iam:PassRole"), RUN)

HIGH = {
    "passes an administrator": (with_others(role(passes("boss")), BOSS), "lambda-create-function"),
    "passes any role, and one is administrator": (with_others(role(WILD), BOSS), "lambda-create-function"),
    "assumes an administrator that trusts the account": (
        with_others(role(assumes("boss")), other("boss", ADMIN, trust=ROOT)),
        "sts-assume-role",
    ),
    "assumes an administrator that names it": (
        with_others(role(assumes("boss")), other("boss", ADMIN, trust={"AWS": ME})),
        "sts-assume-role",
    ),
    "passes one that passes an administrator": (
        with_others(role(passes("b")), other("b", passes("boss")), BOSS),
        "lambda-create-function",
    ),
    "passes one that may assume an administrator": (
        with_others(role(passes("b")), other("b", assumes("boss")), other("boss", ADMIN, trust=ROOT)),
        "lambda-create-function",
    ),
    "passes one that attaches policies to itself": (
        with_others(role(passes("b")), other("b", document(allow("iam:AttachRolePolicy", arn("b"))))),
        "lambda-create-function",
    ),
    "an administrator beside one that was not read": (
        with_others(role(document(allow("iam:PassRole", [arn("b"), arn("boss")]), RUN)), BOSS, without=[unread("b")]),
        "lambda-create-function",
    ),
    "passes a harmless one that it may write to": (
        with_others(role(passes("b"), document(allow("iam:PutRolePolicy", arn("b")))), other("b", LOGS)),
        "iam-put-role-policy",
    ),
}

MEDIUM = {
    "one that was not read": (with_others(role(passes("b")), without=[unread("b")]), "Role b could not be read."),
    "a pattern of which some were not read": (
        with_others(role(passes("b*")), other("b1", LOGS), without=[unread("b2")]),
        "Role b could not be read.",
    ),
    "nobody looked": (role(passes("b")), "not known here"),
    "the one passed passes another that was not read": (
        with_others(role(passes("b")), other("b", passes("c")), without=[unread("c", by="b", why="Too far")]),
        "Too far",
    ),
    "the one passed writes the code of functions, whose roles nobody knows": (
        with_others(role(passes("b")), other("b", document(allow("lambda:UpdateFunctionCode")))),
        "not known here",
    ),
    "an administrator, but only under a condition": (
        with_others(role(passes("boss", **when("StringEquals", "iam:AssociatedResourceArn", "arn:x"))), BOSS),
        "iam:AssociatedResourceArn",
    ),
    "the one passed escalates only under a condition": (
        with_others(
            role(passes("b")),
            other(
                "b",
                document(allow("iam:AttachRolePolicy", arn("b"), **when("Bool", "aws:MultiFactorAuthPresent", "true"))),
            ),
        ),
        "role b escalates by iam-attach-role-policy",
    ),
    "writes to a role that is harmless and lets nobody in": (
        with_others(
            role(document(allow("iam:PutRolePolicy", arn("b")), allow("sts:AssumeRole", arn("c")))), other("b", LOGS)
        ),
        "Whether it can get into that role is not known here.",
    ),
    "assumes anything, in other accounts too": (
        with_others(role(document(allow("sts:AssumeRole"))), other("b", LOGS, trust=ROOT)),
        "not known here",
    ),
}

QUIET = {
    "passes a harmless role": with_others(role(passes("b")), other("b", LOGS)),
    "passes harmless roles by a pattern": with_others(role(passes("b*")), other("b1", LOGS), other("b2", LOGS)),
    "passes any role, and all are harmless": with_others(role(WILD), other("b", LOGS)),
    "passes a role that is gone": with_others(role(passes("b"))),
    "passes itself": with_others(role(passes("orders"))),
    "passes an administrator that trusts another service": with_others(
        role(passes("boss")), other("boss", ADMIN, trust={"Service": "ec2.amazonaws.com"})
    ),
    "passes an administrator within a boundary": with_others(role(passes("b")), other("b", ADMIN, boundary=LOGS)),
    "is refused the administrator": with_others(
        role(WILD, document(deny("iam:PassRole", arn("boss")))), other("b", LOGS), BOSS
    ),
    "a boundary that passes nothing": with_others(role(passes("boss"), boundary=LOGS), BOSS),
    "assumes an administrator that does not trust it": with_others(role(assumes("boss")), BOSS),
    "passes one that may assume an administrator that does not trust it": with_others(
        role(passes("b")), other("b", assumes("boss")), BOSS
    ),
    "a circle of harmless roles": with_others(
        role(passes("b")), other("b", passes("c")), other("c", document(allow("iam:PassRole", ME), RUN))
    ),
    "another's administrator, which it may not pass": with_others(role(passes("b")), other("b", LOGS), BOSS),
    "only another role can take what was not read, and nobody can take that role": with_others(
        role(passes("b")), other("b", LOGS), without=[unread("c", by="d")]
    ),
}


@pytest.mark.parametrize("name", HIGH)
def test_a_role_that_leads_to_administrator_is_high_and_is_named(name: str) -> None:
    resource, path = HIGH[name]
    found = judged(resource)
    assert found is not None and found.severity == "high" and " can give itself " in found.title
    item = next(i for i in found.evidence if i["Path"] == path)
    assert (item["If"], item["Other"]) == (False, False)
    assert json.loads(json.dumps(item)) == item


@pytest.mark.parametrize("name", MEDIUM)
def test_what_is_not_known_or_hangs_on_a_condition_is_medium_and_says_why(name: str) -> None:
    resource, why = MEDIUM[name]
    found = judged(resource)
    assert found is not None and found.severity == "medium" and " may be able to give itself " in found.title
    assert all(item["If"] or item["Other"] for item in found.evidence)
    assert any(why in reason for item in found.evidence for reason in item["Reasons"])


@pytest.mark.parametrize("name", QUIET)
def test_a_harmless_role_is_no_finding(name: str) -> None:
    assert judged(QUIET[name]) is None


def test_two_hops_are_told_step_by_step_with_the_names_of_both_roles() -> None:
    found = judged(HIGH["passes one that may assume an administrator"][0])
    assert found is not None
    (item,) = found.evidence
    assert item["Steps"] == [
        "Passes role b to Lambda (iam:PassRole).",
        "Creates a function with role b and code of its own (lambda:CreateFunction).",
        "Has it run, by invoking it, by an event source or by letting somebody else invoke it (lambda:InvokeFunction).",
        "As role b: Assumes role boss (sts:AssumeRole).",
        "As role b: Is administrator as role boss.",
    ]
    assert item["Reasons"][-1] == "role b escalates by sts-assume-role."


def test_one_hop_says_why_the_role_is_administrator() -> None:
    found = judged(HIGH["passes an administrator"][0])
    assert found is not None
    (item,) = found.evidence
    assert item["Steps"][-1] == "Is administrator as role boss."
    assert item["Reasons"][-1] == ("role boss is administrator: statement 1 allows every action on every resource.")


def test_other_roles_are_no_part_of_the_state_that_a_plan_assumes() -> None:
    def key() -> bytes:
        return b"k" * 32

    digests = {
        state_digest(with_others(role(passes("b")), *others), key) for others in ((), (BOSS,), (other("b", LOGS),))
    }
    assert len(digests) == 1
