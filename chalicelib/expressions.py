"""JMESPath in runbooks: evaluation over plain JSON, and our own pure functions.

A string that begins with `=` is an expression; everything else is itself. The traps of the language are refused
when a runbook is written (suture/traps.py). Grammar: https://jmespath.org/specification.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .errors import BadRunbook, Escalation
from .model import Json

MAX_LENGTH = 600
MAX_DEPTH = 40

ROOTS: Mapping[str, frozenset[str] | None] = {
    "resource": frozenset({"type", "arn", "id", "account", "region", "config", "tags"}),
    "finding": frozenset({"control", "severity", "arn", "title", "evidence"}),
    "case": frozenset({"id", "now", "reached", "told", "attested"}),
    "facts": None,
    "stored": None,
    "params": None,
    "each": None,
    "answer": None,
}
"""The roots of an expression, and the names that may follow where they are known beforehand."""


def is_expression(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("=")


def evaluate(value: Json, roots: Mapping[str, Json], uses: tuple[str, ...] = ()) -> Json:
    """`value` with every expression in it (at any depth) replaced by its result. Raises Escalation."""
    if is_expression(value):
        return _search(value[1:], roots, uses)
    if isinstance(value, Mapping):
        return {k: evaluate(v, roots, uses) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [evaluate(v, roots, uses) for v in value]
    return value


def truth(expression: str, roots: Mapping[str, Json], uses: tuple[str, ...] = ()) -> bool:
    """The boolean that `expression` (without `=`) yields. Anything but true or false raises Escalation."""
    answer = _search(expression.removeprefix("="), roots, uses)
    if answer is True or answer is False:
        return bool(answer)
    raise Escalation(
        f"the condition {expression!r} gave {_kind(answer)}, neither true nor false",
        next_step="correct the expression in a new version of the runbook",
    )


def _search(text: str, roots: Mapping[str, Json], uses: tuple[str, ...]) -> Json:
    from jmespath.exceptions import JMESPathError

    try:
        return _compiled(text).search(dict(roots), options=_options(uses))
    except (
        JMESPathError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise Escalation(
            f"the expression {text!r} failed: {_reason(error)}",
            next_step="correct the expression in a new version of the runbook",
        ) from None


def _reason(error: Exception) -> str:
    """Why an evaluation failed, without the value that it failed on: that may be a secret."""
    from jmespath.exceptions import ArityError, JMESPathTypeError

    if isinstance(error, ArityError):
        return f"{error.function_name}() got another number of arguments than it takes"
    if isinstance(error, JMESPathTypeError):
        return f"{error.function_name}() cannot take a value of type {error.actual_type}"
    return type(error).__name__


def _kind(value: Json) -> str:
    """The JSON type of a value, for messages."""
    kinds = ((bool, "a boolean"), (str, "text"), (int | float, "a number"), (Mapping, "an object"), (list, "a list"))
    return "null" if value is None else next((name for kind, name in kinds if isinstance(value, kind)), "no JSON value")


@cache
def _compiled(text: str) -> Any:
    import jmespath

    return jmespath.compile(text)


def functions() -> Mapping[str, Callable[..., Json]]:
    """Our own functions by `name@major`. A major never changes what it returns for the same input."""
    from . import closing, containing, exposing, leading, observing, policy_surgery, stores, storing, surgery

    return {
        **{f"{name}@1": getattr(leading, name) for name in _LEADING},
        **{
            f"{name}@1": getattr(observing, name)
            for name in ("days_before", "secret_reads", "health_queries", "health", "taken_up")
        },
        **{f"{name}@1": getattr(containing, name) for name in ("who_reads", "stack_of", "plain_parameters")},
        **{f"{name}@1": getattr(storing, name) for name in _STORING},
        **{f"{name}@1": getattr(exposing, name) for name in ("of_aws", "could_read")},
        "to_json@1": surgery.to_json,
        "token@1": surgery.token,
        "environment_value@1": surgery.environment_value,
        "without_public_principals@1": surgery.without_public_principals,
        "closed_policy@1": closing.closed_policy,
        "trust_without@1": closing.trust_without,
        "trust_for_account@1": closing.trust_for_account,
        "stage_guards@1": surgery.stage_guards,
        "stage_unguards@1": surgery.stage_unguards,
        "narrowed_edits@1": policy_surgery.narrowed_edits,
        "evidence_proposals@1": policy_surgery.evidence_proposals,
        "passrole_edits@1": policy_surgery.passrole_edits,
        "secret_name@1": stores.secret_name,
        "arn_name@1": stores.arn_name,
        "only_readers@1": stores.only_readers,
        "reading_policy@1": stores.reading_policy,
        "shelved@1": stores.shelved,
        "tagged@1": stores.tagged,
        "unread_by@1": stores.unread_by,
    }


_LEADING = (
    "led_out",
    "to_store",
    "to_fill",
    "to_restore",
    "differing",
    "read_grants",
    "grants_take_effect",
    "references",
    "taken_names",
    "environment_with",
    "environment_less",
    "stored_under",
    "role_name",
    "carriers",
    "needed",
    "idle",
)
_STORING = (
    "in_doubt",
    "present",
    "stored_as",
    "led",
    "unguarded",
    "guarded_by_others",
    "rotations",
    "all_rotated",
)


@cache
def _options(uses: tuple[str, ...]) -> Any:
    from jmespath import Options
    from jmespath.functions import Functions

    table, ours = Functions(), functions()
    entries = dict(Functions.FUNCTION_TABLE)
    for name in uses:
        entries[name.split("@")[0]] = {"function": _plain(ours[name]), "signature": ({"types": [], "variadic": True},)}
    table.FUNCTION_TABLE = entries
    return Options(custom_functions=table)


def _plain(function: Callable[..., Json]) -> Callable[..., Json]:
    return lambda _self, *arguments: function(*arguments)


def unknown_functions(uses: tuple[str, ...]) -> tuple[str, ...]:
    """Entries of `uses` that we do not have."""
    return tuple(name for name in uses if name not in functions())


def require(value: Json, what: str) -> Json:
    """`value`, unless it is null. Raises BadRunbook, since a null is a typo until the runbook says optional."""
    if value is None:
        raise BadRunbook(f"{what} is null", next_step="mark the key optional with `?`, or correct the expression")
    return value
