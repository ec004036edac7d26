"""A proof that a new policy allows nothing that the old one did not.

Each Allow of the new document must lie within Allows of the old one, in principals, actions, resources and
conditions, pattern by pattern; and each Deny of the old one must still stand, for what it denied another policy may
allow. Only where a document stands alone (a trust policy always does) may a Deny go that touches nothing it allows.
Yes is a proof. No means not proved, and says what was in the way; a yes that would need patterns to be added up is
given as a no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from . import principals, spaces
from .conditions import always
from .documents import Document, Principal, Statement
from .implication import unimplied

_MOST_COMPARISONS, _MOST_DENIES = 50_000, 100


class Proof(NamedTuple):
    holds: bool
    reason: str


def allows_subset(new: Document, old: Document, *, alone: bool = False) -> Proof:
    """Whether everything that is allowed with `new` in force was allowed with `old` in its place.

    Both are of one kind and hang on the same thing. `alone` says that no other policy allows anything there.
    """
    if new.kind != old.kind:
        return Proof(False, f"a {new.kind} policy cannot be compared with a {old.kind} policy")
    kept = {_content(s) for s in old.statements}
    fresh = [s for s in new.statements if s.allows and _content(s) not in kept and not _is_void(s, new)]
    if len(fresh) * len(old.statements) > _MOST_COMPARISONS:
        return Proof(False, "the policies are too large to be compared statement by statement")
    problem = next(filter(None, (_not_allowed_before(s, old) for s in fresh)), "")
    return Proof(False, problem) if problem else _every_deny_stands(new, old, alone or new.kind == "trust")


def _content(statement: Statement) -> Statement:
    return replace(statement, index=0, sid="")


def _is_void(allow: Statement, document: Document) -> bool:
    """Whether an unconditional Deny of its own document takes all of it away."""
    denies = [s for s in document.statements if not s.allows and always(s.conditions)]
    return len(denies) <= _MOST_DENIES and any(_lies_within(allow, deny) for deny in denies)


def _every_deny_stands(new: Document, old: Document, alone: bool) -> Proof:
    kept = {_content(s) for s in new.statements}
    gone = [s for s in old.statements if not s.allows and _content(s) not in kept]
    if len(gone) * len(new.statements) > _MOST_COMPARISONS:
        return Proof(False, "the policies are too large to be compared statement by statement")
    allows = [s for s in new.statements if s.allows]
    for deny in gone:
        matters = not alone or any(_may_meet(deny, s) for s in allows if not _is_void(s, new))
        if matters and not any(_lies_within(deny, s) for s in new.statements if not s.allows):
            return Proof(False, f"{deny.name} of the old policy denies what the new one no longer denies")
    return Proof(True, "every statement that allows lies within what was allowed, and every Deny still stands")


def _not_allowed_before(allow: Statement, old: Document) -> str:
    olds = [s for s in old.statements if s.allows]
    if any(_lies_within(allow, s) for s in olds):
        return ""
    parts = _parts(allow)
    if len(parts) * len(olds) > _MOST_COMPARISONS:
        return f"{allow.name} of the new policy is too large to be compared pattern by pattern"
    for part in parts:
        if not any(_lies_within(part, s) for s in olds):
            return _objection(part, olds)
    return ""


def _lies_within(inner: Statement, outer: Statement) -> bool:
    """Whether every request that `inner` is about, `outer` is about too."""
    return (
        spaces.actions(outer).covers(spaces.actions(inner))
        and _resources_within(inner, outer)
        and _principals_within(inner, outer)
        and not unimplied(inner.conditions, outer.conditions, inner.variables, outer.variables)
    )


def _resources_within(inner: Statement, outer: Statement) -> bool:
    """A policy variable of `inner` may become anything; one of `outer` is sure to be only what the same one is."""
    ours, theirs = spaces.resources(inner), spaces.resources(outer)
    if inner.variables == outer.variables:
        if ours == theirs:
            return True
        if not ours.negated and not theirs.negated and set(ours.patterns) <= set(theirs.patterns):
            return True
    return spaces.at_least(outer).covers(spaces.at_most(inner))


def _principals_within(inner: Statement, outer: Statement) -> bool:
    if inner.principal is None and inner.not_principal is None:
        return outer.principal is None and outer.not_principal is None
    if inner.principal is not None and outer.principal is not None:
        return all(principals.includes(outer.principal, p) for p in inner.principal)
    if inner.not_principal is not None and outer.not_principal is not None:
        return set(_spelled(outer.not_principal)) == set(_spelled(inner.not_principal))
    return False


def _spelled(listed: Sequence[Principal]) -> list[Principal]:
    return [principals.canonical(p) for p in listed]


def _parts(statement: Statement) -> list[Statement]:
    """The statement as many small ones: one principal, one action pattern, one resource pattern each."""
    who = [(p,) for p in statement.principal] if statement.principal is not None else [None]
    acts = [(a,) for a in statement.actions] if statement.actions is not None else [None]
    things = [(r,) for r in statement.resources] if statement.resources is not None else [None]
    several = ((p, a, r) for p in who for a in acts for r in things)
    return [replace(statement, principal=p, actions=a, resources=r) for p, a, r in islice(several, _MOST_COMPARISONS)]


def _objection(part: Statement, olds: Sequence[Statement]) -> str:
    """What of one small statement was new: the nearest old statement says."""
    what = f"{part.name} of the new policy allows {_text(part)}"
    acting = [s for s in olds if spaces.actions(s).covers(spaces.actions(part))]
    if not acting:
        return f"{what}; no statement of the old policy allows that action"
    reaching = [s for s in acting if _resources_within(part, s)]
    if not reaching:
        return f"{what}; the old policy allows that action on other resources only"
    named = [s for s in reaching if _principals_within(part, s)]
    if not named:
        return f"{what}; the old policy does not name that principal"
    missing = unimplied(part.conditions, named[0].conditions, part.variables, named[0].variables)
    return f"{what}; the old policy allows that only where {missing}"


def _text(part: Statement) -> str:
    action = ", ".join(part.actions) if part.actions else "everything but " + ", ".join(part.not_actions or ())
    resource = ", ".join(part.resources) if part.resources else "everything but " + ", ".join(part.not_resources or ())
    who = f" to {part.principal[0].value}" if part.principal else ""
    return f"{action[:200]} on {resource[:200]}{who}"


def _may_meet(deny: Statement, allow: Statement) -> bool:
    """Only a proof that no request is about both says no."""
    acting = spaces.actions(deny).meets(spaces.actions(allow))
    return acting and spaces.at_most(deny).meets(spaces.at_most(allow))
