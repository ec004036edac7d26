"""`suture web` before it serves anything: what it cannot do, and what to do about it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

API = "http://127.0.0.1:9/api"


def test_it_says_what_it_lacks(run: Any) -> None:
    done = run("web")
    assert done.exit_code != 0 and "SUTURE_TABLE" in done.output and "--ready-file" in done.output
    done = run("web", "--table", "cases")
    assert done.exit_code != 0 and "SUTURE_API_URL" in done.output
    done = run("web", "--table", "cases", "--api-url", "http://suture.example/api")
    assert done.exit_code != 0 and "https://" in done.output


@pytest.mark.parametrize("text", [None, "", "[]", "{}", "{", json.dumps({"region": "us-east-1", "credentials": []})])
def test_a_file_that_no_sandbox_wrote_is_refused(run: Any, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ready.json"
    if text is not None:
        path.write_text(text)
    done = run("web", "--ready-file", str(path))
    assert done.exit_code != 0 and "no ready file" in done.output


def test_a_port_that_is_taken_is_named(run: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("web", "--port", str(port), "--table", "cases", "--api-url", API)
    assert done.exit_code != 0 and str(port) in done.output and "--port" in done.output
