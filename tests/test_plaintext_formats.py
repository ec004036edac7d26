"""Every row of the token tables catches its `good`, leaves its `bad`, and gives nothing away."""

from __future__ import annotations

import re

import pytest

from chalicelib.plaintext import contains_secret, formats, secret_in
from chalicelib.plaintext.formats import FORMATS
from chalicelib.plaintext.formats.row import Format
from tests.recipes import examples, summed

GOOD = [(row, recipe) for row in FORMATS for recipe in row.good.split()]
BAD = [(row, recipe) for row in FORMATS for recipe in row.bad.split()]


@pytest.mark.parametrize("row", FORMATS, ids=[f"{i}-{row.kind}" for i, row in enumerate(FORMATS)])
def test_every_row_plays_its_own_examples(row: Format) -> None:
    good, bad = examples(row.good), examples(row.bad)
    assert good
    for token in good:
        assert row.mark in token, "the mark is what is looked for before the regex"
        assert formats.found_by(row, token) is not None, token[:40]
    for text in bad:
        assert row.mark not in text or formats.found_by(row, text) is None, text[:40]
    if row.kind not in _WITHOUT_NEAR_MISS:
        assert any(examples(other.bad) for other in FORMATS if other.kind == row.kind)


_WITHOUT_NEAR_MISS: tuple[str, ...] = ()


@pytest.mark.parametrize(("row", "recipe"), GOOD, ids=[f"{row.kind}-{i}" for i, (row, _) in enumerate(GOOD)])
def test_a_token_is_found_alone_and_in_text(row: Format, recipe: str) -> None:
    (token,) = examples(recipe)
    for text in (token, f"{token}\n", f'the value is "{token}".', f"<b>{token}</b>", f"x={token}"):
        found = contains_secret(text)
        assert found is not None, text
        assert found.kind == row.kind
    named = secret_in("SETTING", token)
    assert named is not None
    assert named.kind == row.kind
    assert named.reason
    _gives_nothing_away(named.masked, token)


@pytest.mark.parametrize(("row", "recipe"), BAD, ids=[f"{row.kind}-{i}" for i, (row, _) in enumerate(BAD)])
def test_near_misses_are_left_alone(row: Format, recipe: str) -> None:
    (text,) = examples(recipe)
    found = contains_secret(text)
    assert found is None or found.kind != row.kind, text[:60]
    named = secret_in("SETTING", text)
    assert named is None or named.kind != row.kind


@pytest.mark.parametrize(("row", "recipe"), GOOD, ids=[f"{row.kind}-{i}" for i, (row, _) in enumerate(GOOD)])
def test_what_is_said_holds_no_six_characters_of_the_secret_part(row: Format, recipe: str) -> None:
    (token,) = examples(recipe)
    public = re.sub("<[^>]*>", "", re.sub(r"<(\w)\*(\d+)>", lambda m: m[1] * int(m[2]), recipe))
    found = secret_in("SETTING", token)
    assert found is not None
    headers = ("private-key", "jwt")  # what is shown of these is their header, which is public
    said = f"{found.kind} {found.reason} {'' if row.kind in headers else found.masked}"
    parts = (token[at : at + 6] for at in range(len(token) - 5))
    assert not [part for part in parts if part in said and part not in public]


def test_no_example_stands_in_plain_form() -> None:
    """What push protection looks for must not be in our own files: the recipes are no tokens themselves."""
    for row in FORMATS:
        for recipe in (row.good + " " + row.bad).split():
            assert contains_secret(recipe) is None, recipe


def test_no_mark_or_prefix_could_match_nothing() -> None:
    assert all(row.mark for row in FORMATS)
    assert not any(re.fullmatch(f"(?:{row.prefix})(?:{row.body})", "") for row in FORMATS)


def test_a_checksum_makes_a_token_certain() -> None:
    token = summed("gh" + "p_")
    other = token[:-1] + ("a" if token[-1] != "a" else "b")
    sure, unsure = contains_secret(token), contains_secret(other)
    assert sure is not None
    assert unsure is not None
    assert (sure.confidence, unsure.confidence) == ("certain", "likely")


def test_the_public_prefix_is_all_that_is_shown() -> None:
    found = contains_secret(summed("gh" + "p_"))
    assert found is not None
    assert found.masked == "ghp_…"


def _gives_nothing_away(masked: str, token: str) -> None:
    assert masked.endswith("…")
    shown = masked.removesuffix("…")
    assert shown in token
    assert len(token) - len(shown) >= 10
