"""The whole sandbox, with the project's own package, as a client and as a shell see it."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from chalicelib.errors import Misconfigured
from suture.api import DecisionApi
from suture.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return []


class Receiver(ThreadingHTTPServer):
    """What listens to the webhook: each notice's signature and body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.notices: list[tuple[str, bytes]] = []


class Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.notices.append((self.headers["Suture-Signature"], body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, lines: list[str], receiver: Receiver) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    sink = lambda function, line: lines.append(f"{function} {line}")  # noqa: E731
    hook = {"WebhookUrl": f"http://127.0.0.1:{receiver.server_port}/x"}
    with Sandbox(ROOT, ready_file=folder / "ready.json", state=folder / "state", sink=sink, parameters=hook) as made:
        shop(made)
        yield made


def shop(sandbox: Sandbox) -> None:
    """A role and a function called `orders`, seen clean by Suture before anything happens to them."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = sandbox.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("a.py", "def h(event, context): pass\n")
    sandbox.client("lambda").create_function(
        FunctionName="orders", Role=role, Runtime="python3.12", Handler="a.h", Code={"ZipFile": archive.getvalue()}
    )
    assert sandbox.drain(20)


def control(sandbox: Sandbox, path: str, body: Any = None, header: str = "1") -> tuple[int, Any]:
    address = sandbox.api_url.removesuffix("/api") + f"/_sandbox/{path}"
    answer = urllib3.request(
        "GET" if body is None else "POST",
        address,
        body=None if body is None else json.dumps(body),
        headers={"X-Suture-Sandbox": header},
    )
    return answer.status, json.loads(answer.data)


def test_the_ready_file_says_all(sandbox: Sandbox) -> None:
    ready = json.loads(sandbox._ready_file.read_text())  # type: ignore[union-attr]
    places = {"endpoint_url", "api_url", "slack_url", "web_url", "package"}
    assert set(ready) == {*places, "account", "region", "table", "credentials", "env"}
    assert ready["slack_url"] == ready["web_url"] == "", "neither Slack nor the page unless it is asked for"
    assert set(ready["credentials"]) == set(ready["env"]) == {"deployer", "security", "oncall", "developer"}
    assert set(ready["env"]["oncall"]) == {
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3_CONTROL",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "SUTURE_API_URL",
        "SUTURE_TABLE",
        "SUTURE_AUDIT_BUCKET",
        "SUTURE_AUDIT_KEY",
    }
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api", ready["api_url"])
    assert sandbox._ready_file.stat().st_mode & 0o077 == 0  # type: ignore[union-attr]


def test_a_public_grant_is_gone_within_five_seconds_and_the_others_stay(sandbox: Sandbox, lines: list[str]) -> None:
    client = sandbox.client("lambda")
    grant = {"FunctionName": "orders", "Action": "lambda:InvokeFunction"}
    client.add_permission(**grant, StatementId="s3", Principal="s3.amazonaws.com", SourceAccount=sandbox.account)
    assert sandbox.drain(20)
    started = time.monotonic()
    client.add_permission(**grant, StatementId="public", Principal="*")
    while '"public"' in (policy := client.get_policy(FunctionName="orders")["Policy"]):
        assert time.monotonic() - started < 5
        time.sleep(0.05)
    assert [statement["Sid"] for statement in json.loads(policy)["Statement"]] == ["s3"]
    assert sandbox.drain(20)
    assert any(line.startswith("remediate ") and '"case": "C-' in line for line in lines)


def test_the_decision_api_knows_its_callers(sandbox: Sandbox) -> None:
    seen = DecisionApi(sandbox.api_url, sandbox.session("developer")).cases()
    assert "lambda-policy-public" in json.dumps(seen, default=str)
    plain = urllib3.request("GET", f"{sandbox.api_url}/cases")
    assert (plain.status, json.loads(plain.data)) == (403, {"message": "Missing Authentication Token"})


def test_schedules_and_config_rules_run_on_demand(sandbox: Sandbox, lines: list[str]) -> None:
    assert sandbox.fire_schedule("sweep") == 1
    assert sandbox.drain(20)
    assert any(line.startswith("sweep ") for line in lines)
    item = {
        "resourceType": "AWS::Lambda::Function",
        "resourceId": "orders",
        "resourceName": "orders",
        "ARN": f"arn:aws:lambda:{sandbox.region}:{sandbox.account}:function:orders",
        "awsAccountId": sandbox.account,
        "awsRegion": sandbox.region,
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-01-01T00:00:00.000Z",
        "configuration": {},
        "supplementaryConfiguration": {},
    }
    assert not sandbox.invoke_config_rule(item).failed
    with pytest.raises(Misconfigured, match="no function 'nothing'"):
        sandbox.fire_schedule("nothing")


def test_the_switches_can_be_set_from_outside(sandbox: Sandbox) -> None:
    assert control(sandbox, "chaos", {"duplicate": 0.5, "seed": 3})[1]["duplicate"] == 0.5
    assert sandbox.chaos.switches.duplicate == 0.5
    assert control(sandbox, "chaos", {"duplicate": 0})[1]["seed"] == 3
    assert control(sandbox, "chaos", {"duplicate": 2})[0] == 400
    assert control(sandbox, "chaos", header="0")[0] == 403
    assert control(sandbox, "nothing")[0] == 404
    status, answer = control(sandbox, "drain", {"timeout": 20})
    assert (status, answer["quiet"]) == (200, True)
    assert control(sandbox, "processes")[1].keys() == {f"suture-sandbox-{name}" for name in DEPLOYED}


DEPLOYED = ("watch", "sweep", "config-rule", "remediate", "remediate-iam", "remediate-secrets", "chat", "notify")


def test_the_webhook_gets_signed_notices(sandbox: Sandbox, receiver: Receiver, lines: list[str]) -> None:
    sandbox.client("lambda").add_permission(
        FunctionName="orders", StatementId="hook", Action="lambda:InvokeFunction", Principal="*"
    )
    assert sandbox.drain(20)
    name = "/suture/webhook-secret"
    assert f"sandbox the key that signs webhooks is in the SSM parameter {name}" in lines
    key = sandbox.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    assert receiver.notices
    for shown, body in receiver.notices:
        at, mac = (part.partition("=")[2] for part in shown.split(","))
        assert mac == hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_a_second_sandbox_in_the_folder_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(Misconfigured, match="another sandbox runs in this folder"):
        Sandbox(ROOT, state=sandbox._state).start()


@pytest.mark.parametrize(
    ("place", "match"), [("none/x/ready.json", "there is no such folder"), ("", "this is a folder")]
)
def test_a_ready_file_needs_its_folder(tmp_path: Path, place: str, match: str) -> None:
    with pytest.raises(Misconfigured, match=match):
        Sandbox(ROOT, ready_file=tmp_path / place, state=tmp_path / "state").start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=["TERM", "INT", "KILL"])
def test_it_ends_without_orphans(tmp_path: Path, end: signal.Signals) -> None:
    ready, state = tmp_path / "ready.json", tmp_path / "state"
    process = start(ready, state)
    try:
        wait_for(ready, process)
        children = children_of(process.pid)
        assert len(children) >= len(DEPLOYED)
        process.send_signal(end)
        assert process.wait(10) == (-9 if end == signal.SIGKILL else 0)
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 3
    while (left := [pid for pid in children if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    assert ready.exists() is (end == signal.SIGKILL)


def test_a_port_in_use_is_a_clear_error(sandbox: Sandbox, tmp_path: Path) -> None:
    port = int(sandbox.endpoint_url.rsplit(":", 1)[1])
    process = start(tmp_path / "ready.json", tmp_path / "state", port)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert f"cannot listen on port {port}" in errors
    assert not (tmp_path / "ready.json").exists()


SCRIPT = """
import signal, sys, threading
from pathlib import Path
from suture.sandbox.sandbox import Sandbox
end = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: end.set())
root, ready, state, port = sys.argv[1:]
with Sandbox(Path(root), int(port), Path(ready), state=Path(state)):
    end.wait()
"""


def start(ready: Path, state: Path, port: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(ROOT), str(ready), str(state), str(port)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def wait_for(ready: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 40
    while not ready.exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or " Z " not in Path(f"/proc/{pid}/stat").read_text()
