"""The comparison operators of EventBridge event patterns, each made into a test of one leaf value.

Source: "Comparison operators for use in event patterns" in the EventBridge user guide. A wrong operand raises
ValueError with the sentence that the pattern's author should read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[object], bool]

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}


def is_absence(value: object) -> bool:
    """`{"exists": false}` is no test of a value: it wants the leaf to be missing."""
    return isinstance(value, Mapping) and dict(value) == {"exists": False} and value["exists"] is False


def tester(value: object) -> Test:
    """The test for one element of a pattern's array: a plain value, or an object with one operator."""
    if not isinstance(value, Mapping):
        return _equals(value)
    if len(value) != 1:
        raise ValueError("only one operator is allowed in a match expression")
    name, operand = next(iter(value.items()))
    make = _OPERATORS.get(name)
    if make is None:
        raise ValueError(f"unrecognised match type {name!r}")
    return make(operand)


def _equals(wanted: object) -> Test:
    if isinstance(wanted, list):
        raise ValueError("an array inside an array is not allowed")
    return lambda value: type(value) is type(wanted) and value == wanted


def _prefix(operand: Any) -> Test:
    folded = _ignoring_case(operand, "prefix")
    if folded is not None:
        return lambda value: isinstance(value, str) and value.lower().startswith(folded)
    text = _string(operand, "prefix")
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(operand: Any) -> Test:
    folded = _ignoring_case(operand, "suffix")
    if folded is not None:
        return lambda value: isinstance(value, str) and value.lower().endswith(folded)
    text = _string(operand, "suffix")
    return lambda value: isinstance(value, str) and value.endswith(text)


def _ignoring_case(operand: Any, name: str) -> str | None:
    if not isinstance(operand, Mapping):
        return None
    if set(operand) != {"equals-ignore-case"}:
        raise ValueError(f"{name} takes a string, or an object with equals-ignore-case alone")
    return _string(operand["equals-ignore-case"], name).lower()


def _equals_ignore_case(operand: Any) -> Test:
    folded = _string(operand, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _exists(operand: Any) -> Test:
    if operand is not True:
        raise ValueError("exists takes true or false")
    return lambda value: True


def _anything_but(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        return _anything_but_like(operand)
    unwanted = operand if isinstance(operand, list) else [operand]
    if not unwanted:
        raise ValueError("the list in anything-but must not be empty")
    if not (all(isinstance(item, str) for item in unwanted) or all(_is_number(item) for item in unwanted)):
        raise ValueError("anything-but takes strings or numbers, not both and nothing else")
    tests = [_equals(item) for item in unwanted]
    return lambda value: not any(test(value) for test in tests)


def _anything_but_like(operand: Mapping[str, Any]) -> Test:
    if len(operand) != 1:
        raise ValueError("only one operator is allowed in anything-but")
    name, inner = next(iter(operand.items()))
    make = _INSIDE_ANYTHING_BUT.get(name)
    if make is None:
        raise ValueError(f"anything-but does not take {name!r}")
    items = inner if isinstance(inner, list) else [inner]
    if not items or any(not isinstance(item, str) or not item for item in items):
        raise ValueError(f"anything-but {name} takes a string or strings, none of them empty")
    tests = [make(item) for item in items]
    return lambda value: not any(test(value) for test in tests)


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise ValueError("numeric takes one comparison, or a lower and an upper one")
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    for name, bound in pairs:
        if not isinstance(name, str) or name not in _COMPARISONS:
            raise ValueError(f"unrecognised numeric comparison {name!r}")
        if not _is_number(bound):
            raise ValueError(f"numeric {name} wants a number")
    if len(pairs) == 2:
        _check_range(pairs)
    return lambda value: _is_number(value) and all(_COMPARISONS[name](value, bound) for name, bound in pairs)  # type: ignore[arg-type]


def _check_range(pairs: list[tuple[str, float]]) -> None:
    (lower, low), (upper, high) = pairs
    if not lower.startswith(">") or not upper.startswith("<"):
        raise ValueError("a numeric range is a lower bound (> or >=) and then an upper one (< or <=)")
    if low >= high:
        raise ValueError("the lower bound of a numeric range must be less than the upper one")


def _cidr(operand: Any) -> Test:
    try:
        network = ipaddress.ip_network(_string(operand, "cidr"), strict=False)
    except ValueError:
        raise ValueError(f"{operand!r} is not a CIDR block") from None

    def inside(value: object) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return inside


def _wildcard(operand: Any) -> Test:
    parts = _wildcard_parts(_string(operand, "wildcard"))
    if len(parts) == 1:
        return lambda value: value == parts[0]
    return lambda value: isinstance(value, str) and _in_order(value, parts)


def _wildcard_parts(text: str) -> list[str]:
    """The literal pieces between the `*`s; `\\*` and `\\\\` stand for themselves."""
    parts, characters = [""], iter(text)
    previous = ""
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            if following not in ("*", "\\") or not following:
                raise ValueError("a backslash in a wildcard must be followed by * or a backslash")
            parts[-1] += following
            previous = "escaped"
            continue
        if character == "*":
            if previous == "*":
                raise ValueError("consecutive wildcard characters are not allowed")
            parts.append("")
        else:
            parts[-1] += character
        previous = character
    return parts


def _in_order(value: str, parts: list[str]) -> bool:
    """Leftmost-first search for the pieces: no backtracking, so no blow-up."""
    first, *middle, last = parts
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _string(operand: Any, name: str) -> str:
    if not isinstance(operand, str):
        raise ValueError(f"{name} takes a string")
    return operand


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "exists": _exists,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "wildcard": _wildcard,
}
_INSIDE_ANYTHING_BUT: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
}
