"""Has a function taken to its secret, and is it as well as before? Pure functions over AWS's own records.

Reads come from CloudTrail's event history (LookupEvents), health from CloudWatch's metrics of the function. Vaults
outside AWS write no event there, so people say that a function reads one. Sources:
CloudTrail User Guide, "CloudTrail record contents for management events"; Lambda Developer Guide, "Types of metrics".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from .model import Json
from .stores import DEFAULT
from .times import moment

Item = Mapping[str, Json]

TOLERANCE = 0.01
"""By so much the share of failed invocations may differ before it counts as risen: one in a hundred is noise."""


def days_before(time: str, days: float) -> str:
    """The moment (ISO 8601, UTC) so many days earlier."""
    return (moment(time) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def secret_reads(
    events: Sequence[Item], role: Item | None, secrets: Sequence[Item], since: str, store: str = DEFAULT
) -> list[dict[str, Json]]:
    """For each secret how often the role read it since: Name, Reads, First, Last. Failed reads are none, and neither
    are those that do not decrypt.
    """
    heard = [found for event in events for found in _reads(event, str((role or {}).get("arn")), store)]
    answers = []
    for secret in secrets:
        if secret["found"]:
            known = (str(secret["found"].get("ARN") or secret["item"]["Arn"]), str(secret["item"]["Secret"]))
            times = sorted(at for id_, at in heard if id_ in known and at >= since)
            first, last = (times[0], times[-1]) if times else ("", "")
            answers.append({"Name": secret["item"]["Name"], "Reads": len(times), "First": first, "Last": last})
    return answers


def _reads(event: Item, role: str, store: str) -> Iterator[tuple[str, str]]:
    """The secrets and the time of one successful read by the role; nothing for any other event."""
    try:
        record = json.loads(str(event.get("CloudTrailEvent") or "{}"))
        issuer = record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
        asked, at = record["requestParameters"], record["eventTime"]
        secrets = _ASKED[store](str(record.get("eventName")), asked)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return
    if not record.get("errorCode") and issuer == role:
        yield from ((str(secret), str(at)) for secret in secrets)


def _asked_of_secrets_manager(event: str, asked: Item) -> Sequence[Json]:
    return [asked["secretId"]] if event == "GetSecretValue" else []


def _asked_of_parameter_store(event: str, asked: Item) -> Sequence[Json]:
    """Parameters by name or ARN; a version or a label may follow them."""
    given = {"GetParameter": [asked.get("name")], "GetParameters": asked.get("names")}.get(event) or []
    return [_unversioned(str(name)) for name in given] if asked.get("withDecryption") is True else []


def _unversioned(name: str) -> str:
    head, parameter, rest = name.partition(":parameter/")
    return f"{head}{parameter}{rest.partition(':')[0]}" if parameter else name.partition(":")[0]


_ASKED = {"secretsmanager": _asked_of_secrets_manager, "ssm": _asked_of_parameter_store}


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
