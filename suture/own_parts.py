"""Event patterns for changes to Suture's own parts, from the fields in which `chalicelib.defence` looks for them."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.defence import FIELDS, KEY_CALLS, LOG_CALLS, TRAIL_CALLS
from chalicelib.model import Json

from .duties import PREFIX

_KEYS = ("FingerprintKey", "JournalKey", "PageKey", "AuditKey")


def _arn(logical: str) -> Json:
    return {"Fn::GetAtt": [logical, "Arn"]}


_NAMED: Json = [{"wildcard": {"Fn::Sub": f"*{PREFIX}*"}}]
_EXACTLY: Mapping[tuple[str, str], Json] = {
    ("iam", "policyArn"): [{"Ref": "Boundary"}],
    ("dynamodb", "tableName"): [{"Ref": "CaseTable"}, _arn("CaseTable")],
    ("dynamodb", "resourceArn"): [_arn("CaseTable")],
    ("kms", "keyId"): [*({"Ref": key} for key in _KEYS), *map(_arn, _KEYS)],
    ("kms", "targetKeyId"): [*({"Ref": key} for key in _KEYS), *map(_arn, _KEYS)],
    ("s3", "bucketName"): [{"Ref": "AuditBucket"}],
    ("apigateway", "restApiId"): [{"Ref": "RestAPI"}],
}
"""Parts without a name of ours. The others begin with `suture-<stage>-`, at the end of an ARN or address."""

PARTS: Json = {
    "Fn::Join": [
        "|",
        [
            {"Ref": "CaseTable"},
            _arn("CaseTable"),
            *({"Ref": key} for key in _KEYS),
            *map(_arn, _KEYS),
            {"Ref": "AuditBucket"},
            {"Ref": "RestAPI"},
            {"Ref": "Boundary"},
        ],
    ]
}
"""The value of `OWN_PARTS`: what `watch` must know to recognise them."""


def own_patterns() -> dict[str, Json]:
    """One pattern a service, by a name for its rule; and one for calls about any trail, which could make us deaf."""
    found = {service.capitalize(): _of(service, fields) for service, fields in sorted(FIELDS.items())}
    trails = {"eventName": list(TRAIL_CALLS), "errorCode": [{"exists": False}]}
    return {**found, "Trails": _pattern("cloudtrail", trails)}


def _of(service: str, fields: tuple[str, ...]) -> Json:
    ways: list[Json] = [{"requestParameters": {f: _EXACTLY.get((service, f), _NAMED)}} for f in fields]
    if service == "lambda":
        ways.append({"responseElements": {"functionArn": _NAMED}})
    if service == "kms":
        ways.append({"resources": {"ARN": [*map(_arn, _KEYS)]}})
    named = {"kms": KEY_CALLS, "logs": LOG_CALLS}.get(service)
    names = {"eventName": list(named)} if named else {}
    either = ways[0] if len(ways) == 1 else {"$or": ways}
    return _pattern(service, {**names, "readOnly": [False], "errorCode": [{"exists": False}], **either})


def _pattern(service: str, detail: Json) -> Json:
    return {"source": [f"aws.{service}"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}
