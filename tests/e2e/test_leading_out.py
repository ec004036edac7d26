"""The way out of a plaintext secret, played on the running sandbox by foreign clients: a Python and a Node function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from canary import CANARY, files_below, found_in, text_of
from foreign import Client, allow, code, policy, running_sandbox, until

from chalicelib.errors import BadRequest

pytestmark = pytest.mark.sandbox
CONTROL = "lambda-env-plaintext-secret"
PASSWORD = CANARY
LATER = PASSWORD + "-later"
OTHERS = {"TABLE": "orders", "ODD": "ä=\n\t\"'\\", "EMPTY_LIKE": " "}
APPROVERS = {"store": ["oncall"], "grant": ["security"], "reference": ["oncall"], "remove": ["oncall"]}
APPROVERS["prune"] = ["oncall", "security"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), "--chaos", "redeliver=1") as made:
        yield made


class Player:
    """One function on its way, seen by those who decide about it and by those who deploy it."""

    def __init__(self, sandbox: Mapping[str, Any], name: str, runtime: str) -> None:
        self.ready, self.name, self._case = sandbox, name, ""
        self.deployer = Client(sandbox, "deployer")
        self.client = self.deployer.aws("lambda")
        iam = self.deployer.aws("iam")
        trust = {"Service": "lambda.amazonaws.com", "AWS": f"arn:aws:iam::{sandbox['account']}:root"}
        self.role = iam.create_role(
            RoleName=f"{name}-role", AssumeRolePolicyDocument=policy(allow(trust, "sts:AssumeRole"))
        )["Role"]["Arn"]
        self.client.create_function(
            FunctionName=name, Runtime=runtime, Role=self.role, Handler="a.h", Code={"ZipFile": code()}
        )

    def expose(self, password: str = PASSWORD, **more: str) -> None:
        """What a hurried deploy does."""
        self.client.update_function_configuration(
            FunctionName=self.name, Environment={"Variables": {**OTHERS, **more, "DB_PASSWORD": password}}
        )

    @property
    def page(self) -> Mapping[str, Any]:
        """The case as the API shows it. A list may miss a case that moves just now, so its id is kept."""
        if not self._case:
            cases = [c for c in self.deployer.api.cases()["cases"] if c["control"] == CONTROL and self.name in c["arn"]]
            self._case = cases[0]["id"] if cases else ""
        return self.deployer.api.case(self._case) if self._case else {}

    def come_to(self, state: str, stage: str) -> Mapping[str, Any]:
        def found() -> Any:
            page = self.page
            case = page.get("case") or {}
            there = (case.get("state"), (case.get("standing") or {}).get("stage")) == (state, stage)
            return page if there else None

        return until(found, f"{self.name} is {state} at {stage}")["case"]

    def decide(self, who: str, decision: str, plan: str = "", **more: str) -> Any:
        return Client(self.ready, who).api.decide(self.page["case"]["id"], decision, plan, "on purpose", "", more)

    def approve(self, stage: str) -> None:
        case = self.come_to("PENDING", stage)
        for who in APPROVERS[stage]:
            self.decide(who, "approve", case["plan"]["digest"])

    def comes_after(self, stage: str) -> None:
        """Wait until a stage was applied, and the next one is planned or waited at."""

        def there() -> bool:
            case = self.page["case"]
            is_last = bool(case["stages"]) and case["stages"][-1]["stage"] == stage
            return is_last and case["standing"]["stage"] != stage and case["state"] in ("PENDING", "WAITING_OWNER")

        until(there, f"{stage} is applied")

    def undo(self, stage: str) -> None:
        plan = self.page["undoable"]["plan"]
        for who in APPROVERS[stage]:
            self.decide(who, "undo", plan)
        self.come_to("UNDONE", stage)

    def variables(self) -> dict[str, str]:
        found = self.client.get_function_configuration(FunctionName=self.name)
        return dict(found["Environment"]["Variables"])

    def policies(self) -> list[str]:
        return list(self.deployer.aws("iam").list_role_policies(RoleName=f"{self.name}-role")["PolicyNames"])

    def secrets(self) -> list[str]:
        return [
            s["ARN"] for s in self.deployer.aws("secretsmanager").list_secrets()["SecretList"] if self.name in s["ARN"]
        ]

    def holds(self) -> dict[str, Any]:
        return {"variables": self.variables(), "policies": self.policies(), "secrets": self.secrets()}

    def is_refused(self, who: str) -> bool:
        """May somebody with all rights on secrets not read this one?"""
        store = Client(self.ready, who).aws("secretsmanager")
        store.describe_secret(SecretId=self.secrets()[0])
        with pytest.raises(ClientError, match="explicit deny|not authorized"):
            store.get_secret_value(SecretId=self.secrets()[0])
        return True

    def runs(self, invocations: int = 30) -> str:
        """The function's code, as its role: takes the secret, and is counted by CloudWatch."""
        given = self.deployer.aws("sts").assume_role(RoleArn=self.role, RoleSessionName="way")["Credentials"]
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        session = boto3.session.Session(*keys, region_name=self.ready["region"])
        store = session.client("secretsmanager", endpoint_url=self.ready["endpoint_url"])
        dimensions = [{"Name": "FunctionName", "Value": self.name}]
        self.deployer.aws("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[{"MetricName": "Invocations", "Dimensions": dimensions, "Value": invocations}],
        )
        return str(store.get_secret_value(SecretId=self.variables()["DB_PASSWORD_SECRET_ARN"])["SecretString"])


def test_python_with_an_alias_and_three_versions_is_led_out_and_taken_back_at_each_stage(
    ready: Mapping[str, Any],
) -> None:
    player = Player(ready, "way-python", "python3.12")
    player.expose()
    for number in range(3):
        player.client.update_function_configuration(FunctionName="way-python", Description=f"release {number}")
        player.client.publish_version(FunctionName="way-python")
    player.client.create_alias(FunctionName="way-python", Name="prod", FunctionVersion="2")
    player.come_to("PENDING", "store")
    for stage in ("store", "grant", "reference", "remove"):
        player.come_to("PENDING", stage)
        was = player.holds()
        player.approve(stage)
        player.comes_after(stage)
        done = player.holds()
        assert done != was
        player.undo(stage)
        assert player.holds() == was, f"{stage} taken back to the byte"
        player.decide("security", "continue")
        player.approve(stage)
        player.comes_after(stage)
        assert player.holds() == {**done, "secrets": player.secrets()}
        if stage == "reference":
            player.come_to("WAITING_OWNER", "observe")
            assert player.runs() == PASSWORD
    assert player.variables() == {**OTHERS, "DB_PASSWORD_SECRET_ARN": player.secrets()[0]}
    with pytest.raises(BadRequest, match="came later"):
        player.decide("oncall", "undo", player.page["case"]["stages"][0]["plan"]["digest"])
    player.approve("prune")
    case = player.come_to("WAITING_OWNER", "prune")
    assert case["told"]["prune"]["needed"] == [{"Version": "2", "By": "alias prod"}]
    versions = player.client.list_versions_by_function(FunctionName="way-python")["Versions"]
    assert [v["Version"] for v in versions] == ["$LATEST", "2"]
    player.client.update_alias(FunctionName="way-python", Name="prod", FunctionVersion="$LATEST")
    player.approve("prune")
    _closed(player)


def test_node_is_led_out_though_somebody_deploys_another_password_meanwhile(ready: Mapping[str, Any]) -> None:
    player = Player(ready, "way-node", "nodejs20.x")
    player.expose()
    for stage in ("store", "grant", "reference"):
        player.approve(stage)
    player.come_to("WAITING_OWNER", "observe")
    assert player.runs() == PASSWORD and player.is_refused("deployer")
    player.expose(LATER, DB_PASSWORD_SECRET_ARN=player.secrets()[0])
    player.approve("store")
    player.comes_after("store")
    assert player.runs() == LATER
    player.undo("store")
    assert player.runs() == PASSWORD and player.variables()["DB_PASSWORD"] == LATER
    player.decide("security", "continue")
    player.approve("store")
    player.comes_after("store")
    assert player.runs() == LATER
    player.approve("remove")
    assert _closed(player) == {**OTHERS, "DB_PASSWORD_SECRET_ARN": player.secrets()[0]}


def test_the_value_is_nowhere_but_in_the_store(ready: Mapping[str, Any]) -> None:
    """Nowhere in what one can ask for or find on disk, after a message that nobody can read is a dead letter too.
    Excepted is what holds the account: the memory of the sandbox's own process, where moto keeps it.
    """
    deployer = Client(ready, "deployer")
    sqs = deployer.aws("sqs")
    urls = {url.rsplit("/", 1)[1]: url for url in sqs.list_queues()["QueueUrls"]}
    (changes,) = [url for name, url in urls.items() if name.endswith("-changes")]
    sqs.send_message(QueueUrl=changes, MessageBody="{no JSON")
    dead = [url for name, url in urls.items() if name.endswith("-dlq")]

    def letters() -> list[str]:
        asked = [sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0) for url in dead]
        return [m["Body"] for answer in asked for m in answer.get("Messages", [])]

    until(letters, "a dead letter")
    pages = deployer.aws("dynamodb").get_paginator("scan").paginate(TableName=ready["table"])
    history = deployer.aws("cloudtrail").get_paginator("lookup_events").paginate()
    places: dict[str, str | bytes] = {
        "table": text_of([p["Items"] for p in pages]),
        "api": json.dumps([deployer.api.case(c["id"]) for c in deployer.api.cases()["cases"]]),
        "dead letters": "\n".join(letters()),
        "CloudTrail": json.dumps([p["Events"] for p in history], default=str),
    }
    assert "UpdateFunctionConfiguration" in str(places["CloudTrail"]) and "CreateSecret" in str(places["CloudTrail"])
    on_disk = files_below(Path(ready["log"]).parent)
    assert b"waiting_owner" in on_disk["log"] and b"the message is no JSON" in on_disk["log"]
    assert not found_in({**places, **on_disk})


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="only Linux tells the limits of a process")
def test_no_process_of_the_sandbox_leaves_a_core(ready: Mapping[str, Any]) -> None:
    sandbox = (Path(ready["log"]).parent / "lock").read_text()
    started = "".join(f.read_text() for f in Path(f"/proc/{sandbox}/task").glob("*/children")).split()
    assert started, "functions are warm"
    for pid in (sandbox, *started):
        limits = Path(f"/proc/{pid}/limits").read_text()
        (most,) = [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")]
        assert set(most) <= {"0", "1"}, pid


def _closed(player: Player) -> dict[str, str]:
    """Attested, resolved, and nothing else changed."""
    player.come_to("WAITING_OWNER", "rotate")
    with pytest.raises(BadRequest):
        player.decide("developer", "attest", by="Olly", at=_now())
    player.decide("oncall", "attest", by="Olly", at=_now())
    until(lambda: player.page["case"]["state"] == "RESOLVED", "the case is closed")
    return player.variables()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
