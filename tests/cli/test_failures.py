"""Exit codes, one clear line for every failure, and a command line that starts fast."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from chalicelib import errors
from suture.cli import failures
from suture.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SUTURE = [sys.executable, "-c", "from suture.cli import main; main()"]


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}, "GetRole")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (failures.WrongUsage("no such control"), 2, "error: no such control."),
        (errors.BadRequest("refused", status=403), 1, "error: refused."),
        (errors.BadRunbook("bad", where="a.yaml:3", next_step="mend it"), 1, "error: a.yaml:3: bad. Next: mend it"),
        (errors.BadGovernance("bad"), 1, "error: bad."),
        (errors.Misconfigured("port 1 is taken"), 2, "error: port 1 is taken."),
        (errors.Escalation("look at it"), 1, "error: look at it."),
        (errors.Conflict("moved"), 1, "error: moved."),
        (errors.Gone("not there", code="NoSuchEntity"), 1, "error: not there."),
        (errors.Denied("no", operation="iam:GetRole", code="AccessDenied"), 2, "Next: allow iam:GetRole"),
        (errors.Throttled("slow", code="Throttling"), 3, "error: slow."),
        (errors.Throttled("x", code="NoCredentialsError"), 3, "error: AWS: no AWS credentials were found."),
        (errors.Invalid("x", code="InvalidClientTokenId"), 3, "the credentials are of no use"),
        (errors.Throttled("x", code="EndpointConnectionError"), 3, "check the network, the region"),
        (NoCredentialsError(), 3, "no AWS credentials were found"),
        (EndpointConnectionError(endpoint_url="http://x"), 3, "http://x"),
        (client_error("ExpiredToken"), 3, "the credentials are of no use"),
        (client_error("Odd"), 3, "Odd"),
        (
            FileNotFoundError(2, "No such file or directory", "gone.json"),
            1,
            "error: gone.json: cannot be used: No such",
        ),
        (
            RuntimeError("boom\n\x1b[31m"),
            2,
            "error: unexpected RuntimeError. Next: run it again with SUTURE_DEBUG=1",
        ),
    ],
)
def test_every_failure_is_one_line_and_a_code(error: Exception, code: int, says: str) -> None:
    line, found = failures.explained(error)
    assert found == code
    assert says in line
    assert "\n" not in line


def suture(*arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with nothing of ours in its environment."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SUTURE_"))}
    env = {**clean, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent", **environment}
    return subprocess.run([*SUTURE, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, timeout=timeout)


KEYS = {"AWS_ACCESS_KEY_ID": "AKIA" + "X" * 16, "AWS_SECRET_ACCESS_KEY": "y" * 40, "AWS_REGION": "us-east-1"}


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["scan"], {}, 3, "no AWS region is set"),
        (["scan", "--region", "us-east-1"], {}, 3, "no AWS credentials were found"),
        (["scan", "--region", "moon base"], KEYS, 3, "AWS region"),
        (["scan"], {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 3, "127.0.0.1:9"),
        (["scan"], {**KEYS, "AWS_ENDPOINT_URL": "nonsense"}, 2, "AWS_ENDPOINT_URL: 'nonsense' is no address"),
        (["scan", "--profile", "nobody"], KEYS, 3, "nobody"),
        (["cases", "list"], KEYS, 2, "SUTURE_API_URL"),
        (["cases", "list"], {**KEYS, "SUTURE_API_URL": "http://127.0.0.1:9/api"}, 3, "no answer"),
        (["cases", "list"], {**KEYS, "SUTURE_API_URL": "http://example.com/api"}, 2, "session token"),
        (["cases", "list"], {**KEYS, "SUTURE_API_URL": "file:///etc/passwd"}, 2, "no address"),
        (["controls", "show", "lambda-url-publik"], {}, 2, "did you mean lambda-url-public?"),
        (["runbooks", "show", "nothing"], {}, 2, "there is no runbook 'nothing'"),
        (["runbooks", "plan", "iam-narrow-trust", "arn:aws:s3:::bucket"], KEYS, 2, "arn:aws:s3:::bucket"),
        (["skan"], {}, 2, "Did you mean 'scan'?"),
        (["scan", "--nonsense"], {}, 2, "--nonsense"),
        (["replay", "no-such-file"], {}, 2, "no-such-file"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(
    arguments: list[str], environment: dict[str, str], code: int, says: str
) -> None:
    result = suture(*arguments, **environment)
    assert says in result.stderr
    assert result.returncode == code
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")


def test_a_broken_reader_of_our_output_is_no_error() -> None:
    command = [*SUTURE, "controls", "list", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(30) == 141
    assert said == b""


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    """In the middle of a call to an endpoint that takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        env = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with subprocess.Popen(
            [*SUTURE, "scan"], stderr=subprocess.PIPE, env=env, cwd=ROOT, text=True, preexec_fn=_heed_ctrl_c
        ) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
            connection.close()
    assert process.returncode == 130
    assert said.strip() == "interrupted"


def _heed_ctrl_c() -> None:
    """A test run in the background was started with Ctrl-C ignored, and would hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_debug_shows_the_traceback() -> None:
    result = suture("scan", SUTURE_DEBUG="1")
    assert "Traceback" in result.stderr
    assert result.returncode == 3


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from suture.cli.app import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "names = ('boto3', 'botocore', 'rich', 'pydantic', 'yaml', 'moto', 'jmespath')\n"
        "heavy = [m for m in names if m in sys.modules]\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Any, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: cli {command}")


def test_the_help_documents_every_exit_code(run: Any) -> None:
    shown = run("--help").stdout
    for code in (failures.OK, failures.FOUND, failures.INCOMPLETE, failures.UNREACHABLE, failures.INTERRUPTED):
        assert f"\n    {code} " in shown
    assert all(name in shown for name in COMMANDS)


def test_version(run: Any) -> None:
    assert run("--version").stdout.startswith("suture ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run: Any, shell: str) -> None:
    assert "_SUTURE_COMPLETE" in run("completion", shell).stdout


@pytest.mark.parametrize("command", [("controls", "list"), ("runbooks", "list"), ("runbooks", "lint")])
def test_reading_commands_print_one_json_document(run: Any, command: tuple[str, ...]) -> None:
    assert isinstance(json.loads(run(*command, "--json").stdout), dict)
