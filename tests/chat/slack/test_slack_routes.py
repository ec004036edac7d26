"""From API Gateway's event to the door: the bytes that Slack signed, base64 or not, are the bytes that are judged."""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@pytest.fixture
def deployed(sw: SlackWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Our three doors behind a server on loopback, as API Gateway would pass requests on; its address."""
    monkeypatch.setattr(pipeline, "deployment", lambda: sw.d)

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made = event(sw, self.path.rpartition("/")[2], body, "", encoded=True)
            names = dict(self.headers)
            passed = {**made, "headers": names, "multiValueHeaders": {n: [v] for n, v in names.items()}}
            said = app.app(passed, None)
            data = said["body"].encode()
            self.send_response(said["statusCode"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api/slack/"
        server.shutdown()


def test_slacks_own_client_at_our_doors_decides_nothing(sw: SlackWorld, deployed: str) -> None:
    """A bot token proves nothing here, also the right one: Slack itself signs, and needs no token."""
    sdk = pytest.importorskip("slack_sdk", reason="slack_sdk is not installed")
    case = sw.unguarded()
    value = json.dumps({"c": case.id, "p": case.plan_digest})
    click = json.dumps(payload(actions=[{"action_id": "approve", "value": value}]))
    before, client = sw.items(), sdk.WebClient(token=sw.fake.space.token, base_url=deployed)
    for door, status, how in (
        ("interactive", 401, {"data": {"payload": click}}),
        ("interactive", 415, {"json": {"payload": click}}),
        ("command", 401, {"data": {"text": f"approve {case.id} {case.plan_digest[-4:]}", "user_id": "U0OLLY"}}),
        ("events", 401, {"json": {"type": "url_verification", "challenge": "x"}}),
    ):
        with pytest.raises(sdk.errors.SlackApiError) as refused:
            client.api_call(door, **how)
        assert refused.value.response.status_code == status, door
    assert sw.items() == before


@pytest.mark.parametrize(("secret", "status"), [("", 200), ("another", 401)])
def test_a_request_that_slacks_own_verifier_signs_counts_under_our_secret_alone(
    sw: SlackWorld, deployed: str, secret: str, status: int
) -> None:
    signing = pytest.importorskip("slack_sdk.signature", reason="slack_sdk is not installed")
    body = form(payload(type="shortcut"))
    at = str(int(sw.d.now().timestamp()))
    made = signing.SignatureVerifier(secret or sw.fake.secret).generate_signature(timestamp=at, body=body)
    headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": made}
    asked = urllib.request.Request(f"{deployed}interactive", body, headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == status
    except urllib.error.HTTPError as error:
        assert error.code == status
