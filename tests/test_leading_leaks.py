"""Leak nothing: a canary goes the whole way out, every AWS call fails once, and AWS repeats the request in its answer.

Everything that left the process is searched for it, in every spelling (canary.py): each request to AWS and to the
queues, what is in the table, logs at DEBUG, and all that people and machines are told. Only the store may have it, and
the request that gives the function its own variables back. Excepted is the account itself, which moto plays in this
process: its state, and its log.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from canary import CANARY, Wire, caught, found_in, leaks, text_of
from faults import Killed
from leading import APPROVERS, FUNCTION, case_of, invoked, reads_secret, stage_of, stored
from world import ACCOUNT, REGION, Context, World, function

from chalicelib import messages, pipeline
from chalicelib.approvals import identity_of_arn
from chalicelib.aws.deployment import WRITERS
from chalicelib.chat import facts
from chalicelib.chat.decide import Request, decide
from suture.cli import secrets_status
from suture.cli.case_page import page
from suture.demo import report

WAY = ("store", "grant", "reference", "remove")


class Echo:
    """AWS on a bad day: the n-th call of a run is refused, and the refusal repeats the whole request; or the process
    dies there, with `kills`."""

    def __init__(self, w: World, kills: bool = False) -> None:
        self.fail_at, self.only, self.code, self.count = 0, "", "ThrottlingException", 0
        self.hit, self.kills = "", kills
        w.d.clients._session.get_component("event_emitter").register("before-call", self._before)

    def start(self, fail_at: int = 0, only: str = "", code: str = "ThrottlingException") -> None:
        self.fail_at, self.only, self.code, self.count, self.hit = fail_at, only, code, 0, ""

    def _before(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        if self.only and model.name != self.only:
            return None
        self.count += 1
        if self.count < self.fail_at or not self.fail_at or (self.count > self.fail_at and not self.kills):
            return None
        self.hit = self.hit or str(model.name)
        if self.kills:
            raise Killed(model.name)
        body = params.get("body")
        said = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        if leaks(said):
            said = f"1 validation error detected: Value '{CANARY}' at 'secretString' failed to satisfy: {said}"
        error = {"Error": {"Code": self.code, "Message": said}}
        return AWSResponse("", 400, {}, None), {**error, "ResponseMetadata": {"HTTPStatusCode": 400}}


class Outside:
    """Everything that left the process so far."""

    def __init__(self, w: World, capture: Any, logs: pytest.LogCaptureFixture, folder: Path) -> None:
        self.w, self.capture, self.logs, self.folder, self.wire = w, capture, logs, folder, Wire(w)
        send = w.d.queues.send
        w.d.queues.send = lambda name, message, delay=0: send(name, message)  # type: ignore[method-assign]

    def texts(self) -> dict[str, str | bytes]:
        known = self.w.cases()
        cases = [self.w.api("oncall", "GET", "/cases/{id}", path_parameters={"id": c.id})[1] for c in known]
        cases = json.loads(json.dumps(cases, default=str))
        path = report.write(self.folder / "report.html", cases)
        out = self.capture.readouterr()
        said = [messages.text(c, facts.shown(), ("Olly",)) for c in known]
        status = [secrets_status.told(c) for c in cases]
        return {
            "requests to AWS": self.wire.take(),
            "table and journal": text_of(self.w.items()),
            "what people read": "\n".join(said),
            "data for machines": json.dumps([messages.data(c) for c in known]),
            "decision API": json.dumps(cases),
            "command line": "\n".join(line.plain for c in cases for line in page(c)),
            "secrets status": json.dumps(status),
            "secrets status, as a page": "\n".join(line.plain for s in status for line in secrets_status._page(s)),
            "HTML report": path.read_text(),
            "stdout": out.out,
            "stderr": out.err,
            "log at DEBUG": caught(self.logs),
        }

    def check(self, when: str) -> None:
        assert not found_in(self.texts()), when
        self.logs.clear()


@pytest.fixture
def outside(
    w: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> Iterator[Outside]:
    client = function("pay", {"TABLE": "orders", "DB_PASSWORD": CANARY})
    client.publish_version(FunctionName="pay")
    caplog.set_level(logging.DEBUG)
    for theirs in ("moto", "werkzeug"):
        logging.getLogger(theirs).setLevel(logging.INFO)
    yield Outside(w, capsys, caplog, tmp_path)


def delivered(w: World, name: str) -> bool:
    """One delivery of one waiting message to its function; a failed one comes again. False when the process died."""
    got = w.sqs.receive_message(QueueUrl=w.queues[name], MaxNumberOfMessages=1, VisibilityTimeout=0).get("Messages", [])
    for m in got:
        record = {"messageId": m["MessageId"], "body": m["Body"], "attributes": {"ApproximateReceiveCount": "2"}}
        records = {"Records": [record]}
        context = Context()
        try:
            answer = pipeline.watched(w.d, records) if name == "changes" else pipeline.remediated(w.d, records, context)
        except Killed:
            return False
        if not answer["batchItemFailures"]:
            w.sqs.delete_message(QueueUrl=w.queues[name], ReceiptHandle=m["ReceiptHandle"])
    return True


def waiting(w: World, *names: str) -> list[str]:
    def depth(name: str) -> int:
        asked = w.sqs.get_queue_attributes(QueueUrl=w.queues[name], AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    return [name for name in names if depth(name)]


def battered(w: World, echo: Echo, outside: Outside, *names: str, first: int = 1, step: int = 1) -> set[str]:
    """Let these functions work with their first, second, third … call failing, until nothing waits."""
    hit: set[str] = set()
    for number in range(first, 400, step):
        queues = waiting(w, *names)
        if not queues:
            break
        w.d.ahead += timedelta(minutes=3)  # a lease that could not be given back is over
        echo.start(number)
        lived = delivered(w, queues[0])
        hit.add(echo.hit)
        if lived and not echo.hit:
            echo.start()
            delivered(w, queues[0])
    echo.start()
    outside.check(f"after {', '.join(names)}")
    return hit


def approved(w: World, stage: str) -> None:
    case = case_of(w)
    assert (case.state, stage_of(w)) == ("PENDING", stage), case.outcome
    for role in APPROVERS[stage]:
        identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/somebody")
        decide(w.d, identity, Request(case.id, "approve", case.plan_digest, "because", ""))


def taken_up(w: World) -> None:
    invoked(w, "pay", 30)
    reads_secret(w, "DB_PASSWORD", "pay-role")


@pytest.mark.parametrize("kills", [False, True], ids=["refused", "killed"])
def test_a_canary_goes_the_whole_way_and_every_call_fails_once(w: World, outside: Outside, kills: bool) -> None:
    """A writer is refused at every call; `watch`, which makes the same calls at each stage, at every second one, by
    turns the odd and the even. Both die at every fourth. In the soak (SUTURE_SOAK=1) it is every call for all."""
    soaks = bool(os.environ.get("SUTURE_SOAK"))
    echo, step = Echo(w, kills), 4 if kills and not soaks else 1
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    hit = battered(w, echo, outside, "changes", step=step)
    for number, stage in enumerate((*WAY, "prune")):
        if stage == "remove":
            taken_up(w)
        approved(w, stage)
        hit |= battered(w, echo, outside, *WRITERS, step=step)
        strides = (1, 1) if soaks else (1 + number % 2, max(2, step))
        hit |= battered(w, echo, outside, "changes", first=strides[0], step=strides[1])
    if step == 1:
        assert {"CreateSecret", "PutRolePolicy", "UpdateFunctionConfiguration", "DeleteFunction"} <= hit
        assert {"ListVersionsByFunction", "LookupEvents", "GetMetricData", "TransactWriteItems"} <= hit
    assert stage_of(w) == "rotate"
    assert outside.wire.carried == {"CreateSecret", "UpdateFunctionConfiguration"}
    (secret,) = stored()
    value = boto3.client("secretsmanager", REGION).get_secret_value(SecretId=secret["ARN"])["SecretString"]
    assert value == CANARY, "the store has it, and nobody else"


def came_to(w: World, stage: str) -> None:
    """The plan of `stage` waits for approval; all before it is applied."""
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    w.run()
    for due in WAY:
        if due == "remove":
            taken_up(w)
        if due == stage:
            return
        for role in APPROVERS[due]:
            w.decide(role, case_of(w), "approve")


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
    came_to(w, stage)
    echo.start(1, only=call, code="InvalidParameterValueException")
    w.decide(APPROVERS[stage][0], case_of(w), "approve")
    assert echo.hit == call
    assert case_of(w).state == "ESCALATED"
    outside.check(f"{call} of {stage} was refused")
    echo.start()
    w.decide("security", case_of(w), "continue", "the limit is lifted")
    assert (case_of(w).state, stage_of(w)) == ("PENDING", stage)


def test_an_undo_out_of_the_store_shows_nothing(w: World, outside: Outside) -> None:
    echo = Echo(w)
    came_to(w, "")
    identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/oncall/somebody")
    last = case_of(w).stages[-1]["plan"]["digest"]
    decide(w.d, identity, Request(case_of(w).id, "undo", last, "because", ""))
    hit = battered(w, echo, outside, *WRITERS)
    assert {"GetSecretValue", "UpdateFunctionConfiguration"} <= hit
    assert case_of(w).state == "UNDONE"
