"""The way out into Parameter Store on the running sandbox: pinned for some functions, beside the one for all others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from foreign import Client, running_sandbox, until
from test_leading_out import OTHERS, PASSWORD, Player, _closed

from suture.sandbox.package import GOVERNANCE

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """A sandbox whose pins lead the functions of one team into Parameter Store; rights follow from pins."""
    rules = tmp_path_factory.mktemp("rules") / "governance"
    shutil.copytree(GOVERNANCE, rules)
    pins = yaml.safe_load((rules / "pins.yaml").read_text())
    mine = {"runbook": "lambda-lead-out-secret-ssm", "version": "1.0.0", "mode": "propose"}
    pins["pins"].append({**mine, "resources": ["arn:aws:lambda:*:*:function:ssm-*"]})
    (rules / "pins.yaml").write_text(yaml.safe_dump(pins))
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), "--governance", str(rules)) as made:
        yield made


class ParameterPlayer(Player):
    def parameters(self) -> dict[str, str]:
        pages = self.deployer.aws("ssm").get_paginator("get_parameters_by_path")
        found = pages.paginate(Path=f"/suture/{self.name}", Recursive=True, WithDecryption=True)
        return {p["Name"]: p["Value"] for page in found for p in page["Parameters"]}

    def holds(self) -> dict[str, Any]:
        return {"variables": self.variables(), "policies": self.policies(), "parameters": self.parameters()}

    def runs(self, invocations: int = 30) -> str:
        given = self.deployer.aws("sts").assume_role(RoleArn=self.role, RoleSessionName="way")["Credentials"]
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        store = boto3.session.Session(*keys, region_name=self.ready["region"]).client(
            "ssm", endpoint_url=self.ready["endpoint_url"]
        )
        dimensions = [{"Name": "FunctionName", "Value": self.name}]
        self.deployer.aws("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[{"MetricName": "Invocations", "Dimensions": dimensions, "Value": invocations}],
        )
        name = self.variables()["DB_PASSWORD_PARAMETER"]
        return str(store.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def test_it_is_led_into_parameter_store_and_taken_back_at_each_stage(ready: Mapping[str, Any]) -> None:
    player = ParameterPlayer(ready, "ssm-python", "python3.12")
    player.expose()
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
        assert player.holds() == done
        if stage == "reference":
            player.come_to("WAITING_OWNER", "observe")
            assert player.runs() == PASSWORD
    (name,) = player.parameters()
    assert _closed(player) == {**OTHERS, "DB_PASSWORD_PARAMETER": name}


def test_others_still_go_to_secrets_manager(ready: Mapping[str, Any]) -> None:
    player = Player(ready, "way-other", "nodejs20.x")
    player.expose()
    player.approve("store")
    player.comes_after("store")
    assert len(player.secrets()) == 1


def test_the_value_is_nowhere_but_in_the_stores(ready: Mapping[str, Any]) -> None:
    deployer = Client(ready, "deployer")
    pages = deployer.aws("dynamodb").get_paginator("scan").paginate(TableName=ready["table"])
    until(lambda: deployer.api.cases()["cases"], "the list of cases")
    places = {
        "table": json.dumps([p["Items"] for p in pages], default=str),
        "log": Path(ready["log"]).read_text(),
        "api": json.dumps([deployer.api.case(c["id"]) for c in deployer.api.cases()["cases"]]),
    }
    assert not [where for where, text in places.items() if PASSWORD in text]
