"""The traps of JMESPath, refused when a runbook is written and not met when it runs.

A name that does not exist silently gives null; `null != 'NONE'` is true; `!a.b` parses as `(!a).b`; inside a
filter or after a pipe the roots cannot be seen; `a && b` gives `b`, which need not be a boolean.
Grammar: https://jmespath.org/specification.html.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.lexer import Lexer

from chalicelib.expressions import MAX_DEPTH, MAX_LENGTH, ROOTS, functions
from chalicelib.model import Json

Node = Mapping[str, Any]

_OUTER, _MEMBER, _INNER = "outer", "member", "inner"
"""What a name at this spot means: a root; a member of what stands before it; a member of the element at hand."""

_SAME_SCOPE = frozenset(
    {"or_expression", "and_expression", "not_expression", "comparator", "function_expression"}
    | {"multi_select_list", "multi_select_dict", "key_val_pair"}
)
_CHAINS = frozenset(
    {"subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten", "pipe"}
)
_NEVER_BOOLEAN = frozenset(
    {"multi_select_list", "multi_select_dict", "projection", "value_projection", "filter_projection", "flatten"}
)
_MAYBE_BOOLEAN = frozenset({"contains", "starts_with", "ends_with", "not_null", "max_by", "min_by"})
_ORDERING = frozenset({"lt", "lte", "gt", "gte"})


@dataclass(frozen=True, slots=True)
class _Names:
    """What an expression may mention: roots with their members (None: any), functions, names of the configuration."""

    roots: Mapping[str, frozenset[str] | None]
    uses: tuple[str, ...]
    config: frozenset[str] | None


def lint(
    expression: str,
    params: frozenset[str],
    uses: tuple[str, ...],
    extra: frozenset[str],
    *,
    decides: bool = False,
    config: frozenset[str] | None = None,
) -> Iterator[str]:
    """What is wrong with an expression, as sentences.

    `extra` are the roots allowed here besides the common ones, `config` the names that may follow
    `resource.config` where they are known, and `decides` says that it must yield true or false.
    """
    text = expression.removeprefix("=")
    tree = _parsed(text)
    if isinstance(tree, str):
        yield tree
        return
    common = {"resource": ROOTS["resource"], "finding": ROOTS["finding"], "case": ROOTS["case"], "params": params}
    names = _Names({**common, **{name: ROOTS[name] for name in extra}}, uses, config)
    yield from dict.fromkeys(f"{problem}, in {text!r}" for problem in _problems(tree, names, decides))


def _parsed(text: str) -> Node | str:
    """The expression's tree, or a sentence saying why there is none."""
    if len(text) > MAX_LENGTH:
        return f"the expression has {len(text)} characters, and {MAX_LENGTH} are allowed"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PendingDeprecationWarning)
            list(Lexer().tokenize(text))
        tree: Node = jmespath.compile(text).parsed
    except JMESPathError as error:
        return f"the expression {text!r} does not parse: {_first_line(error)}"
    except PendingDeprecationWarning:
        return f"a literal between backquotes must be JSON, in {text!r}: write text as 'text'"
    except RecursionError:
        return f"the expression is nested deeper than {MAX_DEPTH}"
    except (ValueError, TypeError, LookupError, AttributeError):
        return f"the expression {text!r} does not parse"
    return tree


def _problems(tree: Node, names: _Names, decides: bool) -> Iterator[str]:
    waiting: list[tuple[Node, str, int]] = [(tree, _OUTER, 0)]
    while waiting:
        node, scope, depth = waiting.pop()
        if depth > MAX_DEPTH:
            yield f"it is nested deeper than {MAX_DEPTH}"
            return
        for rule in (_name_problems, _member_problems, _not_problems, _comparison_problems, _function_problems):
            yield from rule(node, scope, names)
        waiting += [(child, inner, depth + 1) for child, inner in reversed(list(_children(node, scope)))]
    if tree["type"] == "expref":
        yield "`&` belongs in the arguments of a function"
    if decides and not _can_be_boolean(tree):
        yield "it can never be true or false: compare something"


def _children(node: Node, scope: str) -> Iterator[tuple[Node, str]]:
    """The nodes below `node`, each with what its names mean."""
    kind, below = node["type"], [c for c in node.get("children", ()) if isinstance(c, Mapping)]
    if kind in _SAME_SCOPE:
        yield from ((child, _OUTER if scope == _OUTER else _INNER) for child in below)
    elif kind == "expref":
        yield from ((child, _INNER) for child in below)
    elif kind in _CHAINS:
        for index, child in enumerate(below):
            is_afresh = (kind == "pipe" and index > 0) or (kind == "filter_projection" and index == 2)
            yield child, scope if index == 0 else _INNER if is_afresh else _MEMBER


def _name_problems(node: Node, scope: str, names: _Names) -> Iterator[str]:
    kind, name = node["type"], node.get("value")
    if kind == "field" and scope == _OUTER and name not in names.roots:
        yield f"unknown root {name!r} (known here: {', '.join(sorted(names.roots))})"
    elif kind == "field" and scope == _INNER and name in ROOTS:
        yield f"{name!r} is no root here: inside a filter or after a pipe, names are members of the element"
    elif kind in ("current", "identity") and scope == _OUTER:
        yield f"an expression begins with a root (known here: {', '.join(sorted(names.roots))})"


def _member_problems(node: Node, scope: str, names: _Names) -> Iterator[str]:
    if node["type"] not in ("subexpression", "pipe") or scope != _OUTER or node["children"][0]["type"] != "field":
        return
    root, *rest = node["children"]
    known = names.roots.get(root["value"])
    yield from _unknown(f"{root['value']!r}", rest[0], known)
    is_config = root["value"] == "resource" and rest[0] == {"type": "field", "children": [], "value": "config"}
    if is_config and len(rest) > 1:
        yield from _unknown("the configuration of this resource type", rest[1], names.config)


def _unknown(owner: str, node: Node, known: frozenset[str] | None) -> Iterator[str]:
    if known is None:
        return
    for name in _first_names(node):
        if name not in known:
            yield f"{owner} has no {name!r} (it has: {', '.join(sorted(known)) or 'nothing'})"


def _first_names(node: Node) -> Iterator[str]:
    """The names that stand at the start of `node`: members of what stands before it."""
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] in _SAME_SCOPE:
        for child in node["children"]:
            yield from _first_names(child)
    elif node["type"] in _CHAINS:
        yield from _first_names(node["children"][0])


def _not_problems(node: Node, _scope: str, _names: _Names) -> Iterator[str]:
    if node["type"] in _CHAINS - {"pipe"} and node["children"][0]["type"] == "not_expression":
        yield "`!a.b` means `(!a).b`: write `!(a.b)`"


def _comparison_problems(node: Node, _scope: str, _names: _Names) -> Iterator[str]:
    negated = node["type"] == "not_expression" and node["children"][0].get("value") == "eq"
    compared = node["children"][0] if negated else node
    if compared["type"] != "comparator":
        return
    literals = [c["value"] for c in compared["children"] if c["type"] == "literal"]
    is_computed = any(c["type"] == "function_expression" for c in compared["children"])
    if (negated or compared["value"] == "ne") and any(v is not None for v in literals) and not is_computed:
        yield "null differs from everything, so a missing value passes: say with `==` what is allowed"
    if compared["value"] in _ORDERING and any(isinstance(v, bool) or not isinstance(v, int | float) for v in literals):
        yield "only numbers can be ordered"


def _function_problems(node: Node, _scope: str, names: _Names) -> Iterator[str]:
    if node["type"] != "function_expression":
        return
    name, given = node["value"], len(node["children"])
    full = next((u for u in names.uses if u.partition("@")[0] == name), None)
    if full is not None:
        try:
            inspect.signature(functions()[full]).bind(*range(given))
        except TypeError:
            yield f"the function {full} does not take {given} arguments"
    elif name not in Functions.FUNCTION_TABLE:
        yield f"the function {name!r} is neither built in nor declared under `uses`"
    elif not _takes(name, given):
        yield f"the function {name!r} does not take {given} arguments"


@cache
def _takes(builtin: str, given: int) -> bool:
    signature = Functions.FUNCTION_TABLE[builtin]["signature"]
    is_variadic = bool(signature) and signature[-1].get("variadic", False)
    return given >= len(signature) if is_variadic else given == len(signature)


def _can_be_boolean(node: Node) -> bool:
    kind = node["type"]
    if kind == "literal":
        return isinstance(node["value"], bool)
    if kind in ("and_expression", "or_expression"):
        return all(_can_be_boolean(child) for child in node["children"])
    if kind == "function_expression":
        return node["value"] not in Functions.FUNCTION_TABLE or node["value"] in _MAYBE_BOOLEAN
    if kind in ("subexpression", "pipe"):
        return _can_be_boolean(node["children"][-1])
    return kind not in _NEVER_BOOLEAN and kind not in ("expref", "current", "identity")


def _first_line(error: Exception) -> Json:
    return next(iter(str(error).splitlines()), type(error).__name__)
