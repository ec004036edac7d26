"""CloudTrail: the event history, LookupEvents.

moto keeps no events. Here whoever makes records (the sandbox's CloudTrail, a test) puts them down with `put_down`.
AWS: CloudTrail API Reference, LookupEvents: one attribute, newest first, 50 a page.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.cloudtrail.responses import CloudTrailResponse

from .patching import instead

KEPT = 10_000
PAGE = 50
_FIELDS = {"EventName": "eventName", "EventId": "eventID", "EventSource": "eventSource"}


def mend() -> None:
    instead(CloudTrailResponse, "lookup_events")(_lookup)


def put_down(detail: Mapping[str, Any]) -> None:
    """Keep one CloudTrail record in the history of its account and region."""
    _history(cloudtrail_backends[detail["recipientAccountId"]][detail["awsRegion"]]).appendleft(dict(detail))


def _history(backend: Any) -> deque[dict[str, Any]]:
    kept: deque[dict[str, Any]] = backend.__dict__.setdefault("suture_history", deque(maxlen=KEPT))
    return kept


def _lookup(self: Any) -> str:
    asked = json.loads(self.body or "{}")
    begin, end = float(asked.get("StartTime") or 0), float(asked.get("EndTime") or 1e12)
    found = [e for e in _history(self.cloudtrail_backend) if begin <= _at(e) <= end and _has(e, asked)]
    start, size = int(asked.get("NextToken") or 0), min(int(asked.get("MaxResults") or PAGE), PAGE)
    more = {"NextToken": str(start + size)} if len(found) > start + size else {}
    return json.dumps({"Events": [_event(e) for e in found[start : start + size]], **more})


def _has(detail: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    for attribute in asked.get("LookupAttributes") or ():
        name, value = attribute["AttributeKey"], attribute["AttributeValue"]
        if name == "ReadOnly":
            given = "true" if detail.get("readOnly") else "false"
        else:
            given = str(detail.get(_FIELDS.get(name, ""), ""))
        if given != value:
            return False
    return True


def _event(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "EventId": detail["eventID"],
        "EventName": detail["eventName"],
        "ReadOnly": "true" if detail.get("readOnly") else "false",
        "EventTime": _at(detail),
        "EventSource": detail["eventSource"],
        "Resources": [],
        "CloudTrailEvent": json.dumps(detail),
    }


def _at(detail: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(str(detail["eventTime"])).timestamp()
