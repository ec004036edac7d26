"""What an HTTP request to AWS asks for: the service, the operation, its parameters, and with whose key."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.responses import get_service_model
from moto.core.routing import get_service_router

from . import bodies

# moto's own names for the services whose folder cannot be named as botocore names them.
_BOTO_NAMES: Mapping[str, str] = {
    "acmpca": "acm-pca",
    "applicationautoscaling": "application-autoscaling",
    "awslambda": "lambda",
    "bedrockagent": "bedrock-agent",
    "bedrockruntime": "bedrock-runtime",
    "cognitoidentity": "cognito-identity",
    "cognitoidp": "cognito-idp",
    "ec2instanceconnect": "ec2-instance-connect",
    "emrcontainers": "emr-containers",
    "emrserverless": "emr-serverless",
    "iotdata": "iot-data",
    "networkfirewall": "network-firewall",
    "rdsdata": "rds-data",
    "redshiftdata": "redshift-data",
    "resourcegroups": "resource-groups",
    "s3bucket_path": "s3",
    "servicequotas": "service-quotas",
    "ssoadmin": "sso-admin",
    "vpclattice": "vpc-lattice",
}
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Credential:
    """What a request shows of its signer: the key id, the session token ("" without), the scope it signed for."""

    access_key: str
    token: str
    region: str
    service: str


@dataclass(frozen=True)
class Call:
    """One API call as the server received it. `service` and `operation` are botocore's names; `operation` is ""
    where no model knows the request."""

    service: str
    operation: str
    credential: Credential | None
    region: str
    user_agent: str
    source_ip: str
    host: str
    path: str
    request: Any
    uri_parameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @cached_property
    def service_model(self) -> ServiceModel:
        return get_service_model(self.service)

    @cached_property
    def model(self) -> OperationModel:
        return self.service_model.operation_model(self.operation)

    @cached_property
    def protocol(self) -> str:
        """The wire protocol of this request (`query`, `ec2`, `json`, `rest-json`, `rest-xml`)."""
        try:
            return str(determine_request_protocol(self.service_model, self.request.content_type))
        except NotImplementedError:
            return str(self.service_model.protocol)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters under the API's own names; {} where the request does not parse (moto then answers)."""
        try:
            parser = PROTOCOL_PARSERS[self.protocol](self.model, map_type=dict)
            parsed: Mapping[str, Any] = parser.parse(
                {
                    "method": self.request.method,
                    "values": self.request.values,
                    "headers": self.request.headers,
                    "body": self.request.get_data(),
                    "url_path": self.request.path,
                    "url_params": self.uri_parameters,
                }
            )
        except Exception:
            return {}
        return parsed


def read_call(environ: dict[str, Any], moto_service: str, default_region: str) -> Call:
    """The call in a WSGI request that moto's dispatcher would give to `moto_service`. The body stays readable."""
    buffer_body(environ)
    request = Request(dict(environ, **{"wsgi.input": io.BytesIO(environ["suture.body"])}))
    request.from_wsgi_server = True
    credential = credential_of(environ)
    service = _service(moto_service, request.path, environ["suture.body"])
    operation, uri_parameters = _operation(service, request)
    return Call(
        service=service,
        operation=operation,
        credential=credential,
        region=credential.region if credential else default_region,
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        host=environ.get("HTTP_HOST", ""),
        path=request.path,
        request=request,
        uri_parameters=uri_parameters,
    )


def buffer_body(environ: dict[str, Any]) -> None:
    """Read the request's body once and put it where it can be read again. Raises BadBody."""
    if "suture.body" not in environ:
        environ["suture.body"] = bodies.read(environ)
    environ["wsgi.input"] = io.BytesIO(environ["suture.body"])


def credential_of(environ: Mapping[str, Any]) -> Credential | None:
    """Who says to have signed: from the Authorization header or a presigned URL; None for an unsigned request."""
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    shown = environ.get("HTTP_AUTHORIZATION", "")
    if not shown and "X-Amz-Credential" in query:
        shown = f"Credential={query['X-Amz-Credential'][0]}"
        token = query.get("X-Amz-Security-Token", [""])[0]
    found = _CREDENTIAL.search(shown)
    return Credential(found[1], token, found[3], found[4]) if found else None


def _service(moto_service: str, path: str, body: bytes) -> str:
    if moto_service == "apigateway" and path.startswith("/v2/"):
        return "apigatewayv2"
    if moto_service in {"elb", "elbv2"}:
        return "elbv2" if b"Version=2015-12-01" in body else "elb"
    return _BOTO_NAMES.get(moto_service, moto_service)


def _operation(service: str, request: Any) -> tuple[str, Mapping[str, Any]]:
    try:
        operation, uri_parameters = get_service_router(service).match(request)
    except Exception:
        return "", {}
    return str(operation.name), uri_parameters
