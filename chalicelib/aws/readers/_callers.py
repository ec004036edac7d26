"""What in the account has a service call a function: asked of the services that can say it, for open grants only.

S3, SNS and EventBridge are asked, since a few reads tell exactly which buckets, topics and rules name the function.
Not asked are CloudWatch Logs (one call a log group, thousands in many accounts), API Gateway (GetResources may be
called five times in two seconds by a whole account) and services that have no list by function. What is in another
region or account is never seen; of S3 and EventBridge only the region's own may call a function directly.

Sources: the API references of S3 (GetBucketNotificationConfiguration), SNS (ListSubscriptions) and EventBridge
(ListRuleNamesByTarget), and their pages in the Lambda Developer Guide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from ...errors import Denied, Gone, Invalid
from ...iam.reach import Trust, reach_of
from ...model import Json
from ..clients import Aws
from . import s3_bucket

OPERATIONS = (
    "s3:ListBuckets",
    "s3:GetBucketNotificationConfiguration",
    "sns:ListSubscriptions",
    "events:ListEventBuses",
    "events:ListRuleNamesByTarget",
)
MOST_BUCKETS, MOST_SUBSCRIPTIONS, MOST_RULE_LISTS = 100, 2000, 100
"""How much is asked at most in one read: 101, 20 and 101 calls. Where there is more, nothing is said to be complete."""

_LATEST = ":$LATEST"
_Found = Iterator[tuple[str, dict[str, str]] | None]
"""A function's ARN with a source that calls it; None where somebody would not say, or there are too many to ask."""


def callers(aws: Aws, policies: Mapping[str, Mapping[str, Json] | None]) -> dict[str, Json]:
    """By service: Complete (was everything asked?) and Sources, each with FunctionArn, SourceArn and SourceAccount,
    the last only where the ARN names no account. `policies` are those of one function's qualifiers, by ARN.

    Only services with a grant that anybody's resources may use are asked: no call for a function without one.
    Raises a CallFailed when AWS is unwell; a refusal only makes the answer incomplete.
    """
    wanted: dict[str, set[str]] = {}
    for arn, policy in policies.items():
        for service in _unbound(policy, aws.account):
            wanted.setdefault(service, set()).add(arn)
    return {service: _asked(aws, _ASK[service], wanted[service]) for service in sorted(wanted) if service in _ASK}


def _unbound(policy: Mapping[str, Json] | None, account: str) -> Iterator[str]:
    """The services that a policy lets act for any customer; none of a policy that cannot be read."""
    for one in reach_of(policy, "resource", Trust(account=account)).statements if policy else ():
        if one.verdict == "service-unbound":
            yield from one.principals


def _asked(aws: Aws, ask: Callable[[Aws, set[str]], _Found], arns: set[str]) -> dict[str, Json]:
    found: set[tuple[tuple[str, str], ...]] = set()
    complete = True
    try:
        for one in ask(aws, arns):
            if one is None:
                complete = False
            elif one[0] in arns:
                found.add((("FunctionArn", one[0]), *one[1].items()))
    except (Denied, Invalid):
        complete = False
    return {"Complete": complete, "Sources": [dict(source) for source in sorted(found)]}


def _buckets(aws: Aws, arns: set[str]) -> _Found:
    """Buckets whose notifications go to the function. A bucket's name says no account, and may be another's later."""
    names = _few(s3_bucket.list_ids(aws), MOST_BUCKETS)
    if names is None:
        yield None
    for name in names or ():
        try:
            given = aws.call(
                "s3:GetBucketNotificationConfiguration", {"Bucket": name, "ExpectedBucketOwner": aws.account}
            )
        except Gone:
            continue
        except Denied:  # the bucket's own policy may refuse us
            yield None
            continue
        source = {"SourceArn": f"arn:{aws.partition}:s3:::{name}", "SourceAccount": aws.account}
        for one in given.get("LambdaFunctionConfigurations") or ():
            yield one["LambdaFunctionArn"].removesuffix(_LATEST), source


def _topics(aws: Aws, arns: set[str]) -> _Found:
    """Topics to which the function is subscribed by this account, in this region."""
    listed = _few(aws.pages("sns:ListSubscriptions", {}, "Subscriptions"), MOST_SUBSCRIPTIONS)
    if listed is None:
        yield None
    for one in listed or ():
        if one["Protocol"] == "lambda":
            yield one["Endpoint"].removesuffix(_LATEST), {"SourceArn": one["TopicArn"]}


def _rules(aws: Aws, arns: set[str]) -> _Found:
    """Rules of every bus that have the function as target. The default bus has no part in a rule's ARN."""
    buses = [bus["Name"] for bus in aws.pages("events:ListEventBuses", {}, "EventBuses")]
    targets = [(arn, arn) for arn in sorted(arns)]
    targets += [(arn, arn + _LATEST) for arn in sorted(arns) if arn.count(":") == 6]
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


def _few(items: Iterable[Json], most: int) -> list[Json] | None:
    """The items, or None when there are more than `most`: what is asked in part proves nothing."""
    found = list(islice(items, most + 1))
    return found if len(found) <= most else None


_ASK: Mapping[str, Callable[[Aws, set[str]], _Found]] = {
    "s3.amazonaws.com": _buckets,
    "sns.amazonaws.com": _topics,
    "events.amazonaws.com": _rules,
}
