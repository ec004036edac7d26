"""An IAM account on moto, for the tests that play a fix."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from iam_account import ACCOUNT, REGION, Account
from moto import mock_aws

from chalicelib.aws.clients import Clients


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    pytest.importorskip("suture.sandbox.mends").apply()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account(Clients(ACCOUNT, REGION), boto3.client("iam", region_name=REGION))
