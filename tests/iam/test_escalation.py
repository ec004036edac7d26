"""Which paths are found, which are not, and what each condition and Deny changes."""

from __future__ import annotations

from typing import Any

import pytest
from escalating import CREATE, MFA, found, needed
from iam_policies import allow, deny, policy

from chalicelib.iam.escalation import escalations
from chalicelib.iam.paths import Path, all_actions, all_paths


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
