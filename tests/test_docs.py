"""The documents: fresh, complete, and true in every command, path and link; the worked example is carried out."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import botocore.session
import click
import pytest
import yaml
from botocore import xform_name
from click.testing import CliRunner

from chalicelib.aws.operations import OPERATIONS
from chalicelib.cases import TRANSITIONS
from chalicelib.chat.sinks.webhook import signature
from chalicelib.controls import all_controls
from suture.cli.app import cli
from suture.compile import lint_file
from suture.demo import picture
from suture.docs import commands, render_docs, stale, write_docs
from suture.docs.markdown import MARK, code, table
from suture.schema import RunbookDocument
from suture.schema_people import ApproversDocument
from suture.traps import lint

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WRITTEN = [p for p in PAGES if not p.read_text("utf-8").startswith(MARK)]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(path: Path, language: str) -> list[str]:
    blocks = (text for kind, text in BLOCK.findall(path.read_text("utf-8")) if kind == language)
    return [line for text in blocks for line in text.splitlines() if line.strip()]


COMMANDS = [(named(p), line) for p in WRITTEN for line in lines_of(p, "sh")]


# --- rendered pages -------------------------------------------------------------------------------------------------


def test_what_is_committed_is_fresh() -> None:
    assert [named(p) for p in stale(ROOT)] == [], "run `suture render docs` and commit what it writes"


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert render_docs(ROOT) == render_docs(ROOT)


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.mark.parametrize("name", all_controls())
def test_every_control_has_its_page_and_its_place_in_the_readme(name: str) -> None:
    page, control = text_of(f"controls/{name}.md"), all_controls()[name]
    for word in (control.title, control.why, control.severity, control.resource_type, *control.peers):
        assert word in page
    assert all(event in page for signal in control.signals for event in signal.names)
    assert f"(docs/controls/{name}.md)" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("path", sorted(ROOT.glob("runbooks/*/*.yaml")), ids=lambda p: p.parent.name)
def test_every_version_of_a_runbook_is_on_its_page(path: Path) -> None:
    page = text_of(f"runbooks/{path.parent.name}.md")
    assert f"## Version {path.stem}\n" in page
    lock = (ROOT / "runbooks" / "runbooks.lock").read_text("utf-8")
    digest = next(line.split()[0] for line in lock.splitlines() if line.endswith(f"{path.parent.name}/{path.name}"))
    assert digest in page
    assert all(name in page for name in re.findall(r"call: (\S+)", path.read_text("utf-8")))


def test_every_command_and_option_is_on_the_page() -> None:
    page = text_of("commands.md")
    found = list(commands.names())
    assert len(found) > 25
    assert [name for name in found if not re.search(rf"^#+ {re.escape(name)}$", page, re.MULTILINE)] == []
    assert [option for option in re.findall(r"--[a-z-]+", " ".join(options())) if f"`{option}" not in page] == []


def options() -> Iterator[str]:
    for name in commands.names():
        yield from (option for p in command_of(name.split()[1:])[0].params if not hidden(p) for option in p.opts[:1])


def hidden(parameter: click.Parameter) -> bool:
    return bool(getattr(parameter, "hidden", False)) or parameter.param_type_name == "argument"


def test_every_setting_operation_and_state_is_on_its_page() -> None:
    resources = json.loads((ROOT / "resources.json").read_text("utf-8"))
    environments = (r.get("Properties", {}).get("Environment", {}) for r in resources["Resources"].values())
    variables = {name for e in environments for name in e.get("Variables", {})}
    settings = text_of("settings.md")
    assert [n for n in (*resources["Parameters"], *variables) if f"`{n}`" not in settings] == []
    assert [n for n in OPERATIONS if f"`{n}`" not in text_of("operations.md")] == []
    assert [n for n in TRANSITIONS if f"`{n}`" not in text_of("states.md")] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a\nb", "`a b`"), ("`1`", "`` `1` ``"), ("x == `1`", "`` x == `1` ``")],
)
def test_code_cannot_break_out(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_cell_cannot_break_its_table() -> None:
    assert table(("a",), [("b | c\nd",)]) == "| a |\n| --- |\n| b \\| c d |"


# --- written pages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_in_a_document_is_one(page: str, line: str) -> None:
    assert problem_of(line) == ""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("make nonsense", "make knows no nonsense"),
        ("suture scans", "No such command"),
        ("suture scan --plans", "No such option"),
        ("suture cases undo C-1", "Missing option"),
        ("aws lambda add-permissions", "lambda has no add-permissions"),
        ("aws lambada invoke", "AWS has no lambada"),
        ("rm -rf /", "rm is none of"),
    ],
)
def test_a_wrong_command_is_seen(line: str, problem: str) -> None:
    assert problem in problem_of(line)


def problem_of(line: str) -> str:
    """Why a line of a `sh` block cannot be what it says, or nothing."""
    program, *words = shlex.split(line)
    if program == "make":
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
        return "" if set(words) <= targets else f"make knows no {', '.join(sorted(set(words) - targets))}"
    if program in ("suture", ".venv/bin/suture"):
        try:
            command, context, rest = command_of(words)
            command.make_context(str(command.name), rest, parent=context)
        except click.ClickException as error:
            return error.format_message()
        return ""
    if program == "aws":
        return aws_problem(words[0], words[1])
    return "" if program in ("curl", "export", "python3") else f"{program} is none of make, suture, aws, curl"


def command_of(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that `words` name, the context above it, and the arguments that are left for it."""
    command: click.Command = cli
    context, rest = click.Context(cli, info_name="suture"), list(words)
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        context, command = click.Context(command, parent=context, info_name=name), found
    return command, context, rest


def aws_problem(service: str, operation: str) -> str:
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return f"AWS has no {service}"
    known = {xform_name(name, "-") for name in session.get_service_model(service).operation_names}
    return "" if operation in known else f"{service} has no {operation}"


HARMLESS = [
    line for _, line in COMMANDS if re.match(r"(\.venv/bin/)?suture (controls|runbooks (list|show|lint))", line)
]


@pytest.mark.parametrize("line", dict.fromkeys([*HARMLESS, "suture --help", "suture render docs --check"]))
def test_a_harmless_command_runs(line: str) -> None:
    answer = CliRunner().invoke(cli, shlex.split(line)[1:])
    assert answer.exit_code == 0, answer.output
    assert answer.output


def test_the_readme_has_its_commands_and_stays_short() -> None:
    assert {"make demo", "make test"} <= set(lines_of(ROOT / "README.md", "sh"))
    written = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if not line.startswith("| [")]
    assert len(written) < 80, "the rendered table of controls may grow, and nothing else"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("https://", "mailto:"))]
    assert [t for t in targets if not leads(page, t)] == []


def leads(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.exists():
        return False
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE) if anchor else []
    return not anchor or anchor in {re.sub(r"[^a-z0-9 _-]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", WRITTEN, ids=named)
def test_every_file_that_is_named_exists(page: Path) -> None:
    tops = "chalicelib|suture|tests|runbooks|governance|bench|docs|requirements"
    words = re.findall(rf"`((?:{tops})/[\w./-]*|app\.py|resources\.json)`", page.read_text("utf-8"))
    example = set(re.findall(r"^`([^`]+)`$", page.read_text("utf-8"), re.MULTILINE))
    assert [w for w in words if w not in example and not (ROOT / w).exists()] == []


def test_the_diagram_of_states_is_the_tables() -> None:
    arrows = re.findall(r"^ +(\w+) --> (\w+)", text_of("architecture.md"), re.MULTILINE)
    assert len(arrows) > 15
    assert [(a, b) for a, b in arrows if b not in TRANSITIONS[a]] == []
    assert {b for _, b in arrows} | {"DETECTED"} == set(TRANSITIONS)


def test_every_field_of_a_runbook_is_explained() -> None:
    page = text_of("runbooks.md")
    fields = [field.alias or name for name, field in RunbookDocument.model_fields.items()]
    assert [f for f in fields if f"`{f}`" not in page] == []


def yaml_block(page: Path, first: str) -> Any:
    return next(
        yaml.safe_load(t)
        for kind, t in BLOCK.findall(page.read_text("utf-8"))
        if kind == "yaml" and t.startswith(first)
    )


def test_the_step_that_is_shown_is_in_order(tmp_path: Path) -> None:
    known = ROOT / "runbooks" / "lambda-remove-public-grants" / "1.0.0.yaml"
    document = yaml.safe_load(known.read_text("utf-8"))
    folder = tmp_path / "runbooks" / str(document["id"])
    folder.mkdir(parents=True)
    shown = yaml_block(ROOT / "docs" / "runbooks.md", "- call")
    (folder / known.name).write_text(yaml.safe_dump({**document, "steps": shown}), "utf-8")
    assert lint_file(folder / known.name, tmp_path) == ()


def test_the_approvers_that_are_shown_are_in_order() -> None:
    ApproversDocument.model_validate(yaml_block(ROOT / "docs" / "decisions.md", "people"))


@pytest.mark.parametrize(
    ("body", "later", "genuine"), [(b"{}", 0, True), (b"{ }", 0, False), (b"{}", 299, True), (b"{}", 301, False)]
)
def test_the_check_of_a_notice_that_is_shown_works(body: bytes, later: int, genuine: bool) -> None:
    shown: dict[str, Any] = {}
    exec("\n".join(lines_of(ROOT / "docs" / "decisions.md", "python")), shown)
    key, at = b"key" * 8, 1_700_000_000
    assert shown["is_genuine"](key, signature(key, at, b"{}"), body, at + later) is genuine


def traps() -> list[str]:
    section = text_of("runbooks.md").split("### Traps")[1].split("###")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [re.match(r"\| (`+) ?(.+?) ?\1", row)[2] for row in rows]  # type: ignore[index]


@pytest.mark.parametrize("expression", traps())
def test_every_trap_that_is_named_is_refused(expression: str) -> None:
    config = frozenset({"AuthType", "Url"})
    assert list(lint(expression, frozenset(), (), frozenset(), decides=True, config=config))


def test_our_own_counterpart_is_no_copy() -> None:
    shared = ROOT / ".." / "shared" / "DESIGN.md"
    if not shared.is_file():
        pytest.skip("needs ../shared/DESIGN.md")
    ours = {line.strip() for line in text_of("architecture.md").splitlines() if len(line) > 80}
    theirs = {line.strip() for line in shared.read_text("utf-8").splitlines()}
    assert not ours & theirs


# --- the picture ----------------------------------------------------------------------------------------------------


def test_the_picture_keeps_the_opening_its_scenes_and_the_ending() -> None:
    told = ["Suture", "", f"{picture.SCENES[0]} ───", "fixed", "", "Another scene ───", "left out", ""]
    ending = ["What became of it", " case ", "━━━╇━━━", "Report of all cases: /somewhere", "9 s"]
    colours = ["\x1b[1m" + line + "\x1b[0m" for line in (*told, *ending)]
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in picture.kept(colours)]
    assert plain == [*told[:5], *ending[:3], ending[4]]


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    for svg in (picture.drawn(["\x1b[31mred\x1b[0m"]), (ROOT / "docs" / "demo.svg").read_text("utf-8")):
        assert svg.startswith("<svg") and "@font-face" not in svg and "<script" not in svg
        assert set(re.findall(r"https?://[^\s\"'<)]+", svg)) <= {
            "http://www.w3.org/2000/svg",
            "https://www.textualize.io",
        }


# --- the worked example ---------------------------------------------------------------------------------------------

CONTROL, RUNBOOK = "apigateway-stage-payload-log", "apigateway-stop-payload-log"
COPIED = ("app.py", "chalicelib", "suture", "runbooks", "governance", "resources.json", ".chalice", "docs", "README.md")
RENDERED = re.compile(
    r"(runbooks/(runbooks\.lock|packaged\.json)|resources\.json|README\.md|\.chalice/\w+\.policy\.json"
    r"|docs/(controls|runbooks)/[\w-]+\.md|docs/operations\.md)"
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the four files of CONTRIBUTING.md in it, and its commands run."""
    root = tmp_path_factory.mktemp("example") / "project"
    root.mkdir()
    for name in COPIED:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__", "deployments", ".*.new")
        shutil.copytree(source, root / name, ignore=ignored) if source.is_dir() else shutil.copy(source, root / name)
    (root.parent / "before.json").write_text(json.dumps(digests(root)), "utf-8")
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for name, content in re.findall(r"^`([^`]+)`\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        path = root / name
        assert not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    section = text.split("**4. Its page**")[1].split("```sh\n")[1].split("```")[0]
    for line in section.splitlines():
        run(root, "-c", "from suture.cli import main; main()", *shlex.split(line)[1:])
    return root


def run(root: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_examples_own_table_passes(copy: Path) -> None:
    answer = run(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/controls/test_{CONTROL.replace('-', '_')}.py"
    )
    assert "5 passed" in answer


def test_the_registry_finds_it_without_an_edit(copy: Path) -> None:
    answer = json.loads(run(copy, "-c", "from suture.cli import main; main()", "controls", "show", CONTROL, "--json"))
    assert answer["runbooks"] == [f"{RUNBOOK}/1.0.0"]


def test_everything_rendered_picks_it_up(copy: Path) -> None:
    assert f"# {CONTROL}\n" in (copy / "docs" / "controls" / f"{CONTROL}.md").read_text("utf-8")
    assert f"# {RUNBOOK}\n" in (copy / "docs" / "runbooks" / f"{RUNBOOK}.md").read_text("utf-8")
    assert CONTROL in (copy / "README.md").read_text("utf-8")
    assert RUNBOOK in (copy / "runbooks" / "runbooks.lock").read_text("utf-8")
    assert RUNBOOK in (copy / "docs" / "operations.md").read_text("utf-8")


def test_no_file_changed_that_people_write(copy: Path) -> None:
    new = {f"chalicelib/controls/{CONTROL.replace('-', '_')}.py", f"runbooks/{RUNBOOK}/1.0.0.yaml"}
    new.add(f"tests/controls/test_{CONTROL.replace('-', '_')}.py")
    before = json.loads((copy.parent / "before.json").read_text("utf-8"))
    changed = {name for name, digest in digests(copy).items() if before.get(name) != digest}
    assert new < changed
    assert [name for name in sorted(changed - new) if not RENDERED.fullmatch(name)] == []


def digests(root: Path) -> dict[str, str]:
    files = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(root).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}


def test_what_follows_from_nothing_is_stale_and_removed(copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(copy, root)
    left, own = root / "docs" / "controls" / "gone.md", root / "docs" / "own.md"
    left.write_text(f"{MARK}\n\n# gone\n", "utf-8")
    own.write_text("# written by a person\n", "utf-8")
    assert left in stale(root)
    write_docs(root)
    assert not left.exists() and own.exists()
    assert stale(root) == []
