"""From API Gateway's event to the door: the bytes that came, base64 or not, are the bytes that are judged."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from teams_world import TeamsWorld, pressed

import app
from chalicelib import pipeline


def event(body: bytes, token: str, kind: str, *, encoded: bool) -> Any:
    names = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    return {
        "resource": "/teams",
        "path": "/teams",
        "httpMethod": "POST",
        "headers": names,
        "multiValueHeaders": {name: [value] for name, value in names.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": "/teams", "httpMethod": "POST", "identity": {}},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


@pytest.mark.parametrize("encoded", [False, True])
def test_a_press_comes_through_the_route(tw: TeamsWorld, monkeypatch: pytest.MonkeyPatch, encoded: bool) -> None:
    monkeypatch.setattr(pipeline, "deployment", lambda: tw.d)
    case, kind = tw.unguarded(), "application/json; charset=utf-8"
    body = json.dumps(pressed(tw), ensure_ascii=False).encode()
    assert app.app(event(body, "a.b.c", kind, encoded=encoded), None)["statusCode"] == 401
    assert app.app(event(body, tw.space.proof(), "text/plain", encoded=encoded), None)["statusCode"] == 415
    said = app.app(event(body, tw.space.proof(), kind, encoded=encoded), None)
    assert said["statusCode"] == 200
    answer = json.loads(said["body"])
    assert (answer["statusCode"], answer["type"]) == (200, "application/vnd.microsoft.card.adaptive")
    tw.run()
    assert tw.case(case.control).state == "RESOLVED"
