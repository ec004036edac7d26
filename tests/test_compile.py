from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from runbook_texts import ROOT, changed

from chalicelib.errors import BadGovernance, BadInput, BadRunbook
from chalicelib.runbooks import load
from suture import compile as compiler
from suture.compile import check_all, compile_all, compile_runbooks, lock, runbook_sources

URL = "runbooks/lambda-require-url-auth/1.0.0.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what ships, as a checkout would have it."""
    ignore = shutil.ignore_patterns("packaged.json")
    for name in ("runbooks", *compiler.FOLDERS):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    path.write_text(changed(path.read_text(), old, new))


def test_what_is_committed_is_fresh() -> None:
    assert check_all(ROOT) == []


def test_compiling_writes_what_functions_load(root: Path) -> None:
    written = compile_all(root)
    assert {p.relative_to(root).as_posix() for p in written} == {
        "runbooks/packaged.json",
        "governance/packaged.json",
        "suture/sandbox/governance/packaged.json",
    }
    books = load(json.loads((root / "runbooks/packaged.json").read_text()))
    assert len(books) == len(list(root.glob("runbooks/*/*.yaml")))
    assert books["lambda-require-url-auth/1.0.0"].digest.startswith("sha256:")
    assert compile_all(root) == ()
    assert check_all(root) == []


def test_the_same_sources_give_the_same_bytes(root: Path) -> None:
    compile_all(root)
    for name in ("runbooks", *compiler.FOLDERS):
        assert (root / name / "packaged.json").read_bytes() == (ROOT / name / "packaged.json").read_bytes()
    assert not list(root.rglob(".*"))


def test_a_stage_without_a_sandbox_compiles(root: Path) -> None:
    shutil.rmtree(root / "suture")
    assert len(compile_all(root)) == 2


def test_stale_and_missing_files_are_reported_and_left_alone(root: Path) -> None:
    compile_all(root)
    (root / "runbooks/packaged.json").unlink()
    edit(root / "governance/pins.yaml", "mode: propose\n\n", "mode: observe\n\n")
    assert check_all(root) == [root / "runbooks/packaged.json", root / "governance/packaged.json"]
    assert not (root / "runbooks/packaged.json").exists()


# --- the lock -------------------------------------------------------------------------------------------------------


def test_the_lock_is_what_sha256sum_writes(root: Path) -> None:
    names = [line.split("  ")[1] for line in (root / compiler.LOCK).read_text().splitlines()]
    assert names == sorted(names)
    if shutil.which("sha256sum"):
        done = subprocess.run(
            ["sha256sum", "-c", "runbooks.lock"], cwd=root / "runbooks", capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("act", [compile_all, check_all, lock])
def test_a_released_version_never_changes_by_a_byte(root: Path, act: object) -> None:
    before = (root / compiler.LOCK).read_bytes()
    with (root / URL).open("a") as file:
        file.write("\n")
    with pytest.raises(BadRunbook, match="was released with other bytes") as caught:
        act(root)  # type: ignore[operator]
    assert caught.value.where == f"{URL}:1"
    assert "a released version never changes" in caught.value.next_step
    assert (root / compiler.LOCK).read_bytes() == before


def test_a_new_version_has_to_be_locked(root: Path) -> None:
    new = root / "runbooks/lambda-require-url-auth/1.0.1.yaml"
    new.write_text(changed((root / URL).read_text(), "version: 1.0.0", "version: 1.0.1"))
    for act in (compile_all, check_all):
        with pytest.raises(BadRunbook, match="is not in runbooks.lock") as caught:
            act(root)
        assert caught.value.next_step == "run `suture runbooks lock`"
    before = (root / compiler.LOCK).read_text()
    assert lock(root) == ("lambda-require-url-auth/1.0.1",)
    after = (root / compiler.LOCK).read_text()
    assert set(before.splitlines()) < set(after.splitlines())
    assert "lambda-require-url-auth/1.0.1" in compile_runbooks(root)
    assert lock(root) == ()


def test_a_broken_runbook_is_not_locked(root: Path) -> None:
    (root / compiler.LOCK).unlink()
    edit(root / URL, "tier: low", "tier: lower")
    with pytest.raises(BadRunbook, match="`tier` cannot be") as caught:
        lock(root)
    assert caught.value.where == f"{URL}:8"
    assert not (root / compiler.LOCK).exists()


def test_a_locked_version_that_is_gone_is_missed(root: Path) -> None:
    (root / URL).unlink()
    with pytest.raises(BadRunbook, match="is locked, and its file is gone"):
        lock(root)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("not a line", "no line of a lock"),
        ("a" * 63 + "  x-y/1.0.0.yaml", "no line of a lock"),
        ("A" * 64 + "  x-y/1.0.0.yaml", "no line of a lock"),
        ("a" * 64 + "  ../x/1.0.0.yaml", "no line of a lock"),
        ("a" * 64 + "  lambda-require-url-auth/1.0.0.yaml", "is locked twice"),
        ("", "no line of a lock"),
    ],
)
def test_a_damaged_lock_is_refused(root: Path, line: str, what: str) -> None:
    last = len((root / compiler.LOCK).read_text().splitlines()) + 1
    with (root / compiler.LOCK).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BadRunbook, match=what) as caught:
        compile_all(root)
    assert caught.value.where == f"runbooks/runbooks.lock:{last}"


def test_a_lock_that_is_no_text_is_refused(root: Path) -> None:
    (root / compiler.LOCK).write_bytes(b"\xff\xfe")
    with pytest.raises(BadRunbook, match="the lock cannot be read"):
        compile_all(root)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.yaml", "a/b/1.0.0.yaml", "a/1.0.0.yml"])
def test_a_runbook_out_of_place_is_refused(root: Path, name: str) -> None:
    path = root / "runbooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a: 1\n")
    with pytest.raises(BadRunbook, match="where none is looked for"):
        runbook_sources(root)


BROKEN = [
    ("pins.yaml", "mode: propose\n\n", "mode: full\n\n", "`mode` cannot be"),
    (
        "pins.yaml",
        "lambda-lead-out-secret, version: 1.1.0",
        "lambda-lead-out-secret, version: 1.0.1",
        "there is no runbook",
    ),
    ("pins.yaml", "mode: propose\n\n", "mode: [\n\n", "this is not YAML"),
    ("approvers.yaml", "people: {}", "people: {sam: {name: Sam}}", "is missing"),
    ("suppressions.yaml", "suppressions: []", "suppressions: [{}]", "is missing"),
]


@pytest.mark.parametrize(("name", "old", "new", "what"), BROKEN)
def test_broken_governance_is_refused_and_the_last_good_package_stays(
    root: Path, name: str, old: str, new: str, what: str
) -> None:
    compile_all(root)
    before = (root / "governance/packaged.json").read_bytes()
    edit(root / "governance" / name, old, new)
    with pytest.raises(BadGovernance, match=what) as caught:
        compile_all(root)
    assert caught.value.where.startswith(f"governance/{name}:")
    assert caught.value.next_step
    assert (root / "governance/packaged.json").read_bytes() == before


@pytest.mark.parametrize("name", ["pins", "approvers", "suppressions"])
def test_a_missing_file_is_refused(root: Path, name: str) -> None:
    (root / "governance" / f"{name}.yaml").unlink()
    with pytest.raises(BadGovernance, match=rf"^governance/{name}.yaml: the file cannot be read"):
        compile_all(root)


def test_no_runbooks_at_all_is_refused_by_the_pins(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "governance", tmp_path / "governance")
    with pytest.raises(BadInput, match="none is there yet"):
        compile_all(tmp_path)
