"""EventBridge event patterns: does this event match?

The semantics are those of "Amazon EventBridge event patterns" (EventBridge user guide) and of AWS's own matcher,
event-ruler: an event is taken apart into its leaves, each remembering in which element of which array it lies; every
field that a pattern names must find a leaf, and all leaves found must lie in the same elements. So
`{"findings": {"id": ["a"], "label": ["HIGH"]}}` wants one finding with both.

Numbers are compared as AWS documents it: 300 and 300.0 are different unless `numeric` compares them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import BadInput
from suture.sandbox.operators import Test, is_absence, tester

MAX_COMBINATIONS = 1000  # of $or; EventBridge refuses more

Path = tuple[str, ...]
Place = dict[tuple[str | int, ...], int]  # array (its concrete path) → element


class BadPattern(BadInput):
    """EventBridge would answer InvalidEventPatternException; `where` is the field."""


@dataclass(frozen=True, slots=True)
class Leaf:
    value: object
    place: Place


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a pattern: any of `tests` may hold; `absent` says that it may also be missing.

    `later` holds the arrays that the fields after this one may lie in; only places there are worth remembering.
    """

    path: Path
    tests: tuple[Test, ...]
    absent: bool
    later: frozenset[Path] = frozenset()


Leaves = Mapping[Path, Sequence[Leaf]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked pattern: alternatives (from $or), each a conjunction of fields."""

    alternatives: tuple[tuple[Field, ...], ...]

    def matches(self, leaves: Leaves) -> bool:
        return any(_all_found(fields, leaves, {}) for fields in self.alternatives)


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether EventBridge would deliver this event to a rule with this pattern. Raises BadPattern."""
    return compile_pattern(pattern).matches(leaves_of(event))


def compile_pattern(pattern: Mapping[str, Any] | str) -> Pattern:
    """Checks a pattern (a mapping, or its JSON text) and makes it ready to match. Raises BadPattern."""
    body = _read(pattern) if isinstance(pattern, str) else pattern
    if not isinstance(body, Mapping) or not body:
        raise _bad("an event pattern is a JSON object with at least one field", ())
    alternatives = tuple(_in_matching_order(fields) for fields in _alternatives(body, ()))
    if len(alternatives) > MAX_COMBINATIONS:
        raise _bad(f"$or gives {len(alternatives)} combinations; EventBridge allows {MAX_COMBINATIONS}", ())
    return Pattern(alternatives)


def leaves_of(event: Mapping[str, Any]) -> Leaves:
    """The event taken apart: path of names → every leaf there. Do it once and match many patterns."""
    leaves: dict[Path, list[Leaf]] = {}
    _take_apart(event, (), (), {}, leaves)
    return leaves


def _take_apart(
    node: object, path: Path, concrete: tuple[str | int, ...], place: Place, into: dict[Path, list[Leaf]]
) -> None:
    if isinstance(node, Mapping):
        for name, child in node.items():
            _take_apart(child, (*path, name), (*concrete, name), place, into)
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            _take_apart(child, path, (*concrete, index), {**place, concrete: index}, into)
    else:
        into.setdefault(path, []).append(Leaf(node, place))


def _all_found(fields: Sequence[Field], leaves: Leaves, place: Place) -> bool:
    """Backtracks over the leaves; the places chosen so far bind the fields that follow."""
    if not fields:
        return True
    field, rest = fields[0], fields[1:]
    near = [leaf for leaf in leaves.get(field.path, ()) if _consistent(leaf.place, place)]
    if not near and field.absent and _all_found(rest, leaves, place):
        return True
    tried: list[Place] = []
    for leaf in near:
        if any(test(leaf.value) for test in field.tests):
            together = {array: at for array, at in (place | leaf.place).items() if _names(array) in field.later}
            if together in tried:
                continue
            tried.append(together)
            if _all_found(rest, leaves, together):
                return True
    return False


def _in_matching_order(fields: Sequence[Field]) -> tuple[Field, ...]:
    ordered = sorted(fields, key=lambda field: field.path)
    prefixes = [{field.path[:length] for length in range(1, len(field.path) + 1)} for field in ordered]
    return tuple(replace(field, later=frozenset().union(*prefixes[index + 1 :])) for index, field in enumerate(ordered))


def _names(array: tuple[str | int, ...]) -> Path:
    return tuple(step for step in array if isinstance(step, str))


def _consistent(one: Place, other: Place) -> bool:
    return all(other.get(array, index) == index for array, index in one.items())


def _alternatives(node: Mapping[str, Any], path: Path) -> list[tuple[Field, ...]]:
    """Every conjunction of fields that this part of a pattern allows: the product over its keys."""
    parts: list[list[tuple[Field, ...]]] = []
    for name, value in node.items():
        here = (*path, name)
        if name == "$or" and _is_or(value):
            parts.append([fields for option in value for fields in _alternatives(option, path)])
        elif isinstance(value, Mapping):
            if not value:
                raise _bad("an empty object matches nothing", here)
            parts.append(_alternatives(value, here))
        elif isinstance(value, list):
            parts.append([(_field(value, here),)])
        else:
            raise _bad(f"{name!r} must be an object or an array", here)
    size = 1
    for part in parts:
        size *= len(part)
    if size > MAX_COMBINATIONS:
        raise _bad(f"$or gives {size} combinations; EventBridge allows {MAX_COMBINATIONS}", path)
    return [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts)]


def _is_or(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(option, Mapping) and option for option in value)


def _field(values: list[Any], path: Path) -> Field:
    if not values:
        raise _bad("empty arrays are not allowed", path)
    try:
        tests = tuple(tester(value) for value in values if not is_absence(value))
    except ValueError as wrong:
        raise _bad(str(wrong), path) from None
    return Field(path, tests, any(is_absence(value) for value in values))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as wrong:
        raise _bad(f"not JSON ({wrong})", ()) from None


def _bad(what: str, path: Path) -> BadPattern:
    return BadPattern(
        f"Event pattern is not valid. Reason: {what}",
        where=".".join(path) or "pattern",
        next_step='correct the pattern; see "Event patterns" in the EventBridge user guide',
    )
