"""Each store under the executor: approved, stored, read back, undone; killed, and refused, at every call."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from faults import WRITES, Faults, Killed, Stage
from places import Place, place
from world import World, function, pin

from chalicelib.cases import Case
from chalicelib.errors import Denied, Throttled
from chalicelib.model import Json
from chalicelib.stores import STORES

CONTROL, FUNCTION = "lambda-env-plaintext-secret", "AWS::Lambda::Function"
VALUE = "hunter2-" + "Tr0ub4dor&3"
OURS = {"PutParameter", "DeleteParameter", "PutResourcePolicy", "DeleteResourcePolicy"}


class Watched:
    """An adapter whose calls can die or be refused, as those of AWS can."""

    def __init__(self, vault: Any, faults: Faults) -> None:
        self._vault, self._faults = vault, faults

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        self._faults.tick(name)
        code = self._faults.refuse(name, len(self._faults.calls))
        if code:
            kind = {"AccessDenied": Denied, "Throttling": Throttled}[code]
            raise kind("on purpose", operation=name, code=code)
        if not name.endswith(("DescribeSecret", "GetSecretAccessors")):
            assert name in self._faults._journalled, f"{name} without a journal record right before it"
            self._faults.writes.append(name)
        answer: Mapping[str, Json] = self._vault.call(name, parameters)
        return answer


@pytest.fixture(params=STORES)
def at(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place(request.param, tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def stage(w: World, at: Place, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("faults.WRITES", WRITES | OURS)
    pin(w, STORES[at.name].put, {k: v for k, v in at.params.items() if k != "member"})
    made = Stage(w)
    at.known_to(w.d.clients)
    for service, vault in list(w.d.clients.vaults.items()):
        w.d.clients.vaults[service] = Watched(vault, made.faults)
    return made


def points(calls: list[str]) -> list[int]:
    """The calls to die at: those around every write, and the last; in the soak (SUTURE_SOAK=1) all of them."""
    near = {n + k for n, name in enumerate(calls, 1) if name in WRITES | OURS or ":" in name for k in (-1, 0, 1, 2)}
    every = range(1, len(calls) + 1)
    return [n for n in every if n in near or n == len(calls) or os.environ.get("SUTURE_SOAK")]


def approved(stage: Stage, name: str) -> dict[str, Any]:
    function(name, {"DB_PASSWORD": VALUE, "STAGE": "prod"})
    stage.look(FUNCTION, name)
    stage.decide("oncall", the_case(stage, name), "approve")
    return stage.writer_message()


def the_case(stage: Stage, name: str) -> Case:
    return stage.case(name, CONTROL)


def stored(stage: Stage, name: str) -> Case:
    assert stage.deliver(approved(stage, name)) == []
    case = the_case(stage, name)
    assert case.state == "WAITING_OWNER", case.outcome
    return case


def test_it_is_stored_read_back_and_nowhere_else(stage: Stage, at: Place, capfd: pytest.CaptureFixture[str]) -> None:
    case = stored(stage, "orders")
    assert at.holds(case.id) == [VALUE]
    assert VALUE not in json.dumps(stage.w.items()) + "".join(capfd.readouterr())


def test_undo_takes_it_out_of_use(stage: Stage, at: Place) -> None:
    case = stored(stage, "orders")
    stage.decide("oncall", case, "undo")
    stage.settle()
    assert the_case(stage, "orders").state == "UNDONE", the_case(stage, "orders").outcome
    assert at.holds(case.id) == []


def test_a_writer_killed_at_any_call_stores_the_value_once(stage: Stage, at: Place) -> None:
    for n in points(stage.calls_of(approved(stage, "measure"))):
        stage.queues.take("notices", "changes")
        stage.faults.reset()
        message = approved(stage, f"thing{n}")
        stage.faults.reset(kill_at=n)
        with pytest.raises(Killed):
            stage.deliver(message)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message)
        case = the_case(stage, f"thing{n}")
        assert (case.state, at.holds(case.id)) == ("WAITING_OWNER", [VALUE]), f"killed at call {n}: {case.outcome}"


def test_a_writer_killed_at_any_call_of_an_undo_ends_it(stage: Stage, at: Place) -> None:
    stage.decide("oncall", stored(stage, "measure"), "undo")
    for n in points(stage.calls_of(stage.writer_message())):
        stage.faults.reset()
        stage.decide("oncall", stored(stage, f"thing{n}"), "undo")
        message = stage.writer_message()
        stage.faults.reset(kill_at=n)
        with pytest.raises(Killed):
            stage.deliver(message)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message)
        case = the_case(stage, f"thing{n}")
        assert (case.state, at.holds(case.id)) == ("UNDONE", []), f"killed at call {n}: {case.outcome}"


def own_calls(stage: Stage, at: Place) -> list[str]:
    """The calls of the store that storing makes, each once."""
    calls = stage.calls_of(approved(stage, "measure"))
    found = [c for c in calls if ":" in c or c in OURS | {"CreateSecret", "DescribeSecret", "DescribeParameters"}]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
def test_each_call_refused_leaves_a_case_that_can_be_taken_back(stage: Stage, at: Place, code: str) -> None:
    """What is denied escalates, says so without the value, and is undone on demand; throttling only takes longer."""
    for n, refused in enumerate(own_calls(stage, at)):
        stage.queues.take("notices", "changes")
        stage.faults.reset()
        message = approved(stage, f"thing{n}")
        left = [2]

        def refuse(name: str, _: int, refused: str = refused, left: list[int] = left) -> str:
            left[0] -= name == refused
            return code if name == refused and (code == "AccessDenied" or left[0] >= 0) else ""

        stage.faults.reset(refuse=refuse)
        stage.settle(message)
        stage.faults.reset()
        case = the_case(stage, f"thing{n}")
        if code == "Throttling":
            assert (case.state, at.holds(case.id)) == ("WAITING_OWNER", [VALUE]), f"{refused}: {case.outcome}"
            continue
        assert VALUE not in json.dumps(stage.w.items())
        if case.applied:
            stage.decide("oncall", case, "undo")
            stage.settle()
        assert the_case(stage, f"thing{n}").state in ("ESCALATED", "UNDONE"), f"{refused}: {case.outcome}"
        assert at.holds(case.id) == [], refused


def test_a_value_that_changed_meanwhile_is_not_stored(stage: Stage, at: Place) -> None:
    import boto3

    message = approved(stage, "orders")
    environment = {"Variables": {"DB_PASSWORD": VALUE + "-new", "STAGE": "prod"}}
    boto3.client("lambda").update_function_configuration(FunctionName="orders", Environment=environment)
    stage.settle(message)
    case = the_case(stage, "orders")
    assert case.state == "SUPERSEDED" and at.holds(case.id) == []
