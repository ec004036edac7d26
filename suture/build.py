"""The package and its templates, built from the sources alone: same sources, same bytes, no AWS.

The sources are copied to a folder of their own, so that nothing but them can get into the package, and built there
with `chalice package --merge-template`. The zip is then written anew (sorted, stored, without times), because
Chalice keeps times and the file system's order; stored and not deflated, because zlib versions differ. It carries
bytecode, since Lambda's disk is read-only and every cold start would compile the modules again: of the Python that
packages, which is the runtime that Chalice asks for. Another Python leaves it aside.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from chalicelib.errors import Misconfigured, SutureError
from chalicelib.model import Json

REGION = "us-east-1"
_KEPT = 4
_ABANDONED = 3600
_LAST = "template.json"
_FILES = ("app.py", "requirements.txt", "resources.json")
_FOLDERS = ("chalicelib", "runbooks", "governance")
_TOOLS = ("build.py", "compile.py", "policies.py", "render.py", "sink_rights.py")
_DERIVED = ("__pycache__", "packaged.json")
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_TASK = "/var/task"
"""Where Lambda unpacks a package, and so what tracebacks show."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build: the package, Chalice's merged SAM template, the same expanded to CloudFormation, its digest."""

    zip: Path
    sam_template: Path
    template: Path
    digest: str


def build(root: Path, governance: Path | None = None) -> Build:
    """The build of the sources under `root`, from the cache (.suture/build) when they have not changed.

    `governance` is a folder in the place of the project's own; the writers' rights then follow from its pins. Raises
    Misconfigured when a source is missing or Chalice refuses, with what it said, and BadGovernance.
    """
    _require_sources(root)
    home, digest = root / ".suture" / "build", _digest(root, governance)
    if not (home / digest / _LAST).is_file():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix="tmp-") as scratch:
            digest = _make(root, governance, home, Path(scratch))
    os.utime(home / digest)
    _forget_old(home)
    return _build_in(home / digest, digest)


def main() -> int:
    """Build the sources of the working folder and say where they are. 0, or 2 with the reason."""
    try:
        done = build(Path.cwd())
    except SutureError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{done.zip} ({done.zip.stat().st_size / 1e6:.2f} MB), {done.template}\n")
    return 0


def _build_in(folder: Path, digest: str) -> Build:
    return Build(folder / "deployment.zip", folder / "sam.json", folder / _LAST, digest)


def _require_sources(root: Path) -> None:
    for name in (*_FILES, ".chalice/config.json", *_FOLDERS):
        if not (root / name).exists():
            raise Misconfigured(f"{name} is missing", where=str(root), next_step="run this in a checkout of Suture")


def _digest(root: Path, governance: Path | None = None) -> str:
    """Hex digest over everything that the build depends on: sources, this file, the tools' versions."""
    tools = [f"{name} {version(name)}" for name in ("chalice", "aws-sam-translator")]
    whose = "given" if governance else "own"
    facts = [f"python {platform.python_version()}", f"governance {whose}", *tools]
    digest = hashlib.sha256("\n".join(facts).encode())
    for name, path in sorted(_sources(root, governance)):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:24]


def _sources(root: Path, governance: Path | None) -> Iterator[tuple[str, Path]]:
    for name in _TOOLS:
        yield name, Path(__file__).with_name(name)
    for name in _FILES:
        yield name, root / name
    for path in (root / ".chalice").glob("*.json"):
        yield f".chalice/{path.name}", path
    for name, folder in _folders(root, governance):
        for path in folder.rglob("*"):
            inside = Path(name) / path.relative_to(folder)
            if path.is_file() and not any(p.startswith(".") or p in _DERIVED for p in inside.parts):
                yield inside.as_posix(), path


def _folders(root: Path, governance: Path | None) -> Iterator[tuple[str, Path]]:
    """The source folders: the name in the package, and where each lies."""
    for name in _FOLDERS:
        yield name, governance if governance and name == "governance" else root / name


def _make(root: Path, governance: Path | None, home: Path, scratch: Path) -> str:
    """Build in `scratch` and publish. The digest is the copy's: a source may change while it is being copied."""
    from .compile import compile_all  # pydantic and the controls: a build out of the cache needs neither
    from .render import render_policies

    stage, packaged, made = scratch / "stage", scratch / "packaged", scratch / "made"
    _copy_sources(root, stage, governance)
    digest = _digest(stage, governance and stage / "governance")
    compile_all(stage)
    if governance is not None:
        render_policies(stage)
    _run_chalice(stage, packaged)
    made.mkdir()
    result = _build_in(made, digest)
    sam = json.loads((packaged / "sam.json").read_text())
    _write_zip(packaged / "deployment.zip", scratch / "task", result.zip)
    _write_json(result.sam_template, sam)
    _write_json(result.template, expand(sam, digest))
    _publish(made, home / digest)
    return digest


def _copy_sources(root: Path, stage: Path, governance: Path | None = None) -> None:
    (stage / ".chalice").mkdir(parents=True)
    (stage / "vendor").mkdir()
    for name in _FILES:
        shutil.copy(root / name, stage / name)
    for path in (root / ".chalice").glob("*.json"):
        shutil.copy(path, stage / ".chalice" / path.name)
    for name, folder in _folders(root, governance):
        shutil.copytree(folder, stage / name, ignore=shutil.ignore_patterns(".*", *_DERIVED))
    for name in ("runbooks", "governance"):
        (stage / "vendor" / name).symlink_to(Path("..") / name)


def _run_chalice(stage: Path, out: Path) -> None:
    """`chalice package`, in a process of its own: it imports app.py, changes folder, and wants a region."""
    command = [
        sys.executable,
        "-c",
        "import sys; from chalice.cli import main; sys.exit(main())",
        "package",
        "--stage",
        "prod",
    ]
    command += ["--merge-template", "resources.json", str(out)]
    quiet = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and k != "PYTHONPATH"}
    environment = {**quiet, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(command, cwd=stage, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Misconfigured(
            f"chalice package failed: {done.stderr.strip()[-1500:] or done.stdout.strip()[-1500:]}",
            where=str(stage),
            next_step="mend app.py, .chalice/config.json or resources.json",
        )


def _write_zip(source: Path, task: Path, target: Path) -> None:
    """`source` unpacked into `task`, compiled there, and packed again into `target`."""
    with zipfile.ZipFile(source) as found:
        found.extractall(task, [n for n in found.namelist() if not n.endswith(".pyc")])
    _compile(task)
    files = {path.relative_to(task).as_posix(): path for path in task.rglob("*") if path.is_file()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            made.writestr(entry, path.read_bytes())


def _compile(task: Path) -> None:
    """Bytecode beside every module, the same for the same sources: by their hash and not their time, in a process
    of its own whose sets have one order. Unchecked, because in a package nobody edits a source.
    """
    options = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(task), "-p", _TASK]
    command = [sys.executable, "-m", "compileall", *options, str(task)]
    seeded = {"PYTHONHASHSEED": "0", "PATH": os.defpath}
    done = subprocess.run(command, env=seeded, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Misconfigured(
            f"a module does not compile: {done.stdout.strip()[-1500:]}", where=str(task), next_step="mend it"
        )


def _write_json(path: Path, document: Json) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def expand(sam: Mapping[str, Json], digest: str) -> dict[str, Json]:
    """The CloudFormation template that AWS's SAM transform makes of `sam`, worked out here and offline.

    The transform wants code in S3, so the expanded template names the bucket `suture-build` and the key
    `<digest>.zip`; who deploys it puts the real place there.
    """
    from boto3.session import Session
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    document: dict[str, Json] = json.loads(json.dumps(sam))
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "suture-build", "Key": f"{digest}.zip"}
    session = Session(aws_access_key_id="none", aws_secret_access_key="none", region_name=REGION)
    translator = Translator({}, Parser(), boto_session=session)
    expanded: dict[str, Json] = translator.translate(document, parameter_values={})
    return expanded


def _publish(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not (target / _LAST).is_file():
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)


def _forget_old(home: Path) -> None:
    """Keep a few builds (another process may run an older one), and no scratch that a killed build left behind."""
    found = sorted(home.iterdir(), key=_touched, reverse=True)
    builds = [p for p in found if not p.name.startswith("tmp-")]
    abandoned = [p for p in found if p not in builds and _touched(p) < time.time() - _ABANDONED]
    for old in [*builds[_KEPT:], *abandoned]:
        shutil.rmtree(old, ignore_errors=True)


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


if __name__ == "__main__":
    sys.exit(main())
