"""`suture replay`, `runbooks`, `controls` and `render`: what needs no account; and `runbooks plan`."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:shop"


def record(name: str = "AddPermission20150331v2", **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.08",
        "eventSource": "lambda.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "recipientAccountId": "123456789012",
        "eventID": "e-1",
        "eventTime": "2026-01-02T03:04:05Z",
        "readOnly": False,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/u", "accountId": "123456789012"},
        "requestParameters": {"functionName": "shop"},
        **more,
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's runbooks and governance, to be broken."""
    for name in ("runbooks", "governance"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_replay_says_what_it_would_look_at(run: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.json.gz"
    log.write_bytes(gzip.compress(json.dumps({"Records": [record(), record(errorCode="AccessDenied")]}).encode()))
    result = run("replay", str(log))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("look     ")
    assert "AWS::Lambda::Function shop in us-east-1: " in lines[0]
    assert "lambda-policy-public" in lines[0]
    assert lines[1].startswith("ignored  ")
    assert lines[2] == "2 read, 1 look, 1 ignored, 0 failed"


def test_replay_of_a_folder_and_of_standard_input_in_json(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(record()) + "\n" + "{broken\n")
    result = run("replay", "--json", str(tmp_path), "-", input=json.dumps(record()))
    found = json.loads(result.stdout)
    assert result.exit_code == 2
    assert found["totals"] == {"read": 2, "look": 2, "ignored": 0, "failed": 1}
    assert [r["looks_at"][0]["resource_id"] for r in found["records"] if r["status"] == "look"] == ["shop", "shop"]


def test_controls_list_and_show(run: Any) -> None:
    found = json.loads(run("controls", "list", "--json").stdout)["controls"]
    assert {"id", "title", "severity", "pillar", "resource_type", "public_access"} == set(found[0])
    shown = json.loads(run("controls", "show", "lambda-url-public", "--json").stdout)
    assert shown["runbooks"] == ["lambda-require-url-auth/1.0.0"]
    assert "lambda-require-url-auth/1.0.0" in run("controls", "show", "lambda-url-public").stdout


def test_every_runbook_has_a_page(run: Any) -> None:
    listed = json.loads(run("runbooks", "list", "--json").stdout)["runbooks"]
    assert len(listed) >= 6
    for book in listed:
        shown = run("runbooks", "show", f"{book['id']}/{book['version']}")
        assert shown.exit_code == 0
        assert book["digest"] in shown.stdout
        assert (
            json.loads(run("runbooks", "show", f"{book['id']}/{book['version']}", "--json").stdout)["id"] == book["id"]
        )


def test_lint_of_the_project_and_of_a_broken_file(run: Any, project: Path) -> None:
    assert run("runbooks", "lint", "--root", str(project)).stdout == "Everything is in order\n"
    path = project / "runbooks" / "iam-narrow-trust" / "1.0.0.yaml"
    path.write_text(path.read_text().replace("iam:UpdateAssumeRolePolicy", "iam:DeleteRole"))
    result = run("runbooks", "lint", str(path), "--root", str(project))
    assert result.exit_code == 1
    assert result.stdout.startswith("runbooks/iam-narrow-trust/1.0.0.yaml:")
    assert "Next: " in result.stdout
    problems = json.loads(run("runbooks", "lint", "--root", str(project), "--json").stdout)["problems"]
    assert {"where", "what", "next"} == set(problems[0])


@pytest.mark.parametrize("text", ["", "[", "id: !!python/object:os.system x", "\x00", "- just\n- a list\n"])
def test_lint_of_what_is_no_runbook(run: Any, project: Path, text: str) -> None:
    path = project / "runbooks" / "iam-narrow-trust" / "1.0.0.yaml"
    path.write_text(text)
    result = run("runbooks", "lint", "--root", str(project))
    assert result.exit_code == 1
    assert "runbooks/iam-narrow-trust/1.0.0.yaml" in result.stdout


def test_lock_refuses_a_released_version_that_changed(run: Any, project: Path) -> None:
    assert run("runbooks", "lock", "--root", str(project)).stdout == "Nothing new to lock\n"
    path = project / "runbooks" / "iam-narrow-trust" / "1.0.0.yaml"
    path.write_text(path.read_text() + "# changed\n")
    result = run("runbooks", "lock", "--root", str(project))
    assert result.exit_code == 1
    assert "a released version never changes" in result.stderr


def test_render_packaged_checks_then_writes(run: Any, project: Path) -> None:
    packaged = project / "governance" / "packaged.json"
    packaged.write_text("{}")
    stale = run("render", "packaged", "--check", "--root", str(project))
    assert (stale.exit_code, stale.stdout) == (1, "governance/packaged.json is stale\n")
    assert "suture render packaged" in stale.stderr
    written = run("render", "packaged", "--root", str(project), "--json")
    assert json.loads(written.stdout)["written"] == ["governance/packaged.json"]
    assert run("render", "packaged", "--check", "--root", str(project)).exit_code == 0


def test_plan_of_one_resource(shop: Any, run: Any) -> None:
    shop.function("shop", shop.role("worker"))
    shop.open("shop")
    result = run("runbooks", "plan", "lambda-remove-public-grants", FUNCTION)
    assert result.exit_code == 0
    assert "1. lambda:RemovePermission" in result.stdout
    found = json.loads(run("runbooks", "plan", "lambda-remove-public-grants", FUNCTION, "--json").stdout)
    assert found["plans"][0]["steps"][0]["call"]["parameters"]["StatementId"] == "everyone"
    assert len(shop.functions.get_policy(FunctionName="shop")["Policy"]) > 0


def test_plan_where_nothing_is_wrong(shop: Any, run: Any) -> None:
    shop.function("shop", shop.role("worker"))
    result = run("runbooks", "plan", "lambda-remove-public-grants/1.0.0", FUNCTION)
    assert (result.exit_code, result.stdout.startswith("Nothing to do")) == (0, True)


def test_plan_that_is_refused_says_why(shop: Any, run: Any) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    shop.role("open", {"Version": "2012-10-17", "Statement": [everyone]})
    result = run("runbooks", "plan", "iam-narrow-trust", "arn:aws:iam::123456789012:role/open")
    assert result.exit_code == 1
    assert "No plan (escalate): nobody would be left" in result.stdout


@pytest.mark.parametrize(
    ("arn", "code", "says"),
    [
        (FUNCTION, 1, "there is no such resource"),
        (FUNCTION.replace("123456789012", "999999999999"), 2, "belongs to account 999999999999"),
        ("arn:aws:iam::123456789012:role/x", 2, "this is no ARN of one"),
        ("shop", 2, "this is no ARN of one"),
        ("arn:aws:lambda:us-east-1:123456789012:function:../../x", 2, "this is no ARN of one"),
    ],
)
def test_plan_for_what_is_not_there(account: None, run: Any, arn: str, code: int, says: str) -> None:
    result = run("runbooks", "plan", "lambda-remove-public-grants", arn)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("text", ["WebhookUrl", "=x"])
def test_a_parameter_of_the_sandbox_is_a_pair(run: Any, text: str) -> None:
    done = run("sandbox", "--parameter", text)
    assert (done.exit_code, "is not NAME=VALUE" in done.stderr) == (2, True)
