"""`suture secrets check` as it is typed: answers, exit codes, and a function with its versions, code and layers."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from chalicelib.aws.clients import Clients
from suture.cli.app import cli
from suture.sandbox import mends
from tests.recipes import expand
from tests.world import function

AWS, SECRET = expand("AK<>IA<b16>"), "Tr0ub4" + "dor&3"


def run(*arguments: str, **more: Any) -> Result:
    result = CliRunner().invoke(cli, ["secrets", "check", *arguments], **more)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert AWS not in result.output
    assert SECRET not in result.output
    return result


def package(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return buffer.getvalue()


def test_lines_from_stdin_and_from_a_file(tmp_path: Path) -> None:
    lines = json.dumps({"id": 1, "name": "DB_PASSWORD", "value": SECRET}) + "\nnonsense\n"
    (tmp_path / "v.jsonl").write_text(lines)
    for result in (run(input=lines), run("-", input=lines), run(str(tmp_path / "v.jsonl"))):
        first, second = map(json.loads, result.stdout.splitlines())
        assert first == {
            "id": 1,
            "secret": True,
            "kind": "password",
            "confidence": "likely",
            "reason": "a telling name and a value that is no placeholder",
        }
        assert second["error"] == "line 2: it is no JSON"
        assert result.exit_code == 0


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({"app.py": "x = 1"}, 0, "Nothing found; 1 files read"),
        ({"app.py": f"x = '{AWS}'"}, 1, "app.py:1"),
        ({"app.py": f"x = '{AWS}'", "a.zip": "PK"}, 2, "a.zip: it is no ZIP"),
    ],
)
def test_a_packages_exit_codes(tmp_path: Path, files: dict[str, str], code: int, said: str) -> None:
    (tmp_path / "p.zip").write_bytes(package(files))
    result = run("--package", str(tmp_path / "p.zip"))
    assert result.exit_code == code
    assert said in result.stdout
    told = json.loads(run("--package", str(tmp_path / "p.zip"), "--json").stdout)
    assert [f["line"] for f in told["found"]] == [1] * (code > 0)
    assert json.loads(run("--package", str(tmp_path / "p.zip"), "--sarif").stdout)["version"] == "2.1.0"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--package", "/nowhere"),
        ("/nowhere.jsonl",),
        ("--json", "--sarif", "--package", "."),
        ("--package", ".", "--function", "x"),
        ("--sarif",),
        ("x.jsonl", "--package", "."),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli, ["secrets", "check", *arguments]).exit_code == 2


# --- a function -----------------------------------------------------------------------------------------------------


@pytest.fixture
def downloads() -> Iterator[dict[str, bytes]]:
    """Packages on loopback, as S3 gives them at presigned addresses."""
    held: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = held.get(self.path)
            self.send_response(200 if body is not None else 403)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    held[""] = f"http://127.0.0.1:{server.server_address[1]}".encode()
    yield held
    server.shutdown()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, downloads: dict[str, bytes]) -> Iterator[Any]:
    """A function whose code and layer lie on loopback: moto names addresses where nothing can be got."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    asked = Clients.call

    def call(self: Clients, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "lambda:GetLayerVersion":
            return {"Content": {"Location": downloads[""].decode() + "/layer?signature=xyz"}}
        answer = asked(self, operation, parameters)
        if operation == "lambda:GetFunction":
            answer["Code"]["Location"] = downloads[""].decode() + "/code?signature=xyz"
            answer["Configuration"]["Layers"] = [{"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:deps:3"}]
        return answer

    mends.apply()
    with mock_aws():
        monkeypatch.setattr(Clients, "call", call)
        yield function("shop", {"DB_PASSWORD": SECRET, "STAGE": "prod"})


def test_a_function_is_read_with_versions_code_and_layers(shop: Any, downloads: dict[str, bytes]) -> None:
    shop.publish_version(FunctionName="shop")
    shop.create_alias(FunctionName="shop", Name="live", FunctionVersion="1")
    downloads["/code?signature=xyz"] = package({"app.py": f"KEY = '{AWS}'"})
    downloads["/layer?signature=xyz"] = package({"python/k.py": f"\nKEY = '{AWS}'"})
    result = run("--function", "shop", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {(f["where"], f["line"], f["name"]) for f in told["found"]} == {
        ("shop:$LATEST", 0, "DB_PASSWORD"),
        ("shop:1 (alias live)", 0, "DB_PASSWORD"),
        ("shop:$LATEST code/app.py", 1, "KEY"),
        ("layer arn:aws:lambda:us-east-1:123456789012:layer:deps:3/python/k.py", 2, "KEY"),
    }
    assert told["unread"] == []


def test_what_cannot_be_downloaded_is_said_without_its_address(shop: Any) -> None:
    result = run("--function", "shop")
    assert result.exit_code == 2
    assert "code: it could not be downloaded (HTTPError)" in result.stdout
    assert "signature" not in result.output
    assert "DB_PASSWORD" in result.stdout


def test_a_function_that_is_not_there_is_wrong_usage(shop: Any) -> None:
    result = run("--function", "nobody")
    assert result.exit_code == 2
    assert "there is no function 'nobody'" in result.stderr
