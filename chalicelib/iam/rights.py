"""On which resources may a principal do an action? Sets of them, where `permissions.may` answers about one.

What an Allow grants is cut down, pattern by pattern, to the kind of resource that is asked about, to what boundary
and service control policies allow too, and to what an unconditional Deny leaves. Conditions are three-valued as
there: one that is not known makes a grant unsure, never none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from . import globs
from .conditions import loosened
from .documents import Document, Statement
from .suppositions import SELF, YES, Known, held, stands

Region = tuple[str, ...]
"""The resources that have the form of all its patterns."""

_MOST_REGIONS, _MOST_GRANTS = 256, 300
_MOST_WORK = 60_000
"""Patterns of limits and Denies that one principal's rights are compared with, region by region. When that is used
up, Denies are looked at no more, which only leaves more open, and grants are no longer sure."""
_TOO_MUCH = "as far as could be told of policies as large as these"

Levels = Sequence[Sequence[Document]]


class Target(NamedTuple):
    """A kind of resource: what has one of the `patterns` and lies in none of `without`."""

    patterns: tuple[str, ...]
    without: tuple[str, ...] = ()


class Grant(NamedTuple):
    """Resources on which the action is allowed; `sure` when no condition is in the way, which `if_so` else has."""

    region: Region
    sure: bool
    by: Statement
    if_so: tuple[str, ...]
    policy: str = ""


class _Said(NamedTuple):
    """The statements about an action; `whole` is an Allow of it on everything that nothing limits or denies."""

    allows: tuple[Statement, ...]
    limits: tuple[tuple[Statement, ...], ...]
    denies: tuple[Statement, ...]
    whole: Statement | None


class Rights:
    """What identity policies allow within a boundary and service control policies, of some folded actions.

    Answers are kept.
    """

    def __init__(
        self,
        identity: Sequence[Document],
        boundary: Sequence[Document] | None,
        scps: Levels,
        actions: frozenset[str],
    ) -> None:
        self._actions = actions
        limits = ([boundary] if boundary is not None else []) + list(scps)
        self._allows = [s for d in identity for s in d.statements if s.allows]
        self._limits = [[s for d in level for s in d.statements if s.allows] for level in limits]
        documents = [*identity, *(d for level in limits for d in level)]
        self._denies = [s for d in documents for s in d.statements if not s.allows]
        self._work = _MOST_WORK
        self._policies = {id(s): d.name for d in identity for s in d.statements}
        self._named: dict[int, frozenset[str]] = {}
        self._said_of: dict[str, _Said] = {}
        self._alike: dict[tuple[int, ...], _Said] = {}
        self._kept: dict[tuple[int, bool, Target, Known], tuple[Grant, ...]] = {}

    def among(self) -> frozenset[str]:
        """Those of the actions that any Allow names, on whatever resource: a first, quick look."""
        found: frozenset[str] = frozenset()
        for statement in self._allows:
            found |= self._names(statement)
            if len(found) == len(self._actions):
                break
        return found

    def _names(self, statement: Statement) -> frozenset[str]:
        key = id(statement)
        if key not in self._named:
            self._named[key] = _reached(statement.actions, statement.not_actions, self._actions)
        return self._named[key]

    def on(self, action: str, target: Target, known: Known) -> tuple[Grant, ...]:
        """The grants of a folded action on a kind of resource, the sure ones first."""
        said = self._said(action)
        if said.whole is not None:
            policy = self._policies[id(said.whole)]
            return tuple(Grant(region, True, said.whole, (), policy) for region in _regions(target))
        is_own = not known.principal and not action.startswith("sts:")
        key = (id(said), is_own, target, known)
        if key not in self._kept:
            first = islice(self._grants(said, _there(target), known, is_own), _MOST_GRANTS)
            self._kept[key] = tuple(sorted(first, key=lambda grant: not grant.sure))
        return self._kept[key]

    def _said(self, action: str) -> _Said:
        """The same object for all actions that the same statements are about."""
        if action not in self._said_of:
            allows, denies = self._about(self._allows, action), self._about(self._denies, action)
            limits = tuple(self._about(level, action) for level in self._limits)
            free = (s for s in allows if not s.conditions and s.resources is not None and "*" in s.resources)
            said = _Said(allows, limits, denies, None if limits or denies else next(free, None))
            key = tuple(id(s) for group in (allows, *limits, denies) for s in group)
            self._said_of[action] = self._alike.setdefault(key, said)
        return self._said_of[action]

    def _about(self, statements: Sequence[Statement], action: str) -> tuple[Statement, ...]:
        return tuple(s for s in statements if action in self._names(s))

    def _grants(self, said: _Said, target: Target, known: Known, is_own: bool) -> Iterator[Grant]:
        """`is_own` takes an account that a Deny names to be the caller's."""
        allows = [(s, h) for s in said.allows if (h := held(s, known))]
        if not allows:
            return
        limits = [[(s, h) for s in level if (h := held(s, known))] for level in said.limits]
        denies = [(s, h) for s in said.denies if (h := held(s, known))]
        for statement, how in allows:
            conditions = tuple(
                f"where {c}" for c in statement.conditions if stands(c, known, statement.variables) != YES
            )
            for region in _granted(statement, target, known):
                for left, sure in self._within(region, how == YES, limits, known):
                    yield from self._undenied(
                        Grant(left, sure, statement, conditions, self._policies[id(statement)]),
                        denies,
                        target,
                        known,
                        is_own,
                    )

    def _within(
        self, region: Region, sure: bool, limits: Sequence[Sequence[tuple[Statement, int]]], known: Known
    ) -> list[tuple[Region, bool]]:
        """What every layer of limits allows of a region too."""
        left = [(region, sure)]
        for level in limits:
            if not self._affords(len(left), *(s for s, _ in level)):
                left = [(r, False) for r, _ in left]
                continue
            more = ((r, ok and how == YES) for one, ok in left for s, how in level for r in _cut(one, s, known))
            left = list(islice(more, _MOST_REGIONS))
        return left

    def _affords(self, times: int, *statements: Statement) -> bool:
        self._work -= times * sum(len(s.resources or s.not_resources or ()) for s in statements)
        return self._work > 0

    def _undenied(
        self, grant: Grant, denies: Sequence[tuple[Statement, int]], target: Target, known: Known, is_own: bool
    ) -> Iterator[Grant]:
        """What Denies leave of a grant."""
        regions = [grant.region]
        guards: list[str] = []
        for deny, how in denies:
            if not self._affords(len(regions), deny):
                guards.append(_TOO_MUCH)
                break
            if how == YES:
                rest = (left for r in regions for left in _less(r, deny, known, is_own))
                regions = list(dict.fromkeys(islice(rest, _MOST_REGIONS)))
            elif any(_touches(deny, r, known) for r in regions):
                guards.append(f"unless {' and '.join(map(str, deny.conditions[:2]))}")
        for region in regions:
            if not any(_covered(region, w) for w in target.without):
                sure = grant.sure and not guards
                yield grant._replace(region=region, sure=sure, if_so=grant.if_so + tuple(guards))


@lru_cache(maxsize=1024)
def shown(region: Region) -> str:
    """The narrowest pattern of a region, for sentences."""
    return max(region, key=len).replace(SELF, "${aws:username}")[:120]


@lru_cache(maxsize=2048)
def _reached(
    actions: tuple[str, ...] | None, not_actions: tuple[str, ...] | None, asked: frozenset[str]
) -> frozenset[str]:
    """Those of some folded actions that a statement with these elements is about."""
    if actions is None:
        return asked - _named(not_actions or (), asked)
    return frozenset(_named(actions, asked))


def _named(patterns: Sequence[str], actions: frozenset[str]) -> set[str]:
    folded = {globs.fold(p) for p in patterns}
    if not folded.isdisjoint(("*", "*:*")):
        return set(actions)
    found, by_name = folded & actions, _in_order(actions)
    for pattern in folded:
        if globs.is_literal(pattern):
            continue
        stem = pattern[: min(i for i in (pattern.find("*"), pattern.find("?")) if i >= 0)]
        first, last = bisect_left(by_name, stem), bisect_left(by_name, stem + "\U0010ffff")
        found.update(a for a in by_name[first:last] if globs.matches(pattern, a))
    return found


@lru_cache(maxsize=8)
def _in_order(actions: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(actions))


@lru_cache(maxsize=1024)
def _there(target: Target) -> Target:
    """A target in the one partition in which patterns are compared."""
    return Target(tuple(map(in_one_partition, target.patterns)), tuple(map(in_one_partition, target.without)))


@lru_cache(maxsize=1024)
def _regions(target: Target) -> tuple[Region, ...]:
    """All of a kind of resource."""
    there = _there(target)
    return tuple((p,) for p in there.patterns if not any(globs.covers(w, p) for w in there.without))


def _granted(allow: Statement, target: Target, known: Known) -> Iterator[Region]:
    if allow.resources is not None and "*" in allow.resources:
        yield from ((kind,) for kind in target.patterns[:_MOST_REGIONS])
        return
    count = 0
    for kind in target.patterns:
        for region in _cut((kind,), allow, known):
            if not all(_fits(p, kind) for p in region):
                continue
            yield region
            count += 1
            if count >= _MOST_REGIONS:
                return


def _cut(region: Region, statement: Statement, known: Known) -> Iterator[Region]:
    """The parts of a region that a statement's resources take in, at most."""
    if statement.resources is not None:
        for pattern in _patterns(statement.resources, statement.variables, known, at_most=True):
            yield from _narrowed(region, pattern)
        return
    spared = _patterns(statement.not_resources or (), statement.variables, known, at_most=False)
    if not any(_covered(region, p) for p in spared):
        yield region


def _less(region: Region, deny: Statement, known: Known, is_own: bool) -> Iterator[Region]:
    """What an unconditional Deny leaves of a region."""
    if deny.resources is not None:
        taken = _patterns(deny.resources, deny.variables, known, at_most=False)
        if not any(_covered(region, _in_any_account(p) if is_own else p) for p in taken):
            yield region
        return
    for pattern in _patterns(deny.not_resources or (), deny.variables, known, at_most=True):
        yield from _narrowed(region, pattern)


def _touches(statement: Statement, region: Region, known: Known) -> bool:
    return next(_cut(region, statement, known), None) is not None


def _patterns(patterns: Sequence[str], variables: bool, known: Known, *, at_most: bool) -> Iterator[str]:
    """Resource patterns with their policy variables filled in, or as anything (`at_most`) or left out."""
    for pattern in map(in_one_partition, patterns):
        if not variables or "${" not in pattern:
            if not _names_nothing(pattern):
                yield pattern
            continue
        filled = known.filled(pattern)
        if filled is not None and "${" not in filled:
            yield filled
        elif filled is not None and at_most:
            yield loosened(filled)


def _names_nothing(pattern: str) -> bool:
    """A variable of a policy whose version has none: no user, role or policy has such a name (IAM User Guide, "IAM
    name requirements")."""
    return pattern.startswith("arn:aws:iam:") and "${" in pattern.rpartition("/")[2]


def in_one_partition(pattern: str) -> str:
    """As if there were only the partition `aws`: a policy is in force in one, whichever that is."""
    if pattern.startswith("arn:*:"):
        return "arn:aws:" + pattern[6:]
    if pattern.startswith("arn:aws-"):
        return "arn:aws:" + pattern[8:].partition(":")[2]
    return pattern


def _in_any_account(pattern: str) -> str:
    parts = pattern.split(":", 5)
    if len(parts) == 6 and parts[2] == "iam" and len(parts[4]) == 12 and parts[4].isdigit():
        parts[4] = "*"
    return ":".join(parts)


def _narrowed(region: Region, pattern: str) -> Iterator[Region]:
    if any(globs.covers(pattern, p) for p in region):
        yield region
    elif all(globs.intersects(pattern, p) for p in region):
        yield (*(p for p in region if not globs.covers(p, pattern)), pattern)


def _fits(pattern: str, kind: str) -> bool:
    """Whether the fields that a pattern spells out are those of a kind of resource, whose wildcards cross no colon.

    As texts, `arn:aws:s3:::b/*` and `arn:*:lambda:*` have forms in common; as ARNs they have not.
    """
    if not pattern.startswith("arn:") or kind == "*":
        return True
    if pattern.count(":") == kind.count(":"):
        return all(map(globs.intersects, kind.split(":"), pattern.split(":")))
    wild = min((i for i in (pattern.find("*"), pattern.find("?")) if i >= 0), default=len(pattern))
    spelled = pattern[:wild].split(":")[:-1][:5]
    return all(map(globs.matches, kind.split(":"), spelled))


def _covered(region: Region, pattern: str) -> bool:
    return any(globs.covers(pattern, p) for p in region)
