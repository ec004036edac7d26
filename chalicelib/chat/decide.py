"""The one function that makes a decision, whatever door it came through.

A door authenticates and hands over an identity; who that is, whether they may, and whether the plan is still the
one they saw is decided here alone. One conditional write decides; whoever loses the race is told who won.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .. import approvals, quieting
from ..approvals import Approval, Identity, Person
from ..attention import in_force, stand_ins_of
from ..aws.deployment import Deployment
from ..aws.handover import hand_over, tell
from ..aws.ledger import Entry, Ledger, place_of
from ..cases import AFTER_APPLY, TRANSITIONS, Case, moved, noted
from ..errors import BadRequest, Conflict
from ..governance import Suppression
from ..model import Json
from ..redaction import safe_text
from ..runbooks import Approval as Requirement
from ..times import iso
from . import stages

MAX_SUPPRESSION = timedelta(days=180)
SNOOZE = timedelta(days=7)
RACES = 4
"""So often a decision that lost a race is taken again, on what the winner left."""

_LEAVES_THE_RISK = ("reject", "snooze", "suppress")

KINDS = ("approve", "reject", "revoke", "undo", "snooze", "suppress", "attest", "continue")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for. `plan` is the digest that they saw; `until` is ISO 8601 in UTC, or empty.

    An attestation says `by` whom and `at` what time (ISO 8601) something was done, and `reason` how.
    """

    case: str
    decision: str
    plan: str
    reason: str
    until: str
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The case after a decision, and why it is where it is."""

    case: Case
    reasons: tuple[str, ...]


def decide(d: Deployment, identity: Identity | None, request: Request) -> Ruling:
    """Carry out one decision. Raises BadRequest with the status and the sentence that its door answers with."""
    if request.decision not in KINDS:
        raise BadRequest(f"the decision {safe_text(request.decision)!r} is none of {', '.join(KINDS)}")
    for _ in range(RACES):
        case = found(d, request.case)
        requirement = _requirement(d, case, request)
        person = _person(d, identity, case, requirement, request)
        try:
            ruling = _DECISIONS[request.decision](d, case, requirement, person, request)
        except Conflict:
            continue
        tell(d, ruling.case)
        return ruling
    raise _lost(d, found(d, request.case))


def check(d: Deployment, identity: Identity | None, request: Request) -> Case:
    """The case, if this identity may ask for that decision about the plan that it saw. Writes nothing.

    For doors that ask for more before they decide; `decide` checks all of it again. Raises BadRequest.
    """
    case = found(d, request.case)
    _person(d, identity, case, _requirement(d, case, request), request)
    if request.decision in ("approve", "reject"):
        _must_be(d, case, "PENDING")
    if request.decision == "undo":
        case = stages.to_undo(case, request.plan)
    if request.decision == "attest":
        stages.to_attest(d, case)
    if request.decision == "continue":
        case = stages.to_continue(case)
    if request.decision not in ("snooze", "suppress", "attest", "continue"):
        _must_match(case, request)
    return case


def found(d: Deployment, id_: str) -> Case:
    """The case with that id, as somebody wrote it. Raises BadRequest where there is none."""
    is_id = id_.startswith("C-") and id_.isascii() and id_[2:].isalnum() and len(id_) <= 40
    case = d.ledger.case(id_) if is_id else None
    if case is None:
        raise BadRequest(f"there is no case {safe_text(id_, 60)}", status=404)
    return case


def _approve(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    _must_be(d, case, "PENDING")
    _must_match(case, request)
    if case.expires <= iso(d.now()):
        raise BadRequest(f"the plan of case {case.id} expired at {case.expires}", status=409)
    word = _word(d, person, request, "apply", "approve")
    given = _given(d, case, requirement)
    if _latest(given, word) == "approve":
        raise BadRequest(f"{person.name} has approved this plan already", status=409)
    quorum = _quorum(d, case, requirement, (*given, word))
    if not quorum.stands:
        return _recorded(d, case, person, f"{person.name} approved", word, quorum.reasons)
    after = moved(case, "APPROVED", iso(d.now()), outcome="approved by " + ", ".join(quorum.counted))
    entry = _entry(person, "approved; the quorum stands", request)
    d.ledger.save(case, after, entry, beside=_beside(case, word), unexpired=iso(d.now()))
    hand_over(d, after, "apply")
    return Ruling(after, quorum.reasons)


def _reject(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    _must_be(d, case, "PENDING")
    _must_match(case, request)
    _must_have_reason(request)
    word = _word(d, person, request, "apply", "reject")
    why = f"rejected by {person.name}: {safe_text(request.reason)}"
    after = moved(case, "REJECTED", iso(d.now()), outcome=why)
    return Ruling(d.ledger.save(case, after, _entry(person, "rejected", request), beside=_beside(case, word)), (why,))


def _revoke(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    """Until a quorum stands, everybody may take their word back: for the fix, or afterwards for its undo."""
    about = "undo" if case.state in AFTER_APPLY and case.applied else "apply"
    if about == "apply":
        _must_be(d, case, "PENDING")
    _must_match(case, request)
    word = _word(d, person, request, about, "revoke")
    if _latest(_given(d, case, requirement), word) != "approve":
        raise BadRequest(f"{person.name} has not approved this plan", status=409)
    return _recorded(d, case, person, f"{person.name} took the approval back", word, ())


def _undo(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    """Undo needs the quorum of the apply, and at least one person. Of a staged case it takes back the last stage."""
    case = stages.to_undo(case, request.plan)
    _must_match(case, request)
    _must_have_reason(request)
    newer = d.ledger.history(place_of(case)).cases.get(case.control, case.id)
    if newer != case.id:
        raise BadRequest(f"the same problem is open again as case {newer}", status=409, next_step="decide about that")
    word = _word(d, person, request, "undo", "approve")
    given = _given(d, case, requirement)
    if _latest(given, word) == "approve":
        raise BadRequest(f"{person.name} has asked for this undo already", status=409)
    quorum = _quorum(d, case, requirement, (*given, word))
    if not quorum.stands:
        return _recorded(d, case, person, f"{person.name} asked for undo", word, quorum.reasons)
    why = "undo asked for by " + ", ".join(quorum.counted)
    after = moved(case, "UNDOING", iso(d.now()), outcome=why)
    d.ledger.save(case, after, _entry(person, why, request), beside=_beside(case, word))
    hand_over(d, after, "undo")
    return Ruling(after, quorum.reasons)


def _suppress(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    """Accept the finding for a while: reasoned, owned, and never longer than 180 days."""
    _must_have_reason(request)
    until = _until(d, request)
    if "SUPPRESSED" not in TRANSITIONS[case.state]:
        raise BadRequest(f"case {case.id} is {case.state} and cannot be suppressed now", status=409)
    reason = safe_text(request.reason)
    id_ = f"{case.id}-{case.version}"
    values = quieting.fingerprints(case.control, case.evidence)
    made = Suppression(id_, case.control, case.arn, case.account, person.id, reason, until, values)
    why = f"accepted by {person.name} until {until}: {reason}"
    after = moved(case, "SUPPRESSED", iso(d.now()), outcome=why, until=until)
    entry, beside = _entry(person, request.decision, request), (d.ledger.part_suppression(made, case.id),)
    return Ruling(d.ledger.save(case, after, entry, beside=beside), (why,))


def _attest(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    """Say that a stage is done which AWS cannot show: who did it, and when. The quorum is the stage's own."""
    stage = stages.to_attest(d, case)
    said = stages.attestation(request.by, request.at, request.reason, case.opened, iso(d.now()))
    word = Approval(person.id, f"stage {stage.name}", "attest", "approve", iso(d.now()), said["how"])
    quorum = _quorum(d, case, requirement, (*_given(d, case, requirement), word))
    if not quorum.stands:
        return _recorded(d, case, person, f"{person.name} attested {stage.name}", word, quorum.reasons)
    words = {**said, "attested_by": person.id, "attested_at": iso(d.now())}
    what = f"{stage.name}: done by {said['by']} at {said['at']}"
    after = noted(case, iso(d.now()), attested={**case.attested, stage.name: words}, outcome=what)
    ruling = Ruling(d.ledger.save(case, after, Entry(person.id, what, words), beside=_beside(case, word)), (what,))
    stages.look_again(d, case)
    return ruling


def _continue(d: Deployment, case: Case, requirement: Requirement, person: Person, request: Request) -> Ruling:
    """Take a staged case up again that rests: the stage that is due now is planned and proposed."""
    _must_have_reason(request)
    why = f"taken up again by {person.name}: {safe_text(request.reason)}"
    after = moved(stages.to_continue(case), "SUPERSEDED", iso(d.now()), outcome=why)
    ruling = Ruling(d.ledger.save(case, after, _entry(person, why, request)), (why,))
    stages.look_again(d, case)
    return ruling


def _until(d: Deployment, request: Request) -> str:
    now = d.now()
    text = request.until or (iso(now + SNOOZE) if request.decision == "snooze" else "")
    try:
        given = datetime.fromisoformat(text)
        until = given if given.tzinfo else given.replace(tzinfo=UTC)
        is_good = now < until <= now + MAX_SUPPRESSION
    except (ValueError, OverflowError):
        is_good = False
    if not is_good:
        raise BadRequest(
            "a suppression needs an end within 180 days",
            next_step='give "until" as a time such as 2027-01-31T00:00:00Z',
        )
    return iso(until)


_Decision = Callable[[Deployment, Case, Requirement, Person, Request], Ruling]

_DECISIONS: Mapping[str, _Decision] = {
    "approve": _approve,
    "reject": _reject,
    "revoke": _revoke,
    "undo": _undo,
    "snooze": _suppress,
    "suppress": _suppress,
    "attest": _attest,
    "continue": _continue,
}


def _person(d: Deployment, identity: Identity | None, case: Case, requirement: Requirement, request: Request) -> Person:
    people = d.packaged.people
    ruling = approvals.may_decide(people, identity, case.principals)
    if ruling.person is None:
        raise BadRequest(ruling.refusal, status=403, next_step="ask one of those whom `suture cases show` lists")
    standing = stand_ins_of(d.packaged.pins, case, requirement.expires)
    groups = (*approvals.eligible_groups(requirement, case.principals, people), *standing(iso(d.now())))
    if request.decision in _LEAVES_THE_RISK and not approvals.causers_are_known(people, case.principals):
        groups = (approvals.SECURITY,)  # whoever hides behind a pipeline must not silence what it did
    if not set(ruling.person.groups) & set(groups):
        raise BadRequest(
            f"{ruling.person.name} is in none of the groups {', '.join(groups)}",
            status=403,
            next_step="ask one of those whom `suture cases show` lists",
        )
    return ruling.person


def _requirement(d: Deployment, case: Case, request: Request) -> Requirement:
    """Who has to consent: the runbook says it. What has no plan can only be accepted for a while, by security."""
    found = stages.requirement_book(d, case, request.decision, request.plan)
    if found is not None:
        return found.approval
    if request.decision in ("snooze", "suppress"):
        return Requirement(1, (approvals.SECURITY,), 0)
    raise BadRequest(f"case {case.id} has no plan to decide about", status=409)


def _given(d: Deployment, case: Case, requirement: Requirement) -> tuple[Approval, ...]:
    return in_force(d.ledger.approvals(case.id), case, requirement.expires)


def _quorum(d: Deployment, case: Case, requirement: Requirement, given: tuple[Approval, ...]) -> approvals.Quorum:
    """The quorum as it stands with one more word, the last of those given."""
    people, causers = d.packaged.people, case.principals
    standing = stand_ins_of(d.packaged.pins, case, requirement.expires)
    return approvals.quorum(people, given, requirement, causers, given[-1].plan, given[-1].about, standing)


def _latest(given: Iterable[Approval], word: Approval) -> str:
    """What this person last said about this plan and deed, or nothing."""
    key = (word.person, word.plan, word.about)
    return next((a.given for a in given if (a.person, a.plan, a.about) == key), "")


def _beside(case: Case, word: Approval) -> tuple[Mapping[str, Json], ...]:
    return (Ledger.part_approval(case.id, word),)


def _must_be(d: Deployment, case: Case, state: str) -> None:
    if case.state != state:
        raise _lost(d, case)


def _must_match(case: Case, request: Request) -> None:
    if not request.plan:
        raise BadRequest(
            "a decision names the digest of the plan", next_step='give "plan", as `suture cases show` has it'
        )
    if request.plan != case.plan_digest:
        raise BadRequest(
            f"the plan {safe_text(request.plan, 80)} of case {case.id} is superseded",
            status=409,
            next_step=f"read the new plan, {case.plan_digest}, and decide about that",
        )


def _must_have_reason(request: Request) -> None:
    if not request.reason.strip():
        raise BadRequest(f"a decision to {request.decision} needs a reason", next_step='give "reason"')


def _lost(d: Deployment, case: Case) -> BadRequest:
    """The answer to whoever comes too late: who decided, and how the case stands."""
    now = d.ledger.case(case.id) or case
    if now.state == "PENDING":
        return BadRequest(f"several people decide about case {case.id} at once", status=409, next_step="try again")
    names = {p.id: p.name for p in d.packaged.people}
    records = list(d.ledger.records(case.id))
    last = [r for r in records if r["by"] in names and r["from"] != r["to"]][-1:] or records[-1:]
    who = f", {names.get(last[0]['by'], last[0]['by'])} was first: {last[0]['what']}" if last else ""
    return BadRequest(f"case {case.id} is {now.state} already{who}", status=409)


def _recorded(d: Deployment, case: Case, person: Person, what: str, word: Approval, reasons: tuple[str, ...]) -> Ruling:
    entry = Entry(person.id, what, {"plan": word.plan, "reason": word.reason})
    unexpired = iso(d.now()) if case.state == "PENDING" else ""
    after = d.ledger.save(case, noted(case, iso(d.now())), entry, beside=_beside(case, word), unexpired=unexpired)
    return Ruling(after, reasons or (what,))


def _word(d: Deployment, person: Person, request: Request, about: str, given: str) -> Approval:
    return Approval(person.id, request.plan, about, given, iso(d.now()), safe_text(request.reason))


def _entry(person: Person, what: str, request: Request) -> Entry:
    return Entry(person.id, what, {"plan": request.plan, "reason": safe_text(request.reason)})
