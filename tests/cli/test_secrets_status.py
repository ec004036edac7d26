"""`suture secrets status`: the stages with ticks, who is next, the code change and the way to rotate."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from test_cases_command import ANSWER

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:suture/shop/DB_PASSWORD/C-1-AbCdEf"
DIGESTS = {name: "sha256:" + letter * 64 for name, letter in (("store", "a"), ("grant", "b"), ("reference", "c"))}
STAGED: dict[str, Any] = {
    **ANSWER,
    "case": {
        **ANSWER["case"],  # type: ignore[dict-item]
        "control": "lambda-env-plaintext-secret",
        "state": "WAITING_OWNER",
        "plan": {"runbook": "lambda-lead-out-secret", "version": "1.0.0", "digest": DIGESTS["reference"]},
        "standing": {"stage": "observe", "number": 6, "of": 10, "who": "owner", "says": "Change the code."},
        "reached": {"store": "2026-01-02T03:04:05.678Z"},
        "stages": [{"stage": n, "at": "2026-01-02T05:00:00.000Z", "plan": {"digest": d}} for n, d in DIGESTS.items()],
        "told": {
            "triage": {"runtime": "python3.12", "role": "arn:aws:iam::123456789012:role/shop-role", "versions": []},
            "contain": {"could_read_it": {"roles": ["auditor", "boss"], "users": []}, "stacks": ["shop"]},
            "store": {"secrets": [{"Name": "DB_PASSWORD", "Kind": "password", "Confidence": "likely"}]},
            "reference": {"secrets": [{"Name": "DB_PASSWORD", "Arn": SECRET}]},
            "observe": {
                "reads": [{"Name": "DB_PASSWORD", "Reads": 3, "First": "", "Last": ""}],
                "health": {
                    "Before": {"Errors": 0, "Invocations": 9},
                    "After": {"Errors": 4, "Invocations": 9},
                    "Risen": True,
                },
            },
        },
        "attested": {},
        "owned_by": "",
        "notes": ["The next terraform deploy would bring the risk back."],
    },
    "approvals": [
        {"person": "sam", "given": "approve", "about": "apply", "plan": DIGESTS["grant"], "at": "2026-01-02T04:59:00Z"}
    ],
}


@pytest.fixture
def api(door: Any) -> Any:
    return door


def at(stage: str, number: int, state: str, **more: Any) -> dict[str, Any]:
    answer = copy.deepcopy(STAGED)
    answer["case"]["standing"] |= {"stage": stage, "number": number}
    answer["case"] |= {"state": state, **more}
    return answer


def test_the_owner_sees_ticks_what_is_next_and_the_code_change(api: Any, run: Any) -> None:
    api.answers["GET", "/api/cases/C-1"] = (200, STAGED)
    said = run("secrets", "status", "C-1", "--api-url", api.url)
    assert said.exit_code == 0, said.output
    for expected in (
        "✓  4  grant",
        "by sam",
        "▸  6  observe",
        "·  7  remove",
        "Stage 6 of 10, observe: Change the code.",
        "Next: owner",
        "was read 3 times",
        "the error rate ROSE",
        "Exposed, could read it roles: auditor, boss",
        "Exposed, could read it users: none",
        "Exposed, stacks: shop",
        'parameters.get_secret(os.environ["DB_PASSWORD_SECRET_ARN"], max_age=300)',
        'resource "aws_iam_role_policy" "read_db_password"',
    ):
        assert expected in said.output, (expected, said.output)
    assert "serverless.yml" not in said.output, "the case says that Terraform deploys it"


def test_at_rotate_it_says_how_and_with_which_command(api: Any, run: Any) -> None:
    api.answers["GET", "/api/cases/C-1"] = (200, at("rotate", 9, "WAITING_OWNER"))
    said = run("secrets", "status", "C-1", "--api-url", api.url).output
    assert "suture cases attest C-1 --by NAME" in said
    assert "put-secret-value --secret-id" in said and "Rotate DB_PASSWORD (password)" in said


def test_at_store_it_says_what_becomes_of_the_value_and_how_that_is_taken_back(api: Any, run: Any) -> None:
    answer = at("store", 3, "PENDING")
    answer["case"]["told"]["store"]["secrets"][0]["Does"] = "becomes a new version; taken back by its label"
    api.answers["GET", "/api/cases/C-1"] = (200, answer)
    said = run("secrets", "status", "C-1", "--api-url", api.url).output
    assert "Store: DB_PASSWORD becomes a new version; taken back by its label" in said


def test_what_secrets_manager_rotated_is_shown(api: Any, run: Any) -> None:
    answer = at("close", 10, "RESOLVED")
    answer["case"]["told"]["rotate"] = {"rotations": [{"Name": "DB_PASSWORD", "By": "rotates", "At": "2026-01-03"}]}
    api.answers["GET", "/api/cases/C-1"] = (200, answer)
    said = run("secrets", "status", "C-1", "--api-url", api.url).output
    assert "DB_PASSWORD was rotated by rotates at 2026-01-03" in said


@pytest.mark.parametrize(
    ("answer", "command"),
    [
        (at("remove", 7, "PENDING"), f"suture cases approve C-1 --plan {DIGESTS['reference']}"),
        (at("remove", 7, "UNDONE"), "suture cases continue C-1"),
        (at("close", 10, "RESOLVED"), ""),
    ],
)
def test_as_data(api: Any, run: Any, answer: Any, command: str) -> None:
    api.answers["GET", "/api/cases/C-1"] = (200, answer)
    found = json.loads(run("secrets", "status", "C-1", "--json", "--api-url", api.url).stdout)
    assert found["next"]["command"].startswith(command)
    assert [s["stage"] for s in found["stages"]][:4] == ["triage", "contain", "store", "grant"]
    assert all(s["done"] for s in found["stages"]) is (answer["case"]["state"] == "RESOLVED")


def test_another_case_has_no_stages(api: Any, run: Any) -> None:
    api.answers["GET", "/api/cases/C-1"] = (200, ANSWER)
    said = run("secrets", "status", "C-1", "--api-url", api.url)
    assert said.exit_code != 0 and "not the case of a staged runbook" in said.output


def test_what_somebody_attests_goes_with_who_and_when(api: Any, run: Any) -> None:
    api.answers["POST", "/api/cases/C-1/decision"] = (200, {"case": "C-1", "state": "WAITING_OWNER", "reasons": ["ok"]})
    arguments = ("--by", "Olly", "--at", "2026-01-02T08:00+01:00", "--reason", "new password")
    said = run("cases", "attest", "C-1", *arguments, "--api-url", api.url)
    assert said.exit_code == 0, said.output
    assert api.asked[-1][3] == {
        "decision": "attest",
        "by": "Olly",
        "at": "2026-01-02T07:00:00Z",
        "reason": "new password",
    }
    wrong = run("cases", "attest", "C-1", "--by", "Olly", "--at", "soon", "--reason", "x", "--api-url", api.url)
    assert wrong.exit_code == 2 and "no time" in wrong.output
