"""The workplace of one planning: what expressions see, and the values that only the fresh read has.

Expressions see fingerprints where AWS holds secrets. A `late` value is computed from the secrets themselves, inside
apply alone; the plan holds its fingerprint, and another value is not applied. A `fresh` value is no secret, but moves
by itself (a revision id): the plan says that it is asked for, and apply takes it from its own read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import expressions, redaction
from .errors import Escalation
from .model import Finding, Json, Resource, canonical
from .runbooks import Runbook

Key = Callable[[], bytes]
"""Gives the fingerprint key when it is first needed: fetching it is a call that most plans do without."""

Fetch = Callable[[Mapping[str, Json]], str]
"""Gives the value of a stored secret (`SecretId`, `VersionId`); only the executor has one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a staged plan is made from besides the resource: answers by the names of the stages' reads, and what the
    case remembers (`now`, `reached`, `told`, `attested`).
    """

    facts: Mapping[str, Json] = field(default_factory=dict)
    case: Mapping[str, Json] = field(default_factory=dict)


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Bench:
    """What one planning works with: the runbook, and the roots that its expressions see.

    `roots` hold fingerprints where AWS holds secrets; `reveal` gives the configuration with the secrets, and only
    late values ask for it.
    """

    runbook: Runbook
    roots: Mapping[str, Json]
    reveal: Callable[[], Json]
    key: Key

    def evaluate(self, value: Json, roots: Mapping[str, Json] | None = None) -> Json:
        return expressions.evaluate(value, self.roots if roots is None else roots, self.runbook.uses)

    def truth(self, condition: str, roots: Mapping[str, Json] | None = None) -> bool:
        return expressions.truth(condition, self.roots if roots is None else roots, self.runbook.uses)


def bench(
    case: str,
    resource: Resource,
    finding: Finding,
    runbook: Runbook,
    params: Mapping[str, Json],
    key: Key,
    known: Known = NOTHING,
) -> Bench:
    """The workplace for planning, late values and verifying reads of one finding."""
    facts = {n: getattr(resource, n) for n in ("type", "arn", "id", "account", "region")}
    said = {n: getattr(finding, n) for n in ("control", "severity", "arn", "title")}
    roots = {
        "resource": {**facts, "tags": dict(resource.tags), "config": redaction.shown(resource.config, key)},
        "finding": {**said, "evidence": list(finding.evidence)},
        "params": params,
        "case": {**known.case, "id": case},
        "facts": known.facts,
    }
    return Bench(runbook, roots, lambda: redaction.revealed(resource.config), key)


def is_fresh(value: Json) -> bool:
    return isinstance(value, Mapping) and set(value) in ({"fresh"}, {"fresh", "each"})


def is_late(value: Json) -> bool:
    """Is this a late value as a runbook writes it, or as a plan holds it?"""
    return isinstance(value, Mapping) and "late" in value and set(value) <= _LATE


_LATE = frozenset({"late", "each", "fingerprint", "stored", "shows"})


def planned(value: Mapping[str, Json], roots: Mapping[str, Json], at: Bench) -> Mapping[str, Json]:
    """A late or fresh value as the plan holds it: `stored` names secrets to fetch, `shows` says what becomes of it."""
    element = roots.get("each")
    if is_fresh(value):
        return {"fresh": value["fresh"], "each": element}
    told = {name: at.evaluate(value[name], roots) for name in ("stored", "shows") if name in value}
    late = {"late": value["late"], "each": element, **told}
    return {**late, "fingerprint": _mark(_late(late, at, {}), at)}


def filled(value: Json, at: Bench, fetch: Fetch | None = None) -> Json:
    """A parameter as AWS gets it. Raises Escalation when a late value has another fingerprint than the plan's."""
    if is_fresh(value):
        found = at.evaluate("=" + value["fresh"].removeprefix("="), {**at.roots, "each": value["each"]})
        return expressions.require(found, f"the fresh value {value['fresh']}")
    if not is_late(value):
        return value
    wanted = value.get("stored") or {}
    if wanted and fetch is None:
        raise Escalation("a stored value is needed, and nobody may fetch it here", where=at.roots["resource"]["arn"])
    stored = {name: fetch(secret) for name, secret in wanted.items()} if fetch else {}
    secret = _late(value, at, stored)
    if _mark(secret, at) != value["fingerprint"]:
        what = "a stored value is another than the one that was taken away" if stored else _CHANGED
        raise Escalation(what, where=at.roots["resource"]["arn"], next_step="look what changed, and decide again")
    return secret


_CHANGED = "a secret value changed since the plan was made"


def _late(late: Mapping[str, Json], at: Bench, stored: Mapping[str, str]) -> Json:
    """The value itself: text, or a mapping whose values AWS takes as text."""
    resource = {**at.roots["resource"], "config": at.reveal()}
    roots = {**at.roots, "resource": resource, "each": late["each"], "stored": stored}
    value = at.evaluate("=" + late["late"].removeprefix("="), roots)
    if not isinstance(value, str | Mapping) or not value:
        raise Escalation(f"the late value {late['late']!r} is not there", where=resource["arn"])
    return value


def _mark(value: Json, at: Bench) -> str:
    return redaction.fingerprint(at.key(), value if isinstance(value, str) else canonical(value))
