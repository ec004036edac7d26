"""Service control policies over an account, where the organisation can be read: from its management account, or one
to which it delegated that.

Sources: the Organizations API reference, ListPoliciesForTarget, ListParents; the Organizations User Guide, "Service
control policies" (what they do not restrict), "SCP evaluation".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.errors import BadPolicy, CallFailed, Throttled
from chalicelib.iam.documents import Document, parse

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

_DEEPEST = 10
"""Levels that are followed upwards at most; AWS allows five below the root."""
_NONE = "AWSOrganizationsNotInUseException"
_FREE = "/aws-service-role/"
_UNREAD = (
    "Service control policies were not looked at: {why}. Ask with credentials of the organisation's management account "
    "to have them."
)


class Control(NamedTuple):
    """The policies a level, the account's own first; `organisation` is its id; `note` says what was not looked at."""

    levels: tuple[tuple[Document, ...], ...] = ()
    organisation: str = ""
    note: str = ""


def control(aws: Clients, principal: str) -> Control:
    """What the organisation lets a principal of this account do at most, by its ARN. Never raises a CallFailed."""
    try:
        found = aws.call("organizations:DescribeOrganization", {})["Organization"]
    except CallFailed as error:
        if error.code == _NONE:
            return Control(note="The account is in no organisation: there are no service control policies.")
        return Control(note=_UNREAD.format(why=_why(error)))
    organisation = str(found["Id"])
    if found.get("MasterAccountId") == aws.account:
        return Control((), organisation, "Service control policies do not bind the management account, which this is.")
    if _FREE in principal:
        return Control((), organisation, "Service control policies do not bind service-linked roles.")
    try:
        levels = tuple(tuple(_policies(aws, target)) for target in _upwards(aws))
    except (CallFailed, BadPolicy) as error:
        return Control((), organisation, _UNREAD.format(why=_why(error)))
    return Control(levels, organisation)


def _why(error: CallFailed | BadPolicy) -> str:
    if isinstance(error, BadPolicy):
        return f"one of them cannot be parsed ({error.what.rstrip('.')})"
    return "AWS gave no answer" if isinstance(error, Throttled) else f"AWS refused it ({error.code})"


def _upwards(aws: Clients) -> Iterator[str]:
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


def _policies(aws: Clients, target: str) -> Iterator[Document]:
    asked = {"TargetId": target, "Filter": "SERVICE_CONTROL_POLICY"}
    for policy in aws.pages("organizations:ListPoliciesForTarget", asked, "Policies"):
        content = aws.call("organizations:DescribePolicy", {"PolicyId": policy["Id"]})["Policy"]["Content"]
        yield parse(content, "identity")._replace(name=f"{policy['Name']} of {target}")
