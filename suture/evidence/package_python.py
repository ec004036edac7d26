"""AWS calls in Python code, by its syntax tree: clients, resources, paginators and waiters of boto3, followed through
names, attributes, functions, parameters and modules of the package. Nothing is run or imported.

The reading is without order and without branches: a name is everything that is ever assigned to it. What is called
on something unknown counts for every service that the package makes a client of, so that a call is rather found once
too often; where a client goes somewhere that cannot be followed, its service is `blind`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import sdk
from .pyeval import Evaluator
from .pynames import Scope
from .pyvalues import ANYTHING, Function, Values

PASSES = 5
"""How often all code is read: so many steps a client may take through functions and modules."""

_BROUGHT = frozenset(
    ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "awslambdaric", "mypy_boto3", "types")
)
"""Modules outside a package that Lambda brings, or that call nothing: not worth a doubt."""

_SDK_FOLDERS = ("boto3/", "botocore/", "s3transfer/")


_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_THAT_MATTER = (
    *_BLOCKS,
    *(ast.Import, ast.ImportFrom, ast.Global),
    *(ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension, ast.withitem),
    *(ast.Return, ast.Yield, ast.Call, ast.Attribute),
)


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed file: its tree, its path in the package, and its names."""

    tree: ast.Module
    path: str
    scope: Scope


def read_python(files: Mapping[str, str], environment: Mapping[str, str]) -> sdk.Findings:
    """The AWS calls in Python files (path in the package → text), with values of environment variables as known."""
    found = sdk.Findings()
    sources: list[Source] = []
    for path, text in files.items():
        if is_sdk(path):
            continue
        try:
            sources.append(Source(ast.parse(text), path, Scope(path)))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            found.unread[path] = f"it is no Python that can be read ({type(error).__name__})"
            found.hide("*", f"{path} could not be read")
    modules = _modules(sources)
    _doubt_missing_modules(sources, {name.partition(".")[0] for name in modules}, found)
    evaluator = Evaluator(frozenset(modules), environment, modules)
    for number in range(PASSES):
        evaluator.begin(settling=number == PASSES - 2, last=number == PASSES - 1)
        for source in sources:
            _read_module(source, evaluator, found)
    found.calls += evaluator.calls_made()
    for service, why in evaluator.blind.items():
        found.hide(service, why)
    return found


def is_sdk(path: str) -> bool:
    """Whether a file is of the SDK itself, wherever in the package it was put."""
    return any(path.startswith(f) or f"/{f}" in path for f in _SDK_FOLDERS)


def _modules(sources: Sequence[Source]) -> dict[str, Scope]:
    """Every name that a file may be imported by, the longest first: from the top, and from each folder below."""
    scopes = {s.path: s.scope for s in sources}
    parts = {s.path: s.path.removesuffix(".py").removesuffix("/__init__").split("/") for s in sources}
    found: dict[str, Scope] = {}
    for depth in range(max((len(p) for p in parts.values()), default=0)):
        for path, names in parts.items():
            if names[depth:]:
                found.setdefault(".".join(names[depth:]), scopes[path])
    return found


def _doubt_missing_modules(sources: Sequence[Source], tops: set[str], found: sdk.Findings) -> None:
    """A module that is imported and not in the package (in a layer?) may call anything."""
    for source in sources:
        for node in ast.walk(source.tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in tops and top not in sys.stdlib_module_names and not _is_brought(top):
                    found.hide("*", f"{source.path} imports {top}, which is not in the package")


def _is_brought(top: str) -> bool:
    return top in _BROUGHT or top.startswith("mypy_boto3")


def _read_module(source: Source, evaluator: Evaluator, found: sdk.Findings) -> None:
    scope = source.scope
    try:
        _read_block(source.tree, scope, evaluator, source, "", found)
    except RecursionError:
        found.unread[source.path] = "it is nested too deep"
        found.hide("*", f"{source.path} is nested too deep to be read")


def _read_block(
    block: ast.AST, scope: Scope, evaluator: Evaluator, source: Source, of_class: str, found: sdk.Findings
) -> None:
    """All statements of one module, class or function; those of functions inside get a scope of their own."""
    for node in _own_nodes(block, evaluator):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _define(node, scope, evaluator, source, of_class, found)
        elif isinstance(node, ast.ClassDef):
            identity = f"{source.path}:{node.lineno}:{node.name}"
            evaluator.define_class(node, identity, scope)
            body = Scope(source.path, scope)
            _read_block(node, body, evaluator, source, identity, found)
            for name, values in body.names.items():
                evaluator.give(identity, name, values)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            _import(node, scope, evaluator, source)
        else:
            _read_node(node, scope, evaluator)


def _own_nodes(block: ast.AST, evaluator: Evaluator) -> list[ast.AST]:
    """The nodes of one block that matter, without those of functions and classes in it; found once."""
    known = evaluator.nodes.get(id(block))
    if known is None:
        known = evaluator.nodes[id(block)] = []
        waiting = [*ast.iter_child_nodes(block)][::-1]
        while waiting:
            node = waiting.pop()
            if isinstance(node, _THAT_MATTER):
                known.append(node)
            if not isinstance(node, _BLOCKS):
                waiting.extend([*ast.iter_child_nodes(node)][::-1])
    return known


def _define(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    scope: Scope,
    evaluator: Evaluator,
    source: Source,
    of_class: str,
    found: sdk.Findings,
) -> None:
    identity = f"{source.path}:{node.lineno}:{node.name}"
    evaluator.define_function(node, identity, scope, of_class)
    if not of_class:
        scope.bind(node.name, frozenset((Function(identity),)))
    inner = Scope(source.path, scope.outside_class() if of_class else scope, identity)
    evaluator.bind_parameters(node, identity, inner, of_class)
    _read_block(node, inner, evaluator, source, "", found)


def _import(node: ast.Import | ast.ImportFrom, scope: Scope, evaluator: Evaluator, source: Source) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            scope.bind(alias.asname or name, evaluator.module(name))
        return
    base = node.module or ""
    if node.level:
        folder = source.path.removesuffix("/__init__.py").removesuffix(".py").split("/")
        up = node.level - (1 if source.path.endswith("__init__.py") else 0)
        base = ".".join([*folder[: len(folder) - up], *([base] if base else [])])
    for alias in node.names:
        if alias.name == "*":
            scope.stars.append(base)
        else:
            scope.bind(alias.asname or alias.name, evaluator.imported(base, alias.name))


def _read_node(node: ast.AST, scope: Scope, evaluator: Evaluator) -> None:
    if isinstance(node, ast.Assign):
        values = evaluator.value(node.value, scope)
        for target in node.targets:
            _assign(target, node.value, values, scope, evaluator)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        _assign(node.target, node.value, evaluator.value(node.value, scope), scope, evaluator)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        _assign(node.target, node.iter, evaluator.members(evaluator.value(node.iter, scope)), scope, evaluator)
    elif isinstance(node, ast.withitem):
        values = evaluator.value(node.context_expr, scope)
        if node.optional_vars is not None:
            _assign(node.optional_vars, node.context_expr, values, scope, evaluator)
    elif isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
        evaluator.returned(scope.function, evaluator.value(node.value, scope))
    elif isinstance(node, (ast.Call, ast.Attribute)):
        evaluator.value(node, scope)
    else:
        _read_rest(node, scope, evaluator)


def _read_rest(node: ast.AST, scope: Scope, evaluator: Evaluator) -> None:
    if isinstance(node, ast.Global):
        scope.shared |= set(node.names)
    elif isinstance(node, ast.AugAssign):
        _assign(node.target, node.value, ANYTHING, scope, evaluator)


def _assign(target: ast.AST, written: ast.expr, values: Values, scope: Scope, evaluator: Evaluator) -> None:
    values = evaluator.settled(values)
    if isinstance(target, ast.Name):
        (scope.module() if target.id in scope.shared else scope).bind(target.id, values)
    elif isinstance(target, ast.Attribute):
        evaluator.set_attribute(target, values, scope)
    elif isinstance(target, (ast.Tuple, ast.List)):
        apart = isinstance(written, (ast.Tuple, ast.List)) and len(written.elts) == len(target.elts)
        for i, one in enumerate(target.elts):
            part = evaluator.value(written.elts[i], scope) if apart else values  # type: ignore[attr-defined]
            _assign(one, written, part, scope, evaluator)
    elif isinstance(target, ast.Subscript) and values:
        _assign(target.value, written, values, scope, evaluator)
