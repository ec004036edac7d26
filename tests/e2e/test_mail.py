"""Mail from a whole sandbox: the real function, with the rendered rights of the one configured sender."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.ses.models import ses_backends

from suture.sandbox.package import GOVERNANCE
from suture.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parent.parent.parent
TRUST = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("mail")
    governance = folder / "governance"
    shutil.copytree(GOVERNANCE, governance)
    rules = "page: https://suture.example.com/api/page\nemail: {from: suture@example.com, to: [security@example.com]}\n"
    (governance / "chat.yaml").write_text(rules)
    with Sandbox(
        ROOT, governance=governance, state=folder / "state", sink=lambda name, line: lines.append(f"{name} {line}")
    ) as made:
        yield made


def until(probe: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.2)
    raise AssertionError(what)


def mails(sandbox: Sandbox) -> list[Any]:
    return list(ses_backends[sandbox.account][sandbox.region].sent_messages)


def test_a_proposal_is_mailed_once_ses_knows_the_sender(sandbox: Sandbox, lines: list[str]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    sandbox.client("iam").create_role(RoleName="open", AssumeRolePolicyDocument=document)
    until(lambda: [x for x in lines if "did not take a message" in x and "MessageRejected" in x], "a refusal by SES")
    assert mails(sandbox) == []
    sandbox.client("sesv2").create_email_identity(EmailIdentity="example.com")
    sandbox.client("iam").create_role(RoleName="open-too", AssumeRolePolicyDocument=document)
    (mail,) = until(lambda: mails(sandbox), "a mail")
    assert mail.source == "suture@example.com" and mail.headers["Auto-Submitted"] == "auto-generated"
    assert "https://suture.example.com/api/page/cases/C-" in mail.text and "open-too" in mail.subject
    assert not [x for x in lines if "AccessDenied" in x]


def test_nobody_else_may_send(sandbox: Sandbox) -> None:
    from botocore.exceptions import ClientError

    role = f"arn:aws:iam::{sandbox.account}:role/suture-sandbox-notify"
    import boto3

    held = sandbox._role_credentials(role, "somebody")
    notify = boto3.Session(region_name=sandbox.region, **held).client("sesv2", endpoint_url=sandbox.endpoint_url)
    body = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    to = {"ToAddresses": ["security@example.com"]}
    with pytest.raises(ClientError, match="AccessDenied"):
        notify.send_email(FromEmailAddress="ceo@example.com", Destination=to, Content=body)
    assert notify.send_email(FromEmailAddress="suture@example.com", Destination=to, Content=body)["MessageId"]
