"""From a finding to its case: open it, or refresh it and decide again when there is something new."""

from __future__ import annotations

from dataclasses import replace

from . import planning
from .aws.deployment import Deployment
from .aws.handover import hand_over, tell
from .aws.ledger import Entry
from .cases import ASKED_AGAIN, IN_FLIGHT, Case, case_id, moved, with_causers
from .deciding import Looked, Planned, decided, note, plain, plan_of, suppression_of
from .decisions import NOT_SEEN
from .errors import Conflict
from .logs import log
from .model import Plan
from .times import iso

REMEMBERED = frozenset({"REJECTED", "UNDONE", "SUPPRESSED", "ESCALATED", "UNDO_FAILED"})
"""States that hold until the finding itself changes: nobody is asked twice about the same thing."""


def go_on(d: Deployment, seen: Looked) -> None:
    """The control of a staged case is silent: that ends nothing, but another stage may be due."""
    handle(d, seen, opens=False)


def handle(d: Deployment, seen: Looked, *, opens: bool = True) -> None:
    """Open or refresh the case of one finding; another worker's move means reading and deciding again."""
    for _ in range(3):
        open_id = seen.history.cases.get(seen.finding.control)
        case = d.ledger.case(open_id) if open_id else None
        if case is None and not opens:
            return None
        try:
            return _open(d, seen) if case is None else _refresh(d, seen, case)
        except Conflict:
            seen = replace(seen, history=d.ledger.history(seen.place))
    raise Conflict("a case moved three times while it was looked at", where=seen.resource.arn)


def _open(d: Deployment, seen: Looked) -> None:
    now, r, f = iso(d.now()), seen.resource, seen.finding
    nth = int(seen.history.opened.get(f.control, 0)) + 1
    last = max(seen.changes, key=lambda c: (c.via == "cloudtrail", c.time), default=None)
    case = Case(
        id=case_id(r.account, r.region, r.arn, f.control, nth),
        account=r.account,
        region=r.region,
        resource_type=r.type,
        resource_id=r.id,
        arn=r.arn,
        control=f.control,
        state="DETECTED",
        version=1,
        opened=now,
        updated=now,
        title=f.title,
        severity=f.severity,
        evidence=f.evidence,
        action=last.action if last else "",
        event_id=last.event_id if last else "",
    )
    case = replace(case, causers=with_causers(case, seen.principals))
    entry = Entry("watch", f.title, {"control": f.control, "via": last.via if last else ""})
    decided(d, seen, None, [(case, entry)])


def _refresh(d: Deployment, seen: Looked, case: Case) -> None:
    """The same problem, seen again: refresh what is known, and decide anew only when there is something new."""
    causers = with_causers(case, seen.principals)
    if case.state in IN_FLIGHT:
        if case.state == "APPROVED" and seen.again:
            hand_over(d, case, "apply")
        return note(d, case, causers)
    why = _news(d, seen, case)
    if not why:
        if seen.again:
            tell(d, case)
        return note(d, case, causers)
    f = seen.finding
    changed = replace(case, causers=causers, title=f.title, severity=f.severity, evidence=f.evidence)
    if case.state in ASKED_AGAIN:
        return decided(d, seen, case, [], changed)
    if case.state == "WAITING_OWNER" and case.is_led:
        return decided(d, seen, case, [], changed, news=why)
    log("info", "decides anew", case=case.id, where=case.arn, why=why)
    old = moved(changed, "SUPERSEDED", iso(d.now()), notes=())
    path = [(old, Entry("watch", why, {"old_plan": case.plan_digest}))]
    return decided(d, seen, case, path, news=why)


def _news(d: Deployment, seen: Looked, case: Case) -> str:
    """Why a finding that has a case already is decided again, as a sentence; empty when nothing is new."""
    if case.state in ASKED_AGAIN:
        return "the finding is seen again"
    if case.state == "EXPIRED":
        return "the finding is still there"
    suppression = suppression_of(d, seen)
    if case.state == "SUPPRESSED":
        return "" if suppression else _no_longer_accepted(case, iso(d.now()))
    if case.state == "PENDING" and NOT_SEEN in case.reasons and seen.history.created:
        return "the event that made the resource came after the one that made the finding"
    if case.state in ("PENDING", "WAITING_OWNER") and suppression is not None:
        return f"it is accepted until {suppression.expires}"
    is_same = plain(case.evidence) == plain(seen.finding.evidence)
    if case.is_by_hand and not is_same:
        return "the finding changed"
    if case.state in ("PENDING", "WAITING_OWNER") or (case.state == "ESCALATED" and case.refusal):
        return _new_plan(case, plan_of(d, seen, case))
    return "" if is_same and case.state in REMEMBERED else "the finding changed"


def _no_longer_accepted(case: Case, now: str) -> str:
    if case.until and case.until > now:
        return "another value was found than those that were accepted"
    return f"it was accepted until {case.until or 'now'}, and that is over"


def _new_plan(case: Case, found: Planned) -> str:
    """What planning again says about a case: empty when it says what it said before."""
    plan = found.plan
    if case.is_led and not case.refusal:
        return _new_stage(case, found)
    if case.refusal:
        why = plan.why if isinstance(plan, planning.Refusal) else ""
        return "" if why == case.refusal else "what stood in the way of a plan is gone"
    old = case.the_plan
    if case.is_by_hand and old is not None:
        same = isinstance(plan, Plan) and plan.runbook_digest == old.runbook_digest
        return "" if same else "there is another runbook for it"
    if case.state == "WAITING_OWNER" and old is not None:
        known = [s.call.as_json() for s in old.steps]
        wanted = [s.call.as_json() for s in plan.steps] if isinstance(plan, Plan) else []
        return "there is more to do than was done" if any(call not in known for call in wanted) else ""
    same = isinstance(plan, Plan) and plan.digest == case.plan_digest
    return "" if same else "the finding changed"


def _new_stage(case: Case, found: Planned) -> str:
    """What is new about where a staged case stands; empty when the same stage waits for the same."""
    was, standing = case.standing, found.standing
    if standing is not None and standing.as_json["stage"] != was.get("stage"):
        return f"stage {was.get('stage')} is over; {standing.as_json['stage']} is next"
    if isinstance(found.plan, Plan):
        return "" if case.state == "PENDING" and found.plan.digest == case.plan_digest else "there is something to do"
    waits = isinstance(found.plan, planning.Refusal) and found.plan.kind == "wait"
    return "" if waits and case.state == "WAITING_OWNER" else "the finding changed"
