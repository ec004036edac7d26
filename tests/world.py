"""A small account in this process: moto for AWS, our functions called as Lambda would, queues pumped by hand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import yaml
from moto import mock_aws

from chalicelib import pipeline, sweeping
from chalicelib.approvals import identity_of_arn
from chalicelib.audit import Problem, Stored, chain_problems
from chalicelib.aws.deployment import WRITERS, Deployment
from chalicelib.cases import Case
from chalicelib.chat import web
from chalicelib.chat.decide import Request, Ruling, decide
from chalicelib.events import look_message
from chalicelib.model import Change, Principal
from suture.sandbox import mends

ACCOUNT, REGION = "123456789012", "us-east-1"
PROJECT = Path(__file__).parent.parent
DEPLOYER = Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/shop-deploy", "ci")

PEOPLE = {
    "sam": {"name": "Sam", "groups": ["security", "owner"], "iam": [{"account": ACCOUNT, "role": "security"}]},
    "olly": {"name": "Olly", "groups": ["owner", "platform"], "iam": [{"account": ACCOUNT, "role": "oncall"}]},
    "drew": {"name": "Drew", "groups": ["owner"], "iam": [{"account": ACCOUNT, "role": "shop-deploy"}]},
}
OTHER_WAYS = ("lambda-grant-secret", "lambda-retire-secret", "lambda-store-secret-", "lambda-lead-out-secret-")
"""Runbooks for a control that another pin is for: other stores for a secret, and what comes after storing it."""
AUTOMATIC = ("lambda-remove-public-grants", "lambda-require-url-auth")


class Context:
    """What Lambda passes to a handler; `seconds` are left."""

    def __init__(self, seconds: float = 120) -> None:
        self.aws_request_id = uuid.uuid4().hex[:8]
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


class TestDeployment(Deployment):
    """A deployment whose clock the test moves."""

    __test__ = False
    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class World:
    def __init__(self, root: Path) -> None:
        self.queues: dict[str, str] = {}
        self.sqs = boto3.client("sqs", region_name=REGION)
        environment = {"ACCOUNT_ID": ACCOUNT, "AWS_REGION": REGION, "TABLE": "cases", "STAGE": "prod"}
        for name in ("changes", "notices", *WRITERS):
            self.queues[name] = self.sqs.create_queue(QueueName=name)["QueueUrl"]
            environment[f"{name.upper()}_QUEUE"] = self.queues[name]
        kms = boto3.client("kms", region_name=REGION)
        for name in ("FINGERPRINT_KEY", "JOURNAL_KEY"):
            key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
            environment[name] = key["KeyMetadata"]["Arn"]
        environment["BOUNDARY_ARN"] = boundary()
        environment["ACCESS_LOG_ARN"] = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/suture/access"
        table()
        self.d = TestDeployment(environment, root)

    def change(self, resource_type: str, id_: str, action: str, who: Principal | None = DEPLOYER, **more: Any) -> None:
        """Put one change on the `changes` queue, as `watch` would hear of it."""
        via = more.pop("via", "cloudtrail")
        change = Change(ACCOUNT, REGION, resource_type, id_, action, via, who, event_id=uuid.uuid4().hex, **more)
        self.send("changes", look_message([change]))

    def send(self, queue: str, message: Mapping[str, Any]) -> None:
        self.sqs.send_message(QueueUrl=self.queues[queue], MessageBody=json.dumps(message))

    def run(self) -> list[str]:
        """Let every function work until all queues are empty; answers with the ids of messages that failed."""
        failed: list[str] = []
        while batch := self._batch():
            name, messages = batch
            handler = pipeline.watched if name == "changes" else self._handler(name)
            answer = handler(self.d, {"Records": messages})
            failed += [f["itemIdentifier"] for f in answer["batchItemFailures"]]
        return failed

    def _handler(self, name: str) -> Any:
        if name == "notices":
            return lambda d, event: {"batchItemFailures": []}
        return lambda d, event: pipeline.remediated(d, event, Context())

    def _batch(self) -> tuple[str, list[dict[str, Any]]] | None:
        for name, url in self.queues.items():
            found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            for message in found:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if found:
                return name, [{"messageId": m["MessageId"], "body": m["Body"]} for m in found]
        return None

    def cases(self, control: str = "") -> list[Case]:
        return sorted((c for c in self.d.ledger.cases() if control in ("", c.control)), key=lambda c: c.opened)

    def case(self, control: str) -> Case:
        return self.cases(control)[-1]

    def decide(self, role: str, case: Case, decision: str, reason: str = "because", **more: str) -> Ruling:
        identity = identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/somebody")
        plan, until = more.get("plan", case.plan_digest), more.get("until", "")
        ruling = decide(self.d, identity, Request(case.id, decision, plan, reason, until))
        self.run()
        return ruling

    def api(self, role: str, method: str, resource: str, **more: Any) -> tuple[int, Any]:
        identity = {"userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/somebody"}
        return web.answer(self.d, {"method": method, "resource": resource, "identity": identity, **more})

    def sweep(self, *, hears: bool = True) -> None:
        """One sweep; `hears` says that the event of its own call comes back, as CloudTrail would bring it."""
        sweeping.sweep(self.d)
        sent = self.d.ledger.table.get("BEAT#events", "SENT")
        if hears and sent:
            self.d.ledger.table.put({"pk": "BEAT#events", "sk": "BACK", "beat": sent["beat"]})
        self.run()

    def items(self) -> list[dict[str, Any]]:
        client = boto3.client("dynamodb", region_name=REGION)
        return list(client.scan(TableName="cases")["Items"])


@contextmanager
def world(root: Path) -> Iterator[World]:
    """A fresh account with Suture deployed in it; `root` is a folder for its packaged files."""
    mends.apply()
    package(root)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        made = World(root)
        yield made
        assert not list(broken_chains(made.items())), "every case's records follow from each other"


def broken_chains(items: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """What is wrong with the chains of the cases among a table's items."""
    records: dict[str, list[Stored]] = {}
    heads: dict[str, Case] = {}
    for item in sorted(items, key=lambda i: (i["pk"]["S"], i["sk"]["S"])):
        kind, _, case = item["pk"]["S"].partition("#")
        if kind == "CASE" and item["sk"]["S"] == "HEAD":
            heads[case] = Case.from_json(json.loads(item["body"]["S"]))
        elif kind == "CASE":
            records.setdefault(case, []).append(Stored(item["sk"]["S"], item["body"]["S"]))
    for case, head in heads.items():
        yield from chain_problems(case, records[case], (head.version, head.chain))


def package(root: Path, modes: Mapping[str, str] | None = None) -> None:
    """Write the packaged runbooks and governance that a deployment loads."""
    books, newest = _books()
    modes = modes or {}
    pins = [
        {
            "runbook": name,
            "version": version,
            "mode": modes.get(name, "auto" if name in AUTOMATIC else "propose"),
        }
        for name, version in newest.items()
        if not name.startswith(OTHER_WAYS)
    ]
    rules = {"pins": {"mode": "auto", "pins": pins}, "approvers": {"people": PEOPLE}, "suppressions": {}}
    for folder, content in (("runbooks", books), ("governance", json.dumps(rules))):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "packaged.json").write_text(content)


@cache
def _books() -> tuple[str, Mapping[str, str]]:
    """All runbooks as a package has them, and the newest version of each; read once, since every world wants them."""
    books, newest = {}, {}
    for path in sorted((PROJECT / "runbooks").glob("*/*.yaml"), key=_age):
        document = yaml.safe_load(path.read_text())
        newest[document["id"]] = document["version"]
        digest = "sha256:" + sha256(path.read_bytes()).hexdigest()
        books[f"{document['id']}/{document['version']}"] = {"digest": digest, "document": document}
    return json.dumps({"runbooks": books}), newest


def newest(runbook: str) -> str:
    """The newest version of a runbook in this project."""
    versions = [tuple(map(int, p.stem.split("."))) for p in (PROJECT / "runbooks" / runbook).glob("*.yaml")]
    return ".".join(map(str, max(versions)))


def pin(w: World, runbook: str, params: Mapping[str, Any]) -> None:
    """Let nothing but this runbook be pinned, as an account's owner chooses a store."""
    package(w.d._root)
    path = w.d._root / "governance" / "packaged.json"
    rules = json.loads(path.read_text())
    chosen = {"runbook": runbook, "version": newest(runbook), "mode": "propose", "params": dict(params)}
    path.write_text(json.dumps({**rules, "pins": {"mode": "auto", "pins": [chosen]}}))
    w.d.__dict__.pop("packaged", None)


def _age(path: Path) -> tuple[str, list[int]]:
    """Sorts a runbook's versions, the newest last."""
    return path.parent.name, [int(part) for part in path.stem.split(".")]


def table() -> None:
    text = [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "state", "updated")]
    boto3.client("dynamodb", region_name=REGION).create_table(
        TableName="cases",
        AttributeDefinitions=text,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_state",
                "KeySchema": [
                    {"AttributeName": "state", "KeyType": "HASH"},
                    {"AttributeName": "updated", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def boundary() -> str:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    made = boto3.client("iam").create_policy(PolicyName="suture-boundary", PolicyDocument=json.dumps(document))
    return str(made["Policy"]["Arn"])


def role(name: str, trust: Any = None, policy: Any = None) -> str:
    """An execution role; its inline policy is `policy`."""
    iam = boto3.client("iam")
    trusted = trust or {"Service": "lambda.amazonaws.com"}
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}],
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy))
    return str(arn)


def function(name: str, variables: Mapping[str, str] | None = None) -> Any:
    """A function with a legitimate grant for S3; answers with the Lambda client."""
    client = boto3.client("lambda", region_name=REGION)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}-role"
    try:
        role(f"{name}-role")
    except boto3.client("iam").exceptions.EntityAlreadyExistsException:
        pass
    client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=arn,
        Handler="app.handler",
        Code={"ZipFile": b"PK\x05\x06" + b"\x00" * 18},
        Environment={"Variables": dict(variables or {})},
    )
    client.add_permission(
        FunctionName=name,
        StatementId="from-bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::shop-uploads",
        SourceAccount=ACCOUNT,
    )
    return client


def grants(client: Any, name: str, **qualifier: str) -> list[str]:
    """The Sids of a function's policy."""
    try:
        return sorted(
            s["Sid"] for s in json.loads(client.get_policy(FunctionName=name, **qualifier)["Policy"])["Statement"]
        )
    except client.exceptions.ResourceNotFoundException:
        return []
