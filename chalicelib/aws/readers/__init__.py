"""Readers: one file a resource type. A reader turns "where to look" into what AWS says now.

A module here defines `TYPE` (as CloudFormation names it), `OPERATIONS` (every catalogued read that it may
make; IAM policies are rendered from it), `read(aws, resource_id) -> Resource | None` (None: it is gone) and
`list_ids(aws) -> Iterator[str]` for the sweep. A type that only leads to others (a managed policy leads to its
roles) defines `lead(aws, resource_id) -> Iterator[tuple[type, id]]` instead of `read` and `list_ids`; one whose events
name it in several ways defines `lead` besides.

What CloudFormation has no type for is named `Suture::<Service>::<What>`, as CloudFormation's own rule for others' types
wants it: no event names it, the sweep alone finds it. It is another sight of an object that has a type already, and
names that as `OBJECT`; `EVERY` says after how many hours the sweep sends one again, where it is not every hour.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType

from ...model import Resource
from ..clients import Aws


@cache
def all_readers() -> Mapping[str, ModuleType]:
    """Every reader by resource type."""
    names = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    return {m.TYPE: m for m in modules}


@cache
def reader_of(resource_type: str) -> ModuleType | None:
    """The reader of one type, without loading the others: a file is named as CloudFormation names its type.

    `AWS::Events::EventBus` is read by `events_event_bus`. None where no reader has that name.
    """
    found = re.fullmatch(r"(?:AWS|Suture)::(\w+)::(\w+)", resource_type)
    name = f"{found[1].lower()}_{re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', found[2]).lower()}" if found else ""
    known = any(m.name == name for m in pkgutil.iter_modules(__path__))
    return importlib.import_module(f"{__name__}.{name}") if known else None


def object_of(resource_type: str) -> str:
    """The type of the AWS object that a resource of this type is: another one, where it is only another sight of it.

    Whoever writes to an object locks it under this type, so that one object has one writer whatever it is read as.
    """
    found: str = getattr(reader_of(resource_type), "OBJECT", resource_type)
    return found


def is_due(resource_type: str, resource_id: str, hour: int) -> bool:
    """Does this hour's sweep send that resource? `hour` counts from any fixed moment.

    A type that is read less often than every hour is spread over its hours by the names of its resources, so that a
    thousand roles do not come at once.
    """
    every: int = getattr(reader_of(resource_type), "EVERY", 1)
    return (hour - zlib.crc32(resource_id.encode())) % every == 0


def read(aws: Aws, resource_type: str, resource_id: str) -> Resource | None:
    """The resource as AWS describes it now, or None when it is gone. Raises a CallFailed."""
    found: Resource | None = _reader(resource_type).read(aws, resource_id)
    return found


def read_at(aws: Aws, region: str, resource_type: str, resource_id: str) -> Resource | None:
    """`read`, with the region that the resource is known by: IAM's home for what is global, whatever `aws` is for."""
    found = read(aws, resource_type, resource_id)
    return found and replace(found, region=region)


def lead(aws: Aws, resource_type: str, resource_id: str) -> Iterator[tuple[str, str]]:
    """The (type, id) of each resource to judge when this one changed: itself, unless its reader says others."""
    reader = reader_of(resource_type)
    if reader is not None and hasattr(reader, "lead"):
        yield from reader.lead(aws, resource_id)
    elif reader is not None:
        yield resource_type, resource_id


def list_ids(aws: Aws, resource_type: str) -> Iterator[str]:
    """The ids of all resources of a type in this account and region, for the sweep."""
    yield from _reader(resource_type).list_ids(aws)


def tags(aws: Aws, resource: Resource) -> Mapping[str, str]:
    """The resource's tags; asked for only when there is a finding, since for some types it is one more call."""
    reader = _reader(resource.type)
    found: Mapping[str, str] = reader.tags(aws, resource.id, resource.arn) if hasattr(reader, "tags") else resource.tags
    return found


def _reader(resource_type: str) -> ModuleType:
    reader = reader_of(resource_type)
    if reader is None:
        raise KeyError(resource_type)
    return reader
