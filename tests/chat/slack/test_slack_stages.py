"""Stages of a staged case, decided in Slack: what people attest, and what they take up again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from leading import FUNCTION, VALUE, approve, case_of, invoked, reads_secret, stage_of
from slack_world import SlackWorld, words_of
from world import function


@pytest.fixture
def rotating(sw: SlackWorld) -> SlackWorld:
    """A secret is out of its function, and somebody has to change its value."""
    function("pay", {"TABLE": "orders", "DB_PASSWORD": VALUE})
    sw.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    sw.run()
    for due in ("store", "grant", "reference"):
        approve(sw, due)
    invoked(sw, "pay", 30)
    sw.d.ahead = timedelta(minutes=11)
    reads_secret(sw, "DB_PASSWORD", "pay-role")
    approve(sw, "remove")
    assert (case_of(sw).state, stage_of(sw)) == ("WAITING_OWNER", "rotate")
    return sw


def test_who_rotated_and_when_is_said_in_a_window(rotating: SlackWorld) -> None:
    sw, case = rotating, case_of(rotating)
    assert "It is done…" in words_of(sw.message(case).blocks)
    (said,) = sw.click("U0MALLORY", case, "attest")
    assert "not listed" in said
    assert sw.click("U0OLLY", case, "attest") == []
    fields = [b["block_id"] for b in sw.fake.space.windows["U0OLLY"]["blocks"] if b["type"] == "input"]
    assert fields == ["by", "at", "reason"]
    good = {"by": "Olly", "at": "now", "reason": "new password for app"}
    wrong: list[tuple[dict[str, str], str]] = [
        ({"by": " "}, "by"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2020-01-01T00:00Z"}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "now it is AKIA" + "IOSFODNN7REALKEY"}, "reason"),
    ]
    for change, field in wrong:
        assert list(sw.submit("U0OLLY", **{**good, **change})) == [field], change
        assert case_of(sw).state == "WAITING_OWNER"
    assert sw.submit("U0OLLY", **good) == {}
    after = case_of(sw)
    assert (after.state, after.attested["rotate"]["by"], after.attested["rotate"]["attested_by"]) == (
        "RESOLVED",
        "Olly",
        "olly",
    )


def test_the_command_says_the_same(rotating: SlackWorld) -> None:
    sw, case = rotating, case_of(rotating)
    when = sw.d.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    refused: list[tuple[str, Any]] = [
        (f"attest {case.id}", "who did it, when and how"),
        (f"attest {case.id} Olly yesterday new password", "who did it, when and how"),
        (f"attest {case.id} Olly {when}", "who did it, when and how"),
        (f"attest {case.id} {when} new password", "who did it, when and how"),
        (f"attest {case.id} Olly 2020-01-01 new password", "after the case was opened"),
        (f"continue {case.id} because", "not a staged case that rests"),
    ]
    for text, says in refused:
        assert says in sw.type("U0OLLY", text), text
    assert "not listed" in sw.type("U0MALLORY", f"attest {case.id} Olly {when} new password")
    assert case_of(sw) == case
    assert "done by Olly Example" in sw.type("U0OLLY", f"attest {case.id} Olly Example {when} new password")
    assert case_of(sw).state == "RESOLVED"


def test_what_was_rejected_is_taken_up_again(sw: SlackWorld) -> None:
    function("pay", {"TABLE": "orders", "DB_PASSWORD": VALUE})
    sw.change(FUNCTION, "pay", "lambda:CreateFunction", created=True)
    sw.run()
    case = case_of(sw)
    assert "nothing is to be attested" in sw.type("U0OLLY", f"attest {case.id} Olly now done")
    sw.click("U0SAM", case, "reject")
    assert sw.submit("U0SAM", reason="after the sale") == {}
    assert case_of(sw).state == "REJECTED"
    assert sw.click("U0SAM", case, "continue") == []
    assert sw.submit("U0SAM", reason="the sale is over") == {}
    assert case_of(sw).state == "PENDING"
