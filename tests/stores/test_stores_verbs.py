"""The small interface of a store: put, read back, grant, retire, each planned by its runbook and taken back."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import yaml
from moto import mock_aws
from places import Place, place
from test_stores_words import rights
from world import ACCOUNT, PROJECT, REGION, function, newest

from chalicelib import planning, runbooks
from chalicelib.aws.answers import plain
from chalicelib.aws.clients import Clients
from chalicelib.aws.operations import OPERATIONS, resource_of
from chalicelib.aws.readers import read
from chalicelib.controls import judge_one
from chalicelib.errors import CallFailed
from chalicelib.iam.permissions import may
from chalicelib.model import Call, Plan
from chalicelib.runbooks import Runbook
from chalicelib.stores import STORES
from chalicelib.writers import writer_of
from suture.sandbox import mends

CONTROL, CASE = "lambda-env-plaintext-secret", "C-0123456789"
VALUE = "hunter2-" + "Tr0ub4dor&3"


def key() -> bytes:
    return b"k" * 32


def book(name: str) -> Runbook:
    text = (PROJECT / "runbooks" / name / f"{newest(name)}.yaml").read_text("utf-8")
    return runbooks.runbook(yaml.safe_load(text), "sha256:test")


@dataclass
class Played:
    """One verb on one store: its plan, and whether what it should have made can be read."""

    clients: Clients
    plan: Plan
    at: planning.Bench

    def does(self) -> None:
        for step in self.plan.steps:
            self.call(step.call)

    def undoes(self) -> None:
        for step in reversed(self.plan.steps):
            for call in step.undo:
                self.call(call)

    def call(self, call: Call) -> None:
        assert OPERATIONS[call.operation].kind == "write"
        self.clients.call(call.operation, planning.late_values(call.parameters, self.at))

    def shows(self) -> bool:
        """Do all verifying reads hold? One that is refused does not."""
        try:
            return all(
                holds(plain(self.clients.call(c.operation, c.parameters))) for c, holds in planning.checks(self.at)
            )
        except CallFailed:
            return False


class Shelf:
    """A function with a secret, and the verbs of one store on it."""

    def __init__(self, at: Place) -> None:
        self.at, self.clients = at, Clients(ACCOUNT, REGION)
        at.known_to(self.clients)
        function("orders", {"DB_PASSWORD": VALUE, "STAGE": "prod"})

    def verb(self, runbook: str, **more: Any) -> Played:
        resource = read(self.clients, "AWS::Lambda::Function", "orders")
        assert resource is not None
        finding = judge_one(CONTROL, resource)
        assert finding is not None
        chosen = book(runbook)
        params = planning.parameters_of(chosen, {**self.at.params, **more}, {})
        found = planning.plan(CASE, resource, finding, chosen, params, key)
        assert isinstance(found, Plan), found
        assert VALUE not in json.dumps(found.as_json())
        return Played(self.clients, found, planning.bench(CASE, resource, finding, chosen, params, key))


@pytest.fixture(params=STORES)
def shelf(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    mends.apply()
    with place(request.param, tmp_path, monkeypatch) as at, mock_aws(config={"lambda": {"use_docker": False}}):
        yield Shelf(at)


def test_every_verb_shows_its_effect_and_its_undo(shelf: Shelf) -> None:
    store = STORES[shelf.at.name]
    put = shelf.verb(store.put)
    assert not put.shows()
    put.does()
    assert put.shows() and shelf.at.holds(CASE) == [VALUE]
    if store.grant:
        grant = shelf.verb(store.grant)
        assert not grant.shows()
        grant.does()
        assert grant.shows()
        grant.undoes()
        assert not grant.shows() and put.shows()
    retire = shelf.verb(store.retire)
    assert not retire.shows()
    retire.does()
    assert retire.shows() and shelf.at.holds(CASE) == []
    if book(store.retire).reversible == "full":
        retire.undoes()
        assert put.shows() and shelf.at.holds(CASE) == [VALUE]
        put.undoes()
        assert not put.shows() and shelf.at.holds(CASE) == []


def test_its_writer_may_make_every_call_of_every_verb(shelf: Shelf) -> None:
    store = STORES[shelf.at.name]
    for id_ in filter(None, (store.put, store.grant, store.retire)):
        played, operations = shelf.verb(id_), book(id_).operations()
        calls = [c for s in played.plan.steps for c in (s.call, *s.undo)] + [c for c, _ in planning.checks(played.at)]
        held = rights(writer_of(operations), *operations)
        for call in calls:
            for action, template in OPERATIONS[call.operation].iam:
                resource = resource_of(template, call.parameters, ACCOUNT, REGION, "aws").replace("/C-*", "/C-x")
                context = {"sts:IdentityTokenAudience": ["api://AzureADTokenExchange"]}
                assert may([held], action, resource, context=context).is_allowed, (action, resource)


def test_verbose_logging_holds_no_value(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "botocore")
    shelf.verb(STORES[shelf.at.name].put).does()
    assert caplog.records
    told = "".join(f"{r.getMessage()} {vars(r)}" for r in caplog.records if not r.name.startswith("moto"))
    assert not [form for form in (VALUE, quote(VALUE), base64.b64encode(VALUE.encode()).decode()) if form in told]


def test_read_back_sees_that_the_store_holds_another_value(shelf: Shelf) -> None:
    """The fingerprint beside the stored value is compared with the fresh one, in this process."""
    store = STORES[shelf.at.name]
    shelf.verb(store.put).does()
    environment = {"Variables": {"DB_PASSWORD": VALUE + "-rotated", "STAGE": "prod"}}
    boto3.client("lambda").update_function_configuration(FunctionName="orders", Environment=environment)
    assert not shelf.verb(store.put).shows()


@pytest.mark.parametrize("name", STORES)
def test_a_store_is_its_runbooks(name: str) -> None:
    store = STORES[name]
    for id_ in filter(None, (store.put, store.grant, store.retire)):
        chosen = book(id_)
        assert (chosen.tier, chosen.mode, chosen.leaves) == ("high", "propose", "open")
        assert chosen.verify, "nothing is believed before it is read back"
        services = {operation.split(":")[0] for operation in chosen.writes()}
        assert services <= ({store.service} if id_ != store.grant else {store.service, "iam"})
        undone = [bool(step.undo) for step in chosen.steps]
        assert all(undone) or chosen.reversible != "full"
    assert store.grant or store.by_hand


@pytest.mark.parametrize(
    "name", [n for n, o in OPERATIONS.items() if n.split(":")[0] in {s.service for s in STORES.values()}]
)
def test_nothing_in_the_catalogue_destroys_for_good(name: str) -> None:
    assert not {"Purge", "Destroy", "Force"} & set(_words(name.split(":")[1]))


def _words(name: str) -> list[str]:

    return re.findall("[A-Z][a-z]*", name)


@pytest.mark.parametrize("name", ["secretsmanager", "ssm"])
def test_a_customer_key_reaches_the_store_and_the_grant(name: str) -> None:
    mends.apply()
    with mock_aws(config={"lambda": {"use_docker": False}}):
        key_arn = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
        shelf = Shelf(Place(name))
        put = shelf.verb(STORES[name].put, kms_key=key_arn)
        put.does()
        assert put.shows()
        assert key_arn in (put.plan.steps[0].call.parameters.get(k) for k in ("KmsKeyId", "KeyId"))
        grant = shelf.verb(STORES[name].grant, kms_key=key_arn)
        grant.does()
        policy: Mapping[str, Any] = boto3.client("iam").get_role_policy(
            RoleName="orders-role", PolicyName=grant.plan.steps[0].call.parameters["PolicyName"]
        )["PolicyDocument"]
        assert [(s["Action"], s["Resource"]) for s in policy["Statement"]][1] == ("kms:Decrypt", key_arn)
