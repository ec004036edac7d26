"""Services that bring what has happened: S3, SNS, EventBridge, AWS IoT rules, and mail that SES receives.

Of S3 and EventBridge only the region's own may call a function directly. Sources: the API references of S3
(GetBucketNotificationConfiguration), SNS (ListSubscriptions), EventBridge (ListRuleNamesByTarget), AWS IoT
(GetTopicRule) and SES (DescribeActiveReceiptRuleSet); for the conditions their pages in the Lambda Developer Guide,
and the SES Developer Guide, "Giving permissions to Amazon SES for email receiving", which has both conditions.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....model import Json
from ...clients import Aws
from .. import s3_bucket
from .asking import LATEST, Ask, Found, bare, of_each

OPERATIONS = (
    "s3:ListBuckets",
    "s3:GetBucketNotificationConfiguration",
    "sns:ListSubscriptions",
    "events:ListEventBuses",
    "events:ListRuleNamesByTarget",
    "iot:ListTopicRules",
    "iot:GetTopicRule",
    "ses:DescribeActiveReceiptRuleSet",
)
MOST_BUCKETS, MOST_SUBSCRIPTIONS, MOST_RULE_LISTS, MOST_TOPIC_RULES = 100, 2000, 100, 50
"""How much is asked at most in one read: 101, 20, 101 and 51 calls."""


def _buckets(aws: Aws, arns: set[str]) -> Found:
    """Buckets whose notifications go to a function. A bucket's name says no account, and may be another's later."""

    def look(name: Json) -> Found:
        wanted = {"Bucket": name, "ExpectedBucketOwner": aws.account}
        given = aws.call("s3:GetBucketNotificationConfiguration", wanted)
        source = {"SourceArn": f"arn:{aws.partition}:s3:::{name}", "SourceAccount": aws.account}
        for one in given.get("LambdaFunctionConfigurations") or ():
            yield bare(one["LambdaFunctionArn"]), source

    yield from of_each(s3_bucket.list_ids(aws), MOST_BUCKETS, look)


def _topics(aws: Aws, arns: set[str]) -> Found:
    """Topics to which a function is subscribed by this account, in this region."""

    def look(one: Json) -> Found:
        if one["Protocol"] == "lambda":
            yield bare(one["Endpoint"]), {"SourceArn": one["TopicArn"]}

    yield from of_each(aws.pages("sns:ListSubscriptions", {}, "Subscriptions"), MOST_SUBSCRIPTIONS, look)


def _rules(aws: Aws, arns: set[str]) -> Found:
    """Rules of every bus that have the function as target. The default bus has no part in a rule's ARN."""
    buses = [bus["Name"] for bus in aws.pages("events:ListEventBuses", {}, "EventBuses")]
    targets = [(arn, arn) for arn in sorted(arns)]
    targets += [(arn, arn + LATEST) for arn in sorted(arns) if arn.count(":") == 6]
    if len(buses) * len(targets) > MOST_RULE_LISTS:
        yield None
        return
    for bus in buses:
        path = "" if bus == "default" else f"{bus}/"
        for arn, target in targets:
            wanted = {"TargetArn": target, "EventBusName": bus}
            for name in aws.pages("events:ListRuleNamesByTarget", wanted, "RuleNames"):
                rule = f"arn:{aws.partition}:events:{aws.region}:{aws.account}:rule/{path}{name}"
                yield arn, {"SourceArn": rule}


def _topic_rules(aws: Aws, arns: set[str]) -> Found:
    """Rules over MQTT messages with a function as action, or as action on an error."""

    def look(listed: Json) -> Found:
        rule = aws.call("iot:GetTopicRule", {"ruleName": listed["ruleName"]})["rule"]
        for action in (*rule.get("actions", ()), rule.get("errorAction") or {}):
            if "lambda" in action:
                yield bare(action["lambda"]["functionArn"]), {"SourceArn": listed["ruleArn"]}

    yield from of_each(aws.pages("iot:ListTopicRules", {}, "rules"), MOST_TOPIC_RULES, look)


def _receipt_rules(aws: Aws, arns: set[str]) -> Found:
    """Rules of the one set that receives mail now."""
    active = aws.call("ses:DescribeActiveReceiptRuleSet", {})
    for rule in active.get("Rules") or ():
        place = f"receipt-rule-set/{active['Metadata']['Name']}:receipt-rule/{rule['Name']}"
        arn = f"arn:{aws.partition}:ses:{aws.region}:{aws.account}:{place}"
        for action in rule.get("Actions") or ():
            if "LambdaAction" in action:
                source = {"SourceArn": arn, "SourceAccount": aws.account}
                yield bare(action["LambdaAction"]["FunctionArn"]), source


ASKERS: Mapping[str, Ask] = {
    "s3.amazonaws.com": _buckets,
    "sns.amazonaws.com": _topics,
    "events.amazonaws.com": _rules,
    "iot.amazonaws.com": _topic_rules,
    "ses.amazonaws.com": _receipt_rules,
}
