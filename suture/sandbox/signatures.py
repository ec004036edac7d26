"""Who signed an HTTP request, by Signature Version 4 worked out again with botocore's own signer.

Sources: "Create a signed AWS API request" in the IAM user guide; API Gateway's own error texts, "Troubleshooting
IAM signature errors".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from suture.sandbox.identity import Identity

SKEW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(r"^AWS4-HMAC-SHA256 +(.*)$")
_PARTS = ("Credential", "SignedHeaders", "Signature")
_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came: `target` is path and query as sent, header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """A principal and what its key signs with."""

    identity: Identity
    secret: str


class NotSigned(Exception):
    """The request is refused; the message and `code` (x-amzn-ErrorType) are what API Gateway answers."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


Find = Callable[[str, str], Signer | None]  # access key id, session token → its principal


def verify(request: Request, find: Find, region: str, service: str, now: datetime) -> Identity:
    """The principal that signed this request. Raises NotSigned."""
    parts = _authorization(request.headers)
    access_key, date, scope_region, scope_service = _scope(parts["Credential"])
    signer = find(access_key, request.headers.get("x-amz-security-token", ""))
    if signer is None:
        raise NotSigned("The security token included in the request is invalid.", "UnrecognizedClientException")
    if (scope_region, scope_service) != (region, service):
        raise _invalid(f"Credential should be scoped to a valid region and to service: '{service}'.")
    _check_time(request.headers.get("x-amz-date", ""), date, now)
    signed = parts["SignedHeaders"].split(";")
    required = [name for name in request.headers if name == "host" or name.startswith("x-amz-")]
    unsigned = [name for name in ("host", *required) if name not in signed]
    if unsigned:
        raise _invalid(f"'{unsigned[0]}' must be a 'SignedHeader' in the AWS Authorization.")
    expected = _signature(request, signed, Credentials(access_key, signer.secret), region, service)
    if not hmac.compare_digest(expected, parts["Signature"]) or not _body_as_signed(request):
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )
    return signer.identity


def _authorization(headers: Mapping[str, str]) -> dict[str, str]:
    if "authorization" not in headers:
        raise NotSigned("Missing Authentication Token", "MissingAuthenticationTokenException")
    found = _AUTHORIZATION.match(headers["authorization"])
    pairs = (piece.strip().partition("=") for piece in found[1].split(",")) if found else ()
    parts = {name: value for name, _, value in pairs}
    missing = [f"Authorization header requires '{name}' parameter." for name in _PARTS if not parts.get(name)]
    if missing:
        raise NotSigned(" ".join(missing), "IncompleteSignatureException")
    return parts


def _scope(credential: str) -> tuple[str, str, str, str]:
    pieces = credential.split("/")
    if len(pieces) != 5 or pieces[4] != "aws4_request":
        raise NotSigned(
            f"Credential must have exactly 5 slash-delimited elements, got '{credential}'",
            "IncompleteSignatureException",
        )
    return pieces[0], pieces[1], pieces[2], pieces[3]


def _check_time(stamp: str, scope_date: str, now: datetime) -> None:
    try:
        at = datetime.strptime(stamp, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise NotSigned(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            "IncompleteSignatureException",
        ) from None
    if not stamp.startswith(scope_date):
        raise _invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
    if at < now - SKEW:
        limit = (now - SKEW).strftime(_FORMAT)
        raise _invalid(f"Signature expired: {stamp} is now earlier than {limit} ({now.strftime(_FORMAT)} - 5 min.)")
    if at > now + SKEW:
        limit = (now + SKEW).strftime(_FORMAT)
        raise _invalid(f"Signature not yet current: {stamp} is still later than {limit}")


def _signature(request: Request, signed: list[str], credentials: Credentials, region: str, service: str) -> str:
    headers = {name: value for name, value in request.headers.items() if name in signed}
    # The hash of the body that came, whatever hash the client says it signed.
    headers.pop("x-amz-content-sha256", None)
    aws = AWSRequest(request.method, f"http://{request.headers.get('host', '')}{request.target}", headers, request.body)
    aws.context["timestamp"] = request.headers["x-amz-date"]
    signer = _Signer(credentials, service, region, signed, request)
    return str(signer.signature(signer.string_to_sign(aws, signer.canonical_request(aws)), aws))


class _Signer(SigV4Auth):  # type: ignore[misc]
    """botocore's signer, made to sign the headers that the client signed and the body that came."""

    def __init__(
        self, credentials: Credentials, service: str, region: str, signed: list[str], request: Request
    ) -> None:
        super().__init__(credentials, service, region)
        self._signed, self._request = signed, request

    def headers_to_sign(self, request: AWSRequest) -> Mapping[str, str]:
        return {name: self._request.headers.get(name, "") for name in self._signed}

    def canonical_headers(self, headers_to_sign: Mapping[str, str]) -> str:
        return "\n".join(f"{name}:{self._header_value(headers_to_sign[name])}" for name in sorted(headers_to_sign))

    def signed_headers(self, headers_to_sign: Mapping[str, str]) -> str:
        return ";".join(sorted(headers_to_sign))

    def payload(self, request: AWSRequest) -> str:
        return hashlib.sha256(self._request.body).hexdigest()


def _body_as_signed(request: Request) -> bool:
    claimed = request.headers.get("x-amz-content-sha256")
    return claimed is None or claimed == hashlib.sha256(request.body).hexdigest()


def _invalid(message: str) -> NotSigned:
    return NotSigned(message, "InvalidSignatureException")
