"""May a principal of the account do this? All that decides it, read and merged: the engine of `suture iam can`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.iam.documents import parse
from chalicelib.iam.permissions import Answer, may

from .organization import Control, control
from .resource_policies import Guard, guard

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients
    from suture.account_roles import Read

_WILLING = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
_SESSION = "Session policies and resource control policies were not looked at."
_NEEDS_THE_RESOURCE = ("kms:", "sts:")

Context = Mapping[str, Sequence[str]]


def can(
    aws: Clients, who: Read, names: Sequence[str], action: str, resource: str, context: Context | None
) -> tuple[Answer, tuple[str, ...]]:
    """The answer, and notes of what was not looked at. `names` are the ARNs that the caller goes by.

    Where the resource's policy exists and could not be read, the answer is allowed-if, unless it is denied whatever
    that policy says. Raises CallFailed where AWS cannot be reached.
    """
    over = control(aws, who.role.arn)
    held = guard(aws, action, resource)
    known = None if context is None else {**_of_caller(who, over), **context}
    judge = partial(
        may,
        who.role.documents,
        action,
        resource,
        boundary=who.role.boundary,
        scps=over.levels,
        context=known,
        principal=tuple(names),
    )
    notes = tuple(filter(None, (*who.notes, held.note, over.note, _SESSION)))
    if held.unread:
        return _unread(judge(), judge(resource_policy=parse(_WILLING, "resource")), held), notes
    if held.gone and action.lower().startswith(_NEEDS_THE_RESOURCE):
        return Answer("denied", (held.note.rstrip("."),)), notes
    return judge(resource_policy=held.policy), notes


def _unread(without: Answer, at_best: Answer, held: Guard) -> Answer:
    if at_best.verdict == "denied":
        return at_best
    does = "lets it" if without.verdict != "denied" else "allows it by itself"
    return Answer("allowed-if", (*without.reasons, f"only if the resource's own policy {does}: {held.unread}"))


def _of_caller(who: Read, over: Control) -> dict[str, list[str]]:
    """Condition keys that every request of this caller has. IAM User Guide, "AWS global condition context keys"."""
    arn = who.role.arn
    found = {"aws:PrincipalArn": [arn], "aws:PrincipalAccount": [who.resource.account]}
    if ":user/" in arn:
        found |= {"aws:username": [arn.rsplit("/", 1)[-1]], "aws:PrincipalType": ["User"]}
    elif ":role/" in arn:
        found |= {"aws:PrincipalType": ["AssumedRole"]}
    return found | ({"aws:PrincipalOrgID": [over.organisation]} if over.organisation else {})
