"""What calling a boto3 object's method does: which API operations, with which parameters."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from chalicelib.model import Json

from . import sdk
from .pyvalues import (
    NOTHING,
    Collection,
    Instance,
    Method,
    Polled,
    Resource,
    Value,
    Values,
    keywords,
    literal,
    one_text,
)
from .values import Client

Texts = Callable[[ast.expr], Values]
Made = tuple[str, str, Mapping[str, Json]]
"""A service, an operation, and parameters."""

_QUIET = frozenset(("exceptions", "meta", "can_paginate", "close", "waiter_names", "get_available_subresources"))
_TRANSFERS = {
    "upload_file": ("PutObject", "AbortMultipartUpload"),
    "upload_fileobj": ("PutObject", "AbortMultipartUpload"),
    "download_file": ("GetObject",),
    "download_fileobj": ("GetObject",),
    "copy": ("CopyObject", "AbortMultipartUpload"),
}
"""boto3's own S3 methods (boto3/s3/inject.py) and the operations they make."""
_PLACES = {
    "upload_file": ("Filename", "Bucket", "Key"),
    "upload_fileobj": ("Fileobj", "Bucket", "Key"),
    "download_file": ("Bucket", "Key", "Filename"),
    "download_fileobj": ("Bucket", "Key", "Fileobj"),
    "copy": ("CopySource", "Bucket", "Key"),
}


_SILENT: Values = frozenset((Instance(""),))
"""Something whose methods call nothing more: a batch writer has been counted as a whole."""


class Unreadable(Exception):
    """Calls of a service that are there and cannot be read; `service` is botocore's name."""

    def __init__(self, service: str, what: str) -> None:
        super().__init__(what)
        self.service, self.what = service, what


def parameters(call: ast.Call, texts: Texts) -> dict[str, Json]:
    """The keyword parameters that are texts, or lists and dicts of constants."""
    found: dict[str, Json] = {}
    for name, node in keywords(call).items():
        value = one_text(texts(node)) or (literal(node) if isinstance(node, (ast.List, ast.Dict)) else None)
        if value:
            found[name] = value
    return found


def of_client(client: Client, name: str, call: ast.Call, texts: Texts, place: str) -> tuple[list[Made], Values]:
    """The operations behind one method of a client, and what it gives. Raises Unreadable."""
    service = client.service
    given = parameters(call, texts)
    if operation := sdk.operations(service).get(name):
        made: list[Made] = [(service, operation, given)]
        return made, NOTHING
    if name in ("get_paginator", "get_waiter"):
        return [], _polled(service, name, call, texts, place)
    if service == "s3" and name in _TRANSFERS:
        return list(_transfer(name, call, texts, {})), NOTHING
    if name == "generate_presigned_post":
        bucket = _argument(call, texts, 0, "Bucket")
        return [(service, "PutObject", {"Bucket": bucket} if bucket else {})], NOTHING
    if name == "generate_presigned_url":
        asked = _argument(call, texts, 0, "ClientMethod")
        if operation := sdk.operations(service).get(asked):
            inner = keywords(call).get("Params") or (call.args[1] if len(call.args) > 1 else None)
            return [(service, operation, _dict_of(inner, texts))], NOTHING
        raise Unreadable(service, "generate_presigned_url for a call that is not named")
    if name in _QUIET:
        return [], NOTHING
    raise Unreadable(service, f"{name} is no method that botocore knows")


def of_polled(polled: Polled, call: ast.Call, texts: Texts) -> list[Made]:
    return [(polled.service, polled.operation, parameters(call, texts))]


def of_resource(owner: Resource, name: str, call: ast.Call, texts: Texts) -> tuple[list[Made], Values]:
    """The operations behind one method of a boto3 resource, and what it gives. Raises Unreadable."""
    service, model = owner.service, _described(owner)
    if action := _named(model.get("actions"), name):
        made: list[Made] = [(service, _operation(action), {**_ids(action, owner), **parameters(call, texts)})]
        return made, _given(service, action)
    if name in ("load", "reload"):
        return list(loading(owner)), NOTHING
    if name in (model.get("has") or {}):
        return [], frozenset((_child(owner, model["has"][name], call, texts),))
    if name.startswith("wait_until_") and (waiter := _named(model.get("waiters"), name.removeprefix("wait_until_"))):
        operation = sdk.waiters(service).get(str(waiter["waiterName"]).lower(), "")
        return [(service, operation, dict(owner.ids))] if operation else [], NOTHING
    if service == "dynamodb" and name == "batch_writer":
        table = dict(owner.ids).get("Name")
        return [(service, "BatchWriteItem", {"RequestItems": {table: []}} if table else {})], _SILENT
    if service == "s3" and name in _TRANSFERS:
        return list(_transfer(name, call, texts, _bucket(owner))), NOTHING
    if name in _QUIET:
        return [], NOTHING
    raise Unreadable(service, f"{name} is no method that boto3's {owner.kind or service} has")


def of_collection(owner: Collection, name: str) -> tuple[list[Made], Values]:
    """Methods of a collection: narrowing it, or an action on all its members."""
    model = _all(owner.service).get(owner.kind, {})
    if action := _named(model.get("batchActions"), name):
        return [(owner.service, _operation(action), _ids(action, owner))], NOTHING
    return [], frozenset((owner,))


def attribute(owner: Resource, name: str) -> tuple[list[Made], Values]:
    """What reading `resource.name` does: a collection lists, a value loads the resource, a method does nothing yet."""
    model = _described(owner)
    if many := _named(model.get("hasMany"), name):
        made: list[Made] = [(owner.service, _operation(many), _ids(many, owner))]
        own = dict(owner.ids)
        pairs = [(str(i["target"]), own.get(i.get("name", ""))) for i in many["resource"].get("identifiers") or ()]
        shared = tuple((target, value) for target, value in pairs if value)
        return made, frozenset((Collection(owner.service, str(many["resource"]["type"]), shared),))
    known = (*(model.get("actions") or ()), *(model.get("has") or ()), *(model.get("waiters") or ()))
    identifiers = [i["name"] for i in model.get("identifiers") or ()]
    if _snake(name) in [_snake(k) for k in identifiers]:
        return [], NOTHING
    single = _named(model.get("has"), name)
    if single and name not in (model.get("has") or {}):
        return list(loading(owner)), frozenset((Resource(owner.service, str(single["resource"]["type"])),))
    is_method = _snake(name) in [_snake(k) for k in known] or name in (*_TRANSFERS, *_QUIET, "load", "reload")
    if is_method or name.startswith("wait_until_") or name == "batch_writer" or not owner.kind:
        return [], frozenset((Method(owner, name),))
    return list(loading(owner)), NOTHING


def loading(owner: Resource) -> Iterator[Made]:
    load = _described(owner).get("load")
    if load:
        yield owner.service, _operation(load), _ids(load, owner)


@cache
def methods(service: str) -> Mapping[str, str]:
    """Every method name of the service's resources with its operation, for receivers that are not known."""
    kinds = [sdk.resource_model(service).get("service", {}), *_all(service).values()]
    found = {_snake(n): _operation(a) for k in kinds for n, a in (k.get("actions") or {}).items()}
    transfers = {n: o[0] for n, o in _TRANSFERS.items()} if service == "s3" else {}
    return {**found, **transfers}


def _polled(service: str, name: str, call: ast.Call, texts: Texts, place: str) -> Values:
    asked = _argument(call, texts, 0, "operation_name" if name == "get_paginator" else "waiter_name")
    known = sdk.operations(service) if name == "get_paginator" else sdk.waiters(service)
    operation = known.get(asked if name == "get_paginator" else asked.replace("_", ""))
    if not operation:
        raise Unreadable(service, f"{name} for something that is not named")
    return frozenset((Polled(service, operation, place),))


def _transfer(name: str, call: ast.Call, texts: Texts, known: Mapping[str, Json]) -> Iterator[Made]:
    names = [n for n in _PLACES[name] if n not in known]
    given: dict[str, Json] = {n: t for n, a in zip(names, call.args, strict=False) if (t := one_text(texts(a)))}
    given |= parameters(call, texts) | dict(known)
    source = given.pop("CopySource", None)
    if isinstance(source, dict) and source.get("Bucket"):
        given["CopySource"] = f"{source['Bucket']}/{source.get('Key') or '*'}"
    elif isinstance(source, str):
        given["CopySource"] = source
    elif name == "copy":
        yield "s3", "GetObject", {}
        yield "s3", "PutObject", given
        return
    for operation in _TRANSFERS[name]:
        yield "s3", operation, given


def _bucket(owner: Resource) -> dict[str, Json]:
    ids = dict(owner.ids)
    found = {"Bucket": ids.get("BucketName") or (ids.get("Name") if owner.kind == "Bucket" else None)}
    key = {"Key": ids.get("Key") or "*"} if owner.kind in ("Object", "ObjectSummary") else {}
    return {k: v for k, v in {**found, **key}.items() if v}


def _argument(call: ast.Call, texts: Texts, place: int, name: str) -> str:
    node = keywords(call).get(name) or (call.args[place] if len(call.args) > place else None)
    return one_text(texts(node)) if node is not None else ""


def _dict_of(node: ast.expr | None, texts: Texts) -> dict[str, Json]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = [(literal(k), one_text(texts(v))) for k, v in zip(node.keys, node.values, strict=True) if k is not None]
    return {k: v for k, v in pairs if isinstance(k, str) and v}


def _described(owner: Resource) -> Mapping[str, Any]:
    return _all(owner.service).get(owner.kind, {}) if owner.kind else _of_service(owner.service)


@cache
def _of_service(service: str) -> Mapping[str, Any]:
    """What the service itself offers: every kind of resource by its identifiers (boto3/resources/model.py)."""
    root = sdk.resource_model(service).get("service", {})
    every = {
        name: {
            "resource": {"type": name, "identifiers": [{"target": i["name"]} for i in kind.get("identifiers") or ()]}
        }
        for name, kind in _all(service).items()
    }
    return {**root, "has": {**every, **(root.get("has") or {})}}


def _all(service: str) -> Mapping[str, Mapping[str, Any]]:
    return dict(sdk.resource_model(service).get("resources", {}))


def _named(table: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """An entry of a model by its Python name (`put_item` for PutItem)."""
    return next((v for k, v in (table or {}).items() if _snake(k) == name), None)


def _snake(name: str) -> str:
    from botocore import xform_name

    return str(xform_name(name))


def _operation(entry: Mapping[str, Any]) -> str:
    return str(entry["request"]["operation"])


def _ids(entry: Mapping[str, Any], owner: Resource | Collection) -> dict[str, Json]:
    """Parameters that the resource fills in from its identifiers; of lists and structures nothing."""
    known = dict(owner.ids)
    pairs = [(p["target"], known.get(p.get("name", ""))) for p in entry["request"].get("params") or ()]
    return {target: value for target, value in pairs if value}


def _given(service: str, action: Mapping[str, Any]) -> Values:
    kind = (action.get("resource") or {}).get("type")
    return frozenset((Resource(service, str(kind)),)) if kind else NOTHING


def _child(owner: Resource, has: Mapping[str, Any], call: ast.Call, texts: Texts) -> Value:
    """`bucket.Object(key)`: identifiers from the parent first, then the arguments in their order."""
    known, named = dict(owner.ids), keywords(call)
    arguments = iter(call.args)
    ids: list[tuple[str, str]] = []
    for one in has["resource"].get("identifiers") or ():
        target = str(one["target"])
        if one.get("source") == "identifier":
            value = known.get(one.get("name", ""), "")
        else:
            node = named.get(_snake(target)) or next(arguments, None)
            value = one_text(texts(node)) if node is not None else ""
        if value:
            ids.append((target, value))
    return Resource(owner.service, str(has["resource"]["type"]), tuple(ids))
