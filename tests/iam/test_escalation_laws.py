"""Laws of escalation over generated policies, and policies made to take long."""

from __future__ import annotations

import time
from typing import Any

import pytest
from escalating import ADMIN, ANN, CREATE, ME, MFA, READER, found, needed
from hypothesis import given, settings
from hypothesis import strategies as st
from iam_policies import allow, deny, policy

from chalicelib.iam.documents import Document
from chalicelib.iam.escalation import escalations
from chalicelib.iam.paths import DIRECT

_actions = st.sampled_from(
    ("*", "iam:*", "iam:Put*", "iam:PassRole", "lambda:*", *(a for p in DIRECT for a in needed(p)), *CREATE)
)
_resources = st.sampled_from(
    (
        "*",
        ME,
        ANN,
        "arn:aws:iam::*:role/*",
        "arn:aws:iam::aws:policy/*",
        "arn:aws:iam::*:user/${aws:username}",
        "arn:aws:lambda:*:*:*",
    )
)
_conditions = st.sampled_from(
    ({}, {}, MFA, {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, {"Null": {"aws:x": "true"}})
)
_principals = st.sampled_from(("", ME, ANN))
_known = st.sampled_from(((), (READER,), (READER, ADMIN)))


@st.composite
def _statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    action, resource = (
        draw(st.sampled_from(("Action", "NotAction"))),
        draw(st.sampled_from(("Resource", "NotResource"))),
    )
    return {
        "Effect": effect,
        action: draw(st.lists(_actions, min_size=1, max_size=4)),
        resource: draw(st.lists(_resources, min_size=1, max_size=2)),
        "Condition": draw(_conditions),
    }


_allows, _denies = _statements("Allow"), _statements("Deny")
_policies = st.lists(st.one_of(_allows, _allows, _denies), max_size=4).map(lambda s: policy(*s))


class TestLaws:
    @given(_policies, _denies, _principals, _known)
    @settings(max_examples=150, deadline=None)
    def test_a_deny_never_adds_a_path(self, given_: Document, more: dict[str, Any], who: str, roles: Any) -> None:
        assert found(given_, policy(more), principal=who, roles=roles) <= found(given_, principal=who, roles=roles)

    @given(_policies, _policies, _principals, _known)
    @settings(max_examples=150, deadline=None)
    def test_a_boundary_never_adds_a_path(self, given_: Document, limit: Document, who: str, roles: Any) -> None:
        free = found(given_, principal=who, roles=roles)
        assert found(given_, boundary=[limit], principal=who, roles=roles) <= free
        assert found(given_, scps=[limit], principal=who, roles=roles) <= free

    @given(_policies, _allows, _principals, _known)
    @settings(max_examples=150, deadline=None)
    def test_an_allow_never_removes_a_path(self, given_: Document, more: dict[str, Any], who: str, roles: Any) -> None:
        assert found(given_, principal=who, roles=roles) <= found(given_, policy(more), principal=who, roles=roles)


class TestHostile:
    @pytest.mark.parametrize(
        "statements",
        [
            [
                allow(
                    [f"iam:P{'a' * (i % 50)}*" for i in range(4000)], [f"arn:aws:iam::*:role/{i}*" for i in range(4000)]
                )
            ],
            [allow(CREATE, f"arn:aws:iam::*:role/{i}*") for i in range(3000)],
            [s for i in range(1500) for s in (allow("iam:*", f"*{i}*"), deny("iam:*", f"*{i}*{i}"))],
            [allow("*a*a*a*a*a*a*a*a*a*a*", "*a*a*a*a*a*a*a*a*a*" * 20), deny("*", "*a*a*a*a*a*a*a*a*" * 20)],
            [{"Effect": "Deny", "Action": "iam:*", "NotResource": [f"*{i}" for i in range(50)]}] * 50 + [allow()],
        ],
        ids=["patterns", "statements", "allows and denies", "exploding", "regions"],
    )
    def test_takes_a_bounded_time(self, statements: list[dict[str, Any]]) -> None:
        document = policy(*statements)
        begun = time.process_time()
        assert isinstance(escalations([document], principal=ME, roles=[ADMIN]), tuple)
        assert time.process_time() - begun < 4
