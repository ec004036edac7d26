"""Every kind of card, as it was looked at once and kept: within Teams' limits, and deaf to what AWS says.

SUTURE_GOLDEN=1 writes the golden files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from teams_world import verbs_of, words_of

from chalicelib.cases import TRANSITIONS, Case
from chalicelib.chat.facts import Facts, shown
from chalicelib.chat.teams import cards
from chalicelib.chat.teams.client import activity
from chalicelib.model import Call, Plan, Step
from suture.sandbox.teams.limits import activity_problems, card_problems

GOLDEN = Path(__file__).parent / "golden"
HOME = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{HOME}:function:orders"
STATEMENT = {"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": ARN}
GRANT = {"FunctionName": ARN, "StatementId": "all"}
REMOVE = Step(
    Call("lambda:RemovePermission", GRANT),
    (Call("lambda:AddPermission", {**GRANT, "Action": "lambda:InvokeFunction", "Principal": "*"}),),
)
NEW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ROLE = {"RoleName": "pay", "PolicyDocument": json.dumps(NEW)}
LONG = tuple(Step(Call("iam:PutRolePolicy", {**ROLE, "PolicyName": f"p{n}"}), ()) for n in range(40))
STORE = Step(Call("secretsmanager:CreateSecret", {"Name": "suture/pay/DB", "SecretString": {"late": "x"}}), ())


def plan(*steps: Step, tier: str = "medium", **more: Any) -> Plan:
    names = {"case": "C-0123456789", "account": HOME, "region": "us-east-1", "resource_type": "AWS::Lambda::Function"}
    about = {"resource_id": "orders", "arn": ARN, "control": "lambda-policy-public", "version": "1.0.0"}
    digests = {"runbook_digest": "sha256:" + "1" * 64, "state_digest": "sha256:" + "2" * 64}
    facts = {"runbook": "lambda-remove-public-grants", "tier": tier, "reversible": "full", "steps": steps}
    return Plan(**{**names, **about, **digests, **facts, **more})


def case(state: str = "PENDING", made: Plan | None = None, **more: Any) -> Case:
    causer = {"kind": "AssumedRole", "account": HOME, "arn": f"arn:aws:iam::{HOME}:role/shop-deploy", "session": "ci"}
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
        "causers": (causer,),
        "action": "lambda:AddPermission",
        "plan": (plan(REMOVE) if made is None else made).as_json(),
        "expires": "2026-07-02T10:02:00.000Z",
    }
    return Case(**{**facts, **more})


WHY = "A statement for everyone lets any AWS account run the function."
FACTS = Facts(why=WHY, shown=shown(), who_may=("Olly", "Sam"), minimum=1, missing=("owner",))
ONE_OF_TWO = replace(FACTS, counted=("Olly",), minimum=2, missing=("security",))
STAGED = plan(STORE, tier="high", reversible="partial", leaves="open", manual=("Change the code.",))
MANY = plan(*LONG, tier="high")
APPLIED = {"applied": "2026-07-01T10:04:00.000Z", "outcome": "verified by reading the resource again"}
RECORDS = [
    {"by": "sam", "from": "PENDING", "to": "APPROVED", "what": "approved", "details": {"reason": "close it"}},
    {"by": "remediate/1", "from": "APPROVED", "to": "APPLYING", "what": "began", "details": {}},
]
MEMBERS = [f"29:{n:064}" for n in range(70)]
HIGH = case(made=plan(REMOVE, tier="high"))

CARDS: Mapping[str, Any] = {
    "proposal": cards.card(case(), FACTS, MEMBERS[:2]),
    "proposal-too-long": cards.card(case(made=MANY), FACTS, MEMBERS),
    "proposal-partly-reversible": cards.card(case(made=STAGED), FACTS),
    "personal": cards.personal(case(), FACTS, ("approve", "reject", "snooze")),
    "personal-high": cards.personal(
        HIGH, ONE_OF_TWO, ("approve", "reject", "snooze"), "C-0123456789 is PENDING: 1 of 2"
    ),
    "personal-counted": cards.personal(HIGH, ONE_OF_TWO, ("reject", "snooze", "revoke")),
    "personal-too-long": cards.personal(case(made=MANY), FACTS, ("approve", "reject", "snooze"), "x" * 500),
    "resolved": cards.card(case("RESOLVED", **APPLIED), FACTS, MEMBERS[:1]),
    "resolved-personal": cards.personal(case("RESOLVED", **APPLIED), ONE_OF_TWO, ("undo",)),
    "waiting-owner": cards.card(case("WAITING_OWNER", STAGED, **APPLIED), replace(FACTS, attests="rotate")),
    "waiting-owner-personal": cards.personal(case("WAITING_OWNER", STAGED, **APPLIED), FACTS, ("attest", "snooze")),
    "rejected": cards.card(case("REJECTED", outcome="rejected by Olly: meant so"), replace(FACTS, rests=True)),
    "escalated": cards.card(case("ESCALATED", plan=None, outcome="a person has to look"), FACTS),
    "notification": cards.notification(case(), FACTS),
    "history": cards.history(RECORDS, {"sam": "Sam"})[0],
    "digest": cards.digest([replace(case(), id=f"C-00000000{n:02}") for n in range(25)], 7)[0],
    "reminder": cards.reminder(case(), "still waits for a decision", [("Olly <at>", "01100000-0000"), ("Sam", "5a")])[
        0
    ],
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_as_it_was_looked_at(name: str) -> None:
    text = json.dumps(CARDS[name], indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("SUTURE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in GOLDEN.glob("*.json")} == set(CARDS)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_within_teams_limits(name: str) -> None:
    assert activity_problems(activity(CARDS[name], "x" * 600)) == []


def test_everybodys_card_decides_nothing() -> None:
    for name in ("proposal", "resolved", "waiting-owner", "rejected", "escalated"):
        assert verbs_of(CARDS[name]) == ["view"]
    assert "Action." not in json.dumps(CARDS["notification"])


def test_what_does_not_fit_is_not_approved_by_a_press() -> None:
    assert cards.left_out(case(), FACTS) == 0 and cards.left_out(case(made=MANY), FACTS) > 0
    assert "approve" in verbs_of(CARDS["personal"]) and "approve" not in verbs_of(CARDS["personal-too-long"])
    text = words_of(CARDS["proposal-too-long"])
    assert "Not all calls fit here" in text and "suture cases approve C-0123456789" in text


def test_a_reason_and_digits_are_asked_for_where_they_are_needed() -> None:
    def inputs(name: str) -> list[str]:
        return [e["id"] for e in CARDS[name]["body"] if e["type"] == "Input.Text"]

    assert inputs("personal") == ["reason"]
    assert inputs("personal-high") == ["reason", "digits"]
    assert inputs("waiting-owner-personal") == ["by", "at", "reason"]
    assert inputs("proposal") == []


def test_every_state_has_a_card() -> None:
    for state in TRANSITIONS:
        found = cards.card(case(state), FACTS)
        assert card_problems(found) == [] and case().id in json.dumps(found)


def test_a_value_outside_the_allow_list_is_not_shown() -> None:
    assert "SecretString  (not shown)" in json.dumps(CARDS["proposal-partly-reversible"], ensure_ascii=False)


EVIL = [
    "<at>Sam</at>", "[approved by Sam](https://evil.example)", "**bold**", "- list", "https://evil.example/x",
    "{{DATE(2026-07-01T10:02:00Z)}}", "{{{{", "\u202etxt", "a\nb", "&lt;at&gt;", "# head", "|a|b|", "x" * 4000,
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(text=st.sampled_from(EVIL) | st.text(max_size=80) | st.lists(st.sampled_from(EVIL), max_size=4).map(" ".join))
def test_no_word_of_aws_mentions_links_or_formats(text: str) -> None:
    causer = {"kind": "AssumedRole", "arn": f"arn:aws:iam::{HOME}:role/{text}", "account": HOME}
    evil = case(title=text, arn=f"arn:aws:lambda:::{text}", action=text, outcome=text, notes=(text,), causers=(causer,))
    step = Step(Call("lambda:RemovePermission", {"FunctionName": text, "StatementId": text}), ())
    for made in (evil, replace(evil, state="ESCALATED"), replace(evil, plan=plan(step).as_json())):
        facts = replace(FACTS, why=text, who_may=(text,))
        for found in (cards.card(made, facts), cards.personal(made, facts, cards.kinds(made, facts), text)):
            assert activity_problems(activity(found, cards.summary(made))) == []
            assert "TextBlock" not in {e["type"] for e in elements(found)}
            assert not any("://" in e.get("text", "") for e in elements(found))
    reminded = cards.reminder(evil, text, [(text, "5a"), ("Sam", "5b")])[0]
    assert card_problems(reminded) == []
    assert json.dumps(reminded["body"][-1]).count("<at>") == 2


def elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "type" in value:
            yield value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from elements(inner)
