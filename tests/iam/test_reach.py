"""Who can reach it: tables of open and closed policies, near misses beside them."""

from __future__ import annotations

from typing import Any

import pytest
from reaching import OTHER, OWN, verdict


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", "public"),
        ({"AWS": "*"}, "public"),
        ({"AWS": ["*"]}, "public"),
        ({"AWS": [f"arn:aws:iam::{OWN}:root", "*"]}, "public"),
        ({"AWS": "arn:aws:iam::*:root"}, "public"),
        ({"AWS": "arn:aws:iam::12345678901?:root"}, "public"),
        ({"CanonicalUser": "*"}, "public"),
        ({"CanonicalUser": "arn:aws:iam::*:root"}, "public"),
        ({"AWS": OWN}, "private"),
        (OWN, "private"),
        ({"AWS": "111122223333"}, "private"),
        ({"AWS": f"arn:aws-us-gov:iam::{OWN}:role/x"}, "private"),
        ({"AWS": f"arn:aws:sts::{OWN}:assumed-role/r/s"}, "private"),
        ({"AWS": "AROAEXAMPLEEXAMPLE12"}, "private"),
        ({"AWS": "AROAEXAMPLE"}, "unknown"),
        ({"AWS": "AROA/no/such/id/as/this"}, "unknown"),
        ({"AWS": OTHER}, "external"),
        ({"AWS": [OWN, f"arn:aws:iam::{OTHER}:user/eve"]}, "external"),
        ({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}, "unknown"),
        ({"CanonicalUser": "ab" * 32}, "unknown"),
        ({"Service": "s3.amazonaws.com"}, "service-unbound"),
        ({"Federated": f"arn:aws:iam::{OTHER}:saml-provider/corp"}, "external"),
        ({"Federated": f"arn:aws:iam::{OWN}:saml-provider/corp"}, "private"),
    ],
)
def test_principals(principal: Any, expected: str) -> None:
    assert verdict(principal) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # What fixes the caller, to somebody trusted or not
        ({"StringEquals": {"aws:PrincipalOrgID": "o-own"}}, "private"),
        ({"StringEquals": {"AWS:PRINCIPALORGID": ["o-own"]}}, "private"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-other"}}, "external"),
        ({"StringEquals": {"aws:PrincipalOrgID": ["o-own", "o-other"]}}, "external"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-own/r-1/*"}}, "private"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/r-1/ou-2/ou-3/*"}}, "private"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/*/ou-2/*"}}, "private"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/r-1/*"}}, "external"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-part/r-1/ou-22/*"}}, "external"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-else/r-1/ou-2/*"}}, "external"),
        ({"StringEquals": {"aws:PrincipalAccount": OWN}}, "private"),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, "external"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN}:*"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OTHER}:*"}}, "external"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:apigateway:us-east-1::/restapis/a1"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{OTHER}"}}, "external"),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}}, "private"),
        ({"StringEquals": {"aws:SourceVpc": "vpc-own"}}, "private"),
        ({"StringEquals": {"aws:SourceVpce": "vpce-other"}}, "external"),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "external"),
        ({"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}}, "unknown"),
        ({"StringEquals": {"lambda:EventSourceToken": "token-1"}}, "unknown"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}, "Null": {"aws:PrincipalOrgID": "false"}}, "private"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-own", "aws:PrincipalAccount": OTHER}}, "private"),
        (
            {"StringEquals": {"aws:PrincipalAccount": OTHER}, "StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}},
            "external",
        ),
        (
            {"StringEquals": {"aws:SourceAccount": OTHER}, "Bool": {"aws:PrincipalIsAWSService": "true"}},
            "external",
        ),
        # Where a subscription may deliver to is as good as who may take it
        ({"StringLike": {"sns:Endpoint": "*@example.com"}}, "external"),
        ({"StringEquals": {"sns:Endpoint": f"arn:aws:sqs:us-east-1:{OWN}:jobs"}}, "private"),
        ({"StringEquals": {"sns:Endpoint": f"arn:aws:sqs:us-east-1:{OTHER}:jobs"}}, "external"),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, "service-unbound"),
        # What looks like it and fixes nobody
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, "public"),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, "public"),
        ({"StringEquals": {"aws:PrincipalOrgID": ["o-own", "*"]}}, "public"),
        ({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}, "public"),
        ({"StringEquals": {"aws:PrincipalOrgID": []}}, "public"),
        ({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-own"}}, "public"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}}, "public"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-own"}, "Null": {"aws:PrincipalOrgID": "true"}}, "public"),
        ({"StringNotEquals": {"aws:PrincipalAccount": OTHER}}, "public"),
        ({"StringSounds": {"aws:PrincipalAccount": OWN}}, "public"),
        ({"StringEquals": {"aws:ResourceAccount": OWN}}, "public"),
        ({"StringEquals": {"aws:ResourceOrgID": "o-own"}}, "public"),
        ({"StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}}, "public"),
        ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, "public"),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, "public"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "public"),
        ({"StringLike": {"aws:Referer": "https://example.com/*"}}, "public"),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, "public"),
        ({"StringEquals": {"sts:ExternalId": "x"}}, "public"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, "public"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, "public"),
        ({"StringEquals": {"aws:SourceArn": "arn:aws:iam:::user/me"}}, "public"),
        ({"StringLike": {"sns:Endpoint": "*@*.com"}}, "public"),
        ({"StringLike": {"sns:Endpoint": "https://*"}}, "public"),
        ({"StringLike": {"sns:Endpoint": "arn:aws:sqs:us-east-1:*:jobs"}}, "public"),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Org"}}, "public"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-1/*"}}, "public"),
        ({"StringLike": {"aws:userid": "*:session"}}, "public"),
        ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, "public"),
        # Address ranges: broader than /8, adjacent ones, an eighth of the internet together, no range at all
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "::/0"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.1", "0.0.0.0/0"]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "8.0.0.0/7"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "8.0.0.0/8"}}, "external"),
        ({"IpAddress": {"aws:SourceIp": ["8.0.0.0/8", "9.0.0.0/8"]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": [f"{i}.0.0.0/8" for i in range(1, 64, 2)]}}, "public"),
        ({"IpAddress": {"aws:SourceIp": [f"{i}.0.0.0/8" for i in range(1, 63, 2)]}}, "external"),
        ({"IpAddress": {"aws:SourceIp": "*"}}, "public"),
        ({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}, "external"),
        ({"IpAddress": {"aws:SourceIp": "2001::/16"}}, "public"),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "public"),
        ({"StringEquals": {"aws:SourceIp": "192.0.2.1"}}, "public"),
    ],
)
def test_conditions_on_everyone(condition: dict[str, Any], expected: str) -> None:
    assert verdict("*", condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": OWN}}, "private"),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, "external"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, "private"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:events:us-east-1:{OWN}:rule/*"}}, "private"),
        ({"StringEquals": {"aws:SourceOrgID": "o-own"}}, "private"),
        ({"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}}, "private"),
        ({"StringLike": {"aws:SourceAccount": "*"}}, "service-unbound"),
        ({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}, "service-unbound"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "service-unbound"),
    ],
)
def test_conditions_on_a_service(condition: dict[str, Any], expected: str) -> None:
    assert verdict({"Service": "s3.amazonaws.com"}, condition) == expected
