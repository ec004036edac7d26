"""Policy documents within the size that IAM allows: split where several may stand, whole again where none may.

IAM and STS quotas (IAM User Guide): 10,240 characters for all inline policies of a role together, 6,144 for a managed
policy, 10 managed policies on a role unless raised; white space does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .documents import NEW
from .provenance import Dropped, Justified, Piece, Reason

INLINE, MANAGED, ATTACHED = 10_240, 6_144, 10

INLINE_KIND, CUSTOMER_KIND, AWS_KIND = "inline", "managed", "aws-managed"


class NamedDocument(NamedTuple):
    """One policy of a role as it is. `kind` is inline, managed (a customer's) or aws-managed; `users` counts whom a
    managed policy is attached to, where that is known."""

    name: str
    document: Mapping[str, Any]
    kind: str = INLINE_KIND
    arn: str = ""
    users: int = 1


class Fitted(NamedTuple):
    """One policy of the proposal. `how` is inline, version (a new default version of `arn`) or copy (a new customer
    policy in the place of `arn` on this role); an empty `Statement` says that the old policy may go."""

    name: str
    how: str
    arn: str
    document: Mapping[str, Any]
    statements: tuple[Justified, ...]
    dropped: tuple[Dropped, ...]
    size: int


def size(document: Mapping[str, Any]) -> int:
    """Characters as IAM counts them. White space inside texts counts here: a document never is too long by surprise."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))


def fitted(policies: Sequence[NamedDocument], pieces: Sequence[Piece]) -> tuple[tuple[Fitted, ...], str]:
    """The proposal's policies, or none and the reason why they do not fit."""
    pieces, problem = _inline_fit(policies, list(pieces))
    if problem:
        return (), problem
    made: list[Fitted] = []
    for number, policy in enumerate(policies):
        own = [p for p in pieces if p.number == number]
        made += _inline(policy, own) if policy.kind == INLINE_KIND else _managed(policy, own)
    attached = sum(1 for f in made if f.how != "inline" and f.statements)
    before = sum(1 for p in policies if p.kind != INLINE_KIND)
    if attached > max(ATTACHED, before):
        return (), f"it takes {attached} managed policies, and a role has at most {ATTACHED} unless the quota is raised"
    return tuple(made), ""


def _inline_fit(policies: Sequence[NamedDocument], pieces: list[Piece]) -> tuple[list[Piece], str]:
    """Statements whole again, the most costly first, until all inline policies fit together."""
    while (over := _inline_total(policies, pieces)) > INLINE:
        costs = [
            (sum(size(m.statement) for m in p.made) - size(p.raw), i)
            for i, p in enumerate(pieces)
            if policies[p.number].kind == INLINE_KIND
        ]
        cost, at = max(costs, default=(0, 0))
        if cost <= 0:
            return [], f"the inline policies would have {over:,} characters, and a role's have {INLINE:,} at most"
        pieces[at] = _whole(pieces[at])
    return pieces, ""


def _whole(piece: Piece) -> Piece:
    text = f"narrowed, it does not fit into {INLINE:,} characters of inline policies; as a managed policy it would"
    said = Reason("kept", (), text)
    return piece._replace(made=(Justified(piece.raw, piece.statement.name, (said,)),), dropped=())


def _inline_total(policies: Sequence[NamedDocument], pieces: Sequence[Piece]) -> int:
    total = 0
    for number, policy in enumerate(policies):
        if policy.kind == INLINE_KIND:
            made = [j for p in pieces if p.number == number for j in p.made]
            total += size(_document(policy, made)) if made else 0
    return total


def _inline(policy: NamedDocument, pieces: Sequence[Piece]) -> list[Fitted]:
    return [_one(policy.name, "inline", policy, [j for p in pieces for j in p.made], pieces)]


def _managed(policy: NamedDocument, pieces: Sequence[Piece]) -> list[Fitted]:
    """A new version for a policy of this role alone; a copy where it is AWS's or others use it too."""
    copied = policy.kind == AWS_KIND or policy.users > 1
    name = f"{policy.name}-narrowed" if copied else policy.name
    bins = _split(policy, [s for p in pieces for j in p.made for s in _small(policy, j)])
    first = _one(name, "copy" if copied else "version", policy, bins[0] if bins else [], pieces)
    return [first, *(_one(f"{name}-{i}", "copy", policy, b, ()) for i, b in enumerate(bins[1:], start=2))]


def _split(policy: NamedDocument, statements: Sequence[Justified]) -> list[list[Justified]]:
    bins: list[list[Justified]] = []
    for statement in statements:
        if not bins or size(_document(policy, [*bins[-1], statement])) > MANAGED:
            bins.append([])
        bins[-1].append(statement)
    return bins


def _small(policy: NamedDocument, justified: Justified) -> list[Justified]:
    """One statement as several that each fit, by halves of its actions or its resources."""
    raw = justified.statement
    if size(_document(policy, [justified])) <= MANAGED or raw.get("Effect") != "Allow":
        return [justified]
    longest = max(("Action", "Resource"), key=lambda k: size({k: raw.get(k, "")}))
    values = raw.get(longest)
    if not isinstance(values, list) or len(values) < 2:
        return [justified]
    middle = len(values) // 2
    sid = raw.get("Sid", "")
    halves = [{**raw, longest: values[:middle]}, {**raw, longest: values[middle:]}]
    if sid:
        halves[1]["Sid"] = f"{sid}More"
    return [s for half in halves for s in _small(policy, justified._replace(statement=half))]


def _one(
    name: str, how: str, policy: NamedDocument, statements: Sequence[Justified], pieces: Sequence[Piece]
) -> Fitted:
    document = _document(policy, statements)
    dropped = tuple(d for p in pieces for d in p.dropped)
    return Fitted(name, how, policy.arn, document, tuple(statements), dropped, size(document))


def _document(policy: NamedDocument, statements: Sequence[Justified]) -> dict[str, Any]:
    version = next((v for k, v in policy.document.items() if k.lower() == "version"), NEW)
    return {"Version": version, "Statement": _unique([dict(j.statement) for j in statements])}


def _unique(statements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sids are unique in a policy: a later one of the same name gets a number."""
    taken: set[str] = set()
    for statement in statements:
        sid = base = statement.get("Sid", "")
        number = 2
        while sid and sid in taken:
            sid, number = f"{base}{number}", number + 1
        if sid:
            statement["Sid"] = sid
            taken.add(sid)
    return list(statements)
