"""Whole documents: what a Deny takes away, which statement decides, what is said of it, and how long it takes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from iam_policies import grant, policy
from reaching import OTHER, OWN, TRUST

from chalicelib.iam.reach import reach, reach_of

EVERYONE_BUT = {"StringNotEquals": {"aws:PrincipalOrgID": "o-own"}}


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        ({"Principal": "*", "Action": "sqs:*"}, "private"),
        ({"Principal": "*", "NotAction": "s3:*"}, "private"),
        ({"Principal": "*", "Action": "*", "Condition": EVERYONE_BUT}, "private"),
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}},
            },
            "private",
        ),
        (
            {"Principal": "*", "Action": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-other"}}},
            "external",
        ),
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {**EVERYONE_BUT, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
            },
            "service-unbound",
        ),
        ({"NotPrincipal": {"AWS": f"arn:aws:iam::{OWN}:role/x"}, "Action": "*"}, "private"),
        # Near misses: a Deny that leaves strangers in
        ({"Principal": "*", "Action": "sqs:ReceiveMessage"}, "public"),
        ({"Principal": "*", "Action": "*", "Resource": "arn:aws:sqs:::other"}, "public"),
        ({"Principal": {"AWS": OTHER}, "Action": "*"}, "public"),
        ({"Principal": "*", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, "public"),
        ({"Principal": "*", "Action": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-own"}}}, "public"),
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgID": "o-own"}},
            },
            "public",
        ),
        (
            {"Principal": "*", "Action": "*", "Condition": {**EVERYONE_BUT, "Bool": {"aws:SecureTransport": "false"}}},
            "public",
        ),
        ({"NotPrincipal": {"AWS": "*"}, "Action": "*"}, "public"),
        (
            {
                "NotPrincipal": {"AWS": f"arn:aws:iam::{OWN}:role/x"},
                "Action": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            "public",
        ),
        ({"Principal": "*", "Action": "*", "Resource": "arn:aws:sqs:::${aws:username}"}, "public"),
        # Unsigned requests have no aws:PrincipalIsAWSService: without IfExists the Deny does not meet them
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {**EVERYONE_BUT, "Bool": {"aws:PrincipalIsAWSService": "false"}},
            },
            "public",
        ),
    ],
)
def test_a_deny_takes_away_what_it_covers(deny: dict[str, Any], expected: str) -> None:
    document = policy(grant("*"), {"Effect": "Deny", **deny}, kind="resource")
    assert reach(document, TRUST).verdict == expected


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        ({"Principal": {"AWS": OTHER}, "Action": "*"}, "private"),
        ({"Principal": {"AWS": OTHER}, "Action": "*", "Condition": EVERYONE_BUT}, "private"),
        (
            {"Principal": {"AWS": OTHER}, "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            "external",
        ),
        ({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:role/x"}, "Action": "*"}, "external"),
        # Whom a Deny leaves alone matters only where the Allow names it
        (
            {
                "Principal": "*",
                "Action": "*",
                "Condition": {**EVERYONE_BUT, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
            },
            "private",
        ),
        (
            {"Principal": "*", "Action": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
            "external",
        ),
    ],
)
def test_a_deny_of_the_same_principal(deny: dict[str, Any], expected: str) -> None:
    document = policy(grant({"AWS": f"arn:aws:iam::{OTHER}:root"}), {"Effect": "Deny", **deny}, kind="resource")
    assert reach(document, TRUST).verdict == expected


def test_not_principal_with_allow_is_everyone() -> None:
    document = policy({"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "*"}, kind="resource")
    assert reach(document, TRUST).verdict == "public"


def test_each_statement_has_its_own_answer_and_the_worst_is_the_document_s() -> None:
    document = policy(
        grant({"AWS": OWN}, Sid="Mine"),
        grant({"AWS": [OWN, OTHER]}, Sid="Theirs"),
        grant("*", Sid="All"),
        kind="resource",
    )
    answer = reach(document, TRUST)
    assert [(s.index, s.sid, s.verdict) for s in answer.statements] == [
        (0, "Mine", "private"),
        (1, "Theirs", "external"),
        (2, "All", "public"),
    ]
    assert answer.verdict == "public"
    assert answer.statements[1].principals == (OTHER,)
    assert answer.reasons == (answer.statements[2].reason,)
    assert answer.reasons[0].startswith('Statement 3 "All": anyone on the internet may use sqs:SendMessage')


def test_a_reason_says_why_a_condition_did_not_help() -> None:
    [reason] = reach(
        policy(grant("*", Condition={"StringEquals": {"aws:ResourceAccount": OWN}}), kind="resource")
    ).reasons
    assert "it is about the resource, not about the caller" in reason


def test_an_empty_policy_and_a_broken_one() -> None:
    assert reach(policy(kind="resource"), TRUST).verdict == "private"
    broken = reach_of('{"Statement": [{"Effect": "Al', "resource", TRUST)
    assert broken.verdict == "unknown"
    assert "cannot be read" in broken.reasons[0]


def test_without_trust_every_account_is_foreign() -> None:
    assert reach(policy(grant({"AWS": OWN}), kind="resource")).verdict == "external"


def test_thousands_of_statements_and_long_lists_take_bounded_time() -> None:
    begun = time.process_time()
    many = policy(*[grant("*", f"sqs:A{i}") for i in range(3000)], kind="resource")
    assert reach(many, TRUST).verdict == "public"
    denied = [{"Effect": "Deny", "Principal": "*", "Action": f"s*:*B{i}*?"} for i in range(2000)]
    guarded = policy(*[grant("*", f"sqs:A{i}*") for i in range(2000)], *denied, kind="resource")
    assert reach(guarded, TRUST).verdict == "public"
    assert time.process_time() - begun < 5
