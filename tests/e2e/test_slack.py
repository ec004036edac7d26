"""Approving in Slack, by somebody who knows only the page of the played workspace: real processes, real roles."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30


class Page:
    """What a browser does with the page: it looks, clicks, fills in windows and types commands."""

    def __init__(self, url: str, user: str) -> None:
        self._url, self.user = url, user

    def look(self) -> Mapping[str, Any]:
        with urllib.request.urlopen(f"{self._url}/ui/state?user={self.user}", timeout=5) as answer:
            return dict(json.loads(answer.read()))

    def do(self, what: str, **body: Any) -> None:
        data = json.dumps({"user": self.user, **body}).encode()
        asked = urllib.request.Request(f"{self._url}/ui/{what}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert json.loads(answer.read()) == {"ok": True, "status": 200}

    def messages(self, word: str) -> list[Mapping[str, Any]]:
        shown = [m for c in self.look()["channels"] for m in c["messages"]]
        return [m for m in shown if word in json.dumps(m["blocks"])]

    def click(self, message: Mapping[str, Any], action: str) -> None:
        self.do("click", channel=message["channel"], ts=message["ts"], action=action)


def until(probe: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    folder = tmp_path_factory.mktemp("slack")
    file, log = folder / "ready.json", folder / "log"
    command = [sys.executable, "-c", "from suture.cli import main; main()", "sandbox", "--slack"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with log.open("wb") as out:
        asked = [*command, "--ready-file", str(file), "--state", str(folder)]
        process = subprocess.Popen(asked, cwd=ROOT, stdout=out, stderr=out, env=environment)
        try:
            until(lambda: file.exists() or process.poll() is not None, "a ready sandbox")
            assert process.poll() is None, log.read_text()
            yield {**json.loads(file.read_text()), "log": str(log)}
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(20)
    assert code == 0, log.read_text()[-2000:]


def test_a_newcomer_approves_a_fix_in_the_page(ready: Mapping[str, Any]) -> None:
    iam = boto3.session.Session(region_name=ready["region"], **ready["credentials"]["deployer"]).client(
        "iam", endpoint_url=ready["endpoint_url"]
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": ["*", f"arn:aws:iam::{ready['account']}:root"]}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="guests", AssumeRolePolicyDocument=json.dumps(document))
    sam, dana = Page(ready["slack_url"], "U0SAM"), Page(ready["slack_url"], "U0DANA")
    (message,) = until(lambda: sam.messages("role/guests"), "a proposal in the channel")
    dana.click(message, "approve")
    (aside,) = until(lambda: dana.messages("caused this change"), "a refusal for the causer")
    assert aside["only_for"] == "U0DANA" and sam.messages("caused this change") == []
    sam.click(message, "approve")
    window = sam.look()["window"]
    plan = json.loads(window["private_metadata"])["p"]
    sam.do("submit", values={"reason": "nobody outside needs it", "digits": plan[-4:]})
    assert sam.look()["window"] is None
    until(
        lambda: any("resolved: " in json.dumps(m) for m in sam.messages("role/guests")), "the message changed in place"
    )
    now = iam.get_role(RoleName="guests")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert json.dumps(now).count('"*"') == 0
    assert "signature" not in Path(ready["log"]).read_text().lower()


def test_an_unsigned_request_is_refused_by_the_deployed_door(ready: Mapping[str, Any]) -> None:
    for door, kind, status in (
        ("interactive", "application/x-www-form-urlencoded", 401),
        ("command", "application/x-www-form-urlencoded; charset=utf-8", 401),
        ("events", "application/json", 401),
        ("interactive", "application/json", 415),
        ("events", "text/plain", 415),
    ):
        asked = urllib.request.Request(f"{ready['api_url']}/slack/{door}", b"payload=%ff", {"Content-Type": kind})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=10)
        assert refused.value.code == status, (door, kind)
