"""Packages as ZIP or folder: what is read, what is named as unread, what is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import BadInput
from suture.evidence import archive, package
from suture.evidence.arns import Where
from suture.evidence.package import PackageEvidence, read_package

PYTHON = "import boto3\nboto3.client('sqs').list_queues()\n"
SCRIPT = "const AWS = require('aws-sdk'); new AWS.SNS().listTopics({});"


def zipped(path: Path, files: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path / "p.zip"


def read(path: Path) -> PackageEvidence:
    return read_package(path, Where(), {})


def test_a_zip_and_a_folder_are_read_alike(tmp_path: Path) -> None:
    files = {"app.py": PYTHON, "src/index.mjs": SCRIPT, "data.json": "{}", "types.d.ts": "function ("}
    for name, text in files.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text)
    from_zip, from_folder = read(zipped(tmp_path, files)), read(tmp_path / "d")
    assert from_zip == from_folder
    assert [o.action for o in from_zip.observed] == ["sqs:ListQueues", "sns:ListTopics"]
    assert from_zip.files == 2 and not from_zip.blind and not from_zip.unread


@pytest.mark.parametrize(
    ("name", "data", "is_read"),
    [
        ("lib/x.jar", b"PK", False),
        ("bootstrap", b"\x7fELF....", False),
        ("run.sh", b"echo", False),
        ("start", b"#!/bin/sh", False),
        ("bin/jp", b"#!/usr/bin/python", True),
        ("m.pyc", b"\0\0", False),
        ("__pycache__/app.cpython-311.pyc", b"\0\0", True),
        ("latin.py", b"x = '\xe9'", False),
        ("big.py", b"#" * (package.LARGEST_FILE + 1), False),
        ("boto3/x.pyc", b"\0\0", True),
        ("readme.md", b"#!", True),
    ],
)
def test_code_that_cannot_be_read_is_named_and_doubted(tmp_path: Path, name: str, data: bytes, is_read: bool) -> None:
    found = read(zipped(tmp_path, {"app.py": PYTHON, name: data}))
    if name == "readme.md":
        assert list(found.unread) == [name]
        return
    assert (name not in found.unread) is is_read
    assert ("*" not in found.blind) is is_read
    assert [o.action for o in found.observed] == ["sqs:ListQueues"]


def test_native_libraries_are_named_apart(tmp_path: Path) -> None:
    found = read(zipped(tmp_path, {"app.py": PYTHON, "numpy/core.cpython-311-x86_64-linux-gnu.so": b"\x7fELF"}))
    assert found.native == ("numpy/core.cpython-311-x86_64-linux-gnu.so",) and not found.blind


@pytest.mark.parametrize("name", ["../out.py", "/etc/x.py", "a/../../x.py", "a\\..\\x.py"])
def test_a_name_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="outside"):
        read(zipped(tmp_path, {name: PYTHON}))


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive, pytest.warns(UserWarning):
        archive.writestr("app.py", PYTHON)
        archive.writestr("app.py", "")
    with pytest.raises(BadInput, match="twice"):
        read(tmp_path / "p.zip")


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    with pytest.raises(BadInput, match="250 MB"):
        read(zipped(tmp_path, {"app.py": "#" * 2000}))
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MOST_READ", 1000)
    with pytest.raises(BadInput, match="larger than it says, or too large"):
        read(zipped(tmp_path, {"a.py": "#" * 800, "b.py": "#" * 800}))


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    with pytest.raises(BadInput, match="3 files"):
        read(zipped(tmp_path, {f"{i}.py": "" for i in range(3)}))


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_zip_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(BadInput, match="no ZIP"):
        read(tmp_path / "p.zip")


def test_a_damaged_member_costs_itself_only(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "marker = 1\n")
        archive.writestr("app.py", PYTHON)
    (tmp_path / "p.zip").write_bytes(buffer.getvalue().replace(b"marker", b"mXrker", 1))
    found = read(tmp_path / "p.zip")
    assert list(found.unread) == ["a.py"] and len(found.observed) == 1


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/app.py").write_text(PYTHON)
    (tmp_path / "d/x.py").symlink_to("/etc/passwd")
    assert list(read(tmp_path / "d").unread) == ["x.py"]
    link = zipfile.ZipInfo("x.py")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert list(read(tmp_path / "p.zip").unread) == ["x.py"]
