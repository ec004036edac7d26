"""The chain of a case's records: whatever is done to it is seen, and named by the record's id."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.audit import Stored, anchor_problems, chain_problems, link, manifest, sort_key

CASE = "C-1A2B3C4D5E"


def record(version: int, before: str, what: str = "looked", case: str = CASE) -> Stored:
    text = json.dumps({"case": case, "version": version, "before": before, "what": what})
    return Stored(sort_key(version), text)


def chain(length: int) -> list[Stored]:
    made: list[Stored] = []
    for version in range(1, length + 1):
        made.append(record(version, link(made[-1].text) if made else ""))
    return made


def head(records: list[Stored]) -> tuple[int, str]:
    return len(records), link(records[-1].text)


def wrong(records: list[Stored], at: tuple[int, str] | None) -> list[str]:
    return [p.where for p in chain_problems(CASE, records, at)]


WHOLE = chain(4)


def test_a_whole_chain_has_no_problem() -> None:
    assert wrong(WHOLE, head(WHOLE)) == []


@pytest.mark.parametrize("n", range(4))
def test_a_changed_record_is_named(n: int) -> None:
    records = list(WHOLE)
    before = json.loads(records[n].text)["before"]
    records[n] = record(n + 1, before, "looked away")
    assert wrong(records, head(WHOLE)) == [sort_key(n + 1)]


@pytest.mark.parametrize("n", range(4))
def test_a_missing_record_is_named(n: int) -> None:
    assert wrong([r for r in WHOLE if r.sk != sort_key(n + 1)], head(WHOLE)) == [sort_key(n + 1)]


def test_records_that_changed_places_are_named() -> None:
    one, two, three, four = WHOLE
    swapped = [one, Stored(two.sk, three.text), Stored(three.sk, two.text), four]
    assert wrong(swapped, head(WHOLE))[:2] == [two.sk, three.sk]


def test_a_record_of_another_case_is_named() -> None:
    records = [*WHOLE[:3], record(4, link(WHOLE[2].text), case="C-0000000000")]
    assert wrong(records, head(records)) == [sort_key(4)]


def test_a_chain_cut_off_with_its_head_is_whole_and_contradicts_the_manifest() -> None:
    """Who writes the head anew as well fools the chain; that is what the manifest is for."""
    short = WHOLE[:2]
    assert wrong(short, head(short)) == []
    anchored = manifest("2026-11-26", "2026-11-26T02:00:00Z", "", {CASE: head(WHOLE)})
    hashes = {CASE: {r.sk: link(r.text) for r in short}}
    assert [p.where for p in anchor_problems(anchored, hashes)] == [sort_key(4)]


def test_a_chain_written_anew_contradicts_the_manifest() -> None:
    forged = [record(1, "", "nothing happened")]
    anchored = manifest("2026-11-26", "2026-11-26T02:00:00Z", "", {CASE: (1, link(WHOLE[0].text))})
    assert wrong(forged, head(forged)) == []
    problems = list(anchor_problems(anchored, {CASE: {r.sk: link(r.text) for r in forged}}))
    assert [(p.case, p.where) for p in problems] == [(CASE, sort_key(1))]


def test_a_case_that_is_gone_contradicts_the_manifest() -> None:
    anchored = manifest("2026-11-26", "2026-11-26T02:00:00Z", "", {CASE: head(WHOLE)})
    assert [p.where for p in anchor_problems(anchored, {})] == ["HEAD"]


def test_a_missing_head_is_named() -> None:
    assert wrong(WHOLE, None) == ["HEAD"]


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=60)), min_size=1, max_size=4))
def test_no_text_in_the_place_of_a_record_passes_or_raises(changes: list[tuple[int, str]]) -> None:
    records = list(WHOLE)
    for n, text in changes:
        records[n] = Stored(records[n].sk, text)
    assert wrong(records, head(WHOLE)) != []
