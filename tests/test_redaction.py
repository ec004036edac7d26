"""Values stay inside: fingerprints, what is shown, state digests, and text that is safe to show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.model import Hidden, Resource
from chalicelib.redaction import fingerprint, revealed, safe_text, shown, state_digest, without

VALUE = "correct horse battery staple"


def key() -> bytes:
    return b"k" * 32


def no_key() -> bytes:
    raise AssertionError("the key was fetched though nothing is hidden")


def test_a_fingerprint_is_short_keyed_and_the_same_for_the_same_value() -> None:
    printed = fingerprint(b"k", VALUE)
    assert printed.startswith("hmac:")
    assert len(printed) == 21
    assert printed == fingerprint(b"k", VALUE)
    assert len({printed, fingerprint(b"l", VALUE), fingerprint(b"k", VALUE + " ")}) == 3
    assert fingerprint(b"k", "\ud800") != fingerprint(b"k", "\ud801")


def test_shown_puts_fingerprints_in_place_of_hidden_values() -> None:
    config = {
        "Name": "shop",
        "Variables": {"A": Hidden(VALUE)},
        "List": [{"B": Hidden(VALUE)}, 1],
        "Pair": (Hidden(""),),
    }
    copy = shown(config, key)
    assert copy["Variables"]["A"] == copy["List"][0]["B"] == fingerprint(key(), VALUE)
    assert VALUE not in json.dumps(copy)
    assert config["Variables"] == {"A": Hidden(VALUE)}
    assert revealed(config)["Variables"]["A"] == VALUE


def test_no_key_is_fetched_when_nothing_is_hidden() -> None:
    config = {"a": [1, {"b": None}]}
    copy = shown(config, no_key)
    assert copy == config
    assert copy["a"] is not config["a"]


@pytest.mark.parametrize(
    ("volatile", "wanted"),
    [
        ([], {"A": 1, "B": {"C": 2, "D": 3}, "L": [{"C": 4, "E": 5}]}),
        (["A"], {"B": {"C": 2, "D": 3}, "L": [{"C": 4, "E": 5}]}),
        (["B.C", "L.C"], {"A": 1, "B": {"D": 3}, "L": [{"E": 5}]}),
        (["C", "B.X", "A.Y", "X.Y"], {"A": 1, "B": {"C": 2, "D": 3}, "L": [{"C": 4, "E": 5}]}),
        (["B", "B.C"], {"A": 1, "L": [{"C": 4, "E": 5}]}),
    ],
)
def test_volatile_keys_are_left_out_where_they_are_named_only(volatile: list[str], wanted: Any) -> None:
    config = {"A": 1, "B": {"C": 2, "D": 3}, "L": [{"C": 4, "E": 5}]}
    assert without(config, volatile) == wanted
    assert config["A"] == 1


def resource(config: dict[str, Any], arn: str = "arn:x", **more: Any) -> Resource:
    return Resource("AWS::Lambda::Function", arn, "shop", "123456789012", "eu-west-1", config, **more)


def test_the_state_digest_sees_every_change_but_volatile_ones() -> None:
    base = state_digest(resource({"A": 1, "V": Hidden("x"), "Last": 1}, volatile=("Last",)), key)
    same = resource({"Last": 2, "V": Hidden("x"), "A": 1}, volatile=("Last",), tags={"t": "1"})
    assert state_digest(same, key) == base
    others = [
        resource({"A": 2, "V": Hidden("x"), "Last": 1}, volatile=("Last",)),
        resource({"A": 1, "V": Hidden("y"), "Last": 1}, volatile=("Last",)),
        resource({"A": 1, "V": Hidden("x"), "Last": 1}),
        resource({"A": 1, "V": Hidden("x")}, "arn:y"),
    ]
    assert base not in [state_digest(o, key) for o in others]
    assert state_digest(resource({"A": 1}), no_key).startswith("sha256:")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("plain name", "plain name"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("red \x1b[31malert\x07", "red [31malert"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("a\u200bb\ufeffc\u2066d\u2069", "abcd"),
        ("\ud800x\U000e0041", "x"),
        ("nbsp\u00a0and\u2028line", "nbsp and line"),
        ("naïve 日本語 ünïcode", "naïve 日本語 ünïcode"),
        (7, "7"),
        (None, "None"),
        ("", ""),
    ],
)
def test_text_from_outside_becomes_one_harmless_line(given: Any, wanted: str) -> None:
    assert safe_text(given) == wanted


def test_long_text_is_cut_and_says_so() -> None:
    assert safe_text("x" * 300) == "x" * 300
    assert safe_text("x" * 301) == "x" * 299 + "…"
    assert len(safe_text("x" * 10_000_000, 40)) == 40


@given(st.text(alphabet=st.characters(), max_size=80), st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_safe_text_is_printable_short_and_stable(given: str, limit: int) -> None:
    once = safe_text(given, limit)
    assert once.isprintable()
    assert len(once) <= limit
    assert safe_text(once, limit) == once


@given(st.dictionaries(st.text(max_size=5), st.text(min_size=4, max_size=20).map(Hidden) | st.integers(), max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_hidden_value_survives_being_shown(config: dict[str, Any]) -> None:
    copy = shown(config, key)
    assert json.dumps(copy)
    for name, value in config.items():
        assert copy[name] == (fingerprint(key(), value.reveal()) if isinstance(value, Hidden) else value)
