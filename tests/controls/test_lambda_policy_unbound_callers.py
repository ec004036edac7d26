"""Open grants of services that are asked what of theirs calls the function: bound to it, or to the account, or left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from calling import ARN, CALLERS, function, rest_api
from playing import ACCOUNT, Account, found, fresh_account, refused

TYPE, CONTROL, RUNBOOK = "AWS::Lambda::Function", "lambda-policy-unbound-service", "lambda-bind-service-grants"
KINDS = ("rest api", "http authorizer", "user pool", "secret", "config rule", "log group", "alarm", "receipt rule")


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        function(made.client)
        yield made


def open_to(account: Account, service: str, **more: str) -> None:
    account.client("lambda").add_permission(
        FunctionName="orders", StatementId="loose", Action="lambda:InvokeFunction", Principal=service, **more
    )


def notes(account: Account) -> str:
    return " ".join(found(CONTROL, account.read(TYPE, "orders")).evidence[0]["Notes"])


def sources_of(parameters: Any) -> dict[str, str]:
    return {name: parameters[name] for name in ("SourceArn", "SourceAccount") if name in parameters}


@pytest.mark.parametrize("kind", KINDS)
def test_the_grant_is_bound_to_the_one_source_and_back(account: Account, kind: str) -> None:
    service, make, _ = CALLERS[kind]
    open_to(account, f"{service}.amazonaws.com")
    source = make(account.client, "first", ARN)
    assert "and for nothing else" in notes(account)
    assert ("bound to the account" in notes(account)) == (kind == "secret")
    plan, fixed = account.fixed_and_undone(RUNBOOK, CONTROL, account.read(TYPE, "orders"))
    assert sources_of(plan.steps[0].call.parameters) == source
    assert fixed.config["Callers"] == {}


@pytest.mark.parametrize("kind", ["http api", "user pool", "log group", "config rule"])
def test_several_sources_are_named_and_left_to_the_owner(account: Account, kind: str) -> None:
    service, make, _ = CALLERS[kind]
    open_to(account, f"{service}.amazonaws.com")
    first, second = (make(account.client, name, ARN)["SourceArn"] for name in ("first", "second"))
    resource = account.read(TYPE, "orders")
    assert "several sources" in refused(RUNBOOK, CONTROL, resource).why
    title = found(CONTROL, resource).title
    assert first in title and second in title


def test_secrets_are_never_several_sources_since_the_account_is_all_that_binds(account: Account) -> None:
    open_to(account, "secretsmanager.amazonaws.com")
    for name in ("first", "second"):
        CALLERS["secret"].make(account.client, name, ARN)
    said = notes(account)
    assert ":secret:first-" in said and ":secret:second-" in said and "bound to the account" in said
    plan, _ = account.fixed_and_undone(RUNBOOK, CONTROL, account.read(TYPE, "orders"))
    assert sources_of(plan.steps[0].call.parameters) == {"SourceAccount": ACCOUNT}


OWN = {
    "apigateway": {"SourceArn": f"arn:aws:execute-api:*:{ACCOUNT}:*"},
    "cognito-idp": {"SourceArn": f"arn:aws:cognito-idp:*:{ACCOUNT}:userpool/*"},
    "logs": {"SourceArn": f"arn:aws:logs:*:{ACCOUNT}:log-group:*"},
    "logs.us-east-1": {"SourceArn": f"arn:aws:logs:*:{ACCOUNT}:log-group:*"},
    "ses": {"SourceAccount": ACCOUNT},
}


@pytest.mark.parametrize("service", OWN)
def test_without_a_source_the_account_is_the_condition(account: Account, service: str) -> None:
    open_to(account, f"{service}.amazonaws.com")
    assert "may be a relic" in notes(account) and "bound to the account" in notes(account)
    plan, _ = account.fixed_and_undone(RUNBOOK, CONTROL, account.read(TYPE, "orders"))
    assert sources_of(plan.steps[0].call.parameters) == OWN[service]


def test_one_api_beside_a_stage_variable_binds_to_the_account_only(account: Account) -> None:
    open_to(account, "apigateway.amazonaws.com")
    api = rest_api(account.client, "first", ARN)["SourceArn"]
    rest_api(account.client, "staged", "${stageVariables.fn}")
    said = notes(account)
    assert "could not ask all" in said and api in said and "bound to the account" in said
    plan, _ = account.fixed_and_undone(RUNBOOK, CONTROL, account.read(TYPE, "orders"))
    assert sources_of(plan.steps[0].call.parameters) == OWN["apigateway"]


def test_an_alias_is_bound_to_what_calls_the_alias(account: Account) -> None:
    open_to(account, "cognito-idp.amazonaws.com", Qualifier="prod")
    CALLERS["user pool"].make(account.client, "unqualified", ARN)
    source = CALLERS["user pool"].make(account.client, "aliased", f"{ARN}:prod")
    plan, _ = account.fixed_and_undone(RUNBOOK, CONTROL, account.read(TYPE, "orders"))
    assert sources_of(plan.steps[0].call.parameters) == source
