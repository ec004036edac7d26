"""The files of a function's package, a ZIP or a folder, and the AWS calls in them.

Nothing is unpacked to disk, run or imported. A ZIP is taken for what it may be: names that climb out, links, more
files or bytes than a Lambda package can have, and bombs are refused or named among what could not be read.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from chalicelib.errors import BadInput
from chalicelib.iam.evidence import Observed

from . import sdk
from .arns import Where
from .package_javascript import SUFFIXES, read_javascript
from .package_python import is_sdk, read_python

MOST_FILES, MOST_BYTES, LARGEST_FILE = 40_000, 300 * 1024 * 1024, 8 * 1024 * 1024
"""Lambda takes 250 MB unpacked (Lambda quotas). A source file above the last is not read, and named."""
MOST_CODE = 120 * 1024 * 1024

_OTHER_CODE = (".pyc", ".jar", ".class", ".wasm", ".rb", ".dll", ".exe", ".go", ".rs", ".java", ".cs", ".sh")
_NATIVE = (".so", ".pyd", ".dylib", ".node")
_NEXT = "give the ZIP that Lambda runs, or the folder it was made of"


@dataclass(frozen=True, slots=True)
class PackageEvidence:
    """`observed` calls; `blind`: IAM prefixes (or `*`) whose calls may be hidden, each with why; `unread` files with
    why; `native` libraries, which are taken to call nothing; `files` that were read."""

    observed: tuple[Observed, ...]
    blind: Mapping[str, str]
    unread: Mapping[str, str]
    native: tuple[str, ...]
    files: int


def read_package(path: Path, where: Where, environment: Mapping[str, str]) -> PackageEvidence:
    """The AWS calls in a package. Raises BadInput where the package is no package, or no decent one."""
    found = sdk.Findings()
    python: dict[str, str] = {}
    script: dict[str, bytes] = {}
    native: list[str] = []
    names: list[str] = []
    for name, data in _folder(path, found) if path.is_dir() else _zip(path, found):
        names.append(name)
        suffix = PurePosixPath(name).suffix.lower()
        if suffix == ".py":
            _take_python(name, data, python, found)
        elif suffix in SUFFIXES and not name.endswith((".d.ts", ".d.mts", ".d.cts")):
            script[name] = data
        elif suffix in _NATIVE or ".so." in name:
            native.append(name)
        elif _is_other_code(name, data) and not is_sdk(name) and not (suffix == ".pyc" and _has_source(name, path)):
            _unread(found, name, "it is code in a language that is not read")
    found.add(read_python(python, environment))
    found.add(read_javascript(script, environment, _modules(names)) if script else sdk.Findings())
    calls = tuple(sdk.observed(found.calls, where))
    return PackageEvidence(calls, found.blind, found.unread, tuple(native), len(python) + len(script))


def _take_python(name: str, data: bytes, python: dict[str, str], found: sdk.Findings) -> None:
    try:
        python[name] = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _unread(found, name, "it is not UTF-8")


def _unread(found: sdk.Findings, name: str, why: str) -> None:
    found.unread[name] = why
    found.hide("*", f"{name} could not be read: {why}")


def _is_other_code(name: str, data: bytes) -> bool:
    """Code in other languages; not the console scripts that pip and npm add, which run what is read anyway."""
    pure = PurePosixPath(name)
    is_script = data[:2] == b"#!" and pure.parent.name not in ("bin", ".bin")
    return pure.suffix.lower() in _OTHER_CODE or data[:4] == b"\x7fELF" or is_script


def _has_source(name: str, path: Path) -> bool:
    """Whether compiled Python lies beside its source, which is read in its place."""
    plain = PurePosixPath(name)
    folder = plain.parent.parent if plain.parent.name == "__pycache__" else plain.parent
    source = (folder / f"{plain.name.partition('.')[0]}.py").as_posix()
    if path.is_dir():
        return (path / source).is_file()
    with zipfile.ZipFile(path) as archive:
        return source in archive.NameToInfo


def _modules(names: list[str]) -> frozenset[str]:
    """The modules in `node_modules` folders: `lodash`, `@scope/name`."""
    found: set[str] = set()
    for name in names:
        *_, after = f"/{name}".split("/node_modules/")
        if after != f"/{name}":
            parts = after.split("/")
            found.add("/".join(parts[: 2 if parts[0].startswith("@") else 1]))
    return frozenset(found)


def _folder(root: Path, found: sdk.Findings) -> Iterator[tuple[str, bytes]]:
    """Files below a folder; links are not followed."""
    count = total = 0
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.is_symlink():
            _unread(found, name, "it is a link")
            continue
        if not file.is_file() or name.startswith(".git/"):
            continue
        size = file.stat().st_size
        count, total = count + 1, total + size
        _check(root, count, total)
        if (kept := _worth_reading(name)) and size > LARGEST_FILE:
            _unread(found, name, f"it has more than {LARGEST_FILE // 1024 // 1024} MB")
            continue
        try:
            with file.open("rb") as stream:
                yield name, stream.read(LARGEST_FILE if kept else 4)
        except OSError as error:
            _unread(found, name, f"cannot be opened ({error.strerror})")


def _zip(path: Path, found: sdk.Findings) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            _check(path, len(members), sum(m.file_size for m in members))
            yield from _members(archive, members, found, path)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise BadInput(f"it is no ZIP that can be read: {error}", where=str(path), next_step=_NEXT) from None


def _members(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], found: sdk.Findings, path: Path
) -> Iterator[tuple[str, bytes]]:
    total = 0
    seen: set[str] = set()
    for member in members:
        name = member.filename
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
            raise BadInput(f"a file in it would lie outside: {name!r:.120}", where=str(path), next_step=_NEXT)
        if name in seen:
            raise BadInput(f"a file is in it twice: {name!r:.120}", where=str(path), next_step=_NEXT)
        seen.add(name)
        if stat.S_ISLNK(member.external_attr >> 16):
            _unread(found, name, "it is a link")
            continue
        if member.flag_bits & 1:
            _unread(found, name, "it is encrypted")
            continue
        kept = _worth_reading(name)
        if kept and member.file_size > LARGEST_FILE:
            _unread(found, name, f"it has more than {LARGEST_FILE // 1024 // 1024} MB")
            continue
        try:
            with archive.open(member) as stream:
                data = stream.read(LARGEST_FILE + 1 if kept else 4)
        except (zlib.error, zipfile.BadZipFile, OSError, RuntimeError) as error:
            _unread(found, name, f"it is damaged ({type(error).__name__})")
            continue
        total += len(data)
        if len(data) > member.file_size or total > MOST_CODE:
            raise BadInput("its files are larger than it says, or too large", where=str(path), next_step=_NEXT)
        yield name, data


def _worth_reading(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in (".py", *SUFFIXES)


def _check(path: Path, count: int, total: int) -> None:
    if count > MOST_FILES or total > MOST_BYTES:
        said = f"it has {count:,} files and {total:,} bytes; a Lambda package has at most 250 MB"
        raise BadInput(said, where=str(path), next_step=_NEXT)
