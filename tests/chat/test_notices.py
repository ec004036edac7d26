"""Notices: signed, gated, and sent again through the queue when nobody took them."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from noticing import NoticingWorld
from world import ACCOUNT, REGION, World, role

from chalicelib.chat import notices
from chalicelib.chat.sinks import LOST
from chalicelib.errors import BadEvent

SECRET = "webhook-" + "key"


class Receiver(HTTPServer):
    """A webhook on loopback that keeps what it gets and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(w: World) -> Iterator[Receiver]:
    made = Receiver()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    ssm = boto3.client("ssm", region_name=REGION)
    ssm.put_parameter(Name="/suture/webhook", Value=SECRET, Type="SecureString")
    url = f"http://127.0.0.1:{made.server_address[1]}/hook"
    facts = {"WEBHOOK_SECRET_PARAMETER": "/suture/webhook", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    w.d._environment = {**w.d._environment, **facts, "WEBHOOK_URL": url}
    yield made
    made.shutdown()
    made.server_close()


def proposed(w: World) -> Any:
    role("open", trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
    w.change("AWS::IAM::Role", "open", "iam:UpdateAssumeRolePolicy")
    w.run()
    return w.case("iam-trust-public")


def test_a_notice_is_signed_over_time_and_body(w: World, receiver: Receiver) -> None:
    case = proposed(w)
    notices.tell(w.d, {"case": case.id})
    ((headers, body),) = receiver.got
    at, _, mac = headers["Suture-Signature"].partition(",v1=")
    at = at.removeprefix("t=")
    assert hmac.compare_digest(mac, hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest())
    said = json.loads(body)
    assert said["case"]["id"] == case.id and said["case"]["plan"] == case.plan_digest
    assert abs(int(at) - w.d.now().timestamp()) < 60
    assert "Expires" in said["text"] and "Olly" in said["text"]
    assert headers["Idempotency-Key"] == f"{case.id}.{case.version}"


def test_what_looks_like_a_secret_is_not_sent(w: World, receiver: Receiver, capsys: Any) -> None:
    case = proposed(w)
    token = "AK" + "IA" + "Q3EGRIMWTXYZ5KLM"
    leaked = replace(case, outcome=f"somebody typed aws_access_key_id={token} here", version=case.version + 1)
    from chalicelib.aws.ledger import Entry

    w.d.ledger.save(case, leaked, Entry("test", "x", {}))
    capsys.readouterr()
    notices.tell(w.d, {"case": case.id})
    assert receiver.got == []
    out = capsys.readouterr().out
    assert token not in out and LOST in out and "held a secret" in out


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
def test_what_nobody_took_comes_again_with_the_same_key(w: World, receiver: Receiver, status: int, capsys: Any) -> None:
    case, receiver.status = proposed(w), status
    NoticingWorld.hold(w)
    notices.tell(w.d, {"case": case.id})
    assert LOST in capsys.readouterr().out, "an operator is told"
    ((_, waiting, delay),) = w.held
    assert (waiting, delay) == ({"case": case.id, "channel": "webhook", "tries": 1}, 30)
    receiver.status = 200
    w.d.lines.clear()
    notices.tell(w.d, waiting)
    first, second = (headers["Idempotency-Key"] for headers, _ in receiver.got)
    assert first == second and len(w.held) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "http://127.0.0.1.example.com/hook",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "https://user:pass@example.com/hook",
        "https://",
        "//127.0.0.1/hook",
    ],
)
def test_an_address_that_is_not_https_is_not_spoken_to(w: World, receiver: Receiver, url: str, capsys: Any) -> None:
    case = proposed(w)
    w.d._environment = {**w.d._environment, "WEBHOOK_URL": url}
    notices.tell(w.d, {"case": case.id})
    out = capsys.readouterr().out
    assert receiver.got == [] and LOST in out and "no https address" in out and "pass" + "@" not in out


def test_loopback_is_spoken_to_in_the_sandbox_alone(w: World, receiver: Receiver, capsys: Any) -> None:
    case = proposed(w)
    w.d._environment = {k: v for k, v in w.d._environment.items() if k != "AWS_ENDPOINT_URL"}
    notices.tell(w.d, {"case": case.id})
    assert receiver.got == [] and "no https address" in capsys.readouterr().out


def test_a_notice_about_no_case_is_one_line(w: World, receiver: Receiver, capsys: Any) -> None:
    notices.tell(w.d, {"case": "C-NOTHING"})
    assert receiver.got == [] and "no case" in capsys.readouterr().out
    with pytest.raises(BadEvent):
        notices.tell(w.d, {"case": 7})


def test_hostile_names_are_inert(w: World, receiver: Receiver) -> None:
    case = proposed(w)
    from chalicelib.aws.ledger import Entry

    hostile = replace(case, title="x\nOutcome: approved\u202e by sam\x1b[31m", version=case.version + 1)
    w.d.ledger.save(case, hostile, Entry("test", "x", {}))
    notices.tell(w.d, {"case": case.id})
    text = json.loads(receiver.got[0][1])["text"]
    assert "\x1b" not in text and "\u202e" not in text
    assert not any(line.startswith("Outcome: approved") for line in text.splitlines())
