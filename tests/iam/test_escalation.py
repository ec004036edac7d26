"""Which paths are found, which are not, and what each condition, boundary, Deny and known role changes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iam_policies import allow, deny, policy

from chalicelib.iam.documents import Document
from chalicelib.iam.escalation import escalations
from chalicelib.iam.paths import DIRECT, Path, all_actions, all_paths
from chalicelib.iam.roles import PassableRole, PolicyVersions

ME = "arn:aws:iam::123456789012:role/me"
ANN = "arn:aws:iam::123456789012:user/ann"
MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
CREATE = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]


def found(*documents: Document, **more: Any) -> set[str]:
    return {e.path for e in escalations(documents, **more)}


def needed(path: Path) -> list[str]:
    return [need.any_of[-1] for need in path.needs]


def trust(service: str = "lambda.amazonaws.com", **more: Any) -> Document:
    who = more.pop("who", {"Service": service})
    return policy({"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole", **more}, kind="trust")


def role(name: str, *documents: Document, trusts: Document | None = None, boundary: Any = None) -> PassableRole:
    return PassableRole(f"arn:aws:iam::123456789012:role/{name}", documents, boundary, trusts or trust())


class TestTheList:
    def test_ids_are_unique_and_every_path_says_why_and_where_from(self) -> None:
        assert len({p.id for p in all_paths()}) == len(all_paths())
        for path in all_paths():
            assert path.reason.endswith(".")
            assert "https://" in path.source
            assert path.category in {"direct", "credentials", "pass-role", "existing-compute"}
            assert path.services or path.category in {"direct", "credentials"}

    def test_it_needs_fewer_than_200_actions(self) -> None:
        assert len(all_actions()) < 200


@pytest.mark.parametrize("path", all_paths(), ids=lambda p: p.id)
class TestEveryPath:
    def test_is_found_however_it_is_written(self, path: Path) -> None:
        actions = needed(path)
        for spelling in (
            policy(allow(actions)),
            policy(allow([a.upper() for a in actions])),
            policy(allow([a[:-2] + "*" for a in actions])),
            policy(allow([a[:-1] + "?" for a in actions])),
            policy(*(allow(a) for a in actions)),
            policy({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),
            policy({"Effect": "Allow", "Action": actions, "NotResource": "arn:aws:s3:::b"}),
            policy(allow(actions), version="2008-10-17"),
        ):
            assert path.id in found(spelling)
        assert path.id in found(*(policy(allow(a)) for a in actions))

    def test_is_guarded_but_not_stopped_by_a_deny_unless_mfa(self, path: Path) -> None:
        told = escalations([policy(allow(needed(path)), deny(Condition=MFA))])
        assert [e.conditional for e in told if e.path == path.id] == [True]
        assert [e.conditional for e in escalations([policy(allow(needed(path)))]) if e.path == path.id] == [False]

    def test_is_stopped_by_what_takes_one_action_away(self, path: Path) -> None:
        granted = policy(allow(needed(path)))
        for action in needed(path):
            rest = policy({"Effect": "Allow", "NotAction": action, "Resource": "*"})
            assert path.id not in found(policy(allow(needed(path)), deny(action.upper())))
            assert path.id not in found(granted, policy(deny(action)))
            assert path.id not in found(granted, boundary=[rest])
            assert path.id not in found(granted, scps=[rest])
            assert path.id not in found(granted, scps=[[policy(allow())], [rest]])
        assert path.id in found(granted, boundary=[policy(allow())], scps=[policy(allow())])
        assert path.id not in found(granted, boundary=[])

    def test_is_told_as_steps(self, path: Path) -> None:
        told = next(e for e in escalations([policy(allow(needed(path)))]) if e.path == path.id)
        assert len(told.steps) == len(path.needs)
        for step, need in zip(told.steps, path.needs, strict=True):
            assert step[0].isupper()
            assert any(f"({a})." in step for a in need.any_of)
            assert "{" not in step


GOOD: dict[str, tuple[dict[str, Any], ...]] = {
    "reads": (allow(["iam:Get*", "iam:List*", "lambda:InvokeFunction"]),),
    "pass role alone": (allow("iam:PassRole"),),
    "create without pass role": (allow(["lambda:CreateFunction", "lambda:InvokeFunction"]),),
    "versions of AWS's own policies only": (allow("iam:CreatePolicyVersion", "arn:aws:iam::aws:policy/*"),),
    "service-linked roles only": (allow("iam:AttachRolePolicy", "arn:aws:iam::*:role/aws-service-role/x/*"),),
    "keys of oneself": (allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}"),),
    "keys of oneself on a path": (allow("iam:CreateAccessKey", "arn:aws:iam::*:user/ops/${aws:username}"),),
    "on another kind of resource": (allow("lambda:UpdateFunctionCode", "arn:aws:s3:::bucket/*"),),
    "run as some image, not an instance": (allow("iam:PassRole"), allow("ec2:RunInstances", "arn:aws:ec2:*::image/*")),
    "one role written out": (allow("sts:AssumeRole", "arn:aws:iam::210987654321:role/reader"),),
    "over": (allow("iam:PutUserPolicy", Condition={"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),),
    "over, in seconds": (allow("iam:PutUserPolicy", Condition={"NumericLessThan": {"aws:EpochTime": "1577836800"}}),),
    "denied since": (
        allow("iam:PutUserPolicy"),
        deny(Condition={"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
    ),
    "a harmless policy to attach": (
        allow(
            "iam:AttachUserPolicy",
            Condition={"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}},
        ),
    ),
    "none but a harmless policy to attach": (
        allow("iam:AttachUserPolicy"),
        deny(
            "iam:Attach*",
            Condition={"ArnNotEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}},
        ),
    ),
    "passed to another service": (
        allow(CREATE[1:]),
        allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
    ),
    "not passed to Lambda": (
        allow(CREATE),
        deny("iam:PassRole", Condition={"StringNotEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
    ),
    "a patch document only": (
        allow("ssm:SendCommand", ["arn:aws:ssm:*:*:document/AWS-RunPatchBaseline", "arn:aws:ec2:*:*:instance/*"]),
    ),
    "no value fits": (allow("iam:PutUserPolicy", Condition={"StringEquals": {"aws:PrincipalTag/x": []}}),),
    "unknown actions": (allow(["nosuch:Thing", "iam:NoSuchAction"]),),
    "denied on every user": (allow("iam:PutUserPolicy"), deny("iam:P*", "arn:aws:iam::*:user/*")),
    "denied on every user of its account": (
        allow("iam:PutUserPolicy"),
        deny("iam:Put*", "arn:aws-cn:iam::123456789012:user/*"),
    ),
    "denied on all of IAM": (allow("iam:PutUserPolicy"), deny("*", "arn:aws:iam::*")),
    "denied where it is not denied to be": (
        allow("iam:PassRole"),
        allow(CREATE[1:]),
        {"Effect": "Deny", "NotAction": "logs:*", "Resource": "*"},
    ),
}

BAD: dict[str, tuple[str, tuple[dict[str, Any], ...]]] = {
    "versions of own policies": (
        "iam-create-policy-version",
        (allow("iam:CreatePolicyVersion", "arn:aws:iam::1:policy/*"),),
    ),
    "keys of those named like oneself": (
        "iam-create-access-key",
        (allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}*"),),
    ),
    "a policy onto oneself": (
        "iam-put-user-policy",
        (allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}"),),
    ),
    "not over yet": (
        "iam-put-user-policy",
        (allow("iam:PutUserPolicy", Condition={"DateLessThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}),),
    ),
    "own policies to attach": (
        "iam-attach-user-policy",
        (
            allow(
                "iam:AttachUserPolicy", Condition={"ArnLike": {"iam:PolicyARN": "arn:aws:iam::123456789012:policy/*"}}
            ),
        ),
    ),
    "any administrator policy to attach": (
        "iam-attach-user-policy",
        (allow("iam:AttachUserPolicy", Condition={"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/Admin*"}}),),
    ),
    "all but one policy to attach": (
        "iam-attach-user-policy",
        (
            allow("iam:AttachUserPolicy"),
            deny(Condition={"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}}),
        ),
    ),
    "passed to Lambda": (
        "lambda-create-function",
        (
            allow(CREATE[1:], "arn:aws:lambda:*:*:function:app-*"),
            allow("iam:PassRole", Condition={"StringLike": {"iam:PassedToService": "lambda.*"}}),
        ),
    ),
    "a role that is not known": (
        "lambda-create-function",
        (allow(CREATE[1:]), allow("iam:PassRole", "arn:aws:iam::123456789012:role/ecs")),
    ),
    "a document of the account's own": (
        "ssm-send-own-command",
        (allow("ssm:SendCommand", ["arn:aws:ssm:*:*:document/deploy", "arn:aws:ec2:*:*:instance/*"]),),
    ),
    "in China": (
        "iam-put-user-policy",
        (allow("iam:PutUserPolicy", "arn:aws-cn:iam::123456789012:user/*"),),
    ),
    "denied in one other account": (
        "sts-assume-role",
        (allow("sts:AssumeRole"), deny("sts:AssumeRole", "arn:aws:iam::210987654321:role/*")),
    ),
    "any service of its own spelling": ("iam-put-user-policy", (allow("iam:PutUserPolicy", "*:user/*"),)),
    "an ARN short of fields": (
        "lambda-update-code",
        (allow("lambda:UpdateFunctionCode", "arn:aws:lambda:*:function:app"),),
    ),
    "roles with a beginning": ("sts-assume-role", (allow("sts:AssumeRole", "arn:aws:iam::*:role/cdk-*"),)),
    "denied elsewhere": (
        "iam-put-role-policy",
        (allow("iam:PutRolePolicy"), deny("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/prod-*")),
    ),
    "an operator that nobody knows": (
        "iam-put-user-policy",
        (allow("iam:PutUserPolicy", Condition={"StringMatches": {"aws:x": "y"}}),),
    ),
    "a deny with an operator that nobody knows": (
        "iam-put-user-policy",
        (allow("iam:PutUserPolicy"), deny(Condition={"StringMatches": {"aws:x": "y"}})),
    ),
}


@pytest.mark.parametrize("statements", GOOD.values(), ids=GOOD)
def test_no_path(statements: tuple[dict[str, Any], ...]) -> None:
    assert found(policy(*statements)) == set()


@pytest.mark.parametrize(("path", "statements"), BAD.values(), ids=BAD)
def test_a_path(path: str, statements: tuple[dict[str, Any], ...]) -> None:
    assert path in found(policy(*statements))


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
    ADMIN = role("admin", policy(allow()))
    READER = role("reader", policy(allow("s3:Get*")))

    def test_a_harmless_role_is_no_path_and_an_administrator_is(self) -> None:
        granted = policy(allow(CREATE))
        assert found(granted, roles=[self.READER]) == set()
        told = escalations([granted], roles=[self.READER, self.ADMIN])[0]
        assert told.steps == (
            "Passes role admin to Lambda (iam:PassRole).",
            "Creates a function with role admin and code of its own (lambda:CreateFunction).",
            "Has it run, by invoking it, by an event source or by letting somebody else invoke it "
            "(lambda:InvokeFunction).",
            "Is administrator as role admin.",
        )

    def test_a_list_that_is_not_complete_leaves_the_path(self) -> None:
        assert found(policy(allow(CREATE)), roles=[self.READER], complete=False)

    def test_a_role_that_is_named_counts_if_it_may_be_there(self) -> None:
        for arn, expected in ((self.READER.arn, False), (self.READER.arn + "2", True)):
            named = policy(allow(CREATE[1:]), allow("iam:PassRole", arn))
            assert bool(found(named, roles=[self.READER], complete=False)) is expected
            assert not found(named, roles=[self.READER])

    def test_the_service_must_be_trusted(self) -> None:
        elsewhere = role("admin", policy(allow()), trusts=trust("ec2.amazonaws.com"))
        assert found(policy(allow(CREATE)), roles=[elsewhere]) == set()
        assert found(policy(allow("lambda:UpdateFunctionCode")), roles=[elsewhere]) == set()
        assert found(policy(allow("lambda:UpdateFunctionCode")), roles=[self.ADMIN]) == {"lambda-update-code"}
        assert found(policy(allow(CREATE)), roles=[elsewhere._replace(trust=None)])

    def test_a_boundary_makes_an_administrator_harmless(self) -> None:
        held = role("admin", policy(allow()), boundary=(policy(allow("s3:*")),))
        assert found(policy(allow(CREATE)), roles=[held]) == set()

    def test_its_own_role_is_no_gain(self) -> None:
        mine = role("me", policy(allow("lambda:UpdateFunctionCode")))
        assert found(*mine.documents, roles=[mine, self.READER], principal=ME) == set()

    @pytest.mark.parametrize("hops", [1, 2, 5])
    def test_over_several_hops(self, hops: int) -> None:
        chain = [self.ADMIN]
        for n in range(hops):
            passes = policy(allow(CREATE[1:]), allow("iam:PassRole", chain[-1].arn))
            chain.append(role(f"hop{n}", passes))
        told = escalations(chain[-1].documents, roles=[*chain, self.READER], principal=chain[-1].arn)
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
        assert found(may, roles=[self.ADMIN], principal=ME) == set()
        assert found(may, roles=[role("admin", policy(allow()), trusts=root)], principal=ME) == {"sts-assume-role"}
        rewrite = policy(allow("iam:UpdateAssumeRolePolicy"))
        assert found(rewrite, roles=[self.ADMIN], principal=ME) == {"iam-update-assume-role-policy"}
        assert found(rewrite, roles=[self.READER], principal=ME) == set()

    def test_rights_written_onto_another_role_need_a_way_into_it(self) -> None:
        other = policy(allow("iam:PutRolePolicy", self.READER.arn))
        assert found(other, roles=[self.READER], principal=ME) == set()
        into = role("reader", trusts=trust(who={"AWS": ME}))
        assert found(other, roles=[into], principal=ME) == {"iam-put-role-policy"}
        assert found(policy(allow("iam:PutRolePolicy")), roles=[self.READER], principal=ME) == {"iam-put-role-policy"}


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


_actions = st.sampled_from(
    ("*", "iam:*", "iam:Put*", "iam:PassRole", "lambda:*", *(a for p in DIRECT for a in needed(p)), *CREATE)
)
_resources = st.sampled_from(
    (
        "*",
        ME,
        ANN,
        "arn:aws:iam::*:role/*",
        "arn:aws:iam::aws:policy/*",
        "arn:aws:iam::*:user/${aws:username}",
        "arn:aws:lambda:*:*:*",
    )
)
_conditions = st.sampled_from(
    ({}, {}, MFA, {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, {"Null": {"aws:x": "true"}})
)
_principals = st.sampled_from(("", ME, ANN))
_known = st.sampled_from(((), (TestRoles.READER,), (TestRoles.READER, TestRoles.ADMIN)))


@st.composite
def _statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    action, resource = (
        draw(st.sampled_from(("Action", "NotAction"))),
        draw(st.sampled_from(("Resource", "NotResource"))),
    )
    return {
        "Effect": effect,
        action: draw(st.lists(_actions, min_size=1, max_size=4)),
        resource: draw(st.lists(_resources, min_size=1, max_size=2)),
        "Condition": draw(_conditions),
    }


_allows, _denies = _statements("Allow"), _statements("Deny")
_policies = st.lists(st.one_of(_allows, _allows, _denies), max_size=4).map(lambda s: policy(*s))


class TestLaws:
    @given(_policies, _denies, _principals, _known)
    @settings(max_examples=150, deadline=None)
    def test_a_deny_never_adds_a_path(self, given_: Document, more: dict[str, Any], who: str, roles: Any) -> None:
        assert found(given_, policy(more), principal=who, roles=roles) <= found(given_, principal=who, roles=roles)

    @given(_policies, _policies, _principals, _known)
    @settings(max_examples=150, deadline=None)
    def test_a_boundary_never_adds_a_path(self, given_: Document, limit: Document, who: str, roles: Any) -> None:
        free = found(given_, principal=who, roles=roles)
        assert found(given_, boundary=[limit], principal=who, roles=roles) <= free
        assert found(given_, scps=[limit], principal=who, roles=roles) <= free

    @given(_policies, _allows, _principals, _known)
    @settings(max_examples=150, deadline=None)
    def test_an_allow_never_removes_a_path(self, given_: Document, more: dict[str, Any], who: str, roles: Any) -> None:
        assert found(given_, principal=who, roles=roles) <= found(given_, policy(more), principal=who, roles=roles)


class TestHostile:
    @pytest.mark.parametrize(
        "statements",
        [
            [
                allow(
                    [f"iam:P{'a' * (i % 50)}*" for i in range(4000)], [f"arn:aws:iam::*:role/{i}*" for i in range(4000)]
                )
            ],
            [allow(CREATE, f"arn:aws:iam::*:role/{i}*") for i in range(3000)],
            [s for i in range(1500) for s in (allow("iam:*", f"*{i}*"), deny("iam:*", f"*{i}*{i}"))],
            [allow("*a*a*a*a*a*a*a*a*a*a*", "*a*a*a*a*a*a*a*a*a*" * 20), deny("*", "*a*a*a*a*a*a*a*a*" * 20)],
            [{"Effect": "Deny", "Action": "iam:*", "NotResource": [f"*{i}" for i in range(50)]}] * 50 + [allow()],
        ],
        ids=["patterns", "statements", "allows and denies", "exploding", "regions"],
    )
    def test_takes_a_bounded_time(self, statements: list[dict[str, Any]]) -> None:
        document = policy(*statements)
        begun = time.process_time()
        assert isinstance(escalations([document], principal=ME, roles=[TestRoles.ADMIN]), tuple)
        assert time.process_time() - begun < 4
