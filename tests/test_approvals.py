"""Who may decide, and when a quorum stands."""

from __future__ import annotations

import pytest

from chalicelib.approvals import (
    Approval,
    Identity,
    causers_are_known,
    identity_of,
    identity_of_arn,
    may_decide,
    people_from,
    person_of,
    quorum,
    who_may,
)
from chalicelib.model import Principal
from chalicelib.runbooks import Approval as Requirement

HOME = "123456789012"
OPS = "AWSReservedSSO_Operations_0123456789abcdef"
PEOPLE = people_from(
    {
        "people": {
            "sam": {"name": "Sam", "groups": ["security", "owner"], "iam": [{"account": HOME, "role": "security"}]},
            "olly": {
                "name": "Olly",
                "groups": ["owner"],
                "iam": [{"account": HOME, "role": OPS, "session": "olly@x"}, {"account": HOME, "user": "olly"}],
            },
            "drew": {"groups": ["owner"], "iam": [{"account": HOME, "role": "deploy"}]},
        }
    }
)
ONE = Requirement(1, ("owner",), 3600)
TWO = Requirement(2, ("security", "owner"), 3600)


def assumed(role: str, session: str = "s", account: str = HOME) -> Identity | None:
    return identity_of_arn(f"arn:aws:sts::{account}:assumed-role/{role}/{session}")


def causer(role: str, session: str = "s", path: str = "/") -> Principal:
    return Principal("AssumedRole", HOME, f"arn:aws:iam::{HOME}:role{path}{role}", session)


def approve(person: str, plan: str = "p", at: str = "1", about: str = "apply", given: str = "approve") -> Approval:
    return Approval(person, plan, about, given, at)


@pytest.mark.parametrize(
    ("identity", "person"),
    [
        (assumed("security", "monday"), "sam"),
        (assumed("security", "olly@x"), "sam"),
        (assumed("security", account="999999999999"), None),
        (assumed("Security"), None),
        (assumed(OPS, "olly@x"), "olly"),
        (assumed(OPS, "Olly@x"), None),
        (assumed(OPS, "eve@x"), None),
        (identity_of_arn(f"arn:aws:iam::{HOME}:user/team/olly"), "olly"),
        (identity_of_arn(f"arn:aws:iam::{HOME}:user/sam"), None),
        (None, None),
    ],
)
def test_a_role_is_one_person_and_an_identity_center_role_needs_its_session(
    identity: Identity | None, person: str | None
) -> None:
    found = person_of(PEOPLE, identity)
    assert (found and found.id) == person


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "olly",
        f"arn:aws:iam::{HOME}:root",
        f"arn:aws:sts::{HOME}:federated-user/olly",
        f"arn:aws:sts::{HOME}:assumed-role/deploy",
        f"arn:aws:s3:::{HOME}",
        f"arn:aws:iam::{HOME}:user/",
    ],
)
def test_nothing_else_is_an_identity(arn: str) -> None:
    assert identity_of_arn(arn) is None


def test_nobody_decides_when_the_list_is_empty() -> None:
    assert may_decide((), assumed("security"), ()).person is None
    assert not quorum((), [approve("sam")], ONE, [causer("deploy")], "p").stands
    assert people_from({}) == ()


@pytest.mark.parametrize(
    ("identity", "causers", "may"),
    [
        (assumed("security"), [causer("deploy")], True),
        (assumed("deploy", "another"), [causer("deploy", "ci")], False),
        (assumed("deploy"), [causer("other"), causer("deploy", path="/teams/shop/")], False),
        (assumed(OPS, "olly@x"), [causer(OPS, "olly@x", "/aws-reserved/sso.amazonaws.com/eu-west-1/")], False),
        (assumed(OPS, "olly@x"), [causer(OPS, "eve@x")], True),
        (assumed(OPS, "olly@x"), [causer(OPS, "")], False),
        (assumed(OPS, "olly@x"), [Principal("IAMUser", HOME, f"arn:aws:iam::{HOME}:user/olly")], False),
        (assumed("stranger"), [], False),
    ],
)
def test_nobody_who_caused_it_decides_about_it(identity: Identity, causers: list[Principal], may: bool) -> None:
    assert (may_decide(PEOPLE, identity, causers).person is not None) == may


DREW, PIPELINE = [causer("deploy")], [causer("pipeline")]


@pytest.mark.parametrize(
    ("given", "requirement", "causers", "stands"),
    [
        ([approve("olly")], ONE, DREW, True),
        ([], ONE, DREW, False),
        ([approve("drew")], ONE, DREW, False),
        ([approve("olly", plan="old")], ONE, DREW, False),
        ([approve("olly", about="undo")], ONE, DREW, False),
        ([approve("nobody")], ONE, DREW, False),
        ([approve("olly"), approve("olly", at="2", given="revoke")], ONE, DREW, False),
        ([approve("olly", given="revoke"), approve("olly", at="2")], ONE, DREW, True),
        ([approve("olly"), approve("olly", at="2")], TWO, DREW, False),
        ([approve("sam"), approve("sam", at="2")], TWO, DREW, False),
        ([approve("olly"), approve("sam")], TWO, DREW, True),
        ([approve("olly"), approve("drew")], TWO, [causer("security")], False),
        ([approve("olly")], ONE, PIPELINE, False),
        ([approve("olly"), approve("sam")], ONE, PIPELINE, True),
        ([approve("sam")], ONE, PIPELINE, True),
        ([approve("olly")], ONE, [], False),
        ([approve("sam")], ONE, [*DREW, Principal("AWSService", "", "", "", "", "cloudformation.amazonaws.com")], True),
        ([approve("olly")], ONE, [*DREW, *PIPELINE], False),
        ([approve("olly")], Requirement(0, ("owner",), 1), DREW, True),
        ([], Requirement(0, (), 1), DREW, False),
    ],
)
def test_a_quorum_counts_distinct_people_of_every_group(
    given: list[Approval], requirement: Requirement, causers: list[Principal], stands: bool
) -> None:
    answer = quorum(PEOPLE, given, requirement, causers, "p")
    assert answer.stands == stands
    assert answer.reasons


def test_who_may_names_neither_causers_nor_other_groups() -> None:
    assert who_may(PEOPLE, ONE, DREW) == ("Olly", "Sam")
    assert who_may(PEOPLE, Requirement(1, ("security",), 1), DREW) == ("Sam",)
    assert identity_of(Principal("AWSService")) is None


EVERY_DOOR = people_from(
    {
        "people": {
            "sam": {
                "name": "Sam",
                "groups": ["security"],
                "slack": [{"team": "T0", "user": "U1"}],
                "entra": [{"tenant": "t", "object": "o"}],
                "oidc": [{"issuer": "https://id.example", "subject": "s"}],
                "source_identity": ["sam@x"],
            },
            "olly": {
                "name": "Olly",
                "groups": ["owner"],
                "iam": [{"account": HOME, "role": OPS, "session": "olly@x"}],
                "slack": [{"team": "T0", "user": "U2"}],
            },
        }
    }
)


@pytest.mark.parametrize(
    ("identity", "person"),
    [
        (Identity("T0", "slack", "U1"), "sam"),
        (Identity("T0", "slack", "U2"), "olly"),
        (Identity("T1", "slack", "U1"), None),
        (Identity("T0", "slack", "u1"), None),
        (Identity("T0", "entra", "U1"), None),
        (Identity("T0", "user", "U1"), None),
        (Identity("t", "entra", "o"), "sam"),
        (Identity("https://id.example", "oidc", "s"), "sam"),
        (Identity("https://id.example/", "oidc", "s"), None),
        (Identity("sam@x", "slack", ""), None),
    ],
)
def test_each_door_has_its_own_identities(identity: Identity, person: str | None) -> None:
    found = person_of(EVERY_DOOR, identity)
    assert (found and found.id) == person


def shared(source: str, session: str = "s") -> Principal:
    return Principal("AssumedRole", HOME, f"arn:aws:iam::{HOME}:role/shared", session, source)


@pytest.mark.parametrize(
    ("causers", "sam", "olly"),
    [
        ([shared("sam@x")], False, True),
        ([shared("olly@x")], True, False),
        ([shared("")], True, True),
        ([shared("", "sam@x")], True, True),
        ([shared("SAM@x")], True, True),
        ([causer(OPS, "olly@x", "/aws-reserved/sso.amazonaws.com/")], True, False),
        ([shared("sam@x"), shared("olly@x")], False, False),
    ],
)
def test_a_causer_is_found_by_source_identity_whatever_door_they_come_through(
    causers: list[Principal], sam: bool, olly: bool
) -> None:
    assert (may_decide(EVERY_DOOR, Identity("T0", "slack", "U1"), causers).person is not None) == sam
    assert (may_decide(EVERY_DOOR, Identity("T0", "slack", "U2"), causers).person is not None) == olly


def test_a_source_identity_bars_and_makes_nobody_known() -> None:
    """Whoever assumes a role may claim one, so it must not make security superfluous."""
    assert not causers_are_known(EVERY_DOOR, [shared("olly@x")])
    assert not quorum(EVERY_DOOR, [approve("olly")], ONE, [shared("olly@x")], "p").stands
    assert not quorum(EVERY_DOOR, [approve("olly")], ONE, [shared("nobody")], "p").stands
    assert quorum(EVERY_DOOR, [approve("olly"), approve("sam")], ONE, [shared("nobody")], "p").stands
