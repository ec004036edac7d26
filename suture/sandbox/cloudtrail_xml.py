"""The services whose CloudTrail records look like their XML: S3, EC2.

Sources: Amazon S3 User Guide, "CloudTrail events"; Amazon EC2 API Reference, "Logging with CloudTrail"; recorded
events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import xmltodict  # type: ignore[import-untyped]

from . import cloudtrail_tables as tables
from .calls import Call
from .cloudtrail_shapes import lower_first

Json = Any
# Calls that EC2 records as `<Operation>Request` / `<Operation>Response`, in the API's own casing.
_WRAPPED = re.compile(
    "FlowLogs|VpcEndpoint|TransitGateway|SerialConsole|SecurityGroupRules|LaunchTemplate|EbsEncryption|Fleet"
    "|CapacityReservation|ClientVpn|NatGateway|EgressOnly|BlockPublicAccess|MetadataDefaults"
)
_S3_HEADERS = re.compile("x-amz-(acl|grant-.*|object-ownership|bucket-object-lock-enabled)$")


def s3_request(call: Call) -> dict[str, Json]:
    """`requestParameters` of an S3 bucket call: the bucket, the host, the sub-resource, and the body as XML names."""
    bucket = call.parameters.get("Bucket")
    written: dict[str, Json] = {"bucketName": bucket, "Host": f"{bucket}.s3.{call.region}.amazonaws.com"}
    query = urlsplit(call.model.http.get("requestUri", "")).query
    written.update(dict(parse_qsl(query, keep_blank_values=True)))
    written.update({k.lower(): v for k, v in call.request.headers.items() if _S3_HEADERS.match(k.lower())})
    body = call.request.get_data()
    if call.operation == "PutBucketPolicy":
        written["bucketPolicy"] = _json_or_text(body)
    elif body.lstrip().startswith(b"<"):
        written.update(from_xml(body))
    return {k: v for k, v in written.items() if v is not None}


def from_xml(body: bytes) -> dict[str, Json]:
    """XML as CloudTrail turns it into JSON: attributes without a mark, `true` and numbers as themselves."""
    parsed = _plain(xmltodict.parse(body))
    return parsed if isinstance(parsed, dict) else {}


def ec2_request(call: Call) -> dict[str, Json]:
    """`requestParameters` of an EC2 call."""
    if _WRAPPED.search(call.operation):
        inner = _pascal(call.model.input_shape, call.parameters)
        return {f"{call.operation}Request": inner or ""}
    written = _ec2(call.model.input_shape, call.parameters, f"ec2:{call.operation}")
    return _rearranged(call.operation, written)


def ec2_response(call: Call, account: str, parsed: Mapping[str, Json], body: bytes, request_id: str) -> dict[str, Json]:
    """`responseElements` of an EC2 call that went well."""
    output = call.model.output_shape
    if _WRAPPED.search(call.operation):
        (name, inner), *_ = from_xml(body).items()
        empty = {"unsuccessful": ""} if output is not None and "Unsuccessful" in output.members else {}
        return {name: {**empty, **(inner or {})}}
    written = {k: v for k, v in _ec2(call.model.output_shape, parsed, f"ec2:{call.operation}").items() if v != {}}
    if "return" in written:
        written["_return"] = written.pop("return")
    elif output is None or "Return" in output.members:
        written["_return"] = True
    for rule in written.get("securityGroupRuleSet", {}).get("items", []):
        rule.setdefault("groupOwnerId", account)
    return {"requestId": request_id, **written}


def _plain(node: Json) -> Json:
    if isinstance(node, dict):
        return {k.lstrip("@#"): _plain(v) for k, v in node.items() if not k.startswith("@xmlns:") and k != "@xsi:type"}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if node is None:
        return ""
    if node in ("true", "false"):
        return node == "true"
    return int(node) if re.fullmatch(r"[1-9]\d{0,8}|0", node) else node


def _json_or_text(body: bytes) -> Json:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _ec2(shape: Any, value: Mapping[str, Json] | None, name: str) -> dict[str, Json]:
    if shape is None or not value:
        return {}
    masks = {**tables.MASKED["*"], **tables.MASKED.get(name, {})}
    written: dict[str, Json] = {}
    for member, inner in shape.members.items():
        if value.get(member) is None:
            continue
        key = lower_first(inner.serialization.get("name") or member)
        written[key] = masks.get(member) or _ec2_value(inner, value[member], name)
    return written


def _ec2_value(shape: Any, value: Json, name: str) -> Json:
    if shape.type_name == "structure":
        return _ec2(shape, value, name)
    if shape.type_name == "list":
        items = [_ec2_value(shape.member, item, name) for item in value]
        return {"items": [_without_empty(item) for item in items]} if items else {}
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def _without_empty(item: Json) -> Json:
    return {k: v for k, v in item.items() if v not in ({}, "")} if isinstance(item, dict) else item


def _pascal(shape: Any, value: Mapping[str, Json] | None) -> dict[str, Json]:
    written: dict[str, Json] = {}
    for member, inner in shape.members.items() if shape is not None else ():
        if not value or value.get(member) is None:
            continue
        key = inner.serialization.get("name") or member
        key = key[:1].upper() + key[1:]
        if inner.type_name == "list":
            items = [_tagged(inner.member, item, i + 1) for i, item in enumerate(value[member])]
            written[key] = items[0] if len(items) == 1 else items
        else:
            written[key] = _pascal(inner, value[member]) if inner.type_name == "structure" else value[member]
    return written


def _tagged(shape: Any, item: Json, place: int) -> Json:
    if shape.type_name == "structure":
        return {**_pascal(shape, item), "tag": place}
    return {"content": item, "tag": place}


def _rearranged(operation: str, written: dict[str, Json]) -> dict[str, Json]:
    """The request members that EC2 records under other names than its API gives them."""
    out = dict(written)
    if "attribute" in out:
        out["attributeType"] = out.pop("attribute")
    if operation in {"StartInstances", "StopInstances", "TerminateInstances", "RebootInstances"}:
        ids = out.pop("instanceId", {}).get("items", [])
        out["instancesSet"] = {"items": [{"instanceId": one} for one in ids]}
    if operation == "RunInstances":
        first = {k: out.pop(k) for k in ("imageId", "minCount", "maxCount", "keyName") if k in out}
        groups = out.pop("securityGroupId", {}).get("items", [])
        out["instancesSet"] = {"items": [first]}
        if groups:
            out["groupSet"] = {"items": [{"groupId": one} for one in groups]}
        out.setdefault("blockDeviceMapping", {})
        out.setdefault("monitoring", {"enabled": False})
        for flag in ("disableApiTermination", "disableApiStop"):
            out.setdefault(flag, False)
    if operation in {"CreateTags", "DeleteTags"}:
        ids = out.pop("resourceId", {}).get("items", [])
        out["resourcesSet"] = {"items": [{"resourceId": one} for one in ids]}
        out["tagSet"] = out.pop("tag", {})
    for item in out.get("ipPermissions", {}).get("items", []):
        for name in ("groups", "ipRanges", "ipv6Ranges", "prefixListIds"):
            item.setdefault(name, {})
    return out
