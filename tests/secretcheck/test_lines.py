"""JSON lines in, judgements out: one answer a line, in order, and the value nowhere."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.secretcheck import lines
from suture.secretcheck.lines import answers

CANARY = "whiteduke" + "Qz7"


def told(*given: object) -> list[dict[str, Any]]:
    raw = b"".join((g if isinstance(g, bytes) else json.dumps(g).encode()) + b"\n" for g in given)
    return list(answers(io.BytesIO(raw)))


def test_every_line_is_answered_in_its_order() -> None:
    found = told(
        {"id": "b", "name": "DB_PASSWORD", "value": CANARY},
        b"",
        {"id": 7, "name": "TABLE_NAME", "value": "orders"},
        {"id": None, "name": "", "value": ""},
    )
    assert [(f["id"], f["secret"], f["kind"], f["confidence"]) for f in found] == [
        ("b", True, "password", "likely"),
        (7, False, None, None),
        (None, False, None, None),
    ]
    assert all(f["reason"] for f in found)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (CANARY.encode(), "line 1: it is no JSON"),
        (f'{{"id": 1, "value": "{CANARY}"'.encode(), "line 1: it is no JSON"),
        (b"[" * 100_000, "line 1: it is no JSON"),
        (b"\xff" + CANARY.encode(), "line 1: it is not UTF-8"),
        ([CANARY], "line 1: it is no JSON object"),
        ({"id": 1, "name": CANARY}, "line 1: 'value' must be text"),
        ({"id": 1, "value": CANARY}, "line 1: 'name' must be text"),
        ({"id": 1, "name": "A", "value": {"x": CANARY}}, "line 1: 'value' must be text"),
    ],
)
def test_a_bad_line_is_answered_and_not_repeated(line: object, error: str) -> None:
    found = told(line, {"id": 2, "name": "A", "value": "b"})
    assert found[0]["error"] == error
    assert found[0]["secret"] is None
    assert CANARY not in json.dumps(found)
    assert found[1]["id"] == 2


def test_an_endless_line_costs_itself_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    found = told({"id": 1, "name": "A", "value": "x" * 1000}, {"id": 2, "name": "A", "value": "b"})
    assert "more than" in found[0]["error"]
    assert [f["id"] for f in found] == [None, 2]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_are_answered(given_lines: list[bytes]) -> None:
    raw = b"\n".join(given_lines)
    wanted = sum(bool(line.strip()) for line in raw.split(b"\n"))
    found = list(answers(io.BytesIO(raw)))
    assert len(found) == wanted
    json.dumps(found).encode("ascii")


@given(st.text(max_size=20), st.text(min_size=6, max_size=200))
def test_no_answer_holds_a_part_of_the_value(name: str, value: str) -> None:
    (found,) = told({"id": 1, "name": name, "value": value})
    said = json.dumps(found, ensure_ascii=False)
    ordinary = json.dumps(told({"id": 1, "name": "DB_PASSWORD", "value": "zq9#Kw"}), ensure_ascii=False)
    secret = value[:6]
    assert not found["secret"] or secret not in said or secret in ordinary or secret in str(found["kind"])
