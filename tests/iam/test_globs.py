"""Patterns of policies: what they match, cover and share, against a slow and obviously right reading of them."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.iam import globs

PATTERNS = st.text("ab*?", max_size=6)
TEXTS = ["".join(t) for n in range(6) for t in itertools.product("abc", repeat=n)]


def slowly(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return slowly(pattern[1:], text) or (bool(text) and slowly(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and slowly(pattern[1:], text[1:])


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("*", "anything", True),
        ("", "", True),
        ("", "a", False),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:Get*", "s3:ge", False),
        ("ab*ba", "aba", False),
        ("ab*ba", "abba", True),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("?*", "", False),
        ("*?", "x", True),
        ("a[b]", "ab", False),
        ("a[b]", "a[b]", True),
        ("a.c", "abc", False),
        ("a\nb*", "a\nbc", True),
        (globs.literal("a*"), "a*", True),
        (globs.literal("a*"), "ab", False),
        (globs.literal("a?") + "*", "a?bc", True),
    ],
)
def test_matches(pattern: str, text: str, expected: bool) -> None:
    assert globs.matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "other", "expected"),
    [
        ("*", "s3:*", True),
        ("s3:*", "*", False),
        ("s3:*", "s3:Get*", True),
        ("s3:Get*", "s3:*", False),
        ("*:*", "*", False),
        ("a*b", "a*c*b", True),
        ("a*?", "a?*", True),
        ("a**", "a*", True),
        ("?", "a", True),
        ("a", "?", False),
        ("*??", "*", False),
        ("*a??a*", "a?a*a?a", False),
        ("*a*", "b*a*b", True),
    ],
)
def test_covers(pattern: str, other: str, expected: bool) -> None:
    assert globs.covers(pattern, other) is expected


@settings(max_examples=300, deadline=None)
@given(PATTERNS)
def test_matches_as_the_slow_reading_does(pattern: str) -> None:
    assert [t for t in TEXTS if globs.matches(pattern, t)] == [t for t in TEXTS if slowly(pattern, t)]


@settings(max_examples=400, deadline=None)
@given(PATTERNS, PATTERNS)
def test_covers_and_intersects_agree_with_all_short_texts(one: str, other: str) -> None:
    """Cover: all short texts, and longer ones of letters that no pattern names. Meet: token by token."""
    mine = {t for t in TEXTS if globs.matches(one, t)}
    theirs = {t for t in TEXTS if globs.matches(other, t)}
    assert globs.covers(one, other) is (theirs <= mine and _longer_too(one, other))
    assert globs.intersects(one, other) or not mine & theirs
    assert globs.intersects(one, other) is globs.intersects(other, one) is _meet_slowly(one, other)


def _longer_too(one: str, other: str) -> bool:
    """Stars of `other` stretched by letters that `one` does not name."""
    stretches = itertools.product(range(8), repeat=min(other.count("*"), 4))
    return all(globs.matches(one, _stretched(other, s)) for s in stretches)


def _stretched(pattern: str, lengths: tuple[int, ...]) -> str:
    out, rest = "", list(lengths)
    for char in pattern:
        out += "c" * (rest.pop() if rest else 0) if char == "*" else "c" if char == "?" else char
    return out


def _meet_slowly(one: str, other: str) -> bool:
    """A star may hold nothing, or swallow the other's next token, whatever it is."""
    if not one or not other:
        return not (one + other).strip("*")
    if "*" in (one[0], other[0]):
        star, rest = (one, other) if one[0] == "*" else (other, one)
        return _meet_slowly(star[1:], rest) or _meet_slowly(star, rest[1:])
    return ("?" in (one[0], other[0]) or one[0] == other[0]) and _meet_slowly(one[1:], other[1:])


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 2000 + "b", "a" * 20000),
        ("*a?" * 200 + "*b", "a" * 4000),
        ("*" * 20000, "a" * 20000),
        ("?" * 3000 + "*", "a" * 2999),
    ],
)
def test_patterns_made_to_explode_end_soon(pattern: str, text: str) -> None:
    begun = time.process_time()
    assert globs.matches(pattern, text) is (pattern.strip("*") == "")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("pattern", ["*a?" * 60 + "*", "*?a" * 60 + "b", "a?*" * 60, "*ab?" * 50])
def test_comparisons_made_to_explode_end_soon(pattern: str) -> None:
    begun = time.process_time()
    assert globs.covers(pattern, pattern) is True
    globs.covers(pattern, "*a?b*" * 40)
    globs.covers("*a?b*" * 40, pattern)
    globs.intersects(pattern, "*b?a*" * 40)
    assert time.process_time() - begun < 2


def test_fold_leaves_what_is_not_ascii() -> None:
    assert globs.fold("IAM:PassRole") == "iam:passrole"
    assert globs.fold("\u212aMS:Decrypt") == "\u212aMS:Decrypt", "the Kelvin sign must not become a k"
