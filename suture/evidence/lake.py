"""What a role did, from a CloudTrail Lake query: its calls counted in the event data store, a row each kind of call.

Sources: the CloudTrail API reference, GetEventDataStore, StartQuery, GetQueryResults, CancelQuery; the CloudTrail User
Guide, "CloudTrail Lake SQL constraints", "Supported SQL schemas for event data stores" (requestparameters is a map of
texts). The SQL is Trino's: a quotation mark in a text is written twice, and there is no other escape.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.errors import BadInput, CallFailed, Invalid, Throttled
from chalicelib.model import Json

from .trail import EXCLUDABLE, Reading, Trail

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

PATIENCE, PAUSE = 900.0, 2.0
"""Seconds that a query may take, and between two looks at it."""
MOST_ROWS, PAGE = 50_000, 1000
_STORE = re.compile(r"arn:[\w-]+:cloudtrail:([a-z0-9-]+):(\d{12}):eventdatastore/([a-f0-9-]{36})", re.ASCII)
_SERVICES = {
    "AWS::DynamoDB::Table": "dynamodb",
    "AWS::Kinesis::Stream": "kinesis",
    "AWS::Lambda::Function": "lambda",
    "AWS::S3::Object": "s3",
    "AWS::SNS::Topic": "sns",
    "AWS::SQS::Queue": "sqs",
}
"""Types of resource whose data events are all of a service's. CloudTrail User Guide, "Logging data events"."""
_COLUMNS = (
    "eventsource",
    "eventname",
    "awsregion",
    "recipientaccountid",
    "errorcode",
    "eventtype",
    "eventcategory",
    "managementevent",
    "json_format(CAST(requestparameters AS JSON))",
    "json_format(CAST(transform(resources, r -> r.arn) AS JSON))",
)
_NAMES = ("source", "name", "region", "account", "error", "type", "category", "management", "parameters", "arns")


@dataclass(frozen=True, slots=True)
class Lake:
    """The role's calls, and what the store would have shown: `since` when (an ISO date), whether all `management`
    events, and all data events of which services. `notes` say what it cannot show."""

    trail: Trail
    since: str
    management: bool
    services: frozenset[str]
    notes: tuple[str, ...]


def check(store: str) -> None:
    """Raises BadInput where a text is no ARN of an event data store."""
    if not _STORE.fullmatch(store):
        step = "take it from `aws cloudtrail list-event-data-stores`"
        raise BadInput("is no ARN of an event data store", where=store, next_step=step)


def read_lake(
    aws: Clients,
    store: str,
    role: str,
    since: str,
    now: datetime,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Lake:
    """The role's calls since then (an ISO date). Raises CallFailed when the store cannot be queried, BadInput."""
    check(store)
    region, owner, id_ = _STORE.fullmatch(store).groups()  # type: ignore[union-attr]
    there = aws.in_region(region)
    about = there.call("cloudtrail:GetEventDataStore", {"EventDataStore": store})
    start = max(since[:10], *_beginnings(about, now))
    reading = Reading(role, start)
    foreign = {"EventDataStoreOwnerAccountId": owner} if owner != aws.account else {}
    query = str(
        there.call("cloudtrail:StartQuery", {"QueryStatement": sql(id_, role, start, now), **foreign})["QueryId"]
    )
    asked = {"QueryId": query, **foreign}
    for count, row in enumerate(_rows(there, asked, sleep, clock() + PATIENCE, clock)):
        if count >= MOST_ROWS:
            reading.trail.cannot_read(f"more than {MOST_ROWS:,} kinds of calls; the rest was not read")
            break
        _take(reading, row, query)
    return _judged(about, reading.trail, start, region)


def sql(store: str, role: str, since: str, until: datetime) -> str:
    """The query: this role's calls in this time, no others, one row each kind of call."""
    columns = ", ".join(f"{column} AS {name}" for column, name in zip(_COLUMNS, _NAMES, strict=True))
    numbers = ", ".join(str(i + 1) for i in range(len(_COLUMNS)))
    return (
        f"SELECT {columns}, min(eventtime) AS earliest, max(eventtime) AS latest, count(*) AS calls FROM {store} "
        f"WHERE eventtime >= '{since[:10]} 00:00:00' AND eventtime <= '{until:%Y-%m-%d %H:%M:%S}' "
        f"AND useridentity.sessioncontext.sessionissuer.arn = {_quoted(role)} "
        f"GROUP BY {numbers} ORDER BY latest DESC LIMIT {MOST_ROWS + 1}"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _beginnings(about: Mapping[str, Json], now: datetime) -> Iterator[str]:
    """The dates before which the store shows nothing for sure: it was made or changed then, or keeps no longer."""
    for when in (about.get("CreatedTimestamp"), about.get("UpdatedTimestamp")):
        if isinstance(when, datetime):
            yield when.date().isoformat()
    yield (now - timedelta(days=int(about.get("RetentionPeriod") or 0) or 3653)).date().isoformat()


def _rows(
    aws: Clients, asked: Mapping[str, str], sleep: Callable[[float], None], until: float, clock: Callable[[], float]
) -> Iterator[Mapping[str, str]]:
    """All rows of a query, page by page, once it is done. A query that nobody waits for any more is cancelled."""
    token: dict[str, str] = {}
    is_done = False
    try:
        while True:
            answer = aws.call("cloudtrail:GetQueryResults", {**asked, "MaxQueryResults": PAGE, **token})
            status = str(answer["QueryStatus"])
            if status in ("QUEUED", "RUNNING"):
                if clock() >= until:
                    what = f"the query took longer than {PATIENCE:.0f} seconds"
                    raise Throttled(what, operation="cloudtrail:GetQueryResults", next_step="ask for fewer --days")
                sleep(PAUSE)
                continue
            is_done = True
            if status != "FINISHED":
                said = str(answer.get("ErrorMessage") or "no reason given")[:300]
                raise Invalid(f"the query ended {status}: {said}", operation="cloudtrail:GetQueryResults")
            yield from ({k: v for cell in row for k, v in cell.items()} for row in answer.get("QueryResultRows") or ())
            if not answer.get("NextToken") or answer["NextToken"] == token.get("NextToken"):
                return
            token = {"NextToken": str(answer["NextToken"])}
    finally:
        if not is_done:
            _cancel(aws, asked)


def _cancel(aws: Clients, asked: Mapping[str, str]) -> None:
    with suppress(CallFailed):  # it ends by itself, and the first error is the one to tell
        aws.call("cloudtrail:CancelQuery", asked)


def _take(reading: Reading, row: Mapping[str, str], query: str) -> None:
    """One row as the record of its calls, with the issuer that the query asked for."""
    said = {name: row.get(name) if row.get(name) not in ("", "null") else None for name in _NAMES}
    first, last = _time(row.get("earliest")), _time(row.get("latest"))
    calls = row.get("calls") or ""
    if not (said["source"] and said["name"] and first and last and calls.isdigit()):
        reading.trail.cannot_read("a row of the query's answer is not of the form that was asked for")
        return
    issuer = {"type": "Role", "arn": reading.role}
    record = {
        "eventTime": first,
        "eventSource": said["source"],
        "eventName": said["name"],
        "awsRegion": said["region"],
        "recipientAccountId": said["account"],
        "errorCode": said["error"],
        "eventType": said["type"],
        "eventCategory": said["category"],
        "managementEvent": said["management"] != "false",
        "userIdentity": {"type": "AssumedRole", "arn": reading.role, "sessionContext": {"sessionIssuer": issuer}},
        "requestParameters": _parameters(said["parameters"]),
        "resources": [{"ARN": arn} for arn in _json(said["arns"]) or ()],
    }
    reading.take(record, f"query {query}", last, int(calls))


def _parameters(text: str | None) -> Json:
    """Request parameters. What is nested in them is text again, of JSON or of Java: a role in the latter is not taken
    for known, since its name may hold any of Java's separators."""
    found = _json(text)
    if not isinstance(found, dict):
        return None
    nested = {key: _json(value) for key, value in found.items() if isinstance(value, str) and value[:1] in ("{", "[")}
    hides = any(inner is None and ":role/" in found[key] for key, inner in nested.items())
    read = {key: inner for key, inner in nested.items() if inner is not None}
    return {**found, **read, **({"role": "in a parameter that cannot be read"} if hides else {})}


def _json(text: str | None) -> Json:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _time(text: str | None) -> str:
    """`2026-10-01 12:00:00.000` as CloudTrail's own records have it; nothing where it is no time."""
    try:
        return datetime.fromisoformat(str(text)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return ""


def _judged(about: Mapping[str, Json], trail: Trail, start: str, region: str) -> Lake:
    """What the store's selectors say that it would have shown."""
    selectors = [selector.get("FieldSelectors") or () for selector in about.get("AdvancedEventSelectors") or ()]
    whole = [fields for fields in selectors if _is_all_management(fields)]
    services = frozenset(_SERVICES[kind] for fields in selectors if (kind := _all_data(fields)) in _SERVICES)
    if any(len(fields) == 1 for fields in whole):
        services |= frozenset(EXCLUDABLE)
    notes = [f"CloudTrail Lake: {trail.mine:,} calls of this role since {start}."]
    runs = about.get("Status") == "ENABLED"
    if not runs:
        notes.append(f"The event data store is {about.get('Status')}: what it did not take in is not known.")
    if not whole:
        notes.append("The event data store does not take in all management events: what is not in it is not known.")
    if not about.get("MultiRegionEnabled"):
        notes.append(f"The event data store takes in events of {region} only.")
    return Lake(
        trail, start, runs and bool(whole) and not trail.unread, services if runs else frozenset(), tuple(notes)
    )


def _is_all_management(fields: Sequence[Mapping[str, Json]]) -> bool:
    """Management events, less at most those of services that any store may leave out."""
    others = [f for f in fields if f != {"Field": "eventCategory", "Equals": ["Management"]}]
    return len(others) < len(fields) and all(f["Field"] == "eventSource" and f.keys() == _EXCEPT for f in others)


def _all_data(fields: Sequence[Mapping[str, Json]]) -> str:
    """The type of resource of which a selector takes in all data events, if it is so plain."""
    plain = {str(f["Field"]): f["Equals"][0] for f in fields if f.keys() == _JUST and len(f["Equals"]) == 1}
    is_all = len(plain) == len(fields) and plain.keys() == {"eventCategory", "resources.type"}
    return str(plain["resources.type"]) if is_all and plain["eventCategory"] == "Data" else ""


_JUST, _EXCEPT = {"Field", "Equals"}, {"Field", "NotEquals"}
