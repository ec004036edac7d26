"""The files of a function's package, a ZIP or a folder, and the AWS calls in them.

Nothing is unpacked to disk, run or imported.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from chalicelib.iam.evidence import Observed

from . import archive, sdk
from .archive import LARGEST_FILE
from .arns import Where
from .package_javascript import SUFFIXES, read_javascript
from .package_python import is_sdk, read_python

_OTHER_CODE = (".pyc", ".jar", ".class", ".wasm", ".rb", ".dll", ".exe", ".go", ".rs", ".java", ".cs", ".sh")
_NATIVE = (".so", ".pyd", ".dylib", ".node")


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
    for name, data in archive.files(path, _worth_reading, lambda name, why: _unread(found, name, why)):
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
    with zipfile.ZipFile(path) as opened:
        return source in opened.NameToInfo


def _modules(names: list[str]) -> frozenset[str]:
    """The modules in `node_modules` folders: `lodash`, `@scope/name`."""
    found: set[str] = set()
    for name in names:
        *_, after = f"/{name}".split("/node_modules/")
        if after != f"/{name}":
            parts = after.split("/")
            found.add("/".join(parts[: 2 if parts[0].startswith("@") else 1]))
    return frozenset(found)


def _worth_reading(name: str) -> int:
    return LARGEST_FILE if PurePosixPath(name).suffix.lower() in (".py", *SUFFIXES) else 0
