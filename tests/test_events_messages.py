"""Our own messages: a change survives the way through the queue, and nothing else passes for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import BadEvent
from chalicelib.events import change_as_json, change_from_json, look_message, read
from chalicelib.model import Change, Principal

WORD = st.text(min_size=1, max_size=30)
PRINCIPALS = st.builds(Principal, *[st.text(max_size=30)] * 7)
CHANGES = st.builds(
    Change,
    *[WORD] * 6,
    st.none() | PRINCIPALS,
    st.text(max_size=30),
    st.text(max_size=30),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
GIVEN = change_as_json(
    Change("123456789012", "eu-west-1", "AWS::Lambda::Function", "shop", "suture:Recheck", "recheck")
)


@given(CHANGES)
@settings(max_examples=80, deadline=None)
def test_a_change_comes_back_as_it_went(change: Change) -> None:
    assert change_from_json(json.loads(json.dumps(change_as_json(change)))) == change


def test_a_message_is_read_back_into_its_changes() -> None:
    changes = (change_from_json(GIVEN), change_from_json({**GIVEN, "resource_id": "other", "created": True}))
    assert read(json.loads(json.dumps(look_message(changes)))).changes == changes
    assert read(look_message([])).changes == ()


def test_keys_of_a_newer_version_are_passed_over() -> None:
    assert change_from_json({**GIVEN, "colour": "red"}) == change_from_json(GIVEN)


@pytest.mark.parametrize(
    "message",
    [
        {"suture": "forget", "changes": []},
        {"suture": "look"},
        {"suture": "look", "changes": {}},
        {"suture": "look", "changes": [1]},
        {"suture": "look", "changes": [None]},
        {"suture": "look", "changes": [{}]},
        {"suture": "look", "changes": [{**GIVEN, "account": 12}]},
        {"suture": "look", "changes": [{**GIVEN, "resource_id": ""}]},
        {"suture": "look", "changes": [{**GIVEN, "created": "yes"}]},
        {"suture": "look", "changes": [{**GIVEN, "resource_id": "x" * 5000}]},
        {"suture": "look", "changes": [{**GIVEN, "principal": "ann"}]},
        {"suture": "look", "changes": [{**GIVEN, "principal": {"arn": 7}}]},
    ],
)
def test_other_messages_are_refused(message: dict[str, Any]) -> None:
    with pytest.raises(BadEvent) as caught:
        read(message)
    assert caught.value.next_step
