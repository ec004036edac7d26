"""The REST API's front door: signatures of real principals, refused as API Gateway refuses them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from suture.sandbox.apis import Route, routes_of
from suture.sandbox.gateway import LARGEST_BODY, Gateway
from suture.sandbox.identity import Identity
from suture.sandbox.processes import Result
from suture.sandbox.server import Server
from suture.sandbox.signers import find_signer
from suture.sandbox.stack import Api

ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chat"
ROUTES = (
    Route("GET", "/cases", True, FUNCTION),
    Route("GET", "/cases/{id}", True, FUNCTION),
    Route("POST", "/cases/{id}/decision", True, FUNCTION),
    Route("POST", "/slack", False, FUNCTION),
)


class World:
    """The gateway before a function that answers with its own event; `developer` may only GET."""

    def __init__(self) -> None:
        self.server = Server(0, ACCOUNT, REGION)
        self.server.start()
        self.asked: list[tuple[str, str]] = []
        self.answer: Any = None
        self.failed = False
        self.gateway = Gateway(
            Api("abc123", "api", ROUTES),
            ACCOUNT,
            REGION,
            lambda key, token: find_signer(key, token, REGION),
            self.authorise,
            self.invoke,
        )
        self.gateway.start()
        self.http = urllib3.PoolManager(retries=False)

    def authorise(self, identity: Identity, action: str, resource: str) -> str:
        self.asked.append((action, resource))
        return "no statement allows it" if identity.name == "developer" and "/GET/" not in resource else ""

    def invoke(self, arn: str, event: str) -> Result:
        assert arn == FUNCTION
        answer = self.answer or {"statusCode": 200, "headers": {"X-Test": "yes"}, "body": event}
        return Result("r", json.dumps(answer), failed=self.failed)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        who: str | dict[str, str] = "security",
        service: str = "execute-api",
        region: str = REGION,
        headers: dict[str, str] | None = None,
        after: dict[str, str] | None = None,
        sent_body: bytes | None = None,
        at: datetime | None = None,
    ) -> tuple[int, Any]:
        """Sign and send; `headers` are signed, `after` and `sent_body` are changed after signing."""
        url = self.gateway.url + path
        given = self.server.credentials(who) if isinstance(who, str) else who
        request = AWSRequest(method, url, data=body, headers=headers or {})
        credentials = Credentials(
            given["aws_access_key_id"], given["aws_secret_access_key"], given["aws_session_token"]
        )
        signer = SigV4Auth(credentials, service, region)
        if at is None:
            signer.add_auth(request)
        else:
            stamp(signer, request, credentials, at)
        final = {**dict(request.headers.items()), **(after or {})}
        return self.plain(method, path, sent_body if sent_body is not None else body, final)

    def plain(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        answer = self.http.request(method, self.gateway.url + path, body=body or None, headers=headers or {})
        self.headers = answer.headers
        return answer.status, json.loads(answer.data) if answer.data else None


def stamp(signer: SigV4Auth, request: AWSRequest, credentials: Credentials, at: datetime) -> None:
    """What SigV4Auth.add_auth does, at another time."""
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    request.headers["X-Amz-Security-Token"] = credentials.token
    text = signer.string_to_sign(request, signer.canonical_request(request))
    names = signer.signed_headers(signer.headers_to_sign(request))
    request.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, "
        f"Signature={signer.signature(text, request)}"
    )


@pytest.fixture(scope="module")
def made() -> Iterator[World]:
    world = World()
    yield world
    world.gateway.stop()
    world.server.stop()


@pytest.fixture
def world(made: World) -> World:
    made.answer, made.failed = None, False
    made.asked.clear()
    return made


def test_the_function_gets_the_request_and_its_caller(world: World) -> None:
    status, event = world.send("POST", "/cases/a%2Fb/decision?x=1&x=2&y=", b'{"plan": "d"}', headers={"X-Own": "a  b"})
    assert status == 200
    assert world.headers["X-Test"] == "yes"
    assert (event["resource"], event["httpMethod"], event["body"]) == ("/cases/{id}/decision", "POST", '{"plan": "d"}')
    assert event["pathParameters"] == {"id": "a/b"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": [""]}
    assert event["isBase64Encoded"] is False
    context, identity = event["requestContext"], event["requestContext"]["identity"]
    assert (context["resourcePath"], context["httpMethod"], context["stage"]) == ("/cases/{id}/decision", "POST", "api")
    assert identity["userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/security/security"
    assert identity["accountId"] == ACCOUNT
    assert identity["caller"].endswith(":security")
    assert identity["sourceIp"] == "127.0.0.1"
    assert identity["accessKey"].startswith("ASIA")
    assert {"authorization", "x-amz-security-token"}.isdisjoint(event["headers"])
    assert world.asked == [
        ("execute-api:Invoke", f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc123/api/POST/cases/a/b/decision")
    ]


def test_a_binary_body_is_base64(world: World) -> None:
    _, event = world.send("POST", "/cases/1/decision", b"\xff\x00")
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


NOW = datetime.now(UTC)
MISMATCH = "The request signature we calculated does not match"
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("another body", {"sent_body": b"{}"}, MISMATCH),
    ("another query", {"path": "/cases?x=1", "signed_path": "/cases"}, MISMATCH),
    ("wrong secret", {"who": "wrong"}, MISMATCH),
    ("unknown key", {"who": "unknown"}, "The security token included in the request is invalid."),
    ("another session's token", {"who": "mixed"}, "The security token included in the request is invalid."),
    ("six minutes old", {"at": NOW - timedelta(minutes=6)}, "Signature expired"),
    ("from the future", {"at": NOW + timedelta(hours=1)}, "Signature not yet current"),
    ("another service", {"service": "s3"}, "Credential should be scoped"),
    ("another region", {"region": "eu-west-1"}, "Credential should be scoped"),
    ("a false body hash", {"after": {"X-Amz-Content-SHA256": hashlib.sha256(b"x").hexdigest()}}, "'SignedHeader'"),
    ("a signed false body hash", {"headers": {"X-Amz-Content-SHA256": hashlib.sha256(b"x").hexdigest()}}, MISMATCH),
    ("no scheme", {"after": {"Authorization": "Bearer x"}}, "requires 'Credential' parameter"),
]


@pytest.mark.parametrize(("how", "wrong", "message"), REFUSED, ids=[each[0] for each in REFUSED])
def test_bad_signatures_are_refused(world: World, how: str, wrong: dict[str, Any], message: str) -> None:
    wrong = dict(wrong)
    good, other = world.server.credentials("security"), world.server.credentials("oncall")
    people = {
        "wrong": {**good, "aws_secret_access_key": "x" * 40},
        "unknown": {**good, "aws_access_key_id": "ASIA" + "Z" * 16},
        "mixed": {**good, "aws_session_token": other["aws_session_token"]},
    }
    if "who" in wrong:
        wrong["who"] = people[wrong["who"]]
    path, signed_path = wrong.pop("path", "/cases"), wrong.pop("signed_path", None)
    if signed_path:
        request = AWSRequest("GET", world.gateway.url + signed_path)
        SigV4Auth(Credentials(*good.values()), "execute-api", REGION).add_auth(request)
        status, body = world.plain("GET", path, b"", dict(request.headers.items()))
    else:
        status, body = world.send("GET", path, **wrong)
    assert status == 403
    assert message in body["message"]
    assert world.asked == []


def test_a_signed_true_body_hash_is_fine(world: World) -> None:
    body = b'{"a": 1}'
    signed = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    assert world.send("POST", "/cases/1/decision", body, headers=signed)[0] == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/cases"), ("GET", "/nothing"), ("PUT", "/cases"), ("GET", "/")])
def test_without_a_signature_or_a_route_a_token_is_missing(world: World, method: str, path: str) -> None:
    assert world.plain(method, path) == (403, {"message": "Missing Authentication Token"})
    assert world.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_an_open_route_needs_no_signature(world: World) -> None:
    status, event = world.plain(
        "POST", "/slack", b"payload=%7B%7D", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (status, event["body"]) == (200, "payload=%7B%7D")
    assert event["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert event["requestContext"]["identity"]["userArn"] is None


def test_a_principal_without_the_right_is_denied(world: World) -> None:
    assert world.send("GET", "/cases", who="developer")[0] == 200
    status, body = world.send("POST", "/cases/1/decision", b"{}", who="developer")
    assert status == 403
    assert body["Message"] == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/developer/developer is not authorized to perform: "
        "execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:abc123/api/POST/cases/1/decision"
    )


@pytest.mark.parametrize("answer", [{"nothing": 1}, "text", {"statusCode": "x"}, {"statusCode": 200, "headers": 5}])
def test_a_broken_answer_is_502(world: World, answer: Any) -> None:
    world.answer = answer
    assert world.send("GET", "/cases") == (502, {"message": "Internal server error"})


def test_a_crashed_function_is_502(world: World) -> None:
    world.answer, world.failed = {"statusCode": 200}, True
    assert world.send("GET", "/cases") == (502, {"message": "Internal server error"})


def test_a_body_over_ten_megabytes_is_413(world: World) -> None:
    assert world.send("POST", "/cases/1/decision", b"x" * (LARGEST_BODY + 1))[0] == 413


def test_routes_come_from_the_template() -> None:
    body = {
        "paths": {
            "/a": {
                "get": {
                    "security": [{"sigv4": []}],
                    "x-amazon-apigateway-integration": {"uri": "x/functions/F/invocations"},
                },
                "parameters": [],
            },
            "/b": {"post": {"security": [{"api_key": []}]}},
        }
    }
    assert list(routes_of(body)) == [Route("GET", "/a", True, "F"), Route("POST", "/b", False, "")]
