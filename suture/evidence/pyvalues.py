"""What an expression of Python code may be, as far as it matters for AWS calls."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from chalicelib.model import Json

from .values import Client, Text, Unknown


@dataclass(frozen=True, slots=True)
class Sdk:
    """boto3, botocore.session, or a session of either: what makes clients."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A boto3 resource; `kind` is nothing for the service itself. `ids` are its identifiers as far as known."""

    service: str
    kind: str
    ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """`bucket.objects` and what its methods give: resources of one kind, with the identifiers that all share."""

    service: str
    kind: str
    ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Polled:
    """A paginator or a waiter, and where it was made."""

    service: str
    operation: str
    made: str


@dataclass(frozen=True, slots=True)
class Method:
    """Something's attribute that is called."""

    of: Value
    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the package or, `inside` False, of anywhere else."""

    name: str
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Environment:
    """os.environ."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the package; `bound`: its first parameter is already given. `id` is unique in the package."""

    id: str
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Class:
    id: str


@dataclass(frozen=True, slots=True)
class Instance:
    id: str


Made = Sdk | Client | Resource | Collection | Polled
Value = Text | Unknown | Made | Method | Module | Environment | Function | Class | Instance
Values = frozenset[Value]
NOTHING: Values = frozenset()
ANYTHING: Values = frozenset((Unknown(),))


def carries_aws(value: Value) -> str:
    """The service that whoever gets this value may call; `*` for any, nothing for none."""
    if isinstance(value, Sdk):
        return "*"
    if isinstance(value, (Client, Resource, Polled, Collection)):
        return value.service
    return ""


def one_text(values: Values) -> str:
    """The only text a value may be; nothing where it may be several or something else."""
    texts = {v.value for v in values if isinstance(v, Text)}
    return next(iter(texts)) if len(texts) == 1 and len(values) == 1 else ""


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {k.arg: k.value for k in call.keywords if k.arg}


def literal(node: ast.expr) -> Json:
    """A list or dict of constants as a value; None for all else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
