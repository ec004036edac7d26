"""Closing a resource policy to everyone outside the account: pure functions over plain JSON, used in runbooks.

As in surgery.py, a function answers with a new value, and once a released runbook uses a major, it gives the same
output for the same input for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .model import Json
from .surgery import element, spelled, statements, without_principals

ACCOUNT_KEY = "aws:PrincipalAccount"
SOURCE_KEY = "aws:SourceAccount"
_OPERATOR = "StringEquals"


class Opening(NamedTuple):
    """A statement by which everyone comes in: its place, why, and the principals that mean everyone."""

    at: int
    reason: str
    principals: tuple[str, ...]


def openings(policy: Mapping[str, Json], account: str) -> tuple[Opening, ...]:
    """The statements of a resource policy that anyone can use. Raises BadPolicy when it cannot be parsed."""
    from .iam.documents import parse
    from .iam.reach import Trust, reach

    found = reach(parse(policy, "resource"), Trust(account=account)).statements
    return tuple(Opening(s.index, s.reason, s.principals or ("*",)) for s in found if s.verdict == "public")


def closed_policy(policy: Mapping[str, Json], account: str) -> dict[str, Json]:
    """`policy` with everyone narrowed to the principals of `account`, by a condition; all else stays as it is.

    Narrowing keeps what the account's own principals could do, so that nobody in it is locked out, and a policy never
    ends up empty, which some services refuse. A statement that names others beside everyone is split: they stay as they
    were. Raises BadPolicy.
    """
    public = {opening.at: opening.principals for opening in openings(policy, account)}
    kept: list[Json] = []
    for index, statement in enumerate(statements(policy)):
        kept += _narrowed(statement, public[index], account) if index in public else [statement]
    return _with(policy, kept)


def _narrowed(statement: Mapping[str, Json], public: tuple[str, ...], account: str) -> list[Json]:
    others = without_principals(statement, public)
    return _split(statement, others, {"AWS": "*"}, (ACCOUNT_KEY, account))


def trust_without(document: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]]) -> dict[str, Json] | None:
    """A trust policy less the principals that evidence items (Index, Principals) name; all else stays as it is.

    None when no statement that allows anything is left: such a role would be unusable, which is a decision for people.
    """
    gone = {item["Index"]: tuple(item["Principals"]) for item in evidence}
    kept: list[Json] = []
    for index, statement in enumerate(statements(document)):
        remaining = without_principals(statement, gone[index]) if index in gone else statement
        kept += [] if remaining is None else [remaining]
    return _with(document, kept) if any(element(s, "Effect") == "Allow" for s in kept) else None


def trust_for_account(
    document: Mapping[str, Json], evidence: Sequence[Mapping[str, Json]], account: str
) -> dict[str, Json]:
    """A trust policy in which the services that evidence items (Index, Principals) name come for `account` only."""
    named = {item["Index"]: list(item["Principals"]) for item in evidence}
    kept: list[Json] = []
    for index, statement in enumerate(statements(document)):
        if index not in named:
            kept.append(statement)
            continue
        others = without_principals(statement, tuple(named[index]))
        kept += _split(statement, others, {"Service": named[index]}, (SOURCE_KEY, account))
    return _with(document, kept)


def _with(document: Mapping[str, Json], kept: list[Json]) -> dict[str, Json]:
    name = spelled(document, "Statement")
    single = isinstance(document[name], Mapping) and len(kept) == 1
    return {**document, name: kept[0] if single else kept}


def _split(
    statement: Mapping[str, Json], others: Mapping[str, Json] | None, principal: Json, bound: tuple[str, str]
) -> list[Json]:
    """The statement for `others` as it was, and for `principal` with the condition `bound`; one where all are meant."""
    key, account = bound
    conditions = dict(element(statement, "Condition") or {})
    operator = spelled(conditions, _OPERATOR)
    block = {name: value for name, value in (conditions.get(operator) or {}).items() if name.lower() != key.lower()}
    conditions[operator] = {**block, key: account}
    own = {**statement, spelled(statement, "Condition"): conditions}
    if others is None:
        return [own]
    own[spelled(own, "Principal")] = principal
    sid = spelled(own, "Sid")
    return [dict(others), {**own, sid: f"{own[sid]}OwnAccount"} if own.get(sid) else own]
