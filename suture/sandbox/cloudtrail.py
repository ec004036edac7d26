"""CloudTrail: what one call becomes on the default event bus.

Source of the record: CloudTrail User Guide, "CloudTrail record contents for management events"; of the envelope:
EventBridge User Guide, "Events from AWS services delivered via CloudTrail".
"""

from __future__ import annotations

import json
import re
import urllib.parse
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.parsers import create_parser

from . import cloudtrail_gateway, cloudtrail_lambda, cloudtrail_xml
from . import cloudtrail_tables as tables
from .calls import Call
from .cloudtrail_shapes import recorded
from .front import Exchange

Json = Any
_REQUEST_ID = re.compile(rb"<[Rr]equestI[dD]>([^<]+)<")
_KEEPS_DENIED_REQUEST = frozenset({"ec2", "s3"})


def events(exchange: Exchange) -> list[dict[str, Json]]:
    """The EventBridge envelopes of one call, in order: none for a read, one for a write, and one more for each
    resource that a CloudFormation call touched."""
    call = exchange.call
    if not tables.delivered(call.service, call.operation):
        return []
    detail = record(exchange)
    event = envelope(detail)
    if call.service != "cloudformation" or exchange.answer.status >= 300:
        return [event]
    from . import cloudtrail_stacks  # loads moto's CloudFormation: a second that only its callers pay

    return [event, *(envelope(one) for one in cloudtrail_stacks.records(exchange, detail))]


def envelope(detail: dict[str, Json]) -> dict[str, Json]:
    """A CloudTrail record as EventBridge delivers it."""
    source = str(detail["eventSource"]).split(".", 1)[0]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{source}",
        "account": detail["recipientAccountId"],
        "time": detail["eventTime"],
        "region": detail["awsRegion"],
        "resources": [],
        "detail": detail,
    }


def record(exchange: Exchange) -> dict[str, Json]:
    """The CloudTrail record of one call."""
    call, answer = exchange.call, exchange.answer
    parsed = _parsed(exchange)
    failed = answer.status >= 300
    request_id = _request_id(exchange)
    region = "us-east-1" if call.service in tables.GLOBAL else call.region
    detail: dict[str, Json] = {
        "eventVersion": "1.10",
        "userIdentity": exchange.identity.as_cloudtrail(),
        "eventTime": exchange.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": event_source(call),
        "eventName": tables.EVENT_NAMES.get(call.name, call.operation),
        "awsRegion": region,
        "sourceIPAddress": call.source_ip,
        "userAgent": call.user_agent,
        **(_error(exchange, parsed) if failed else {}),
        "requestParameters": _request(exchange),
        "responseElements": None if failed else _response(exchange, parsed, request_id),
        "requestID": request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": tables.read_only(call.service, call.operation),
        **_resources(exchange),
        "eventType": "AwsApiCall",
        **({"apiVersion": tables.API_VERSIONS[call.service]} if call.service in tables.API_VERSIONS else {}),
        "managementEvent": True,
        "recipientAccountId": exchange.identity.account,
        "eventCategory": "Management",
        "tlsDetails": _tls(call, region),
    }
    if call.service == "s3":
        detail["additionalEventData"] = _s3_extra(exchange)
    return detail


def event_source(call: Call) -> str:
    """`lambda.amazonaws.com`."""
    name = tables.SOURCES.get(call.service) or str(call.service_model.signing_name)
    return f"{name}.amazonaws.com"


def _parsed(exchange: Exchange) -> Mapping[str, Json]:
    call, answer = exchange.call, exchange.answer
    protocol = call.protocol if not call.protocol.startswith("smithy") else "json"
    answered = {"headers": _Headers(answer.headers), "status_code": answer.status, "body": answer.body}
    try:
        parsed: Mapping[str, Json] = create_parser(protocol).parse(answered, call.model.output_shape)
    except Exception:
        return {}
    return parsed


def _request(exchange: Exchange) -> dict[str, Json] | None:
    call = exchange.call
    if exchange.denied and call.service not in _KEEPS_DENIED_REQUEST:
        return None
    defaults: dict[str, Json] = dict(tables.DEFAULTS.get(call.name, {}))
    if call.service == "s3":
        return cloudtrail_xml.s3_request(call)
    if call.service == "apigateway":
        return cloudtrail_gateway.request(call)
    if call.service == "ec2":
        return {**defaults, **cloudtrail_xml.ec2_request(call)}
    written = {**defaults, **recorded(call.service, call.operation, call.model.input_shape, call.parameters)}
    if call.service == "lambda":
        written.update(cloudtrail_lambda.extra_request(call, exchange.identity.account))
    if call.name == "sqs:CreateQueue":
        written = {tables.QUEUE_SPELLINGS.get(k, k): v for k, v in written.items()}
    return written or None


def _response(exchange: Exchange, parsed: Mapping[str, Json], request_id: str) -> dict[str, Json] | None:
    call = exchange.call
    if call.name in tables.NO_RESPONSE or call.service == "s3":
        return None
    if call.service == "ec2":
        return cloudtrail_xml.ec2_response(call, exchange.identity.account, parsed, exchange.answer.body, request_id)
    written = recorded(call.service, call.operation, call.model.output_shape, parsed)
    if call.service == "apigateway":
        return cloudtrail_gateway.response(call, written)
    if call.service == "iam":
        return _encoded(written) or None
    if call.service == "lambda":
        return cloudtrail_lambda.response(call.operation, written, bool(call.parameters.get("Publish"))) or None
    if call.name == "sts:AssumeRole":
        written.pop("packedPolicySize", None)
    if call.service in tables.UNWRAPPED and len(written) == 1:
        (inner,) = written.values()
        return inner if isinstance(inner, dict) else written
    return written or None


def _encoded(written: dict[str, Json]) -> dict[str, Json]:
    """IAM's answer with the role's trust URL-encoded, as IAM sends it and no parser decodes it."""
    role: Json = written.get("role")
    document = role.get("assumeRolePolicyDocument") if isinstance(role, dict) else None
    if not isinstance(document, str) or document.startswith("%"):
        return written
    encoded = {"assumeRolePolicyDocument": urllib.parse.quote(document, safe="")}
    return {**written, "role": {**dict(role), **encoded}}


def _error(exchange: Exchange, parsed: Mapping[str, Json]) -> dict[str, str]:
    call = exchange.call
    error = parsed.get("Error", {}) or {}
    code, message = str(error.get("Code") or exchange.answer.status), str(error.get("Message") or "")
    if exchange.denied:
        code, message = ("UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"), exchange.reason
    if call.service == "ec2":
        code = f"Client.{code}"
    elif call.service == "iam" and not code.endswith("Exception") and code not in tables.IAM_ERRORS_AS_THEY_ARE:
        code = f"{code}Exception"
    return {"errorCode": code, **({"errorMessage": message} if message else {})}


def _request_id(exchange: Exchange) -> str:
    headers = _Headers(exchange.answer.headers)
    found = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    if found:
        return str(found)
    match = _REQUEST_ID.search(exchange.answer.body)
    return match[1].decode() if match else str(uuid.uuid4())


def _resources(exchange: Exchange) -> dict[str, Json]:
    """The `resources` element of the services that fill it: S3, STS, DynamoDB, KMS, SSM."""
    call, account = exchange.call, exchange.identity.account
    if exchange.denied:
        return {}
    name, kind = "", ""
    if call.service == "s3" and call.parameters.get("Bucket"):
        name, kind = f"arn:aws:s3:::{call.parameters['Bucket']}", "AWS::S3::Bucket"
    elif call.name == "sts:AssumeRole":
        name, kind = str(call.parameters.get("RoleArn", "")), "AWS::IAM::Role"
    elif call.service == "dynamodb" and call.parameters.get("TableName"):
        table = str(call.parameters["TableName"])
        name = table if table.startswith("arn:") else f"arn:aws:dynamodb:{call.region}:{account}:table/{table}"
        kind = "AWS::DynamoDB::Table"
    elif call.service == "kms":
        name, kind = _kms_key(exchange), "AWS::KMS::Key"
    elif call.service == "ssm" and call.operation.endswith(("Parameter", "Parameters")):
        named = [call.parameters["Name"]] if call.parameters.get("Name") else call.parameters.get("Names") or []
        arns = [f"arn:aws:ssm:{call.region}:{account}:parameter/{str(n).lstrip('/')}" for n in named]
        return {"resources": [{"ARN": arn, "accountId": account} for arn in arns]} if arns else {}
    return {"resources": [{"ARN": name, "accountId": account, "type": kind}]} if name else {}


def _kms_key(exchange: Exchange) -> str:
    key = str(exchange.call.parameters.get("KeyId") or "")
    if not key and exchange.call.operation == "CreateKey" and exchange.answer.status < 300:
        key = str(json.loads(exchange.answer.body).get("KeyMetadata", {}).get("Arn", ""))
    if not key or key.startswith("arn:"):
        return key
    return f"arn:aws:kms:{exchange.call.region}:{exchange.identity.account}:{key if '/' in key else 'key/' + key}"


def _tls(call: Call, region: str) -> dict[str, str]:
    name = str(call.service_model.endpoint_prefix)
    host = f"{name}.amazonaws.com" if call.service in tables.GLOBAL else f"{name}.{region}.amazonaws.com"
    return {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": host,
    }


def _s3_extra(exchange: Exchange) -> dict[str, Json]:
    return {
        "SignatureVersion": "SigV4",
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "bytesTransferredIn": len(exchange.call.request.get_data()),
        "AuthenticationMethod": "AuthHeader",
        "bytesTransferredOut": len(exchange.answer.body),
    }


class _Headers(dict[str, str]):
    """Header names in lower case, as botocore's parsers look them up."""

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        super().__init__({name.lower(): value for name, value in pairs})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())
