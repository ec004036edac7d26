"""AWS Config's custom rule: judge the resource that Config asks about, from a fresh read, and answer.

At most 100 evaluations a call and 256 characters an annotation: AWS Config API reference, PutEvaluations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .aws import readers
from .aws.deployment import Deployment
from .controls import controls_for, judge
from .errors import BadEvent, Throttled
from .events import ConfigItem, config_item
from .logs import log
from .model import Json
from .redaction import safe_text

ANNOTATION = 256
EVALUATIONS = 100


def evaluate(d: Deployment, event: Mapping[str, Any]) -> None:
    """Answer one invocation of the rule. Raises CallFailed, so that Config asks again."""
    try:
        item = config_item(event)
    except BadEvent as error:
        return log("error", "a Config event cannot be read", where=error.where, why=error.what)
    if item.is_scheduled:
        return log("info", "ignored", why="scheduled: the sweep looks everywhere")
    put(d, item, [_evaluation(d, item)])
    return None


def put(d: Deployment, item: ConfigItem, evaluations: list[Mapping[str, Json]]) -> None:
    """Send evaluations to AWS Config, at most 100 a call."""
    for start in range(0, len(evaluations), EVALUATIONS):
        part = evaluations[start : start + EVALUATIONS]
        answer = d.clients.call("config:PutEvaluations", {"Evaluations": part, "ResultToken": item.result_token})
        if answer.get("FailedEvaluations"):
            failed = len(answer["FailedEvaluations"])
            raise Throttled(f"Config did not take {failed} evaluations", operation="config:PutEvaluations")


def _evaluation(d: Deployment, item: ConfigItem) -> Mapping[str, Json]:
    kind, why = _compliance(d, item)
    said = {"Annotation": safe_text(why, ANNOTATION)} if why else {}
    return {
        "ComplianceResourceType": item.resource_type,
        "ComplianceResourceId": item.resource_id,
        "ComplianceType": kind,
        "OrderingTimestamp": item.capture_time,
        **said,
    }


def _compliance(d: Deployment, item: ConfigItem) -> tuple[str, str]:
    if item.left_scope or item.deleted or item.change is None:
        return "NOT_APPLICABLE", ""
    change = item.change
    kind, region = change.resource_type, d.home(change.resource_type)
    if change.account != d.account or change.region != region or not controls_for(kind):
        return "NOT_APPLICABLE", ""
    resource = readers.read_at(d.clients, region, kind, change.resource_id)
    if resource is None:
        return "NOT_APPLICABLE", ""
    findings = judge(resource)
    if not findings:
        return "COMPLIANT", ""
    return "NON_COMPLIANT", "; ".join(f"{f.control}: {f.title}" for f in findings)
