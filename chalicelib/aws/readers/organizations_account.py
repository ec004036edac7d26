"""The service control policies over this account, where the organisation can be read: from its management account, or
one to which it delegated that.

Sources: the Organizations API reference, DescribeOrganization, ListParents, ListPoliciesForTarget, DescribePolicy; the
Organizations User Guide, "Service control policies" (whom they do not bind), "SCP evaluation".
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import CallFailed, Throttled
from ...model import Json, Resource
from ..clients import Aws

TYPE = "AWS::Organizations::Account"
OPERATIONS = (
    "organizations:DescribeOrganization",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
    "organizations:DescribePolicy",
)

_DEEPEST = 10
"""Levels that are followed upwards at most; AWS allows five below the root."""
_NONE = "AWSOrganizationsNotInUseException"


def read(aws: Aws, resource_id: str) -> Resource:
    """The account with its Levels of policies (its own first, each policy with Name, Target and Content), the
    Organization's id, and why there are none: Free, a sentence, where none bind it, or Unread, where AWS refused.
    Where service control policies are switched on, no level is without one; where they are off, there is no level.

    Raises Throttled: what may be readable in a minute is not unreadable.
    """
    arn = f"arn:{aws.partition}:organizations:::account/{resource_id}"
    return Resource(TYPE, arn, resource_id, aws.account, aws.region, _config(aws))


def _config(aws: Aws) -> dict[str, Json]:
    config: dict[str, Json] = {"Organization": "", "Levels": [], "Free": "", "Unread": ""}
    try:
        found = aws.call("organizations:DescribeOrganization", {})["Organization"]
        config["Organization"] = str(found["Id"])
        if found.get("MasterAccountId") == aws.account:
            return {**config, "Free": "Service control policies do not bind the management account, which this is."}
        levels = [list(_policies(aws, target)) for target in _upwards(aws)]
        return {**config, "Levels": [level for level in levels if level]}
    except Throttled:
        raise
    except CallFailed as error:
        if error.code == _NONE:
            return {**config, "Free": "The account is in no organisation: there are no service control policies."}
        return {**config, "Unread": f"AWS refused it ({error.code})"}


def list_ids(aws: Aws) -> Iterator[str]:
    """This account, alone."""
    yield aws.account


def _upwards(aws: Aws) -> Iterator[str]:
    """The account, the units that it is in, and the root."""
    target = aws.account
    for _ in range(_DEEPEST):
        yield target
        parent = next(aws.pages("organizations:ListParents", {"ChildId": target}, "Parents"), None)
        if parent is None:
            return
        target = str(parent["Id"])
        if parent["Type"] == "ROOT":
            yield target
            return


def _policies(aws: Aws, target: str) -> Iterator[dict[str, Json]]:
    asked = {"TargetId": target, "Filter": "SERVICE_CONTROL_POLICY"}
    for policy in aws.pages("organizations:ListPoliciesForTarget", asked, "Policies"):
        content = aws.call("organizations:DescribePolicy", {"PolicyId": policy["Id"]})["Policy"]["Content"]
        yield {"Name": policy["Name"], "Target": target, "Content": content}
