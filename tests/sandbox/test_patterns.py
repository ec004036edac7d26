"""EventBridge's matching, as tables: what AWS delivers and what it does not."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from suture.sandbox.patterns import BadPattern, compile_pattern, leaves_of, matches

EVENT: dict[str, Any] = {
    "source": "aws.lambda",
    "account": "123456789012",
    "detail": {
        "eventName": "AddPermission20150331v2",
        "errorCode": None,
        "empty": "",
        "count": 300,
        "ratio": 0.5,
        "flag": True,
        "off": False,
        "ip": "10.0.0.7",
        "ip6": "2001:db8::7",
        "tags": ["alpha", "beta"],
        "none": [],
        "nested": {"leaf": "x"},
        "findings": [
            {"id": "a", "severity": {"label": "LOW"}, "notes": ["n1", "n2"]},
            {"id": "b", "severity": {"label": "HIGH"}, "extra": 1},
        ],
    },
}


def detail(name: str, *values: Any) -> dict[str, Any]:
    return {"detail": {name: list(values)}}


MATCHING: list[dict[str, Any]] = [
    {"source": ["aws.lambda"]},
    {"source": ["aws.iam", "aws.lambda"]},
    {"source": ["aws.lambda"], "account": ["123456789012"]},
    detail("errorCode", None),
    detail("empty", ""),
    detail("count", 300),
    detail("flag", True),
    detail("off", False),
    detail("eventName", {"prefix": "AddPermission"}),
    detail("eventName", {"prefix": ""}),
    detail("eventName", {"prefix": {"equals-ignore-case": "addperm"}}),
    detail("eventName", {"suffix": "v2"}),
    detail("eventName", {"suffix": {"equals-ignore-case": "31V2"}}),
    detail("eventName", {"equals-ignore-case": "addpermission20150331V2"}),
    detail("eventName", {"anything-but": "RemovePermission"}),
    detail("eventName", {"anything-but": ["RemovePermission", "Invoke"]}),
    detail("eventName", {"anything-but": {"prefix": "Remove"}}),
    detail("eventName", {"anything-but": {"prefix": ["Remove", "Invoke"]}}),
    detail("eventName", {"anything-but": {"suffix": "v3"}}),
    detail("eventName", {"anything-but": {"wildcard": "Remove*"}}),
    detail("eventName", {"anything-but": {"wildcard": ["Remove*", "*v3"]}}),
    detail("eventName", {"anything-but": {"equals-ignore-case": "addpermission"}}),
    detail("eventName", {"anything-but": {"equals-ignore-case": ["addpermission", "x"]}}),
    detail("count", {"anything-but": 5}),
    detail("count", {"anything-but": [5, 6]}),
    detail("count", {"anything-but": "300"}),
    detail("tags", {"anything-but": "alpha"}),  # beta is something else
    detail("count", {"numeric": ["=", 300]}),
    detail("count", {"numeric": ["=", 3.0e2]}),
    detail("count", {"numeric": [">", 0, "<=", 300]}),
    detail("ratio", {"numeric": [">=", 0.5]}),
    detail("ip", {"cidr": "10.0.0.0/24"}),
    detail("ip6", {"cidr": "2001:db8::/32"}),
    detail("eventName", {"exists": True}),
    detail("errorCode", {"exists": True}),  # null is there
    detail("missing", {"exists": False}),
    detail("nested", {"exists": False}),  # a leaf only
    detail("none", {"exists": False}),
    detail("missing", {"exists": False}, "x"),
    detail("eventName", {"wildcard": "Add*2015*v2"}),
    detail("eventName", {"wildcard": "*"}),
    detail("empty", {"wildcard": "*"}),
    detail("tags", "beta"),
    {"detail": {"findings": {"severity": {"label": ["HIGH"]}}}},
    {"detail": {"findings": {"id": ["b"], "severity": {"label": ["HIGH"]}}}},
    {"detail": {"findings": {"id": ["b"], "notes": [{"exists": False}]}}},
    {"detail": {"findings": {"notes": ["n2"]}}},
    {"$or": [{"source": ["aws.iam"]}, {"account": ["123456789012"]}]},
    {"source": ["aws.lambda"], "detail": {"$or": [{"count": [1]}, {"flag": [True]}]}},
    {"detail": {"$or": [{"count": [1]}, {"$or": [{"off": [True]}, {"off": [False]}]}]}},
]

SILENT: list[dict[str, Any]] = [
    {"source": ["aws.iam"]},
    {"source": ["aws.lambda"], "account": ["1"]},
    {"source": ["AWS.lambda"]},
    detail("errorCode", ""),
    detail("errorCode", "null"),
    detail("empty", None),
    detail("missing", None),
    detail("count", "300"),
    detail("count", 300.0),  # AWS compares the text of numbers
    detail("flag", 1),
    detail("off", 0),
    detail("flag", "true"),
    detail("count", {"prefix": "3"}),
    detail("eventName", {"prefix": "addpermission"}),
    detail("eventName", {"suffix": "V2"}),
    detail("eventName", {"equals-ignore-case": "addpermission"}),
    detail("eventName", {"anything-but": "AddPermission20150331v2"}),
    detail("eventName", {"anything-but": {"prefix": ["Remove", "Add"]}}),
    detail("eventName", {"anything-but": {"suffix": ["v2", "v3"]}}),
    detail("eventName", {"anything-but": {"wildcard": "Add*v2"}}),
    detail("eventName", {"anything-but": {"equals-ignore-case": "ADDPERMISSION20150331V2"}}),
    detail("missing", {"anything-but": "x"}),  # the field must be there
    detail("none", {"anything-but": "x"}),
    detail("count", {"anything-but": [300, 1]}),
    detail("tags", {"anything-but": ["alpha", "beta"]}),
    detail("count", {"numeric": [">", 300]}),
    detail("count", {"numeric": [">=", 0, "<", 300]}),
    detail("flag", {"numeric": ["=", 1]}),
    detail("eventName", {"numeric": ["=", 1]}),
    detail("ip", {"cidr": "10.0.1.0/24"}),
    detail("ip", {"cidr": "2001:db8::/32"}),
    detail("eventName", {"cidr": "0.0.0.0/0"}),
    detail("missing", {"exists": True}),
    detail("nested", {"exists": True}),
    detail("none", {"exists": True}),
    detail("eventName", {"exists": False}),
    detail("errorCode", {"exists": False}),
    detail("eventName", {"wildcard": "Add*2016*"}),
    detail("eventName", {"wildcard": "Add"}),
    detail("count", {"wildcard": "*"}),
    detail("tags", "gamma"),
    {"detail": {"findings": {"id": ["a"], "severity": {"label": ["HIGH"]}}}},  # two different elements
    {"detail": {"findings": {"extra": [1], "notes": ["n1"]}}},
    {"detail": {"findings": {"id": ["a"], "notes": [{"exists": False}]}}},
    {"$or": [{"source": ["aws.iam"]}, {"account": ["1"]}]},
    {"source": ["aws.iam"], "$or": [{"account": ["123456789012"]}, {"account": ["1"]}]},
]

INVALID: list[tuple[Any, str]] = [
    ({}, "at least one field"),
    ([], "JSON object"),
    ("{", "not JSON"),
    ({"source": "aws.lambda"}, "object or an array"),
    ({"source": []}, "empty arrays"),
    ({"source": {}}, "empty object"),
    ({"source": [["a"]]}, "array inside an array"),
    ({"source": [{"prefix": "a", "suffix": "b"}]}, "only one operator"),
    ({"source": [{"like": "a"}]}, "unrecognised match type 'like'"),
    ({"source": [{"prefix": 1}]}, "prefix takes a string"),
    ({"source": [{"prefix": {"wildcard": "a"}}]}, "equals-ignore-case alone"),
    ({"source": [{"exists": "true"}]}, "exists takes"),
    ({"source": [{"exists": 0}]}, "exists takes"),
    ({"source": [{"anything-but": []}]}, "must not be empty"),
    ({"source": [{"anything-but": ["a", 1]}]}, "not both"),
    ({"source": [{"anything-but": [None]}]}, "strings or numbers"),
    ({"source": [{"anything-but": {"numeric": ["=", 1]}}]}, "does not take 'numeric'"),
    ({"source": [{"anything-but": {"prefix": ""}}]}, "none of them empty"),
    ({"source": [{"numeric": []}]}, "numeric takes"),
    ({"source": [{"numeric": ["=", "1"]}]}, "wants a number"),
    ({"source": [{"numeric": ["!=", 1]}]}, "unrecognised numeric"),
    ({"source": [{"numeric": ["<", 1, ">", 0]}]}, "lower bound"),
    ({"source": [{"numeric": [">", 5, "<", 5]}]}, "less than"),
    ({"source": [{"cidr": "10.0.0.0/33"}]}, "CIDR"),
    ({"source": [{"wildcard": "a**b"}]}, "consecutive"),
    ({"source": [{"wildcard": "a\\b"}]}, "backslash"),
    ({"$or": [{"a": [1]}, {"b": 2}]}, "object or an array"),
    ({"$or": []}, "empty arrays"),
]


@pytest.mark.parametrize("pattern", MATCHING, ids=json.dumps)
def test_matches(pattern: dict[str, Any]) -> None:
    assert matches(pattern, EVENT)


@pytest.mark.parametrize("pattern", SILENT, ids=json.dumps)
def test_stays_silent(pattern: dict[str, Any]) -> None:
    assert not matches(pattern, EVENT)


@pytest.mark.parametrize(("pattern", "says"), INVALID, ids=lambda value: str(value)[:60])
def test_invalid_patterns_are_refused(pattern: Any, says: str) -> None:
    with pytest.raises(BadPattern, match=says):
        compile_pattern(pattern)


def test_the_error_names_the_field() -> None:
    with pytest.raises(BadPattern) as caught:
        compile_pattern({"detail": {"eventName": [{"prefix": 1}]}})
    assert caught.value.where == "detail.eventName"


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [("a\\*b", "a*b", True), ("a\\*b", "axb", False), ("a\\\\*", "a\\z", True), ("ab*ba", "aba", False)],
)
def test_wildcard_escapes_and_overlaps(text: str, value: str, expected: bool) -> None:
    assert matches({"k": [{"wildcard": text}]}, {"k": value}) is expected


def test_more_than_a_thousand_combinations_are_refused() -> None:
    or_of_ten = [{f"k{n}": [n]} for n in range(11)]
    with pytest.raises(BadPattern, match="combinations"):
        compile_pattern({"a": {"$or": or_of_ten}, "b": {"$or": or_of_ten}, "c": {"$or": or_of_ten}})


def test_hostile_events_cost_little() -> None:
    wildcard = compile_pattern({"k": [{"wildcard": "*a" * 50 + "*b"}]})
    arrays = compile_pattern({name: {"x": [1], "y": [2]} for name in "abcdef"})
    crowd = {name: [{"x": 1} for _ in range(300)] for name in "abcdef"} | {"k": "a" * 100_000}
    started = time.process_time()
    assert not wildcard.matches(leaves_of(crowd))
    assert not arrays.matches(leaves_of(crowd))
    assert time.process_time() - started < 1.0


SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "eventbridge"


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs ../shared/samples")
def test_recorded_envelopes_match_by_their_own_source() -> None:
    files = sorted(SAMPLES.rglob("*.json"))
    assert files
    for file in files:
        event = json.loads(file.read_text())
        if not isinstance(event, dict) or "source" not in event:
            continue
        assert matches({"source": [event["source"]], "time": [{"exists": True}]}, event), file
        assert not matches({"source": [{"anything-but": event["source"]}]}, event), file
