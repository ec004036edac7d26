"""One case as an Adaptive Card: the proposal with every call, its outcome, its history, and several as one digest.

Pure. Everybody sees the same card without a decision on it; whom `refresh` names, or who asks, gets one with the
decisions that they may make ("User Specific Views", Microsoft Teams). A proposal of which a call does not fit has no
Approve button, and says the command instead.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from ... import messages
from ...cases import AFTER_APPLY, Case
from ...model import Json, Plan
from ..asking import DIGITS, is_needed
from ..facts import Facts
from .text import Element, bold, code, mention, plain, preformatted, said, words

Card = dict[str, Json]

BUDGET = 19_000
"""Bytes of a card's body: Teams refuses a message above 28 KB ("Format your bot messages"). Inputs and buttons, those
whom it is refreshed for, and what surrounds the card need the rest."""

CODE_BUDGETS = (14_000, 4_000, 0)
"""Bytes of the calls among them: the most that leaves room for the rest is taken."""

VERSION = "1.5"
MOST_ROWS, MOST_NAMES, MOST_REFRESHED = 12, 10, 60

_BREAKS = {
    "low": "only callers that nobody authorised lose access",
    "medium": "availability or cost may change",
    "high": "rights, secrets or something shared change: whoever relies on it may lose access",
}
_UNDONE = {"full": "fully", "partial": "partly", "none": "not at all"}
_TITLES = {
    "approve": "Approve",
    "reject": "Reject",
    "snooze": "Snooze 7 d",
    "revoke": "Take back",
    "undo": "Undo",
    "attest": "It is done",
    "continue": "Take up again",
}
_STYLES = {"approve": "positive", "reject": "destructive", "undo": "destructive", "attest": "positive"}


def kinds(case: Case, facts: Facts) -> tuple[str, ...]:
    """What may be decided about a case as it stands now, by whoever may."""
    if case.state == "PENDING":
        return ("approve", "reject", "snooze", *(("revoke",) if facts.counted else ()))
    can_undo = bool(case.the_plan and case.applied and case.state in AFTER_APPLY)
    asked = {"undo": can_undo, "attest": bool(facts.attests), "continue": facts.rests}
    found = tuple(kind for kind, is_asked in asked.items() if is_asked)
    can_wait = case.state in ("ESCALATED", "REJECTED", "EXPIRED", "OBSERVED", "UNDONE", "WAITING_OWNER")
    return (*found, "snooze") if can_wait else found


def card(case: Case, facts: Facts, members: Sequence[str] = ()) -> Card:
    """What everybody sees. Teams asks for the personal card of `members` by itself; the others may ask."""
    made = _fitting(case, facts, lambda body, left: [*body, *_asking(case, facts)])
    if members and kinds(case, facts):
        action = {"type": "Action.Execute", "title": "Look again", "verb": "view", "data": _about(case)}
        made["refresh"] = {"action": action, "userIds": list(members[:MOST_REFRESHED])}
    return made


def personal(case: Case, facts: Facts, may: Collection[str], note: str = "") -> Card:
    """What one person sees who may decide so; `note` says what became of what they just did."""
    head = [said(bold(note), color="Attention")] if note else []
    return _fitting(case, facts, lambda body, left: [*head, *body, *_deciding(case, may, left)])


def notification(case: Case, facts: Facts, why: str = "") -> Card:
    """The same for a place in which nobody decides; `why` is what it reminds of."""
    head = [said(bold(why))] if why else []
    hint = said("Decide: ", code(f"suture cases show {case.id}"))
    return _fitting(case, facts, lambda body, left: [*head, *body, hint])


def summary(case: Case) -> str:
    """The message's line in a notification."""
    return plain(messages.headline(case), 600)


def history(records: Iterable[Mapping[str, Json]], names: Mapping[str, str]) -> tuple[Card, str]:
    """A reply of the thread: what happened, a line a record, and its summary."""
    rows: list[Element] = []
    lines: list[str] = []
    for record in list(records)[-MOST_ROWS:]:
        by = names.get(record["by"], record["by"])
        moves = f"{record['from'] or 'new'} → {record['to']}" if record["from"] != record["to"] else record["to"]
        reason = str((record.get("details") or {}).get("reason") or "")
        rows.append(said(bold(moves), f" {by}: {record['what']}", f" “{reason}”" if reason else ""))
        lines.append(f"{moves}: {by}: {record['what']}")
    return _card(rows), plain("; ".join(lines), 1000)


def digest(cases: Sequence[Case], more: int) -> tuple[Card, str]:
    """A storm as one message: how many, of what, in which states, and how to come to each."""
    total = len(cases) + more
    severities = Counter(c.severity for c in cases)
    counts = ", ".join(f"{n} {s}" for s, n in severities.most_common())
    text = f"{total} more finding{'s'[: total != 1]} in a storm: {counts}"
    states = Counter((c.control, c.state) for c in cases)
    lines = [f"{n} × {control}: {state}" for (control, state), n in states.most_common(20)]
    names = [f"{c.id}  {c.severity}  {c.state}  {c.control}  {c.arn}"[:160] for c in cases[:20]]
    last = said(f"{max(0, total - 20)} more. ", code("suture cases list"), " shows them.")
    return _card([said(bold(text), size="Large"), preformatted(lines), preformatted(names), last]), plain(text)


def reminder(case: Case, why: str, people: Sequence[tuple[str, str]]) -> tuple[Card, str]:
    """Who is asked, once more: the only message that mentions anybody."""
    body = [said(bold(why), f" The plan of {case.id} expires {case.expires}.")]
    line, entities = mention(people[:MOST_NAMES])
    made = _card([*body, line] if people else body)
    return {**made, "msteams": {**made["msteams"], "entities": entities}}, plain(f"{why}: {case.id}")


_Around = Callable[[list[Element], int], list[Element]]


def _fitting(case: Case, facts: Facts, around: _Around) -> Card:
    return _fitted(case, facts, around)[0]


def _fitted(case: Case, facts: Facts, around: _Around) -> tuple[Card, int]:
    """The card with as many whole calls as fit, and how many do not. `around` puts around its body what depends on it.

    Room for what stands around is kept free, so that every card of a case shows the same calls.
    """
    body, left = _body(case, facts, 0)
    for room in CODE_BUDGETS:
        body, left = _body(case, facts, room)
        if size(_card(body)) <= BUDGET:
            break
    return _card(around(body, left)), left


def size(made: Mapping[str, Json]) -> int:
    """Bytes of a card as it is sent."""
    return len(json.dumps(made).encode())


def left_out(case: Case, facts: Facts) -> int:
    """How many calls of a proposal its card does not show, and so nobody may approve there."""
    plan = case.the_plan
    return _fitted(case, facts, lambda body, left: body)[1] if plan is not None else 0


def _card(body: Sequence[Element]) -> Card:
    return {"type": "AdaptiveCard", "version": VERSION, "msteams": {"width": "Full"}, "body": list(body)}


def _body(case: Case, facts: Facts, room: int) -> tuple[list[Element], int]:
    plan = case.the_plan
    head = [_header(case, plan), *_what(case, facts)]
    if case.state != "PENDING" or plan is None:
        return [*head, *_outcome(case, facts, plan)], 0
    calls, left = _calls(plan, case, facts, room)
    return [*head, *calls, *_risk(plan), *_quorum(case, plan, facts, left)], left


def _header(case: Case, plan: Plan | None) -> Element:
    book = f"{plan.runbook}@{plan.version}" if plan else case.control
    return said(bold(f"[{case.severity.upper()}] {book} · {case.id}"), size="Large")


def _what(case: Case, facts: Facts) -> Iterator[Element]:
    causers = ", ".join(p.name for p in case.principals[:5]) or "nobody known"
    yield said(bold(case.title))
    yield said("Where: ", code(case.arn), f" in account {case.account}, {case.region}", spacing="Small")
    yield said("Changed: ", code(case.action or "found at a look"), f" by {causers}, {case.opened}", spacing="Small")
    yield said("Why it matters: ", words(facts.why), spacing="Small")
    yield from (said("Note: ", words(note, limit=250), spacing="Small") for note in case.notes[:3])


def _outcome(case: Case, facts: Facts, plan: Plan | None) -> Iterator[Element]:
    doing = case.outcome or messages.doing(case)
    yield said(bold("Now: "), f"{case.state.lower().replace('_', ' ')}: {doing}")
    if plan is not None and plan.manual and case.state == "WAITING_OWNER":
        yield from (said(bold("Owner: "), words(m), spacing="Small") for m in plan.manual[:5])
    if plan is not None and case.applied and case.state in AFTER_APPLY:
        if facts.counted:
            asked = f"Undo asked for by {', '.join(facts.counted)}: {len(facts.counted)} of {facts.minimum}"
            yield said(bold(asked), f", still one of: {', '.join(facts.missing)}" if facts.missing else "")
        back = f"Undo puts back what was there, {_UNDONE[plan.reversible]}. It asks for as many approvals as the fix."
        yield said(back, spacing="Small")


def _calls(plan: Plan, case: Case, facts: Facts, room: int) -> tuple[list[Element], int]:
    """The calls that fit into `room` bytes, whole, and how many do not."""
    used, parts = 0, [said(bold(f"{len(plan.steps)} call{'s'[: len(plan.steps) != 1]}, in this order:"))]
    for number, step in enumerate(plan.steps, 1):
        lines = list(messages.changes(step, facts.shown, case.evidence))
        lines[0] = f"{number}. {lines[0]}"
        shown = preformatted([line for text in lines for line in text.split("\n")])
        used += size(shown)
        if used > room:
            left = len(plan.steps) - number + 1
            parts.append(
                said(bold(f"+{left} more"), ", too long for a message: ", code(f"suture cases show {case.id}"))
            )
            return parts, left
        parts.append(shown)
    return parts, 0


def _risk(plan: Plan) -> Iterator[Element]:
    yield said("What may break: ", words(_BREAKS[plan.tier]), f" ({plan.tier} tier)")
    yield said("Taken back by undo: ", words(_UNDONE[plan.reversible]), spacing="Small")
    if plan.leaves == "open":
        yield said("The finding stays open after this stage; its owner goes on.", spacing="Small")
    yield from (said("By hand: ", words(m, limit=250), spacing="Small") for m in plan.manual[:3])


def _quorum(case: Case, plan: Plan, facts: Facts, left: int) -> Iterator[Element]:
    more = f" and {len(facts.who_may) - MOST_NAMES} more" if len(facts.who_may) > MOST_NAMES else ""
    who = ", ".join(facts.who_may[:MOST_NAMES]) + more or "nobody: see governance/approvers.yaml"
    counted = f" ({', '.join(facts.counted)})" if facts.counted else ""
    still = f", still one of: {', '.join(facts.missing)}" if facts.missing else ""
    yield said(f"Approvals: {len(facts.counted)} of {facts.minimum}{counted}{still}")
    yield said(f"May approve: {who}", spacing="Small")
    digits = code(plan.digest[-12:])
    yield said(f"Expires {case.expires}, and then nothing is applied. Plan ", digits, spacing="Small")
    if left:
        how = code(f"suture cases approve {case.id}")
        yield said(bold("Not all calls fit here: "), "read and approve them with ", how)


def _asking(case: Case, facts: Facts) -> list[Element]:
    """The one button of the common card: who may decide gets theirs, and who may not is told so alone."""
    return [_actions([_button("Decide…", "view", case)])] if kinds(case, facts) else []


def _deciding(case: Case, may: Collection[str], left: int) -> list[Element]:
    """Inputs and buttons of one person. What was typed comes with whichever button they press."""
    offered = [kind for kind in _TITLES if kind in may and not (kind == "approve" and left)]
    if not offered:
        return []
    fields: list[Element] = []
    if "attest" in offered:
        fields.append(_input("by", "Who did it", "A name, as people here know it"))
        fields.append(_input("at", "When", "A time such as 2027-01-31T08:00Z, or now"))
    asked = [_TITLES[kind].lower() for kind in offered if is_needed(case, kind)]
    if asked:
        hint = "It stays in the case's record; never a secret value"
        fields.append({**_input("reason", f"Reason, to {', '.join(asked)}", hint), "isMultiline": True})
    if "approve" in offered and is_needed(case, "approve"):
        fields.append(_input("digits", f"To approve: the plan's last {DIGITS} characters", "As they stand above"))
    return [*fields, _actions([_button(_TITLES[kind], kind, case) for kind in offered])]


def _button(title: str, verb: str, case: Case) -> Element:
    """A button that says which case and plan its card showed; it carries no right."""
    made: Element = {"type": "Action.Execute", "title": title, "verb": verb, "data": _about(case)}
    return {**made, "style": _STYLES[verb]} if verb in _STYLES else made


def _about(case: Case) -> Mapping[str, Json]:
    return {"c": case.id, "p": case.plan_digest}


def _actions(buttons: Sequence[Element]) -> Element:
    return {"type": "ActionSet", "actions": list(buttons)}


def _input(name: str, label: str, hint: str) -> Element:
    return {"type": "Input.Text", "id": name, "label": label, "placeholder": hint, "maxLength": 1500}
