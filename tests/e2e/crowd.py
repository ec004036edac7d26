"""A crowd at one sandbox: clients that open and close resources, people who decide, and a hand that kills processes.

What is done when follows from a seed; how it falls together is up to the processes. The clients alone know what they
granted for good reason: that, and what a case may not lose, is `crowd_checks.py`'s to say.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from foreign import LAMBDA_TRUST, Client, allow, code, policy

from chalicelib.errors import BadRequest
from suture.api import NoAnswer

ANYONE = {"AWS": "*"}
IN_FLIGHT = ("APPROVED", "APPLYING", "VERIFYING", "UNDOING")
TYPES = {
    "function": "AWS::Lambda::Function",
    "role": "AWS::IAM::Role",
    "queue": "AWS::SQS::Queue",
    "topic": "AWS::SNS::Topic",
}


@dataclass
class Thing:
    """One resource: what its clients granted for good reason (`kept`), and what they opened and did not close."""

    kind: str
    name: str
    id: str = ""
    kept: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Told:
    """What was done, for the report."""

    calls: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)


class Crowd:
    def __init__(self, ready: Mapping[str, Any], seed: int, resources: int) -> None:
        self.ready, self.seed, self.told = ready, seed, Told()
        self.deployer = Client(ready, "deployer")
        self.people = [Client(ready, who) for who in ("security", "oncall")]
        self.account, self.region = ready["account"], ready["region"]
        kinds = tuple(TYPES)
        self.things = [Thing(kinds[n % len(kinds)], f"crowd-{kinds[n % len(kinds)]}-{n}") for n in range(resources)]
        self._over = threading.Event()

    def build(self) -> None:
        """Everything that the crowd will meet, all of it clean, and every role of a client."""
        self.trust = self.deployer.role("crowd-trust")
        self.clients = [self.deployer, self.deployer.as_role("shop-deploy"), self.deployer.as_role("crowd-release")]
        for thing in self.things:
            _MADE[thing.kind](self, thing)

    def act(self, events: int, clients: int, kills_a_second: float, pause: float) -> None:
        """`events` calls by `clients` clients at once, while people decide and processes die; back when all are made.
        `pause` is the seconds that a client waits between two calls, on average."""
        shares = [events // clients + (n < events % clients) for n in range(clients)]
        acting = [self._thread(self._clients, n, share, pause) for n, share in enumerate(shares)]
        beside = [self._thread(self._decides, n) for n in range(len(self.people))]
        if kills_a_second:
            beside.append(self._thread(self._kills, kills_a_second))
        for thread in acting:
            thread.join()
        self._over.set()
        for thread in beside:
            thread.join()

    def settle(self, seconds: float) -> list[Mapping[str, Any]]:
        """Wait until no case is in flight and no queue holds a message; answers with the cases that still are."""
        deadline, flying = time.monotonic() + seconds, list[Mapping[str, Any]]()
        while True:
            quiet, flying = False, [{}]
            with suppress(TimeoutError, NoAnswer):  # it is overwhelmed just now
                left = max(0.5, min(10, deadline - time.monotonic()))
                quiet = self.deployer.switch("drain", timeout=left, horizon=1)["quiet"]
                flying = list(self.deployer.api.cases(",".join(IN_FLIGHT))["cases"])
            if (not flying and quiet) or time.monotonic() >= deadline:
                return flying
            time.sleep(0.5)

    def sweep(self) -> None:
        """The next hour's sweep: the guarantee behind every event that was lost."""
        table = self.deployer.aws("dynamodb")
        found = table.query(
            TableName=self.ready["table"],
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "COUNT#sweep"}},
        )["Items"]
        for item in found:
            table.delete_item(TableName=self.ready["table"], Key={"pk": item["pk"], "sk": item["sk"]})
        self.deployer.switch("schedule", function="sweep")

    def dead_letters(self) -> dict[str, int]:
        """How many messages were given up, by queue; none of them may be the only one that knew of something."""
        sqs, found = self.deployer.aws("sqs"), {}
        for url in sqs.list_queues(QueueNamePrefix="suture-").get("QueueUrls", ()):
            name = url.rsplit("/", 1)[-1]
            if name.endswith(("-dlq", "-invocations")):
                told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
                found[name] = int(told["Attributes"]["ApproximateNumberOfMessages"])
        return {name: many for name, many in found.items() if many}

    def _thread(self, work: Callable[..., None], *given: Any) -> threading.Thread:
        def run() -> None:
            try:
                work(*given)
            except Exception as error:
                self.told.strange.append(f"{work.__name__}: {type(error).__name__}: {error}")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _clients(self, number: int, events: int, pause: float) -> None:
        dice = random.Random(f"{self.seed}/client/{number}")
        client, done = self.clients[number % len(self.clients)], 0
        while done < events:
            thing = dice.choice(self.things)
            with thing.lock:
                try:
                    self.told.calls[_ACTS[thing.kind](self, client, thing, dice)] += 1
                except ClientError as error:
                    self.told.calls[f"refused: {error.response['Error']['Code']}"] += 1
                done += 1
            time.sleep(dice.random() * 2 * pause)

    def _decides(self, number: int) -> None:
        dice = random.Random(f"{self.seed}/person/{number}")
        person = self.people[number]
        while not self._over.is_set():
            time.sleep(dice.random() * 0.3)
            with suppress(NoAnswer):
                found = [c for c in person.api.cases("PENDING,RESOLVED")["cases"] if "crowd" in c["arn"]]
                asked = [c for c in found if c["state"] == "PENDING" or dice.random() < 0.03]
                for one in dice.sample(asked, min(4, len(asked))):
                    self._decide(person, one, dice)

    def _decide(self, person: Client, one: Mapping[str, Any], dice: random.Random) -> None:
        """A word about one case: mostly consent, sometimes two words at once, sometimes taken back."""
        word = "undo" if one["state"] == "RESOLVED" else dice.choices(["approve", "reject", "revoke"], [8, 1, 1])[0]
        try:
            case = person.api.case(one["id"])["case"]
            if case.get("plan"):
                person.api.decide(one["id"], word, case["plan"]["digest"], "the crowd decides")
                self.told.decisions[word] += 1
        except BadRequest:
            self.told.decisions[f"{word} refused"] += 1
        except NoAnswer:
            self.told.decisions[f"{word} without an answer"] += 1

    def _kills(self, a_second: float) -> None:
        dice = random.Random(f"{self.seed}/kill")
        while not self._over.wait(dice.expovariate(a_second)):
            alive = {name: pids for name, pids in sorted(self._processes().items()) if pids}
            name = dice.choices(list(alive), [3 if "remediate" in n or "watch" in n else 1 for n in alive])[0]
            with suppress(ProcessLookupError):
                os.kill(dice.choice(alive[name]), signal.SIGKILL)
                self.told.kills[name.removeprefix("suture-sandbox-")] += 1

    def _processes(self) -> Mapping[str, list[int]]:
        address = self.ready["api_url"].removesuffix("/api") + "/_sandbox/processes"
        request = urllib.request.Request(address, headers={"X-Suture-Sandbox": "1"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: Mapping[str, list[int]] = json.load(answer)
        return found

    # What a client does to one resource; each answers with the name of its call.

    def _make_function(self, thing: Thing) -> None:
        lambdas = self.deployer.aws("lambda")
        lambdas.create_function(
            FunctionName=thing.name, Runtime="python3.12", Role=self.trust, Handler="a.h", Code={"ZipFile": code()}
        )
        thing.id = thing.name

    def _act_function(self, client: Client, thing: Thing, dice: random.Random) -> str:
        """Public grants come and go, and so do a bucket's, which nobody else may touch."""
        lambdas, sid = client.aws("lambda"), f"g{dice.getrandbits(40):x}"
        deed = dice.choices(["open", "close", "lend", "withdraw"], [5, 2, 2, 1])[0]
        if deed in ("open", "lend"):
            public = {"Principal": "*"}
            bucket = {"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b", "SourceAccount": self.account}
            given = public if deed == "open" else bucket
            lambdas.add_permission(FunctionName=thing.name, StatementId=sid, Action="lambda:InvokeFunction", **given)
            (thing.opened if deed == "open" else thing.kept).add(sid)
            return "AddPermission"
        held = thing.opened if deed == "close" else thing.kept
        if not held:
            return self._act_function(client, thing, dice)
        sid = dice.choice(sorted(held))
        held.discard(sid)
        lambdas.remove_permission(FunctionName=thing.name, StatementId=sid)
        return "RemovePermission"

    def _make_role(self, thing: Thing) -> None:
        self.deployer.role(thing.name)
        thing.id = thing.name

    def _act_role(self, client: Client, thing: Thing, dice: random.Random) -> str:
        """Trust for anyone, or not; and a policy for everything, or not."""
        iam = client.aws("iam")
        if dice.random() < 0.6:
            more = (allow(ANYONE, "sts:AssumeRole"),) if dice.random() < 0.6 else ()
            document = policy(allow(LAMBDA_TRUST, "sts:AssumeRole"), *more)
            iam.update_assume_role_policy(RoleName=thing.name, PolicyDocument=document)
            return "UpdateAssumeRolePolicy"
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        narrow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
        document = policy(everything if dice.random() < 0.5 else narrow)
        iam.put_role_policy(RoleName=thing.name, PolicyName="inline", PolicyDocument=document)
        return "PutRolePolicy"

    def _make_queue(self, thing: Thing) -> None:
        sqs = self.deployer.aws("sqs")
        thing.id = sqs.create_queue(QueueName=thing.name)["QueueUrl"]

    def _make_topic(self, thing: Thing) -> None:
        thing.id = self.deployer.aws("sns").create_topic(Name=thing.name)["TopicArn"]

    def _act_queue(self, client: Client, thing: Thing, dice: random.Random) -> str:
        document = self._held(thing, "sqs:SendMessage", dice)
        client.aws("sqs").set_queue_attributes(QueueUrl=thing.id, Attributes={"Policy": document})
        return "SetQueueAttributes"

    def _act_topic(self, client: Client, thing: Thing, dice: random.Random) -> str:
        document = self._held(thing, "sns:Publish", dice)
        client.aws("sns").set_topic_attributes(TopicArn=thing.id, AttributeName="Policy", AttributeValue=document)
        return "SetTopicAttributes"

    def _held(self, thing: Thing, action: str, dice: random.Random) -> str:
        """A partner's statement, always, and one for everybody or not."""
        arn = f"arn:aws:{action.split(':')[0]}:{self.region}:{self.account}:{thing.name}"
        partner = allow({"AWS": f"arn:aws:iam::{self.account}:root"}, action, arn, Sid="partner")
        opened = [allow("*", action, arn, Sid="open")] if dice.random() < 0.6 else []
        return policy(partner, *opened)


_MADE: Mapping[str, Callable[[Crowd, Thing], None]] = {kind: getattr(Crowd, f"_make_{kind}") for kind in TYPES}
_ACTS: Mapping[str, Callable[[Crowd, Client, Thing, random.Random], str]] = {
    kind: getattr(Crowd, f"_act_{kind}") for kind in TYPES
}
