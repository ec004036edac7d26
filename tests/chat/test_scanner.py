"""A mail scanner, a link preview, a forwarded mail: whoever follows every link of every message decides nothing."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sinks_world import PAGE, SINKS, rules, sinks_world
from slack_world import CHAT
from slack_world import package_chat as package_slack

import app
from chalicelib import pipeline
from chalicelib.cases import Case
from suture.sandbox.slack.server import FakeSlack

ADDRESS = re.compile(r"https?://[^\s\"'<>)\\]+")


def links(text: str) -> set[str]:
    """Every address in a text, as it stands and as HTML would read it."""
    return {found.rstrip(".,;") for found in (*ADDRESS.findall(text), *ADDRESS.findall(html.unescape(text)))}


def event(method: str, url: str) -> dict[str, Any]:
    """What API Gateway makes of a request for one of our own addresses, by a stranger without a signature."""
    path = urlsplit(url).path.removeprefix("/api")
    resource, parameters = _resource(path)
    query = dict(pair.partition("=")[::2] for pair in urlsplit(url).query.split("&") if pair)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {"User-Agent": "scanner"},
        "multiValueHeaders": {"User-Agent": ["scanner"]},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} or None,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {"resourcePath": resource, "httpMethod": method, "identity": {"sourceIp": "192.0.2.1"}},
        "body": None,
        "isBase64Encoded": False,
    }


def _resource(path: str) -> tuple[str, dict[str, str] | None]:
    """The route that a path falls to."""
    for resource in app.app.routes:
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", resource)
        if match := re.fullmatch(pattern, path):
            return resource, match.groupdict() or None
    return path, None


def test_who_follows_every_link_of_every_message_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sinks_world(tmp_path) as s, FakeSlack() as fake:
        package_slack(tmp_path, {**CHAT, **rules(s.lines, *SINKS)})
        _install(s, fake)
        monkeypatch.setattr(pipeline, "deployment", lambda: s.d)
        case = s.proposed()
        s.send("notices", {"suture": "notice", "case": case.id, "version": case.version, "remind": "still waits"})
        s.run()
        said = [json.dumps(call) for call in fake.space.calls] + [m.text + m.html for m in s.mails]
        said += [json.dumps(a.body) for name in SINKS if name != "email" for a in s.asked(name)]
        assert len(s.mails) == 2 and len(said) > 8
        found = {link for text in said for link in links(text)}
        assert found == {f"{PAGE}/cases/{case.id}"}, "the page is the one address that any message holds"
        before = _state(s, case)
        for link in found:
            assert not urlsplit(link).query and not urlsplit(link).fragment, "nothing that could be a token"
            for method in ("GET", "HEAD", "OPTIONS", "POST"):
                assert app.app(event(method, link), None)["statusCode"] in (200, 302, 303, 400, 401, 403, 404, 405, 415)
        assert _state(s, case) == before
        s.run()
        assert _state(s, case) == before and s.case(case.control).state == "PENDING"


def _install(s: Any, fake: FakeSlack) -> None:
    import boto3
    from world import REGION

    ssm = boto3.client("ssm", region_name=REGION)
    ssm.put_parameter(Name="/slack/token", Value=fake.space.token, Type="SecureString")
    ssm.put_parameter(Name="/slack/secret", Value=fake.secret, Type="SecureString")
    names = {"SLACK_TOKEN_PARAMETER": "/slack/token", "SLACK_SECRET_PARAMETER": "/slack/secret"}
    s.d._environment = {**s.d._environment, "SLACK_API_URL": fake.api_url, **names}


def _state(s: Any, case: Case) -> Any:
    """The case, its approvals, and everything in the table but where messages stand."""
    kept = [i for i in s.items() if not i["pk"]["S"].startswith("MESSAGE#")]
    return s.d.ledger.case(case.id), s.d.ledger.approvals(case.id), sorted(kept, key=lambda i: json.dumps(i))


def test_the_scanner_sees_what_it_should() -> None:
    assert links('<a href="https://a.example/x?y=1&amp;z=2">b</a>') >= {"https://a.example/x?y=1&z=2"}
    assert links("see http://b.example/c. And") == {"http://b.example/c"}
    assert event("GET", "https://suture.example.com/api/cases/C-1")["resource"] == "/cases/{id}"
