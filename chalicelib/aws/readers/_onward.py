"""Other roles of the account that an execution role may pass or assume, as far as judging it needs them.

Asked for only where the role's policies hold `iam:PassRole` or `sts:AssumeRole` and everything else that some known
path needs: no call for any other role. Of a role that is looked at, the trust policy comes first, and its policies
only where that does its part. A role that is gone, or has another path than the ARN says, is nothing to pass. What is
refused or beyond a bound is told as unread, so that judgement takes it for not known; never for harmless.

Sources: the IAM API reference, ListRoles (whose answers hold trust policies and no boundary), GetRole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from ...controls._execution import RESERVED, identity, is_execution_role
from ...controls._in_reach import IN_REACH, passable
from ...errors import BadPolicy, Denied, Gone, Invalid
from ...iam import globs
from ...iam.documents import Document, parse
from ...model import Json, Resource, canonical
from ..answers import document, plain
from ..clients import Aws
from ._role_policies import attached_policies, boundary, inline_policies, managed

if TYPE_CHECKING:
    from ...iam.onward import Onward
    from ...iam.roles import PassableRole

__all__ = ["IN_REACH", "in_reach"]

MOST_ROLES, MOST_HOPS, MOST_LISTED = 10, 2, 1000
"""Roles that are asked for at most, at what distance at most, and how many are listed to find those of a pattern."""
MOST_KEPT, MOST_UNREAD = 100_000, 50
"""Characters of JSON that other roles may take up: a journal entry has 400 KB, and the role itself needs its own."""

_TAKING = ("iam:passrole", "sts:assumerole")


def in_reach(aws: Aws, role: Resource) -> dict[str, Json] | None:
    """Roles and Unread, as `controls._in_reach` says; None where the role can take no other.

    Raises a CallFailed when AWS is unwell; a refusal only leaves a role unread.
    """
    if not is_execution_role(role.config):
        return None
    policies, _ = identity(role.config)
    if not any(map(_may_take, policies.values())):
        return None
    try:
        me = passable({**role.config, "Arn": role.arn, "RolePolicyList": [], "AttachedManagedPolicies": []})
    except BadPolicy:  # a boundary that nobody understands: the control says so, and judges nothing else
        return None
    return _Search(aws, me._replace(documents=tuple(policies.values()))).walked()


def _may_take(policy: Document) -> bool:
    """Does it allow to pass or assume any role? A quick look, before reasoning is loaded."""
    allowing = [s for s in policy.statements if s.allows]
    return any(s.actions is None or _names(s.actions) for s in allowing)


def _names(patterns: Iterable[str]) -> bool:
    return any(globs.matches(globs.fold(pattern), action) for pattern in patterns for action in _TAKING)


class _Search:
    """One walk from a role to those that it may take, and on from there; each is asked for once."""

    def __init__(self, aws: Aws, start: PassableRole) -> None:
        self._aws, self._start = aws, start
        self._asked: set[str] = set()
        self._about: dict[str, Mapping[str, Json]] = {}
        self._roles: dict[str, dict[str, Json]] = {}
        self._failed: dict[str, str] = {}
        self._unread: dict[tuple[str, str, str], None] = {}
        self._listed: list[PassableRole] | None = None

    def walked(self) -> dict[str, Json]:
        """What was found, once every way was walked as far as is allowed. Raises a CallFailed."""
        from ...iam.onward import onward

        holders = [self._start]
        for _ in range(MOST_HOPS):
            holders = [role for holder in holders for role in self._taken(onward(holder))]
        far = f"Roles more than {MOST_HOPS} steps away are not read"
        for way in (way for holder in holders for way in onward(holder) if not self._is_settled(self._arn(way.one))):
            self._leave(way, way.narrowest, far)
        unread = [{"By": by, "Pattern": pattern, "Why": why} for by, pattern, why in self._unread]
        return {"Roles": list(self._roles.values()), "Unread": unread}

    def _taken(self, ways: Iterable[Onward]) -> Iterator[PassableRole]:
        """The roles that are read for the first time on these ways, those that are written out first."""
        for way in sorted(ways, key=lambda way: (not way.one, way.region, way.services)):
            for arn in [self._arn(way.one)] if way.one else self._listed_on(way):
                if not self._is_settled(arn) and (role := self._take(way, arn)):
                    yield role

    def _is_settled(self, arn: str) -> bool:
        """Is all known of that role: by itself it is the one where this began, it was read, or it is gone?"""
        return arn == self._start.arn or arn in self._roles or self._failed.get(arn) == ""

    def _take(self, way: Onward, arn: str) -> PassableRole | None:
        """The role, or None where it is gone, does not let anybody in on this way, or is told as unread."""
        name = arn.rpartition("/")[2]
        if arn not in self._asked and len(self._asked) >= MOST_ROLES:
            self._failed.setdefault(arn, f"No more than {MOST_ROLES} other roles are looked at")
        if arn not in self._failed:
            self._asked.add(arn)
            try:
                return self._read(way, arn, name)
            except Gone:
                self._failed[arn] = ""
            except BadPolicy as error:
                self._failed[arn] = f"Role {name} cannot be judged: {error.what}"
            except (Denied, Invalid) as error:
                self._failed[arn] = f"Role {name} could not be read: AWS refused it ({error.code})"
        if why := self._failed[arn]:
            self._leave(way, arn, why)
        return None

    def _read(self, way: Onward, arn: str, name: str) -> PassableRole | None:
        if arn not in self._about:
            self._about[arn] = plain(self._aws.call("iam:GetRole", {"RoleName": name})["Role"])
        about = self._about[arn]
        if not way.leads_to(_trusting(about)):
            return None
        attached = attached_policies(self._aws, name)
        kept = {
            "Arn": about["Arn"],
            "AssumeRolePolicyDocument": document(about.get("AssumeRolePolicyDocument")),
            "PermissionsBoundary": boundary(self._aws, about.get("PermissionsBoundary")),
            "RolePolicyList": inline_policies(self._aws, name),
            "AttachedManagedPolicies": [found for policy in attached if (found := self._attached(policy))],
        }
        role = passable(kept)
        if len(canonical([*self._roles.values(), kept])) > MOST_KEPT:
            raise BadPolicy("its policies are too long to be kept beside the others")
        self._roles[arn] = kept
        return role

    def _attached(self, policy: Mapping[str, Json]) -> dict[str, Json] | None:
        """An attached policy with its document alone, or None when it is deleted between listing and reading."""
        arn = policy["PolicyArn"]
        try:
            says = managed(self._aws, arn, self._aws.call("iam:GetPolicy", {"PolicyArn": arn})["Policy"])
        except Gone:
            return None
        return {"PolicyName": policy["PolicyName"], "PolicyArn": arn, "PolicyDocument": says}

    def _listed_on(self, way: Onward) -> Iterator[str]:
        """The ARNs of the account's roles that the way leads to."""
        try:
            if self._listed is None:
                pages = self._aws.pages("iam:ListRoles", {"MaxItems": MOST_LISTED}, "Roles")
                found = [_trusting(role) for role in islice(pages, MOST_LISTED + 1)]
                self._listed = sorted(found, key=lambda role: role.arn)
        except (Denied, Invalid) as error:
            self._leave(way, way.narrowest, f"The roles of the account could not be listed ({error.code})")
            return
        if len(self._listed) > MOST_LISTED:
            self._leave(way, way.narrowest, f"No more than {MOST_LISTED} roles of the account are looked through")
        yield from (role.arn for role in self._listed if not _is_kept_back(role.arn) and way.leads_to(role))

    def _leave(self, way: Onward, pattern: str, why: str) -> None:
        """Tell roles as unread; where they are too many to list, all of the account that are not known."""
        from ...iam.roles import home_of

        if len(self._unread) >= MOST_UNREAD:
            pattern, why = home_of(way.by), f"No more than {MOST_ROLES} other roles are looked at"
        self._unread[way.by, pattern, why] = None

    def _arn(self, pattern: str) -> str:
        """An ARN of the partition in which patterns are compared, in this account's own."""
        return f"arn:{self._aws.partition}:" + pattern.split(":", 2)[2] if pattern else ""


def _trusting(about: Mapping[str, Json]) -> PassableRole:
    """A role of which only the trust policy is looked at; one that cannot be parsed is not known."""
    from ...iam.roles import PassableRole

    try:
        trust = parse(document(about.get("AssumeRolePolicyDocument")), "trust")
    except BadPolicy:
        trust = None
    return PassableRole(about["Arn"], (), None, trust)


def _is_kept_back(arn: str) -> bool:
    """Is it one of AWS's own, which nobody can pass or assume?"""
    return f"/{arn.partition(':role/')[2]}".startswith(RESERVED)
