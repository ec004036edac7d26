"""The server as clients see it: who is refused, what is told, and that calls side by side lose nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.errors import Misconfigured
from suture.sandbox.calls import Call
from suture.sandbox.front import Answer
from suture.sandbox.gateway import Gateway
from suture.sandbox.identity import Identity
from suture.sandbox.processes import Result
from suture.sandbox.server import Server
from suture.sandbox.stack import Api

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}'
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def events() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def server(events: list[dict[str, Any]]) -> Iterator[Server]:
    made = Server(emit=events.append)
    made.start()
    yield made
    made.stop()


def client(server: Server, service: str, principal: str = "deployer", **changed: Any) -> Any:
    known = {**server.credentials(principal), **changed}
    return boto3.client(service, endpoint_url=server.url, region_name="us-east-1", config=ONCE, **known)


def code_of(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


READS = {
    "sts": "get_caller_identity",
    "iam": "list_roles",
    "lambda": "list_functions",
    "dynamodb": "list_tables",
    "sqs": "list_queues",
    "s3": "list_buckets",
    "ec2": "describe_vpcs",
    "apigateway": "get_rest_apis",
    "sns": "list_topics",
}
UNKNOWN_KEY = {
    "sts": "InvalidClientTokenId",
    "iam": "InvalidClientTokenId",
    "lambda": "UnrecognizedClientException",
    "dynamodb": "UnrecognizedClientException",
    "sqs": "InvalidClientTokenId",
    "s3": "InvalidAccessKeyId",
    "ec2": "AuthFailure",
    "apigateway": "UnrecognizedClientException",
    "sns": "InvalidClientTokenId",
}


@pytest.mark.parametrize("service", sorted(READS))
def test_a_known_principal_reads(server: Server, service: str) -> None:
    answer = getattr(client(server, service, "developer"), READS[service])()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("service", sorted(READS))
def test_an_unknown_key_is_refused_in_the_services_own_protocol(
    server: Server, events: list[dict[str, Any]], service: str
) -> None:
    stranger = client(server, service, aws_access_key_id="AKIA" + "X" * 16, aws_session_token="")
    assert code_of(getattr(stranger, READS[service])) == (UNKNOWN_KEY[service], 401 if service == "ec2" else 403)
    server.drain()
    assert events == []


@pytest.mark.parametrize("token", ["", "made-up"])
def test_a_temporary_key_needs_its_own_token(server: Server, token: str) -> None:
    other = server.credentials("oncall")["aws_session_token"]
    for wrong in (token, other):
        assert code_of(client(server, "sts", aws_session_token=wrong).get_caller_identity)[0] == "InvalidClientTokenId"


def test_an_unsigned_request_is_refused(server: Server) -> None:
    nobody = boto3.client(
        "sts", endpoint_url=server.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    assert code_of(nobody.get_caller_identity)[1] == 403


def test_a_deleted_roles_session_is_refused(server: Server) -> None:
    client(server, "iam").delete_role_policy(RoleName="oncall", PolicyName="oncall")
    known = server.credentials("oncall")
    client(server, "iam").delete_role(RoleName="oncall")
    orphan = boto3.client("sts", endpoint_url=server.url, region_name="us-east-1", **known)
    assert code_of(orphan.get_caller_identity)[0] == "InvalidClientTokenId"


def test_mutating_calls_make_one_event_each_in_order_and_reads_none(
    server: Server, events: list[dict[str, Any]]
) -> None:
    sqs = client(server, "sqs")
    for number in range(20):
        url = sqs.create_queue(QueueName=f"q{number:02}")["QueueUrl"]
        sqs.list_queue_tags(QueueUrl=url)
    server.drain()
    assert [e["detail"]["requestParameters"]["queueName"] for e in events] == [f"q{n:02}" for n in range(20)]
    assert {e["source"] for e in events} == {"aws.sqs"}
    assert len({e["detail"]["eventID"] for e in events}) == 20


def test_what_a_role_tried_is_in_its_last_accessed_data(server: Server) -> None:
    iam = client(server, "iam")
    client(server, "sqs", "oncall").list_queues()
    assert code_of(client(server, "sns", "oncall").create_topic, Name="t")[1] == 403
    server.drain()
    arn = iam.get_role(RoleName="oncall")["Role"]["Arn"]
    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
    assert iam.get_service_last_accessed_details(JobId=job)["JobStatus"] == "IN_PROGRESS"
    report = iam.get_service_last_accessed_details(JobId=job)
    services = {s["ServiceNamespace"]: s for s in report["ServicesLastAccessed"]}
    assert report["JobStatus"] == "COMPLETED" and "LastAuthenticated" in services["sqs"]
    assert "LastAuthenticated" in services["sns"], "a refused attempt is an attempt"
    assert {"dynamodb", "s3"} <= set(services) and "LastAuthenticated" not in services["s3"]


def test_calls_side_by_side_lose_nothing(server: Server, events: list[dict[str, Any]]) -> None:
    iam = client(server, "iam")

    def make(number: int) -> None:
        iam.create_user(UserName=f"u{number}")
        iam.put_user_policy(UserName=f"u{number}", PolicyName="p", PolicyDocument=POLICY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(40)))
    server.drain()
    assert len(iam.list_users()["Users"]) == 40
    assert len([e for e in events if e["detail"]["eventName"] == "CreateUser"]) == 40


def test_a_waiting_receive_does_not_stop_the_others(server: Server) -> None:
    url = client(server, "sqs").create_queue(QueueName="q")["QueueUrl"]
    got: list[Any] = []
    waiting = threading.Thread(
        target=lambda: got.extend(
            client(server, "sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", ())
        )
    )
    waiting.start()
    client(server, "sqs").send_message(QueueUrl=url, MessageBody="hello")
    waiting.join(timeout=4)
    assert [message["Body"] for message in got] == ["hello"]


def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"port {port}.*Next: .*--port"):
            Server(port=port).start()


def test_a_new_server_is_an_empty_account(server: Server) -> None:
    client(server, "sqs").create_queue(QueueName="old")
    server.stop()
    fresh = Server()
    fresh.start()
    try:
        assert "QueueUrls" not in client(fresh, "sqs").list_queues()
    finally:
        fresh.stop()


def test_what_moto_cannot_do_is_said_once(server: Server) -> None:
    assert code_of(client(server, "lambda").list_code_signing_configs) == ("NotImplemented", 501)


def test_a_client_cannot_choose_its_account_or_reset_moto(server: Server) -> None:
    assert requests.post(f"{server.url}/moto-api/reset", timeout=5).status_code == 404
    sts = client(server, "sts")
    sts.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", "1"))
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_a_handler_answers_before_moto_and_only_what_is_allowed(events: list[dict[str, Any]]) -> None:
    def invoke(call: Call, identity: Identity) -> Answer:
        return Answer(200, (("Content-Type", "application/json"),), f'"{identity.name}"'.encode())

    server = Server(emit=events.append, handlers={"lambda:Invoke": invoke})
    server.start()
    try:
        assert client(server, "lambda").invoke(FunctionName="f")["Payload"].read() == b'"deployer"'
        assert code_of(client(server, "lambda", "developer").invoke, FunctionName="f")[0] == "AccessDeniedException"
        server.drain()
        assert events == []
    finally:
        server.stop()


def raw(port: int, *lines: str, body: bytes = b"") -> bytes:
    """The answer to a request as it stands, well formed or not."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = "\r\n".join(("POST / HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""))
        connection.sendall(head.encode() + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("Content-Length: -5", b"abc"),
        ("Content-Length: abc", b"abc"),
        ("Content-Length: +3", b"abc"),
        (CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n"),
        (CHUNKED, b"-5\r\nabc\r\n"),
        (CHUNKED, b"3\r\nabcdef\r\n0\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("door", ["aws", "api"])
def test_a_body_of_no_known_length_is_a_bad_request(
    server: Server, caplog: pytest.LogCaptureFixture, door: str, line: str, body: bytes
) -> None:
    gateway = Gateway(Api("a", "api", ()), "1", "r", lambda *_: None, lambda *_: "", lambda *_: Result("", ""))
    gateway.start()
    try:
        port = server.port if door == "aws" else int(gateway.url.split(":")[2].split("/")[0])
        assert raw(port, line, body=body).startswith(b"HTTP/1.1 400 Bad Request")
    finally:
        gateway.stop()
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "shown",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=, Signature=",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/nothing/aws4_request, SignedHeaders=, Signature=",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=, Signature=",
        "Basic",
    ],
)
def test_a_signature_that_names_no_service_is_incomplete(
    server: Server, caplog: pytest.LogCaptureFixture, shown: str
) -> None:
    answer = raw(server.port, f"Authorization: {shown}", "Content-Length: 0")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"<Code>IncompleteSignature</Code>" in answer
    json_kind = "Content-Type: application/x-amz-json-1.0"
    assert b'"__type": "IncompleteSignatureException"' in raw(server.port, f"Authorization: {shown}", json_kind)
    assert not [record for record in caplog.records if record.exc_info]
