"""Service control policies over a principal, as commands tell of them: read where the organisation can be read.

Sources: the Organizations User Guide, "Service control policies" (what they do not restrict), "SCP evaluation".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.aws.readers import organizations_account
from chalicelib.errors import BadPolicy, Throttled
from chalicelib.iam.documents import Document, parse

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients
    from chalicelib.model import Json

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
        config = organizations_account.read(aws, aws.account).config
    except Throttled:
        return Control(note=_UNREAD.format(why="AWS gave no answer"))
    organisation = str(config["Organization"])
    if config["Free"]:
        return Control((), organisation, config["Free"])
    if config["Unread"]:
        return Control((), organisation, _UNREAD.format(why=config["Unread"]))
    if _FREE in principal:
        return Control((), organisation, "Service control policies do not bind service-linked roles.")
    try:
        levels = tuple(tuple(_document(policy) for policy in level) for level in config["Levels"])
    except BadPolicy as error:
        why = f"one of them cannot be parsed ({error.what.rstrip('.')})"
        return Control((), organisation, _UNREAD.format(why=why))
    return Control(levels, organisation)


def _document(policy: Mapping[str, Json]) -> Document:
    return parse(policy["Content"], "identity")._replace(name=f"{policy['Name']} of {policy['Target']}")
