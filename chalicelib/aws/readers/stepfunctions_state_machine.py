"""State machines with their current definition, hidden; its published versions are not looked at.

Where the definition is encrypted with a key that we may not use, `Unreadable` names the code. Source: the Step
Functions API reference, ListStateMachines, DescribeStateMachine (`includedData`), ListTagsForResource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...errors import Denied, Gone
from ...model import Hidden, Json, Resource
from ..answers import plain
from ..clients import Aws
from . import _holder

TYPE = "AWS::StepFunctions::StateMachine"
OPERATIONS = (
    "stepfunctions:ListStateMachines",
    "stepfunctions:DescribeStateMachine",
    "stepfunctions:ListTagsForResource",
)
VOLATILE = ("revisionId",)
_KEPT = ("name", "status", "roleArn", "type", "encryptionConfiguration", "revisionId")


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The state machine named `resource_id`, or None when it is gone or going. Raises a CallFailed."""
    arn = _holder.arn(aws, "states", f"stateMachine:{resource_id}")
    try:
        found, more = _described(aws, arn)
    except Gone:
        return None
    if found.get("status") == "DELETING":
        return None
    config = {**{key: item for key, item in plain(found).items() if key in _KEPT}, **more}
    return Resource(TYPE, arn, resource_id, aws.account, aws.region, config, volatile=VOLATILE)


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of all state machines in this account and region."""
    for machine in aws.pages("stepfunctions:ListStateMachines", {"maxResults": 1000}, "stateMachines"):
        yield machine["name"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    return _holder.tagged(aws, "stepfunctions:ListTagsForResource", {"resourceArn": arn}, "tags")


def _described(aws: Aws, arn: str) -> tuple[Mapping[str, Json], dict[str, Json]]:
    """What AWS says of a state machine, and its definition or why there is none."""
    request = {"stateMachineArn": arn}
    try:
        found = aws.call("stepfunctions:DescribeStateMachine", request)
        return found, {"definition": Hidden(str(found.get("definition") or ""))}
    except Denied as error:
        if error.code != "KmsAccessDeniedException":
            raise
        shown = aws.call("stepfunctions:DescribeStateMachine", {**request, "includedData": "METADATA_ONLY"})
        return shown, {"definition": None, "Unreadable": error.code}
