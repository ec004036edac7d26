"""Sets of actions and of resources: what a list of patterns matches, or everything else (`NotAction`).

Each answer that says yes is a proof. Where patterns only together make up a bigger one, the answer is no.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import globs
from .conditions import loosened
from .documents import Statement

_MOST_PAIRS = 500_000
"""Pairs of patterns that are compared one by one; the longest AWS-managed policy compared with itself needs fewer."""


class Space(NamedTuple):
    """The texts that `patterns` match, or, `negated`, all other texts."""

    patterns: tuple[str, ...]
    negated: bool = False

    def covers(self, other: Space) -> bool:
        """Whether everything of `other` is proved to be in here."""
        if self == other:
            return True
        if self.negated and other.negated:
            return _each_covered(self.patterns, other.patterns)
        if self.negated:
            return not self.is_too_much(other) and not _any_meet(self.patterns, other.patterns)
        if other.negated:
            return any(globs.covers(ours, "*") for ours in self.patterns)
        return _each_covered(other.patterns, self.patterns)

    def meets(self, other: Space) -> bool:
        """Whether something may be in both; only a proof of the contrary says no."""
        if self.negated and other.negated:
            return not _each_covered(("*",), self.patterns) and not _each_covered(("*",), other.patterns)
        if self.negated:
            return not _each_covered(other.patterns, self.patterns)
        if other.negated:
            return other.meets(self)
        return self.is_too_much(other) or _any_meet(self.patterns, other.patterns)

    def is_too_much(self, other: Space) -> bool:
        return len(self.patterns) * len(other.patterns) > _MOST_PAIRS


def actions(statement: Statement) -> Space:
    """The actions a statement is about, folded."""
    patterns = statement.actions if statement.actions is not None else statement.not_actions or ()
    return Space(tuple(globs.fold(p) for p in patterns), statement.actions is None)


def resources(statement: Statement) -> Space:
    """The resources a statement is about, as written: policy variables are not resolved."""
    patterns = statement.resources if statement.resources is not None else statement.not_resources or ()
    return Space(tuple(patterns), statement.resources is None)


def has_variables(statement: Statement, space: Space) -> bool:
    return statement.variables and any("${" in p for p in space.patterns)


def at_most(statement: Statement) -> Space:
    """All resources a statement may be about, whatever its policy variables become."""
    space = resources(statement)
    if not has_variables(statement, space):
        return space
    return Space(("*",)) if space.negated else Space(tuple(map(loosened, space.patterns)))


def at_least(statement: Statement) -> Space:
    """Resources a statement is about for sure, whatever its policy variables become."""
    space = resources(statement)
    if not has_variables(statement, space):
        return space
    if space.negated:
        return Space(tuple(map(loosened, space.patterns)), True)
    return Space(tuple(p for p in space.patterns if "${" not in p))


def _each_covered(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    """Whether each pattern is covered by one of the others; equal ones are not compared."""
    rest = set(narrow) - set(wide)
    wild = [p for p in wide if not globs.is_literal(p)]
    if len(rest) * len(wild) > _MOST_PAIRS:
        return False
    return all(any(globs.covers(w, p) for w in wild) for p in rest)


def _any_meet(one: Sequence[str], other: Sequence[str]) -> bool:
    return any(globs.intersects(a, b) for a in one for b in other)
