"""The event bus, driven by real boto3 against the server, as any client would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from suture.sandbox.bus import Bus
from suture.sandbox.chaos import Chaos, Switches
from suture.sandbox.grants import service_may
from suture.sandbox.server import Server
from suture.sandbox.targets import payload

ACCOUNT, REGION = "123456789012", "us-east-1"
EVENT = {
    "version": "0",
    "id": "e1",
    "detail-type": "AWS API Call via CloudTrail",
    "source": "aws.lambda",
    "account": ACCOUNT,
    "time": "2026-01-01T00:00:00Z",
    "region": REGION,
    "resources": [],
    "detail": {"eventName": "AddPermission20150331v2", "requestParameters": {"functionName": 'sh"op'}},
}


class World:
    """A server, a bus and the deployer's clients."""

    def __init__(self) -> None:
        self.invoked: list[tuple[str, str]] = []
        self.chaos = Chaos()
        self.bus = Bus(ACCOUNT, REGION, self._invoke, self.chaos)
        self.server = Server(0, ACCOUNT, REGION, self.bus.emit, self.bus.handlers())
        self.bus.lock = self.server.lock
        self.server.start()
        session = boto3.Session(region_name=REGION, **self.server.credentials("deployer"))
        self.events = session.client("events", endpoint_url=self.server.url)
        self.sqs = session.client("sqs", endpoint_url=self.server.url)

    def _invoke(self, arn: str, text: str) -> bool:
        self.invoked.append((arn, text))
        return not arn.endswith("gone")

    def queue(self, name: str, *, allowed: bool = True) -> str:
        url: str = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        if allowed:
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn_of(name),
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url

    def rule(self, name: str, pattern: dict[str, Any], *targets: dict[str, Any], state: str = "ENABLED") -> None:
        self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)
        self.events.put_targets(Rule=name, Targets=[{"Id": str(n), **target} for n, target in enumerate(targets)])

    def received(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages


def arn_of(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.bus.close()
    made.server.stop()


def test_a_matching_rule_delivers_the_whole_event(world: World) -> None:
    url = world.queue("changes")
    world.rule(
        "lambda", {"source": ["aws.lambda"], "detail": {"eventName": [{"prefix": "Add"}]}}, {"Arn": arn_of("changes")}
    )
    world.bus.emit(EVENT)
    world.bus.emit({**EVENT, "source": "aws.iam"})
    assert [json.loads(message["Body"]) for message in world.received(url)] == [EVENT]


def test_a_read_reaches_only_rules_that_ask_for_all_management_events(world: World) -> None:
    """EventBridge User Guide, "Receiving read-only management events from AWS services"."""
    plain, all_ = world.queue("plain"), world.queue("all")
    pattern = {"source": ["aws.secretsmanager"]}
    world.rule("plain", pattern, {"Arn": arn_of("plain")})
    world.rule("all", pattern, {"Arn": arn_of("all")}, state="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    read = {**EVENT, "source": "aws.secretsmanager", "detail": {"eventName": "GetSecretValue", "readOnly": True}}
    world.bus.emit(read)
    world.bus.emit({**read, "detail": {"eventName": "PutSecretValue", "readOnly": False}})
    assert (len(world.received(plain)), len(world.received(all_))) == (1, 2)


def test_a_disabled_rule_is_silent_and_an_enabled_one_works_at_once(world: World) -> None:
    url = world.queue("changes")
    world.rule("lambda", {"source": ["aws.lambda"]}, {"Arn": arn_of("changes")}, state="DISABLED")
    world.bus.emit(EVENT)
    assert world.received(url) == []
    world.events.enable_rule(Name="lambda")
    world.bus.emit(EVENT)
    assert len(world.received(url)) == 1
    world.rule("lambda", {"source": ["aws.iam"]}, {"Arn": arn_of("changes")})
    world.bus.emit(EVENT)
    assert world.received(url) == []


@pytest.mark.parametrize(
    ("target", "code"), [("forbidden", "NO_PERMISSIONS"), ("missing", "NO_RESOURCE")], ids=["no policy", "no queue"]
)
def test_what_cannot_be_delivered_goes_to_the_dlq(world: World, target: str, code: str) -> None:
    world.queue("forbidden", allowed=False)
    dead = world.queue("dead")
    world.rule("r", {"source": ["aws.lambda"]}, {"Arn": arn_of(target), "DeadLetterConfig": {"Arn": arn_of("dead")}})
    world.bus.emit(EVENT)
    [message] = world.received(dead)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == EVENT
    assert attributes["ERROR_CODE"] == code
    assert attributes["TARGET_ARN"] == arn_of(target)
    assert attributes["RULE_ARN"] == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r"


def test_lambda_targets_are_invoked_and_foreign_ones_go_to_the_dlq(world: World) -> None:
    dead = world.queue("dead")
    own, gone = (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for name in ("own", "gone"))
    dlq = {"DeadLetterConfig": {"Arn": arn_of("dead")}}
    world.rule("r", {"source": ["aws.lambda"]}, {"Arn": own, "Input": '{"a": 1}'}, {"Arn": gone, **dlq})
    world.bus.emit(EVENT)
    assert (own, '{"a": 1}') in world.invoked
    assert world.received(dead)[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


def test_put_events_reaches_the_rules_but_not_in_awss_name(world: World) -> None:
    url = world.queue("changes")
    world.rule("any", {"detail-type": ["order"]}, {"Arn": arn_of("changes")})
    entry = {"Source": "shop", "DetailType": "order", "Detail": '{"n": 1}'}
    answer = world.events.put_events(
        Entries=[entry, {**entry, "Source": "aws.lambda"}, {**entry, "Detail": "[1]"}, {**entry, "Detail": "{"}]
    )
    assert answer["FailedEntryCount"] == 3
    assert [result.get("ErrorCode") for result in answer["Entries"]] == [
        None,
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "MalformedDetail",
    ]
    [message] = world.received(url)
    body = json.loads(message["Body"])
    assert (body["source"], body["detail"], body["account"], body["id"]) == (
        "shop",
        {"n": 1},
        ACCOUNT,
        answer["Entries"][0]["EventId"],
    )


def puts(world: World, pattern: str) -> bool:
    try:
        world.events.put_rule(Name="long", EventPattern=pattern)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return False
    return True


@pytest.mark.parametrize(("size", "code"), [(1 << 20, None), ((1 << 20) + 1, "InvalidArgument")])
def test_an_entry_has_a_largest_size(world: World, size: int, code: str | None) -> None:
    frame = len("shop" + "order" + '{"n": ""}')
    entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"n": "x" * (size - frame)})}
    answer = world.events.put_events(Entries=[entry])
    assert [result.get("ErrorCode") for result in answer["Entries"]] == [code]


def test_a_bus_that_does_not_exist_takes_nothing(world: World) -> None:
    world.events.create_event_bus(Name="own")
    entry = {"Source": "shop", "DetailType": "order", "Detail": "{}"}
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/own"
    answer = world.events.put_events(Entries=[{**entry, "EventBusName": name} for name in ("own", arn, "none")])
    assert answer["FailedEntryCount"] == 1
    assert [result.get("ErrorCode") for result in answer["Entries"]] == [None, None, "InvalidArgument"]


def test_what_the_dlq_does_not_take_either_is_lost(world: World) -> None:
    changes, dead = world.queue("changes"), world.queue("dead")
    target = {"Arn": arn_of("changes"), "DeadLetterConfig": {"Arn": arn_of("dead")}}
    world.rule("r", {"source": ["aws.lambda"]}, target)
    world.bus.emit({**EVENT, "detail": {"long": "x" * 2_000_000}})
    world.bus.emit(EVENT)
    assert len(world.received(changes)) == 1
    assert world.received(dead) == []


def test_put_rule_refuses_what_aws_refuses(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        world.events.put_rule(Name="bad", EventPattern='{"source": [{"like": "x"}]}')
    assert caught.value.response["Error"]["Code"] == "InvalidEventPatternException"
    for length, taken in ((4096, True), (4097, False)):
        text = json.dumps({"source": ["x" * (length - len('{"source": [""]}'))]})
        assert (len(text), puts(world, text)) == (length, taken)
    tested = world.events.test_event_pattern(EventPattern='{"source": ["aws.lambda"]}', Event=json.dumps(EVENT))
    assert tested["Result"] is True


def test_duplicates_drops_and_delays(world: World) -> None:
    url = world.queue("changes")
    world.rule("r", {"source": ["aws.lambda"]}, {"Arn": arn_of("changes")})
    world.chaos.set(Switches(duplicate=1.0))
    world.bus.emit(EVENT)
    assert len(world.received(url)) == 2
    world.chaos.set(Switches(drop=1.0))
    world.bus.emit(EVENT)
    assert world.received(url) == []
    world.chaos.set(Switches(reorder=1.0))
    world.bus.emit(EVENT)
    assert world.bus.later.next_due() is not None
    deadline = time.monotonic() + 3
    while world.bus.later.next_due() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(world.received(url)) == 1


def test_many_threads_lose_nothing(world: World) -> None:
    world.queue("changes")
    world.rule("r", {"source": ["aws.lambda"]}, {"Arn": arn_of("changes")})
    threads = [threading.Thread(target=lambda: [world.bus.emit(EVENT) for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attributes = world.sqs.get_queue_attributes(
        QueueUrl=world.sqs.get_queue_url(QueueName="changes")["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "100"


TARGETS: list[tuple[dict[str, Any], Any]] = [
    ({}, EVENT),
    ({"Input": '{"fixed": true}'}, {"fixed": True}),
    ({"InputPath": "$.detail"}, EVENT["detail"]),
    ({"InputPath": "$.detail.missing"}, None),
    (
        {
            "InputTransformer": {
                "InputPathsMap": {"who": "$.detail.requestParameters.functionName", "d": "$.detail"},
                "InputTemplate": '{"say": "function <who>", "raw": <who>, "d": <d>, "rule": "<aws.events.rule-name>"}',
            }
        },
        {"say": 'function sh"op', "raw": 'sh"op', "d": EVENT["detail"], "rule": "r"},
    ),
]


@pytest.mark.parametrize(("target", "expected"), TARGETS, ids=["whole", "constant", "path", "absent", "template"])
def test_what_a_target_gets(target: dict[str, Any], expected: Any) -> None:
    assert json.loads(payload(target, EVENT, "arn:aws:events:us-east-1:123456789012:rule/r")) == expected


RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r"
ALLOW = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": "*",
}
GRANTS: list[tuple[list[dict[str, Any]], bool]] = [
    ([], False),
    ([ALLOW], True),
    ([{**ALLOW, "Principal": {"Service": "sns.amazonaws.com"}}], False),
    ([{**ALLOW, "Principal": "*"}], True),
    ([{**ALLOW, "Action": "SQS:Send*"}], True),
    ([{**ALLOW, "Action": "sqs:ReceiveMessage"}], False),
    ([{**ALLOW, "Resource": arn_of("other")}], False),
    ([{**ALLOW, "Condition": {"ArnEquals": {"aws:SourceArn": RULE}}}], True),
    ([{**ALLOW, "Condition": {"ArnEquals": {"aws:SourceArn": RULE + "2"}}}], False),
    ([{**ALLOW, "Condition": {"ArnLike": {"aws:SourceArn": [RULE + "2", "arn:aws:events:*"]}}}], True),
    ([{**ALLOW, "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}], False),
    ([{**ALLOW, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], False),
    (
        [ALLOW, {**ALLOW, "Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
        True,
    ),
    ([ALLOW, {**ALLOW, "Effect": "Deny", "Principal": "*"}], False),
]


@pytest.mark.parametrize(("statements", "allowed"), GRANTS)
def test_queue_policies(statements: list[dict[str, Any]], allowed: bool) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
    assert service_may(policy, "events.amazonaws.com", "sqs:SendMessage", arn_of("changes"), RULE) is allowed
