"""A scan as SARIF 2.1.0 (OASIS "Static Analysis Results Interchange Format", 27 March 2020).

A cloud resource is no file, so that a result's place is a logical location named by its ARN.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from chalicelib.controls import Control
from chalicelib.model import Json

from .scan import Blind, Found, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}


def sarif(report: Report, controls: Mapping[str, Control], version: str) -> dict[str, Json]:
    """The SARIF log of one scan. `controls` are those that were judged; a blind spot is a notification."""
    ids = sorted(controls)
    return log(
        version,
        rules=[_rule(i, controls[i]) for i in ids],
        results=[_result(f, ids) for f in report.findings],
        notifications=[_notification(b) for b in report.blind],
        properties={"account": report.account, "regions": list(report.regions)},
    )


def log(
    version: str, *, rules: list[Json], results: list[Json], notifications: list[Json], properties: dict[str, Json]
) -> dict[str, Json]:
    """A log of one run; a notification says that something could not be looked at."""
    run = {
        "tool": {"driver": {"name": "Suture", "version": version, "rules": rules}},
        "invocations": [
            {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications},
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": properties,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(control_id: str, control: Control) -> dict[str, Json]:
    rule = {
        "id": control_id,
        "name": "".join(word.capitalize() for word in control_id.split("-")),
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.why},
        "help": {"text": control.why},
        "defaultConfiguration": {"level": _LEVELS.get(control.severity, "warning")},
        "properties": {
            "tags": sorted({"security", control.pillar}),
            "security-severity": _SCORES.get(control.severity, "5.5"),
            "peers": list(control.peers),
        },
    }
    return {**rule, "helpUri": control.references[0]} if control.references else rule


def _result(found: Found, ids: list[str]) -> dict[str, Json]:
    finding = found.finding
    planned = {"plan": found.plan.as_json()} if found.plan else {}
    return {
        "ruleId": finding.control,
        "ruleIndex": ids.index(finding.control),
        "level": _LEVELS.get(finding.severity, "warning"),
        "message": {"text": finding.title},
        "locations": [{"logicalLocations": [_place(finding.arn, found.resource_id)]}],
        "partialFingerprints": {"suture/v1": _fingerprint(finding.control, finding.arn)},
        "properties": {
            "severity": finding.severity,
            "resourceType": found.resource_type,
            "account": found.account,
            "region": found.region,
            "evidence": list(finding.evidence),
            **planned,
        },
    }


def _notification(blind: Blind) -> dict[str, Json]:
    where = blind.resource_id or f"all of {blind.resource_type}"
    return {
        "level": "error",
        "message": {"text": f"{where} in {blind.region}: {blind.what}"},
        "locations": [{"logicalLocations": [_place(f"{blind.region}/{blind.resource_type}/{where}", where)]}],
    }


def _place(full: str, name: str) -> dict[str, str]:
    return {"name": name, "fullyQualifiedName": full, "kind": "resource"}


def _fingerprint(control: str, arn: str) -> str:
    return hashlib.sha256(f"{control}|{arn}".encode("utf-8", "surrogatepass")).hexdigest()
