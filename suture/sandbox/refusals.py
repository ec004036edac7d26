"""An AWS error answer in a call's own wire protocol, such that every SDK reads its code.

Sources: Smithy's AWS protocol pages (awsQuery, ec2Query, awsJson, restJson1, restXml) for the form; "Common
errors" of each service's API reference for the codes.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .calls import Call

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_DATED = re.compile(r"/\d{4}-\d{2}-\d{2}/")
_INVALID_TOKEN = "The security token included in the request is invalid."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole HTTP answer that refuses a call; `code` and `message` as a client reads them."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    code: str
    message: str


def unknown_key(call: Call) -> Refusal:
    """The key id is nobody's, or the session token does not belong to it."""
    if call.service == "s3":
        text = "The AWS Access Key Id you provided does not exist in our records."
        return failure(call, "InvalidAccessKeyId", text, 403)
    if call.protocol == "ec2":
        return failure(call, "AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    plain = _is_json(call.protocol) and "awsQueryCompatible" not in call.service_model.metadata
    code = "UnrecognizedClientException" if plain else "InvalidClientTokenId"
    return failure(call, code, _INVALID_TOKEN, 403)


def missing_credentials(call: Call) -> Refusal:
    """The request is not signed at all. Then nothing names the service but the request's form."""
    kind = str(call.request.content_type or "")
    if "x-amz-json" in kind or _DATED.match(call.path):
        protocol = "json" if "x-amz-json" in kind else "rest-json"
        text = "Missing Authentication Token"
        return failure(call, "MissingAuthenticationTokenException", text, 403, protocol)
    if kind.startswith("application/x-www-form-urlencoded"):
        text = "Request is missing Authentication Token"
        return failure(call, "MissingAuthenticationToken", text, 403, "query")
    return failure(call, "AccessDenied", "Access Denied", 403)


def incomplete_signature(call: Call) -> Refusal:
    """The Authorization header does not say who signed for which service. Only the request's form names a protocol."""
    text = "Authorization header requires 'Credential' parameter, scoped to a service that exists."
    if "x-amz-json" in str(call.request.content_type or ""):
        return failure(call, "IncompleteSignatureException", text, 400, "json")
    return failure(call, "IncompleteSignature", text, 400, "query")


def access_denied(call: Call, principal: str, reason: str) -> Refusal:
    """The caller is known and may not."""
    message = f"User: {principal} is not authorized to perform: {reason}"
    if call.protocol == "ec2":
        return failure(
            call, "UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403
        )
    if not _is_json(call.protocol) or "awsQueryCompatible" in call.service_model.metadata:
        return failure(call, "AccessDenied", message, 403)
    return failure(call, "AccessDeniedException", message, 400 if call.protocol == "json" else 403)


def failure(call: Call, code: str, message: str, status: int, protocol: str = "") -> Refusal:
    """`code` and `message` as an answer to `call` in its own protocol, or in the given one."""
    request_id = str(uuid.uuid4())
    kind, body, extra = _form(call, protocol or _protocol(call), code, message, request_id)
    payload = b"" if call.request.method == "HEAD" else body.encode()
    headers = (
        ("Content-Type", kind),
        ("Content-Length", str(len(payload))),
        ("x-amzn-RequestId", request_id),
        *extra,
    )
    return Refusal(status, headers, payload, code, message)


def _form(
    call: Call, protocol: str, code: str, message: str, request_id: str
) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    if not _is_json(protocol):
        return "text/xml", _xml(protocol, code, escape(message), request_id), ()
    if protocol == "rest-json":
        return "application/json", json.dumps({"message": message}), (("x-amzn-ErrorType", code),)
    compatible = "awsQueryCompatible" in call.service_model.metadata
    extra = (("x-amzn-query-error", f"{code};Sender"),) if compatible else ()
    return "application/x-amz-json-1.0", json.dumps({"__type": code, "message": message}), extra


def _xml(protocol: str, code: str, message: str, request_id: str) -> str:
    fault = f"<Code>{code}</Code><Message>{message}</Message>"
    if protocol == "s3":
        return f"{_XML}<Error>{fault}<RequestId>{request_id}</RequestId></Error>"
    if protocol == "ec2":
        return f"{_XML}<Response><Errors><Error>{fault}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    return (
        f"{_XML}<ErrorResponse><Error><Type>Sender</Type>{fault}</Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    )


def _protocol(call: Call) -> str:
    return "s3" if call.service == "s3" else call.protocol


def _is_json(protocol: str) -> bool:
    return "json" in protocol or "cbor" in protocol
