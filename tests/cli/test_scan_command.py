"""`suture scan` against moto: what it finds, where it says that it could not look, what it prints."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from click.testing import Result

from chalicelib.aws import readers
from chalicelib.aws.clients import Clients
from chalicelib.errors import Denied, Throttled
from chalicelib.model import Finding
from suture.sarif import sarif
from suture.scan import Blind, Found, Report, scan

SECRET = "-".join(("hunter", "Zx9", "QpL4", "vVn8Rt2"))
EVERYONE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


class Quiet:
    def begin(self, what: str, total: int) -> None:
        pass

    def step(self) -> None:
        pass


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_an_empty_account_is_clean(account: None, run: Any) -> None:
    result = run("scan")
    assert result.exit_code == 0
    assert "Nothing found" in result.stdout


def test_findings_are_ranked_and_exit_1(shop: Any, run: Any) -> None:
    role = shop.role("worker")
    shop.role("open", EVERYONE)
    shop.function("shop", role, DB_PASSWORD=SECRET)
    shop.function("quiet", shop.role("other"))
    shop.open("shop")
    result = run("scan", "--json")
    found = [(f["severity"], f["control"], f["resource_id"]) for f in document(result)["findings"]]
    assert result.exit_code == 1
    assert found == [
        ("critical", "iam-trust-public", "open"),
        ("critical", "lambda-policy-public", "shop"),
        ("high", "lambda-env-plaintext-secret", "shop"),
    ]
    assert document(result)["looked"]["AWS::Lambda::Function"] == 2
    assert SECRET not in result.output


def test_text_names_resource_and_count(shop: Any, run: Any) -> None:
    shop.role("open", EVERYONE)
    result = run("scan")
    assert "arn:aws:iam::123456789012:role/open" in result.stdout
    assert "1 finding\n" in result.stdout


def test_plan_shows_exact_calls_and_no_secret(shop: Any, run: Any) -> None:
    shop.function("shop", shop.role("worker"), DB_PASSWORD=SECRET)
    shop.open("shop")
    result = run("scan", "--plan")
    assert "1. lambda:RemovePermission" in result.stdout
    assert "undo: lambda:AddPermission" in result.stdout
    assert "1. secretsmanager:CreateSecret" in result.stdout
    assert "fingerprint hmac:" in result.stdout
    assert SECRET not in result.output


def test_plan_says_why_there_is_none(shop: Any, run: Any) -> None:
    shop.role("admin")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    shop.iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=json.dumps(everything))
    found = document(run("scan", "--plan", "--json"))["findings"]
    assert [f["control"] for f in found] == ["iam-role-admin"]
    assert "BOUNDARY_ARN" in found[0]["no_plan"]


def test_plan_with_the_stacks_facts(shop: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.role("admin")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    shop.iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=json.dumps(everything))
    monkeypatch.setenv("BOUNDARY_ARN", "arn:aws:iam::123456789012:policy/boundary")
    found = document(run("scan", "--plan", "--json"))["findings"]
    assert found[0]["plan"]["steps"][0]["call"]["parameters"] == {
        "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "RoleName": "admin",
    }


def test_regions_and_iam_once(shop: Any, run: Any) -> None:
    shop.role("open", EVERYONE)
    result = run("scan", "--region", "us-east-1,eu-west-1", "--region", "eu-west-1", "--json")
    assert document(result)["regions"] == ["us-east-1", "eu-west-1"]
    assert [f["resource_id"] for f in document(result)["findings"]] == ["open"]


def test_only_one_control(shop: Any, run: Any) -> None:
    shop.role("open", EVERYONE)
    result = run("scan", "--control", "lambda-url-public", "--json")
    assert result.exit_code == 0
    assert list(document(result)["looked"]) == ["AWS::Lambda::Function"]


def denying(monkeypatch: pytest.MonkeyPatch, operation: str, where: str = "", error: type = Denied) -> None:
    """AWS refuses one operation, for one name if `where` says which."""
    real_call, real_pages = Clients.call, Clients.pages

    def refused(name: str, parameters: Any) -> bool:
        return name == operation and (not where or where in parameters.values())

    def call(self: Clients, name: str, parameters: Any) -> Any:
        if refused(name, parameters):
            raise error(f"{name} answered AccessDenied: no", operation=name, code="AccessDenied")
        return real_call(self, name, parameters)

    def pages(self: Clients, name: str, parameters: Any, key: str) -> Any:
        if refused(name, parameters):
            raise error(f"{name} answered AccessDenied: no", operation=name, code="AccessDenied")
        return real_pages(self, name, parameters, key)

    monkeypatch.setattr(Clients, "call", call)
    monkeypatch.setattr(Clients, "pages", pages)


def test_a_denied_read_is_told_and_the_rest_is_judged(shop: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dark", "shop"):
        shop.function(name, shop.role(f"{name}-role"))
        shop.open(name)
    denying(monkeypatch, "lambda:GetPolicy", "dark")
    result = run("scan", "--json")
    assert result.exit_code == 2
    assert [f["resource_id"] for f in document(result)["findings"]] == ["shop"]
    assert document(result)["could_not_look"] == [
        {
            "region": "us-east-1",
            "resource_type": "AWS::Lambda::Function",
            "resource_id": "dark",
            "what": "lambda:GetPolicy answered AccessDenied: no",
            "operation": "lambda:GetPolicy",
            "kind": "Denied",
        }
    ]
    text = run("scan")
    assert "Could not look everywhere" in text.stdout
    assert "AWS::Lambda::Function dark in us-east-1: lambda:GetPolicy" in text.stdout


def test_a_denied_list_costs_the_types_that_need_it_alone(shop: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.role("open", EVERYONE)
    denying(monkeypatch, "lambda:ListFunctions")
    result = run("scan", "--json")
    assert result.exit_code == 2
    assert [f["control"] for f in document(result)["findings"]] == ["iam-trust-public"]
    assert [(b["resource_type"], b["resource_id"]) for b in document(result)["could_not_look"]] == [
        ("AWS::Lambda::Function", ""),
        ("Suture::IAM::RoleUsage", ""),
        ("Suture::Lambda::SharedRole", ""),
    ]


def test_a_type_that_nobody_answers_for_is_given_up(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        shop.role(f"r{number}")
    denying(monkeypatch, "iam:GetRole", error=Throttled)
    aws = Clients("123456789012", "us-east-1")
    report = scan([aws], aws, ["iam-trust-public"], Quiet(), sleep=lambda _: None)
    assert [b.resource_id for b in report.blind] == ["r0", "r1", "r2", ""]
    assert "3 more were not tried" in report.blind[-1].what


def test_a_throttled_read_is_tried_again(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.role("open", EVERYONE)
    real, left, slept = readers.read, [2], []

    def read(aws: Any, kind: str, id_: str) -> Any:
        if left[0]:
            left[0] -= 1
            raise Throttled("slow down", operation="iam:GetRole", code="Throttling")
        return real(aws, kind, id_)

    monkeypatch.setattr(readers, "read", read)
    aws = Clients("123456789012", "us-east-1")
    report = scan([aws], aws, ["iam-trust-public"], Quiet(), sleep=slept.append)
    assert (len(report.findings), report.blind, slept) == (1, (), [1.0, 3.0])


def test_a_control_that_stumbles_is_a_blind_spot(shop: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.role("r")

    def stumble(control: str, resource: Any) -> None:
        raise RuntimeError("odd document")

    monkeypatch.setattr("suture.scan.judge_one", stumble)
    result = run("scan", "--control", "iam-trust-public", "--json")
    assert result.exit_code == 2
    assert "cannot judge it: RuntimeError: odd document" in document(result)["could_not_look"][0]["what"]


def test_sarif_has_a_result_a_finding_and_a_notification_a_blind_spot(
    shop: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.role("open", EVERYONE)
    denying(monkeypatch, "lambda:ListLayers")
    result = run("scan", "--sarif")
    log = document(result)
    (job,) = log["runs"]
    (found,) = job["results"]
    rules = job["tool"]["driver"]["rules"]
    assert (log["version"], result.exit_code) == ("2.1.0", 2)
    assert rules[found["ruleIndex"]]["id"] == found["ruleId"] == "iam-trust-public"
    assert found["locations"][0]["logicalLocations"][0] == {
        "name": "open",
        "fullyQualifiedName": "arn:aws:iam::123456789012:role/open",
        "kind": "resource",
    }
    assert found["level"] == "error"
    assert all(len(set(rule["properties"]["tags"])) == len(rule["properties"]["tags"]) for rule in rules)
    invocation = job["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


@pytest.mark.parametrize(
    ("severity", "level"), [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "note")]
)
def test_sarif_levels(severity: str, level: str) -> None:
    from chalicelib.controls import all_controls

    finding = Finding("lambda-url-public", severity, "arn:aws:lambda:::function:f", "t", ({"Qualifier": None},))
    found = Found(finding, "AWS::Lambda::LayerVersion", "f", "123456789012", "us-east-1")
    blind = (Blind("us-east-1", "AWS::IAM::Role", "", "denied"),)
    log = sarif(Report("123456789012", ("us-east-1",), {}, (found,), blind), all_controls(), "1")
    assert log["runs"][0]["results"][0]["level"] == level


def test_hostile_names_reach_the_terminal_harmlessly(shop: Any, run: Any) -> None:
    nasty = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "[red]\u001b[2J", "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}],
    }
    shop.role("open", nasty)
    result = run("scan", "--plan")
    assert result.exit_code == 1
    assert "\x1b" not in result.output


def test_json_and_sarif_exclude_each_other(run: Any) -> None:
    assert run("scan", "--json", "--sarif").exit_code == 2


def test_the_scan_only_reads(shop: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.aws.operations import OPERATIONS

    shop.function("shop", shop.role("worker"), DB_PASSWORD=SECRET)
    asked: set[str] = set()
    real_call, real_pages = Clients.call, Clients.pages

    def call(self: Clients, name: str, parameters: Any) -> Any:
        asked.add(name)
        return real_call(self, name, parameters)

    def pages(self: Clients, name: str, parameters: Any, key: str) -> Any:
        asked.add(name)
        return real_pages(self, name, parameters, key)

    monkeypatch.setattr(Clients, "call", call)
    monkeypatch.setattr(Clients, "pages", pages)
    run("scan", "--plan")
    assert {OPERATIONS[name].kind for name in asked - {"sts:GetCallerIdentity"}} == {"read"}
    assert boto3.client("secretsmanager", region_name="us-east-1").list_secrets()["SecretList"] == []
