"""The ledger: one transaction a transition, one open case a problem, and what was seen of a resource."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from world import ACCOUNT, REGION, World

from chalicelib.approvals import Approval
from chalicelib.aws.clients import classified
from chalicelib.aws.ledger import KEPT_FIXES, Entry, Ledger, place_of
from chalicelib.cases import Case, moved, noted
from chalicelib.errors import Conflict, Invalid, Throttled

CASE = Case("C-1", ACCOUNT, REGION, "AWS::Lambda::Function", "f", "arn:f", "c", "DETECTED", 1, "2026", "2026")
WHY = Entry("test", "because", {})
PLACE = place_of(CASE)


@pytest.fixture
def ledger(w: World) -> Ledger:
    return w.d.ledger


def opened(ledger: Ledger, case: Case = CASE) -> Case:
    return ledger.advance(None, [(case, WHY)])


def test_one_open_case_a_problem(ledger: Ledger) -> None:
    opened(ledger)
    with pytest.raises(Conflict):
        opened(ledger, replace(CASE, id="C-2"))
    with pytest.raises(Conflict):
        opened(ledger)
    assert ledger.case("C-2") is None
    assert ledger.history(PLACE).cases == {"c": "C-1"}
    assert ledger.history(PLACE).opened == {"c": 1}
    opened(ledger, replace(CASE, id="C-3", control="d"))


def test_the_head_moves_only_from_the_version_that_was_read(ledger: Ledger) -> None:
    first = opened(ledger)
    ledger.save(first, moved(first, "OBSERVED", "2027"), WHY)
    with pytest.raises(Conflict):
        ledger.save(first, moved(first, "ESCALATED", "2027"), WHY)
    records = list(ledger.records("C-1"))
    assert [(r["from"], r["to"], r["version"]) for r in records] == [("", "DETECTED", 1), ("DETECTED", "OBSERVED", 2)]
    assert [c.id for c in ledger.cases("OBSERVED")] == ["C-1"]
    assert list(ledger.cases("DETECTED")) == []


def test_a_released_slot_is_free_and_only_its_holder_gives_it_back(ledger: Ledger) -> None:
    first = opened(ledger)
    closed = ledger.save(first, moved(first, "RESOLVED", "2027"), WHY, mark="released")
    second = opened(ledger, replace(CASE, id="C-2"))
    assert ledger.history(PLACE).cases == {"c": "C-2"}
    with pytest.raises(Conflict):
        ledger.save(closed, noted(closed, "2028"), WHY, mark="undone")
    assert ledger.history(PLACE).undone == {}
    ledger.save(second, moved(second, "RESOLVED", "2027"), WHY, mark="released")
    ledger.save(closed, noted(closed, "2028"), WHY, mark="undone")
    assert ledger.history(PLACE).undone == {"c": "2028"}
    assert ledger.history(PLACE).cases == {"c": "C-1"}


def test_fixes_are_counted_and_bounded(ledger: Ledger) -> None:
    for n in range(KEPT_FIXES + 5):
        case = opened(ledger, replace(CASE, id=f"C-{n}"))
        ledger.save(case, moved(case, "RESOLVED", f"{n:04d}"), WHY, mark="fixed")
    fixes = ledger.history(PLACE).fixes["c"]
    assert len(fixes) == KEPT_FIXES and fixes[-1] == f"{KEPT_FIXES + 4:04d}"
    assert ledger.history(PLACE).clean["c"] == fixes[-1]


def test_what_was_seen_is_forgotten_with_the_resource_but_not_what_was_undone(ledger: Ledger) -> None:
    history = ledger.observe(PLACE, ["c", "d"], True, "2026")
    assert history.seen_without("c") and history.seen_without("x") and history.created
    case = opened(ledger)
    ledger.save(case, noted(case, "2027"), WHY, mark="undone")
    ledger.forget(PLACE, ledger.history(PLACE), "2028")
    after = ledger.history(PLACE)
    assert not after.seen_without("c") and not after.created and "c" in after.undone


def test_a_word_and_its_transition_are_written_together_or_not_at_all(ledger: Ledger) -> None:
    case = opened(ledger)
    word = Approval("sam", "p", "apply", "approve", "1")
    ledger.save(case, noted(case, "2027"), WHY, beside=(ledger.part_approval("C-1", word),))
    assert ledger.approvals("C-1") == (word,)
    with pytest.raises(Conflict):
        other = replace(word, person="eve")
        ledger.save(case, noted(case, "2027"), WHY, beside=(ledger.part_approval("C-1", other),))
    assert ledger.approvals("C-1") == (word,)


def test_counters_count_by_hour_and_end_by_themselves(ledger: Ledger, w: World) -> None:
    assert [ledger.count("x", "10", 99), ledger.count("x", "10", 99), ledger.count("x", "11", 99)] == [1, 2, 1]
    assert {i["ttl"]["N"] for i in w.items() if i["pk"]["S"] == "COUNT#x"} == {"99"}


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("TransactionCanceledException", "specific reasons [ConditionalCheckFailed, None]", Conflict),
        ("TransactionCanceledException", "specific reasons [None, TransactionConflict]", Conflict),
        ("TransactionCanceledException", "specific reasons [ThrottlingError, None]", Throttled),
        ("TransactionCanceledException", "specific reasons [ValidationError]", Invalid),
        ("ConditionalCheckFailedException", "The conditional request failed", Conflict),
        ("ProvisionedThroughputExceededException", "slow down", Throttled),
    ],
)
def test_only_a_lost_race_is_a_conflict(code: str, message: str, kind: type[Exception]) -> None:
    from botocore.exceptions import ClientError

    from chalicelib.aws.table import _lost_or

    error: Any = ClientError({"Error": {"Code": code, "Message": message}}, "TransactWriteItems")
    assert type(_lost_or(classified(error, "dynamodb:TransactWriteItems"))) is kind


def test_our_own_mistake_is_no_throttle_and_tells_no_value() -> None:
    from botocore.exceptions import BotoCoreError, EndpointConnectionError, ParamValidationError

    wrong = classified(ParamValidationError(report="Invalid type, value: hunter2"), "secretsmanager:CreateSecret")
    assert type(wrong) is Invalid and "hunter2" not in str(wrong)
    assert type(classified(EndpointConnectionError(endpoint_url="x"), "lambda:GetPolicy")) is Throttled
    assert type(classified(BotoCoreError(), "lambda:GetPolicy")) is Invalid


def test_tampered_items_of_other_kinds_do_not_become_cases(ledger: Ledger) -> None:
    item = {"pk": {"S": "CASE#C-9"}, "sk": {"S": "NOTE"}, "body": {"S": "{}"}}
    boto3.client("dynamodb", region_name=REGION).put_item(TableName="cases", Item=item)
    assert ledger.case("C-9") is None
