"""Leak nothing: a canary goes the whole way out, every AWS call fails once, and AWS repeats the request in its answer.

Everything that left the process is searched for it, in every spelling. Only the store may have it.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from leading import FUNCTION, case_of, invoked, reads_secret, stage_of, stored
from world import ACCOUNT, REGION, Context, World, function

from chalicelib import messages, pipeline
from chalicelib.approvals import identity_of_arn
from chalicelib.aws.deployment import WRITERS
from chalicelib.chat import facts
from chalicelib.chat.decide import Request, decide
from suture.cli import secrets_status
from suture.cli.case_page import page
from suture.demo import report

CANARY = "".join(("Kanari", "envogel", "7&+/=", "xQ9", "zB4", "Tr0ub"))
HALVES = [CANARY[i : i + 12] for i in range(0, len(CANARY) - 11, 6)]
WHO = {"store": "oncall", "grant": "security", "reference": "oncall", "remove": "oncall"}


def spellings() -> Iterator[str]:
    """The canary as it could come out: raw, reversed, split, in JSON, in URLs, in base64 at its three offsets."""
    yield from (CANARY, CANARY[::-1], *HALVES, *(h[::-1] for h in HALVES))
    yield from (json.dumps(CANARY)[1:-1], quote(CANARY, safe=""), quote(CANARY))
    for pad in ("", "x", "xx"):
        text = base64.b64encode((pad + CANARY).encode()).decode()
        yield text[4:-4]
    yield from (CANARY.encode().hex(), base64.urlsafe_b64encode(CANARY.encode()).decode()[:-4])


def leaks(text: str) -> list[str]:
    return [s[:6] + "…" for s in set(spellings()) if s in text]


class Echo:
    """AWS on a bad day: the n-th call of a run is refused, and the refusal repeats the whole request."""

    def __init__(self, w: World) -> None:
        self.fail_at, self.only, self.code, self.count = 0, "", "ThrottlingException", 0
        self.hit = ""
        w.d.clients._session.get_component("event_emitter").register("before-call", self._before)

    def start(self, fail_at: int = 0, only: str = "", code: str = "ThrottlingException") -> None:
        self.fail_at, self.only, self.code, self.count, self.hit = fail_at, only, code, 0, ""

    def _before(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        if self.only and model.name != self.only:
            return None
        self.count += 1
        if self.count != self.fail_at:
            return None
        self.hit = str(model.name)
        body = params.get("body")
        said = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        error = {"Error": {"Code": self.code, "Message": f"String measured: {said}"}}
        return AWSResponse("", 400, {}, None), {**error, "ResponseMetadata": {"HTTPStatusCode": 400}}


class Outside:
    """Everything that left the process so far."""

    def __init__(self, w: World, capture: Any, logs: pytest.LogCaptureFixture, folder: Path) -> None:
        self.w, self.capture, self.logs, self.folder, self.sent = w, capture, logs, folder, []
        send = w.d.queues.send

        def sending(name: str, message: Mapping[str, Any], delay: int = 0) -> None:
            self.sent.append(json.dumps(message))
            send(name, message)

        w.d.queues.send = sending  # type: ignore[method-assign]

    def texts(self) -> dict[str, str]:
        cases = [self.w.api("oncall", "GET", "/cases/{id}", path_parameters={"id": c.id})[1] for c in self.w.cases()]
        cases = json.loads(json.dumps(cases, default=str))
        path = report.write(self.folder / "report.html", cases)
        out = self.capture.readouterr()
        said = [messages.text(c, facts.shown(), ("Olly",)) for c in self.w.cases()]
        status = [secrets_status.told(c) for c in cases]
        return {
            "table and journal": json.dumps(self.w.items(), default=str),
            "messages between functions": "\n".join(self.sent),
            "what people read": "\n".join(said),
            "data for machines": json.dumps([messages.data(c) for c in self.w.cases()]),
            "decision API": json.dumps(cases),
            "command line": "\n".join(line.plain for c in cases for line in page(c)),
            "secrets status": json.dumps(status),
            "secrets status, as a page": "\n".join(line.plain for s in status for line in secrets_status._page(s)),
            "HTML report": path.read_text(),
            "stdout": out.out,
            "stderr": out.err,
            "verbose log": self.logs.text,
        }

    def check(self, when: str) -> None:
        found = {where: leaks(text) for where, text in self.texts().items()}
        assert not {where: what for where, what in found.items() if what}, when
        self.logs.clear()


@pytest.fixture
def outside(
    w: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> Iterator[Outside]:
    function("pay", {"TABLE": "orders", "DB_PASSWORD": CANARY})
    caplog.set_level(logging.DEBUG)
    for theirs in ("moto", "werkzeug"):
        logging.getLogger(theirs).setLevel(logging.INFO)
    yield Outside(w, capsys, caplog, tmp_path)


def delivered(w: World, name: str) -> None:
    """One delivery of one waiting message to its function; a failed one comes again."""
    got = w.sqs.receive_message(QueueUrl=w.queues[name], MaxNumberOfMessages=1, VisibilityTimeout=0).get("Messages", [])
    for m in got:
        record = {"messageId": m["MessageId"], "body": m["Body"], "attributes": {"ApproximateReceiveCount": "2"}}
        records = {"Records": [record]}
        context = Context()
        answer = pipeline.watched(w.d, records) if name == "changes" else pipeline.remediated(w.d, records, context)
        if not answer["batchItemFailures"]:
            w.sqs.delete_message(QueueUrl=w.queues[name], ReceiptHandle=m["ReceiptHandle"])


def waiting(w: World, *names: str) -> list[str]:
    def depth(name: str) -> int:
        asked = w.sqs.get_queue_attributes(QueueUrl=w.queues[name], AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    return [name for name in names if depth(name)]


def battered(w: World, echo: Echo, outside: Outside, *names: str) -> set[str]:
    """Let these functions work with their first, second, third … call failing, until nothing waits."""
    hit: set[str] = set()
    for number in range(1, 200):
        queues = waiting(w, *names)
        if not queues:
            break
        w.d.ahead += timedelta(minutes=3)  # a lease that could not be given back is over
        echo.start(number)
        delivered(w, queues[0])
        hit.add(echo.hit)
        if not echo.hit:
            echo.start()
            delivered(w, queues[0])
    echo.start()
    outside.check(f"after {', '.join(names)}")
    return hit


def approved(w: World, stage: str) -> None:
    case = case_of(w)
    assert (case.state, stage_of(w)) == ("PENDING", stage), case.outcome
    identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{WHO[stage]}/somebody")
    decide(w.d, identity, Request(case.id, "approve", case.plan_digest, "because", ""))


def test_a_canary_goes_the_whole_way_and_every_call_fails_once(w: World, outside: Outside) -> None:
    echo = Echo(w)
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    hit = battered(w, echo, outside, "changes")
    for stage in WHO:
        if stage == "remove":
            invoked(w, "pay", 30)
            reads_secret(w, "DB_PASSWORD", "pay-role")
        approved(w, stage)
        hit |= battered(w, echo, outside, *WRITERS)
        hit |= battered(w, echo, outside, "changes")
    assert {"CreateSecret", "PutRolePolicy", "UpdateFunctionConfiguration", "DescribeSecret"} <= hit
    assert {"ListVersionsByFunction", "LookupEvents", "GetMetricData", "TransactWriteItems"} <= hit
    assert stage_of(w) == "rotate"
    (secret,) = stored()
    value = boto3.client("secretsmanager", REGION).get_secret_value(SecretId=secret["ARN"])["SecretString"]
    assert value == CANARY, "the store has it, and nobody else"


@pytest.mark.parametrize(
    ("stage", "call"),
    [
        ("store", "CreateSecret"),
        ("reference", "UpdateFunctionConfiguration"),
        ("remove", "UpdateFunctionConfiguration"),
    ],
)
def test_what_aws_refuses_for_good_and_repeats_is_told_without_the_value(
    w: World, outside: Outside, stage: str, call: str
) -> None:
    echo = Echo(w)
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    w.run()
    for due in WHO:
        if due == "remove":
            invoked(w, "pay", 30)
            reads_secret(w, "DB_PASSWORD", "pay-role")
        if due == stage:
            break
        w.decide(WHO[due], case_of(w), "approve")
    echo.start(1, only=call, code="InvalidParameterValueException")
    w.decide(WHO[stage], case_of(w), "approve")
    assert echo.hit == call
    assert case_of(w).state == "ESCALATED"
    outside.check(f"{call} of {stage} was refused")
    echo.start()
    w.decide("security", case_of(w), "continue", "the limit is lifted")
    assert (case_of(w).state, stage_of(w)) == ("PENDING", stage)


def test_an_undo_out_of_the_store_shows_nothing(w: World, outside: Outside) -> None:
    echo = Echo(w)
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    w.run()
    for due in WHO:
        if due == "remove":
            invoked(w, "pay", 30)
            reads_secret(w, "DB_PASSWORD", "pay-role")
        w.decide(WHO[due], case_of(w), "approve")
    identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/oncall/somebody")
    last = case_of(w).stages[-1]["plan"]["digest"]
    decide(w.d, identity, Request(case_of(w).id, "undo", last, "because", ""))
    hit = battered(w, echo, outside, *WRITERS)
    assert {"GetSecretValue", "UpdateFunctionConfiguration"} <= hit
    assert case_of(w).state == "UNDONE"
