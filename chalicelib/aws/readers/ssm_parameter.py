"""Parameters of Parameter Store: what describes one, and the value of one that is not encrypted. Nothing is decrypted.

An encrypted parameter has `Previous`: the version before, with its value where that was plain. So the undo of an
encryption has the value without any right to decrypt, and sees whether somebody wrote another one since. Sources:
Systems Manager API Reference, DescribeParameters, GetParameters (`name:version`), ListTagsForResource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...model import Hidden, Json, Resource
from ..answers import plain
from ..clients import Aws
from . import _holder

TYPE = "AWS::SSM::Parameter"
OPERATIONS = ("ssm:DescribeParameters", "ssm:GetParameters", "ssm:ListTagsForResource")
VOLATILE = ("Version", "LastModifiedDate", "LastModifiedUser")
PLAIN = ("String", "StringList")
_KEPT = ("Name", "Type", "Tier", "DataType", "Description", "AllowedPattern", "Version", "LastModifiedDate")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The parameter named `resource_id`, or None when it is gone. Raises a CallFailed."""
    named = {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": [resource_id]}]}
    found = next(aws.pages("ssm:DescribeParameters", named, "Parameters"), None)
    if found is None:
        return None
    is_plain = found["Type"] in PLAIN
    version = int(found["Version"])
    value = _value(aws, resource_id) if is_plain else _value(aws, f"{resource_id}:{version - 1}")
    if is_plain and not value:
        return None
    policies = [p["PolicyText"] for p in found.get("Policies") or ()]
    config = {
        **{key: item for key, item in plain(found).items() if key in _KEPT},
        **({"Policies": f"[{','.join(policies)}]"} if policies else {}),
        **(value if is_plain else {"KeyId": found.get("KeyId"), "Previous": value or None}),
    }
    arn = _holder.arn(aws, "ssm", f"parameter/{resource_id.removeprefix('/')}")
    return Resource(TYPE, arn, resource_id, aws.account, aws.region, config, volatile=VOLATILE)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of the parameters in this account and region that are not encrypted."""
    plainly = {"ParameterFilters": [{"Key": "Type", "Option": "Equals", "Values": list(PLAIN)}]}
    for parameter in aws.pages("ssm:DescribeParameters", {**plainly, "MaxResults": 50}, "Parameters"):
        yield parameter["Name"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    request = {"ResourceType": "Parameter", "ResourceId": resource_id}
    return _holder.tagged(aws, "ssm:ListTagsForResource", request, "TagList")


def _value(aws: Aws, name: str) -> dict[str, Json]:
    """`{"Value": …}`, hidden, of a parameter or `name:version`; empty where that is encrypted or not there."""
    if name.endswith(":0"):
        return {}
    answer = aws.call("ssm:GetParameters", {"Names": [name], "WithDecryption": False})
    values = (p["Value"] for p in answer.get("Parameters") or () if p["Type"] in PLAIN)
    return next(({"Value": Hidden(value)} for value in values), {})
