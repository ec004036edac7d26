"""Conditions in a given request: every documented operator, its absent keys, quantifiers and policy variables."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.iam.conditions import always, context_of, holds
from chalicelib.iam.documents import parse
from chalicelib.iam.operators import arn_matches

REQUEST = {
    "aws:PrincipalArn": "arn:aws:iam::123456789012:role/app/worker",
    "aws:username": "ann",
    "aws:SourceIp": "192.0.2.7",
    "aws:CurrentTime": "2024-05-01T12:00:00Z",
    "aws:TagKeys": ["team", "cost"],
    "aws:MultiFactorAuthAge": "300",
    "aws:SecureTransport": "true",
    "aws:PrincipalTag/Team": "red*",
    "s3:prefix": "home/ann/",
}


def answer(block: dict[str, Any], version: str = "2012-10-17") -> bool | None:
    raw = {"Version": version, "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": block}}
    [statement] = parse(raw, "identity").statements
    return holds(statement.conditions, context_of(REQUEST), statement.variables)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "AWS:USERNAME", "ann", True),
        ("StringEquals", "aws:username", "Ann", False),
        ("StringEquals", "aws:username", "a*", False),
        ("StringEquals", "aws:username", ["bob", "ann"], True),
        ("StringEquals", "aws:username", [], False),
        ("StringEquals", "aws:absent", "x", False),
        ("StringEqualsIfExists", "aws:absent", "x", True),
        ("StringEqualsIfExists", "aws:username", "x", False),
        ("StringEqualsIgnoreCase", "aws:username", "ANN", True),
        ("StringNotEqualsIgnoreCase", "aws:username", "ANN", False),
        ("StringNotEquals", "aws:username", ["bob", "ann"], False),
        ("StringNotEquals", "aws:username", ["bob"], True),
        ("StringNotEquals", "aws:absent", "x", True),
        ("StringLike", "aws:username", "a?n", True),
        ("StringNotLike", "aws:username", "a*", False),
        ("StringLike", "s3:prefix", "home/${aws:username}/*", True),
        ("StringLike", "s3:prefix", "home/${aws:absent}/*", False),
        ("StringLike", "s3:prefix", "home/${aws:absent, 'ann'}/*", True),
        ("StringNotLike", "s3:prefix", "home/${aws:absent}/*", None),
        ("StringLike", "aws:PrincipalTag/team", "red${*}", True),
        ("StringLike", "aws:username", "${*}", False),
        ("StringEquals", "aws:username", "${aws:TagKeys}", False),
        ("StringEquals", "aws:username", "${aws:username", False),
        ("NumericEquals", "aws:MultiFactorAuthAge", "300.0", True),
        ("NumericNotEquals", "aws:MultiFactorAuthAge", 300, False),
        ("NumericLessThan", "aws:MultiFactorAuthAge", 300, False),
        ("NumericLessThanEquals", "aws:MultiFactorAuthAge", 300, True),
        ("NumericGreaterThan", "aws:MultiFactorAuthAge", 299, True),
        ("NumericGreaterThanEquals", "aws:MultiFactorAuthAge", 301, False),
        ("NumericEquals", "aws:username", 5, False),
        ("NumericLessThan", "aws:MultiFactorAuthAge", "inf", False),
        ("DateLessThan", "aws:CurrentTime", "2024-05-01T12:00:01Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "2024-05-01T14:00:00+02:00", False),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2024-05-01T14:00:00+02:00", True),
        ("DateEquals", "aws:CurrentTime", "1714564800", True),
        ("DateNotEquals", "aws:CurrentTime", "2024-05-01", True),
        ("DateLessThanEquals", "aws:CurrentTime", "2024-05-01", False),
        ("DateLessThan", "aws:CurrentTime", "tomorrow", False),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "TRUE", True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("Bool", "aws:absent", "false", False),
        ("BoolIfExists", "aws:absent", "true", True),
        ("BinaryEquals", "aws:username", "YW5u", False),
        ("BinaryEquals", "aws:username", "ann=", False),
        ("IpAddress", "aws:SourceIp", "192.0.2.0/24", True),
        ("IpAddress", "aws:SourceIp", "192.0.2.7", True),
        ("IpAddress", "aws:SourceIp", ["2001:db8::/32", "192.0.3.0/24"], False),
        ("IpAddress", "aws:SourceIp", "everywhere", False),
        ("NotIpAddress", "aws:SourceIp", "192.0.2.0/24", False),
        ("NotIpAddress", "aws:absent", "192.0.2.0/24", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/app/*", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/app/*", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:*:role/app/*", False),
        ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/app/worker", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::999999999999:*", True),
        ("StringLike", "aws:PrincipalArn", "arn:aws:*:role/app/*", True),
        ("Null", "aws:username", "false", True),
        ("Null", "aws:username", True, False),
        ("Null", "aws:absent", "true", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "x"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringEquals", "aws:absent", ["team"], True),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["x"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team", "x"], True),
        ("ForAnyValue:StringEquals", "aws:absent", ["team"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], True),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team", "cost"], False),
        ("ForAnyValue:StringNotEquals", "aws:absent", ["team"], False),
        ("ForAnyValue:StringEqualsIfExists", "aws:absent", ["team"], None),
        ("StringSounds", "aws:username", "ann", None),
        ("NullIfExists", "aws:username", "true", None),
    ],
)
def test_one_condition(operator: str, key: str, values: Any, expected: bool | None) -> None:
    assert answer({operator: {key: values}}) is expected


def test_all_must_hold_and_a_no_beats_an_unknown() -> None:
    yes, no, unknown = {"aws:username": "ann"}, {"aws:username": "bob"}, {"aws:username": "x"}
    assert answer({"StringEquals": yes, "StringLike": no}) is False
    assert answer({"StringEquals": yes, "StringSounds": unknown}) is None
    assert answer({"StringSounds": unknown, "StringLike": no}) is False
    assert answer({}) is True


def test_the_old_version_has_no_variables() -> None:
    assert answer({"StringLike": {"s3:prefix": "home/${aws:username}/*"}}, version="2008-10-17") is False


def test_a_tag_holds_its_star_literally_inside_a_pattern() -> None:
    assert answer({"StringLike": {"aws:username": "${aws:PrincipalTag/Team}"}}) is False


def test_a_star_of_an_arn_operator_does_not_cross_a_colon() -> None:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:orders:stream"
    assert arn_matches("arn:*:logs:*:123456789012:log-group:*", arn)
    assert not arn_matches("arn:*:log-group:orders:*:*", arn)
    assert not arn_matches("arn:aws:logs:*", arn)
    assert not arn_matches("*", "no arn")


def test_binary_equals_compares_the_bytes() -> None:
    raw = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"BinaryEquals": {"k": "QmluYXJ5"}}}
    [statement] = parse({"Statement": raw}, "identity").statements
    assert holds(statement.conditions, context_of({"K": "QmluYXJ5"}), True) is True
    assert holds(statement.conditions, context_of({"K": "QmluYXJ6"}), True) is False


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({}, True),
        ({"StringLikeIfExists": {"aws:x": "*"}}, True),
        ({"ForAllValues:StringLike": {"aws:x": ["a", "*"]}}, True),
        ({"StringLike": {"aws:x": "*"}}, False),
        ({"ForAnyValue:StringLikeIfExists": {"aws:x": "*"}}, False),
        ({"StringLikeIfExists": {"aws:x": "a*"}}, False),
    ],
)
def test_always(block: dict[str, Any], expected: bool) -> None:
    raw = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": block}
    assert always(parse({"Statement": raw}, "identity").statements[0].conditions) is expected
