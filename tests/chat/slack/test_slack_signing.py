"""Whoever is not Slack gets a 401, whatever they send; Slack is believed under the old and the new secret."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from slack_world import SlackWorld
from world import REGION

from chalicelib.chat.slack import door
from chalicelib.chat.slack.signing import LATEST, MAX_BODY, check, signature
from chalicelib.errors import BadRequest

SECRET = b"signing-" + b"secret"
NOW = 1_800_000_000.0
BODY = b"payload=%7B%7D"


def headers(
    at: str = str(int(NOW)), given: str | None = None, body: bytes = BODY, secret: bytes = SECRET
) -> dict[str, str]:
    sound = at.isascii()
    signed = given if given is not None else (signature(secret, at, body).decode() if sound else "v0=")
    return {"x-slack-request-timestamp": at, "x-slack-signature": signed}


def status(given: dict[str, str], body: bytes = BODY, *secrets: bytes) -> int:
    try:
        check(given, body, NOW, lambda: secrets or (SECRET,))
    except BadRequest as error:
        return error.status
    return 200


@pytest.mark.parametrize("off", [0, 1, -1, LATEST, -LATEST])
def test_a_signed_request_within_five_minutes_is_believed(off: int) -> None:
    assert status(headers(str(int(NOW) + off))) == 200


GOOD = signature(SECRET, str(int(NOW)), BODY).decode()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"x-slack-signature": GOOD},
        {"x-slack-request-timestamp": str(int(NOW))},
        headers(str(int(NOW) - LATEST - 1)),
        headers(str(int(NOW) + LATEST + 1)),
        headers(given=""),
        headers(given=GOOD[:-1]),
        headers(given=GOOD + "0"),
        headers(given=GOOD.upper()),
        headers(given=GOOD.removeprefix("v0=")),
        headers(given="v1=" + GOOD.removeprefix("v0=")),
        headers(given="v0=é" + GOOD[4:]),
        headers(given="v0=\ud800"),
        headers(given="v0=" + "0" * 64),
        headers(secret=b"another"),
        headers(body=b"payload=%7B%7d"),
        {**headers(), "x-slack-request-timestamp": "soon"},
        {**headers(), "x-slack-request-timestamp": ""},
        {**headers(), "x-slack-request-timestamp": f" {int(NOW)}"},
        {**headers(), "x-slack-request-timestamp": f"{int(NOW)}\n"},
        {**headers(), "x-slack-request-timestamp": f"+{int(NOW)}"},
        {**headers(), "x-slack-request-timestamp": f"{int(NOW)}.0"},
        {**headers(), "x-slack-request-timestamp": "1_800_000_000"},
        {**headers(), "x-slack-request-timestamp": "١٨٠٠٠٠٠٠٠٠"},
        {**headers(), "x-slack-request-timestamp": "9" * 5000},
        {**headers(), "x-slack-request-timestamp": "nan"},
    ],
    ids=range(26),
)
def test_everything_else_is_a_401(given: dict[str, str]) -> None:
    assert status(given) == 401


def test_bytes_that_are_no_text_are_verified_as_bytes() -> None:
    body = b"\xff\xfe\x00"
    assert status(headers(body=body), body) == 200
    assert status(headers(body=b"\xff\xfe\x01"), body) == 401


def test_a_body_that_is_too_large_is_not_even_hashed() -> None:
    assert status({}, b"x" * (MAX_BODY + 1)) == 413


@pytest.mark.parametrize("secret", [b"new", b"old"])
def test_two_secrets_stand_while_they_rotate(secret: bytes) -> None:
    assert status(headers(secret=secret), BODY, b"new", b"old") == 200


def test_no_secret_is_no_key() -> None:
    assert status(headers(secret=b"")) == 401
    with pytest.raises(BadRequest):
        check(headers(secret=b""), BODY, NOW, lambda: ())


def test_a_rotated_secret_is_fetched_once_a_minute_and_not_for_malformed_requests(
    sw: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, slack = sw.fake.sender, sw.d.slack
    assert slack is not None and sender.open_home("U0SAM") == 200
    ssm = boto3.client("ssm", region_name=REGION)
    ssm.put_parameter(Name="/slack/secret", Value=f"fresh {sw.fake.secret}", Type="SecureString", Overwrite=True)
    calls: list[str] = []
    real = slack._clients.call
    monkeypatch.setattr(slack._clients, "call", lambda name, body: calls.append(name) or real(name, body))
    sender._secret = b"fresh"
    assert sender.open_home("U0SAM") == 401, "fetched a moment ago"
    slack._kept["secret"] = (slack._kept["secret"][0] - 61, slack._kept["secret"][1])
    assert door.answer(sw.d, {"door": "events", "headers": {}, "raw": b""})[0] == 401
    assert calls.count("ssm:GetParameter") == 0
    assert sender.open_home("U0SAM") == 200
    sender._secret = sw.fake.secret.encode()
    assert sender.open_home("U0SAM") == 200
    assert calls.count("ssm:GetParameter") == 1


def test_slacks_own_verifier_believes_what_we_call_signed(sw: SlackWorld) -> None:
    verifier = pytest.importorskip("slack_sdk.signature", reason="slack_sdk is not installed").SignatureVerifier
    body = urlencode({"payload": json.dumps({"type": "block_actions"})}).encode()
    given = sw.fake.sender.signed(body)
    names = {"X-Slack-Request-Timestamp": given["x-slack-request-timestamp"]}
    names["X-Slack-Signature"] = given["x-slack-signature"]
    assert verifier(sw.fake.secret).is_valid_request(body, names)
    assert verifier(sw.fake.secret).generate_signature(timestamp=names["X-Slack-Request-Timestamp"], body=body) == (
        signature(sw.fake.secret.encode(), names["X-Slack-Request-Timestamp"], body).decode()
    )


def test_nothing_of_a_refused_request_is_logged(sw: SlackWorld, capsys: Any) -> None:
    capsys.readouterr()
    canary = "canary" + "7f3a" * 4
    given = {"x-slack-request-timestamp": str(int(sw.d.now().timestamp())), "x-slack-signature": f"v0={canary}"}
    answer = door.answer(sw.d, {"door": "command", "headers": given, "raw": canary.encode()})
    signed = sw.fake.sender.signed(canary.encode())
    second = door.answer(sw.d, {"door": "command", "headers": signed, "raw": canary.encode()})
    assert (answer[0], second[0]) == (401, 400)
    logged = capsys.readouterr().out
    assert '"refused"' in logged
    assert canary not in logged and signed["x-slack-signature"] not in logged
    assert canary not in json.dumps([answer, second])
