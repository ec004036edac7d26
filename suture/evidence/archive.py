"""The files of a package, a ZIP or a folder, one after another.

Nothing is unpacked to disk. A ZIP is taken for what it may be: names that climb out, links, more files or bytes than
a Lambda package can have, and bombs are refused or named among what could not be read.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from chalicelib.errors import BadInput

MOST_FILES, MOST_BYTES, LARGEST_FILE = 40_000, 300 * 1024 * 1024, 8 * 1024 * 1024
"""Lambda takes 250 MB unpacked (Lambda quotas). A file above the last that is worth reading is named instead."""
MOST_READ = 120 * 1024 * 1024

NEXT = "give the ZIP that Lambda runs, or the folder it was made of"

Worth = Callable[[str], int]
"""How many bytes of a file are worth reading, by its name: 0 for its first four, which tell binaries apart."""
Unread = Callable[[str, str], None]
"""Hears the name of a file that could not be read, and why."""


def files(path: Path, worth: Worth, unread: Unread, *, lenient: bool = False) -> Iterator[tuple[str, bytes]]:
    """Names and contents below a folder or in a ZIP. Raises BadInput where it is no package, or no decent one.

    `lenient` passes over members with names that climb out or come twice, and says so, in the place of refusing all.
    """
    found = _folder(path, worth, unread) if path.is_dir() else zipped(path, str(path), worth, unread, lenient=lenient)
    yield from found


def names(path: Path) -> list[str]:
    """The names of all files, none of them read. Raises BadInput."""
    if path.is_dir():
        return [f.relative_to(path).as_posix() for f in path.rglob("*") if f.is_file() and not f.is_symlink()]
    with _opened(path, str(path)) as archive:
        return [m.filename for m in archive.infolist() if not m.is_dir()]


def zipped(
    source: Path | IO[bytes], where: str, worth: Worth, unread: Unread, *, lenient: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Names and contents in a ZIP, by its path or as a stream. Raises BadInput."""
    try:
        with _opened(source, where) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            _check(where, len(members), sum(m.file_size for m in members))
            yield from _members(archive, _decent(members, where, unread, lenient), where, worth, unread)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise _no_zip(where, error) from None


def _opened(source: Path | IO[bytes], where: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise _no_zip(where, error) from None


def _no_zip(where: str, error: Exception) -> BadInput:
    return BadInput(f"it is no ZIP that can be read: {error}", where=where, next_step=NEXT)


def _folder(root: Path, worth: Worth, unread: Unread) -> Iterator[tuple[str, bytes]]:
    """Files below a folder; links are not followed."""
    count = total = 0
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.is_symlink():
            unread(name, "it is a link")
            continue
        if not file.is_file() or name.startswith(".git/"):
            continue
        size = file.stat().st_size
        count, total = count + 1, total + size
        _check(str(root), count, total)
        if (most := worth(name)) and size > most:
            unread(name, _too_large(most))
            continue
        try:
            with file.open("rb") as stream:
                yield name, stream.read(most or 4)
        except OSError as error:
            unread(name, f"cannot be opened ({error.strerror})")


def _members(
    archive: zipfile.ZipFile, members: Iterator[zipfile.ZipInfo], where: str, worth: Worth, unread: Unread
) -> Iterator[tuple[str, bytes]]:
    total = 0
    for member in members:
        name = member.filename
        if stat.S_ISLNK(member.external_attr >> 16):
            unread(name, "it is a link")
            continue
        if member.flag_bits & 1:
            unread(name, "it is encrypted")
            continue
        if (most := worth(name)) and member.file_size > most:
            unread(name, _too_large(most))
            continue
        try:
            with archive.open(member) as stream:
                data = stream.read(most + 1 if most else 4)
        except (zlib.error, zipfile.BadZipFile, OSError, EOFError, RuntimeError) as error:
            unread(name, f"it is damaged ({type(error).__name__})")
            continue
        total += len(data)
        if len(data) > member.file_size or total > MOST_READ:
            raise BadInput("its files are larger than it says, or too large", where=where, next_step=NEXT)
        yield name, data


def _decent(members: list[zipfile.ZipInfo], where: str, unread: Unread, lenient: bool) -> Iterator[zipfile.ZipInfo]:
    """Members whose names stay inside and come once; others are refused, or named where that is wished."""
    seen: set[str] = set()
    for member in members:
        name = member.filename
        pure = PurePosixPath(name)
        outside = pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name
        what = "a file in it would lie outside" if outside else "a file is in it twice" if name in seen else ""
        seen.add(name)
        if not what:
            yield member
        elif lenient:
            unread(name, what)
        else:
            raise BadInput(f"{what}: {name!r:.120}", where=where, next_step=NEXT)


def _too_large(most: int) -> str:
    return f"it has more than {most // 1024 // 1024} MB"


def _check(where: str, count: int, total: int) -> None:
    if count > MOST_FILES or total > MOST_BYTES:
        said = f"it has {count:,} files and {total:,} bytes; a Lambda package has at most 250 MB"
        raise BadInput(said, where=where, next_step=NEXT)
