"""From YAML that people review to the JSON that functions load: validated, locked by digest, the same bytes each time.

Written: runbooks/packaged.json, governance/packaged.json, suture/sandbox/governance/packaged.json. A file that is
wrong is refused here, before anything ships, so that deployed functions keep the last good package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.controls import Control, all_controls
from chalicelib.errors import BadGovernance, BadRunbook
from chalicelib.model import Json
from chalicelib.runbooks import Runbook, load

from . import lint_governance, yamlfile
from .lint import runbook_problems
from .yamlfile import Problem, Source

FOLDERS = ("governance", "suture/sandbox/governance")
LOCK = "runbooks/runbooks.lock"
PACKAGED = "packaged.json"

_LOCK_NOTE = "run `suture runbooks lock`"
_NEVER_CHANGES = "restore the file, and put the new behaviour into a new version: a released version never changes"


@dataclass(frozen=True, slots=True)
class _Locked:
    """One line of the lock: the hex sha256 of a file's bytes, and the line's number."""

    sha256: str
    line: int


def compile_all(root: Path) -> tuple[Path, ...]:
    """Write every packaged file below `root` that is stale, and return those. Raises BadRunbook, BadGovernance.

    Where `root` is a build's stage, it has no sandbox, and `governance/` is the one that was chosen.
    """
    return _written(_rendered(root))


def check_all(root: Path) -> list[Path]:
    """The packaged files that are stale: they differ from what `compile_all` would write. Writes nothing."""
    return [path for path, text in _rendered(root).items() if not path.is_file() or path.read_text("utf-8") != text]


def compile_runbooks(root: Path) -> Mapping[str, Runbook]:
    """Validate all runbooks against lock, controls, catalogue and models; write runbooks/packaged.json; return them."""
    packaged = _packaged_runbooks(root)
    _written({root / "runbooks" / PACKAGED: _text(packaged)})
    return load(packaged)


def lock(root: Path) -> tuple[str, ...]:
    """Add every valid unlocked version to the lock and compile. Returns the names added. Raises BadRunbook."""
    sources = _valid_sources(root)
    locked = _read_lock(root)
    yamlfile.refuse(tuple(_changed(sources, locked)), BadRunbook)
    lines = {name: source.digest.removeprefix("sha256:") for name, source in sources.items()}
    text = "".join(f"{digest}  {name}.yaml\n" for name, digest in sorted(lines.items()))
    _written({root / LOCK: text})
    compile_runbooks(root)
    return tuple(sorted(lines.keys() - locked.keys()))


def runbook_sources(root: Path) -> tuple[Path, ...]:
    """Every runbook file, `runbooks/<id>/<version>.yaml`, sorted. Raises BadRunbook for a file out of place."""
    folder = root / "runbooks"
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".yml"))
    for path in found:
        inside = path.relative_to(folder)
        if len(inside.parts) != 2 or path.suffix != ".yaml":
            raise BadRunbook(
                "a runbook stands where none is looked for",
                where=path.relative_to(root).as_posix(),
                next_step="name it runbooks/<id>/<version>.yaml",
            )
    return tuple(found)


def lint_file(path: Path, root: Path, controls: Mapping[str, Control] | None = None) -> tuple[Problem, ...]:
    """Every problem of one runbook file, for `suture runbooks lint`. Raises BadRunbook where it is no YAML."""
    return runbook_problems(yamlfile.load(path, BadRunbook, root), all_controls() if controls is None else controls)


def _rendered(root: Path) -> dict[Path, str]:
    """Every packaged file and its content."""
    packaged = _packaged_runbooks(root)
    runbooks = load(packaged)
    rendered = {root / "runbooks" / PACKAGED: _text(packaged)}
    for name in FOLDERS:
        if name == FOLDERS[0] or (root / name).is_dir():
            rendered[root / name / PACKAGED] = _text(_packaged_governance(root / name, runbooks, root))
    return rendered


def _packaged_runbooks(root: Path) -> dict[str, Json]:
    sources, locked = _valid_sources(root), _read_lock(root)
    yamlfile.refuse((*_changed(sources, locked), *_unlocked(sources, locked)), BadRunbook)
    entries = {name: {"digest": s.digest, "document": s.document} for name, s in sources.items()}
    return {"runbooks": entries}


def _valid_sources(root: Path) -> dict[str, Source]:
    """Every runbook by `id/version`, valid."""
    controls = all_controls()
    sources: dict[str, Source] = {}
    found: list[Problem] = []
    for path in runbook_sources(root):
        source = yamlfile.load(path, BadRunbook, root)
        found += runbook_problems(source, controls)
        sources[f"{path.parent.name}/{path.stem}"] = source
    yamlfile.refuse(tuple(found), BadRunbook)
    return sources


def _read_lock(root: Path) -> dict[str, _Locked]:
    """The lock by `id/version`, in the format of `sha256sum`; an absent one is empty. Raises BadRunbook."""
    path = root / LOCK
    locked: dict[str, _Locked] = {}
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
    except (OSError, ValueError):
        raise BadRunbook("the lock cannot be read", where=LOCK, next_step="restore it from version control") from None
    for number, line in enumerate(lines, 1):
        match = re.fullmatch(r"([0-9a-f]{64})  ([a-z0-9-]+/[0-9.]+)\.yaml", line)
        if match is None or match[2] in locked:
            what = "no line of a lock" if match is None else f"{match[2]} is locked twice"
            raise BadRunbook(what, where=f"{LOCK}:{number}", next_step="restore the lock from version control")
        locked[match[2]] = _Locked(match[1], number)
    return locked


def _changed(sources: Mapping[str, Source], locked: Mapping[str, _Locked]) -> Iterator[Problem]:
    for name, entry in locked.items():
        source = sources.get(name)
        if source is None:
            yield Problem(f"{LOCK}:{entry.line}", f"{name} is locked, and its file is gone", _NEVER_CHANGES)
        elif source.digest != f"sha256:{entry.sha256}":
            yield source.problem((), f"{name} was released with other bytes", _NEVER_CHANGES)


def _unlocked(sources: Mapping[str, Source], locked: Mapping[str, _Locked]) -> Iterator[Problem]:
    for name, source in sources.items():
        if name not in locked:
            yield source.problem((), f"{name} is not in runbooks.lock", _LOCK_NOTE)


def _packaged_governance(folder: Path, runbooks: Mapping[str, Runbook], root: Path) -> dict[str, Json]:
    pins, approvers, suppressions = (
        yamlfile.load(folder / f"{name}.yaml", BadGovernance, root) for name in ("pins", "approvers", "suppressions")
    )
    found = (
        *lint_governance.pins_problems(pins, runbooks),
        *lint_governance.approvers_problems(approvers),
        *lint_governance.suppressions_problems(suppressions, all_controls()),
    )
    yamlfile.refuse(found, BadGovernance)
    files = {"pins": pins.document, "approvers": approvers.document, "suppressions": suppressions.document}
    return {**files, "chat": _chat(folder, root)}


def _chat(folder: Path, root: Path) -> Json:
    """The rules of chat.yaml; without that file nobody is told through chat."""
    if not (folder / "chat.yaml").exists():
        return {}
    chat = yamlfile.load(folder / "chat.yaml", BadGovernance, root)
    yamlfile.refuse(lint_governance.chat_problems(chat), BadGovernance)
    return chat.document


def _written(files: Mapping[Path, str]) -> tuple[Path, ...]:
    """Write what is not there already, each file in one step; a reader never sees half of one."""
    stale = tuple(p for p, text in files.items() if not p.is_file() or p.read_text("utf-8") != text)
    for path in stale:
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(files[path], "utf-8")
        beside.replace(path)
    return stale


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
