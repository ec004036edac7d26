"""DynamoDB: UpdateTable stores SSESpecification; a transaction costs what it touches, and nobody sees half of it.

moto copies the whole table once for each item of a transaction, and lets the requests of other threads in between its
parts: a rollback then takes their writes away too. AWS: DynamoDB API Reference, UpdateTable, SSEDescription;
TransactWriteItems ("either all of them succeed, or all of them fail"); Developer Guide, "DynamoDB Transactions:
How it works" (serializable against each other and against single writes).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from .patching import around

_one_at_a_time = threading.RLock()


def mend() -> None:
    @around(DynamoHandler, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        with _one_at_a_time:
            return original(self)

    # The only tables that this module of moto copies are a transaction's.
    vars(models)["copy"] = SimpleNamespace(
        deepcopy=lambda one: one if isinstance(one, Table) else copy.deepcopy(one),
    )

    @around(models.DynamoDBBackend, "transact_write_items")
    def transact_write_items(original: Any, self: Any, transact_items: list[dict[str, Any]]) -> None:
        undo = [_as_it_is(table, rows) for table, rows in _touched(self, transact_items)]
        try:
            original(self, transact_items)
        except BaseException:
            for restore in undo:
                restore()
            raise

    @around(DynamoHandler, "update_table")
    def update_table(original: Any, self: Any) -> Any:
        asked = self.body.get("SSESpecification")
        if asked is not None:
            table = self.dynamodb_backend.get_table(self.body["TableName"])
            key = asked.get("KMSMasterKeyId") or table._get_default_encryption_key(self.current_account, self.region)
            table.sse_specification = {**asked, "KMSMasterKeyId": key}
        return original(self)


def _touched(backend: Any, transact_items: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, list[Any]]]:
    """Each table of a transaction with the keys of its rows; what names no row is left for moto to refuse."""
    keys: dict[str, tuple[Any, list[Any]]] = {}
    for operation in (one for item in transact_items for one in item.values()):
        with suppress(DynamodbException, KeyError, TypeError, AttributeError):
            table = backend.get_table(operation["TableName"])
            named = operation.get("Key") or operation["Item"]
            names = (table.hash_key_attr, table.range_key_attr)
            row = tuple(DynamoType(named[name]) if name else None for name in names)
            keys.setdefault(table.name, (table, []))[1].append(row)
    yield from keys.values()


def _as_it_is(table: Any, rows: list[Any]) -> Callable[[], None]:
    """Keep these rows of a table and the end of its stream; what is returned brings them back."""
    kept = [(place, key, copy.deepcopy(place(table).get(key))) for place, key in map(_place, rows)]
    shard = table.stream_shard
    records = len(shard.items) if shard is not None else 0

    def restore() -> None:
        for place, key, row in kept:
            if row is None:
                place(table).pop(key, None)
            else:
                place(table)[key] = row
        if shard is not None:
            del shard.items[records:]

    return restore


def _place(row: tuple[Any, Any]) -> tuple[Callable[[Any], Any], Any]:
    """Where a row lies: below its hash key by its range key, or by its hash key alone."""
    hash_key, range_key = row
    if range_key is None:
        return lambda table: table.items, hash_key
    return lambda table: table.items[hash_key], range_key
