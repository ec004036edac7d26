"""The kill switches: any listed person may stop writes, all of them or some; going on takes two."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from .. import approvals, controls
from ..approvals import Identity, Person
from ..aws.deployment import Deployment
from ..aws.handover import hand_over
from ..aws.switches import PARTITION, pauses, sort_key
from ..aws.table import body, unbody
from ..errors import BadRequest, Conflict
from ..logs import log
from ..model import Json
from ..pausing import EVERYTHING, KINDS, WAITING, Pause, Scope
from ..redaction import safe_text
from ..times import iso

__all__ = ["Scope", "is_paused", "pauses_of", "scope_of", "told", "turn"]

RESUMERS = 2
RACES = 4


def turn(d: Deployment, identity: Identity, to: str, reason: str, scope: Scope = EVERYTHING) -> Mapping[str, Json]:
    """Pause or resume the writes of `scope`. Answers with how its switch stands; raises BadRequest."""
    person = _person(d, identity)
    for _ in range(RACES):
        try:
            return _pause(d, person, reason, scope) if to == "pause" else _resume(d, person, scope)
        except Conflict:
            continue
    raise BadRequest("several people are turning the switch at once", status=409, next_step="try again")


def scope_of(given: Mapping[str, Json]) -> Scope:
    """What a request wants to pause or resume: one account, control or runbook, or all. Raises BadRequest."""
    named = {kind: given[kind] for kind in KINDS if given.get(kind)}
    if len(named) > 1:
        raise BadRequest(f"give one of {', '.join(KINDS)}", next_step="pause each by a request of its own")
    for kind, name in named.items():
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9-]{1,128}", name):
            raise BadRequest(f"{safe_text(name, 60)!r} is no {kind}", next_step=_STEPS[kind])
        return Scope(kind, name)
    return EVERYTHING


def pauses_of(d: Deployment) -> tuple[Pause, ...]:
    """Every switch that is off."""
    return pauses(d.ledger.table)


def is_paused(d: Deployment) -> bool:
    """Is every write stopped?"""
    return any(p.scope == EVERYTHING for p in pauses_of(d))


def told(found: tuple[Pause, ...]) -> str:
    """The switches that are off, to stand behind a heading; empty where none is."""
    return "".join(f"; {p.scope} is paused" for p in found)


_STEPS = {
    "account": "give the 12 digits of the account that this deployment looks after",
    "control": "`suture controls list` shows their ids",
    "runbook": "`suture runbooks list` shows their ids; give one without its version",
}


def _check(d: Deployment, scope: Scope) -> None:
    """A switch for what is not there would stop nothing, and whoever turned it would believe that it did."""
    if scope.kind and scope.name not in _known(d, scope.kind):
        raise BadRequest(f"there is no {scope} here; nothing was paused", next_step=_STEPS[scope.kind])


def _known(d: Deployment, kind: str) -> Collection[str]:
    if kind == "account":
        return (d.account,)
    if kind == "control":
        return controls.all_controls()
    return {book.split("/")[0] for book in d.packaged.runbooks}


def _pause(d: Deployment, person: Person, reason: str, scope: Scope) -> Mapping[str, Json]:
    _check(d, scope)
    said = {"by": person.id, "at": iso(d.now()), "reason": safe_text(reason), "resume": []}
    item = d.ledger.table.get(PARTITION, sort_key(scope))
    _write(d, scope, int(item["version"]) if item else None, paused=1, said=said)
    log("warning", "paused", what=str(scope), by=person.id, why=reason)
    return {"paused": True, "reasons": [f"{person.name} paused {scope}"]}


def _resume(d: Deployment, person: Person, scope: Scope) -> Mapping[str, Json]:
    item = d.ledger.table.get(PARTITION, sort_key(scope))
    if not item or not item.get("paused"):
        others = told(pauses_of(d))
        return {"paused": False, "reasons": [f"{_subject(scope)} is not paused{others}"]}
    said, version = unbody(item), int(item["version"])
    people = sorted({*said["resume"], person.id})
    if len(people) < RESUMERS:
        _write(d, scope, version, paused=1, said={**said, "resume": people})
        ask = f"{person.name} asks to resume {scope}; one more person must"
        return {"paused": True, "reasons": [ask]}
    _write(d, scope, version, paused=0, said={**said, "resume": people})
    log("warning", "resumed", what=str(scope), by=", ".join(people))
    _hand_over(d, scope)
    others = told(pauses_of(d))
    return {"paused": False, "reasons": [f"resumed by {', '.join(people)}{others}"]}


def _subject(scope: Scope) -> str:
    return str(scope) if scope.kind else "Suture"


def _hand_over(d: Deployment, scope: Scope) -> None:
    """A hole does not stay open for the rest of its wait. Where another switch holds a case, its writer waits on."""
    for case in d.ledger.cases(*WAITING):
        plan = case.the_plan
        if plan is not None and scope.covers(case.account, case.control, plan.runbook):
            hand_over(d, case, "undo" if case.state == "UNDOING" else "apply")


def _write(d: Deployment, scope: Scope, version: int | None, paused: int, said: Mapping[str, Json]) -> None:
    place = {"pk": PARTITION, "sk": sort_key(scope)}
    item = {**place, "version": (version or 0) + 1, "paused": paused, "body": body(said)}
    if version is None:
        d.ledger.table.put(item, is_new=True)
    else:
        d.ledger.table.put(item, version=version)


def _person(d: Deployment, identity: Identity) -> Person:
    ruling = approvals.may_decide(d.packaged.people, identity, ())
    if ruling.person is None:
        raise BadRequest(ruling.refusal, status=403)
    return ruling.person
