"""Deciding: the forms of a case, and what was typed into one. Who may is `decide` alone; a form carries no right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...aws.deployment import Deployment
from ...cases import AFTER_APPLY, TRANSITIONS, Case
from ...errors import BadRequest
from ...times import iso
from .. import stages
from ..asking import DIGITS, fits
from ..decide import KINDS, Request, check
from ..facts import Facts
from .frame import Frame
from .html import Html, Part, el
from .session import Visitor

DAYS = ("7", "30", "90", "180")
MOST_REASON = 1500

_TITLES: Mapping[str, tuple[str, str]] = {
    "approve": ("Approve", "primary"),
    "reject": ("Reject", "danger"),
    "revoke": ("Take my approval back", ""),
    "undo": ("Ask for undo", "danger"),
    "suppress": ("Accept the risk for a while", ""),
    "attest": ("Say that it is done", "primary"),
    "continue": ("Take it up again", "primary"),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A form that was refused: which, what was typed into it, why, and under which field that stands."""

    decision: str
    fields: Mapping[str, str]
    refusal: str
    next_step: str
    field: str = ""


class NotSo(BadRequest):
    """Something in a form is wrong, and under which field that stands."""

    def __init__(self, what: str, field: str) -> None:
        super().__init__(what)
        self.field = field


def request_of(case: Case, fields: Mapping[str, str], now: datetime) -> Request:
    """What a form asks for. Raises NotSo for what is missing in it, BadRequest for what is no form of ours."""
    kind = fields.get("decision", "")
    if kind not in KINDS or set(fields) - _FIELDS:
        raise BadRequest("this is none of the forms of the page", next_step="open the case again")
    reason = fields.get("reason", "").strip()
    if len(reason) > MOST_REASON or any(len(v) > 2_000 for v in fields.values()):
        raise NotSo(f"A reason has at most {MOST_REASON} characters.", "reason")
    if not reason and needs_reason(case, kind):
        raise NotSo("Say why: it stays in the record.", "reason")
    if kind == "approve" and is_high(case) and not fits(fields.get("plan", ""), fields.get("digits", "")):
        raise NotSo(f"These are not the last {DIGITS} characters of the plan that you were shown.", "digits")
    until = ""
    if kind in ("suppress", "snooze"):
        if fields.get("days") not in DAYS:
            raise NotSo("Choose for how long.", "days")
        until = iso(now + timedelta(days=int(fields["days"])))
        kind = "snooze" if fields["days"] == "7" else "suppress"
    return Request(
        case.id, kind, fields.get("plan", ""), reason, until, fields.get("by", "").strip(), fields.get("at", "").strip()
    )


_FIELDS = frozenset({"csrf", "decision", "plan", "reason", "digits", "days", "by", "at"})


def needs_reason(case: Case, kind: str) -> bool:
    return kind not in ("approve", "revoke") or (kind == "approve" and is_high(case))


def is_high(case: Case) -> bool:
    plan = case.the_plan
    return plan is not None and plan.tier == "high"


def panel(d: Deployment, frame: Frame, case: Case, facts: Facts, wrong: Typed | None) -> Html:
    """Everything that this visitor may decide about a case now, or why they may not."""
    visitor = frame.visitor
    found = list(_possible(d, case))
    parts: list[Part] = []
    if visitor is not None and (back := _revocable(d, case, visitor)):
        found.insert(0, "revoke")
        found = [k for k in found if k != back]
    refusals: list[str] = []
    for kind in found:
        refused = _refused(d, visitor, case, kind)
        if refused:
            refusals.append(refused)
        else:
            parts.append(_form(frame, case, kind, wrong if wrong and _same(wrong.decision, kind) else None))
    said = (el("p", refusal, class_="note") for refusal in dict.fromkeys(refusals))
    if not found:
        parts.append(el("p", "There is nothing to decide now.", class_="note"))
    return el("div", *said, *parts, class_="forms")


def _same(decision: str, kind: str) -> bool:
    return decision == kind or {decision, kind} <= {"snooze", "suppress"}


def _possible(d: Deployment, case: Case) -> tuple[str, ...]:
    """What anybody could decide about a case in this state."""
    kinds = ["approve", "reject"] if case.state == "PENDING" else []
    if to_undo(case):
        kinds.append("undo")
    try:
        stages.to_attest(d, case)
        kinds.append("attest")
    except BadRequest:
        pass
    if case.is_led and case.state in stages.RESTING and "SUPERSEDED" in TRANSITIONS[case.state]:
        kinds.append("continue")
    return (*kinds, *(["suppress"] if "SUPPRESSED" in TRANSITIONS[case.state] else []))


def to_undo(case: Case) -> str:
    """The digest of the plan that could be taken back now; empty where there is none."""
    try:
        return stages.to_undo(case, "").plan_digest
    except BadRequest:
        return ""


def _revocable(d: Deployment, case: Case, visitor: Visitor) -> str:
    """The kind of word that this visitor gave and may take back: `approve`, `undo`, or nothing."""
    if visitor.person is None or not (case.state == "PENDING" or (case.applied and case.state in AFTER_APPLY)):
        return ""
    about = "apply" if case.state == "PENDING" else "undo"
    key = (visitor.person.id, case.plan_digest, about, "approve")
    given = any((a.person, a.plan, a.about, a.given) == key for a in d.ledger.approvals(case.id))
    return {"apply": "approve", "undo": "undo"}[about] if given else ""


def _refused(d: Deployment, visitor: Visitor | None, case: Case, kind: str) -> str:
    """Why this visitor may not decide so; empty when they may. What is typed is judged later."""
    plan = to_undo(case) if kind == "undo" else case.plan_digest
    try:
        check(d, visitor.identity if visitor else None, Request(case.id, kind, plan, "", ""))
    except BadRequest as refused:
        return f"{refused.what[:1].upper()}{refused.what[1:]}." if refused.status == 403 else ""
    return ""


def _form(frame: Frame, case: Case, kind: str, wrong: Typed | None) -> Html:
    title, tone = _TITLES[kind]
    plan = to_undo(case) if kind == "undo" else case.plan_digest
    typed = wrong.fields if wrong else {}
    fields = [
        frame.token,
        el("input", type="hidden", name="decision", value=kind),
        el("input", type="hidden", name="plan", value=plan),
        _alert(kind, wrong),
        *_own_fields(case, kind, typed, wrong.field if wrong else ""),
    ]
    if kind == "approve":
        fields.append(el("p", "You approve just these calls, plan ", el("code", f"…{plan[-12:]}"), class_="hint"))
    fields.append(el("button", title, type="submit", class_=tone or None))
    form = el("form", *fields, method="post", action=frame.to("cases", case.id, "decision"), class_=f"decide {kind}")
    if kind in ("approve", "attest", "continue", "revoke"):
        return form
    return el("details", el("summary", f"{title} …"), form, open=wrong is not None)


def _alert(kind: str, wrong: Typed | None) -> Html | None:
    if wrong is None:
        return None
    step = el("span", f" {wrong.next_step}") if wrong.next_step else None
    return el("p", el("strong", wrong.refusal), step, class_="alert", role="alert", id=f"{kind}-wrong")


def _own_fields(case: Case, kind: str, typed: Mapping[str, str], bad: str) -> list[Html]:
    rows: list[Html] = []
    if kind == "attest":
        rows.append(el("p", str(case.standing.get("says", "")), class_="hint"))
        rows.append(_field(kind, "by", "Who did it", typed, bad))
        rows.append(_field(kind, "at", "When, UTC", typed, bad, type="datetime-local"))
    if kind == "suppress":
        options = (el("option", f"{n} days", value=n, selected=n == typed.get("days", "7")) for n in DAYS)
        label = el("label", "For how long", for_="suppress-days")
        rows.append(el("div", label, el("select", *options, id="suppress-days", name="days")))
    if kind != "revoke":
        wanted = needs_reason(case, kind)
        labels = {"attest": "How, without the value", "approve": "Reason" if wanted else "Reason (may stay empty)"}
        rows.append(_reason(kind, labels.get(kind, "Reason"), wanted, typed, bad))
    if kind == "approve" and is_high(case):
        more = {"maxlength": 80, "autocomplete": "off", "spellcheck": "false", "class_": "digits"}
        rows.append(_field(kind, "digits", f"The plan's last {DIGITS} characters", typed, bad, **more))
    return rows


def _field(kind: str, name: str, label: str, typed: Mapping[str, str], bad: str, **more: object) -> Html:
    id_ = f"{kind}-{name}"
    known = {"type": "text", "required": True, "maxlength": 200, **more}
    box = el("input", id=id_, name=name, value=typed.get(name, ""), **_told(kind, name, bad), **known)
    return el("div", el("label", label, for_=id_), box)


def _reason(kind: str, label: str, wanted: bool, typed: Mapping[str, str], bad: str) -> Html:
    id_ = f"{kind}-reason"
    told = _told(kind, "reason", bad)
    text = typed.get("reason", "")
    box = el("textarea", text, id=id_, name="reason", rows=2, maxlength=MOST_REASON, required=wanted, **told)
    return el("div", el("label", label, for_=id_), box)


def _told(kind: str, name: str, bad: str) -> dict[str, object]:
    """What a screen reader says of a field in which something is wrong."""
    return {"aria_invalid": "true", "aria_describedby": f"{kind}-wrong", "autofocus": True} if name == bad else {}
