"""Names and values in one JavaScript or TypeScript file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.model import Json

from . import jscalls, sdk
from .jsvalues import (
    ANYTHING,
    NOTHING,
    Documents,
    Node,
    Object,
    Package,
    Symbol,
    Value,
    Values,
    arguments,
    literal_text,
    one_text,
    pairs,
    text_of,
    walk,
)
from .values import Client, Text

PASSES = 3

_BUILT_IN = """
assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events
fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream
string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib test sqlite sea
"""
"""Modules of Node.js itself."""

_THROUGH = """
await_expression parenthesized_expression as_expression satisfies_expression non_null_expression ternary_expression
"""
"""Expressions that are one of their parts."""


@dataclass(slots=True)
class File:
    path: str
    root: Node
    names: dict[str, Values] = field(default_factory=dict)

    def bind(self, name: str, values: Values) -> None:
        self.names[name] = self.names.get(name, NOTHING) | values


@dataclass(slots=True)
class Reader:
    environment: Mapping[str, str]
    found: sdk.Findings
    made: set[str] = field(default_factory=set)
    documents: bool = False


# --- names ----------------------------------------------------------------------------------------------------------


def bind_names(file: File, reader: Reader, tops: frozenset[str]) -> None:
    """Find what every name of a file may be, and doubt what it loads from outside the package."""
    nodes = list(walk(file.root))
    for number in range(PASSES):
        for node in nodes:
            _bind(node, file, reader, settling=number == PASSES - 1)
    for node in nodes:
        if node.type in ("formal_parameters", "catch_clause"):
            for inner in walk(node):
                if inner.type in ("identifier", "shorthand_property_identifier_pattern"):
                    file.bind(text_of(inner), ANYTHING)
        elif node.type == "arrow_function" and (single := node.child_by_field_name("parameter")) is not None:
            file.bind(text_of(single), ANYTHING)
        _doubt_missing(node, file, reader, tops)


def _bind(node: Node, file: File, reader: Reader, *, settling: bool) -> None:
    if node.type == "import_statement" or (node.type == "export_statement" and node.child_by_field_name("source")):
        _import(node, file, reader)
    elif node.type in ("variable_declarator", "assignment_expression"):
        is_new = node.type == "variable_declarator"
        target = node.child_by_field_name("name" if is_new else "left")
        written = node.child_by_field_name("value" if is_new else "right")
        if written is None:
            return
        values = value_of(written, file, reader)
        _assign(target, values, file, settling=settling)
        for owner in values if target.type == "object_pattern" else ():
            if isinstance(owner, (Client, Documents)):
                service = owner.service if isinstance(owner, Client) else "dynamodb"
                reader.found.hide(service, f"{place(node, file)}: a client's methods are taken off it")
    elif node.type in ("augmented_assignment_expression", "for_in_statement"):
        _assign(node.child_by_field_name("left"), ANYTHING, file, settling=True)


def _import(node: Node, file: File, reader: Reader) -> None:
    source = literal_text(node.child_by_field_name("source")) if node.child_by_field_name("source") else None
    if not source or not jscalls.is_sdk(source):
        return
    if node.type == "export_statement" and (service := jscalls.service_of(source)):
        reader.found.hide(service, f"{place(node, file)}: {source} is handed on")
    for inner in walk(node):
        if inner.type == "import_specifier":
            name = text_of(inner.child_by_field_name("name"))
            alias = inner.child_by_field_name("alias")
            file.bind(text_of(alias) if alias is not None else name, frozenset((Symbol(source, name),)))
        elif inner.type == "identifier" and inner.parent.type in ("import_clause", "namespace_import"):
            file.bind(text_of(inner), frozenset((Package(source),)))


def _assign(target: Node, values: Values, file: File, *, settling: bool) -> None:
    settled = values or (ANYTHING if settling else NOTHING)
    if target.type in ("identifier", "shorthand_property_identifier_pattern"):
        file.bind(text_of(target), settled)
    elif target.type in ("member_expression", "subscript_expression"):
        file.bind(text_of(target), settled)
        owner = target.child_by_field_name("object")
        if owner is not None and owner.type == "identifier" and any(isinstance(v, Object) for v in _named(owner, file)):
            file.bind(text_of(owner), ANYTHING)
    elif target.type == "object_pattern":
        for child in target.named_children:
            name = text_of(child.child_by_field_name("key")) if child.type == "pair_pattern" else text_of(child)
            inner = child.child_by_field_name("value") if child.type == "pair_pattern" else child
            parts = frozenset(p for v in values if (p := _member(v, name)))
            if inner is not None and inner.type != "rest_pattern":
                _assign(inner, parts, file, settling=settling)
    elif target.type == "array_pattern":
        for child in target.named_children:
            _assign(child, frozenset(v for v in values if not isinstance(v, Text)), file, settling=settling)


def _named(node: Node, file: File) -> Values:
    return file.names.get(text_of(node), NOTHING)


def _doubt_missing(node: Node, file: File, reader: Reader, tops: frozenset[str]) -> None:
    """A module that is imported and not in the package (in a layer?) may call anything."""
    name: str | None = None
    if node.type in ("import_statement", "export_statement") and (at := node.child_by_field_name("source")) is not None:
        name = literal_text(at)
    elif node.type == "call_expression" and text_of(node.child_by_field_name("function")) in ("require", "import"):
        given = arguments(node)
        name = literal_text(given[0]) if given else None
        if given and name is None:
            reader.found.hide("*", f"{place(node, file)} loads a module that is not named")
    if not name or name.startswith((".", "/", "node:")) or jscalls.is_sdk(name):
        return
    top = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
    if top not in _BUILT_IN.split() and top not in tops and not top.startswith("@types/"):
        reader.found.hide("*", f"{file.path} imports {top}, which is not in the package")


# --- values ---------------------------------------------------------------------------------------------------------


def value_of(node: Node, file: File, reader: Reader) -> Values:
    kind = node.type
    if (text := literal_text(node)) is not None:
        return frozenset((Text(text),))
    if kind in ("identifier", "shorthand_property_identifier"):
        return _named(node, file)
    if kind == "member_expression":
        return _member_of(node, file, reader)
    if kind == "new_expression":
        return frozenset(
            n for v in value_of(node.child_by_field_name("constructor"), file, reader) for n in _new(v, reader)
        )
    if kind == "call_expression":
        return _result(node, file, reader)
    if kind == "object":
        return _object(node, file, reader)
    if kind == "binary_expression":
        parts = [one_text(value_of(node.child_by_field_name(f), file, reader)) for f in ("left", "right")]
        if text_of(node.child_by_field_name("operator")) == "+":
            return frozenset((Text("".join(parts)),)) if all(parts) else NOTHING
        return frozenset(v for f in ("left", "right") for v in value_of(node.child_by_field_name(f), file, reader))
    if kind in (
        "await_expression",
        "parenthesized_expression",
        "as_expression",
        "non_null_expression",
        "ternary_expression",
    ):
        return frozenset(v for child in node.named_children for v in value_of(child, file, reader))
    return NOTHING


def _member_of(node: Node, file: File, reader: Reader) -> Values:
    owner, name = node.child_by_field_name("object"), text_of(node.child_by_field_name("property"))
    if text_of(owner) == "process.env":
        value = reader.environment.get(name)
        return frozenset((Text(value),)) if value else NOTHING
    found = frozenset(p for v in value_of(owner, file, reader) if (p := _member(v, name)))
    return found | file.names.get(text_of(node), NOTHING)


def _member(value: Value, name: str) -> Value | None:
    if isinstance(value, Package):
        return value if name == "default" else Symbol(value.name, name)
    if isinstance(value, Symbol):
        return Symbol(value.package, f"{value.name}.{name}")
    if isinstance(value, Object):
        text = dict(value.texts).get(name)
        return Text(text) if text else None
    return None


def _new(value: Value, reader: Reader) -> Values:
    if isinstance(value, Package) and (service := jscalls.service_of(value.name)):
        reader.made.add(service)
        return frozenset((Client(service),))
    made = jscalls.made_by(value.package, value.name) if isinstance(value, Symbol) else ""
    if made == "documents":
        reader.documents = True
        return frozenset((Documents(),))
    if made:
        reader.made.add(made)
        return frozenset((Client(made),))
    return NOTHING


def _result(node: Node, file: File, reader: Reader) -> Values:
    """What a call gives: a module that is loaded, a document client, or what a wrapper was given."""
    called = node.child_by_field_name("function")
    given = arguments(node)
    if text_of(called) in ("require", "import") and given:
        name = literal_text(given[0])
        return frozenset((Package(name),)) if name and jscalls.is_sdk(name) else NOTHING
    if called.type == "member_expression" and text_of(called.child_by_field_name("property")) == "from":
        owners = value_of(called.child_by_field_name("object"), file, reader)
        if made := frozenset(n for v in owners for n in _new(v, reader)):
            return made
    passed = (v for a in given for v in value_of(a, file, reader))
    return frozenset(v for v in passed if isinstance(v, (Package, Symbol, Client, Documents)))


def _object(node: Node, file: File, reader: Reader) -> Values:
    every = [(k, v) for k, v in pairs(node)]
    if any(k == "..." and v.type == "spread_element" for k, v in every):
        return frozenset((Object((), frozenset(("...",))),))
    texts = [(k, one_text(value_of(v, file, reader))) for k, v in every if k != "..."]
    return frozenset((Object(tuple((k, t) for k, t in texts if t), frozenset(k for k, _ in every)),))


def parameters(given: list[Node], at: int, file: File, reader: Reader) -> dict[str, Json]:
    """The texts of a call's argument that is one object literal, there or by its name."""
    values = value_of(given[at], file, reader) if len(given) > at else NOTHING
    objects = [v for v in values if isinstance(v, Object)]
    return dict(objects[0].texts) if len(objects) == 1 and len(values) == 1 else {}


def place(node: Node, file: File) -> str:
    return f"{file.path}:{node.start_point[0] + 1}"
