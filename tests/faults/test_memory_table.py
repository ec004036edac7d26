"""The table in memory answers as moto's does, to everything that `chalicelib.aws.table` can ask."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_table import MemoryTable
from moto import mock_aws
from world import REGION, table

from chalicelib.aws.clients import Clients, classified
from chalicelib.aws.table import Table, Update, body, part_check, part_put, part_update
from chalicelib.errors import SutureError

NAMES, TIMES = ("a", "b"), ("2026-01-01", "2026-01-02", "2026-01-03")


class InMemory(Clients):
    def __init__(self) -> None:
        self.memory = MemoryTable()

    def call(self, name: str, parameters: Any) -> Any:
        try:
            return self.memory.call(name.split(":")[1], parameters)
        except ClientError as error:
            raise classified(error, name) from error


@pytest.fixture(scope="module")
def moto_table() -> Iterator[Table]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        table()
        yield Table(Clients("123456789012", REGION), "cases")


def _put(names: Any, times: Any) -> Callable[[Table], Any]:
    item = {"pk": "P#1", "sk": names, "version": 1, "state": "PENDING", "updated": times, "expires": times}
    return lambda t: t.put({**item, "body": body({"t": times})}, is_new=True)


def _over(names: Any, version: int, expired: Any) -> Callable[[Table], Any]:
    item = {"pk": "P#1", "sk": names, "version": version + 1, "state": "APPROVED", "updated": expired}
    return lambda t: t.write(part_put(item, version=version, unexpired=expired))


def _lease(names: Any, me: Any, now: Any) -> Callable[[Table], Any]:
    free = Update().set("owner", me).set("until", TIMES[2]).if_free("until", now, "owner", me)
    return lambda t: t.update(f"LEASE#{names}", "LEASE", free)


def _release(names: Any, me: Any) -> Callable[[Table], Any]:
    return lambda t: t.update(f"LEASE#{names}", "LEASE", Update().set("until", "0").if_equal("owner", me))


def _journal(names: Any, me: Any, now: Any) -> Callable[[Table], Any]:
    held = part_check(
        f"LEASE#{names}", "LEASE", "#o = :o AND #u > :n", {"#o": "owner", "#u": "until"}, {":o": me, ":n": now}
    )
    return lambda t: t.write(held, part_put({"pk": "JOURNAL#1", "sk": f"{names}#{now}", "worker": me}))


def _slot(names: Any, me: Any) -> Callable[[Table], Any]:
    taken = Update().set("case:x-y", names).add("opened:x-y", 1).if_absent("case:x-y", or_equal=me)
    return lambda t: t.write(part_update("RES#1", "OBS", taken))


def _given_back(names: Any) -> Callable[[Table], Any]:
    return lambda t: t.update("RES#1", "OBS", Update().set("seen", names).remove("case:x-y"))


name, who, when = st.sampled_from(NAMES), st.sampled_from(("w1", "w2")), st.sampled_from(TIMES)
ACTS = st.one_of(
    st.builds(_put, name, when),
    st.builds(_over, name, st.integers(1, 3), when),
    st.builds(_lease, name, who, when),
    st.builds(_release, name, who),
    st.builds(_journal, name, who, when),
    st.builds(_slot, name, who),
    st.builds(_given_back, name),
    st.just(lambda t: t.get("RES#1", "OBS")),
    st.just(lambda t: list(t.query("JOURNAL#1", "a#"))),
    st.just(lambda t: sorted(t.by_state("PENDING", TIMES[0]), key=str)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(ACTS, max_size=12))
def test_both_tables_answer_the_same(moto_table: Table, acts: list[Callable[[Table], Any]]) -> None:
    _emptied()
    ours = Table(InMemory(), "cases")
    for act in acts:
        assert _answer(act, ours) == _answer(act, moto_table)
    kept = {(i["pk"]["S"], i["sk"]["S"]): i for i in boto3.client("dynamodb", REGION).scan(TableName="cases")["Items"]}
    assert ours._clients.memory.items == kept  # type: ignore[attr-defined]


def _answer(act: Callable[[Table], Any], table: Table) -> Any:
    try:
        return act(table)
    except SutureError as error:
        return type(error).__name__


def _emptied() -> None:
    client = boto3.client("dynamodb", REGION)
    for item in client.scan(TableName="cases")["Items"]:
        with contextlib.suppress(ClientError):
            client.delete_item(TableName="cases", Key={n: item[n] for n in ("pk", "sk")})
