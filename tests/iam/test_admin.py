"""Who is administrator, and who only nearly."""

from __future__ import annotations

import time
from typing import Any

import pytest
from iam_policies import allow, deny, policy

from chalicelib.iam.admin import administrator

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
LETTERS = [f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz"]


def not_action(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "NotAction": list(actions), "Resource": "*", **more}


def not_resource(*resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "*", "NotResource": list(resources)}


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        ([allow()], "everything"),
        ([allow("*:*")], "everything"),
        ([allow("**")], "everything"),
        ([allow(["s3:HeadBucket", "*"])], "everything"),
        ([allow("*", ["arn:aws:s3:::b", "*"])], "everything"),
        ([allow("*", "arn:aws:*")], "everything"),
        ([allow("*", "arn:*:*:*:*:*")], "everything"),
        ([not_resource("arn:aws:s3:::secret/*")], "everything"),
        ([allow("s3:*"), not_action("s3:*")], "everything"),
        ([allow(["s3:*", "ec2:*"]), not_action("s3:*", "ec2:Run*")], "everything"),
        ([not_action("s3:*"), not_action("ec2:*")], "everything"),
        ([allow(LETTERS[:13]), allow(LETTERS[13:])], "everything"),
        ([allow(), deny(Condition=MFA)], "everything"),
        ([allow(), deny("iam:*", "arn:aws:iam::*:role/one")], "everything"),
        ([allow(Condition=MFA)], "everything"),
        ([allow(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})], "everything"),
        ([not_action("s3:*")], "all-but"),
        ([not_action("organizations:*", "account:*")], "all-but"),
        ([not_action("iam:Put*")], "all-but"),
        ([not_action("s3:*", "ec2:*"), not_action("s3:*", "sqs:*")], "all-but"),
        ([allow(), deny("s3:DeleteBucket")], "all-but"),
        ([allow("iam:*")], "iam"),
        ([allow("IAM:*")], "iam"),
        ([allow(["s3:*", "i*"])], "iam"),
        ([allow("iam:*", "arn:aws:iam::123456789012:*")], "iam"),
        ([allow("*", "arn:aws:iam::*:*")], "iam"),
        ([allow("iam:*", ["arn:aws:iam::*:role/*", "arn:aws:iam::*:user/*", "arn:aws:iam::*:policy/*"])], "iam"),
    ],
)
def test_administrators(statements: list[dict[str, Any]], kind: str) -> None:
    found = administrator([policy(*statements)])
    assert found is not None
    assert found.kind == kind
    assert found.reasons[0].startswith("statement")
    split = administrator([policy(s) for s in statements])
    assert split is not None, "the same statements in policies of their own"


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [allow("s3:*")],
        [allow(["s3:*", "ec2:*", "lambda:*"])],
        [allow("*", "arn:aws:s3:::*")],
        [allow("*", "arn:aws:lambda:*:*:function:*")],
        [allow("iam:Get*")],
        [allow(["iam:Get*", "iam:List*"])],
        [allow("iam:*", "arn:aws:iam::*:user/${aws:username}")],
        [allow("iam:*", "arn:aws:iam::*:role/app/*")],
        [not_action("iam:*")],
        [not_action("iam:*", "organizations:*", "account:*")],
        [not_action("iam:*"), not_action("i*", "s3:*")],
        [not_action("*")],
        [not_resource("*")],
        [not_resource("arn:aws:iam::*:*")],
        [allow(), deny()],
        [allow(), deny("*:*")],
        [allow(), deny("iam:*")],
        [allow(), {"Effect": "Deny", "NotAction": ["s3:*", "logs:*"], "Resource": "*"}],
        [allow("iam:*"), deny(["iam:Put*", "iam:Attach*", "iam:Create*", "iam:Update*"])],
        [allow([letters for letters in LETTERS if letters != "i*"])],
        [allow(Condition={"StringEquals": {"aws:ResourceTag/team": "red"}})],
        [allow("iam:*", Condition={"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}})],
        [allow(Condition={"StringSounds": {"aws:ResourceTag/x": "y"}})],
        [deny()],
    ],
)
def test_near_misses(statements: list[dict[str, Any]]) -> None:
    assert administrator([policy(*statements)]) is None


@pytest.mark.parametrize(
    ("boundary", "kind"),
    [
        (None, "everything"),
        ([policy(allow())], "everything"),
        ([policy(not_action("s3:*"))], "all-but"),
        ([policy(allow("iam:*"))], "iam"),
        ([policy(allow(), deny(Condition=MFA))], "everything"),
        ([], None),
        ([policy(allow("s3:*"))], None),
        ([policy(not_action("iam:*"))], None),
        ([policy(allow(), deny("iam:*"))], None),
        ([policy(allow(["lambda:*", "logs:*", "iam:PassRole"]))], None),
    ],
)
def test_a_boundary_limits(boundary: Any, kind: str | None) -> None:
    found = administrator([policy(allow())], boundary)
    assert (found.kind if found else None) == kind


def test_what_identity_and_boundary_leave_together_decides() -> None:
    own = [policy(not_action("iam:Attach*", "iam:Create*", "iam:Update*"))]
    assert administrator(own) is not None
    assert administrator(own, [policy(not_action("iam:Put*"))]) is None


def test_reasons_name_statement_exceptions_and_conditions() -> None:
    [reason] = administrator([policy(allow(Sid="Root"))]).reasons  # type: ignore[union-attr]
    assert reason == 'statement 1 "Root" allows every action on every resource.'
    [reason] = administrator([policy(not_action("s3:*"))]).reasons  # type: ignore[union-attr]
    assert "everything but s3:*" in reason
    [reason] = administrator([policy(allow(Condition=MFA))]).reasons  # type: ignore[union-attr]
    assert reason.endswith("while Bool aws:MultiFactorAuthPresent = true.")


def test_lists_made_to_explode_end_soon() -> None:
    begun = time.process_time()
    excepted, listed = [f"s{i}:*a?{i}*b*" for i in range(3000)], [f"s{i}:*a*{i}?*b*c*" for i in range(3000)]
    assert administrator([policy(not_action(*excepted), not_action(*listed))]) is not None
    assert administrator([policy(not_action(*excepted), allow(listed))]) is not None
    assert administrator([policy(*[not_action("iam:*", f"x{i}:*") for i in range(300)])]) is None
    assert time.process_time() - begun < 3
