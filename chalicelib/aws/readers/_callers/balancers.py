"""Elastic Load Balancing: the target groups of type `lambda` with a function as their one target.

The call and its condition: Elastic Load Balancing, Application Load Balancers, "Lambda functions as targets"
(`--source-arn target-group-arn`).
"""

from __future__ import annotations

from collections.abc import Mapping

from ....model import Json
from ...clients import Aws
from .asking import Ask, Found, bare, of_each

OPERATIONS = ("elbv2:DescribeTargetGroups", "elbv2:DescribeTargetHealth")
MOST_GROUPS = 100
"""Target groups of type `lambda` that are looked at in one read, a call each."""


def _target_groups(aws: Aws, arns: set[str]) -> Found:
    def look(group: Json) -> Found:
        wanted = {"TargetGroupArn": group["TargetGroupArn"]}
        for one in aws.pages("elbv2:DescribeTargetHealth", wanted, "TargetHealthDescriptions"):
            yield bare(one["Target"]["Id"]), {"SourceArn": group["TargetGroupArn"]}

    groups = aws.pages("elbv2:DescribeTargetGroups", {}, "TargetGroups")
    yield from of_each((g for g in groups if g.get("TargetType") == "lambda"), MOST_GROUPS, look)


ASKERS: Mapping[str, Ask] = {"elasticloadbalancing.amazonaws.com": _target_groups}
