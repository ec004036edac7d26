"""Task definitions: which variables hold a secret, and patches that make the revision without them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playing import ACCOUNT, REGION, Account, found, fresh_account, key, planned

from chalicelib import quieting
from chalicelib.aws.readers import read
from chalicelib.controls import judge_one
from chalicelib.model import Hidden, Plan, Resource
from suture.sandbox import mends

TYPE, CONTROL = "AWS::ECS::TaskDefinition", "ecs-task-plaintext-secret"
PASSWORD = "white" + "duke" + "-7Tr0ub"
STORED = {"name": "KEY", "valueFrom": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:key-AbCdEf"}


@pytest.fixture(autouse=True)
def account() -> Iterator[Account]:
    mends.apply_to("ecs")
    with fresh_account() as made:
        yield made


def container(name: str, secrets: tuple[dict[str, str], ...] = (), /, **variables: str) -> dict[str, Any]:
    environment = [{"name": n, "value": v} for n, v in variables.items()]
    given = {"name": name, "image": "shop", "memory": 128, "environment": environment}
    return {**given, "secrets": list(secrets)} if secrets else given


def tasks(*containers: dict[str, Any]) -> Resource:
    hidden = copy.deepcopy(list(containers))
    for one in hidden:
        one["environment"] = [{"name": v["name"], "value": Hidden(v["value"])} for v in one["environment"]]
        one.setdefault("secrets", [])
    config = {"family": "shop", "revision": 3, "containerDefinitions": hidden}
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/shop"
    return Resource(TYPE, arn, "shop", ACCOUNT, REGION, config)


BAD: dict[str, tuple[tuple[dict[str, Any], ...], list[tuple[str, str]]]] = {
    "one": ((container("web", STAGE="prod", DB_PASSWORD=PASSWORD),), [("web", "DB_PASSWORD")]),
    "beside a stored one": ((container("web", (STORED,), DB_PASSWORD=PASSWORD),), [("web", "DB_PASSWORD")]),
    "two and two": (
        (
            container("web", DB_PASSWORD=PASSWORD, STAGE="prod", API_TOKEN=PASSWORD + "x"),
            container("log", (STORED,), A="b", LOG_PASSWORD=PASSWORD, MAIL_PASSWORD=PASSWORD),
        ),
        [("web", "API_TOKEN"), ("web", "DB_PASSWORD"), ("log", "MAIL_PASSWORD"), ("log", "LOG_PASSWORD")],
    ),
}
GOOD: dict[str, Resource] = {
    "nothing": tasks(container("web")),
    "stored": tasks(container("web", ({**STORED, "name": "DB_PASSWORD"},), STAGE="prod")),
    "a reference": tasks(container("web", DB_PASSWORD_ARN=STORED["valueFrom"], SECRET_NAME="prod/db")),
    "a file": tasks(container("web", POSTGRES_PASSWORD_FILE="/run/secrets/db")),
    "a placeholder": tasks(container("web", DB_PASSWORD="changeme")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    containers, places = BAD[name]
    finding = judge_one(CONTROL, tasks(*containers))
    assert finding is not None
    assert [(i["Container"], i["Name"]) for i in finding.evidence] == places
    assert PASSWORD not in json.dumps([finding.title, *finding.evidence])


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    assert judge_one(CONTROL, GOOD[name]) is None


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """RFC 6902 for what the patches use: test, remove, add."""
    for step in patch:
        *path, last = [int(p) if p.isdigit() else p for p in step["path"].split("/")[1:]]
        here = document
        for part in path:
            here = here[part]
        if step["op"] == "test":
            assert here[last] == step["value"]
        elif step["op"] == "remove":
            del here[last]
        elif last == "-":
            here.append(step["value"])
        else:
            here[last] = step["value"]
    return document


@pytest.mark.parametrize("name", BAD)
def test_the_patches_in_their_order_leave_no_secret_and_all_else(account: Account, name: str) -> None:
    containers, places = BAD[name]
    account.client("ecs").register_task_definition(family="shop", containerDefinitions=containers)
    resource = account.read(TYPE, "shop")
    finding = found(CONTROL, resource)
    document = {"containerDefinitions": copy.deepcopy(list(containers))}
    for item in finding.evidence:
        patched(document, item["Patch"])
        (note,) = item["Notes"]
        assert json.loads(note.partition(": ")[2]) == item["Patch"] and len(note) <= 500
    for before, after in zip(containers, document["containerDefinitions"], strict=True):
        gone = {n for c, n in places if c == before["name"]}
        assert after["environment"] == [v for v in before["environment"] if v["name"] not in gone]
        assert {s["name"] for s in after["secrets"]} == gone | {s["name"] for s in before.get("secrets", ())}
    account.client("ecs").register_task_definition(family="shop", **document)
    assert judge_one(CONTROL, account.read(TYPE, "shop")) is None
    plan = planned("ecs-move-task-secret", resource, finding)
    assert isinstance(plan, Plan) and not plan.steps and PASSWORD not in json.dumps(plan.as_json())


def test_an_accepted_value_takes_its_patch_with_it() -> None:
    resource = tasks(*BAD["two and two"][0])
    finding = judge_one(CONTROL, resource)
    assert finding is not None
    told = quieting.keyed(finding, resource, key)
    accepted = frozenset({next(i["Fingerprint"] for i in told.evidence if i["Name"] == "API_TOKEN")})
    left = quieting.less(told, resource, accepted)
    assert left is not None and [i["Name"] for i in left.evidence] == ["DB_PASSWORD", "MAIL_PASSWORD", "LOG_PASSWORD"]
    assert left.evidence[0]["Patch"][-1]["path"] == "/containerDefinitions/0/secrets"


def test_a_family_without_an_active_revision_is_gone(account: Account) -> None:
    client = account.client("ecs")
    assert read(account.aws, TYPE, "shop") is None
    client.register_task_definition(family="shop", containerDefinitions=[container("web", DB_PASSWORD=PASSWORD)])
    client.register_task_definition(family="shop", containerDefinitions=[container("web")])
    assert account.ids(TYPE) == ["shop"] and account.read(TYPE, "shop").config["revision"] == 2
    client.deregister_task_definition(taskDefinition="shop:2")
    assert account.read(TYPE, "shop").config["revision"] == 1
    client.deregister_task_definition(taskDefinition="shop:1")
    assert read(account.aws, TYPE, "shop") is None and account.ids(TYPE) == []
