"""Layer versions that everyone may use: found, unshared, silent, shared again exactly."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from playing import ACCOUNT, REGION, Account, fresh_account, policy, refused

from chalicelib.controls import judge_one
from chalicelib.model import Finding, Resource

TYPE, CONTROL, RUNBOOK = "AWS::Lambda::LayerVersion", "lambda-layer-public", "lambda-unshare-layer"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:common:1"


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as made:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("common.py", "")
        made.client("lambda").publish_layer_version(LayerName="common", Content={"ZipFile": code.getvalue()})
        yield made


def share(account: Account, sid: str, principal: str, **more: Any) -> None:
    account.client("lambda").add_layer_version_permission(
        LayerName="common",
        VersionNumber=1,
        StatementId=sid,
        Action="lambda:GetLayerVersion",
        Principal=principal,
        **more,
    )


def test_everyone_leaves_and_the_named_accounts_stay(account: Account) -> None:
    share(account, "all", "*")
    share(account, "partner", "210987654321")
    before = account.read(TYPE, "common:1")
    plan, fixed = account.fixed_and_undone(RUNBOOK, CONTROL, before)
    assert [s.call.parameters["StatementId"] for s in plan.steps] == ["all"]
    assert [s["Sid"] for s in fixed.config["Policy"]["Statement"]] == ["partner"]


def test_versions_are_listed_and_what_is_gone_is_none(account: Account) -> None:
    assert account.ids(TYPE) == ["common:1"]
    assert account.read(TYPE, "common:1").config == {"Policy": None, "LayerName": "common", "Version": 1}
    from chalicelib.aws.readers import read

    assert read(account.aws, TYPE, "common:2") is None
    assert read(account.aws, TYPE, "other:1") is None
    assert read(account.aws, TYPE, "common") is None
    assert read(account.aws, TYPE, "common:²") is None


def statement(**more: Any) -> dict[str, Any]:
    basic = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": ARN}
    return {**basic, **more}


def judged(*statements: Any) -> tuple[Resource, Finding | None]:
    config = {"Policy": policy(*statements), "LayerName": "common", "Version": 1}
    resource = Resource(TYPE, ARN, "common:1", ACCOUNT, REGION, config)
    return resource, judge_one(CONTROL, resource)


@pytest.mark.parametrize(
    "quiet",
    [
        statement(Principal={"AWS": "arn:aws:iam::210987654321:root"}),
        statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}),
        statement(Effect="Deny"),
    ],
)
def test_named_accounts_and_organisations_are_quiet(quiet: dict[str, Any]) -> None:
    assert judged(quiet)[1] is None


@pytest.mark.parametrize(
    "odd",
    [
        statement(Condition={"Bool": {"aws:SecureTransport": "true"}}),
        statement(Principal={"AWS": "*"}),
        statement(Action=["lambda:GetLayerVersion"]),
    ],
)
def test_what_could_not_be_shared_again_exactly_is_escalated(odd: dict[str, Any]) -> None:
    resource, found = judged(odd)
    assert found is not None and json.dumps(list(found.evidence))
    assert "could not put back" in refused(RUNBOOK, CONTROL, resource).why
