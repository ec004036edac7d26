"""Policies that IAM refuses: a slip does not hide whom they would let in, and nothing refused is called safe."""

from __future__ import annotations

import json
from typing import Any

import pytest

from suture.explain import answer

NOW = "2026-01-01T00:00:00Z"
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}
HELD = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
PUT = {"Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": "*"}
UNREADABLE = {"StringEqualsIfExists": {"aws:SourceVpce": {"vpce-1": "vpce-1"}}}


def ask(kind: str, policy: Any, **context: Any) -> dict[str, Any]:
    return answer(json.dumps({"id": 7, "kind": kind, "policy": policy, "context": context}).encode(), NOW)


class TestRefusedByIam:
    @pytest.mark.parametrize(
        ("kind", "policy", "expected"),
        [
            ("resource", {"Version": "2012-10-08", "Statement": [OPEN]}, {"reach": "public", "public": True}),
            ("resource", {"Statement": [{**OPEN, "Principal": ["*"]}]}, {"reach": "public"}),
            ("resource", {"Statement": [{**OPEN, "Effect": "allow"}]}, {"reach": "public"}),
            ("resource", {"Statement": [{**OPEN, "Remark": "x"}]}, {"reach": "public"}),
            ("resource", {"Statement": [{**OPEN, "Condition": UNREADABLE}]}, {"reach": "public"}),
            (
                "trust",
                {"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "dAction": "sts:AssumeRole"}]},
                {"reach": "public"},
            ),
            ("identity", {"Statement": [{"Effect": "Allow", "Action": "*"}]}, {"admin": True}),
            ("identity", {"Version": "1", "Statement": PUT}, {"external": False}),
        ],
    )
    def test_a_slip_does_not_hide_a_danger(self, kind: str, policy: Any, expected: dict[str, Any]) -> None:
        for given_ in (policy, json.dumps(policy)):
            found = ask(kind, given_)
            assert {k: found[k] for k in expected} == expected
            assert found["error"].startswith("policy.")
            assert "IAM refuses the policy as it stands" in found["reasons"][-1]

    @pytest.mark.parametrize(
        ("kind", "statements"),
        [
            ("resource", [{**OPEN, "Effect": "allow", "Condition": HELD}]),
            ("resource", [{**OPEN, "Condition": {**HELD, **UNREADABLE}}]),
            ("resource", [{"Effect": "Allow", "Action": "*"}]),
            ("resource", [{**OPEN, "Effect": "Permit"}]),
            ("identity", [{"Effect": "Allow", "Action": "s3:GetObject"}]),
            ("identity", ["Allow"]),
        ],
        ids=["closed", "closed beside", "nobody named", "no effect", "harmless", "no object"],
    )
    def test_what_is_none_is_never_called_safe(self, kind: str, statements: list[Any]) -> None:
        found = ask(kind, {"Statement": statements}, account="123456789012")
        assert (found["reach"], found["admin"], found["escalation"]) == ("unknown", False, [])
        assert found["error"]

    def test_a_deny_that_cannot_be_read_denies_nothing(self) -> None:
        deny = {"Effect": "Deny", "Principal": "*", "Condition": {}}
        assert ask("resource", {"Statement": [OPEN, deny]})["public"] is True
        assert ask("resource", {"Statement": [OPEN, {**deny, "Action": "*"}]})["public"] is False
