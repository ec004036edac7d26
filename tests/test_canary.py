"""Nothing keeps a value that must not leave: not the log at any level, no exception, no trace, no core.

What is searched along the way out of a secret stands in test_leading_leaks.py; here are the search itself and the
paths that need no case.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import logging
import os
import resource
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from botocore.exceptions import ClientError, HTTPClientError, ParamValidationError
from canary import CANARY, caught, leaks, text_of
from world import PROJECT

from chalicelib import compliance, pipeline, sweeping
from chalicelib.aws.clients import Clients, classified
from chalicelib.aws.operations import OPERATIONS
from chalicelib.errors import Invalid, SutureError
from suture.cli import failures

TWELVE = [CANARY[i : i + 12] for i in range(len(CANARY) - 11)]
SPELLINGS: dict[str, Callable[[str], str | bytes]] = {
    "raw": lambda s: s,
    "reversed": lambda s: s[::-1],
    "JSON": lambda s: json.dumps({"x": s}),
    "JSON in JSON": lambda s: json.dumps(json.dumps(s)),
    "URL": lambda s: quote(s, safe=""),
    "HTML": html.escape,
    "hex": lambda s: s.encode().hex(),
    "base64": lambda s: base64.b64encode(s.encode()),
    "base64, one later": lambda s: base64.b64encode(b"x" + s.encode()),
    "base64, two later": lambda s: base64.b64encode(b"xy" + s.encode()),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(b"key=" + s.encode()),
    "gzip": lambda s: b"before" + gzip.compress(s.encode()) + b"after",
    "gzip in base64": lambda s: json.dumps({"data": base64.b64encode(gzip.compress(s.encode())).decode()}),
    "binary of DynamoDB": lambda s: text_of([{"v": {"B": s.encode()}}]),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_twelve_characters_are_found_in_any_spelling(spelling: str) -> None:
    missed = [row for row in TWELVE if not leaks(SPELLINGS[spelling](row))]
    assert missed == []


def test_nothing_is_found_where_nothing_is() -> None:
    assert leaks(json.dumps({"DB_PASSWORD": "hmac:0123456789abcdef", "x": CANARY[:5], "y": CANARY[6:10]})) == []


class Refusing(BaseHTTPRequestHandler):
    """AWS that refuses every request for good, repeats it, and says what else came with it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        said = f"1 validation error detected: Value '{CANARY}' at 'secretString' failed: {body}"
        answer = json.dumps({"__type": "ValidationException", "message": said}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    server.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    yield server
    server.shutdown()
    server.server_close()


def test_a_refusal_on_the_wire_is_in_no_log_and_in_no_traceback(
    refusing: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything at DEBUG, before the client is made and after: botocore would write whole requests and answers."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "suture-prod-remediate-secrets")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    caplog.set_level(logging.DEBUG)
    clients = Clients("123456789012", "us-east-1")
    for _ in range(2):
        with pytest.raises(Invalid) as refused:
            clients.call("secretsmanager:CreateSecret", {"Name": "suture/x", "SecretString": CANARY})
        caplog.set_level(logging.DEBUG, logger="botocore")
    assert refused.value.code == "ValidationException"
    assert refused.value.__context__ is None and refused.value.__cause__ is None
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value) + str(vars(refused.value))
    assert not leaks(told + caught(caplog))
    assert "urllib3" in {r.name.split(".")[0] for r in caplog.records}, "the log was at DEBUG indeed"
    traces = {headers.get("X-Amzn-Trace-Id") for headers in refusing.seen}
    assert traces == {os.environ["_X_AMZN_TRACE_ID"]}, "Lambda's own trace goes on as it came, with nothing added"


@pytest.mark.parametrize(
    "error",
    [
        HTTPClientError(error=f"bad status line: {CANARY}"),
        ParamValidationError(report=f"Invalid type for parameter SecretString, value: {CANARY}"),
        ClientError({"Error": {"Code": "InvalidRequestException", "Message": CANARY}}, "CreateSecret"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_client_says_of_a_call_with_a_value_is_dropped(error: Any) -> None:
    assert not leaks(str(classified(error, "secretsmanager:CreateSecret")))


def test_what_aws_says_of_a_call_that_may_carry_a_value_is_dropped_for_every_runbook() -> None:
    carrying = set()
    for path in (PROJECT / "runbooks").glob("*/*.yaml"):
        carrying |= set(_carrying(yaml.safe_load(path.read_text())))
    assert {"secretsmanager:CreateSecret", "lambda:UpdateFunctionConfiguration", "ssm:PutParameter"} <= carrying
    assert [name for name in sorted(carrying) if not OPERATIONS[name].hushed] == []


def _carrying(node: Any) -> Iterator[str]:
    """The calls of a runbook with a late value somewhere in their parameters."""
    if isinstance(node, dict):
        if isinstance(node.get("call"), str) and '"late"' in json.dumps(node.get("with")):
            yield node["call"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _carrying(item)


@pytest.mark.parametrize(
    ("handler", "module", "name"),
    [("config_rule", compliance, "evaluate"), ("sweep", sweeping, "sweep")],
)
def test_a_mistake_of_ours_fails_a_function_without_its_text(
    monkeypatch: pytest.MonkeyPatch, handler: str, module: Any, name: str
) -> None:
    """Lambda writes an exception's text and its stack to the log and to X-Ray, and answers its caller with both."""

    def mistaken(*_: Any) -> None:
        raise ValueError(f"invalid literal for int(): {CANARY}")

    monkeypatch.setattr(pipeline, "deployment", lambda: None)
    monkeypatch.setattr(module, name, mistaken)
    with pytest.raises(SutureError, match=r"a mistake of ours: ValueError at test_canary.py:\d+") as failed:
        getattr(pipeline, handler)({}, None)
    assert not leaks("".join(traceback.format_exception(failed.value)) + repr(failed.value))


def test_a_command_that_fails_says_what_kind_and_where_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUTURE_DEBUG", "1")

    def mistaken() -> None:
        try:
            int(CANARY)
        except ValueError as error:
            raise KeyError(CANARY) from error

    assert failures.code_of(mistaken) == failures.USAGE
    said = capsys.readouterr().err
    assert "ValueError" in said and "in mistaken" in said and "unexpected KeyError" in said
    assert not leaks(said)


def test_nothing_of_ours_annotates_a_trace() -> None:
    """X-Ray: Lambda and API Gateway trace by themselves. What they take from us is a path (ours hold a case's id at
    most), and the text of an exception that leaves a handler, which is the test above. No SDK is there to annotate
    with, and no call goes there on the way out of a secret, as `Outside` sees.
    """
    assert "xray" not in (PROJECT / "requirements.txt").read_text().lower()
    loaded = (
        "import sys, app, chalicelib.pipeline\n"
        "print([m for m in sys.modules if 'xray' in m or 'opentelemetry' in m], *app.app.routes)"
    )
    run = subprocess.run([sys.executable, "-c", loaded], cwd=PROJECT, capture_output=True, text=True, check=True)
    modules, *routes = run.stdout.split()
    assert modules == "[]"
    assert {part for route in routes for part in route.split("/") if "{" in part} == {"{id}"}


CRASHES = {
    "no limit of ours": "",
    "a command": "from suture.cli import _keep_no_core as keep; keep();",
    "a function on the sandbox": "from suture.sandbox.bootstrap import keep_no_core as keep; keep();",
}


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 or sys.platform != "linux", reason="this machine keeps no cores"
)
def test_a_process_that_crashes_leaves_no_image_of_its_memory(tmp_path: Path) -> None:
    left = {}
    for who, first in CRASHES.items():
        raised = "import os, resource as r; r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2);"
        (folder := tmp_path / who).mkdir()
        code = f"{raised}{first} import os; os.chdir({str(folder)!r}); x = {CANARY!r} * 9; os.abort()"
        child = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stderr=subprocess.DEVNULL)
        _, status = os.waitpid(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert os.WIFSIGNALED(status), who
        left[who] = os.WCOREDUMP(status) or [p.name for p in folder.iterdir()]
    assert {who: left[who] for who in list(CRASHES)[1:]} == {"a command": [], "a function on the sandbox": []}
    assert left["no limit of ours"], "without our limit there is a core, or this test shows nothing"
