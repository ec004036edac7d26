"""Plans for people: what changes from what to what, exactly and safely."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.differences import ABSENT, Difference, differences, value_text
from chalicelib.model import Call, Plan, Step
from suture.cli.plans import plan_lines, undo_lines

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:shop"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*", "Service": "lambda.amazonaws.com"}}]}
NARROW = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}
STATEMENT = {"Sid": "everyone", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}
LATE = {"late": "=environment_value(resource.config, each)", "each": None, "fingerprint": "hmac:0123456789abcdef"}


def step(operation: str, parameters: dict[str, Any], *undo: tuple[str, dict[str, Any]]) -> Step:
    return Step(Call(operation, parameters), tuple(Call(o, p) for o, p in undo))


def plan(*steps: Step, **changes: Any) -> Plan:
    facts: dict[str, Any] = {
        "case": "C-1",
        "account": "123456789012",
        "region": "us-east-1",
        "resource_type": "AWS::Lambda::Function",
        "resource_id": "shop",
        "arn": FUNCTION,
        "control": "lambda-url-public",
        "runbook": "lambda-require-url-auth",
        "version": "1.0.0",
        "runbook_digest": "sha256:0",
        "tier": "low",
        "reversible": "full",
        "steps": steps,
        "state_digest": "sha256:1",
    }
    return Plan(**{**facts, **changes})


def plain(made: Plan, evidence: tuple[dict[str, Any], ...] = ()) -> str:
    return "\n".join(line.plain for line in plan_lines(made, evidence))


URL = step(
    "lambda:UpdateFunctionUrlConfig",
    {"FunctionName": FUNCTION, "AuthType": "AWS_IAM"},
    ("lambda:UpdateFunctionUrlConfig", {"FunctionName": FUNCTION, "AuthType": "NONE"}),
)
REMOVAL = step(
    "lambda:RemovePermission",
    {"FunctionName": FUNCTION, "StatementId": "everyone"},
    ("lambda:AddPermission", {"FunctionName": FUNCTION, "StatementId": "everyone", "Principal": "*"}),
)
BOUNDARY = step(
    "iam:PutRolePermissionsBoundary",
    {"RoleName": "r", "PermissionsBoundary": "arn:aws:iam::123456789012:policy/b"},
    ("iam:DeleteRolePermissionsBoundary", {"RoleName": "r"}),
)
STAGE = step(
    "apigateway:UpdateStage",
    {"restApiId": "a", "patchOperations": [{"op": "replace", "path": "/tracingEnabled", "value": "true"}]},
    (
        "apigateway:UpdateStage",
        {"restApiId": "a", "patchOperations": [{"op": "replace", "path": "/tracingEnabled", "value": "false"}]},
    ),
)
NARROWING = step(
    "iam:UpdateAssumeRolePolicy",
    {"RoleName": "r", "PolicyDocument": json.dumps(NARROW)},
    ("iam:UpdateAssumeRolePolicy", {"RoleName": "r", "PolicyDocument": json.dumps(TRUST)}),
)


@pytest.mark.parametrize(
    ("made", "evidence", "expected"),
    [
        (URL, (), [Difference("AuthType", "NONE", "AWS_IAM")]),
        (REMOVAL, ({"Sid": "everyone", "Statement": STATEMENT},), [Difference("statement", STATEMENT, ABSENT)]),
        (REMOVAL, (), [Difference("Principal", "*", ABSENT)]),
        (REMOVAL, ({"Sid": "other", "Statement": STATEMENT},), [Difference("Principal", "*", ABSENT)]),
        (BOUNDARY, (), [Difference("PermissionsBoundary", ABSENT, "arn:aws:iam::123456789012:policy/b")]),
        (STAGE, (), [Difference("replace /tracingEnabled", "false", "true")]),
        (step("lambda:X", {"A": "b"}), (), []),
        (
            step("secretsmanager:CreateSecret", {"Name": "n"}, ("secretsmanager:DeleteSecret", {"SecretId": "n"})),
            (),
            [],
        ),
    ],
)
def test_differences(made: Step, evidence: tuple[dict[str, Any], ...], expected: list[Difference]) -> None:
    assert list(differences(made, evidence)) == expected


def test_a_changed_value_reads_before_then_after() -> None:
    shown = plain(plan(URL))
    assert "1. lambda:UpdateFunctionUrlConfig" in shown
    assert "AuthType  NONE → AWS_IAM" in shown
    assert f"FunctionName  {FUNCTION}" in shown
    assert "undo: lambda:UpdateFunctionUrlConfig" in shown


def test_a_removed_statement_is_shown_whole_as_gone() -> None:
    shown = plain(plan(REMOVAL), ({"Sid": "everyone", "Qualifier": None, "Statement": STATEMENT},))
    assert '-   "Principal": "*",' in shown
    assert "undo: lambda:AddPermission" in shown


def test_documents_are_a_diff_with_every_line_and_styled() -> None:
    lines = plan_lines(plan(NARROWING))
    gone = [line for line in lines if line.plain.lstrip().startswith("-")]
    assert [line.plain.split("-", 1)[1].strip() for line in gone] == ['"AWS": "*",']
    assert any("red" in str(span.style) for span in gone[0].spans)
    assert any('"Service": "lambda.amazonaws.com"' in line.plain for line in lines)
    assert any(line.plain.endswith("PolicyDocument: as it was before") for line in lines)


def test_statements_are_compared_in_their_places_or_whole() -> None:
    service = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}

    def marked(before: list[Any], after: list[Any]) -> list[str]:
        new, old = (json.dumps({"Statement": s}) for s in (after, before))
        change = step("iam:U", {"PolicyDocument": new}, ("iam:U", {"PolicyDocument": old}))
        return [t.plain.strip() for t in plan_lines(plan(change)) if t.plain.strip()[:2] in ("- ", "+ ")]

    assert marked([everyone, service], [service, service])[0:1] == ['-   "Principal": "*",']
    gone = marked([everyone, service], [service])
    assert gone[0] == "- {"
    assert all(line.startswith("-") for line in gone)
    assert len(gone) == 5


def test_what_was_not_set_before_says_so() -> None:
    assert "PermissionsBoundary  (none) → arn:aws:iam::123456789012:policy/b" in plain(plan(BOUNDARY))


def test_a_secret_is_named_by_its_origin_and_fingerprint() -> None:
    assert value_text(LATE) == (
        "a secret, read when applied: =environment_value(resource.config, each) (fingerprint hmac:0123456789abcdef)"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("a\nb", '"a\\nb"'),
        ("\x1b[2Jowned", '"\\u001b[2Jowned"'),
        ("abc\u202etxt", '"abc\\u202etxt"'),
        (" padded", '" padded"'),
        ("two  spaces", '"two  spaces"'),
        ('"quoted"', '"\\"quoted\\""'),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        (True, "true"),
        (30, "30"),
    ],
)
def test_values_are_exact_and_never_mislead(value: Any, expected: str) -> None:
    assert value_text(value) == expected


def test_what_cannot_be_undone_says_so_and_notes_and_hands_are_there() -> None:
    made = plan(step("lambda:X", {"A": "b"}), manual=("Tell the owner.",), notes=("Watch it.",), leaves="open")
    shown = plain(made)
    assert "undo: none, this cannot be taken back" in shown
    assert "By hand: Tell the owner." in shown
    assert "Note: Watch it." in shown
    assert "stays open" in shown
    assert shown.endswith(made.digest)


def test_undo_runs_the_last_step_first() -> None:
    shown = [line.plain for line in undo_lines(plan(URL, REMOVAL)) if line.plain[:1].isdigit()]
    assert shown == ["1. lambda:AddPermission", "2. lambda:UpdateFunctionUrlConfig"]


def test_a_plan_without_calls_shows_what_people_do_and_nothing_to_approve() -> None:
    made = plan(manual=("Give each function a role of its own.",))
    said = plain(made)
    assert "By hand: Give each function a role of its own." in said and "there is no call to approve" in said
    assert made.digest not in said and "reversible" not in said


def test_a_runbook_without_steps_says_so_on_its_page() -> None:
    from suture.cli.runbook_page import page

    document = json.loads((ROOT / "runbooks" / "packaged.json").read_text())["runbooks"]
    book = document["lambda-split-shared-role/1.0.0"]
    said = "\n".join(line.plain for line in page({**book["document"], "digest": book["digest"]}))
    assert "It makes no call: people do all of it." in said and "By hand" in said


def test_the_report_of_a_case_by_hand_lists_what_people_do() -> None:
    from suture.demo.report import _plan

    said = "".join(_plan(plan(manual=("Give each function a role of its own.",)), ()))
    assert "<li>Give each function a role of its own." in said and "<pre>" not in said
