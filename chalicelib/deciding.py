"""From a finding to a decided case: plan, decide, write every step down in one transaction, hand over, tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from . import governance, messages, planning, quieting
from .aws.deployment import Deployment
from .aws.handover import hand_over, tell
from .aws.ledger import Entry, History, Place
from .aws.standing import Standing, stand
from .cases import Case, moved, noted
from .controls import control as the_control
from .decisions import Circumstances, decide
from .errors import BadRunbook, CallFailed, Escalation, Throttled
from .governance import Suppression
from .logs import log
from .model import Change, Decision, Finding, Json, Plan, Principal, Resource, canonical
from .ownership import iac_of, owner_tag
from .runbooks import Runbook
from .times import iso


@dataclass(frozen=True, slots=True)
class Looked:
    """One finding with all that deciding about it needs."""

    place: Place
    resource: Resource
    finding: Finding
    history: History
    changes: tuple[Change, ...]
    principals: tuple[Principal, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan for what was seen, or why there is none (None: nothing is pinned); a staged runbook comes `at` the
    stage that is due, with where the case stands.
    """

    plan: Plan | planning.Refusal | None
    runbook: Runbook | None
    standing: Standing | None = None


def decided(
    d: Deployment,
    seen: Looked,
    before: Case | None,
    path: list[tuple[Case, Entry]],
    current: Case | None = None,
    news: str = "",
) -> None:
    """Decide about a case and move it there. `path` are the steps before that, `current` the case where there are
    none; `before` is the case as it was read, None for a new one; `news` is why it is decided again.
    """
    case = path[-1][0] if path else current
    assert case is not None
    seen = replace(seen, principals=case.principals)
    found = plan_of(d, seen, case)
    plan = found.plan
    decision = _decision(d, seen, plan, found.runbook, is_counted=case.decision == "apply")
    log("info", decision.kind, case=case.id, control=case.control, where=case.arn, why="; ".join(decision.reasons))
    if decision.kind == "skip" and before is None and suppression_of(d, seen) is None:
        return None
    if before is not None and not path and _is_no_news(before, case, plan, decision):
        return note(d, before, case.causers)
    if news:
        decision = Decision(decision.kind, (*decision.reasons, f"decided again: {news}"))
    steps = _steps_to(d, case, found, decision, seen)
    is_over = before is not None and steps[-1][0].state == "RESOLVED"
    mark = "" if not is_over else "fixed" if case.stages else "released"
    last = d.ledger.advance(before, [*path, *steps], mark=mark)
    if last.state == "APPROVED":
        hand_over(d, last, "apply")
    if before is not None or last.state != "SUPPRESSED":
        tell(d, last)
    return None


def _decision(
    d: Deployment, seen: Looked, plan: Plan | planning.Refusal | None, runbook: Runbook | None, *, is_counted: bool
) -> Decision:
    """The decision; only one that would apply is counted against the causer's hour, and a case only once."""
    now = _circumstances(d, seen, runbook)
    decision = decide(plan, runbook, now)
    if decision.kind != "apply" or runbook is None or is_counted or _within_limit(d, seen, runbook):
        return decision
    return decide(plan, runbook, replace(now, within_limit=False))


def _is_no_news(before: Case, case: Case, plan: Plan | planning.Refusal | None, decision: Decision) -> bool:
    """An observed finding that is observed again for the same reasons, with the same plan or none."""
    if before.state != "OBSERVED" or decision.kind != "observe":
        return False
    digest = plan.digest if isinstance(plan, Plan) else ""
    same = plain(before.evidence) == plain(case.evidence) and tuple(before.reasons) == decision.reasons
    return same and digest == before.plan_digest


def note(d: Deployment, case: Case, causers: Sequence[Mapping[str, str]]) -> None:
    """Remember new causers; seeing the same thing again is no news."""
    if tuple(causers) == tuple(case.causers):
        return
    after = noted(case, iso(d.now()), causers=tuple(causers), occurrences=case.occurrences + 1)
    d.ledger.save(case, after, Entry("watch", "somebody else changed the resource meanwhile", {}))


def _steps_to(d: Deployment, case: Case, found: Planned, decision: Decision, seen: Looked) -> list[tuple[Case, Entry]]:
    """The case's way from where it is to what was decided."""
    now, reasons, plan, runbook = iso(d.now()), decision.reasons, found.plan, found.runbook
    owner = iac_of(seen.principals, seen.resource.tags)
    said = {"decision": decision.kind, "reasons": reasons, "owned_by": owner.where or owner.tool, "refusal": ""}
    said |= _stood(case, found.standing) if decision.kind not in ("skip", "observe") else {}
    said["owner"] = owner_tag(seen.resource.tags)
    why = Entry("watch", f"{decision.kind}: {reasons[0]}", {"reasons": list(reasons)})
    if decision.kind not in ("observe", "propose", "apply") or not isinstance(plan, Plan) or runbook is None:
        state, facts = _without_plan(d, case, plan, decision, seen)
        said = {**said, **facts, "outcome": reasons[0]}
        return [(noted(case, now, **said) if case.state == state else moved(case, state, now, **said), why)]
    notes = tuple(messages.notes(owner, case.control, case.evidence))
    planned: dict[str, Json] = {
        "reminded": 0,
        "escalated": "",
        "plan": {**plan.as_json(), "notes": list(notes)},
        "notes": notes,
        "applied": "",
        **said,
    }
    at = moved(case, "PLANNED", now, **planned)
    steps = [(at, Entry("watch", f"planned with {plan.runbook} {plan.version}", {"plan": plan.digest}))]
    if decision.kind == "observe":
        return [*steps, (moved(at, "OBSERVED", now, outcome=reasons[0]), why)]
    if not plan.steps:
        return [*steps, (moved(at, "WAITING_OWNER", now, outcome="waits for people to do it by hand"), why)]
    if decision.kind == "apply":
        return [*steps, (moved(at, "APPROVED", now, outcome="approved by the pinned mode auto"), why)]
    expires = iso(d.now() + timedelta(seconds=runbook.approval.expires))
    return [*steps, (moved(at, "PENDING", now, expires=expires, outcome="waits for people"), why)]


def _stood(case: Case, standing: Standing | None) -> dict[str, Json]:
    """What a case keeps of where it stands."""
    if standing is None:
        return {}
    remembered = standing.known.case
    return {"standing": standing.as_json, "reached": remembered["reached"], "told": remembered["told"]}


def _without_plan(
    d: Deployment, case: Case, plan: Plan | planning.Refusal | None, decision: Decision, seen: Looked
) -> tuple[str, dict[str, Json]]:
    """The state of a case that gets no plan to decide about, and what is to be remembered about it."""
    suppression = suppression_of(d, seen) if decision.kind == "skip" else None
    if suppression is not None:
        return "SUPPRESSED", {"until": suppression.expires}
    if decision.kind == "escalate":
        return "ESCALATED", {"refusal": plan.why if isinstance(plan, planning.Refusal) else ""}
    if decision.kind == "wait":
        last = case.last_stage
        return "WAITING_OWNER", {"plan": last.get("plan"), "applied": last.get("at", "")}
    return ("RESOLVED" if decision.kind in ("skip", "close") else "OBSERVED"), {}


def plan_of(d: Deployment, seen: Looked, case: Case) -> Planned:
    """The plan for what was seen, and its runbook; of a staged one, the plan of the stage that is due."""
    found = governance.pinned(
        d.packaged.pins, d.packaged.runbooks, seen.finding.control, seen.resource.account, seen.resource.arn
    )
    if found is None:
        return Planned(None, None)
    pin, runbook = found
    params = planning.parameters_of(runbook, pin.params, d.facts)
    if runbook.stages:
        return _staged(d, seen, case, runbook, params)
    return Planned(planning.plan(case.id, seen.resource, seen.finding, runbook, params, d.fingerprint_key), runbook)


def _staged(d: Deployment, seen: Looked, case: Case, runbook: Runbook, params: Mapping[str, Json]) -> Planned:
    """The plan of the stage that is due; what cannot be read to tell which that is escalates."""
    key, now = d.fingerprint_key, iso(d.now())
    try:
        standing = stand(d.clients, case, seen.resource, seen.finding, runbook, params, key, now)
    except Throttled:
        raise
    except (Escalation, BadRunbook, CallFailed) as error:
        return Planned(planning.Refusal("escalate", error.what), runbook)
    if standing.stage is None:
        return Planned(planning.Refusal("close", "every stage is done"), runbook, standing)
    view = runbook.at(standing.stage.name)
    plan = planning.plan(case.id, seen.resource, seen.finding, view, params, key, standing.known)
    return Planned(plan, view, standing)


def _circumstances(d: Deployment, seen: Looked, runbook: Runbook | None) -> Circumstances:
    control, account = seen.finding.control, seen.resource.account
    mode, reason = mode_of(d, control, account, seen.resource.arn)
    return Circumstances(
        mode=mode,
        mode_reason=reason,
        is_own=d.is_own(seen.resource.id),
        is_by_duty=_is_by_duty(d, seen),
        is_public_access=the_control(control).public_access,
        seen_before=seen.history.seen_without(control),
        undone=control in seen.history.undone,
        replayed=any(c.replayed for c in seen.changes),
        reapplied=max(0, _recent_fixes(d, seen.history, control, runbook) - 1),
        within_limit=True,
        flapping_with=", ".join(p.name for p in seen.principals),
        owner=iac_of(seen.principals, seen.resource.tags),
        suppression=suppression_of(d, seen),
    )


def mode_of(d: Deployment, control: str, account: str, arn: str) -> tuple[str, str]:
    """The effective mode of a control on a resource, and whose word decided it."""
    found = governance.pinned(d.packaged.pins, d.packaged.runbooks, control, account, arn)
    if found is None:
        return "observe", "no pinned runbook remediates this control"
    return governance.effective_mode(d.packaged.pins, found[0], found[1], account)


def _recent_fixes(d: Deployment, history: History, control: str, runbook: Runbook | None) -> int:
    if runbook is None:
        return 0
    since = iso(d.now() - timedelta(seconds=runbook.limits.cooldown))
    return sum(1 for at in history.fixes.get(control, ()) if at >= since)


def _within_limit(d: Deployment, seen: Looked, runbook: Runbook) -> bool:
    """Count one fix against the causer's hour; decoys of one causer cannot use up another's."""
    now = d.now()
    causer = next((p.arn or p.invoked_by or p.kind for p in seen.principals), "unknown")
    count = d.ledger.count(f"{runbook.id}#{causer}", now.strftime("%Y-%m-%dT%H"), int(now.timestamp()) + 7200)
    if count > runbook.limits.per_hour:
        log("warning", "a limit an hour is reached: proposing instead", where=causer, runbook=runbook.id)
    return count <= runbook.limits.per_hour


def suppression_of(d: Deployment, seen: Looked) -> Suppression | None:
    """The suppression that covers what was seen, from the packaged file or from the table."""
    f, known = seen.finding, suppressions(d)
    values = quieting.fingerprints(f.control, f.evidence)
    return governance.suppressed(known, seen.resource, f.control, iso(d.now()), values)


def less_accepted(d: Deployment, resource: Resource, finding: Finding) -> Finding | None:
    """The finding with fingerprints in its evidence, and without the values that somebody accepted; None where that
    leaves nothing.
    """
    if the_control(finding.control).of_values is None:
        return finding
    now, control = iso(d.now()), finding.control
    in_force = [s for s in suppressions(d) if s.expires > now and s.covers(resource, control)]
    told = quieting.keyed(finding, resource, d.fingerprint_key)
    return quieting.less(told, resource, governance.accepted(in_force))


def suppressions(d: Deployment) -> tuple[Suppression, ...]:
    """All there are, packaged and decided at run time; expired ones included."""
    return (*d.packaged.suppressions, *d.ledger.suppressions())


def plain(evidence: Iterable[Mapping[str, Json]]) -> str:
    """Evidence as text that tells whether it is the same."""
    return canonical([dict(item) for item in evidence])


def _is_by_duty(d: Deployment, seen: Looked) -> bool:
    """The writer of IAM policies could give rights to others: that is its duty, as long as nobody touched its role."""
    is_its = (seen.finding.control, seen.resource.id) == ("iam-role-escalation", d.name_of("remediate_iam"))
    return is_its and all(c.via in ("sweep", "recheck") for c in seen.changes)
