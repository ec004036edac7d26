"""Functions as real processes, fed from moto's queues."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from suture.sandbox.chaos import Chaos, Switches
from suture.sandbox.lambdas import Lambdas
from suture.sandbox.package import runtime_folder
from suture.sandbox.polling import MappingSpec
from suture.sandbox.processes import FunctionSpec, Place
from suture.sandbox.server import Server

ACCOUNT, REGION = "123456789012", "us-east-1"

APP = """
import json, os, sys, time
sys.stderr.write("loaded\\n")
COUNT = 0

def echo(event, context):
    global COUNT
    COUNT += 1
    print("hello", event.get("n"))
    return {"event": event, "count": COUNT, "left": context.get_remaining_time_in_millis(),
            "request": context.aws_request_id, "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb, "name": context.function_name, "pid": os.getpid()}

def environment(event, context):
    return dict(os.environ)

def imports(event, context):
    found = {}
    for name in ("boto3", "botocore", "jmespath", "urllib3", "moto", "chalice", "yaml", "pydantic", "rich", "suture"):
        try:
            found[name] = __import__(name).__file__
        except ImportError:
            found[name] = None
    return {"found": found, "path": sys.path}

def fail(event, context):
    raise ValueError("no such thing")

def slow(event, context):
    time.sleep(30)

def strange(event, context):
    return object()

def whoami(event, context):
    import boto3
    sts = boto3.client("sts")
    return [sts.get_caller_identity()["Arn"] for _ in range(event.get("calls", 1))][0]

def batch(event, context):
    import boto3
    bodies = [json.loads(record["body"]) for record in event["Records"]]
    boto3.client("sqs").send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps(bodies))
    if any(body.get("explode") for body in bodies):
        raise RuntimeError("exploded")
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, body
                                  in zip(event["Records"], bodies) if body.get("fail")]}
"""


class World:
    def __init__(self, folder: Path) -> None:
        package = folder / "package"
        package.mkdir()
        (package / "app.py").write_text(textwrap.dedent(APP))
        self.lines: list[tuple[str, str]] = []
        self.chaos = Chaos()
        self.lambdas = Lambdas(self.chaos)
        self.server = Server(0, ACCOUNT, REGION, handlers=self.lambdas.handlers())
        self.lambdas.lock = self.server.lock
        self.server.start()
        session = boto3.Session(region_name=REGION, **self.server.credentials("deployer"))
        self.client: Callable[[str], Any] = lambda name: session.client(name, endpoint_url=self.server.url)
        self.role = self._role()
        self.place = Place(
            package,
            runtime_folder(folder),
            self.server.url,
            REGION,
            self._credentials,
            lambda n, t: self.lines.append((n, t)),
        )

    def deploy(self, handler: str, *mappings: MappingSpec, **more: Any) -> str:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{handler}"
        spec = FunctionSpec(handler, arn, self.role, f"app.{handler}", **{"timeout": 5, **more})
        self.lambdas.deploy([spec], mappings, self.place)
        return handler

    def run(self, name: str, event: Any) -> Any:
        result = self.lambdas.invoke(name, json.dumps(event))
        assert not result.failed, result.payload
        return json.loads(result.payload)

    def queue(self, name: str, **attributes: Any) -> str:
        values = {key: str(value) for key, value in attributes.items()}
        url: str = self.client("sqs").create_queue(QueueName=name, Attributes=values)["QueueUrl"]
        return url

    def bodies(self, url: str, seconds: float = 3, wanted: int = 1) -> list[Any]:
        sqs, found, end = self.client("sqs"), [], time.monotonic() + seconds
        while len(found) < wanted and time.monotonic() < end:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            time.sleep(0.02)
        return found

    def close(self) -> None:
        self.lambdas.close()
        self.server.stop()

    def _role(self) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_role_policy(RoleName="worker", PolicyName="all", PolicyDocument=json.dumps(allow))
        return arn

    def _credentials(self, role_arn: str, name: str) -> dict[str, str]:
        from suture.sandbox.principals import credentials_for_role

        return credentials_for_role(role_arn, name, REGION)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def arn_of(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


def test_a_function_stays_warm_and_sees_its_context(world: World) -> None:
    world.deploy("echo", memory=256, timeout=7)
    first, second = world.run("echo", {"n": 1}), world.run("echo", {"n": 2})
    assert (first["count"], second["count"]) == (1, 2)
    assert first["pid"] == second["pid"]
    assert first["request"] != second["request"]
    assert 5000 < first["left"] <= 7000
    assert first["memory"] == "256"
    assert first["arn"].endswith(":function:echo")
    assert ("echo", "hello 1") in world.lines
    assert ("echo", "loaded") in world.lines


def test_the_environment_is_lambdas_and_nothing_of_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "personal")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    world.deploy("environment", environment={"TABLE": "cases"})
    seen = world.run("environment", {})
    assert seen["TABLE"] == "cases"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "environment"
    assert seen["AWS_ENDPOINT_URL"] == world.server.url
    assert seen["AWS_REGION"] == REGION
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert {"AWS_PROFILE", "HTTPS_PROXY", "HOME", "PYTHONPATH"}.isdisjoint(seen)


def test_only_the_runtimes_libraries_are_there(world: World) -> None:
    world.deploy("imports")
    seen = world.run("imports", {})
    assert {name for name, file in seen["found"].items() if file} == {"boto3", "botocore", "jmespath", "urllib3"}
    assert not [path for path in seen["path"] if "site-packages" in path]


def test_it_calls_aws_as_its_own_role(world: World) -> None:
    world.deploy("whoami")
    assert world.run("whoami", {}) == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/whoami"


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("fail", "ValueError", "no such thing"),
        ("strange", "TypeError", "not JSON serializable"),
        ("slow", "Sandbox.Timedout", "timed out after 1.00"),
    ],
)
def test_failures_are_reported_as_lambda_reports_them(world: World, handler: str, kind: str, message: str) -> None:
    world.deploy(handler, timeout=1)
    result = world.lambdas.invoke(handler, "{}")
    assert result.failed
    assert json.loads(result.payload)["errorType"] == kind
    assert message in json.loads(result.payload)["errorMessage"]


def test_a_handler_that_cannot_load_says_so_each_time(world: World) -> None:
    world.deploy("missing")
    for _ in range(2):
        result = world.lambdas.invoke("missing", "{}")
        assert json.loads(result.payload)["errorType"] == "AttributeError"


def test_a_killed_process_is_replaced(world: World) -> None:
    world.deploy("echo")
    pid = world.run("echo", {})["pid"]
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    again = world.run("echo", {})
    assert (again["count"], again["pid"] != pid) == (1, True)


@pytest.mark.parametrize(
    "switches", [Switches(kill=1, kill_before=2), Switches(kill=1, kill_after=2)], ids=["before", "after"]
)
def test_chaos_kills_at_the_second_call(world: World, switches: Switches) -> None:
    world.deploy("whoami")
    world.chaos.set(switches)
    assert not world.lambdas.invoke("whoami", '{"calls": 1}').failed
    assert json.loads(world.lambdas.invoke("whoami", '{"calls": 2}').payload)["errorType"] == "Runtime.ExitError"
    world.chaos.set(Switches())
    assert world.run("whoami", {"calls": 2}).endswith("/whoami")


def test_concurrency_makes_a_small_pool(world: World) -> None:
    world.deploy("slow", timeout=1)
    world.deploy("echo", concurrency=1)
    started = time.monotonic()
    threads = [threading.Thread(target=world.lambdas.invoke, args=("slow", "{}")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 1.9
    assert len({world.run("echo", {})["pid"] for _ in range(3)}) == 1


def test_clients_can_invoke(world: World) -> None:
    world.deploy("echo")
    world.deploy("fail")
    client = world.client("lambda")
    answer = client.invoke(FunctionName="echo", Payload=b'{"n": 5}')
    assert json.loads(answer["Payload"].read())["event"] == {"n": 5}
    assert client.invoke(FunctionName="fail")["FunctionError"] == "Unhandled"
    assert client.invoke(FunctionName="echo", InvocationType="Event")["StatusCode"] == 202


def test_batches_from_a_queue_arrive_and_are_deleted(world: World) -> None:
    out, url = world.queue("out"), world.queue("in", VisibilityTimeout=30)
    world.deploy("batch", MappingSpec(arn_of("in"), "batch", partial=True), environment={"OUT": out})
    world.lambdas.warm()
    world.lambdas.start()
    started = time.monotonic()
    world.client("sqs").send_message(QueueUrl=url, MessageBody='{"n": 1}')
    assert world.bodies(out) == [[{"n": 1}]]
    assert time.monotonic() - started < 1.5
    wait_until(world.lambdas.idle)
    attributes = world.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_batching_window_collects(world: World) -> None:
    out, url = world.queue("out"), world.queue("in")
    world.deploy("batch", MappingSpec(arn_of("in"), "batch", window=1), environment={"OUT": out}, concurrency=1)
    world.lambdas.warm()
    world.lambdas.start()
    for n in range(3):
        world.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"n": n}))
    assert world.bodies(out) == [[{"n": 0}, {"n": 1}, {"n": 2}]]


def test_partial_failures_come_back_and_end_in_the_dlq(world: World) -> None:
    out, dead = world.queue("out"), world.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn_of("dead"), "maxReceiveCount": 2})
    url = world.queue("in", VisibilityTimeout=1, RedrivePolicy=redrive)
    world.deploy("batch", MappingSpec(arn_of("in"), "batch", partial=True), environment={"OUT": out}, concurrency=1)
    entries = [{"Id": str(n), "MessageBody": json.dumps({"n": n, "fail": n == 1})} for n in range(2)]
    world.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    world.lambdas.start()
    assert world.bodies(dead, seconds=6) == [{"n": 1, "fail": True}]
    assert world.bodies(out, wanted=2) == [[{"n": 0, "fail": False}, {"n": 1, "fail": True}], [{"n": 1, "fail": True}]]


def test_a_failed_batch_comes_back_whole_sooner_when_asked(world: World) -> None:
    out, url = world.queue("out"), world.queue("in", VisibilityTimeout=300)
    world.deploy("batch", MappingSpec(arn_of("in"), "batch", partial=True), environment={"OUT": out}, concurrency=1)
    world.chaos.set(Switches(redeliver=1))
    world.client("sqs").send_message(QueueUrl=url, MessageBody='{"explode": true}')
    world.lambdas.start()
    assert len(world.bodies(out, seconds=6, wanted=2)) == 2


def test_no_process_is_left_behind(world: World) -> None:
    world.deploy("slow")
    world.deploy("echo")
    world.lambdas.warm()
    pids = [pid for each in world.lambdas.pids().values() for pid in each]
    assert len(pids) == 2
    world.lambdas.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def wait_until(condition: Callable[[], bool], seconds: float = 3) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
