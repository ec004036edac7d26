"""AWS calls in JavaScript and TypeScript, by tree-sitter's syntax tree: AWS SDK version 2 and 3. Nothing is run.

The reading is without order and scopes: in one file a name is everything that is ever assigned to it, and a
parameter's name is anything. A method on something unknown counts for every service that the package makes a client
of; version 3's commands count wherever they are made. Needs the extra `suture[package]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from chalicelib.errors import Misconfigured
from chalicelib.model import Json

from . import jscalls, sdk
from .jseval import File, Reader, bind_names, parameters, place, value_of
from .jsvalues import (
    ANYTHING,
    Documents,
    Node,
    Object,
    Symbol,
    Values,
    arguments,
    literal_text,
    one_text,
    pairs,
    text_of,
    walk,
)
from .values import Client, Text

SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")

_BUNDLED = (b"@smithy/", b"AWS.util.", b"aws-sdk-js", b"getSmithyContext", b"SERVICE_ENDPOINT_PREFIX")
"""Texts that are in a file which holds the SDK's own code."""


def read_javascript(files: Mapping[str, bytes], environment: Mapping[str, str], tops: frozenset[str]) -> sdk.Findings:
    """The AWS calls in JavaScript and TypeScript files (path → text); `tops` are modules that the package has."""
    found = sdk.Findings()
    reader = Reader(environment, found)
    parsed: list[File] = []
    for path, text in files.items():
        if _is_sdk_file(path):
            continue
        root = _parser(path).parse(text).root_node
        if root.has_error:
            found.unread[path] = "it has a part that is no JavaScript or TypeScript that can be read"
            found.hide("*", f"{path} could not be read whole")
        if any(mark in text for mark in _BUNDLED):
            found.hide("*", f"{path} is a bundle that holds the SDK itself")
        parsed.append(File(path, root))
    for file in parsed:
        bind_names(file, reader, tops)
    for file in parsed:
        _find_calls(file, reader)
    return found


def _is_sdk_file(path: str) -> bool:
    folder = f"/{path}"
    return any(f"/node_modules/{n}/" in folder for n in ("aws-sdk", "@aws-sdk", "@smithy", "@aws-crypto", "aws-crt"))


@cache
def _parser(path: str) -> Any:
    return _parser_of("tsx" if path.endswith("x") else "typescript" if path.endswith("ts") else "javascript")


@cache
def _parser_of(language: str) -> Any:
    try:
        import tree_sitter
        import tree_sitter_javascript
        import tree_sitter_typescript
    except ModuleNotFoundError as error:
        step = "install suture[package], or run `make setup`"
        raise Misconfigured(f"{error.name} is not installed", where="JavaScript", next_step=step) from error
    languages = {
        "javascript": tree_sitter_javascript.language,
        "typescript": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return tree_sitter.Parser(tree_sitter.Language(languages[language]()))


def _find_calls(file: File, reader: Reader) -> None:
    for node in walk(file.root):
        if node.type == "new_expression":
            _construction(node, file, reader)
        elif node.type == "call_expression":
            _call(node, file, reader)
        elif node.type in ("member_expression", "identifier") and not _is_called(node):
            _mention(node, file, reader)


def _is_called(node: Node) -> bool:
    parent = node.parent
    called = parent.child_by_field_name("function") or parent.child_by_field_name("constructor")
    return bool(parent.type in ("import_specifier", "namespace_import", "import_clause") or called == node)


def _mention(node: Node, file: File, reader: Reader) -> None:
    """A command or a client's method that is named and not called there: it may be called anywhere."""
    if node.type == "member_expression":
        name = text_of(node.child_by_field_name("property"))
        for owner in value_of(node.child_by_field_name("object"), file, reader):
            if isinstance(owner, Client) and (operation := jscalls.operation(owner.service, name)):
                _record(reader, node, file, owner.service, operation, {})
    for value in value_of(node, file, reader):
        if isinstance(value, Symbol):
            service, operation = jscalls.command(value.package, value.name)
            if operation:
                _record(reader, node, file, service, operation, {})


def _record(reader: Reader, node: Node, file: File, service: str, operation: str, given: Mapping[str, Json]) -> None:
    reader.found.calls.append(sdk.Call(service, operation, given, place(node, file)))


def _construction(node: Node, file: File, reader: Reader) -> None:
    """Commands of version 3, and lib-storage's Upload."""
    given = arguments(node)
    for value in value_of(node.child_by_field_name("constructor"), file, reader):
        if not isinstance(value, Symbol):
            continue
        service, operation = jscalls.command(value.package, value.name)
        if operation:
            _record(reader, node, file, service, operation, parameters(given, 0, file, reader))
        elif value.name.endswith("Command") and service:
            reader.found.hide(service, f"{place(node, file)}: {value.name} is no command that is known")
        elif (value.package, value.name) == ("@aws-sdk/lib-storage", "Upload"):
            inner = _inner(given[0], "params", file, reader) if given else {}
            for one in ("PutObject", "AbortMultipartUpload"):
                _record(reader, node, file, "s3", one, inner)


def _inner(node: Node, key: str, file: File, reader: Reader) -> dict[str, Json]:
    found = [v for k, v in pairs(node) if k == key] if node.type == "object" else []
    return parameters(found, 0, file, reader) if found else {}


def _call(node: Node, file: File, reader: Reader) -> None:
    called = node.child_by_field_name("function")
    given = arguments(node)
    if called.type == "subscript_expression":
        _indexed(node, called, file, reader)
        return
    for value in value_of(called, file, reader):
        if isinstance(value, Symbol):
            service, operation = jscalls.function(value.package, value.name)
            if operation:
                _record(reader, node, file, service, operation, parameters(given, 1, file, reader))
            elif value.name == "createPresignedPost":
                _record(reader, node, file, "s3", "PutObject", parameters(given, 1, file, reader))
    if called.type == "member_expression":
        owners = value_of(called.child_by_field_name("object"), file, reader) - ANYTHING
        _method(node, text_of(called.child_by_field_name("property")), owners, file, reader)


def _method(node: Node, name: str, owners: Values, file: File, reader: Reader) -> None:
    given = arguments(node)
    known = [o for o in owners if isinstance(o, (Client, Documents))]
    for owner in known:
        if isinstance(owner, Client):
            _of_client(node, owner.service, name, file, reader)
        elif name in jscalls.DOCUMENT_METHODS:
            operation = jscalls.DOCUMENT_METHODS[name]
            _record(reader, node, file, "dynamodb", operation, parameters(given, 0, file, reader))
    if known or owners or name in jscalls.QUIET:
        return
    for service in sorted(reader.made):
        operation = jscalls.operation(service, name)
        if operation and name[:1].islower():
            _record(reader, node, file, service, operation, parameters(given, 0, file, reader))
    if reader.documents and name in jscalls.DOCUMENT_METHODS and _may_be_parameters(given, file, reader):
        operation = jscalls.DOCUMENT_METHODS[name]
        _record(reader, node, file, "dynamodb", operation, parameters(given, 0, file, reader))


def _may_be_parameters(given: list[Node], file: File, reader: Reader) -> bool:
    """Whether a first argument may be a document client's: no text, no number, no object without a table."""
    if not given or given[0].type in ("number", "arrow_function", "function_expression", "regex", "true", "false"):
        return False
    if literal_text(given[0]) is not None or given[0].type == "template_string":
        return False
    values = value_of(given[0], file, reader)
    if values and all(isinstance(v, Text) for v in values):
        return False
    wanted = {"TableName", "RequestItems", "TransactItems", "Statement", "Statements", "..."}
    return not (values and all(isinstance(v, Object) and not v.keys & wanted for v in values))


def _of_client(node: Node, service: str, name: str, file: File, reader: Reader) -> None:
    given = arguments(node)
    first = one_text(value_of(given[0], file, reader)) if given else ""
    if operation := jscalls.operation(service, name):
        _record(reader, node, file, service, operation, parameters(given, 0, file, reader))
    elif name in ("getSignedUrl", "getSignedUrlPromise", "makeRequest", "waitFor"):
        waited = jscalls.waited(service, first) if name == "waitFor" else jscalls.operation(service, first)
        if waited:
            _record(reader, node, file, service, waited, parameters(given, 1, file, reader))
        else:
            reader.found.hide(service, f"{place(node, file)}: {name} of something that is not named")
    elif service == "s3" and name in ("upload", "createPresignedPost"):
        for one in ("PutObject", "AbortMultipartUpload"):
            _record(reader, node, file, service, one, parameters(given, 0, file, reader))
    elif name not in jscalls.QUIET and not name.startswith(("paginate", "waitUntil")):
        reader.found.hide(service, f"{place(node, file)}: {name} is no method that is known")


def _indexed(node: Node, called: Node, file: File, reader: Reader) -> None:
    """`client[name]()`: readable only with a written name."""
    name = one_text(value_of(called.child_by_field_name("index"), file, reader))
    for owner in value_of(called.child_by_field_name("object"), file, reader):
        if isinstance(owner, (Client, Documents)):
            service = owner.service if isinstance(owner, Client) else "dynamodb"
            if name:
                _method(node, name, frozenset((owner,)), file, reader)
            else:
                reader.found.hide(service, f"{place(node, file)}: a method that is not named")
