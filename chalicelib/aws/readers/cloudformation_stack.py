"""Stacks with their parameters and outputs, each value hidden. AWS shows a parameter with NoEcho as stars.

Source: the CloudFormation API reference, DescribeStacks: it answers ValidationError for a stack that is not there, and
shows the value of a parameter that came from Parameter Store as `ResolvedValue`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Invalid
from ...model import Hidden, Json, Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::CloudFormation::Stack"
OPERATIONS = ("cloudformation:DescribeStacks",)
VOLATILE = ("StackStatus",)


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The stack named `resource_id`, or None when it is gone. Raises a CallFailed."""
    try:
        stacks = aws.call("cloudformation:DescribeStacks", {"StackName": resource_id}).get("Stacks") or ()
    except Invalid as error:
        if error.code == "ValidationError" and "does not exist" in error.what:
            return None
        raise
    found = next((s for s in stacks if s.get("StackStatus") != "DELETE_COMPLETE"), None)
    if found is None:
        return None
    config = {
        "StackName": resource_id,
        "StackStatus": found.get("StackStatus"),
        "Parameters": {p["ParameterKey"]: Hidden(_shown(p)) for p in found.get("Parameters") or ()},
        "Outputs": {o["OutputKey"]: Hidden(str(o.get("OutputValue", ""))) for o in found.get("Outputs") or ()},
        "Exports": sorted(o["OutputKey"] for o in found.get("Outputs") or () if o.get("ExportName")),
    }
    tags = _holder.pairs(found.get("Tags") or ())
    return Resource(TYPE, str(found["StackId"]), resource_id, aws.account, aws.region, config, tags, VOLATILE)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all stacks in this account and region that are not deleted."""
    for stack in aws.pages("cloudformation:DescribeStacks", {}, "Stacks"):
        yield stack["StackName"]


def _shown(parameter: Mapping[str, Json]) -> str:
    return str(parameter.get("ResolvedValue") or parameter.get("ParameterValue") or "")
