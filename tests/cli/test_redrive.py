"""Dead letters: why each failed, again or gone, and that none is ever lost or shown with a secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from world import REGION, Context, World, world

from chalicelib import pipeline
from chalicelib.events import look_message
from chalicelib.model import Change
from suture.redrive import SOURCES, Desk, shown, what_of

TOKEN = "ghp_" + "aB3dE5gH7j" * 3 + "kL9mN1"
WRITE = {"suture": "write", "case": "C-0123456789", "do": "apply", "plan": "sha256:00"}
STAGE = ("--region", REGION, "--stage", "prod")


class Dead:
    """The queues of a deployment, with their dead-letter queues, as the stack makes them."""

    def __init__(self, w: World) -> None:
        self.w, self.sqs = w, w.sqs
        self.urls = {}
        for name in (*SOURCES, *filter(None, SOURCES.values())):
            self.urls[name] = self.sqs.create_queue(QueueName=f"suture-prod-{name}")["QueueUrl"]
        for dlq, source in SOURCES.items():
            if source:
                arn = f"arn:aws:sqs:{REGION}:123456789012:suture-prod-{dlq}"
                policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
                attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
                self.sqs.set_queue_attributes(QueueUrl=self.urls[source], Attributes=attributes)

    def put(self, name: str, body: Any, **attributes: str) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        told = {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()}
        return str(
            self.sqs.send_message(QueueUrl=self.urls[name], MessageBody=text, MessageAttributes=told)["MessageId"]
        )

    def count(self, name: str) -> int:
        """How many are there, hidden ones too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.urls[name], AttributeNames=names)["Attributes"]
        return sum(int(n) for n in found.values())

    def visible(self, name: str) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=self.urls[name], MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [m["Body"] for m in found.get("Messages", ())]

    def die(self, name: str, body: Any) -> str:
        """Let a function fail three times at a message; the queue then moves it. Answers with its id."""
        id_ = self.put(name, body)
        for _ in range(3):
            (message,) = self.sqs.receive_message(QueueUrl=self.urls[name], AttributeNames=["All"])["Messages"]
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            failed = pipeline.remediated(self.w.d, {"Records": [record]}, Context())
            assert failed == {"batchItemFailures": [{"itemIdentifier": id_}]}
        assert not self.sqs.receive_message(QueueUrl=self.urls[name]).get("Messages")
        return id_


@pytest.fixture
def dead(tmp_path: Path) -> Any:
    with world(tmp_path) as w:
        yield Dead(w)


def test_what_failed_three_times_is_shown_with_why_and_sent_again(dead: Dead, run: Any) -> None:
    id_ = dead.die("remediate", {**WRITE, "do": "dance"})
    shown_ = run("redrive", "--dry-run", "--json", "--table", "cases", *STAGE)
    (letter,) = json.loads(shown_.stdout)["messages"]
    assert (shown_.exit_code, letter["id"], letter["dlq"], letter["done"]) == (1, id_, "remediate-dlq", "leave")
    assert "names no case and no deed" in letter["why"]
    assert letter["received"] >= 3
    assert letter["what"] == "dance the plan of C-0123456789; there is no such case"
    done = run("redrive", "--all", "--table", "cases", *STAGE)
    assert (done.exit_code, "sent again" in done.stdout) == (0, True)
    assert dead.count("remediate-dlq") == 0
    assert [json.loads(body)["do"] for body in dead.visible("remediate")] == ["dance"]


def test_a_dry_run_leaves_everything_where_everybody_sees_it(dead: Dead, run: Any) -> None:
    for number in range(23):
        dead.put("changes-dlq", look_message([Change("1", "r", "AWS::X::Y", f"n{number}", "a", "sweep")]))
    result = run("redrive", "--dry-run", "--json", *STAGE)
    assert (result.exit_code, len(json.loads(result.stdout)["messages"])) == (1, 23)
    assert len(dead.visible("changes-dlq")) == 10
    assert dead.count("changes-dlq") == 23


def test_one_by_one(dead: Dead, run: Any) -> None:
    first, second, third = (dead.put("notices-dlq", {"suture": "notice", "case": f"C-{n}"}) for n in "123")
    assert run("redrive", "--id", first, "--drop", *STAGE).exit_code == 0
    assert run("redrive", "--id", second, *STAGE).exit_code == 0
    assert [json.loads(b)["case"] for b in dead.visible("notices")] == ["C-2"]
    assert [json.loads(b)["case"] for b in dead.visible("notices-dlq")] == ["C-3"]
    gone = run("redrive", "--id", first, *STAGE)
    assert (gone.exit_code, f"no message {first} is there" in gone.stdout) == (1, True)
    assert third != first


def test_a_crash_between_sending_and_deleting_leaves_it_twice_and_never_none(dead: Dead, run: Any) -> None:
    dead.put("notices-dlq", {"suture": "notice", "case": "C-1"})
    desk = Desk(dead.sqs, None, "prod")
    (letter,) = desk.letters("notices-dlq")

    class Crash(BaseException):
        pass

    def crash(**_: Any) -> None:
        raise Crash

    dead.sqs.meta.events.register("before-call.sqs.DeleteMessage", crash)
    with pytest.raises(Crash):
        desk.again(letter)
    dead.sqs.meta.events.unregister("before-call.sqs.DeleteMessage", crash)
    assert (dead.count("notices"), dead.count("notices-dlq")) == (1, 1)


def test_a_failed_invocation_has_no_queue_to_go_back_to(dead: Dead, run: Any) -> None:
    dead.put("failed-invocations", {"detail-type": "Scheduled Event"}, ErrorCode="200", ErrorMessage="timed out")
    kept = run("redrive", "--all", *STAGE)
    assert (kept.exit_code, "200 timed out" in kept.stdout, "left there" in kept.stdout) == (1, True, True)
    assert run("redrive", "--all", "--drop", *STAGE).exit_code == 0
    assert dead.count("failed-invocations") == 0


def test_what_eventbridge_could_not_deliver_goes_again_without_its_notes(dead: Dead, run: Any) -> None:
    event = {"source": "aws.lambda", "detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "X"}}
    dead.put("changes-dlq", event, ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="not allowed", RULE_ARN="arn:r")
    result = run("redrive", "--all", *STAGE)
    assert "why: NO_PERMISSIONS not allowed arn:r" in result.stdout
    assert "event: aws.lambda AWS API Call via CloudTrail X" in result.stdout
    got = dead.sqs.receive_message(QueueUrl=dead.urls["changes"], MessageAttributeNames=["All"])["Messages"][0]
    assert (json.loads(got["Body"]), got.get("MessageAttributes")) == (event, None)


NASTY = [
    TOKEN,
    json.dumps({"password": TOKEN}),
    json.dumps({"suture": "write", "do": TOKEN, "case": "C-1"}),
    json.dumps({"suture": TOKEN, "case": ["x"]}),
    json.dumps({"suture": "look", "changes": [{"resource_type": "\x1b[31m[bold]\u202e", "resource_id": TOKEN}]}),
    json.dumps({"detail-type": "x", "source": 1, "detail": {"eventName": {"a": TOKEN}}}),
    "[" * 100_000,
    "[]",
]


@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
def test_a_bad_message_is_shown_inertly_and_without_a_secret(body: str) -> None:
    told = shown(what_of(body))
    assert TOKEN not in told
    assert told.isprintable()


def test_a_secret_in_the_reason_is_kept_out_of_the_table(dead: Dead) -> None:
    from chalicelib.aws import failing

    failing.note(dead.w.d, ["m1", "m2"], f"AWS said {TOKEN}")
    assert TOKEN not in json.dumps(dead.w.items())
    assert "not shown" in failing.why(dead.w.d.ledger.table, "m2")["why"]


@pytest.mark.parametrize(
    "words", [["--dlq", "x", "--dry-run"], ["--all", "--id", "1"], [], ["--json"], ["--dry-run", "--stage", "nope"]]
)
def test_wrong_usage_and_missing_queues_say_what_to_do(dead: Dead, run: Any, words: list[str]) -> None:
    result = run("redrive", "--region", REGION, *words)
    assert result.exit_code in (1, 2)
    assert "Next: " in result.stderr


def test_noting_a_failure_never_makes_another(dead: Dead) -> None:
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName="cases")
    record = {"messageId": "m", "body": "no JSON"}
    assert pipeline.remediated(dead.w.d, {"Records": [record]}, Context())["batchItemFailures"]
    dead.w.items = list  # type: ignore[method-assign]  # the table is gone
