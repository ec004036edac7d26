"""Errors at the calls of the runbooks that no small world has: on moto, where a schedule takes ten times as long."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
from faults import WOUNDS, Stage, state_of
from points import ANYWHERE, BUSY, OURS, SOAK
from world import World

from chalicelib.cases import IN_FLIGHT

BOOKS = sorted(set(WOUNDS) - {"lambda-remove-public-grants", "lambda-require-url-auth"})


@pytest.mark.parametrize("book", BOOKS)
def test_an_error_at_any_call_of_another_runbook_ends_at_old_or_new(w: World, book: str) -> None:
    stage, wound = Stage(w), WOUNDS[book]
    wound.approved(stage, "measure")
    calls = stage.calls_of(stage.writer_message())
    for n, code in sampled(book, calls):
        stage.faults.reset()
        stage.queues.take("changes", "notices")
        case = wound.approved(stage, f"thing{n}{code[:6].lower()}")
        message = stage.writer_message()
        stage.faults.reset(refuse=lambda name, k, n=n, code=code: code if k == n and name != "SendMessage" else "")
        failed = stage.deliver(message)
        stage.faults.reset()
        stage.later(200)
        stage.settle(message if failed else None)
        after = stage.case(case.resource_id, case.control)
        assert after.state not in IN_FLIGHT, f"{code} at call {n}: {after.state} {after.outcome}"
        told = after.state == "ESCALATED" and bool(after.applied)
        assert told or state_of(stage, after) in ("old", "new"), f"{code} at call {n}: {after.state}"


def sampled(book: str, calls: list[str]) -> Iterator[tuple[int, str]]:
    """All points of a runbook, or two of them, always the same."""
    codes = (*ANYWHERE[:-1], *BUSY.values(), *OURS)
    found = [(n, code) for n in range(1, len(calls) + 1) for code in codes if _fits(calls[n - 1], code)]
    ranked = sorted(found, key=lambda p: zlib.crc32(f"{book} {p}".encode()))
    yield from found if SOAK else ranked[:2]


def _fits(call: str, code: str) -> bool:
    is_table = call in ("GetItem", "PutItem", "UpdateItem", "Query", "TransactWriteItems")
    if code in (*OURS, BUSY["dynamodb"]):
        return is_table
    return not (is_table and code in ("ResourceNotFoundException", "ValidationException"))
