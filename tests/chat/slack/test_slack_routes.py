"""From API Gateway's event to the door: the bytes that Slack signed, base64 or not, are the bytes that are judged."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from slack_world import SlackWorld, form, payload

import app
from chalicelib import pipeline


def event(sw: SlackWorld, door: str, body: bytes, kind: str, *, encoded: bool, signed: bytes | None = None) -> Any:
    given = {**sw.fake.sender.signed(body if signed is None else signed), "Content-Type": kind}
    text = base64.b64encode(body).decode() if encoded else body.decode()
    names = {name.title(): value for name, value in given.items()}
    return {
        "resource": f"/slack/{door}",
        "path": f"/slack/{door}",
        "httpMethod": "POST",
        "headers": names,
        "multiValueHeaders": {name: [value] for name, value in names.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": f"/slack/{door}", "httpMethod": "POST", "identity": {}},
        "body": text,
        "isBase64Encoded": encoded,
    }


FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.fixture
def answer(sw: SlackWorld, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pipeline, "deployment", lambda: sw.d)
    return lambda *asked, **more: app.app(event(sw, *asked, **more), None)


@pytest.mark.parametrize("encoded", [False, True])
def test_the_bytes_are_judged_as_they_came(answer: Any, encoded: bool) -> None:
    challenge = json.dumps({"type": "url_verification", "challenge": "a&b=c+d é"}, ensure_ascii=False).encode()
    said = answer("events", challenge, JSON, encoded=encoded)
    assert (said["statusCode"], json.loads(said["body"])) == (200, {"challenge": "a&b=c+d é"})
    body = form(payload(type="shortcut"))
    done = answer("interactive", body, f"{FORM}; charset=utf-8", encoded=encoded)
    assert (done["statusCode"], done["body"]) == (200, "")
    assert answer("interactive", body, FORM, encoded=encoded, signed=body + b" ")["statusCode"] == 401
    assert answer("interactive", body, "text/plain", encoded=encoded)["statusCode"] == 415


def test_bytes_that_are_no_text_are_refused_and_not_mistaken(answer: Any) -> None:
    assert answer("command", b"\xff\xfe", FORM, encoded=True)["statusCode"] == 400
