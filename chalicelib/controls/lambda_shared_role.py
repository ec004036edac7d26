"""One execution role is used by several functions, so that each of them may do what any of them needs.

Functions count, not their versions and aliases. A role that may do no more than what every function needs (write logs
and traces, join a network) is `low`, any other `medium`. AWS Lambda Developer Guide, "Defining Lambda function
permissions with an execution role"; Serverless Applications Lens, "Identity and access management".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ..errors import BadPolicy
from ..iam.documents import NEW, Document, parse
from ..model import Json, Resource
from ..redaction import safe_text
from . import Control, Judgement
from ._execution import RESERVED, boundary, identity

_MOST, _NAMED = 50, 12

_BLIND = "Functions in other Regions, and published versions that keep a role of their own, were not looked at."

_PLAIN = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSampling*",
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVpcs",
    "ec2:GetSecurityGroupsForVpc",
)
"""What every function needs to run at all: AWSLambdaBasicExecutionRole, AWSLambdaVPCAccessExecutionRole and
AWSXRayDaemonWriteAccess, AWS Managed Policy Reference."""


def judge(resource: Resource) -> Judgement | None:
    """One item: Role, Functions (their names, at most 50), Count, More (why it is not `low`, or null), and Notes, which
    name the functions to people.
    """
    config = resource.config
    functions = config["Functions"]
    if len(functions) < 2 or str(config.get("Path", "/")).startswith(RESERVED):
        return None
    more = _more(config)
    name = safe_text(config.get("RoleName"), 70)
    title = f"The execution role {name} is shared by {len(functions)} functions"
    shown = [safe_text(function, 70) for function in functions[:_MOST]]
    others = f" and {len(functions) - _NAMED} more" if functions[_NAMED:] else ""
    notes = [f"They are {', '.join(shown[:_NAMED])}{others}.", _BLIND]
    item = {"Role": resource.arn, "Functions": shown, "Count": len(functions), "More": more or None, "Notes": notes}
    return Judgement(f"{title}, and {more}" if more else title, (item,), "medium" if more else "low")


def _more(config: Mapping[str, Json]) -> str:
    """That the role may do more than every function needs, as far as that is not ruled out; or nothing."""
    from ..iam.subset import allows_subset  # only a role that is shared needs it

    policies, unreadable = identity(config)
    try:
        limit = boundary(config.get("PermissionsBoundary"))
    except BadPolicy:
        limit = None
    held = [Document(NEW, tuple(s for d in policies.values() for s in d.statements))] if not unreadable else []
    if any(allows_subset(document, _plain()).holds for document in (*held, *(limit or ()))):
        return ""
    return "not all that it may do can be read" if unreadable else "it may do more than write logs and traces"


@cache
def _plain() -> Document:
    statement = {"Effect": "Allow", "Action": list(_PLAIN), "Resource": "*"}
    return parse({"Version": NEW, "Statement": [statement]}, "identity")


CONTROL = Control(
    title="Each function has an execution role of its own",
    why=(
        "Functions that share a role share their rights: whoever gets into the weakest of them may do what any of the "
        "others needs, and nobody can narrow the role for one without breaking another."
    ),
    severity="medium",
    pillar="iam-hardening",
    resource_type="Suture::Lambda::SharedRole",
    signals=(),
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
        "https://docs.aws.amazon.com/wellarchitected/latest/serverless-applications-lens/identity-and-access-management.html",
    ),
    peers=("Lambda-006", "D9.AWS.IAM.45"),
)
