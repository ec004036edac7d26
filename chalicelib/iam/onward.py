"""To which roles of its account could a principal go on? Asked before those roles are read, so that few are."""

from __future__ import annotations

from typing import NamedTuple

from . import globs
from .admin import administrator
from .escalation import Walker, possible
from .paths import all_actions
from .rights import Region, Rights, in_one_partition
from .roles import NOWHERE, PassableRole, home_of, trusts_principal, trusts_service
from .suppositions import WRITTEN


class Onward(NamedTuple):
    """The roles with ARNs of the form of all patterns of `region` that `by` may pass to one of `services`, or assume
    where there is no service. Patterns are those of the partition `aws`."""

    by: str
    region: Region
    services: tuple[str, ...]

    @property
    def one(self) -> str:
        """The ARN of the one role that the region holds, or nothing."""
        return next((p for p in self.region if globs.is_literal(p)), "")

    @property
    def narrowest(self) -> str:
        """The pattern that says most about the region."""
        return max(self.region, key=len)

    def leads_to(self, role: PassableRole) -> bool:
        """Whether the role lies there, and its trust policy, as far as it is known, does its part."""
        from_here = trusts_service(role, self.services) if self.services else trusts_principal(role, self.by)
        return from_here and all(globs.matches(pattern, in_one_partition(role.arn)) for pattern in self.region)


def onward(holder: PassableRole) -> tuple[Onward, ...]:
    """Where a role can go on to within its account, on the paths for which it holds everything else.

    Nothing of an administrator, who gains nothing by it; what a region holds of other accounts is not looked at.
    """
    if administrator(holder.documents, holder.boundary):
        return ()
    rights = Rights(holder.documents, holder.boundary, (), all_actions())
    walker = Walker(rights, holder, NOWHERE, None, WRITTEN, ())
    found: dict[tuple[Region, bool], tuple[str, ...]] = {}
    for path in possible(rights):
        for grant in walker.onward(path):
            if all(globs.intersects(home_of(holder.arn), pattern) for pattern in grant.region):
                key = (grant.region, bool(path.services))
                found[key] = tuple(dict.fromkeys((*found.get(key, ()), *path.services)))
    return tuple(Onward(holder.arn, region, services) for (region, _), services in found.items())
