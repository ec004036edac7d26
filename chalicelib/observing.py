"""Has a function taken to its secret, and is it as well as before? Pure functions over AWS's own records.

Reads come from CloudTrail's event history (LookupEvents), health from CloudWatch's metrics of the function. Sources:
CloudTrail User Guide, "CloudTrail record contents for management events"; Lambda Developer Guide, "Types of metrics".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from .model import Json
from .times import moment

Item = Mapping[str, Json]

TOLERANCE = 0.01
"""By so much the share of failed invocations may differ before it counts as risen: one in a hundred is noise."""


def days_before(time: str, days: float) -> str:
    """The moment (ISO 8601, UTC) so many days earlier."""
    return (moment(time) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def secret_reads(
    events: Sequence[Item], role: Item | None, secrets: Sequence[Item], since: str
) -> list[dict[str, Json]]:
    """For each secret how often the role read it since: Name, Reads, First, Last. Failed reads are none."""
    heard = [found for event in events if (found := _read(event, str((role or {}).get("arn"))))]
    answers = []
    for secret in secrets:
        if secret["found"]:
            known = (str(secret["found"]["ARN"]), str(secret["item"]["Secret"]))
            times = sorted(at for id_, at in heard if id_ in known and at >= since)
            first, last = (times[0], times[-1]) if times else ("", "")
            answers.append({"Name": secret["item"]["Name"], "Reads": len(times), "First": first, "Last": last})
    return answers


def _read(event: Item, role: str) -> tuple[str, str] | None:
    """The secret and the time of one successful read by the role; None for any other event."""
    try:
        record = json.loads(str(event.get("CloudTrailEvent") or "{}"))
        issuer = record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
        secret, at = record["requestParameters"]["secretId"], record["eventTime"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    is_ours = record.get("eventName") == "GetSecretValue" and not record.get("errorCode") and issuer == role
    return (str(secret), str(at)) if is_ours else None


def health_queries(function: str) -> list[dict[str, Json]]:
    """GetMetricData's questions for `health`: the sums an hour of a function's errors and invocations."""
    return [
        {
            "Id": name.lower(),
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": name,
                    "Dimensions": [{"Name": "FunctionName", "Value": function}],
                },
                "Period": 3600,
                "Stat": "Sum",
            },
        }
        for name in ("Errors", "Invocations")
    ]


def health(metrics: Sequence[Item], since: str) -> dict[str, Json]:
    """Invocations and Errors Before and After a moment, and whether the share of errors has Risen.

    `metrics` are GetMetricData's results with the ids `errors` and `invocations`, in sums an hour. The hour in which
    the moment lies counts as after it.
    """
    hour = since[:13]
    sides: dict[str, dict[str, float]] = {s: {"Errors": 0, "Invocations": 0} for s in ("Before", "After")}
    for result in metrics:
        name = "Errors" if result["Id"] == "errors" else "Invocations"
        for at, value in _points(result):
            sides["Before" if at[:13] < hour else "After"][name] += value
    risen = _share(sides["After"]) > _share(sides["Before"]) + TOLERANCE
    return {**sides, "Risen": risen}


def _points(result: Item) -> Iterator[tuple[str, float]]:
    for at, value in zip(result.get("Timestamps") or (), result.get("Values") or (), strict=False):
        yield moment(str(at)).strftime("%Y-%m-%dT%H:%M:%SZ"), float(value)


def _share(side: Mapping[str, float]) -> float:
    return side["Errors"] / side["Invocations"] if side["Invocations"] else 0.0


def taken_up(reads: Sequence[Item], well: Item, since: str, now: str, params: Item) -> bool:
    """Every secret was read, long or often enough (`invocations`, or `days`), and no error rate rose."""
    is_read = all(read["Reads"] for read in reads)
    often = well["After"]["Invocations"] >= params["invocations"]
    is_long = moment(now) - moment(since) >= timedelta(days=params["days"])
    return is_read and (often or is_long) and not well["Risen"]
