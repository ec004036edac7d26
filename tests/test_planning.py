"""Plans are deterministic, and their digest covers all that an approval consents to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from world import PROJECT

from chalicelib import planning, runbooks
from chalicelib.errors import Escalation
from chalicelib.model import Call, Finding, Hidden, Plan, Resource, Step
from chalicelib.planning import Refusal

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
FUNCTION = Resource(
    type="AWS::Lambda::Function",
    arn=ARN,
    id="f",
    account="123456789012",
    region="us-east-1",
    config={
        "Timeout": 3,
        "LastModified": "now",
        "Qualifiers": [
            {"Qualifier": "$LATEST", "Environment": {"Variables": {"DB": Hidden("Tr0ub4dor"), "MODE": Hidden("two")}}}
        ],
    },
    volatile=("LastModified",),
)
GRANT = {"Qualifier": None, "Sid": "s", "Statement": {}, "Grant": {"Action": "lambda:InvokeFunction", "Principal": "*"}}
PUBLIC = Finding("lambda-policy-public", "high", ARN, "public", (GRANT,))
SECRET = Finding(
    "lambda-env-plaintext-secret", "high", ARN, "secret", ({"Qualifier": None, "Name": "DB", "First": True},)
)


def book(name: str, **changes: Any) -> runbooks.Runbook:
    document = yaml.safe_load((PROJECT / "runbooks" / name / "1.0.0.yaml").read_text())
    return runbooks.runbook({**document, **changes}, "sha256:book")


REMOVE, STORE = book("lambda-remove-public-grants"), book("lambda-store-secret")


BARE = {"call": "lambda:RemovePermission", "with": {}, "undo": "none"}


def key() -> bytes:
    return b"k" * 32


def plan(resource: Resource = FUNCTION, finding: Finding = PUBLIC, runbook: Any = REMOVE, **more: Any) -> Any:
    case, params = more.get("case", "C-1"), more.get("params", {})
    return planning.plan(case, resource, finding, runbook, params, more.get("key", key))


def test_the_plan_is_the_exact_calls_and_their_undo() -> None:
    made = plan()
    assert isinstance(made, Plan)
    (step,) = made.steps
    assert step.call == Call("lambda:RemovePermission", {"FunctionName": ARN, "StatementId": "s"})
    assert [u.operation for u in step.undo] == ["lambda:AddPermission"]
    assert made.digest == plan().digest
    assert Plan.from_json(json.loads(json.dumps(made.as_json()))) == made


BASE = plan()
STEP = BASE.steps[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"case": "C-2"},
        {"account": "999999999999"},
        {"region": "eu-west-1"},
        {"arn": ARN + "2"},
        {"runbook_digest": "sha256:other"},
        {"state_digest": "sha256:other"},
        {"steps": ()},
        {"steps": (STEP, STEP)},
        {"steps": (replace(STEP, undo=()),)},
        {"steps": (Step(Call("lambda:RemovePermission", {"FunctionName": ARN, "StatementId": "t"}), STEP.undo),)},
        {"steps": (Step(Call("lambda:AddPermission", STEP.call.parameters), STEP.undo),)},
    ],
)
def test_the_digest_covers_what_an_approval_consents_to(changes: dict[str, Any]) -> None:
    assert replace(BASE, **changes).digest != BASE.digest


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({"LastModified": "later"}, True),
        ({"Timeout": 4}, False),
        ({"Qualifiers": []}, False),
        ({"New": None}, False),
    ],
)
def test_the_state_counts_less_what_moves_by_itself(changes: dict[str, Any], is_same: bool) -> None:
    moved = replace(FUNCTION, config={**FUNCTION.config, **changes})
    assert (plan(moved).digest == BASE.digest) == is_same


def _with(value: str) -> Resource:
    variables = {"DB": Hidden(value), "MODE": Hidden("two")}
    config = {**FUNCTION.config, "Qualifiers": [{"Qualifier": "$LATEST", "Environment": {"Variables": variables}}]}
    return replace(FUNCTION, config=config)


def test_a_late_value_is_a_fingerprint_in_the_plan_and_itself_only_in_the_call() -> None:
    made = plan(finding=SECRET, runbook=STORE)
    assert "Tr0ub4dor" not in json.dumps(made.as_json())
    late = made.steps[0].call.parameters["SecretString"]
    assert late["fingerprint"].startswith("hmac:")
    at = planning.bench("C-1", FUNCTION, SECRET, STORE, {}, key)
    assert planning.late_values(made.steps[0].call.parameters, at)["SecretString"] == "Tr0ub4dor"
    moved = planning.bench("C-1", _with("another"), SECRET, STORE, {}, key)
    with pytest.raises(Escalation, match="changed since"):
        planning.late_values(made.steps[0].call.parameters, moved)
    assert plan(_with("another"), SECRET, STORE).digest != made.digest
    assert plan(finding=SECRET, runbook=STORE, key=lambda: b"other").digest != made.digest


def test_a_late_value_that_is_not_there_is_refused() -> None:
    gone = replace(SECRET, evidence=({"Qualifier": None, "Name": "GONE", "First": True},))
    assert isinstance(plan(finding=gone, runbook=STORE), Refusal)


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ({**GRANT, "Sid": None}, "no Sid"),
        ({**GRANT, "Grant": None}, "put back exactly"),
        ({"Unknown": "x"}, "cannot be judged"),
        ({**GRANT, "Grant": {"Principal": "*"}}, "Action of lambda:AddPermission is null"),
    ],
)
def test_guards_and_nulls_refuse(evidence: dict[str, Any], why: str) -> None:
    made = plan(finding=replace(PUBLIC, evidence=(evidence,)))
    assert isinstance(made, Refusal) and made.kind == "escalate"
    assert why in made.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"guards": [{"expect": "resource.config.Gone", "else": "skip", "why": "w"}]}, "neither true nor false"),
        ({"guards": [{"expect": "`false`", "else": "skip", "why": "done"}]}, "done"),
        (
            {"steps": [{"call": "lambda:RemovePermission", "with": {}, "each": "=resource.id", "undo": "none"}]},
            "no list",
        ),
        ({"steps": [{"call": "lambda:RemovePermission", "with": {}, "when": "`false`", "undo": "none"}]}, "no call"),
        (
            {
                "steps": [
                    {
                        "call": "lambda:RemovePermission",
                        "with": {},
                        "undo": {"call": "lambda:AddPermission", "with": {}, "when": "`false`"},
                    }
                ]
            },
            "no undo call",
        ),
        ({"steps": [{"call": "lambda:AddPermission", "with": {}, "undo": "none"}]}, "not proved"),
        (
            {"steps": [{"call": "iam:UpdateAssumeRolePolicy", "with": {"PolicyDocument": "{"}, "undo": "none"}]},
            "proved",
        ),
    ],
)
def test_what_cannot_be_planned_safely_is_refused(changes: dict[str, Any], why: str) -> None:
    made = plan(runbook=book("lambda-remove-public-grants", **changes))
    assert isinstance(made, Refusal)
    assert why in made.why


@pytest.mark.parametrize(
    ("pinned", "deployment", "expected"),
    [
        ({}, {"boundary_arn": "arn:b"}, "arn:b"),
        ({}, {"boundary_arn": ""}, None),
        ({}, {}, None),
        ({"boundary": "arn:mine"}, {"boundary_arn": "arn:b"}, "arn:mine"),
        ({"other": 1}, {"boundary_arn": "arn:b"}, "arn:b"),
    ],
)
def test_parameters_come_from_the_runbook_the_deployment_and_the_pin(
    pinned: dict[str, Any], deployment: dict[str, str], expected: Any
) -> None:
    found = planning.parameters_of(book("iam-contain-role"), pinned, deployment)
    assert found == {"boundary": expected}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.dictionaries(st.text(max_size=6), json_values, max_size=4))
def test_any_evidence_and_any_configuration_give_a_plan_or_a_refusal(evidence: Any, config: dict[str, Any]) -> None:
    finding = replace(PUBLIC, evidence=(evidence if isinstance(evidence, dict) else {"Sid": evidence},))
    resource = replace(FUNCTION, config=config)
    first, second = plan(resource, finding), plan(resource, finding)
    assert isinstance(first, Plan | Refusal) and first == second
