"""A small account on mended moto, a fake of the decision API on loopback, and the command line."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from suture.cli.app import cli
from suture.sandbox import mends

REGION = "us-east-1"
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("scan", "--json")`: the result of one command, which never ends in a traceback."""
    monkeypatch.setenv("NO_COLOR", "1")
    facts = ("BOUNDARY_ARN", "ACCESS_LOG_ARN", "SECRETS_WRITER_ARN")
    for name in ("SUTURE_API_URL", "SUTURE_DEBUG", "AWS_REGION", *facts):
        monkeypatch.delenv(name, raising=False)

    def go(*arguments: str, **more: Any) -> Result:
        result = CliRunner().invoke(cli, list(arguments), **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return go


@pytest.fixture
def account() -> Iterator[None]:
    """An account without anything in it."""
    mends.apply()
    with mock_aws():
        yield


class Shop:
    """Makes what the tests look at."""

    def __init__(self) -> None:
        self.iam, self.functions = (boto3.client(name, region_name=REGION) for name in ("iam", "lambda"))

    def role(self, name: str, trust: Any = LAMBDA_TRUST) -> str:
        return str(self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])

    def function(self, name: str, role: str, **variables: str) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("app.py", "def handler(event, context): return None")
        made = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": variables},
        )
        return str(made["FunctionArn"])

    def open(self, name: str, sid: str = "everyone") -> None:
        self.functions.add_permission(FunctionName=name, StatementId=sid, Action="lambda:InvokeFunction", Principal="*")


@pytest.fixture
def shop(account: None) -> Shop:
    return Shop()


class Door(ThreadingHTTPServer):
    """A decision API that answers from a table and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class _Handler(BaseHTTPRequestHandler):
    server: Door

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), json.loads(data) if data else None))
        status, body = self.server.answers.get((self.command, self.path), (404, {"error": "no such thing"}))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, run: Run) -> Iterator[Door]:
    """The fake decision API; SUTURE_API_URL names it."""
    server = Door()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("SUTURE_API_URL", server.url)
    yield server
    server.shutdown()
    server.server_close()
