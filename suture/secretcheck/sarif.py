"""A check as SARIF: one rule a kind, a file's line or a function's version as the place, and no value anywhere."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from chalicelib.model import Json
from suture.sarif import log

from .found import Found, Report, ordered

_LEVELS = {"certain": "error", "likely": "error", "possible": "warning"}
_SCORES = {"certain": "8.0", "likely": "8.0", "possible": "5.5"}


def sarif(report: Report, version: str) -> dict[str, Json]:
    """The SARIF log of one check; what could not be read is a notification."""
    found = ordered(report.found)
    kinds = sorted({f.kind for f in found})
    surest = {f.kind: f.confidence for f in reversed(found)}
    return log(
        version,
        rules=[_rule(kind, surest[kind]) for kind in kinds],
        results=[_result(f, kinds) for f in found],
        notifications=[_notification(name, why) for name, why in report.unread.items()],
        properties={"files": report.files, "leftOut": report.left_out},
    )


def _rule(kind: str, confidence: str) -> dict[str, Json]:
    return {
        "id": f"plaintext-{kind}",
        "shortDescription": {"text": f"A {kind} in plain text"},
        "help": {"text": "Move it to a secret store, and rotate it: whoever saw the file or the variable has it."},
        "defaultConfiguration": {"level": _LEVELS[confidence]},
        "properties": {"tags": ["security"], "security-severity": _SCORES[confidence]},
    }


def _result(found: Found, kinds: list[str]) -> dict[str, Json]:
    named = f" as {found.name}" if found.name else ""
    said = f"{found.where} holds a {found.kind}{named} in plain text ({found.confidence}): {found.reason}."
    return {
        "ruleId": f"plaintext-{found.kind}",
        "ruleIndex": kinds.index(found.kind),
        "level": _LEVELS[found.confidence],
        "message": {"text": said},
        "locations": [_place(found.where, found.line)],
        "partialFingerprints": {"suture/v1": _fingerprint(found)},
        "properties": {"confidence": found.confidence, "name": found.name},
    }


def _notification(name: str, why: str) -> dict[str, Json]:
    return {"level": "error", "message": {"text": f"{name}: {why}"}, "locations": [_place(name, 1)]}


def _place(where: str, line: int) -> dict[str, Json]:
    if not line:
        return {"logicalLocations": [{"name": where, "fullyQualifiedName": where, "kind": "resource"}]}
    uri = quote(where.encode("utf-8", "replace"), safe="/!$,;=@+~.-_")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}


def _fingerprint(found: Found) -> str:
    """Of the place and the name, not of the value: a digest of a weak password could be guessed."""
    words = f"{found.kind}|{found.where}|{found.name}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
