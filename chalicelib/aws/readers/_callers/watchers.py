"""CloudWatch: log groups that send their events to a function, and alarms that call one.

A log group comes as `arn:aws:logs:region:account:log-group:name:*`; a subscription of the whole account sends the
events of any of its groups. Sources: CloudWatch Logs User Guide, "Log group-level subscription filters" and
"Account-level subscription filters"; CloudWatch User Guide, "Using Amazon CloudWatch alarms" (Lambda alarm actions,
`--source-arn` of the alarm); their API references.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....model import Json
from ...answers import document
from ...clients import Aws
from .asking import Ask, Found, bare, of_each

OPERATIONS = (
    "logs:DescribeAccountPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeSubscriptionFilters",
    "cloudwatch:DescribeAlarms",
)
MOST_LOG_GROUPS, MOST_ALARMS = 50, 1000
"""How much is asked at most in one read: a call for each log group, and ten for each kind of alarm."""

_ACCOUNT_WIDE = {"policyType": "SUBSCRIPTION_FILTER_POLICY"}
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def _log_groups(aws: Aws, arns: set[str]) -> Found:
    """Log groups of class STANDARD: no other takes a subscription filter."""

    def look(group: Json) -> Found:
        wanted = {"logGroupName": group["logGroupName"]}
        for one in aws.pages("logs:DescribeSubscriptionFilters", wanted, "subscriptionFilters"):
            yield bare(one["destinationArn"]), {"SourceArn": f"{group['arn'].removesuffix(':*')}:*"}

    any_group = f"arn:{aws.partition}:logs:{aws.region}:{aws.account}:log-group:*"
    for policy in aws.pages("logs:DescribeAccountPolicies", _ACCOUNT_WIDE, "accountPolicies"):
        yield bare(str(document(policy["policyDocument"]).get("DestinationArn"))), {"SourceArn": any_group}
    groups = aws.pages("logs:DescribeLogGroups", {}, "logGroups")
    standard = (group for group in groups if group.get("logGroupClass", "STANDARD") == "STANDARD")
    yield from of_each(standard, MOST_LOG_GROUPS, look)


def _alarms(aws: Aws, arns: set[str]) -> Found:
    def look(alarm: Json) -> Found:
        for action in (one for kind in _ACTIONS for one in alarm.get(kind) or ()):
            yield bare(action), {"SourceArn": alarm["AlarmArn"]}

    for kind in ("MetricAlarm", "CompositeAlarm"):
        listed = aws.pages("cloudwatch:DescribeAlarms", {"AlarmTypes": [kind], "MaxRecords": 100}, f"{kind}s")
        yield from of_each(listed, MOST_ALARMS, look)


ASKERS: Mapping[str, Ask] = {
    "logs.amazonaws.com": _log_groups,
    "lambda.alarms.cloudwatch.amazonaws.com": _alarms,
}
