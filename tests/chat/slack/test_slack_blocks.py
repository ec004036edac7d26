"""Every kind of message, as it was looked at once and kept: within Slack's limits, and deaf to what AWS says.

SUTURE_GOLDEN=1 writes the golden files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_world import words_of

from chalicelib.cases import TRANSITIONS, Case
from chalicelib.chat.decide import Request
from chalicelib.chat.facts import Facts, shown
from chalicelib.chat.slack import blocks, modals
from chalicelib.chat.slack.text import fallback
from chalicelib.model import Call, Plan, Step
from suture.sandbox.slack.limits import message_problems, view_problems

GOLDEN = Path(__file__).parent / "golden"
HOME = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{HOME}:function:orders"
STATEMENT = {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": ARN}
GRANT = {"FunctionName": ARN, "StatementId": "all"}
REMOVE = Step(
    Call("lambda:RemovePermission", GRANT),
    (Call("lambda:AddPermission", {**GRANT, "Action": "lambda:InvokeFunction", "Principal": "*"}),),
)
OLD = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NEW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ROLE = {"RoleName": "pay", "PolicyName": "all"}
NARROW = Step(
    Call("iam:PutRolePolicy", {**ROLE, "PolicyDocument": json.dumps(NEW)}),
    (Call("iam:PutRolePolicy", {**ROLE, "PolicyDocument": json.dumps(OLD)}),),
)
STORE = Step(Call("secretsmanager:CreateSecret", {"Name": "suture/pay/DB", "SecretString": {"late": "x"}}), ())


def plan(*steps: Step, tier: str = "medium", reversible: str = "full", **more: Any) -> Plan:
    fixed = {"case": "C-0123456789", "account": HOME, "region": "us-east-1", "resource_type": "AWS::Lambda::Function"}
    named = {
        "resource_id": "orders",
        "arn": ARN,
        "control": "lambda-policy-public",
        "runbook": "lambda-remove-public-grants",
    }
    digests = {"runbook_digest": "sha256:" + "1" * 64, "state_digest": "sha256:" + "2" * 64}
    return Plan(**fixed, **named, version="1.0.0", **digests, tier=tier, reversible=reversible, steps=steps, **more)


def case(state: str = "PENDING", made: Plan | None = None, **more: Any) -> Case:
    chosen = plan(REMOVE) if made is None else made
    facts = {
        "id": "C-0123456789",
        "account": HOME,
        "region": "us-east-1",
        "resource_type": "AWS::Lambda::Function",
        "resource_id": "orders",
        "arn": ARN,
        "control": "lambda-policy-public",
        "state": state,
        "version": 4,
        "opened": "2026-07-01T10:02:00.000Z",
        "updated": "2026-07-01T10:03:00.000Z",
        "title": "Anyone with an AWS account may call the function orders",
        "severity": "critical",
        "evidence": ({"Sid": "all", "Qualifier": None, "Statement": STATEMENT},),
        "causers": (
            {"kind": "AssumedRole", "account": HOME, "arn": f"arn:aws:iam::{HOME}:role/shop-deploy", "session": "ci"},
        ),
        "action": "lambda:AddPermission",
        "decision": "propose",
        "reasons": ("mode propose: the pin allows propose",),
        "plan": chosen.as_json(),
        "expires": "2026-07-02T10:02:00.000Z",
    }
    return Case(**{**facts, **more})


FACTS = Facts(
    why="A statement for everyone lets any AWS account run the function.",
    shown=shown(),
    who_may=("Olly", "Sam"),
    asked=(("slack", "U0OLLY"), ("slack", "U0SAM"), ("role", "security")),
    minimum=1,
    missing=("owner",),
)
ONE_OF_TWO = replace(FACTS, counted=("Olly",), minimum=2, missing=("security",))
MANY = plan(
    *[
        Step(Call("iam:PutRolePolicy", {**ROLE, "PolicyName": f"p{n}", "PolicyDocument": json.dumps(NEW)}), NARROW.undo)
        for n in range(40)
    ],
    tier="high",
)
STAGED = plan(STORE, tier="high", reversible="partial", leaves="open", manual=("Change the code.",))
RECORDS = [
    {"by": "sam", "from": "PENDING", "to": "APPROVED", "what": "approved", "details": {"reason": "close it"}},
    {"by": "remediate/1", "from": "APPROVED", "to": "APPLYING", "what": "began", "details": {}},
]
HIGH = case(made=plan(NARROW, tier="high"))
APPLIED = {"applied": "2026-07-01T10:04:00.000Z", "outcome": "verified by reading the resource again"}

MESSAGES: Mapping[str, Any] = {
    "proposal": blocks.message(case(), FACTS),
    "proposal-high": blocks.message(case(made=plan(NARROW, tier="high")), ONE_OF_TWO),
    "proposal-partly-reversible": blocks.message(case(made=STAGED), FACTS),
    "proposal-too-long": blocks.message(case(made=MANY), FACTS),
    "approved": blocks.message(case("APPROVED", outcome="approved by sam"), FACTS),
    "resolved": blocks.message(case("RESOLVED", **APPLIED), FACTS),
    "resolved-undo-asked-for": blocks.message(case("RESOLVED", **APPLIED), ONE_OF_TWO),
    "waiting-owner": blocks.message(case("WAITING_OWNER", STAGED, **APPLIED), FACTS),
    "rejected": blocks.message(case("REJECTED", outcome="rejected by Olly: meant so"), FACTS),
    "expired": blocks.message(case("EXPIRED", outcome="nobody decided in time"), FACTS),
    "escalated": blocks.message(case("ESCALATED", plan=None, outcome="a person has to look"), FACTS),
    "undone": blocks.message(case("UNDONE", outcome="as it was before"), FACTS),
    "undo-failed": blocks.message(case("UNDO_FAILED", **APPLIED), FACTS),
    "history": blocks.history(RECORDS, {"sam": "Sam"})[0],
    "digest": blocks.digest([replace(case(), id=f"C-00000000{n:02}") for n in range(25)], 7)[0],
    "reminder": blocks.reminder(case(), FACTS, "still waits for a decision")[0],
    "refusal": blocks.aside("Drew caused this change, and nobody who did decides about it.")["blocks"],
}
VIEWS: Mapping[str, Any] = {
    f"window-{kind}": modals.decision(HIGH, Request(HIGH.id, kind, "sha256:" + "f" * 64, "", ""), "C0SECURITY")
    for kind in ("approve", "reject", "snooze", "undo", "attest", "continue")
}


@pytest.mark.parametrize("name", [*MESSAGES, *VIEWS])
def test_a_message_is_as_it_was_looked_at(name: str) -> None:
    text = json.dumps({**MESSAGES, **VIEWS}[name], indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("SUTURE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == {*MESSAGES, *VIEWS}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_within_slacks_limits_and_our_budget(name: str) -> None:
    assert message_problems(MESSAGES[name]) == []
    assert len(json.dumps(MESSAGES[name])) <= blocks.BUDGET


@pytest.mark.parametrize("name", VIEWS)
def test_a_window_is_within_slacks_limits(name: str) -> None:
    assert view_problems(VIEWS[name]) == []


def buttons(found: Any) -> list[str]:
    return [e["action_id"] for b in found if b["type"] == "actions" for e in b["elements"]]


def test_what_does_not_fit_is_not_approved_by_a_click() -> None:
    assert "approve" in buttons(MESSAGES["proposal"])
    text = words_of(MESSAGES["proposal-too-long"])
    assert "approve" not in buttons(MESSAGES["proposal-too-long"])
    assert "more" in text and f"/suture approve C-0123456789 {MANY.digest[-4:]}" in text
    pages = modals.plan_pages(case(made=MANY))
    everything = words_of(pages)
    assert all(
        f'p{n}"' in everything or f"p{n}\n" in everything or f"PolicyName  p{n}" in everything for n in range(40)
    )


def test_every_state_has_a_message() -> None:
    for state in TRANSITIONS:
        found = blocks.message(case(state), FACTS)
        assert message_problems(found) == [] and case().id in json.dumps(found)


def test_a_value_outside_the_allow_list_is_not_shown() -> None:
    text = json.dumps(MESSAGES["proposal-partly-reversible"])
    assert "SecretString  (not shown)" in text


# --- what AWS says stays words --------------------------------------------------------------------------------------

EVIL = [
    "<!channel>", "<!here|here>", "<@U0SAM>", "<https://evil.example|approved by Sam>", "*bold*", "`code`", "_it_",
    "https://evil.example/x", ":large_green_circle:", "&lt;!channel&gt;", "\u202etxt", "a\nb", "```x```", "@channel",
    "#general",
]  # fmt: skip


def elements(value: Any) -> list[Mapping[str, Any]]:
    found = []
    if isinstance(value, dict):
        found = [value, *(e for v in value.values() for e in elements(v))]
    elif isinstance(value, list):
        found = [e for v in value for e in elements(v)]
    return found


@settings(max_examples=300, deadline=None)
@given(text=st.sampled_from(EVIL) | st.text(max_size=80) | st.lists(st.sampled_from(EVIL), max_size=4).map(" ".join))
def test_no_word_of_aws_mentions_links_or_formats(text: str) -> None:
    causer = {"kind": "AssumedRole", "arn": f"arn:aws:iam::{HOME}:role/{text}", "account": HOME}
    evil = case(title=text, arn=f"arn:aws:lambda:::{text}", action=text, outcome=text, notes=(text,), causers=(causer,))
    step = Step(Call("lambda:RemovePermission", {"FunctionName": text, "StatementId": text}), ())
    for made in (evil, replace(evil, state="ESCALATED"), replace(evil, plan=plan(step).as_json())):
        found = blocks.message(made, replace(FACTS, why=text, who_may=(text,)))
        assert message_problems(found) == []
        for element in elements(found):
            assert element.get("type") not in ("mrkdwn", "link", "broadcast", "user", "usergroup", "channel")
            assert element.get("type") != "emoji" or element["name"].endswith(("circle", "sand"))
            literal = isinstance(element.get("text"), str) and not element.get("style", {}).get("code")
            is_code = element.get("type") == "text" and "\n" in element.get("text", "")
            assert not literal or is_code or "://" not in element["text"].replace(":\u2060//", "")
        assert not set("<>") & set(blocks.summary(made))


@pytest.mark.parametrize("text", EVIL)
def test_a_fallback_cannot_mention_link_or_format(text: str) -> None:
    safe = fallback(text)
    assert "<" not in safe and ">" not in safe and "://" not in safe
    assert not any(f"{mark}{letter}" in safe for mark in "*_`@#" for letter in "abcdefghijklmnopqrstuvwxyz")
