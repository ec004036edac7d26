"""Packages as they come: what is read, what is left out, what could not be read and is said, and never an exception."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from suture.evidence import archive
from suture.secretcheck import package
from suture.secretcheck.found import Report
from suture.secretcheck.package import check_package
from suture.secretcheck.sarif import sarif
from tests.recipes import expand

AWS = expand("AK<>IA<b16>")
SECRET = f'KEY = "{AWS}"\n'


def zipped(files: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return buffer.getvalue()


def check(tmp_path: Path, files: dict[str, Any], **options: bool) -> Report:
    (tmp_path / "p.zip").write_bytes(zipped(files))
    return check_package(tmp_path / "p.zip", **options)


def where(report: Report) -> list[str]:
    return sorted(f"{f.where}:{f.line}" for f in report.found)


def test_a_zip_and_a_folder_are_read_alike(tmp_path: Path) -> None:
    files = {"app.py": SECRET, "conf/.env": "\nDB_PASS=whiteduke", "README": "hello"}
    for name, text in files.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text)
    from_zip, from_folder = check(tmp_path, files), check_package(tmp_path / "d")
    assert where(from_zip) == where(from_folder) == ["app.py:1", "conf/.env:2"]
    assert from_zip.files == from_folder.files == 3
    assert not from_zip.unread


def test_dependencies_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    files = {
        "app.py": SECRET,
        "node_modules/x/index.js": SECRET,
        "python/lib/python3.12/site-packages/y.py": SECRET,
        "requests/api.py": SECRET,
        "six.py": SECRET,
        "requests-2.0.dist-info/RECORD": "requests/api.py,sha256=x,1\nsix.py,,\n../../bin/x,,\n",
        "requests-2.0.dist-info/METADATA": SECRET,
    }
    assert where(check(tmp_path, files)) == ["app.py:1"]
    assert check(tmp_path, files).left_out == 6
    everything = check(tmp_path, files, dependencies=True)
    assert len(everything.found) == 6
    assert not everything.left_out


def test_archives_inside_are_opened_once(tmp_path: Path) -> None:
    layer = zipped({"python/k.py": SECRET, "more.zip": zipped({"a.py": SECRET}), "node_modules/a.js": SECRET})
    report = check(tmp_path, {"layer.zip": layer, "bad.whl": b"PK\x03\x04", "x.bin": b"\0" + AWS.encode()})
    assert where(report) == ["layer.zip!/python/k.py:1"]
    assert report.unread["layer.zip!/more.zip"] == "it is an archive in an archive"
    assert "no ZIP" in report.unread["bad.whl"]
    assert report.left_out == 1


def test_too_many_archives_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_INNER", 2)
    report = check(tmp_path, {f"{i}.zip": zipped({"a.py": SECRET}) for i in range(3)})
    assert len(report.found) == 2
    assert list(report.unread) == ["2.zip"]


@pytest.mark.parametrize(
    ("name", "external", "flag", "why"),
    [
        ("../../etc/cron.py", 0, 0, "outside"),
        ("/abs.py", 0, 0, "outside"),
        ("a\\b.py", 0, 0, "outside"),
        ("link.py", 0o120777 << 16, 0, "link"),
        ("locked.py", 0, 1, "encrypted"),
        ("large.py", 0, 0, "8 MB"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_costs_itself_only(
    tmp_path: Path, name: str, external: int, flag: int, why: str
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        info = zipfile.ZipInfo(name)
        info.external_attr = external
        made.writestr(info, SECRET if name != "large.py" else b"#" * (archive.LARGEST_FILE + 1))
        made.writestr("app.py", SECRET)
    raw = bytearray(buffer.getvalue())
    raw[raw.find(b"PK\x01\x02") + 8] |= flag
    (tmp_path / "p.zip").write_bytes(raw)
    report = check_package(tmp_path / "p.zip")
    assert where(report) == ["app.py:1"]
    (line,) = report.unread.values()
    assert why in line
    assert AWS not in line


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    report = check(tmp_path, {"app.py": SECRET + "#" * 2000})
    assert not report.found
    assert "250 MB" in report.unread[str(tmp_path / "p.zip")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c.json", b'{"apiKey": '),
        ("n.ipynb", b"{"),
        ("n.ipynb", b'{"cells": 7}'),
        ("n.ipynb", b'{"cells": [{"source": 7}]}'),
        ("u.py", b"\xff\xfe\x00\xd8"),
        ("u.py", "x = 1".encode("utf-16")),
        ("u.py", b"\x80\x81\x82" * 100),
        ("e.py", b""),
        ("odd \x1b[31m.py", b"x = 1"),
        ("b.txt", b"a\0b" * 1000),
        ("deep.json", b"[" * 200_000),
    ],
)
def test_no_content_is_too_odd(tmp_path: Path, name: str, data: bytes) -> None:
    report = check(tmp_path, {name: data, "app.py": SECRET})
    assert where(report) == ["app.py:1"]
    assert not report.unread


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_package_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p.zip").write_bytes(data)
    assert "no ZIP" in check_package(tmp_path / "p.zip").unread[str(tmp_path / "p.zip")]


def test_the_sarif_log_has_places_and_no_values(tmp_path: Path) -> None:
    report = check(tmp_path, {"src/a b.py": "\n" + SECRET, ".env": "DB_PASS=whiteduke", "x.zip": b"PK"})
    told = sarif(report, "1.0")
    (run,) = told["runs"]
    places = {r["ruleId"]: r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert places == {"plaintext-aws-access-key-id": "src/a%20b.py", "plaintext-password": ".env"}
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    assert run["invocations"][0]["executionSuccessful"] is False
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in run["results"])
    assert AWS not in json.dumps(told)
    assert "whiteduke" not in json.dumps(told)
