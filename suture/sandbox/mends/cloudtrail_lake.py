"""CloudTrail Lake: event data stores, and the one form of query that `suture iam narrow` asks.

moto has neither. AWS: CloudTrail API Reference, CreateEventDataStore, GetEventDataStore, StartQuery, GetQueryResults,
CancelQuery; CloudTrail User Guide, "CloudTrail Lake SQL constraints", "Supported SQL schemas for event data stores".
What a store holds is put there with `ingest`; queries of another form are refused as invalid.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from moto.cloudtrail.models import CloudTrailBackend, cloudtrail_backends
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from .patching import instead

_ALL = [{"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
_TEXT = r"'((?:[^']|'')*)'"
_QUERY = re.compile(
    r"SELECT (?P<columns>.+), min\(eventtime\) AS earliest, max\(eventtime\) AS latest, count\(\*\) AS calls "
    rf"FROM (?P<store>[a-f0-9-]{{36}}) WHERE eventtime >= {_TEXT} AND eventtime <= {_TEXT} "
    rf"AND useridentity\.sessioncontext\.sessionissuer\.arn = {_TEXT} "
    r"GROUP BY [\d, ]+ ORDER BY latest DESC LIMIT (?P<most>\d+)"
)
_COLUMN = re.compile(r"(?P<what>\w+|json_format\(.+?\)\)) AS (?P<name>\w+)")
_PAGE = 1000


def ingest(arn: str, records: list[dict[str, Any]], **changes: Any) -> None:
    """Put CloudTrail records into a store, and change what GetEventDataStore says of it."""
    store = cloudtrail_backends[arn.split(":")[4]][arn.split(":")[3]].stores[arn.rpartition("/")[2]]
    store["records"] += records
    store["about"] |= changes


def mend() -> None:
    original = CloudTrailBackend.__init__

    @instead(CloudTrailBackend, "__init__")
    def init(self: Any, region_name: str, account_id: str) -> None:
        original(self, region_name, account_id)
        self.stores, self.queries = {}, {}

    for name, method in (
        ("create_event_data_store", _create),
        ("get_event_data_store", _get),
        ("start_query", _start),
        ("get_query_results", _results),
        ("cancel_query", _cancel),
    ):
        instead(CloudTrailResponse, name)(method)


def _create(self: Any) -> str:
    backend, id_ = self.cloudtrail_backend, str(uuid.uuid4())
    arn = f"arn:{backend.partition}:cloudtrail:{self.region}:{self.current_account}:eventdatastore/{id_}"
    about = {
        "EventDataStoreArn": arn,
        "Name": self._get_param("Name"),
        "Status": "ENABLED",
        "AdvancedEventSelectors": self._get_param("AdvancedEventSelectors") or _ALL,
        "MultiRegionEnabled": self._get_bool_param("MultiRegionEnabled", True),
        "RetentionPeriod": self._get_param("RetentionPeriod") or 366,
        "CreatedTimestamp": time.time(),
        "UpdatedTimestamp": time.time(),
    }
    backend.stores[id_] = {"about": about, "records": []}
    return json.dumps(about)


def _get(self: Any) -> str:
    return json.dumps(_store(self, self._get_param("EventDataStore").rpartition("/")[2])["about"])


def _store(self: Any, id_: str) -> dict[str, Any]:
    if id_ not in self.cloudtrail_backend.stores:
        raise JsonRESTError("EventDataStoreNotFoundException", f"Event data store {id_} does not exist.")
    found: dict[str, Any] = self.cloudtrail_backend.stores[id_]
    return found


def _start(self: Any) -> str:
    statement = self._get_param("QueryStatement")
    asked = _QUERY.fullmatch(statement)
    if not asked:
        raise JsonRESTError("InvalidQueryStatementException", f"The query is invalid: {statement[:200]}")
    query = str(uuid.uuid4())
    rows = _rows(asked, _store(self, asked["store"])["records"])
    self.cloudtrail_backend.queries[query] = {"rows": rows, "looks": 0, "status": "RUNNING"}
    return json.dumps({"QueryId": query})


def _results(self: Any) -> str:
    """A query runs while it is looked at for the first time; a page has as many rows as were asked for."""
    query = self.cloudtrail_backend.queries[self._get_param("QueryId")]
    query["looks"] += 1
    if query["looks"] == 1:
        return json.dumps({"QueryStatus": "RUNNING"})
    start, most = int(self._get_param("NextToken") or 0), self._get_param("MaxQueryResults") or _PAGE
    page = query["rows"][start : start + most]
    more = {"NextToken": f"{start + most:04}"} if start + most < len(query["rows"]) else {}
    return json.dumps({"QueryStatus": "FINISHED", "QueryResultRows": page, **more})


def _cancel(self: Any) -> str:
    query = self._get_param("QueryId")
    self.cloudtrail_backend.queries[query]["status"] = "CANCELLED"
    return json.dumps({"QueryId": query, "QueryStatus": "CANCELLED"})


def _rows(asked: re.Match[str], records: list[dict[str, Any]]) -> list[list[dict[str, str]]]:
    since, until, issuer = (asked[i].replace("''", "'") for i in (3, 4, 5))
    columns = [(c["what"], c["name"]) for c in _COLUMN.finditer(asked["columns"])]
    counted: Counter[tuple[str, ...]] = Counter()
    times: dict[tuple[str, ...], list[str]] = {}
    for record in records:
        when = record["eventTime"].replace("T", " ").removesuffix("Z")
        if since <= when <= until and _issuer(record) == issuer:
            group = tuple(_VALUES[what](record) for what, _ in columns)
            counted[group] += 1
            times.setdefault(group, []).append(f"{when}.000")
    rows = []
    for group, calls in counted.items():
        values = zip((name for _, name in columns), group, strict=True)
        ends = {"earliest": min(times[group]), "latest": max(times[group]), "calls": str(calls)}
        rows.append([{name: value} for name, value in [*values, *ends.items()]])
    return rows[: int(asked["most"])]


def _issuer(record: Mapping[str, Any]) -> str:
    return str(record.get("userIdentity", {}).get("sessionContext", {}).get("sessionIssuer", {}).get("arn", ""))


def _plain(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda record: str(record.get(name) or "")


def _parameters(record: Mapping[str, Any]) -> str:
    """A map of texts: what is nested is JSON text inside."""
    found = record.get("requestParameters")
    if found is None:
        return "null"
    return json.dumps({k: v if isinstance(v, str) else json.dumps(v) for k, v in found.items()})


_VALUES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    **{
        name.lower(): _plain(name)
        for name in (
            "eventSource",
            "eventName",
            "awsRegion",
            "recipientAccountId",
            "errorCode",
            "eventType",
            "eventCategory",
        )
    },
    "managementevent": lambda record: str(record.get("managementEvent", True)).lower(),
    "json_format(CAST(requestparameters AS JSON))": _parameters,
    "json_format(CAST(transform(resources, r -> r.arn) AS JSON))": lambda record: json.dumps(
        [r.get("ARN") for r in record.get("resources") or ()]
    ),
}
