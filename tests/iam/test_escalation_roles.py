"""What boundaries, the account's roles, their trust policies and other policy versions change about a path."""

from __future__ import annotations

from typing import Any

import pytest
from escalating import ADMIN, ANN, CREATE, ME, READER, found, role, trust
from iam_policies import allow, deny, policy

from chalicelib.iam.escalation import escalations
from chalicelib.iam.roles import PassableRole, PolicyVersions


class TestLimits:
    def test_a_boundary_and_a_deny_cut_the_roles_that_can_be_passed(self) -> None:
        granted = policy(allow(CREATE))
        boundary = [policy(allow("*", "arn:aws:iam::123456789012:role/app-*"), allow(CREATE[1:]))]
        told = next(iter(escalations([granted], boundary)))
        assert told.steps[0] == "Passes a role such as arn:aws:iam::123456789012:role/app-* to Lambda (iam:PassRole)."
        roles = [role("app-a", policy(allow("s3:*"))), role("admin", policy(allow()))]
        assert found(granted, boundary=boundary, roles=roles) == set()
        assert found(granted, roles=roles) == {"lambda-create-function"}
        only = {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::*:role/app-*"}
        assert found(granted, policy(only), roles=roles) == set()

    def test_the_time_is_an_argument(self) -> None:
        until = policy(allow("iam:PutUserPolicy", Condition={"DateLessThan": {"aws:CurrentTime": "2026-06-01"}}))
        assert found(until, now="2026-05-31T00:00:00Z")
        assert not found(until, now="2026-06-02T00:00:00Z")

    def test_a_caller_that_is_known_is_compared(self) -> None:
        spared = deny(Condition={"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/boss"}})
        both = policy(allow("iam:PutUserPolicy"), spared)
        assert not found(both, principal=ME)
        assert found(both, principal="arn:aws:iam::123456789012:role/boss")
        assert [e.conditional for e in escalations([both])] == [True]

    def test_only_roles_of_its_own_account_can_be_changed(self) -> None:
        there = policy(allow("iam:PutRolePolicy", "arn:aws:iam::210987654321:role/*"))
        assert found(there)
        assert not found(there, principal=ME)

    def test_another_user_is_not_oneself(self) -> None:
        one = policy(allow("iam:CreateAccessKey", ANN))
        assert not found(one, principal=ANN)
        assert found(one, principal=ANN.replace("ann", "bob"))
        own = policy(allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}"))
        assert found(own, principal=ANN)
        assert not found(own, principal=ME), "a role has no user name"


class TestRoles:
    def test_a_harmless_role_is_no_path_and_an_administrator_is(self) -> None:
        granted = policy(allow(CREATE))
        assert found(granted, roles=[READER]) == set()
        told = escalations([granted], roles=[READER, ADMIN])[0]
        assert told.steps == (
            "Passes role admin to Lambda (iam:PassRole).",
            "Creates a function with role admin and code of its own (lambda:CreateFunction).",
            "Has it run, by invoking it, by an event source or by letting somebody else invoke it "
            "(lambda:InvokeFunction).",
            "Is administrator as role admin.",
        )

    def test_a_list_that_is_not_complete_leaves_the_path(self) -> None:
        assert found(policy(allow(CREATE)), roles=[READER], complete=False)

    def test_a_role_that_is_named_counts_if_it_may_be_there(self) -> None:
        for arn, expected in ((READER.arn, False), (READER.arn + "2", True)):
            named = policy(allow(CREATE[1:]), allow("iam:PassRole", arn))
            assert bool(found(named, roles=[READER], complete=False)) is expected
            assert not found(named, roles=[READER])

    def test_the_service_must_be_trusted(self) -> None:
        elsewhere = role("admin", policy(allow()), trusts=trust("ec2.amazonaws.com"))
        assert found(policy(allow(CREATE)), roles=[elsewhere]) == set()
        assert found(policy(allow("lambda:UpdateFunctionCode")), roles=[elsewhere]) == set()
        assert found(policy(allow("lambda:UpdateFunctionCode")), roles=[ADMIN]) == {"lambda-update-code"}
        assert found(policy(allow(CREATE)), roles=[elsewhere._replace(trust=None)])

    def test_a_boundary_makes_an_administrator_harmless(self) -> None:
        held = role("admin", policy(allow()), boundary=(policy(allow("s3:*")),))
        assert found(policy(allow(CREATE)), roles=[held]) == set()

    def test_its_own_role_is_no_gain(self) -> None:
        mine = role("me", policy(allow("lambda:UpdateFunctionCode")))
        assert found(*mine.documents, roles=[mine, READER], principal=ME) == set()

    @pytest.mark.parametrize("hops", [1, 2, 5])
    def test_over_several_hops(self, hops: int) -> None:
        chain = [ADMIN]
        for n in range(hops):
            passes = policy(allow(CREATE[1:]), allow("iam:PassRole", chain[-1].arn))
            chain.append(role(f"hop{n}", passes))
        told = escalations(chain[-1].documents, roles=[*chain, READER], principal=chain[-1].arn)
        assert {e.path for e in told} == {"lambda-create-function"}
        assert len(told[0].steps) == 3 * hops + 1
        assert told[0].steps[-1].endswith("Is administrator as role admin.")

    def test_a_circle_of_harmless_roles_ends(self) -> None:
        one = role("one", policy(allow(CREATE[1:]), allow("iam:PassRole", "arn:aws:iam::123456789012:role/two")))
        two = role("two", policy(allow(CREATE[1:]), allow("iam:PassRole", "arn:aws:iam::123456789012:role/one")))
        assert found(*one.documents, roles=[one, two], principal=one.arn) == set()

    def test_assuming_needs_the_roles_trust(self) -> None:
        may = policy(allow("sts:AssumeRole", "arn:aws:iam::123456789012:role/admin"))
        root = trust(who={"AWS": "arn:aws:iam::123456789012:root"})
        assert found(may, roles=[ADMIN], principal=ME) == set()
        assert found(may, roles=[role("admin", policy(allow()), trusts=root)], principal=ME) == {"sts-assume-role"}
        rewrite = policy(allow("iam:UpdateAssumeRolePolicy"))
        assert found(rewrite, roles=[ADMIN], principal=ME) == {"iam-update-assume-role-policy"}
        assert found(rewrite, roles=[READER], principal=ME) == set()

    def test_rights_written_onto_another_role_need_a_way_into_it(self) -> None:
        other = policy(allow("iam:PutRolePolicy", READER.arn))
        assert found(other, roles=[READER], principal=ME) == set()
        into = role("reader", trusts=trust(who={"AWS": ME}))
        assert found(other, roles=[into], principal=ME) == {"iam-put-role-policy"}
        assert found(policy(allow("iam:PutRolePolicy")), roles=[READER], principal=ME) == {"iam-put-role-policy"}


class TestVersions:
    MAY = policy(allow("iam:SetDefaultPolicyVersion"))

    @pytest.mark.parametrize(
        ("now", "other", "expected"),
        [
            (allow("s3:Get*"), allow(), True),
            (allow("s3:Get*"), allow("s3:GetObject", "arn:aws:s3:::b/x"), False),
            (deny("s3:*"), deny(), False),
            (deny(), deny("s3:*"), True),
        ],
        ids=["grants more", "grants less", "denies more", "denies less"],
    )
    def test_another_version_must_grant_more(self, now: Any, other: Any, expected: bool) -> None:
        versions = PolicyVersions("arn:aws:iam::123456789012:policy/p", policy(now), (("v1", policy(other)),))
        assert bool(found(self.MAY, policies=[versions])) is expected

    def test_no_versions_no_path_and_unknown_ones_are_one(self) -> None:
        assert found(self.MAY, policies=[]) == set()
        assert found(self.MAY) == {"iam-set-default-policy-version"}

    def test_the_step_names_the_version(self) -> None:
        versions = PolicyVersions(
            "arn:aws:iam::123456789012:policy/p", policy(allow("s3:*")), (("v3", policy(allow())),)
        )
        told = escalations([self.MAY], policies=[versions])[0]
        assert told.steps == (
            "Puts version v3 of arn:aws:iam::123456789012:policy/p in force (iam:SetDefaultPolicyVersion).",
        )

    SHARED = "arn:aws:iam::123456789012:policy/shared"

    def held(self, *holders: PassableRole) -> PolicyVersions:
        """A policy that reads S3, and said `*` before."""
        return PolicyVersions(
            self.SHARED, policy(allow("s3:*")), (("v1", policy(allow())),), frozenset(h.arn for h in holders)
        )

    @pytest.mark.parametrize(
        ("mine", "who", "expected"),
        [
            (["iam:SetDefaultPolicyVersion"], {"AWS": ME}, True),
            (["iam:SetDefaultPolicyVersion"], {"AWS": "arn:aws:iam::123456789012:root"}, False),
            (["iam:SetDefaultPolicyVersion", "sts:AssumeRole"], {"AWS": "arn:aws:iam::123456789012:root"}, True),
            (["iam:SetDefaultPolicyVersion", "lambda:UpdateFunctionCode"], {"Service": "lambda.amazonaws.com"}, True),
            (["iam:SetDefaultPolicyVersion", "iam:PassRole"], {"Service": "lambda.amazonaws.com"}, False),
            (["sts:AssumeRole"], {"AWS": "arn:aws:iam::123456789012:root"}, False),
        ],
    )
    def test_a_policy_of_another_role_needs_a_way_into_it(self, mine: list[str], who: Any, expected: bool) -> None:
        holder = role("holder", policy(allow("s3:*"))._replace(name=self.SHARED), trusts=trust(who=who))
        told = escalations([policy(allow(mine))], roles=[holder], principal=ME, policies=[self.held(holder)])
        assert {e.path for e in told} == ({"iam-set-default-policy-version"} if expected else set())
        assert not expected or told[0].steps[-1] == "Is administrator as role holder."

    def test_a_boundary_still_holds_whoever_gets_the_version(self) -> None:
        root = trust(who={"AWS": "arn:aws:iam::123456789012:root"})
        holder = role(
            "holder", policy(allow("s3:*"))._replace(name=self.SHARED), trusts=root, boundary=(policy(allow("s3:*")),)
        )
        may = policy(allow(["iam:SetDefaultPolicyVersion", "sts:AssumeRole"]))
        assert found(may, roles=[holder], principal=ME, policies=[self.held(holder)]) == set()

    def test_another_role_sets_it_on_the_way(self) -> None:
        root = trust(who={"AWS": "arn:aws:iam::123456789012:root"})
        setter = role("setter", policy(allow("iam:SetDefaultPolicyVersion"))._replace(name=self.SHARED), trusts=root)
        mine = policy(allow("sts:AssumeRole", setter.arn))
        versions = PolicyVersions(
            self.SHARED, setter.documents[0], (("v1", policy(allow())),), frozenset((setter.arn,))
        )
        assert found(mine, roles=[setter], principal=ME, policies=[versions]) == {"sts-assume-role"}
        assert found(mine, roles=[setter], principal=ME, policies=[versions._replace(others=())]) == set()

    def test_a_user_writes_onto_a_role_that_it_must_get_into(self) -> None:
        writes = allow("iam:PutRolePolicy", "arn:aws:iam::*:role/*")
        reader = role("reader", trusts=trust(who={"AWS": "arn:aws:iam::123456789012:root"}))
        assert found(policy(writes), roles=[reader], principal=ANN) == set()
        both = policy(writes, allow("sts:AssumeRole"))
        assert found(both, roles=[reader], principal=ANN) == {"iam-put-role-policy"}
        assert found(policy(writes), principal=ANN) == {"iam-put-role-policy"}
