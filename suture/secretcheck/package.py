"""Secrets in a function's package: a ZIP or a folder, archives in it once, nothing unpacked, run or imported.

Dependencies are left out unless asked for: `node_modules`, `site-packages`, and what a `RECORD` of an installed
distribution lists. They are somebody else's files, published for all to read, and full of examples.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from chalicelib.errors import BadInput
from suture.evidence import archive

from .found import Report
from .text import secrets_in_file

LARGEST_INNER = 64 * 1024 * 1024
MOST_INNER = 20
"""Bytes of an archive inside the package, and how many of them are opened."""

_ARCHIVES = (".zip", ".whl", ".egg", ".jar")
_BINARY = (
    *(".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib", ".node", ".exe", ".wasm", ".class", ".o", ".a"),
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".pdf", ".woff", ".woff2", ".ttf", ".otf", ".eot"),
    *(".mp3", ".mp4", ".gz", ".bz2", ".xz", ".zst", ".br", ".7z", ".parquet", ".onnx", ".pkl", ".npy", ".h5", ".db"),
)
_FOLDERS = ("node_modules", "site-packages", "dist-packages", "bower_components", ".venv", "__pycache__")
_DISTRIBUTION = (".dist-info", ".egg-info")

Skips = Callable[[str], bool]


def check_package(path: Path, *, dependencies: bool = False) -> Report:
    """What a package holds; what could not be read is in `unread`, by name. Raises OSError where it is not there."""
    report = Report()
    path.stat()
    try:
        skips = _nothing if dependencies else _dependencies(path)
        budget = [MOST_INNER]
        for name, data in archive.files(path, _worth(skips), report.unread.__setitem__, lenient=True):
            _take(report, name, data, skips, budget)
    except BadInput as error:
        report.unread[str(path)] = error.what
    return report


def _take(report: Report, name: str, data: bytes, skips: Skips, budget: list[int]) -> None:
    if skips(name):
        report.left_out += 1
    elif _is_archive(name):
        if budget[0]:
            budget[0] -= 1
            report.add(_inner(name, data, skips))
        else:
            report.unread[name] = f"more than {MOST_INNER} archives are in the package"
    elif (text := _text(data)) and not _is_binary(name):
        report.files += 1
        report.found += secrets_in_file(name, text)


def _inner(name: str, data: bytes, skips: Skips) -> Report:
    """An archive in the package, such as a layer; archives in that one are named, and not opened."""
    report = Report()

    def unread(inner: str, why: str) -> None:
        report.unread[f"{name}!/{inner}"] = why

    def worth(inner: str) -> int:
        return 0 if skips(inner) or _is_binary(inner) or _is_archive(inner) else archive.LARGEST_FILE

    try:
        for inner, content in archive.zipped(io.BytesIO(data), name, worth, unread, lenient=True):
            if _is_archive(inner):
                unread(inner, "it is an archive in an archive")
            elif skips(inner):
                report.left_out += 1
            else:
                _take(report, f"{name}!/{inner}", content, _nothing, [0])
    except BadInput as error:
        report.unread[name] = error.what
    return report


def _worth(skips: Skips) -> archive.Worth:
    def worth(name: str) -> int:
        if skips(name) or _is_binary(name):
            return 0
        return LARGEST_INNER if _is_archive(name) else archive.LARGEST_FILE

    return worth


def _text(data: bytes) -> str:
    """Text of any encoding; nothing where the file is binary. UTF-16 has NUL bytes and a mark that says so."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return "" if b"\0" in data[:4096] else data.decode("utf-8-sig", "replace")


def _is_archive(name: str) -> bool:
    return PurePosixPath(name.lower()).suffix in _ARCHIVES


def _is_binary(name: str) -> bool:
    return PurePosixPath(name.lower()).suffix in _BINARY or ".so." in name


def _nothing(_: str) -> bool:
    return False


def _dependencies(path: Path) -> Skips:
    """Whether a file belongs to a dependency: by its folder, or because a distribution's RECORD lists its folder."""
    tops: set[str] = set()

    def worth(name: str) -> int:
        return archive.LARGEST_FILE if _record(name) is not None else 0

    if any(_record(name) is not None for name in archive.names(path)):
        for name, data in archive.files(path, worth, lambda *_: None, lenient=True):
            if (found := _record(name)) is not None:
                tops |= {found + top for top in _recorded(data)}
    return lambda name: _is_dependency(name, tops)


def _is_dependency(name: str, tops: set[str]) -> bool:
    parts = name.split("/")
    if any(part in _FOLDERS or part.endswith(_DISTRIBUTION) for part in parts[:-1]):
        return True
    return any("/".join(parts[: n + 1]) in tops for n in range(len(parts)))


def _record(name: str) -> str | None:
    """The folder (with its slash) that a distribution's RECORD speaks of, or None where a name is no RECORD."""
    found = re.fullmatch(r"((?:[^/]+/)*)[^/]+\.dist-info/RECORD", name)
    return found[1] if found else None


def _recorded(data: bytes) -> set[str]:
    """The top folders and modules that a RECORD lists: `requests`, `six.py`."""
    names = (line.split(",", 1)[0].strip('"') for line in data.decode("utf-8", "replace").splitlines())
    return {name.split("/", 1)[0] for name in names if name and not name.startswith(("..", "/"))}
