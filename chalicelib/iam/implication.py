"""Whether one statement's conditions hold only where another's do. A yes is a proof; the rest is no."""

from __future__ import annotations

from collections.abc import Sequence

from . import globs
from .conditions import loosened
from .documents import Condition
from .operators import positive
from .ranges import within

_LIKE = {"StringEquals": "StringLike", "ArnEquals": "ArnLike", "ArnLike": "ArnEquals"}


def unimplied(narrow: Sequence[Condition], wide: Sequence[Condition], narrow_vars: bool, wide_vars: bool) -> str:
    """The first condition of `wide` that those of `narrow` do not imply, as text; nothing when all are implied."""
    for condition in wide:
        if not any(_implies(c, condition, narrow_vars, wide_vars) for c in narrow):
            return str(condition)
    return ""


def _implies(ours: Condition, theirs: Condition, our_vars: bool, their_vars: bool) -> bool:
    if not ours.known or not theirs.known or ours.key.lower() != theirs.key.lower():
        return False
    if _same(ours, theirs) and (our_vars == their_vars or not any("${" in v for v in ours.values)):
        return True
    if ours.operator == "Null" or theirs.operator == "Null" or not _as_strict(ours, theirs):
        return False
    if any("${" in v for v in theirs.values) and their_vars:
        return False
    operator, negated = positive(ours.operator)
    other, other_negated = positive(theirs.operator)
    if negated != other_negated:
        return False
    if negated:
        variable = our_vars and any("${" in v for v in ours.values)
        return not variable and operator == other and _all_covered(other, theirs.values, operator, ours.values)
    values = tuple(loosened(v) if our_vars and _has_patterns(operator) else v for v in ours.values)
    variable = our_vars and any("${" in v for v in values)
    return (
        not variable
        and other in (operator, _LIKE.get(operator))
        and _all_covered(operator, values, other, theirs.values)
    )


def _same(ours: Condition, theirs: Condition) -> bool:
    return (
        ours.operator == theirs.operator
        and ours.quantifier == theirs.quantifier
        and ours.if_exists == theirs.if_exists
        and set(ours.values) == set(theirs.values)
    )


def _as_strict(ours: Condition, theirs: Condition) -> bool:
    """Whether ours holds for no more kinds of absent or many-valued keys; only sure cases are."""
    if ours.quantifier != theirs.quantifier or (ours.quantifier == "any" and ours.if_exists != theirs.if_exists):
        return False
    return theirs.if_exists or not ours.if_exists or positive(ours.operator)[1]


def _has_patterns(operator: str) -> bool:
    return operator in ("StringLike", "ArnLike", "ArnEquals")


def _all_covered(operator: str, values: Sequence[str], other: str, wider: Sequence[str]) -> bool:
    """Whether each value of the first operator allows only what some value of the other allows too."""
    if operator == "IpAddress":
        return within(values, wider)
    if _has_patterns(other):
        ours = [v if _has_patterns(operator) else globs.literal(v) for v in values]
        return all(any(_covers(other, w, v) for w in wider) for v in ours)
    return operator == other and set(values) <= set(wider)


def _covers(operator: str, wide: str, narrow: str) -> bool:
    if operator == "StringLike":
        return globs.covers(wide, narrow)
    ours, theirs = narrow.split(":", 5), wide.split(":", 5)
    if wide == narrow:
        return True
    return len(ours) == len(theirs) == 6 and all(map(globs.covers, theirs, ours))
