"""Whether the conditions of a statement hold in a given request (IAM User Guide, "Condition element").

All conditions must hold; within one, any of its values is enough, or none of them where the operator is negated.
The answer is None where it cannot be known: an operator that IAM does not document, or a negated comparison with a
policy variable that the request does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import globs
from .documents import Condition
from .operators import PATTERNED, compare, positive

Context = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case, each with its values; an absent key and one without values are the same."""


def context_of(given: Mapping[str, str | Sequence[str]]) -> Context:
    """A request context as `holds` reads it, from keys in any case and single values or lists."""
    return {k.lower(): (v,) if isinstance(v, str) else tuple(v) for k, v in given.items()}


def holds(conditions: Sequence[Condition], context: Context, variables: bool) -> bool | None:
    """Whether all conditions hold in the request; `variables` says whether `${…}` in values are policy variables."""
    unknown = False
    for condition in conditions:
        answer = _one_holds(condition, context, variables)
        if answer is False:
            return False
        unknown = unknown or answer is None
    return None if unknown else True


def always(conditions: Sequence[Condition]) -> bool:
    """Whether they hold in every request: there are none, or all are of the kind `StringLikeIfExists key = *`."""
    return all(_is_tautology(c) for c in conditions)


def resolve(text: str, context: Context, *, pattern: bool) -> str | None:
    """`text` with its policy variables replaced, or None where the request lacks one that has no default.

    A variable's value is literal even where `pattern` says that the text around it is one. `${*}`, `${?}` and
    `${$}` are those characters. A key with several values cannot be a variable.
    """
    out: list[str] = []
    rest = text
    while (at := rest.find("${")) >= 0 and (end := rest.find("}", at)) >= 0:
        value = _variable(rest[at + 2 : end], context)
        if value is None:
            return None
        out += [rest[:at], globs.literal(value) if pattern else value]
        rest = rest[end + 1 :]
    return "".join([*out, rest])


def loosened(pattern: str) -> str:
    """A resource or condition pattern with every policy variable replaced by `*`: it matches at least as much."""
    out: list[str] = []
    rest = pattern
    while (at := rest.find("${")) >= 0 and (end := rest.find("}", at)) >= 0:
        inside = rest[at + 2 : end]
        out += [rest[:at], globs.literal(inside) if inside in ("*", "?", "$") else "*"]
        rest = rest[end + 1 :]
    return "".join([*out, rest])


def _one_holds(condition: Condition, context: Context, variables: bool) -> bool | None:
    if not condition.known:
        return None
    present = context.get(condition.key.lower(), ())
    if condition.operator == "Null":
        return any((v.lower() == "true") == (not present) for v in condition.values)
    operator, negated = positive(condition.operator)
    if not present:
        return _absent_holds(condition, negated)
    wanted = [_resolved(v, operator, context) if variables and "${" in v else v for v in condition.values]
    usable = [w for w in wanted if w is not None]
    hits = [any(compare(operator, asked, w) for w in usable) for asked in present]
    if negated and len(usable) < len(wanted) and not all(hits):
        return None
    if condition.quantifier == "all":
        return not any(hits) if negated else all(hits)
    if condition.quantifier == "any":
        return not all(hits) if negated else any(hits)
    return not any(hits) if negated else any(hits)


def _absent_holds(condition: Condition, negated: bool) -> bool | None:
    if condition.quantifier == "all":
        return True
    if condition.quantifier == "any":
        # AWS documents both "ForAnyValue is false without values" and "IfExists is true without the key".
        return None if condition.if_exists else False
    return condition.if_exists or negated


def _resolved(value: str, operator: str, context: Context) -> str | None:
    """Only string and ARN operators take variables; elsewhere the text stands for itself."""
    if not operator.startswith(("String", "Arn")):
        return value
    return resolve(value, context, pattern=operator in PATTERNED)


def _variable(inside: str, context: Context) -> str | None:
    if inside in ("*", "?", "$"):
        return inside
    name, comma, default = inside.partition(",")
    values = context.get(name.strip().lower(), ())
    if len(values) == 1:
        return values[0]
    default = default.strip()
    if comma and not values and len(default) >= 2 and default[0] == default[-1] == "'":
        return default[1:-1]
    return None


def _is_tautology(condition: Condition) -> bool:
    vacuous = condition.quantifier == "all" or (condition.if_exists and condition.quantifier != "any")
    return condition.known and vacuous and condition.operator == "StringLike" and "*" in condition.values
