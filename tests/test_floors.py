"""Imports point down only: a judgement that could reach a client, a clock or the environment would not be one."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOUNS, LANGUAGE, JUDGEMENT, SHELL, STORY, ENTRY = range(6)

# The longest prefix of a module's name decides. What is not named is judgement, the strictest floor with imports.
FLOORS = {
    "chalicelib": JUDGEMENT,
    "chalicelib.model": NOUNS,
    "chalicelib.errors": NOUNS,
    "chalicelib.iam": LANGUAGE,
    "chalicelib.plaintext": LANGUAGE,
    "chalicelib.redaction": LANGUAGE,
    "chalicelib.aws": SHELL,
    "chalicelib.aws.entries": LANGUAGE,
    "chalicelib.aws.operations_callers": LANGUAGE,
    "chalicelib.aws.operations_leading": LANGUAGE,
    "chalicelib.aws.operations_commands": LANGUAGE,
    "chalicelib.aws.operations_stores": LANGUAGE,
    "chalicelib.vaults": SHELL,
    "chalicelib.aws.operations_places": LANGUAGE,
    "chalicelib.aws.operations": LANGUAGE,  # a table without a client: policies and lint are rendered from it
    "chalicelib.chat": SHELL,
    "chalicelib.logs": SHELL,
    "chalicelib.pipeline": STORY,
    "chalicelib.settings": STORY,
    "chalicelib.detection": STORY,  # the chapters of pipeline.py
    "chalicelib.defending": STORY,
    "chalicelib.opening": STORY,
    "chalicelib.deciding": STORY,
    "chalicelib.outliving": STORY,
    "chalicelib.remediation": STORY,
    "chalicelib.sweeping": STORY,
    "chalicelib.compliance": STORY,
    "app": ENTRY,
    "suture": ENTRY,
}
MAY_TALK_TO_AWS = ("chalicelib.aws", "chalicelib.chat", "app", "suture")
IN_THE_RUNTIME = {"boto3", "botocore", "jmespath"}
ONLY_THERE = {
    "chalicelib.chat.page.tokens": {"joserfc"},
    "chalicelib.vaults.key_vault": {"azure"},
    "chalicelib.vaults.secret_manager": {"google", "requests"},
}
"""Clients of stores outside AWS, and what judges ID tokens: they come as extras."""
IMPURE_MODULES = {"time", "os", "random", "secrets", "uuid", "socket", "subprocess", "threading", "boto3", "botocore"}
IMPURE_CALLS = {"now", "utcnow", "today", "getenv", "environ", "open", "read_text", "read_bytes"}


def modules(*tops: str) -> dict[str, Path]:
    paths = [p for top in tops for p in ([ROOT / top] if top.endswith(".py") else (ROOT / top).rglob("*.py"))]
    named = {p: p.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for p in paths}
    return {name.removesuffix(".__init__"): path for path, name in named.items()}


LAMBDA = modules("app.py", "chalicelib")


def floor(name: str) -> int:
    fitting = [prefix for prefix in FLOORS if name == prefix or name.startswith(prefix + ".")]
    return FLOORS[max(fitting, key=len)]


def imports(name: str, source: str, is_package: bool) -> Iterator[str]:
    """Every module that `source` imports, anywhere in it; names of modules only guarded by TYPE_CHECKING too."""
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" if f"{base}.{alias.name}" in LAMBDA else base for alias in node.names)


def upward(name: str, source: str, is_package: bool = False) -> list[str]:
    ours = (i for i in imports(name, source, is_package) if i.split(".")[0] in ("app", "chalicelib", "suture"))
    return sorted({i for i in ours if floor(i) > floor(name)})


def impurities(source: str) -> list[str]:
    """Clocks, environment, files and clients that the source of a pure module reaches for."""
    tree = ast.parse(source)
    found = {i.split(".")[0] for i in imports("x", source, False)} & IMPURE_MODULES
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in IMPURE_CALLS and not _is_field(node):
            found.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            found.add("open")
    return sorted(found)


def _is_field(node: ast.Attribute) -> bool:
    """`context.now` is a value that was handed in; only `datetime.now` and its like read a clock."""
    owner = node.value
    clock = isinstance(owner, ast.Name) and owner.id in ("datetime", "date", "dt", "os", "Path")
    clock = clock or (isinstance(owner, ast.Attribute) and owner.attr in ("datetime", "date"))
    return not clock and node.attr in ("now", "today", "open")


# --- the law --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAMBDA)
def test_imports_point_down(name: str) -> None:
    path = LAMBDA[name]
    assert upward(name, path.read_text(), path.name == "__init__.py") == []


@pytest.mark.parametrize("name", [n for n in LAMBDA if floor(n) <= JUDGEMENT])
def test_judgement_and_language_reach_for_no_client_clock_or_environment(name: str) -> None:
    assert impurities(LAMBDA[name].read_text()) == []


@pytest.mark.parametrize("name", LAMBDA)
def test_only_what_the_runtime_brings_is_imported(name: str) -> None:
    path = LAMBDA[name]
    found = {i.split(".")[0] for i in imports(name, path.read_text(), path.name == "__init__.py")}
    foreign = found - sys.stdlib_module_names - {"chalicelib", "__future__"} - ONLY_THERE.get(name, set())
    assert foreign <= ({"chalice"} if name == "app" else IN_THE_RUNTIME)


@pytest.mark.parametrize("name", [n for n in LAMBDA if not n.startswith(MAY_TALK_TO_AWS)])
def test_only_the_shell_imports_boto3(name: str) -> None:
    found = {i.split(".")[0] for i in imports(name, LAMBDA[name].read_text(), False)}
    assert not found & {"boto3", "botocore"}


def test_entry_points_hold_no_boto3() -> None:
    assert not {"boto3", "botocore"} & set(imports("app", (ROOT / "app.py").read_text(), False))


# --- the tester, tested ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source", "bad"),
    [
        ("chalicelib.planning", "from .aws import clients", ["chalicelib.aws.clients"]),
        ("chalicelib.planning", "from .aws.clients import Aws", ["chalicelib.aws.clients"]),
        ("chalicelib.planning", "def f():\n    import chalicelib.settings", ["chalicelib.settings"]),
        ("chalicelib.planning", "from .aws.operations import operation", []),
        ("chalicelib.planning", "from .model import Plan\nfrom .iam.globs import matches", []),
        ("chalicelib.model", "from .redaction import safe_text", ["chalicelib.redaction"]),
        ("chalicelib.iam.reach", "from ..controls import judge", ["chalicelib.controls"]),
        ("chalicelib.aws.ledger", "from ..pipeline import watch", ["chalicelib.pipeline"]),
        ("chalicelib.aws.ledger", "from ..planning import plan", []),
        ("chalicelib.pipeline", "import suture.build", ["suture.build"]),
    ],
)
def test_an_upward_import_is_seen(name: str, source: str, bad: list[str]) -> None:
    assert upward(name, source) == bad


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ("import time", ["time"]),
        ("from os import environ", ["os"]),
        ("from datetime import datetime\nx = datetime.now()", ["now"]),
        ("import datetime\nx = datetime.datetime.utcnow()", ["utcnow"]),
        ("def f(path):\n    return open(path)", ["open"]),
        ("from pathlib import Path\nx = Path('a').read_text()", ["read_text"]),
        ("from datetime import datetime\nx = datetime.fromisoformat('2026-01-01')", []),
        ("def f(context):\n    return context.now", []),
    ],
)
def test_an_impurity_is_seen(source: str, bad: list[str]) -> None:
    assert impurities(source) == bad
