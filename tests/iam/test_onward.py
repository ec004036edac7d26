"""Which roles are worth a look before any is read, and what judging makes of those that were not looked at."""

from __future__ import annotations

from typing import Any

import pytest
from escalating import ADMIN, CREATE, ME, READER, found, role, trust
from iam_policies import allow, deny, policy

from chalicelib.iam.escalation import Escalation, escalations
from chalicelib.iam.onward import onward
from chalicelib.iam.roles import PassableRole, Unread

HERE = "arn:aws:iam::123456789012:role"
ROOT = trust(who={"AWS": "arn:aws:iam::123456789012:root"})
WAYS = {
    "one role": ((allow(CREATE[1:]), allow("iam:PassRole", READER.arn)), [READER.arn]),
    "a pattern": ((allow(CREATE[1:]), allow("iam:PassRole", f"{HERE}/app-*")), [f"{HERE}/app-*"]),
    "everything": ((allow(CREATE),), [f"{HERE}/*"]),
    "by a wildcard": ((allow(["iam:Pass*", "lambda:*"], "*"),), [f"{HERE}/*"]),
    "to assume": ((allow("sts:AssumeRole", READER.arn),), [READER.arn]),
    "to assume wherever": ((allow("sts:AssumeRole"),), ["arn:aws:iam::*:role/*"]),
    "all but one": (
        (allow(CREATE), {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": READER.arn}),
        [READER.arn],
    ),
}
NOWHERE = {
    "nothing to pass it to": (allow("iam:PassRole"),),
    "nothing to pass": (allow(CREATE[1:]),),
    "denied": (allow(CREATE), deny("iam:PassRole")),
    "another account": (allow("sts:AssumeRole", "arn:aws:iam::210987654321:role/x"),),
    "to a service that it cannot use": (
        allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        allow(CREATE[1:]),
    ),
    "an administrator": (allow(),),
    "AWS's own": (allow(CREATE[1:]), allow("iam:PassRole", f"{HERE}/aws-service-role/x.amazonaws.com/X")),
}


def me(*statements: Any, boundary: Any = None) -> PassableRole:
    return PassableRole(ME, (policy(*statements),), boundary)


@pytest.mark.parametrize("name", WAYS)
def test_where_a_role_can_go_on_to(name: str) -> None:
    statements, regions = WAYS[name]
    assert [way.narrowest for way in onward(me(*statements))] == regions


@pytest.mark.parametrize("name", NOWHERE)
def test_where_there_is_nothing_to_look_up(name: str) -> None:
    assert onward(me(*NOWHERE[name])) == ()


def test_a_boundary_closes_ways() -> None:
    assert onward(me(allow(CREATE), boundary=(policy(allow("s3:*")),))) == ()


def test_a_way_leads_only_to_roles_that_let_it_in() -> None:
    (to_lambda,) = onward(me(allow(CREATE)))
    assert to_lambda.leads_to(ADMIN) and not to_lambda.leads_to(role("x", trusts=trust("ec2.amazonaws.com")))
    (assumed,) = onward(me(allow("sts:AssumeRole")))
    assert assumed.leads_to(role("x", trusts=ROOT)) and not assumed.leads_to(ADMIN)
    (one,) = onward(me(allow("sts:AssumeRole", READER.arn)))
    assert one.one == READER.arn and not one.leads_to(role("x", trusts=ROOT))


def test_ways_of_another_partition_are_compared_in_one() -> None:
    there = "arn:aws-cn:iam::123456789012:role/"
    (way,) = onward(PassableRole(f"{there}me", (policy(allow(CREATE[1:]), allow("iam:PassRole", f"{there}app-*")),)))
    passed = PassableRole(f"{there}app-1", (policy(allow()),), None, trust())
    assert way.leads_to(passed) and not way.leads_to(passed._replace(arn=f"{there}other"))


PASSES = policy(allow(CREATE[1:]), allow("iam:PassRole", f"{HERE}/app-*"))
APP = role("app-1", policy(allow("s3:Get*")))


def walked(*documents: Any, **more: Any) -> dict[str, Escalation]:
    told = escalations(documents, principal=ME, complete=False, **more)
    return {e.path: e for e in told}


@pytest.mark.parametrize(
    ("unread", "expected"),
    [
        (None, True),
        ([], False),
        ([Unread(ME, f"{HERE}/app-2", "It was refused")], True),
        ([Unread(ME, f"{HERE}/*", "The list was refused")], True),
        ([Unread(ME, f"{HERE}/other", "It was refused")], False),
        ([Unread(APP.arn, f"{HERE}/app-2", "It was refused")], False),
    ],
    ids=["nobody looked", "all was read", "one was not", "nothing was listed", "elsewhere", "another's"],
)
def test_only_what_was_not_read_is_not_known(unread: Any, expected: bool) -> None:
    told = walked(PASSES, roles=[APP], unread=unread)
    assert bool(told) is expected
    if unread and expected:
        path = told["lambda-create-function"]
        assert path.unknown == ("What the roles in question may do is not known here.", f"{unread[0].why}.")
        assert not path.is_sure and not path.conditional


def test_what_runs_as_a_role_already_stays_unknown() -> None:
    writes = policy(allow("lambda:UpdateFunctionCode"))
    assert not walked(writes, roles=[APP], unread=[])["lambda-update-code"].is_sure
    told = walked(writes, roles=[ADMIN], unread=[])["lambda-update-code"]
    assert told.unknown and told.steps[-1] == "Is administrator as role admin."


def test_roles_of_other_accounts_stay_unknown() -> None:
    assert walked(policy(allow("sts:AssumeRole")), roles=[APP], unread=[])["sts-assume-role"].unknown


class TestHowSure:
    """What is not sure of a role on the way is not sure of the way."""

    MFA = policy(allow("iam:AttachRolePolicy", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))

    def test_a_condition_of_a_role_on_the_way_is_one_of_the_path(self) -> None:
        path = walked(PASSES, roles=[role("app-1", self.MFA)], unread=[])["lambda-create-function"]
        assert path.conditional and not path.unknown

    def test_a_role_on_the_way_that_is_not_known_is_told_with_its_reason(self) -> None:
        code = role("app-1", policy(allow("lambda:UpdateFunctionCode")))
        path = walked(PASSES, roles=[code], unread=[])["lambda-create-function"]
        assert path.unknown == (
            "role app-1 escalates by lambda-update-code (Which roles such things run as is not known here).",
        )

    def test_a_sure_way_goes_before_one_that_is_not(self) -> None:
        sure, unsure = role("app-2", policy(allow("iam:AttachRolePolicy"))), role("app-1", self.MFA)
        for roles in ([unsure, sure], [sure, unsure]):
            path = walked(PASSES, roles=roles, unread=[])["lambda-create-function"]
            assert path.is_sure and path.steps[0] == "Passes role app-2 to Lambda (iam:PassRole)."

    def test_a_sure_way_over_more_hops_goes_before_one_that_is_not(self) -> None:
        both = policy(allow([*CREATE[1:], "lambda:UpdateFunctionCode"]), allow("iam:PassRole", f"{HERE}/next"))
        onto = role("next", policy(allow("iam:AttachRolePolicy")))
        path = walked(PASSES, roles=[role("app-1", both), onto], unread=[])["lambda-create-function"]
        assert path.is_sure and path.steps[-1].startswith("As role app-1: As role next: Attaches")


class TestWrittenAndPassed:
    """Rights written onto a role are reached by passing that role, too."""

    WRITES = allow("iam:PutRolePolicy", APP.arn)

    def test_it_is_a_path_where_it_can_be_passed(self) -> None:
        both = policy(self.WRITES, allow(CREATE[1:]), allow("iam:PassRole", APP.arn))
        assert found(both, roles=[APP], principal=ME) == {"iam-put-role-policy"}
        told = walked(both, roles=[APP], unread=[])["iam-put-role-policy"]
        assert told.is_sure and told.steps[-1] == "Is administrator as role app-1."

    def test_it_is_none_where_the_service_is_not_trusted(self) -> None:
        there = role("app-1", trusts=trust("ec2.amazonaws.com"))
        both = policy(self.WRITES, allow(CREATE[1:]), allow("iam:PassRole", APP.arn))
        assert found(both, roles=[there], principal=ME) == set()

    def test_it_stays_unknown_where_not_all_roles_were_read(self) -> None:
        assert walked(policy(self.WRITES), roles=[APP], unread=[])["iam-put-role-policy"].unknown
