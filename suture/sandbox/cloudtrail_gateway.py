"""API Gateway's way in CloudTrail: the body in `<operation>Input`, `template`, and links in the answer.

Source: API Gateway Developer Guide, "Log Amazon API Gateway API calls using CloudTrail"; recorded events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .calls import Call
from .cloudtrail_shapes import lower_first, recorded

Json = Any
_PLACED = {"uri", "querystring", "header"}


def request(call: Call) -> dict[str, Json]:
    """`requestParameters` of an API Gateway v1 call."""
    written = recorded(call.service, call.operation, call.model.input_shape, call.parameters)
    members = call.model.input_shape.members if call.model.input_shape else {}
    placed = {lower_first(n) for n, shape in members.items() if shape.serialization.get("location") in _PLACED}
    body = {name: value for name, value in written.items() if name not in placed}
    out: dict[str, Json] = {name: value for name, value in written.items() if name in placed}
    if body:
        out[f"{lower_first(call.operation)}Input"] = body
    return {**out, "template": False}


def response(call: Call, written: Mapping[str, Json]) -> dict[str, Json] | None:
    """`responseElements` of one that went well; None (recorded as null) where the answer is empty."""
    if call.operation not in {"CreateStage", "UpdateStage"}:
        return dict(written) or None
    stage = {k: v for k, v in written.items() if v not in ({}, "", None, [])}
    link = {"restApiId": call.parameters.get("restApiId"), "stageName": stage.get("stageName"), "template": False}
    return {
        "cacheClusterStatus": "NOT_AVAILABLE",
        "cacheClusterEnabled": False,
        "tracingEnabled": False,
        "methodSettings": {},
        **stage,
        **{name: dict(link) for name in ("self", "stageUpdate", "stageDelete", "stageFlushAuthorizerCache")},
    }
