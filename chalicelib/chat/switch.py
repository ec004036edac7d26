"""The kill switch: any listed person may stop all writes; going on takes two."""

from __future__ import annotations

from collections.abc import Mapping

from .. import approvals
from ..approvals import Identity, Person
from ..aws.deployment import Deployment
from ..aws.handover import hand_over
from ..aws.table import body, unbody
from ..errors import BadRequest, Conflict
from ..logs import log
from ..model import Json
from ..redaction import safe_text
from ..times import iso

_PK, _SK = "SWITCH#global", "PAUSE"
RESUMERS = 2
WAITING = ("APPROVED", "APPLYING", "VERIFYING", "UNDOING")
"""States whose writer waits while the switch is off; a hole does not stay open for the rest of its wait."""
RACES = 4


def turn(d: Deployment, identity: Identity, to: str, reason: str) -> Mapping[str, Json]:
    """Pause or resume every write of this deployment. Answers with how the switch stands; raises BadRequest."""
    person = _person(d, identity)
    for _ in range(RACES):
        try:
            return _pause(d, person, reason) if to == "pause" else _resume(d, person)
        except Conflict:
            continue
    raise BadRequest("several people are turning the switch at once", status=409, next_step="try again")


def is_paused(d: Deployment) -> bool:
    item = d.ledger.table.get(_PK, _SK)
    return bool(item and item.get("paused"))


def _pause(d: Deployment, person: Person, reason: str) -> Mapping[str, Json]:
    said = {"by": person.id, "at": iso(d.now()), "reason": safe_text(reason), "resume": []}
    version = _version(d)
    _write(d, version, paused=1, said=said)
    log("warning", "paused", by=person.id, why=reason)
    return {"paused": True, "reasons": [f"{person.name} paused every write"]}


def _resume(d: Deployment, person: Person) -> Mapping[str, Json]:
    item = d.ledger.table.get(_PK, _SK)
    if not item or not item.get("paused"):
        return {"paused": False, "reasons": ["Suture is not paused"]}
    said = unbody(item)
    people = sorted({*said["resume"], person.id})
    if len(people) < RESUMERS:
        _write(d, int(item["version"]), paused=1, said={**said, "resume": people})
        return {"paused": True, "reasons": [f"{person.name} asks to resume; one more person must"]}
    _write(d, int(item["version"]), paused=0, said={**said, "resume": people})
    log("warning", "resumed", by=", ".join(people))
    for case in d.ledger.cases(*WAITING):
        hand_over(d, case, "undo" if case.state == "UNDOING" else "apply")
    return {"paused": False, "reasons": ["resumed by " + ", ".join(people)]}


def _version(d: Deployment) -> int | None:
    item = d.ledger.table.get(_PK, _SK)
    return int(item["version"]) if item else None


def _write(d: Deployment, version: int | None, paused: int, said: Mapping[str, Json]) -> None:
    item = {"pk": _PK, "sk": _SK, "version": (version or 0) + 1, "paused": paused, "body": body(said)}
    if version is None:
        d.ledger.table.put(item, is_new=True)
    else:
        d.ledger.table.put(item, version=version)


def _person(d: Deployment, identity: Identity) -> Person:
    ruling = approvals.may_decide(d.packaged.people, identity, ())
    if ruling.person is None:
        raise BadRequest(ruling.refusal, status=403)
    return ruling.person
