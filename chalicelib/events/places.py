"""Where to look: names and ARNs turned into the (type, id) that a reader takes."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

FUNCTION = "AWS::Lambda::Function"
ROLE = "AWS::IAM::Role"
MANAGED_POLICY = "AWS::IAM::ManagedPolicy"
STAGE = "AWS::ApiGateway::Stage"
REST_API = "AWS::ApiGateway::RestApi"
LAYER = "AWS::Lambda::LayerVersion"
QUEUE = "AWS::SQS::Queue"
TOPIC = "AWS::SNS::Topic"
SECRET = "AWS::SecretsManager::Secret"
KEY = "AWS::KMS::Key"
BUS = "AWS::Events::EventBus"
TABLE = "AWS::DynamoDB::Table"
REPOSITORY = "AWS::ECR::Repository"
BUCKET = "AWS::S3::Bucket"
PARAMETER = "AWS::SSM::Parameter"
STATE_MACHINE = "AWS::StepFunctions::StateMachine"
TASK_DEFINITION = "AWS::ECS::TaskDefinition"
STACK = "AWS::CloudFormation::Stack"

MACHINE_NAME = r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}"""
"""What Step Functions allows as a name (API reference, CreateStateMachine)."""

_HOMES = {
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
}


class Place(NamedTuple):
    """One resource. `account` and `region` are empty where the name or ARN that it came from does not say."""

    type: str
    id: str
    account: str = ""
    region: str = ""


class FunctionName(NamedTuple):
    """The parts of a Lambda function's name; empty where it does not say. `qualifier` is a version or alias."""

    name: str
    qualifier: str = ""
    account: str = ""
    region: str = ""


def function_name(given: str) -> FunctionName | None:
    """Any form that Lambda's `FunctionName` takes: `name`, `name:qualifier`, `account:function:name`, ARN.

    Forms: Lambda API reference, FunctionName; a name has at most 64 characters. None when it is none of them.
    Regions are taken as they come, so that a new one is no reason to overlook a function.
    """
    found = _patterns()["function"].fullmatch(given) if len(given) <= 256 else None
    if found is None:
        return None
    part = found.groupdict(default="")
    return FunctionName(part["name"], part["qualifier"], part["account"] or part["owner"], part["region"])


def place_of_arn(arn: str) -> Place | None:
    """The resource that an ARN names, if it is of a type that we can look at; None otherwise."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or len(arn) > 2048:
        return None
    _, partition, service, region, account, rest = parts
    if service == "lambda" and rest.startswith("function:"):
        name = function_name(arn)
        return Place(FUNCTION, name.name, name.account, name.region) if name else None
    if service == "iam":
        return _iam_place(arn, account, _HOMES.get(partition, "us-east-1"), rest)
    if service == "apigateway":
        return _api_place(region, rest)
    return _holder_place(arn, service, region, account, rest)


def _holder_place(arn: str, service: str, region: str, account: str, rest: str) -> Place | None:
    """Resources known by their name, and secrets, whose names are reused, by their ARN. A parameter's ARN leaves out
    the slash that a name in a hierarchy begins with.
    """
    found = _patterns()[service].fullmatch(rest) if service in _HOLDERS else None
    if found is None:
        return None
    if service == "secretsmanager":
        return Place(SECRET, arn, account, region)
    if service == "ssm" and "/" in found[1]:
        return Place(PARAMETER, f"/{found[1]}", account, region)
    return Place(_HOLDERS[service], found[1], account, region)


_HOLDERS = {
    "lambda": LAYER,
    "sqs": QUEUE,
    "sns": TOPIC,
    "secretsmanager": SECRET,
    "kms": KEY,
    "events": BUS,
    "dynamodb": TABLE,
    "ecr": REPOSITORY,
    "s3": BUCKET,
    "ssm": PARAMETER,
    "states": STATE_MACHINE,
    "ecs": TASK_DEFINITION,
    "cloudformation": STACK,
}


def role_name(given: str) -> str:
    """`given` if IAM could have a role of that name, else empty. IAM API reference, RoleName."""
    return given if _patterns()["role"].fullmatch(given) else ""


def api_part(given: str) -> str:
    """`given` if API Gateway could have an API id or stage of that name, else empty."""
    return given if _patterns()["api"].fullmatch(given) else ""


def home_region(resource_type: str, region: str) -> str:
    """Where a resource of that type lives, for events of a region: IAM's home in the partition, else the region.

    IAM is global and its events occur in one region of the partition (us-east-1 in `aws`); Config calls that
    region `global`. Everything keyed by region must use this one name.
    """
    if resource_type.split("::")[1:2] != ["IAM"]:
        return region
    same = (home for home in _HOMES.values() if home.rsplit("-", 2)[0] == region.rsplit("-", 2)[0])
    return next(same, "us-east-1")


def _iam_place(arn: str, account: str, home: str, rest: str) -> Place | None:
    kind, _, name = rest.partition("/")
    if kind == "role" and role_name(name.rsplit("/", 1)[-1]):
        return Place(ROLE, name.rsplit("/", 1)[-1], account, home)
    if kind == "policy" and name and account != "aws":
        return Place(MANAGED_POLICY, arn, account, home)
    return None


def _api_place(region: str, rest: str) -> Place | None:
    found = _patterns()["restapi"].fullmatch(rest)
    if found is None:
        return None
    api, stage = found.groups()
    return Place(STAGE, f"{api}/{stage}", "", region) if stage else Place(REST_API, api, "", region)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "function": re.compile(
            r"(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:"
            r"|(?:(?P<owner>\d{12}):)?(?:function:)?)"
            r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]{1,128}))?",
            re.ASCII,
        ),
        "role": re.compile(r"[\w+=,.@-]{1,64}", re.ASCII),
        "api": re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII),
        "lambda": re.compile(r"layer:([A-Za-z0-9_-]{1,140}:[0-9]{1,9})", re.ASCII),
        "sqs": re.compile(r"([A-Za-z0-9_-]{1,80}(?:\.fifo)?)", re.ASCII),
        "sns": re.compile(r"([A-Za-z0-9_-]{1,256}(?:\.fifo)?)(?::[0-9a-f-]{36})?", re.ASCII),
        "secretsmanager": re.compile(r"secret:([A-Za-z0-9/_+=.@-]{1,520})", re.ASCII),
        "kms": re.compile(r"key/([A-Za-z0-9-]{1,128})", re.ASCII),
        "events": re.compile(r"event-bus/([A-Za-z0-9/._-]{1,256})", re.ASCII),
        "dynamodb": re.compile(r"table/([A-Za-z0-9._-]{3,255})", re.ASCII),
        "ecr": re.compile(r"repository/([a-z0-9/._-]{2,256})", re.ASCII),
        "s3": re.compile(r"([A-Za-z0-9._-]{3,255})", re.ASCII),
        "ssm": re.compile(r"parameter/([A-Za-z0-9_.-][A-Za-z0-9_./-]{0,1010})", re.ASCII),
        "states": re.compile(rf"stateMachine:({MACHINE_NAME})"),
        "ecs": re.compile(r"task-definition/([A-Za-z0-9_-]{1,255})(?::[0-9]{1,9})?", re.ASCII),
        "cloudformation": re.compile(r"stack/([A-Za-z][A-Za-z0-9-]{0,127})/[0-9A-Za-z-]{1,64}", re.ASCII),
        "restapi": re.compile(r"/restapis/([A-Za-z0-9_-]{1,128})(?:/stages/([A-Za-z0-9_-]{1,128}))?", re.ASCII),
    }
