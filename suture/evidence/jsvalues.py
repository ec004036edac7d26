"""What an expression of JavaScript code may be, as far as it matters for AWS calls, and the tree it is read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .values import Client, Text, Unknown

Node = Any
"""A tree-sitter node."""


@dataclass(frozen=True, slots=True)
class Package:
    """A module of the SDK: `aws-sdk`, `aws-sdk/clients/s3`, `@aws-sdk/client-s3`."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a module of the SDK exports; `DynamoDB.DocumentClient` is one name."""

    package: str
    name: str


@dataclass(frozen=True, slots=True)
class Documents:
    """A DynamoDB document client."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object literal: its texts by key, and all its keys."""

    texts: tuple[tuple[str, str], ...]
    keys: frozenset[str]


Value = Text | Unknown | Package | Symbol | Client | Documents | Object
Values = frozenset[Value]
NOTHING: Values = frozenset()
ANYTHING: Values = frozenset((Unknown(),))


def text_of(node: Node) -> str:
    return str(node.text.decode("utf-8", "replace")) if node is not None and node.text is not None else ""


def walk(root: Node) -> Iterator[Node]:
    """All named nodes, parents first, without recursion."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.named_children))


def one_text(values: Values) -> str:
    """The only text a value may be; nothing where it may be several or something else."""
    found = [v.value for v in values if isinstance(v, Text)]
    return found[0] if len(found) == 1 and len(values) == 1 else ""


def literal_text(node: Node) -> str | None:
    """A string or a template without substitutions; None for all else."""
    if node.type not in ("string", "template_string") or any(c.type == "template_substitution" for c in node.children):
        return None
    parts = [text_of(c) for c in node.named_children if c.type == "string_fragment"]
    return "".join(parts) if len(parts) == len(node.named_children) else None


def pairs(node: Node) -> Iterator[tuple[str, Node]]:
    """Keys and values of an object literal; a spread is `...`, a shorthand its own value."""
    for child in node.named_children:
        if child.type == "pair":
            key = child.child_by_field_name("key")
            plain = literal_text(key) if key.type == "string" else text_of(key)
            yield plain or "", child.child_by_field_name("value")
        elif child.type == "shorthand_property_identifier":
            yield text_of(child), child
        elif child.type in ("spread_element", "method_definition"):
            yield "...", child


def arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    return [a for a in given.named_children if a.type != "comment"] if given is not None else []
