"""When people are told and asked again, and who stands in meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.approvals import Approval, people_from, quorum, who_may
from chalicelib.attention import Attention, attention_from, attention_of, in_force
from chalicelib.cases import Case
from chalicelib.governance import pins_from
from chalicelib.model import Principal
from chalicelib.routing import SERVICE, Hours, Route, hours_from, slack_from, teams_from
from chalicelib.runbooks import Approval as Requirement

HOME = "123456789012"
CASE = Case("C-1", HOME, "us-east-1", "t", "r", "arn", "c", "PENDING", 1, "", "", severity="high", owner="payments")
WORK = Hours("Europe/Berlin", ("mon", "tue", "wed", "thu", "fri"), "08:00", "18:00")
NIGHT = Hours("UTC", ("fri",), "22:00", "06:00")


@pytest.mark.parametrize(
    ("hours", "moment", "inside"),
    [
        (WORK, "2026-07-01T06:00:00+00:00", True),
        (WORK, "2026-07-01T05:59:00+00:00", False),
        (WORK, "2026-01-07T06:30:00+00:00", False),
        (WORK, "2026-07-01T16:00:00+00:00", False),
        (WORK, "2026-07-04T10:00:00+00:00", False),
        (NIGHT, "2026-07-03T23:00:00+00:00", True),
        (NIGHT, "2026-07-04T05:59:00+00:00", True),
        (NIGHT, "2026-07-04T06:00:00+00:00", False),
        (NIGHT, "2026-07-03T05:00:00+00:00", False),
        (replace(WORK, zone="Nowhere/City"), "2026-07-01T08:00:00+00:00", True),
        (replace(WORK, zone="../../etc/passwd"), "2026-07-01T07:59:00+00:00", False),
    ],
)
def test_hours_are_of_one_place_and_may_pass_midnight(hours: Hours, moment: str, inside: bool) -> None:
    assert hours.cover(datetime.fromisoformat(moment)) == inside


@pytest.mark.parametrize(
    ("routes", "channel"),
    [
        ([], "C0"),
        ([{"channel": "C1", "severity": ["critical"]}], "C0"),
        ([{"channel": "C1", "severity": ["high", "critical"]}], "C1"),
        ([{"channel": "C1", "severity": ["high"], "accounts": ["999999999999"]}], "C0"),
        ([{"channel": "C1", "accounts": [HOME]}, {"channel": "C2", "owners": ["payments"]}], "C1"),
        ([{"channel": "C2", "owners": ["payments"], "severity": ["high"]}], "C2"),
    ],
)
def test_the_first_route_that_fits_wins(routes: list[Any], channel: str) -> None:
    slack = slack_from({"slack": {"team": "T0", "app": "A0", "channel": "C0", "routes": routes}})
    assert slack is not None
    assert slack.channel_of(CASE) == channel
    assert slack.channels == {"C0", *(r["channel"] for r in routes)}


def test_quiet_hours_let_grave_ones_through() -> None:
    quiet = {"zone": "UTC", "from": "22:00", "to": "06:00", "but": ["critical"]}
    slack = slack_from({"slack": {"team": "T0", "app": "A0", "channel": "C0", "quiet": quiet}})
    assert slack is not None and slack_from({}) is None
    night = datetime(2026, 7, 1, 23, tzinfo=UTC)
    assert slack.is_quiet(CASE, night)
    assert not slack.is_quiet(replace(CASE, severity="critical"), night)
    assert not slack.is_quiet(CASE, night + timedelta(hours=9))
    assert Route("C1", (), (), ()).fits(CASE) and hours_from(quiet).days[0] == "mon"


# --- who stands in --------------------------------------------------------------------------------------------------

PEOPLE = people_from(
    {
        "people": {
            "olly": {"name": "Olly", "groups": ["owner"], "iam": [{"account": HOME, "role": "oncall"}]},
            "pat": {"name": "Pat", "groups": ["platform"], "iam": [{"account": HOME, "role": "platform"}]},
            "sam": {"name": "Sam", "groups": ["security"], "iam": [{"account": HOME, "role": "security"}]},
            "drew": {"name": "Drew", "groups": ["other"], "iam": [{"account": HOME, "role": "deploy"}]},
        }
    }
)
DREW = [Principal("AssumedRole", HOME, f"arn:aws:iam::{HOME}:role/deploy", "ci")]
PIPELINE = [Principal("AssumedRole", HOME, f"arn:aws:iam::{HOME}:role/pipeline", "ci")]
ASKED = datetime(2026, 7, 1, 9, tzinfo=UTC)
LATE = attention_from({"escalate": {"after": "2h", "to": ["platform"]}})
AWAY = Attention(hours=WORK, outside=("platform",))
ONE = Requirement(1, ("owner",), 86_400)
TWO = Requirement(2, ("owner", "security"), 86_400)


def says(person: str, hour: int) -> Approval:
    return Approval(person, "p", "apply", "approve", f"2026-07-01T{hour:02}:30:00.000Z")


@pytest.mark.parametrize(
    ("attention", "words", "requirement", "causers", "stands"),
    [
        (LATE, [says("pat", 10)], ONE, DREW, False),
        (LATE, [says("pat", 11)], ONE, DREW, True),
        (LATE, [says("olly", 10)], ONE, DREW, True),
        (LATE, [says("pat", 11)], TWO, DREW, False),
        (LATE, [says("pat", 11), says("olly", 10)], TWO, DREW, False),
        (LATE, [says("pat", 11), says("sam", 10)], TWO, DREW, True),
        (LATE, [says("pat", 11)], ONE, PIPELINE, False),
        (LATE, [says("pat", 11), says("sam", 11)], ONE, PIPELINE, True),
        (AWAY, [says("pat", 10)], ONE, DREW, False),
        (AWAY, [says("pat", 17)], ONE, DREW, True),
        (Attention(), [says("pat", 23)], ONE, DREW, False),
    ],
)
def test_a_stand_in_counts_from_its_time_on_and_never_for_security(
    attention: Attention, words: list[Approval], requirement: Requirement, causers: list[Principal], stands: bool
) -> None:
    answer = quorum(PEOPLE, words, requirement, causers, "p", "apply", attention.stand_ins(ASKED))
    assert answer.stands == stands, answer.reasons


def test_who_may_names_the_stand_ins_of_now() -> None:
    assert who_may(PEOPLE, ONE, DREW) == ("Olly",)
    assert who_may(PEOPLE, ONE, DREW, ("platform",)) == ("Olly", "Pat")


def test_reminders_are_counted_and_not_caught_up_with() -> None:
    held = attention_from({"remind": "4h"})
    assert [held.due(ASKED, ASKED + timedelta(hours=h), r) for h, r in ((3, 0), (4, 0), (5, 1), (13, 1))] == [
        0,
        1,
        0,
        3,
    ]
    assert Attention().due(ASKED, ASKED + timedelta(days=9), 0) == 0


def test_the_pin_that_names_the_account_says_how_to_ask() -> None:
    def pin(**more: Any) -> dict[str, Any]:
        return {"runbook": "b", "version": "1.0.0", "mode": "propose", **more}

    pins = pins_from({"mode": "propose", "pins": [pin(remind="1h"), pin(remind="2h", accounts=[HOME])]})
    planned = replace(CASE, plan={"runbook": "b", "version": "1.0.0"})
    assert attention_of(pins, planned).remind == 7200
    assert attention_of(pins, replace(planned, account="999999999999")).remind == 3600
    assert attention_of(pins, replace(planned, plan={"runbook": "b", "version": "2.0.0"})) == Attention()
    assert attention_of(pins, CASE) == Attention()


def test_what_was_said_before_a_plan_was_taken_back_answers_no_new_asking() -> None:
    """Asked at 10:00 for a plan that was applied at 9:00, taken back, and is proposed again to the letter."""
    words = [
        Approval("sam", "sha256:p", about, "approve", f"2026-11-20T{hour}:30:00.000Z")
        for about, hour in (("apply", "08"), ("apply", "10"), ("undo", "08"), ("undo", "10"))
    ]
    case = replace(CASE, expires="2026-11-21T10:00:00.000Z", applied="2026-11-20T09:00:00.000Z")
    assert in_force(words, case, 24 * 3600) == (words[1], words[3])
    assert in_force(words, replace(CASE, expires="", applied=""), 0) == tuple(words)


def test_teams_routes_as_slack_does_and_speaks_through_the_public_cloud_unless_told() -> None:
    routes = [{"channel": "19:b", "severity": ["high"]}]
    teams = teams_from({"teams": {"tenant": "t", "app": "a", "channel": "19:a", "routes": routes}})
    assert teams is not None and teams_from({}) is None
    assert (teams.channels, teams.service) == ({"19:a", "19:b"}, SERVICE)
    assert teams.channel_of(replace(CASE, severity="high")) == "19:b"
