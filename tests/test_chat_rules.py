"""governance/chat.yaml: what it may say, what follows from it for rights, and that its example is true."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from chalicelib.chat import notices
from chalicelib.chat.sinks import github, jira, opsgenie, pagerduty, workflow
from chalicelib.errors import BadGovernance
from chalicelib.iam.documents import parse
from chalicelib.iam.permissions import may
from chalicelib.routing import sinks_from
from chalicelib.writers import WRITERS
from suture import sink_rights, yamlfile
from suture.lint_governance import chat_problems
from suture.render import rendered_policies
from suture.schema_people import ChatDocument

ROOT = Path(__file__).parents[1]
EXAMPLE = "\n".join(
    line.removeprefix("#   ")
    for line in (ROOT / "governance" / "chat.yaml").read_text().splitlines()
    if line.startswith("#   ")
)
MAIL = "email: {from: s@example.com, to: [a@example.com]%s}"
JIRA = "jira: {site: 'https://x.example', user: b@x.example, project: SEC%s}"
HERE = "arn:aws:ses:us-east-1:123456789012:identity"


def found(text: str) -> list[str]:
    source = yamlfile.loads(text.encode(), "governance/chat.yaml", BadGovernance)
    return [str(p) for p in chat_problems(source)]


def test_the_example_in_the_file_is_right_and_names_everything() -> None:
    assert found(EXAMPLE) == []
    document = yamlfile.loads(EXAMPLE.encode(), "f", BadGovernance).document
    assert set(document) == set(ChatDocument.model_fields)
    assert set(sinks_from(document)) == set(notices.SINKS)


@pytest.mark.parametrize(
    "text",
    [
        MAIL % "",
        MAIL % ", states: [PENDING], severity: [high], quiet: {zone: UTC, from: '20:00', to: '07:00', but: [high]}",
        JIRA % ", done: Closed, token: /suture/other/jira",
        "pagerduty: {}",
        "pagerduty: {url: https://events.eu.pagerduty.com}",
        "github: {repository: a/b, url: 'https://git.x.example', routes: [{owners: [pay], repository: c/d}]}",
        "opsgenie: {routes: [{owners: [pay], team: Payments}]}",
        "webhook: {states: [RESOLVED]}",
        "page: https://x.example/api",
    ],
)
def test_good(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MAIL.replace("s@example.com", "'Suture <s@example.com>'") % "", "bare address"),
        (MAIL.replace("s@example.com", '"s@example.com\\nBcc: x@y.example"') % "", "bare address"),
        (MAIL.replace("[a@example.com]", "[]") % "", "to"),
        (MAIL % ", states: []", "states"),
        (MAIL % ", states: [APPLYING]", "cannot begin with APPLYING"),
        (MAIL % ", states: [Pending]", "choose from"),
        (MAIL % ", routes: [{to: [b@example.com]}]", "takes every case"),
        (MAIL % ", groups: {security: [x]}", "bare address"),
        (MAIL % ", html: true", "html"),
        (JIRA.replace("https:", "http:") % "", "https address"),
        (JIRA.replace("SEC", "sec") % "", "project's key"),
        (JIRA % ", token: /prod/db", "below /suture/"),
        (JIRA % ", token: xyz", "below /suture/"),
        ("github: {repository: security}", "owner/name"),
        ("github: {repository: a/b, url: 'http://127.0.0.1:1'}", "https address"),
        ("pagerduty: {url: https://evil.example}", "url"),
        ("opsgenie: {url: http://169.254.169.254}", "url"),
        ("page: http://x.example", "https address"),
        ("pagerduty:", "no value"),
        ("teams: {}", "teams"),
    ],
)
def test_bad(text: str, says: str) -> None:
    problems = found(text)
    assert problems and says in " ".join(problems), problems


def test_the_names_of_parameters_are_said_alike() -> None:
    modules = {"pagerduty": pagerduty.KEY, "opsgenie": opsgenie.KEY, "jira": jira.TOKEN, "github": github.TOKEN}
    modules["workflow"] = workflow.PARAMETER
    assert {sink: default for sink, _, default in sink_rights.TOKENS} == modules
    for sink, key, default in sink_rights.TOKENS:
        model: Any = ChatDocument.model_fields[sink].annotation.__args__[0]  # type: ignore[union-attr]
        assert model.model_fields[key].default == default
    assert ChatDocument.model_fields["pagerduty"].annotation.__args__[0].model_fields["url"].default == pagerduty.URL  # type: ignore[union-attr]


@pytest.fixture
def rights(tmp_path: Path) -> Any:
    """The policies of a project whose chat.yaml is the example's, with what CloudFormation fills in."""
    shutil.copy(ROOT / "resources.json", tmp_path)
    for folder in (".chalice", "runbooks", "governance"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("deployments"))

    def rendered(chat: str) -> dict[str, Any]:
        (tmp_path / "governance" / "chat.yaml").write_text(chat)
        files = {p.name.removesuffix(".policy.json"): t for p, t in rendered_policies(tmp_path).items()}
        return {name: parse(_filled(files[name]), "identity") for name in ("notify", "chat", "watch", *WRITERS)}

    return rendered


def _filled(text: str) -> Any:
    """A policy with its references put in."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(v) for v in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::Sub"}:
            known = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}
            return re.sub(r"\${([\w:.]+)}", lambda m: known.get(m[1], "made"), value["Fn::Sub"])
        if set(value) & {"Ref", "Fn::GetAtt"}:
            return "arn:aws:made:us-east-1:123456789012:made"
        return {k: fill(v) for k, v in value.items()}

    return fill(json.loads(text))


def test_mail_leaves_from_one_address_alone(rights: Any) -> None:
    held = rights(EXAMPLE)
    ours = {"ses:FromAddress": "suture@example.com"}
    for identity in ("suture@example.com", "example.com"):
        assert may([held["notify"]], "ses:SendEmail", f"{HERE}/{identity}", context=ours).is_allowed
    for identity, context in (
        ("example.com", {"ses:FromAddress": "ceo@example.com"}),
        ("example.com", {}),
        ("other.example", ours),
        ("ceo@example.com", ours),
    ):
        assert may([held["notify"]], "ses:SendEmail", f"{HERE}/{identity}", context=context).verdict == "denied"
    for action in ("ses:SendRawEmail", "ses:SendBulkEmail", "ses:CreateEmailIdentity"):
        assert may([held["notify"]], action, f"{HERE}/example.com", context=ours).verdict == "denied"
    for name in ("chat", "watch", *WRITERS):
        assert may([held[name]], "ses:SendEmail", f"{HERE}/example.com", context=ours).verdict == "denied"


def test_tokens_are_read_by_who_tells_and_for_what_is_configured(rights: Any) -> None:
    parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/suture"
    tokens = [default.removeprefix("/suture") for _, _, default in sink_rights.TOKENS]
    held = rights(EXAMPLE)
    for token in tokens:
        assert may([held["notify"]], "ssm:GetParameter", parameter + token).is_allowed
        for name in ("chat", *WRITERS):
            assert may([held[name]], "ssm:GetParameter", parameter + token).verdict == "denied"
        for name in WRITERS:
            assert may([held[name]], "ssm:PutParameter", parameter + token).verdict == "denied"
    bare = rights("jira: {site: 'https://x.example', user: b@x.example, project: SEC, token: /suture/mine}\n")
    assert may([bare["notify"]], "ssm:GetParameter", f"{parameter}/mine").is_allowed
    for token in tokens:
        assert may([bare["notify"]], "ssm:GetParameter", parameter + token).verdict == "denied"
    ours = {"ses:FromAddress": "suture@example.com"}
    assert may([bare["notify"]], "ses:SendEmail", f"{HERE}/example.com", context=ours).verdict == "denied"


def test_what_is_not_configured_is_not_imported() -> None:
    import subprocess
    import sys

    parts = ("sinks", "chat.slack", "chat.teams")
    code = f"import chalicelib.chat.notices, sys; print([m for m in sys.modules for p in {parts} if p in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
