"""The transition table is closed, whole, and leads home from everywhere."""

from __future__ import annotations

from dataclasses import fields

import pytest

from chalicelib.cases import (
    AFTER_APPLY,
    ASKED_AGAIN,
    IN_FLIGHT,
    MOST_CAUSERS,
    TRANSITIONS,
    Case,
    case_id,
    moved,
    noted,
    with_causers,
)
from chalicelib.errors import Conflict
from chalicelib.messages import headline
from chalicelib.model import Principal
from chalicelib.opening import REMEMBERED

CASE = Case(
    "C-1", "1", "r", "AWS::Lambda::Function", "f", "arn:f", "c", "DETECTED", 1, "2026", "2026", evidence=({"Sid": "a"},)
)


def _reachable(start: str) -> set[str]:
    known, new = {start}, [start]
    while new:
        new = [s for state in new for s in TRANSITIONS[state] if s not in known]
        known.update(new)
    return known


def test_the_table_is_closed_and_every_state_is_reached() -> None:
    assert {s for ends in TRANSITIONS.values() for s in ends} <= set(TRANSITIONS)
    assert _reachable("DETECTED") == set(TRANSITIONS)


@pytest.mark.parametrize("state", sorted(TRANSITIONS))
def test_every_state_leads_to_resolved(state: str) -> None:
    assert "RESOLVED" in _reachable(state)


@pytest.mark.parametrize("state", sorted(TRANSITIONS))
def test_no_state_follows_itself_and_no_other_than_the_table_says(state: str) -> None:
    from dataclasses import replace

    case = replace(CASE, state=state)
    for other in TRANSITIONS:
        if other in TRANSITIONS[state]:
            after = moved(case, other, "2027")
            assert (after.state, after.version, after.updated) == (other, 2, "2027")
        else:
            with pytest.raises(Conflict):
                moved(case, other, "2027")
    assert state not in TRANSITIONS[state]
    assert headline(case).startswith("[")


def test_what_holds_a_slot_can_always_be_left() -> None:
    """A state that a finding meets again must lead to a new decision, or its message would fail for ever."""
    for state in set(TRANSITIONS) - IN_FLIGHT - ASKED_AGAIN - {"RESOLVED"}:
        assert "SUPERSEDED" in TRANSITIONS[state], state
    assert set(TRANSITIONS) >= REMEMBERED and not REMEMBERED & (IN_FLIGHT | ASKED_AGAIN)
    for state in AFTER_APPLY:
        assert "UNDOING" in TRANSITIONS[state], state


def test_nothing_reaches_a_write_but_through_approved() -> None:
    assert [s for s, ends in TRANSITIONS.items() if "APPLYING" in ends] == ["APPROVED"]
    assert sorted(s for s, ends in TRANSITIONS.items() if "APPROVED" in ends) == ["PENDING", "PLANNED"]


def test_a_case_is_the_same_after_json() -> None:
    import json

    case = noted(CASE, "2027", causers=with_causers(CASE, (Principal("Root"),)), reasons=("a", "b"))
    assert Case.from_json(json.loads(json.dumps(case.as_json()))) == case
    assert {f.name for f in fields(Case)} == set(case.as_json())


def test_case_ids_differ_by_every_part() -> None:
    ids = {case_id(*parts, n) for parts in ("abcd", "xbcd", "axcd", "abxd", "abcx") for n in (1, 2)}
    assert len(ids) == 10


def _who(name: str, session: str = "", kind: str = "AssumedRole", agent: str = "") -> Principal:
    return Principal(kind, "1", f"arn:aws:iam::1:role/{name}", session, user_agent=agent)


@pytest.mark.parametrize(
    ("principals", "count"),
    [
        ([_who("ci", "1"), _who("ci", "2")], 1),
        ([_who("x/AWSReservedSSO_Ops_0", "a"), _who("x/AWSReservedSSO_Ops_0", "b")], 2),
        ([_who("ci"), _who("other")], 2),
        ([Principal("AWSService", invoked_by="a"), Principal("AWSService", invoked_by="b")], 2),
        ([_who("ci", agent="x" * 5000)], 1),
    ],
)
def test_causers_are_kept_once(principals: list[Principal], count: int) -> None:
    causers = with_causers(CASE, tuple(principals))
    assert len(causers) == count
    assert all(len(v) <= 300 for c in causers for v in c.values())
    assert len(with_causers(noted(CASE, "", causers=causers), tuple(principals))) == count


def test_causers_that_no_longer_fit_are_unknown_rather_than_forgotten() -> None:
    many = with_causers(CASE, tuple(_who(f"role{n}") for n in range(200)))
    assert len(many) == MOST_CAUSERS
    assert many[-1]["kind"] == "Unknown" and not many[-1]["arn"]
    assert with_causers(noted(CASE, "", causers=many), (_who("late"),)) == many
