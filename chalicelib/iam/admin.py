"""Is a principal administrator: can it do anything, or give itself anything?

It is when what it may do without an if takes in everything, everything but a list that leaves it the means to grant
itself the rest, or all of IAM. What an unconditional Deny or the boundary takes away is taken away; a Deny with a
condition only guards ("unless MFA") and cancels nothing. Conditions on an Allow that say when or from where, not on
what, leave it an administrator, and the reason names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import globs, spaces
from .conditions import always
from .documents import Condition, Document, Statement
from .spaces import Space

SELF_GRANTS = tuple(
    f"iam:{name}"
    for name in (
        "attachrolepolicy",
        "putrolepolicy",
        "attachuserpolicy",
        "putuserpolicy",
        "createpolicyversion",
        "attachgrouppolicy",
        "putgrouppolicy",
        "updateassumerolepolicy",
    )
)
"""Any one of these, on everything, gives its holder the rest (methods published by Rhino Security Labs, 2018)."""

_WHEN_KEYS = (
    "aws:currenttime aws:epochtime aws:multifactorauthpresent aws:multifactorauthage aws:principalaccount "
    "aws:principalarn aws:principalorgid aws:principalorgpaths aws:principaltype aws:requestedregion aws:referer "
    "aws:resourceaccount aws:resourceorgid aws:resourceorgpaths aws:securetransport aws:sourceip aws:sourcevpc "
    "aws:sourcevpce aws:tokenissuetime aws:useragent aws:userid aws:username aws:viaawsservice aws:vpcsourceip "
)
_MOST_PAIRS = 20_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_IAM_KINDS = ("role", "user", "policy")


class Administrator(NamedTuple):
    """`kind` is everything, all-but (a list is excepted) or iam (it can grant itself the rest); `reasons` say why."""

    kind: str
    reasons: tuple[str, ...]


class _Power(NamedTuple):
    """The actions of some statements taken together: `whole` ("*" or "iam:*") less the patterns of `without`.

    `grants` are those of SELF_GRANTS that remain for sure.
    """

    whole: str
    without: tuple[str, ...]
    grants: frozenset[str]
    by: tuple[Statement, ...]


def administrator(identity: Sequence[Document], boundary: Sequence[Document] | None = None) -> Administrator | None:
    """Why a principal with these identity policies, within this boundary, is administrator; None when it is not."""
    for power in _powers(identity):
        for limit in [power] if boundary is None else _powers(boundary):
            if grants := power.grants & limit.grants:
                whole = power.whole if limit.whole == "*" else limit.whole
                without = tuple(dict.fromkeys(power.without + limit.without))
                return _described(_Power(whole, without, grants, power.by), limit)
    return None


def _powers(documents: Sequence[Document]) -> Iterator[_Power]:
    """The plainest first: without conditions, and all rather than all of IAM."""
    statements = [s for d in documents for s in d.statements]
    denied = tuple(p for s in statements if not s.allows for p in _taken(s))
    wide = [s for s in statements if s.allows and _is_only_about_when(s.conditions) and _on_all_of_iam(s)]
    for chosen in ([s for s in wide if always(s.conditions)], wide):
        for whole in ("*", "iam:*"):
            fit = [s for s in chosen if whole == "iam:*" or _on_everything(s)]
            left = _left_out(whole, fit)
            if left is not None:
                yield _Power(whole, (*left, *denied), _granted(fit, denied), _needed(whole, fit))


def _granted(allows: Sequence[Statement], denied: Sequence[str]) -> frozenset[str]:
    spaces_allowed = [spaces.actions(s) for s in allows]
    kept = (g for g in SELF_GRANTS if not any(globs.matches(p, g) for p in denied))
    return frozenset(g for g in kept if any(_has(space, g) for space in spaces_allowed))


def _has(space: Space, action: str) -> bool:
    return any(globs.matches(p, action) for p in space.patterns) is not space.negated


def _left_out(whole: str, allows: Sequence[Statement]) -> tuple[str, ...] | None:
    """What of `whole` the statements together do not take in: patterns, or None where that is too much to list."""
    listed = [globs.fold(p) for s in allows for p in s.actions or ()]
    if _covered(whole, listed):
        return ()
    excepting = [spaces.actions(s).patterns for s in allows if s.not_actions is not None]
    if not excepting:
        return None
    left: Sequence[str] = excepting[0]
    for excepted in excepting[1:]:
        left = _common(left, excepted)
    if len(left) * len(listed) > _MOST_PAIRS:
        return tuple(left)
    return tuple(p for p in left if globs.intersects(p, whole) and not _covered(p, listed))


def _common(one: Sequence[str], other: Sequence[str]) -> Sequence[str]:
    """What two lists both except; where two patterns overlap, the first stands for the overlap."""
    if len(one) * len(other) > _MOST_PAIRS:
        return one
    found: list[str] = []
    for p in one:
        if any(globs.covers(o, p) for o in other):
            found.append(p)
        else:
            found += [o if globs.covers(p, o) else p for o in other if globs.intersects(p, o)]
    return list(dict.fromkeys(found))


def _covered(whole: str, listed: Sequence[str]) -> bool:
    """Whether patterns take in `whole`, one of them or letter by letter (`a*`, `b*`, …)."""
    targets = ("*", "*:*") if whole == "*" else (whole,)
    if any(globs.covers(p, target) for p in listed for target in targets):
        return True
    stem = {"*": "", "iam:*": "iam:"}.get(whole)
    if stem is None or len(listed) < 2:
        return False
    return all(any(globs.covers(p, f"{stem}{letter}*") for p in listed) for letter in _LETTERS)


def _taken(deny: Statement) -> tuple[str, ...]:
    """The actions that an unconditional Deny on everything takes away, as patterns."""
    if not always(deny.conditions) or not _on_all_of_iam(deny):
        return ()
    if deny.actions is not None:
        return tuple(globs.fold(p) for p in deny.actions)
    spares = [globs.fold(p) for p in deny.not_actions or ()]
    return tuple(a for a in SELF_GRANTS if not any(globs.matches(p, a) for p in spares))


def _on_everything(statement: Statement) -> bool:
    space = spaces.at_least(statement)
    if space.negated:
        return _on_all_of_iam(statement)
    return any(globs.covers(p, "arn:aws:*:*:*:*") for p in space.patterns)


def _on_all_of_iam(statement: Statement) -> bool:
    """Whether it reaches every role, user and policy of the account (an account number is taken to be its own)."""
    space = spaces.at_least(statement)
    if space.negated:
        return not any(globs.intersects(p, f"arn:aws:iam::*:{k}/*") for p in space.patterns for k in _IAM_KINDS)
    own = [_any_account(p) for p in space.patterns]
    return all(any(globs.covers(p, f"arn:aws:iam::*:{kind}/*") for p in own) for kind in _IAM_KINDS)


def _any_account(pattern: str) -> str:
    parts = pattern.split(":", 5)
    if len(parts) == 6 and len(parts[4]) == 12 and parts[4].isdigit():
        parts[4] = "*"
    return ":".join(parts)


def _is_only_about_when(conditions: Sequence[Condition]) -> bool:
    keys = frozenset(_WHEN_KEYS.split())
    return all(
        always((c,)) or c.key.lower() in keys or c.key.lower().startswith("aws:principaltag/") for c in conditions
    )


def _needed(whole: str, allows: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements that a reason names: one that suffices, or all that share in it."""
    alone = [
        s for s in allows if s.not_actions is not None or _covered(whole, [globs.fold(p) for p in s.actions or ()])
    ]
    return tuple(alone[:1] or allows)


def _described(power: _Power, limit: _Power) -> Administrator:
    who = " and ".join(s.name for s in power.by[:3])
    when = sorted({str(c) for s in (*power.by, *limit.by) for c in s.conditions})
    suffix = f", while {' and '.join(when[:3])}" if when else ""
    if power.whole == "iam:*":
        reason = "allows all of IAM on everything, so that it can grant itself anything"
        return Administrator("iam", (f"{who} {reason}{suffix}.",))
    if not power.without:
        return Administrator("everything", (f"{who} allows every action on every resource{suffix}.",))
    listed = ", ".join(power.without[:4]) + (f" and {len(power.without) - 4} more" if len(power.without) > 4 else "")
    reason = f"allows everything but {listed}, which leaves it the means to grant itself that too"
    return Administrator("all-but", (f"{who} {reason}{suffix}.",))
