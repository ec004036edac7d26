"""The pattern language of policies: `*` is any text, `?` is any one character, everything else is itself.

Answers are exact and bounded: `matches` never backtracks, `covers` and `intersects` walk a set of states held in one
integer. IAM compares actions without regard to case and everything else with it (User Guide, "IAM JSON policy
elements: Action"); `fold` is what an action goes through first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

STAR, MARK = "\ue02a", "\ue03f"
"""A `*` and a `?` that mean themselves, as `${*}` and `${?}` ask for: private-use characters, in patterns only."""

_MOST_WORLDS, _MOST_BEFORE = 64, 1024
_MOST_WORK = 4_000_000
"""Length times length of two patterns that are still compared; an ARN has at most 2,048 characters."""

_FRESH = "\ue0ff"
_TO_FRESH = {ord("*"): _FRESH, ord("?"): _FRESH}
_WILD = re.compile(r"[*?]")
_TO_LITERAL = {ord("*"): STAR, ord("?"): MARK}


def fold(action: str) -> str:
    """An action or action pattern in the case in which actions are compared. Non-ASCII text is left alone."""
    return action.lower() if action.isascii() else action


def literal(text: str) -> str:
    """A pattern that matches just `text`."""
    return text.translate(_TO_LITERAL)


def is_literal(pattern: str) -> bool:
    return "*" not in pattern and "?" not in pattern


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` has the form of `pattern`."""
    return _matcher(pattern)(text)


@lru_cache(maxsize=16384)
def covers(pattern: str, other: str) -> bool:
    """Whether every text that `other` matches, `pattern` matches too.

    Exact. Without a `?`, whatever a wildcard of `other` holds must lie within a `*` of `pattern`, and a character that
    no policy has shows whether it does. With one, such a character stands for whatever a wildcard may hold, and only
    their number remains to be tried. A pair made to explode that count is answered False, "not proved".
    """
    pattern, other = _normal(pattern), _normal(other)
    if pattern in ("*", other) or is_literal(pattern):
        return pattern in ("*", other)
    if is_literal(other):
        return matches(pattern, other)
    head, tail = _head(pattern), _tail(pattern)
    if not (_head(other).startswith(head) and _tail(other).endswith(tail)):
        return False
    inner, others = pattern[len(head) : len(pattern) - len(tail)], other[len(head) : len(other) - len(tail)]
    if "?" not in inner and _FRESH not in inner:
        return inner == "*" or matches(inner, others.translate(_TO_FRESH))
    if _cannot_cover(inner, others) or len(inner) * len(others) > _MOST_WORK:
        return False
    return _covers(inner, others)


def _covers(pattern: str, other: str) -> bool:
    machine = _Machine(pattern)
    worlds = {machine.start}
    for token in other:
        if token == "*":
            worlds = {later for world in worlds for later in machine.pump(world)}
        else:
            worlds = {machine.step(world, token) for world in worlds}
        if 0 in worlds or len(worlds) > _MOST_BEFORE:
            return False
        worlds = _smallest(worlds)
        if len(worlds) > _MOST_WORLDS:
            return False
    return all(world & machine.accept for world in worlds)


@lru_cache(maxsize=16384)
def intersects(one: str, other: str) -> bool:
    """Whether some text has the form of both; True, "not disproved", for a pair too long to tell."""
    one, other = _normal(one), _normal(other)
    if is_literal(one):
        return matches(other, one)
    if is_literal(other):
        return matches(one, other)
    first, last = min(len(_head(one)), len(_head(other))), min(len(_tail(one)), len(_tail(other)))
    if one[:first] != other[:first] or one[len(one) - last :] != other[len(other) - last :]:
        return False
    one, other = one[first : len(one) - last], other[first : len(other) - last]
    if "*" in (one, other):
        return True
    if len(one) < len(other):
        one, other = other, one
    if ("*" not in one and _shortest(other) > len(one)) or ("*" not in other and _shortest(one) > len(other)):
        return False
    return len(one) * len(other) > _MOST_WORK or _meet(one, other)


def _meet(one: str, other: str) -> bool:
    machine = _Machine(other)
    world = machine.start
    for token in one:
        world = machine.anywhere_after(world) if token == "*" else machine.meet(world, token)
        if not world:
            return False
    return bool(world & machine.accept)


@lru_cache(maxsize=16384)
def _matcher(pattern: str) -> Callable[[str], bool]:
    if STAR in pattern or MARK in pattern:
        inner = _plain_matcher(pattern)
        return lambda text: inner(literal(text))
    return _plain_matcher(pattern)


def _plain_matcher(pattern: str) -> Callable[[str], bool]:
    pattern = _normal(pattern)
    if "?" in pattern:
        need, machine = _shortest(pattern), cache(lambda: _Machine(pattern))
        return lambda text: len(text) >= need and machine().matches(text)
    head, *rest = pattern.split("*")
    if not rest:
        return pattern.__eq__
    *middle, tail = rest
    if not middle and not tail:
        return lambda text: text.startswith(head)
    return lambda text: _runs_through(text, head, middle, tail)


def _shortest(pattern: str) -> int:
    """How long the shortest text of this form is."""
    return len(pattern) - pattern.count("*")


def _cannot_cover(pattern: str, other: str) -> bool:
    """A quick no: every text of `other` would have to begin as `pattern` does, end so, and be as long."""
    if _shortest(pattern) > _shortest(other):
        return True
    head, tail = _WILD.split(pattern, maxsplit=1)[0], _WILD.split(pattern)[-1]
    return not (_WILD.split(other, maxsplit=1)[0].startswith(head) and _WILD.split(other)[-1].endswith(tail))


def _runs_through(text: str, head: str, middle: list[str], tail: str) -> bool:
    """Each piece at its first place is enough: what lies between pieces is free."""
    end = len(text) - len(tail)
    at = len(head)
    if at > end or not text.startswith(head) or not text.endswith(tail):
        return False
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _normal(pattern: str) -> str:
    """Runs of wildcards in one spelling: the `?` first, then at most one `*`."""
    if is_literal(pattern) or ("**" not in pattern and "*?" not in pattern):
        return pattern
    out: list[str] = []
    marks, star = 0, False
    for char in pattern + "\0":
        if char == "?":
            marks += 1
        elif char == "*":
            star = True
        else:
            out += ["?" * marks, "*" if star else "", char]
            marks, star = 0, False
    return "".join(out)[:-1]


def _head(pattern: str) -> str:
    """The text before the first wildcard."""
    return pattern.partition("*")[0].partition("?")[0]


def _tail(pattern: str) -> str:
    """The text after the last wildcard."""
    return pattern.rpartition("*")[2].rpartition("?")[2]


def _smallest(worlds: set[int]) -> set[int]:
    """Only the sets of states that hold no other: a bigger one accepts whatever the smaller one does."""
    if len(worlds) < 2:
        return worlds
    return {w for w in worlds if not any(o != w and o & w == o for o in worlds)}


class _Machine:
    """A pattern as an automaton: bit i of a world says that the first i tokens may have been used up."""

    __slots__ = ("accept", "anys", "lits", "stars", "start")

    def __init__(self, pattern: str) -> None:
        self.stars = self.anys = 0
        self.lits: dict[str, int] = {}
        for i, token in enumerate(pattern):
            bit = 1 << i
            if token == "*":
                self.stars |= bit
            elif token == "?":
                self.anys |= bit
            else:
                self.lits[token] = self.lits.get(token, 0) | bit
        self.accept = 1 << len(pattern)
        self.start = self._closed(1)

    def matches(self, text: str) -> bool:
        world = self.start
        for char in text:
            world = self.step(world, char)
            if not world:
                return False
        return bool(world & self.accept)

    def step(self, world: int, char: str) -> int:
        """After one character; a wildcard as `char` is one that no literal of this pattern equals."""
        taken = self.anys if char == "?" else self.anys | self.lits.get(char, 0)
        return self._closed((world & self.stars) | ((world & taken) << 1))

    def pump(self, world: int) -> set[int]:
        """Every world that zero or more characters unknown to the pattern lead to."""
        seen: set[int] = set()
        while world not in seen:
            seen.add(world)
            world = self.step(world, "?")
        return seen

    def meet(self, world: int, token: str) -> int:
        """After one character that both patterns agree on."""
        if token != "?":
            return self.step(world, token)
        open_states = world & ~self.accept
        return self._closed((world & self.stars) | (open_states << 1))

    def anywhere_after(self, world: int) -> int:
        lowest = world & -world
        return ((self.accept << 1) - 1) & ~(lowest - 1)

    def _closed(self, world: int) -> int:
        return world | ((world & self.stars) << 1)
