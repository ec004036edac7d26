"""The journal believes nothing without its MAC; the lease has one holder; the switch is read as it stands."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from test_planning import BASE
from world import REGION, World

from chalicelib.aws.journal import Journal
from chalicelib.aws.table import Table
from chalicelib.errors import Conflict, Escalation

KEY = "RES"


@pytest.fixture
def table(w: World) -> Table:
    return w.d.ledger.table


def journal(table: Table, worker: str = "one", key: bytes = b"k") -> Journal:
    return Journal(table, lambda: key, worker)


def begun(table: Table) -> Journal:
    made = journal(table)
    made.take_lease(KEY, "2026", "2027")
    made.begin(BASE, {"Timeout": 3}, ["c"], KEY, "2026")
    return made


def test_what_was_written_is_read_back(table: Table) -> None:
    made = begun(table)
    assert made.read(BASE.case, "sha256:other") is None
    made.start(BASE, 0, KEY, "2026")
    started = made.read(BASE.case, BASE.digest)
    assert started and [(s.number, s.done) for s in started.steps] == [(0, False)]
    made.finish(BASE, 0, {})
    made.after(BASE, "sha256:after")
    made.start_undo(BASE, 0, BASE.steps[0].undo[0], KEY, "2026")
    made.take_back(BASE, "not verified")
    found = made.read(BASE.case, BASE.digest)
    assert found and found.plan == BASE and found.steps[0].done and found.steps[0].undo == BASE.steps[0].undo
    assert (found.before, found.after, found.back) == (BASE.state_digest, "sha256:after", "not verified")
    assert found.undoing == {0} and found.broken == {"c"}


@pytest.mark.parametrize("attribute", ["body", "mac", "sk", "pk"])
def test_a_tampered_entry_is_refused(table: Table, attribute: str) -> None:
    made = begun(table)
    made.start(BASE, 0, KEY, "2026")
    client = boto3.client("dynamodb", region_name=REGION)
    items: list[Any] = client.scan(TableName="cases")["Items"]
    (entry,) = [i for i in items if i["sk"]["S"].endswith("STARTED")]
    changed = {
        "body": entry["body"]["S"].replace('"s"', '"t"'),
        "mac": "0" * 64,
        "sk": entry["sk"]["S"].replace("0000", "0001"),
        "pk": entry["pk"]["S"] + "9",
    }[attribute]
    client.put_item(TableName="cases", Item={**entry, attribute: {"S": changed}})
    with pytest.raises(Escalation, match="was not written by a writer"):
        made.read(BASE.case + ("9" if attribute == "pk" else ""), BASE.digest)


def test_another_key_believes_nothing(table: Table) -> None:
    begun(table)
    with pytest.raises(Escalation):
        journal(table, key=b"other").read(BASE.case, BASE.digest)


def test_the_lease_has_one_holder_until_its_time_is_over(table: Table) -> None:
    one, two = journal(table, "one"), journal(table, "two")
    one.take_lease(KEY, "2026-01", "2026-02")
    one.take_lease(KEY, "2026-01", "2026-02")
    with pytest.raises(Conflict):
        two.take_lease(KEY, "2026-01", "2026-02")
    two.release_lease(KEY)
    with pytest.raises(Conflict):
        two.take_lease(KEY, "2026-01", "2026-02")
    two.take_lease(KEY, "2026-03", "2026-04")
    with pytest.raises(Conflict):
        one.start(BASE, 0, KEY, "2026-03")
    with pytest.raises(Conflict):
        one.begin(BASE, {}, [], KEY, "2026-03")
    one.release_lease(KEY)
    with pytest.raises(Conflict):
        one.take_lease(KEY, "2026-03", "2026-04")
    two.release_lease(KEY)
    one.take_lease(KEY, "2026-03", "2026-04")


def test_nothing_is_journalled_after_the_lease_ended(table: Table) -> None:
    made = begun(table)
    with pytest.raises(Conflict):
        made.start(BASE, 0, KEY, "2028")


def test_the_switch(table: Table) -> None:
    def why() -> str:
        return journal(table).why_paused("123456789012", "lambda-url-public", "lambda-require-url-auth")

    assert why() == ""
    table.put({"pk": "SWITCH#global", "sk": "PAUSE", "paused": 1, "body": "{}"})
    assert why() == "every write is paused"
    table.put({"pk": "SWITCH#global", "sk": "PAUSE", "paused": 0, "body": "{}"})
    assert why() == ""


@pytest.mark.parametrize(
    ("sk", "stops"),
    [
        ("PAUSE#account#123456789012", True),
        ("PAUSE#account#210987654321", False),
        ("PAUSE#control#lambda-url-public", True),
        ("PAUSE#control#lambda-url", False),
        ("PAUSE#runbook#lambda-require-url-auth", True),
        ("PAUSE#runbook#lambda-url-public", False),
        ("PAUSE#region#us-east-1", True),  # a kind of a newer version: whatever it is for, it was meant to stop
    ],
)
@pytest.mark.parametrize("body", ["{}", "no JSON", '{"by": "sam", "at": "2026", "reason": "storm"}'])
def test_a_switch_of_one_scope(table: Table, sk: str, stops: bool, body: str) -> None:
    table.put({"pk": "SWITCH#global", "sk": sk, "paused": 1, "body": body})
    why = journal(table).why_paused("123456789012", "lambda-url-public", "lambda-require-url-auth")
    assert bool(why) == stops
    assert ("sam" in why) == (stops and "sam" in body)
