"""From a change to its resource: read what is true now, judge it, and hand each finding on.

A look without a finding costs one write of the table, and loads nothing of what follows.
"""

from __future__ import annotations

from dataclasses import replace

from . import events
from .aws import readers
from .aws.deployment import Deployment
from .aws.handover import tell
from .aws.ledger import Entry, Place
from .cases import IN_FLIGHT, LEFT_ALONE, Case, moved, noted
from .controls import controls_for, judge
from .errors import Conflict
from .logs import log
from .model import Change, Finding, Principal
from .times import iso


def places_of(d: Deployment, change: Change) -> tuple[Place, ...]:
    """The resources to look at after one change; none, aloud, for our own writes, other accounts and other regions.

    Raises a CallFailed.
    """
    kind, region = change.resource_type, d.home(change.resource_type)
    why_not = ""
    if change.account != d.account:
        why_not = f"account {change.account} is not this deployment's"
    elif events.home_region(kind, change.region) != region:
        why_not = f"region {change.region} is not this deployment's"
    elif change.principal and events.is_own_write(change.principal, d.own_roles):
        why_not = "Suture's own write"
    if why_not:
        log("info", "ignored", where=change.event_id, why=why_not)
        return ()
    found = readers.lead(d.clients, kind, change.resource_id)
    return tuple(Place(change.account, d.home(kind), kind, id_) for kind, id_ in found)


def look(d: Deployment, place: Place, changes: tuple[Change, ...], *, again: bool = False) -> None:
    """Read one resource, note which controls hold, heal the cases that are over, and handle every finding.

    `again` says that the queue delivered these changes before: what was decided then may not have been handed over.
    Raises a SutureError.
    """
    now = iso(d.now())
    if all(c.via == "read" for c in changes) and not _is_awaited(d, place, now):
        return None
    resource = readers.read_at(d.clients, place.region, place.resource_type, place.resource_id)
    if resource is None:
        return _gone(d, place, now)
    findings = judge(resource)
    broken = {f.control for f in findings}
    created = any(_made(c, place) for c in changes)
    holding = [control for control in controls_for(resource.type) if control not in broken]
    history = d.ledger.observe(place, holding, created, now)
    silent = [id_ for control, id_ in history.cases.items() if control not in broken]
    led = [case for id_ in silent if (case := _heal(d, id_, "the control holds again, without us"))]
    if findings or led:
        from . import opening, quieting
        from .deciding import Looked, less_accepted

        tagged = replace(resource, tags=readers.tags(d.clients, resource))
        for f in findings:
            finding = less_accepted(d, tagged, f) or quieting.keyed(f, tagged, d.fingerprint_key)
            opening.handle(d, Looked(place, tagged, finding, history, changes, _principals(changes), again))
        for case in led:
            found = Finding(case.control, case.severity, case.arn, case.title, ())
            opening.go_on(d, Looked(place, tagged, found, history, changes, _principals(changes), again))
    return None


def _is_awaited(d: Deployment, place: Place, now: str) -> bool:
    """Does a staged case wait for a secret to be read? One look in ten minutes is enough."""
    for id_ in d.ledger.history(place).cases.values():
        case = d.ledger.case(id_)
        if case is not None and case.is_led and case.state == "WAITING_OWNER":
            return d.ledger.count(f"read#{id_}", now[:15], int(d.now().timestamp()) + 7200) == 1
    return False


def _made(change: Change, place: Place) -> bool:
    """Only the call itself, heard live, tells that a resource was created: nothing else is said by its time."""
    same = (change.resource_type, change.resource_id) == (place.resource_type, place.resource_id)
    return change.created and same and change.via == "cloudtrail" and not change.replayed


def _gone(d: Deployment, place: Place, now: str) -> None:
    """What was seen of a resource that is gone says nothing about a new one of the same name."""
    history = d.ledger.history(place)
    if history.seen:
        led = [case for id_ in history.cases.values() if (case := _heal(d, id_, "the resource is gone"))]
        for case in led:
            from .outliving import outlived

            outlived(d, case)
        d.ledger.forget(place, history, now)


def _heal(d: Deployment, id_: str, why: str) -> Case | None:
    """Close a case whose control holds again; answers with a staged one, which goes on: silence is not its end."""
    case = d.ledger.case(id_)
    if case is None or case.state in IN_FLIGHT or case.state == "RESOLVED":
        return None
    if case.is_led and case.state not in LEFT_ALONE:
        return case
    after = _healed(case, why, iso(d.now()))
    try:
        d.ledger.save(case, after, Entry("watch", why, {}), mark="released")
    except Conflict:
        log("info", "a case moved meanwhile", case=id_)
        return None
    if after.state == "RESOLVED":
        tell(d, after)
    return None


def _healed(case: Case, why: str, now: str) -> Case:
    """A failed undo is not over because the control holds: that is the fix, still there. It only makes room."""
    if case.state == "UNDO_FAILED":
        return noted(case, now)
    return moved(case, "RESOLVED", now, outcome=why)


def _principals(changes: tuple[Change, ...]) -> tuple[Principal, ...]:
    return tuple(dict.fromkeys(c.principal for c in changes if c.principal and c.via == "cloudtrail"))
