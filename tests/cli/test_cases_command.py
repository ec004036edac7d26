"""`suture cases`, `pause` and `resume` against a fake decision API on loopback."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.model import Call, Plan, Step
from suture.cli import deciding
from suture.cli.deciding import moment
from suture.cli.failures import WrongUsage

ARN = "arn:aws:lambda:us-east-1:123456789012:function:shop"
PLAN = Plan(
    case="C-1",
    account="123456789012",
    region="us-east-1",
    resource_type="AWS::Lambda::Function",
    resource_id="shop",
    arn=ARN,
    control="lambda-url-public",
    runbook="lambda-require-url-auth",
    version="1.0.0",
    runbook_digest="sha256:0",
    tier="low",
    reversible="full",
    steps=(
        Step(
            Call("lambda:UpdateFunctionUrlConfig", {"FunctionName": ARN, "AuthType": "AWS_IAM"}),
            (Call("lambda:UpdateFunctionUrlConfig", {"FunctionName": ARN, "AuthType": "NONE"}),),
        ),
    ),
    state_digest="sha256:1",
)
CASE = {
    "id": "C-1",
    "state": "PENDING",
    "severity": "high",
    "control": "lambda-url-public",
    "arn": ARN,
    "title": "Anyone on the internet may call shop",
    "account": "123456789012",
    "region": "us-east-1",
    "opened": "2026-01-02T03:04:05.678Z",
    "updated": "2026-01-02T03:04:06.000Z",
    "decision": "propose",
    "reasons": ["mode propose: the pin allows propose"],
    "causers": [{"arn": "arn:aws:iam::123456789012:role/deploy", "session": "ci", "kind": "AssumedRole"}],
    "action": "lambda:UpdateFunctionUrlConfig",
    "evidence": [{"Qualifier": None, "AuthType": "NONE"}],
    "plan": PLAN.as_json(),
}
ANSWER = {
    "case": CASE,
    "records": [
        {"at": "2026-01-02T03:04:05.678Z", "from": "", "to": "DETECTED", "what": "found", "by": "watch"},
        {"at": "2026-01-02T03:04:06.000Z", "from": "PLANNED", "to": "PENDING", "what": "propose", "by": "watch"},
    ],
    "journal": [{"call": {"operation": "lambda:UpdateFunctionUrlConfig"}, "done": True}],
    "approvals": [{"person": "sam", "given": "approve", "about": "apply", "at": "2026-01-02T04:00:00.000Z"}],
    "can_decide": ["Olly", "Sam"],
    "quorum": {"stands": False, "reasons": ["1 of 2 people, still one of: owner"]},
}
DECIDED = {"case": "C-1", "state": "APPROVED", "reasons": ["1 of 1 people"]}


@pytest.fixture
def api(door: Any) -> Any:
    """The fake API with one pending case."""
    door.answers[("GET", "/api/cases")] = (200, {"cases": [CASE], "paused": False})
    door.answers[("GET", "/api/cases?state=PENDING")] = (200, {"cases": [CASE]})
    door.answers[("GET", "/api/cases/C-1")] = (200, ANSWER)
    door.answers[("POST", "/api/cases/C-1/decision")] = (200, DECIDED)
    return door


def test_list_is_a_table_and_json(api: Any, run: Any) -> None:
    result = run("cases", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["CASE", "SEVERITY", "STATE", "CONTROL", "RESOURCE", "UPDATED"]
    assert "2026-01-02 03:04:06Z" in result.stdout
    assert json.loads(run("cases", "list", "--json", "--state", "pending").stdout)["cases"][0]["id"] == "C-1"


def test_list_says_when_paused(api: Any, run: Any) -> None:
    api.answers[("GET", "/api/cases")] = (200, {"cases": [], "paused": True})
    assert run("cases", "list").stdout == "Paused: nothing is written until two people resume\nNo cases\n"


def test_list_and_show_say_what_a_pause_holds_and_why(api: Any, run: Any) -> None:
    pause = {"scope": "control x", "by": "olly", "at": "2026-01-02T03:04:06.000Z", "reason": "storm", "resume": ["sam"]}
    held = {**CASE, "state": "APPROVED", "waits": "control x is paused by olly"}
    api.answers[("GET", "/api/cases")] = (200, {"cases": [held, CASE], "paused": False, "pauses": [pause]})
    api.answers[("GET", "/api/cases/C-1")] = (200, {**ANSWER, "waits": "control x is paused by olly"})
    shown = run("cases", "list").stdout
    assert "Paused: control x by olly since 2026-01-02 03:04:06Z: storm; sam asks to resume\n1 approved" in shown
    assert "Waits: control x is paused by olly" in run("cases", "show", "C-1").stdout


def test_requests_are_signed_for_the_api(api: Any, run: Any) -> None:
    run("cases", "list")
    headers = api.asked[0][2]
    assert "/us-east-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=testing/")


def test_show_tells_the_whole_story(api: Any, run: Any) -> None:
    shown = run("cases", "show", "C-1").stdout
    for text in (
        "C-1  PENDING  high",
        "propose: mode propose: the pin allows propose",
        "lambda:UpdateFunctionUrlConfig by arn:aws:iam::123456789012:role/deploy (session ci)",
        "AuthType  NONE → AWS_IAM",
        PLAN.digest,
        "Olly, Sam",
        "sam says approve to apply",
        "still one of: owner",
        "PLANNED → PENDING  propose (watch)",
        "done",
    ):
        assert text in shown
    assert json.loads(run("cases", "show", "C-1", "--json").stdout) == ANSWER


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["approve", "--plan", PLAN.digest], {"decision": "approve", "plan": PLAN.digest}),
        (
            ["approve", "--plan", PLAN.digest.removeprefix("sha256:").upper(), "--reason", "fine"],
            {"decision": "approve", "plan": PLAN.digest, "reason": "fine"},
        ),
        (["reject", "--reason", "meant"], {"decision": "reject", "plan": PLAN.digest, "reason": "meant"}),
        (["revoke"], {"decision": "revoke", "plan": PLAN.digest}),
        (["undo", "--reason", "it broke"], {"decision": "undo", "plan": PLAN.digest, "reason": "it broke"}),
        (
            ["suppress", "--until", "2999-12-31", "--reason", "by design"],
            {"decision": "suppress", "plan": PLAN.digest, "reason": "by design", "until": "2999-12-31T23:59:59Z"},
        ),
    ],
)
def test_decisions_name_the_plan(api: Any, run: Any, arguments: list[str], body: dict[str, str]) -> None:
    result = run("cases", arguments[0], "C-1", *arguments[1:])
    assert result.exit_code == 0
    assert api.asked[-1][0:2] == ("POST", "/api/cases/C-1/decision")
    assert api.asked[-1][3] == body
    assert result.stdout == "C-1  APPROVED\n  1 of 1 people\n"


def test_decisions_in_json(api: Any, run: Any) -> None:
    assert json.loads(run("cases", "approve", "C-1", "--plan", PLAN.digest, "--json").stdout) == DECIDED


def test_approve_without_a_plan_needs_a_terminal(api: Any, run: Any) -> None:
    result = run("cases", "approve", "C-1")
    assert result.exit_code == 2
    assert "pass --plan" in result.stderr
    assert api.asked == []


@pytest.mark.parametrize(("typed", "code"), [(PLAN.digest[-4:], 0), ("nope", 1), ("", 130)])
def test_on_a_terminal_the_last_digits_confirm(
    api: Any, run: Any, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr(deciding, "is_terminal", lambda: True)
    result = run("cases", "approve", "C-1", input=typed + "\n" if typed else "")
    assert result.exit_code == code
    assert "NONE → AWS_IAM" in result.stderr
    assert ("POST" in [method for method, *_ in api.asked]) is (code == 0)


def test_a_plan_that_is_not_what_its_digest_says_is_never_approved(
    api: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "is_terminal", lambda: True)
    forged = {**PLAN.as_json(), "digest": "sha256:" + "0" * 64}
    api.answers[("GET", "/api/cases/C-1")] = (200, {**ANSWER, "case": {**CASE, "plan": forged}})
    result = run("cases", "approve", "C-1", input="0000\n")
    assert result.exit_code == 1
    assert "digest" in result.stderr
    assert all(method == "GET" for method, *_ in api.asked)


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (
            403,
            {"error": "Drew caused this change", "next": "ask Sam"},
            1,
            "refused (403): Drew caused this change. Next: ask Sam",
        ),
        (404, {"error": "there is no case C-1"}, 1, "there is no case"),
        (409, {"error": "the plan changed"}, 1, "the plan changed"),
        (403, {"Message": "User: x is not authorized to perform: execute-api:Invoke"}, 1, "get-caller-identity"),
        (429, {"message": "Too Many Requests"}, 3, "answered 429"),
        (500, {"message": "Internal server error"}, 3, "answered 500"),
        (503, {"error": "not just now", "next": "try again"}, 3, "try again"),
        (200, b"<html>", 3, "no JSON"),
        (200, b"[1]", 3, "answered 200"),
        (302, b"", 3, "answered 302"),
        (404, b"<html>nginx</html>", 3, "answered 404"),
        (403, {"error": "\u001b[2J\u202eevil [bold]"}, 1, "[2Jevil [bold]"),
    ],
)
def test_refusals_and_odd_answers(api: Any, run: Any, status: int, body: Any, code: int, says: str) -> None:
    api.answers[("POST", "/api/cases/C-1/decision")] = (status, body)
    result = run("cases", "approve", "C-1", "--plan", PLAN.digest)
    assert result.exit_code == code
    assert result.stdout == ""
    assert says in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    "case", [{}, {"plan": {"digest": 3}}, {"records": 1, "causers": "x", "evidence": None}, {"id": None}]
)
def test_a_case_with_odd_parts_is_shown_all_the_same(api: Any, run: Any, case: dict[str, Any]) -> None:
    api.answers[("GET", "/api/cases/C-1")] = (200, {"case": case, "records": [1], "quorum": 4, "approvals": [None]})
    assert run("cases", "show", "C-1").exit_code == 0


def test_markup_and_controls_from_a_case_are_shown_as_text(api: Any, run: Any) -> None:
    api.answers[("GET", "/api/cases/C-1")] = (200, {"case": {**CASE, "title": "[red]a\u001b[31m\nb"}})
    shown = run("cases", "show", "C-1").stdout
    assert "[red]a[31m b" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list", "--state", "BROKEN"], 2),
        (["show", "../../pause"], 1),
        (["show", "C-1?x=1"], 1),
        (["approve", "C-1", "--plan", "1234"], 2),
        (["suppress", "C-1", "--until", "yesterday", "--reason", "x"], 2),
        (["suppress", "C-1", "--until", "2001-01-01", "--reason", "x"], 2),
        (["suppress", "C-1", "--until", "30d"], 2),
        (["reject", "C-1"], 2),
    ],
)
def test_wrong_arguments_ask_nothing(api: Any, run: Any, arguments: list[str], code: int) -> None:
    result = run("cases", *arguments)
    assert result.exit_code == code
    assert api.asked == []
    assert result.stderr.startswith("error: ")


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8h", "2026-01-02T11:04:05Z"),
        ("30d", "2026-02-01T03:04:05Z"),
        ("2026-03-04", "2026-03-04T23:59:59Z"),
        ("2026-03-04T08:00Z", "2026-03-04T08:00:00Z"),
        ("2026-03-04T08:00+02:00", "2026-03-04T06:00:00Z"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "h", "-1d", "2026-03-04T08:00", "2026-13-01", "0s", "9" * 30 + "d", "tomorrow"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(WrongUsage):
        moment(text, NOW)


def test_the_address_may_stand_at_either_place(api: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUTURE_API_URL")
    assert run("cases", "--api-url", api.url, "list").exit_code == 0
    assert run("cases", "list", "--api-url", api.url + "/").exit_code == 0
    assert run("cases", "list").exit_code == 2


def test_pause_and_resume(door: Any, run: Any) -> None:
    door.answers[("POST", "/api/pause")] = (200, {"paused": True, "reasons": ["Sam paused every write"]})
    door.answers[("POST", "/api/resume")] = (403, {"error": "not you", "next": "ask Sam"})
    paused = run("pause", "--reason", "checkout is broken")
    assert (paused.exit_code, paused.stdout) == (0, "Sam paused every write\n")
    assert door.asked[-1][3] == {"reason": "checkout is broken"}
    assert run("pause", "--control", "lambda-url-public").exit_code == 0
    assert door.asked[-1][3] == {"reason": "", "control": "lambda-url-public"}
    assert run("pause", "--control", "lambda-url-public", "--account", "123456789012").exit_code == 2
    resumed = run("resume")
    assert (resumed.exit_code, resumed.stdout) == (1, "")
    assert "not you. Next: ask Sam" in resumed.stderr
