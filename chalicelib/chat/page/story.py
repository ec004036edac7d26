"""One case as its story: what changed, why that is risky, what would be done, who decides, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ...attention import in_force
from ...aws.deployment import Deployment
from ...aws.journal import progress
from ...cases import AFTER_APPLY, Case
from ...controls import control
from ...errors import BadRequest
from ...model import Json, Plan
from ...plaintext import contains_secret
from ...redaction import safe_text
from ..decide import found
from ..facts import Facts, facts_of, requirement_of
from .asked import Answer
from .documents import NOT_SHOWN, calls, evidence
from .forms import Typed, panel, to_undo
from .frame import Frame
from .html import Html, Part, el, moment, span, table
from .words import causers, now_said, said, severity, state

_BREAKS = {
    "low": "Only callers that nobody authorised lose access.",
    "medium": "Availability or cost may change.",
    "high": "Rights, secrets or something shared change: whoever relies on it may lose access.",
}
_BACK = {"full": "everything", "partial": "a part", "none": "nothing"}
_NO_PLAN = {"ESCALATED": "No plan could be made", "SUPPRESSED": "No plan is made while the risk is accepted"}


def page(d: Deployment, frame: Frame, id_: str, wrong: Typed | None = None, status: int = 200) -> Answer:
    """The page of one case; `wrong` is a form that was refused. Raises BadRequest where there is no such case."""
    case = found(d, id_)
    facts, plan = facts_of(d, case), case.the_plan
    records = list(d.ledger.records(case.id))
    names = {p.id: p.name for p in d.packaged.people}
    chapters = [
        _change(frame, case),
        _evidence(case, facts, plan),
        _plan(case, facts, plan),
        _stages(frame, case, names),
        _decisions(d, frame, case, facts, names),
    ]
    rest = [_history(records, names), _journal(d, case, plan), _verification(case, plan, records), _undo(case, plan)]
    told = wrong if wrong and not wrong.decision else None
    decide = el(
        "aside",
        el("h2", "Decide", id="decide-title"),
        _quorum(frame, case, facts),
        el("p", told.refusal, class_="alert", role="alert") if told else None,
        panel(d, frame, case, facts, wrong),
        id="decide",
        aria_labelledby="decide-title",
    )
    story = el("div", *chapters, class_="story"), decide, el("div", *rest, class_="story more")
    title = f"{'Refused: ' if wrong else ''}{case.title or case.control}"
    return frame.page(title, _head(frame, case), el("div", *story, class_="two"), status=status, section="")


def _head(frame: Frame, case: Case) -> Html:
    badges = severity(case.severity), state(case.state), el("span", case.id, class_="id")
    stage = case.standing
    where = (
        el("code", safe_text(case.arn, 400)),
        el("span", f"account {case.account}"),
        el("span", case.region),
        el("span", case.control),
    )
    waits = ("It ", frame.ends(case.expires), ", and then nothing is applied. ") if case.state == "PENDING" else ()
    if case.state == "SUPPRESSED" and case.until:
        waits = ("Until ", frame.ago(case.until), ". ")
    now = el(
        "p",
        el("strong", said(case.state), ". "),
        f"{now_said(case)}. ".replace(".. ", ". ") if case.state != "PENDING" else "",
        *waits,
        el("a", "Go to the decision", href="#decide", class_="jump"),
        class_=f"now {case.state.lower()}",
    )
    at = (
        f"Stage {stage['number']} of {stage['of']}, {stage['stage']}. Next: {stage['who']}. {stage['says']}"
        if stage
        else ""
    )
    return el(
        "div",
        el("p", el("a", "Cases", href=frame.to()), " / ", case.id, class_="crumbs"),
        el("p", *badges, class_="badges"),
        el("h1", case.title or case.control),
        el("p", *where, class_="where"),
        now,
        el("p", at, class_="stage") if stage else None,
        class_="head",
    )


def _chapter(name: str, title: str, *parts: Part) -> Html:
    return el("section", el("h2", title, id=name), *parts, aria_labelledby=name)


def _change(frame: Frame, case: Case) -> Html:
    facts: list[tuple[str, Part]] = [
        ("Who", causers(case)),
        ("What", el("code", case.action) if case.action else "found at a look, not told by an event"),
        ("When", [frame.ago(case.opened), el("small", f" {moment(case.opened)}")]),
    ]
    if case.event_id:
        facts.append(("Event", el("code", safe_text(case.event_id, 80))))
    if case.occurrences > 1:
        facts.append(("Seen", f"{case.occurrences} times"))
    if case.owned_by or case.owner:
        facts.append(("Belongs to", ", ".join(filter(None, (case.owner, case.owned_by)))))
    arns = [p.arn for p in case.principals if p.arn]
    notes = (el("p", note, class_="note") for note in case.notes)
    full = el("details", el("summary", "Identities in full"), _items(arns)) if arns else None
    return _chapter("change", "What changed", _facts(facts), full, *notes)


def _evidence(case: Case, facts: Facts, plan: Plan | None) -> Html:
    try:
        references: tuple[str, ...] = control(case.control).references
    except ModuleNotFoundError:
        references = ()
    links = (
        el("li", el("a", safe_text(r.split("//")[-1], 90), href=r, rel="noopener noreferrer"))
        for r in references
        if r.startswith("https://")
    )
    more = el("details", el("summary", "Where this rule comes from"), el("ul", *links)) if references else None
    return _chapter("evidence", "Why it is risky", el("p", facts.why), evidence(case.evidence, plan), more)


def _plan(case: Case, facts: Facts, plan: Plan | None) -> Html:
    if plan is None:
        why = f"{_NO_PLAN.get(case.state, 'There is no plan')}: {case.refusal or now_said(case)}"
        return _chapter("plan", "The plan", el("p", why, class_="note"))
    meta: list[tuple[str, Part]] = [
        ("Runbook", f"{plan.runbook} {plan.version}"),
        ("Tier", [plan.tier, el("small", f" {_BREAKS[plan.tier]}")]),
        ("Undo", f"brings back {_BACK[plan.reversible]}"),
        ("Digest", el("code", plan.digest, class_="digest")),
    ]
    if plan.leaves == "open":
        meta.append(("Leaves", "the finding open: its owner goes on"))
    count = f"{len(plan.steps)} call{'s'[: len(plan.steps) != 1]}, in this order. Nothing else is called."
    steps = (el("p", count, class_="hint"), calls(plan, facts.shown, case.evidence)) if plan.steps else ()
    by_hand = el("h3", "By hand"), _items(plan.manual)
    reasons = el("details", el("summary", f"Why Suture decided “{case.decision}”"), _items(case.reasons))
    manual = by_hand if plan.manual else ()
    return _chapter("plan", "The plan", _facts(meta), *steps, *manual, reasons if case.reasons else None)


def _quorum(frame: Frame, case: Case, facts: Facts) -> Html | None:
    """How many of how many, who may, and until when."""
    if not facts.minimum or case.state not in ("PENDING", *AFTER_APPLY) or case.is_by_hand:
        return None
    if case.state != "PENDING" and not to_undo(case):
        return None
    what = "approvals" if case.state == "PENDING" else "people for an undo"
    dots = (el("i", class_="on" if n < len(facts.counted) else None) for n in range(facts.minimum))
    rows: list[tuple[str, Part]] = [
        ("May approve", ", ".join(facts.who_may) or "nobody: see governance/approvers.yaml")
    ]
    if facts.counted:
        rows.insert(0, ("So far", ", ".join(facts.counted)))
    if facts.missing:
        rows.append(("Still one of", ", ".join(facts.missing)))
    if case.state == "PENDING":
        rows.append(("Expires", frame.ago(case.expires)))
    head = (
        el("b", f"{len(facts.counted)} of {facts.minimum} {what}"),
        el("span", *dots, class_="dots", aria_hidden="true"),
    )
    return el("div", el("p", *head, class_="count-of"), _facts(rows), class_="quorum")


def _decisions(d: Deployment, frame: Frame, case: Case, facts: Facts, names: Mapping[str, str]) -> Html:
    requirement = requirement_of(d, case)
    given = d.ledger.approvals(case.id)
    counts = in_force(given, case, requirement.expires) if requirement else given
    rows: list[tuple[Part, ...]] = []
    for word in sorted(given, key=lambda a: a.at, reverse=True):
        stands = word in counts and (word.plan == case.plan_digest or word.about == "attest")
        reason = "" if contains_secret(word.reason) else word.reason
        about = f"{word.given} · {word.about}", el("small", "" if stands else "about an earlier plan")
        rows.append((names.get(word.person, word.person), about, reason or "–", frame.ago(word.at)))
    if not rows:
        return _chapter("decisions", "Who decided", el("p", _nobody(case), class_="note"))
    heads = ("Person", "Word", "Reason", "When")
    return _chapter("decisions", "Who decided", table("What people said about this case", heads, rows, "plain"))


def _nobody(case: Case) -> str:
    return "Nobody was asked: it was fixed by itself." if case.applied and case.decision == "apply" else "Nobody yet."


def _history(records: Sequence[Mapping[str, Json]], names: Mapping[str, str]) -> Html:
    rows = []
    for record in records:
        details = record.get("details") or {}
        reason = str(details.get("reason") or "")
        what = f"{record['what']}" + (f" “{reason}”" if reason and reason not in str(record["what"]) else "")
        what = NOT_SHOWN if contains_secret(what) else what
        move = state(str(record["to"])) if record["from"] != record["to"] else el("span", "noted", class_="state still")
        by = names.get(str(record["by"]), f"Suture · {str(record['by']).partition('/')[0]}")
        when = el("time", str(record["at"])[11:19], el("small", str(record["at"])[:10]), datetime=str(record["at"]))
        rows.append(el("li", when, el("div", move, " ", el("b", by), el("p", what))))
    return _chapter("history", "What happened", el("ol", *rows, class_="timeline"))


def _verification(case: Case, plan: Plan | None, records: Sequence[Mapping[str, Json]]) -> Html:
    if not case.applied:
        healed = "Suture applied nothing. The resource was read again, and the finding was gone."
        then = "After the last call, the resource is read again. The control must be silent, and no other may speak."
        nothing = "There are no calls, so there is nothing to verify."
        words = healed if case.state == "RESOLVED" else then if plan and plan.steps else nothing
        words = f"{now_said(case)}." if case.state in ("UNDONE", "UNDO_FAILED", "UNDOING") else words
        return _chapter("verification", "Verification", el("p", words, class_="note"))
    facts: list[tuple[str, Part]] = [("Applied", moment(case.applied)), ("Outcome", now_said(case))]
    took = _took(case.opened, _last(records, ("RESOLVED", "WATCHING", "WAITING_OWNER")))
    if took:
        facts.append(("From change to fix", took))
    return _chapter("verification", "Verification", _facts(facts))


def _journal(d: Deployment, case: Case, plan: Plan | None) -> Html | None:
    """Which calls a writer began and finished; the journal itself holds what undo restores, and stays closed."""
    run = progress(d.ledger.table, case.id, plan.digest) if plan else None
    if plan is None or run is None or not run.started:
        return None
    lines = []
    for number, step in enumerate(plan.steps):
        said_ = "answered" if number in run.done else "begun, no answer kept" if number in run.started else "not made"
        back = ", then taken back" if number in run.undoing else ""
        lines.append(el("li", el("code", step.call.operation), f" {said_}{back}"))
    return _chapter("journal", "Journal", el("ol", *lines, class_="journal"))


def _stages(frame: Frame, case: Case, names: Mapping[str, str]) -> Html | None:
    """What was done of a staged case, stage by stage, and what people attested."""
    if not case.is_led or not (case.stages or case.attested):
        return None
    rows: list[tuple[Part, ...]] = [
        (str(s["stage"]), "applied", names.get(str(s.get("by")), "Suture"), frame.ago(str(s["at"])))
        for s in case.stages
    ]
    for stage, word in case.attested.items():
        by = names.get(str(word.get("attested_by")), str(word.get("attested_by", "")))
        rows.append((stage, f"done by {word.get('by')}: {word.get('how')}", by, frame.ago(str(word.get("at", "")))))
    return _chapter("stages", "Stages", table("Stages so far", ("Stage", "What", "By", "When"), rows, "plain"))


def _last(records: Sequence[Mapping[str, Json]], states: Iterable[str]) -> str:
    return next((str(r["at"]) for r in records if r["to"] in tuple(states)), "")


def _took(since: str, until: str) -> str:
    if not until:
        return ""
    return span((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())


def _undo(case: Case, plan: Plan | None) -> Html:
    return _chapter("undo", "Undo", *(el("p", line, class_="note") for line in _undo_said(case, plan)))


def _undo_said(case: Case, plan: Plan | None) -> Iterator[str]:
    if plan is None or not plan.steps:
        yield "Nothing was planned that could be taken back."
        return
    if case.state == "UNDONE":
        yield "The fix was taken back: the resource is as it was."
    elif case.state == "UNDO_FAILED":
        yield "The fix could not be taken back completely. “What happened” says which call is open."
    elif to_undo(case):
        yield f"Undo brings back {_BACK[plan.reversible]} of what was there, and asks for as many approvals as the fix."
    elif case.applied:
        yield "There is nothing that could be taken back now."
    else:
        yield f"Nothing was applied. Once it is, undo brings back {_BACK[plan.reversible]} of what was there."


def _facts(pairs: Iterable[tuple[str, Part]]) -> Html:
    return el("dl", *(part for name, value in pairs for part in (el("dt", name), el("dd", value))), class_="facts")


def _items(lines: Iterable[str]) -> Html:
    return el("ul", *(el("li", line) for line in lines))


def refused(error: BadRequest, decision: str, fields: Mapping[str, str]) -> Typed:
    """A decision that was refused, to be shown where it was asked for."""
    what = error.what[:1].upper() + error.what[1:]
    return Typed(
        decision, fields, what if what.endswith(".") else f"{what}.", error.next_step, getattr(error, "field", "")
    )
