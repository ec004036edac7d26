"""What the functions run from: the deployment package, unpacked, and the libraries that the runtime brings."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from chalicelib.errors import Misconfigured
from suture.build import build
from suture.sandbox.state import Lock

GOVERNANCE = Path(__file__).with_name("governance")
RUNTIME_LIBRARIES = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")


def prepare(root: Path) -> None:
    """What the first start would do and later ones find done: build and unpack. For `make setup`."""
    state = root.resolve() / ".suture" / "sandbox"
    lock = Lock(state)
    try:
        unpack(build(root.resolve(), GOVERNANCE).zip, state)
    finally:
        lock.release()


def unpack(zip_file: Path, state: Path) -> Path:
    """The package's folder under `state`. The same zip gives the same folder, made once."""
    target = state / f"package-{hashlib.sha256(zip_file.read_bytes()).hexdigest()[:16]}"
    if target.exists():
        return target
    made = Path(tempfile.mkdtemp(prefix="package-", dir=state))
    with zipfile.ZipFile(zip_file) as archive:
        archive.extractall(made)
    for old in state.glob("package-*"):
        if old != made:
            shutil.rmtree(old, ignore_errors=True)
    made.rename(target)
    return target


def runtime_folder(state: Path) -> Path:
    """A folder with links to what AWS's Python runtime has (boto3 and what it needs), and nothing else."""
    folder = state / "runtime"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in RUNTIME_LIBRARIES:
        found = find_spec(name)
        if found is None or found.origin is None:
            raise _missing(name)
        source = Path(found.origin)
        source = source.parent if source.name == "__init__.py" else source
        (folder / source.name).symlink_to(source)
    return folder


def _missing(name: str) -> Misconfigured:
    return Misconfigured(
        f"the library {name} is not installed", where="sandbox", next_step="run `make setup` and use its .venv"
    )


if __name__ == "__main__":
    prepare(Path.cwd())
