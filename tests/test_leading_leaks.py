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
import warnings
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from canary import CANARY, Outside, found_in, leaks
from click.testing import CliRunner
from faults import Killed
from leading import APPROVERS, CONTROL, FUNCTION, case_of, invoked, reads_secret, stage_of, stored
from moto.sqs.models import sqs_backends
from world import ACCOUNT, REGION, Context, World, function

from chalicelib import pipeline
from chalicelib.approvals import identity_of_arn
from chalicelib.aws.deployment import WRITERS
from chalicelib.chat import notices
from chalicelib.chat.decide import Request, decide
from suture.cli.app import cli

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


@pytest.fixture
def outside(
    w: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> Iterator[Outside]:
    client = function("pay", {"TABLE": "orders", "DB_PASSWORD": CANARY})
    client.publish_version(FunctionName="pay")
    caplog.set_level(logging.DEBUG)
    for theirs in ("moto", "werkzeug"):
        logging.getLogger(theirs).setLevel(logging.INFO)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield Outside(w, capsys, caplog, tmp_path, warned)


def delivered(w: World, name: str) -> bool:
    """One delivery of one waiting message to its function; a failed one comes again. False when the process died."""
    got = w.sqs.receive_message(QueueUrl=w.queues[name], MaxNumberOfMessages=1, VisibilityTimeout=0).get("Messages", [])
    for m in got:
        record = {"messageId": m["MessageId"], "body": m["Body"], "attributes": {"ApproximateReceiveCount": "2"}}
        records = {"Records": [record]}
        context = Context()
        try:
            if name == "notices":
                answer = pipeline._each(w.d, [record], lambda record: notices.tell(w.d, pipeline._message(record)))
            else:
                answer = (
                    pipeline.watched(w.d, records) if name == "changes" else pipeline.remediated(w.d, records, context)
                )
        except Killed:
            return False
        if not answer["batchItemFailures"]:
            w.sqs.delete_message(QueueUrl=w.queues[name], ReceiptHandle=m["ReceiptHandle"])
    return True


def held(name: str) -> list[Any]:
    return list(sqs_backends[ACCOUNT][REGION].queues[name]._messages)


def battered(w: World, echo: Echo, outside: Outside, *names: str, first: int = 1, step: int = 1) -> set[str]:
    """Let these functions work with their first, second, third … call failing, until nothing waits."""
    hit: set[str] = set()
    for number in range(first, 400, step):
        queues = [name for name in names if held(name)]
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
        assert {"GetResourcePolicy", "DescribeOrganization", "GetAccountAuthorizationDetails"} <= hit
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
        ("store", "PutResourcePolicy"),
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


def test_a_new_value_shows_nothing_on_its_way_and_back(w: World, outside: Outside) -> None:
    """The canary is what somebody deploys later; every call fails once, for storing it and for taking it back."""
    client = boto3.client("lambda", REGION)
    echo, old = Echo(w), {"TABLE": "orders", "DB_PASSWORD": "hunter2-" + "Tr0ub4dor&3"}
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": old})
    w.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    w.run()
    w.decide("oncall", case_of(w), "approve")
    both = {"TABLE": "orders", "DB_PASSWORD": CANARY}
    client.update_function_configuration(FunctionName="pay", Environment={"Variables": both})
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    hit = battered(w, echo, outside, "changes")
    approved(w, "store")
    hit |= battered(w, echo, outside, *WRITERS)
    (secret,) = stored()
    store = boto3.client("secretsmanager", REGION)
    assert store.get_secret_value(SecretId=secret["ARN"])["SecretString"] == CANARY
    identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/oncall/somebody")
    last = case_of(w).stages[-1]["plan"]["digest"]
    decide(w.d, identity, Request(case_of(w).id, "undo", last, "because", ""))
    hit |= battered(w, echo, outside, *WRITERS)
    assert case_of(w).state == "UNDONE"
    assert store.get_secret_value(SecretId=secret["ARN"])["SecretString"] == old["DB_PASSWORD"]
    assert {"PutSecretValue", "UpdateSecretVersionStage", "ListSecretVersionIds"} <= hit
    assert outside.wire.carried == {"PutSecretValue"}


def test_an_undo_out_of_the_store_shows_nothing(w: World, outside: Outside) -> None:
    echo = Echo(w)
    came_to(w, "")
    identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/oncall/somebody")
    last = case_of(w).stages[-1]["plan"]["digest"]
    decide(w.d, identity, Request(case_of(w).id, "undo", last, "because", ""))
    hit = battered(w, echo, outside, *WRITERS)
    assert {"GetSecretValue", "UpdateFunctionConfiguration"} <= hit
    assert case_of(w).state == "UNDONE"


def letters(w: World) -> dict[str, list[str]]:
    """Give each queue a dead-letter queue that takes what was received three times; answers with bodies, by queue."""
    for name, url in list(w.queues.items()):
        if name.endswith("-dead"):
            continue
        w.queues[f"{name}-dead"] = w.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
        w.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    return {name: [m.body for m in held(name)] for name in w.queues}


def test_what_failed_three_times_lies_in_its_dead_letter_queue_without_the_value(w: World, outside: Outside) -> None:
    echo = Echo(w)
    came_to(w, "store")
    letters(w)
    w.change(FUNCTION, "pay", "lambda:UpdateFunctionConfiguration")
    w.send("notices", {"case": case_of(w).id, "state": "PENDING"})
    approved(w, "store")
    refused = {"changes": "ListVersionsByFunction", "notices": "GetItem", "remediate_secrets": "GetItem"}
    for queue, call in refused.items():
        for _ in range(4):
            echo.start(1, only=call, code="AccessDeniedException")
            delivered(w, queue)
            assert echo.hit == call or held(f"{queue}-dead")
    echo.start()
    found = letters(w)
    assert [len(found[f"{queue}-dead"]) for queue in refused] == [1, 1, 1]
    assert not found_in({name: "\n".join(bodies) for name, bodies in found.items()})
    outside.check("three messages are dead letters")


POISON = {
    "no JSON": CANARY,
    "half of it": '{"suture": "look", "changes": [{"resource_id": "' + CANARY,
    "no object": json.dumps([CANARY]),
    "an odd change": json.dumps({"suture": "look", "changes": [{"account": CANARY, "via": [CANARY], "x": CANARY}]}),
    "an odd deed": json.dumps({"case": {"id": CANARY}, "do": "apply", "plan": CANARY}),
    "a record that shows an environment": json.dumps(
        {
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.lambda",
            "account": ACCOUNT,
            "detail": {
                "eventSource": "lambda.amazonaws.com",
                "eventName": "UpdateFunctionConfiguration20150331v2",
                "errorMessage": CANARY,
                "requestParameters": {"functionName": "pay", "environment": {"variables": {"DB_PASSWORD": CANARY}}},
            },
        }
    ),
}


def test_a_poisoned_message_fails_alone_and_is_not_repeated(w: World, outside: Outside) -> None:
    came_to(w, "store")

    def notified(event: Mapping[str, Any]) -> Mapping[str, Any]:
        return pipeline._each(w.d, event["Records"], lambda record: notices.tell(w.d, pipeline._message(record)))

    deed = {"case": case_of(w).id, "do": "apply", "plan": "sha256:0"}
    handlers = {
        "watch": (lambda event: pipeline.watched(w.d, event), {"suture": "look", "changes": []}),
        "remediate": (lambda event: pipeline.remediated(w.d, event, Context()), deed),
        "notify": (notified, deed),
    }
    for name, (handle, good) in handlers.items():
        bodies = {**POISON, "a good one": json.dumps(good)}
        answer = handle({"Records": [{"messageId": what, "body": body} for what, body in bodies.items()]})
        failed = {f["itemIdentifier"] for f in answer["batchItemFailures"]}
        assert {"no JSON", "half of it", "no object"} <= failed and "a good one" not in failed, name
        assert not leaks(json.dumps(answer))
        outside.check(f"{name} got poison")


def test_no_command_prints_it(
    w: World, outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What people run against the account and the table, as wordy as it goes."""
    came_to(w, "remove")
    recorded = tmp_path / "recorded.json"
    recorded.write_text("\n".join(POISON.values()))
    monkeypatch.setenv("SUTURE_DEBUG", "1")
    monkeypatch.setenv("SUTURE_TABLE", "cases")
    monkeypatch.setenv("NO_COLOR", "1")
    record = tmp_path / "record.zip"
    commands = {
        "scan, as data": ("scan", "--json", "--plan", "--control", CONTROL),
        "scan, as a page": ("scan", "--plan", "--control", CONTROL),
        "scan, as SARIF": ("scan", "--sarif", "--control", CONTROL),
        "a function's values": ("secrets", "check", "--function", "pay"),
        "the same, as SARIF": ("secrets", "check", "--function", "pay", "--sarif"),
        "lines": ("secrets", "check", str(recorded)),
        "replay": ("replay", str(recorded)),
        "replay, as data": ("replay", "--json", str(recorded)),
        "the record": ("audit", "export", str(record)),
    }
    said = {}
    for what, arguments in commands.items():
        result = CliRunner().invoke(cli, ["-vv", *arguments])
        assert result.exit_code in (0, 1, 2), (what, result.output)
        said[what] = result.output
    assert "DB_PASSWORD" in said["scan, as data"] and "DB_PASSWORD" in said["a function's values"]
    assert not found_in({**said, "record.zip": record.read_bytes()})
    outside.check("every command")
