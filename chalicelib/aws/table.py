"""The one DynamoDB table, spoken to in plain strings and numbers. Conditions that fail become `Conflict`.

An item's leading key says what kind it is, and each function's role may write only its kinds (`dynamodb:LeadingKeys`):
CASE RES COUNT by those who detect and those who write; JOURNAL LEASE by writers; APPROVAL SWITCH SUPPRESSION by
`chat` (and CASE, to record a decision, and ACTIVITY, so that it takes one once); MESSAGE, where a message stands, by
`notify`; ANCHOR by the sweep; FAILURE, why a message failed, by whoever a queue wakes; BEAT by the sweep and `watch`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import CallFailed, Conflict, Throttled
from ..model import Json, canonical
from .clients import Clients

Item = Mapping[str, Json]
"""An item as plain values: str, int, or a list of str."""

_LOST = frozenset({"ConditionalCheckFailedException", "TransactionConflictException", "TransactionInProgressException"})
_RACES = ("ConditionalCheckFailed", "TransactionConflict")
_CANCELLED = "TransactionCanceledException"


class Table:
    def __init__(self, clients: Clients, name: str) -> None:
        self._clients, self.name = clients, name

    def get(self, pk: str, sk: str) -> Item | None:
        """One item, read strongly consistent, or None."""
        answer = self._call("GetItem", {"Key": _key(pk, sk), "ConsistentRead": True})
        return _plain(answer["Item"]) if answer.get("Item") else None

    def query(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """All items of one partition whose sort key begins with `prefix`, in order, read strongly consistent."""
        names, values = {"#p": "pk", "#s": "sk"}, {":p": _typed(pk), ":s": _typed(prefix)}
        condition = "#p = :p AND begins_with(#s, :s)" if prefix else "#p = :p"
        if not prefix:
            names.pop("#s"), values.pop(":s")
        yield from self._pages(
            {
                "KeyConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
                "ConsistentRead": True,
            }
        )

    def by_state(self, state: str, since: str = "") -> Iterator[Item]:
        """All case heads in one state that changed after `since` (ISO 8601), oldest change first, as far as the index
        knows: it is eventually consistent, as every index is."""
        yield from self._pages(
            {
                "IndexName": "by_state",
                "KeyConditionExpression": "#s = :s AND #u > :u",
                "ExpressionAttributeNames": {"#s": "state", "#u": "updated"},
                "ExpressionAttributeValues": {":s": _typed(state), ":u": _typed(since or "0")},
            }
        )

    def put(self, item: Item, *, is_new: bool = False, version: int | None = None) -> None:
        """Write one item; when asked, only a new one, or only over that version. Raises Conflict."""
        self._call("PutItem", _put(item, is_new, version))

    def update(self, pk: str, sk: str, changes: Update) -> Item:
        """Update one item and answer with it as it is afterwards. Raises Conflict."""
        answer = self._call("UpdateItem", {**changes.request(pk, sk), "ReturnValues": "ALL_NEW"})
        return _plain(answer.get("Attributes", {}))

    def write(self, *parts: Mapping[str, Json]) -> None:
        """All parts or none, in one transaction; the `part_…` functions make them. Raises Conflict."""
        named = [{kind: {**body, "TableName": self.name} for kind, body in part.items()} for part in parts]
        try:
            self._clients.call("dynamodb:TransactWriteItems", {"TransactItems": named})
        except CallFailed as error:
            raise _lost_or(error) from error

    def _pages(self, request: Mapping[str, Any]) -> Iterator[Item]:
        start: Mapping[str, Any] = {}
        while True:
            answer = self._call("Query", {**request, **start})
            yield from map(_plain, answer.get("Items", ()))
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _call(self, api: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._clients.call(f"dynamodb:{api}", {**request, "TableName": self.name})
        except CallFailed as error:
            raise _lost_or(error) from error


class Update:
    """An update expression, built name by name; attribute names may hold any character."""

    def __init__(self) -> None:
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._adds: list[str] = []
        self._conditions: list[str] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def set(self, name: str, value: Json) -> Update:
        self._sets.append(f"{self._name(name)} = {self._value(value)}")
        return self

    def add(self, name: str, number: int) -> Update:
        self._adds.append(f"{self._name(name)} {self._value(number)}")
        return self

    def remove(self, name: str) -> Update:
        self._removes.append(self._name(name))
        return self

    def if_absent(self, name: str, or_equal: str | None = None) -> Update:
        place = self._name(name)
        other = f" OR {place} = {self._value(or_equal)}" if or_equal is not None else ""
        self._conditions.append(f"(attribute_not_exists({place}){other})")
        return self

    def if_free(self, until: str, now: str, owner: str, me: str) -> Update:
        """Nobody holds it, its time is over, or it is mine already: then an answer was lost on the way to me."""
        place, whose = self._name(until), self._name(owner)
        free = f"attribute_not_exists({place}) OR {place} < {self._value(now)}"
        self._conditions.append(f"({free} OR {whose} = {self._value(me)})")
        return self

    def if_equal(self, name: str, value: Json) -> Update:
        self._conditions.append(f"{self._name(name)} = {self._value(value)}")
        return self

    def request(self, pk: str, sk: str) -> dict[str, Any]:
        """The request's body, less the table's name."""
        clauses = (("SET", self._sets), ("REMOVE", self._removes), ("ADD", self._adds))
        body: dict[str, Any] = {
            "Key": _key(pk, sk),
            "UpdateExpression": " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses if parts),
        }
        if self._conditions:
            body["ConditionExpression"] = " AND ".join(self._conditions)
        if self._names:
            body["ExpressionAttributeNames"] = self._names
        if self._values:
            body["ExpressionAttributeValues"] = self._values
        return body

    def _name(self, name: str) -> str:
        token = f"#n{len(self._names)}"
        known = next((t for t, n in self._names.items() if n == name), None)
        if known is None:
            self._names[token] = name
        return known or token

    def _value(self, value: Json) -> str:
        token = f":v{len(self._values)}"
        self._values[token] = _typed(value)
        return token


def part_put(
    item: Item, *, is_new: bool = False, version: int | None = None, unexpired: str = ""
) -> Mapping[str, Json]:
    """`unexpired` is a time: the item that is there must expire after it."""
    request = _put(item, is_new, version)
    if unexpired:
        request["ConditionExpression"] += " AND (attribute_not_exists(#expires) OR #expires > :now)"
        request["ExpressionAttributeNames"]["#expires"] = "expires"
        request["ExpressionAttributeValues"][":now"] = _typed(unexpired)
    return {"Put": request}


def part_update(pk: str, sk: str, changes: Update) -> Mapping[str, Json]:
    return {"Update": changes.request(pk, sk)}


def part_check(pk: str, sk: str, condition: str, names: Mapping[str, str], values: Item) -> Mapping[str, Json]:
    body = {"Key": _key(pk, sk), "ConditionExpression": condition, "ExpressionAttributeNames": dict(names)}
    return {"ConditionCheck": {**body, "ExpressionAttributeValues": {k: _typed(v) for k, v in values.items()}}}


def body(data: Json) -> str:
    """JSON for a `body` attribute."""
    return canonical(data)


def unbody(item: Item) -> Json:
    return json.loads(item["body"])


def _put(item: Item, is_new: bool, version: int | None) -> dict[str, Any]:
    request: dict[str, Any] = {"Item": {k: _typed(v) for k, v in item.items()}}
    if is_new:
        request["ConditionExpression"] = "attribute_not_exists(pk)"
    if version is not None:
        request["ConditionExpression"] = "#version = :version"
        request["ExpressionAttributeNames"] = {"#version": "version"}
        request["ExpressionAttributeValues"] = {":version": _typed(version)}
    return request


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _typed(value: Json) -> dict[str, Any]:
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {"L": [_typed(v) for v in value]}
    return {"S": value}


def _plain(item: Mapping[str, Mapping[str, Any]]) -> Item:
    return {name: _untyped(value) for name, value in item.items()}


def _untyped(value: Mapping[str, Any]) -> Json:
    if "N" in value:
        return int(value["N"])
    if "L" in value:
        return [_untyped(v) for v in value["L"]]
    return value.get("S", "")


def _lost_or(error: CallFailed) -> Exception:
    cancelled = error.code == _CANCELLED
    if error.code in _LOST or (cancelled and any(reason in error.what for reason in _RACES)):
        return Conflict("another writer was first", where=error.operation, next_step="read again and decide again")
    if cancelled and "Throttl" in error.what:
        return Throttled(error.what, operation=error.operation, code=error.code)
    return error
