"""The deployment package as it ships: what is in the zip, and that its handlers start with the runtime's libraries."""

from __future__ import annotations

import json
import marshal
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source, find_spec
from pathlib import Path
from typing import Any

import pytest

import suture.build as builder
from chalicelib.errors import Misconfigured
from suture.build import Build, build

ROOT = Path(__file__).parents[2]
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
HANDLERS = ("watch", "sweep", "config_rule", "remediate", "remediate_iam", "remediate_secrets", "notify")


@pytest.fixture(scope="module")
def names(built: Build) -> frozenset[str]:
    with zipfile.ZipFile(built.zip) as archive:
        assert archive.testzip() is None
        return frozenset(archive.namelist())


@pytest.fixture(scope="module")
def runtime(built: Build, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The unpacked package, and a folder that holds what AWS's Python runtime brings."""
    package, libraries = tmp_path_factory.mktemp("package"), tmp_path_factory.mktemp("runtime")
    with zipfile.ZipFile(built.zip) as archive:
        archive.extractall(package)
    for name in RUNTIME:
        origin = Path(str(getattr(find_spec(name), "origin", "")))
        source = origin.parent if origin.name == "__init__.py" else origin
        (libraries / source.name).symlink_to(source)
    return package, libraries


def run(runtime: tuple[Path, Path], code: str) -> Any:
    """What `code` prints as JSON, in an interpreter without site-packages, as Lambda would start it."""
    preface = f"import sys; sys.path[:0] = {[str(p) for p in runtime]!r}\n"
    environment = {"PATH": "/usr/bin:/bin", "AWS_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-I", "-S", "-B", "-c", preface + code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


# --- content --------------------------------------------------------------------------------------------------------


def test_everything_that_runs_is_in_the_zip(names: frozenset[str]) -> None:
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "chalicelib").rglob("*.py")}
    assert {"app.py", "chalice/__init__.py", "chalice/app.py", *sources} <= names


def test_every_runbook_and_governance_file_is_in_the_zip(names: frozenset[str], built: Build) -> None:
    assert not {"runbooks", "governance"} & names
    with zipfile.ZipFile(built.zip) as archive:
        for folder in ("runbooks", "governance"):
            for path in (ROOT / folder).rglob("*.yaml"):
                name = path.relative_to(ROOT).as_posix()
                assert archive.read(name) == path.read_bytes()


def test_nothing_else_is_in_the_zip(names: frozenset[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops <= {"app.py", "__pycache__", "chalice", "chalicelib", "runbooks", "governance"}
    assert not [n for n in names if n.endswith(".so") or "/." in n or "test" in n]


def test_every_module_is_there_compiled_for_this_python(names: frozenset[str], built: Build) -> None:
    """Checked against no source: a package that was unpacked has no time of its own."""
    compiled = {n for n in names if n.endswith(".pyc")}
    assert compiled == {cache_from_source(n) for n in names if n.endswith(".py")}
    with zipfile.ZipFile(built.zip) as archive:
        read = archive.read("chalicelib/__pycache__/" + Path(cache_from_source("model.py")).name)
    assert (read[:4], read[4:8]) == (MAGIC_NUMBER, b"\x01\0\0\0")
    assert marshal.loads(read[16:]).co_filename == "/var/task/chalicelib/model.py"


def test_it_is_small(built: Build) -> None:
    assert built.zip.stat().st_size < 5_000_000


# --- handlers -------------------------------------------------------------------------------------------------------


def test_every_handler_and_module_imports_with_nothing_but_the_runtime(runtime: tuple[Path, Path]) -> None:
    code = (
        "import json, pkgutil, importlib, app, chalicelib\n"
        f"assert all(callable(getattr(app, n)) for n in {HANDLERS!r}) and callable(app.app)\n"
        "for m in pkgutil.walk_packages(chalicelib.__path__, 'chalicelib.'): importlib.import_module(m.name)\n"
        "print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))\n"
    )
    loaded = set(run(runtime, code))
    assert loaded >= {"botocore", "chalice", "chalicelib"}
    assert not loaded & {"yaml", "pydantic", "rich", "moto", "click", "suture"}


def test_importing_the_entry_points_loads_neither_boto3_nor_the_pipeline(runtime: tuple[Path, Path]) -> None:
    loaded = run(runtime, "import json, app; print(json.dumps(sorted(sys.modules)))")
    assert not {"boto3", "botocore", "jmespath", "chalicelib.pipeline"} & set(loaded)


DOUBLE = """
import json, types
class Double(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return lambda event, context=None: self.answer(name, event)
    def answer(self, name, event):
        if name == "chat": return 202, {"told": event}
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event.get("Records", ())], "by": name}
sys.modules["chalicelib.pipeline"] = Double("chalicelib.pipeline")
import app
"""


@pytest.mark.parametrize("name", ["watch", "remediate", "remediate_iam", "remediate_secrets", "notify"])
def test_a_queue_handler_passes_the_raw_event_in_and_partial_failures_out(
    runtime: tuple[Path, Path], name: str
) -> None:
    record = {"messageId": "m-1", "body": "{}", "receiptHandle": "r"}
    answer = run(runtime, f"{DOUBLE}\nprint(json.dumps(app.{name}({{'Records': [{record!r}]}}, None)))")
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}], "by": name}


@pytest.mark.parametrize("name", ["sweep", "config_rule"])
def test_the_other_handlers_are_handed_over_too(runtime: tuple[Path, Path], name: str) -> None:
    event = {"source": "aws.events", "detail": {}, "resources": [], "region": "r", "version": "0", "account": "1"}
    event |= {"detail-type": "Scheduled Event", "time": "t", "id": "i"}
    assert run(runtime, f"{DOUBLE}\nprint(json.dumps(app.{name}({event!r}, None)))")["by"] == name


def test_a_request_arrives_as_plain_data_and_its_answer_as_status_and_json(runtime: tuple[Path, Path]) -> None:
    answer = call(
        runtime, request("POST", "/cases/{id}/decision", {"id": "C-1"}, body="eyJkZWNpc2lvbiI6ICJhcHByb3ZlIn0=")
    )
    assert (answer["statusCode"], answer["headers"]["Cache-Control"]) == (202, "no-store")
    assert json.loads(answer["body"])["told"] == {
        "method": "POST",
        "resource": "/cases/{id}/decision",
        "path_parameters": {"id": "C-1"},
        "query": {"state": "PENDING"},
        "body": '{"decision": "approve"}',
        "identity": {"accountId": "123456789012", "userArn": "arn:aws:sts::123456789012:assumed-role/security/eve"},
    }


def test_a_body_that_is_no_utf8_and_a_caller_without_identity_do_not_break_the_door(runtime: tuple[Path, Path]) -> None:
    event = request("POST", "/pause", None, body="/w==")
    event["requestContext"]["identity"] = None
    told = json.loads(call(runtime, event)["body"])["told"]
    assert (told["body"], told["identity"], told["path_parameters"]) == ("\ufffd", {}, {})


def request(method: str, resource: str, parameters: Mapping[str, str] | None, *, body: str) -> dict[str, Any]:
    identity = {"accountId": "123456789012", "userArn": "arn:aws:sts::123456789012:assumed-role/security/eve"}
    context = {"resourcePath": resource, "httpMethod": method, "path": resource, "identity": {**identity, "user": None}}
    headers = {"content-type": "application/json"}
    event = {"requestContext": context, "pathParameters": parameters, "headers": headers, "body": body}
    return {
        **event,
        "isBase64Encoded": True,
        "multiValueQueryStringParameters": {"state": ["PENDING"]},
        "stageVariables": None,
    }


def call(runtime: tuple[Path, Path], event: Mapping[str, Any]) -> Any:
    return run(runtime, f"{DOUBLE}\nprint(json.dumps(app.app({event!r}, None)))")


# --- builds ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources, as another machine has them: another folder, other times, other order."""
    builder._copy_sources(ROOT, tmp_path / "elsewhere")
    for path in sorted((tmp_path / "elsewhere").rglob("*"), reverse=True):
        if path.is_file():
            path.touch()
    return tmp_path / "elsewhere"


def test_two_builds_in_two_places_are_the_same_to_the_byte(built: Build, checkout: Path) -> None:
    (checkout / "chalicelib" / "__pycache__").mkdir(exist_ok=True)
    (checkout / "chalicelib" / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"stale")
    other = build(checkout)
    assert other.digest == built.digest
    for mine, theirs in (
        (built.zip, other.zip),
        (built.sam_template, other.sam_template),
        (built.template, other.template),
    ):
        assert mine.read_bytes() == theirs.read_bytes()


def test_unchanged_sources_are_not_built_again_and_changed_ones_are(checkout: Path) -> None:
    first = build(checkout)
    made = first.zip.stat().st_mtime_ns
    assert (build(checkout), first.zip.stat().st_mtime_ns) == (first, made)
    (checkout / "requirements.txt").write_text("# another comment\n")
    assert build(checkout).digest != first.digest


def test_the_writers_rights_follow_the_governance_that_is_given(checkout: Path) -> None:
    other = checkout / "elsewhere"
    shutil.copytree(checkout / "governance", other)
    pin = "  - {runbook: iam-delete-stale-versions, version: 1.0.0, mode: propose}\n"
    (other / "pins.yaml").write_text((other / "pins.yaml").read_text() + pin)
    plain, more = (build(checkout, governance) for governance in (None, other))
    assert plain.digest != more.digest
    assert "iam:DeletePolicyVersion" not in plain.sam_template.read_text()
    assert "iam:DeletePolicyVersion" in more.sam_template.read_text()
    with zipfile.ZipFile(more.zip) as archive:
        assert "iam-delete-stale-versions" in archive.read("governance/packaged.json").decode()


def test_a_broken_build_leaves_nothing_behind_that_looks_finished(checkout: Path) -> None:
    (checkout / "resources.json").write_text('{"Resources": ')
    with pytest.raises(Misconfigured, match="chalice package failed"):
        build(checkout)
    assert list((checkout / ".suture" / "build").iterdir()) == []


def test_only_a_few_old_builds_are_kept(tmp_path: Path) -> None:
    for number in range(7):
        folder = tmp_path / f"digest-{number}"
        folder.mkdir()
        builder.os.utime(folder, (number, number))
    scratch = tmp_path / "tmp-running"
    scratch.mkdir()
    builder._forget_old(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"tmp-running", *(f"digest-{n}" for n in (3, 4, 5, 6))}
    builder.os.utime(scratch, (time.time() - 7200,) * 2)
    builder._forget_old(tmp_path)
    assert not scratch.exists()
