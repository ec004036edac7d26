"""The sandbox's folder: one sandbox at a time, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.errors import Misconfigured


class Lock:
    """Holds a folder for this process, however it ends. Raises Misconfigured while another one holds it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise Misconfigured(
                f"another sandbox runs in this folder (process {holder})",
                where=str(folder),
                next_step="stop it (Ctrl-C there), or run this one in another checkout",
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        self._file.close()


def check_place(path: Path) -> None:
    """Raises Misconfigured when a file cannot be written at `path`: its folder is missing, or it is a folder."""
    if not path.parent.is_dir():
        raise Misconfigured(
            "there is no such folder", where=str(path.parent), next_step="create it, or name another --ready-file"
        )
    if path.is_dir():
        raise Misconfigured("this is a folder, not a file", where=str(path), next_step="name another --ready-file")


def write_whole(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file that only its owner may read, so that no reader ever sees half of it. Its folder exists."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
