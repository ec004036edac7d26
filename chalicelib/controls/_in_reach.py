"""What a role's configuration tells of other roles that it may pass or assume, as policy reasoning takes them.

Their reader keeps it under `IN_REACH`: Roles, each with Arn and, as AWS::IAM::Role has them, its documents; Unread,
what nobody looked at: By (the ARN of the role that may take it), Pattern (of ARNs) and Why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import BadPolicy
from ..iam.documents import parse
from ..model import Json
from ..redaction import safe_text
from ._execution import boundary, identity

if TYPE_CHECKING:
    from ..iam.roles import PassableRole, Unread

IN_REACH = "RolesInReach"


def known(config: Mapping[str, Json]) -> tuple[tuple[PassableRole, ...], tuple[Unread, ...] | None]:
    """The other roles that were read, and those that were not; None for them where nobody looked."""
    from ..iam.roles import Unread  # most roles can take no other

    found = config.get(IN_REACH)
    if found is None:
        return (), None
    unread = (Unread(u["By"], u["Pattern"], safe_text(u["Why"])) for u in found["Unread"])
    return tuple(passable(role) for role in found["Roles"]), tuple(unread)


def passable(config: Mapping[str, Json]) -> PassableRole:
    """A role as reasoning takes it, with its trust policy where that can be parsed.

    Raises BadPolicy where that is not so of its policies or its boundary.
    """
    from ..iam.roles import PassableRole

    policies, unreadable = identity(config)
    for name, error in unreadable:
        raise BadPolicy(f"its policy {name}: {error.what}")
    trust = config["AssumeRolePolicyDocument"]
    limit = boundary(config.get("PermissionsBoundary"))
    try:
        return PassableRole(config["Arn"], tuple(policies.values()), limit, parse(trust, "trust"))
    except BadPolicy:
        return PassableRole(config["Arn"], tuple(policies.values()), limit, None)
