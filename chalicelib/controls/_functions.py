"""What the controls on Lambda function policies share: public statements, words for qualifiers, unknowns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import BadPolicy
from ..iam.conditions import context_of, holds
from ..iam.documents import Statement, parse
from ..iam.reach import Trust, reach
from ..model import Json, Resource
from ..redaction import safe_text
from ..surgery import statements

LATEST = "$LATEST"
AUTH_TYPE = "lambda:FunctionUrlAuthType"
THROUGH_URL = "lambda:InvokedViaFunctionUrl"
SIGNALS = ("AddPermission", "RemovePermission", "PutResourcePolicy", "DeleteResourcePolicy")
URL_SIGNALS = ("CreateFunctionUrlConfig", "UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig")
LIFE_SIGNALS = ("CreateFunction", "DeleteFunction", "CreateAlias", "DeleteAlias")


@dataclass(frozen=True, slots=True)
class Public:
    """A policy statement that lets everyone in: as AWS gave it, and parsed."""

    raw: Mapping[str, Json]
    parsed: Statement


def public_statements(policy: Mapping[str, Json] | None, resource: Resource) -> tuple[Public, ...]:
    """The statements of one qualifier's policy that anyone in the world can use.

    Raises BadPolicy when the policy cannot be parsed.
    """
    if policy is None:
        return ()
    document = parse(policy, "resource")
    found = reach(document, Trust(account=resource.account))
    raw = statements(policy)
    return tuple(Public(raw[s.index], document.statements[s.index]) for s in found.statements if s.verdict == "public")


def qualifiers(resource: Resource) -> Iterator[tuple[str | None, Mapping[str, Json]]]:
    """Each qualifier's name (None: `$LATEST`) with its entry."""
    for entry in resource.config["Qualifiers"]:
        yield (None if entry["Qualifier"] == LATEST else entry["Qualifier"]), entry


def unknown(qualifier: str | None, error: BadPolicy) -> dict[str, Json]:
    """Evidence that something cannot be judged. It never has what a runbook needs, so that people get to see it."""
    return {"Qualifier": qualifier, "Unknown": safe_text(error.what)}


def spoken(resource: Resource, found: Iterable[str | None]) -> str:
    """The function and where in it, for a title: `the function orders (versions and aliases: prod, 7)`."""
    names = sorted({"$LATEST" if q is None else q for q in found})
    where = "" if names == ["$LATEST"] else f" ({_few(names)})"
    return f"the function {safe_text(resource.id, 70)}{where}"


def _few(names: list[str]) -> str:
    shown = ", ".join(safe_text(name, 40) for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def fails(statement: Statement, key: str, *values: str) -> bool:
    """Do the statement's conditions on `key` rule out each of `values`, and a request without the key?"""
    conditions = tuple(c for c in statement.conditions if c.key.lower() == key.lower())
    contexts = ({}, *({key: value} for value in values))
    return all(holds(conditions, context_of(context), statement.variables) is False for context in contexts)


def rules_out(statement: Statement, key: str, value: str) -> bool:
    """Do the statement's conditions on `key` rule out `value`?"""
    conditions = tuple(c for c in statement.conditions if c.key.lower() == key.lower())
    return holds(conditions, context_of({key: value}), statement.variables) is False
