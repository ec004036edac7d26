"""One case as Block Kit: the proposal with every call, its outcome, its history, and several as one digest.

Pure. Limits are Slack's ("Reference: Blocks", "Reference: Block elements"), and a budget below the undocumented
one of a whole message. A proposal of which a call does not fit has no Approve button.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ... import messages
from ...cases import AFTER_APPLY, Case
from ...model import Json, Plan
from ..facts import Facts
from .text import Element, bold, code, fallback, moment, person, plain_text, preformatted, rich, said, words

Blocks = list[Mapping[str, Json]]

BUDGET = 10_000
"""Characters of a message's blocks as JSON: Slack refuses somewhere above 13,000 (slackapi/bolt-js #2509)."""

CODE_BUDGET = 6_000
"""Characters of the calls among them; the rest tells about them."""

MOST_ROWS, MOST_NAMES = 12, 10

_BREAKS = {
    "low": "only callers that nobody authorised lose access",
    "medium": "availability or cost may change",
    "high": "rights, secrets or something shared change: whoever relies on it may lose access",
}
_UNDONE = {"full": "fully", "partial": "partly", "none": "not at all"}
_MARKS = {
    "PENDING": ":large_yellow_circle:",
    "APPROVED": ":hourglass_flowing_sand:",
    "APPLYING": ":hourglass_flowing_sand:",
    "VERIFYING": ":hourglass_flowing_sand:",
    "RESOLVED": ":large_green_circle:",
    "WATCHING": ":large_green_circle:",
    "WAITING_OWNER": ":large_blue_circle:",
    "ESCALATED": ":red_circle:",
    "UNDO_FAILED": ":red_circle:",
}


def message(case: Case, facts: Facts) -> Blocks:
    """The message about a case as it stands now."""
    return proposal(case, facts) if case.state == "PENDING" else outcome(case, facts)


def summary(case: Case) -> str:
    """The message's fallback: what a notification and a screen reader get."""
    return fallback(messages.headline(case), 600)


def proposal(case: Case, facts: Facts) -> Blocks:
    """What Suture proposes, completely, or without the button to approve it."""
    plan = case.the_plan
    if plan is None:
        return outcome(case, facts)
    for room in (CODE_BUDGET, CODE_BUDGET // 3, 0):
        calls, left = _calls(plan, case, facts, room)
        blocks = [_header(case, plan), _what(case, facts), calls, _risk(plan), _deciding(case, plan, facts, left)]
        blocks.append(_actions([*_decisions(case, plan, facts, left), button("Details", "details", case)]))
        if len(json.dumps(blocks)) <= BUDGET:
            break
    return blocks


def outcome(case: Case, facts: Facts) -> Blocks:
    """What became of it, with the way back where there is one."""
    plan = case.the_plan
    blocks = [_header(case, plan), _what(case, facts), rich(said(bold("Now: "), _headline(case)))]
    if plan is not None and plan.manual and case.state == "WAITING_OWNER":
        blocks.append(rich(*(said(bold("Owner: "), words(m)) for m in plan.manual[:5])))
    buttons = [button("Details", "details", case)]
    if plan is not None and case.applied and case.state in AFTER_APPLY:
        buttons.insert(0, button("Undo", "undo", case, style="danger"))
        if facts.counted:
            asked = f"Undo asked for by {', '.join(facts.counted)}: {len(facts.counted)} of {facts.minimum}"
            blocks.append(
                rich(said(bold(asked), f", still one of: {', '.join(facts.missing)}" if facts.missing else ""))
            )
        blocks.append(
            _context(
                f"Undo puts back what was there, {_UNDONE[plan.reversible]}. It asks for as many approvals as the fix."
            )
        )
    elif case.state in ("ESCALATED", "REJECTED", "EXPIRED", "OBSERVED", "UNDONE", "WAITING_OWNER"):
        buttons.insert(0, button("Snooze 7 d", "snooze", case))
    if facts.attests:
        buttons.insert(0, button("It is done…", "attest", case, style="primary"))
    if facts.rests:
        buttons.insert(0, button("Take up again…", "continue", case))
    return [*blocks, _actions(buttons)]


def history(records: Iterable[Mapping[str, Json]], names: Mapping[str, str]) -> tuple[Blocks, str]:
    """A reply of the thread: what happened, a line a record, and its fallback."""
    rows: list[Element] = []
    lines: list[str] = []
    for record in list(records)[-MOST_ROWS:]:
        by = names.get(record["by"], record["by"])
        moves = f"{record['from'] or 'new'} → {record['to']}" if record["from"] != record["to"] else record["to"]
        reason = str((record.get("details") or {}).get("reason") or "")
        rows.append(said(bold(moves), words(f" {by}: {record['what']}"), words(f" “{reason}”" if reason else "")))
        lines.append(f"{moves}: {by}: {record['what']}")
    return [rich(*rows)], fallback("; ".join(lines), 1000)


def aside(text: str) -> Mapping[str, Json]:
    """A refusal, for one person: blocks and fallback."""
    return {"text": fallback(text, 1000), "blocks": [rich(said(words(text, limit=2000)))]}


def digest(cases: Sequence[Case], more: int) -> tuple[Blocks, str]:
    """A storm as one message: how many, of what, in which states, and how to come to each."""
    total = len(cases) + more
    severities = Counter(c.severity for c in cases)
    text = f"{total} more finding{'s'[: total != 1]} in a storm: " + ", ".join(
        f"{n} {s}" for s, n in severities.most_common()
    )
    states = Counter((c.control, c.state) for c in cases)
    lines = [f"{n:>4} × {control}: {state}" for (control, state), n in states.most_common(20)]
    names = [f"{c.id}  {c.severity:<8}  {c.state:<9}  {c.control}  {c.arn}"[:160] for c in cases[:20]]
    blocks: Blocks = [
        {"type": "header", "text": plain_text(text, 150)},
        rich(preformatted(lines)),
        rich(preformatted(names)),
        _context(
            f"{max(0, total - 20)} more. /suture list shows them, /suture plan CASE one, /suture approve decides."
        ),
    ]
    return blocks, fallback(text)


def reminder(case: Case, facts: Facts, why: str) -> tuple[Blocks, str]:
    """Who is asked, once more: the only message that mentions anybody."""
    mentions: list[Element] = [part for user in facts.asked_in("slack")[:10] for part in (person(user), words(" "))]
    parts: list[str | Element] = [
        bold(why),
        " ",
        *mentions,
        f"The plan of {case.id} expires ",
        moment(case.expires),
        ".",
    ]
    return [rich(said(*parts))], fallback(f"{why}: {case.id}")


def _header(case: Case, plan: Plan | None) -> Mapping[str, Json]:
    book = f"{plan.runbook}@{plan.version}" if plan else case.control
    return {"type": "header", "text": plain_text(f"[{case.severity.upper()}] {book} · {case.id}", 150)}


def _headline(case: Case) -> str:
    return f"{case.state.lower().replace('_', ' ')}: {case.outcome or messages.doing(case)}"


def _what(case: Case, facts: Facts) -> Mapping[str, Json]:
    causers = ", ".join(p.name for p in case.principals[:5]) or "nobody known"
    parts = [
        said({"type": "emoji", "name": _MARKS.get(case.state, ":white_circle:").strip(":")}, " ", bold(case.title)),
        said("Where: ", code(case.arn), f" in account {case.account}, {case.region}"),
        said("Changed: ", code(case.action or "found at a look"), f" by {causers}, ", moment(case.opened)),
        said("Why it matters: ", words(facts.why)),
    ]
    parts += [said("Note: ", words(note, limit=250)) for note in case.notes[:3]]
    return rich(*parts)


def _calls(plan: Plan, case: Case, facts: Facts, room: int) -> tuple[Mapping[str, Json], int]:
    """The calls that fit into `room` characters, whole, and how many do not."""
    used, parts = 0, [said(bold(f"{len(plan.steps)} call{'s'[: len(plan.steps) != 1]}, in this order:"))]
    for number, step in enumerate(plan.steps, 1):
        lines = list(messages.changes(step, facts.shown, case.evidence))
        lines[0] = f"{number}. {lines[0]}"
        used += len(json.dumps("\n".join(lines))) + 80
        if used > room:
            left = len(plan.steps) - number + 1
            parts.append(said(bold(f"+{left} more"), ", too long for a message: /suture plan " + case.id))
            return rich(*parts), left
        parts.append(preformatted(lines))
    return rich(*parts), 0


def _risk(plan: Plan) -> Mapping[str, Json]:
    parts = [said("What may break: ", words(_BREAKS[plan.tier]), f" ({plan.tier} tier)")]
    parts.append(said("Taken back by undo: ", words(_UNDONE[plan.reversible])))
    if plan.leaves == "open":
        parts.append(said("The finding stays open after this stage; its owner goes on."))
    return rich(*parts, *(said("By hand: ", words(m, limit=250)) for m in plan.manual[:3]))


def _deciding(case: Case, plan: Plan, facts: Facts, left: int) -> Mapping[str, Json]:
    more = f" and {len(facts.who_may) - MOST_NAMES} more" if len(facts.who_may) > MOST_NAMES else ""
    who = ", ".join(facts.who_may[:MOST_NAMES]) + more or "nobody: see governance/approvers.yaml"
    counted = f" ({', '.join(facts.counted)})" if facts.counted else ""
    still = f", still one of: {', '.join(facts.missing)}" if facts.missing else ""
    parts = [
        said(f"Approvals: {len(facts.counted)} of {facts.minimum}{counted}{still}"),
        said(f"May approve: {who}"),
        said("Expires ", moment(case.expires), ", and then nothing is applied. Plan ", code(plan.digest[-12:])),
    ]
    if left:
        how = f"/suture approve {case.id} {plan.digest[-4:]}"
        parts.append(said(bold("Not all calls fit here: "), f"read /suture plan {case.id}, then ", code(how)))
    return rich(*parts)


def _decisions(case: Case, plan: Plan, facts: Facts, left: int) -> Iterator[Mapping[str, Json]]:
    if not left:
        yield button("Approve…" if plan.tier == "high" else "Approve", "approve", case, style="primary")
    yield button("Reject…", "reject", case, style="danger")
    yield button("Snooze 7 d…", "snooze", case)
    if facts.counted:
        yield button("Take back", "revoke", case)


def button(text: str, action: str, case: Case, style: str = "") -> Mapping[str, Json]:
    """A button that says which case and plan its message showed; it carries no right."""
    value = json.dumps({"c": case.id, "p": case.plan_digest}, separators=(",", ":"))
    made = {"type": "button", "action_id": action, "text": plain_text(text, 75), "value": value}
    return {**made, "style": style} if style else made


def _actions(buttons: Iterable[Mapping[str, Json]]) -> Mapping[str, Json]:
    return {"type": "actions", "block_id": "decide", "elements": list(buttons)}


def _context(text: str) -> Mapping[str, Json]:
    return {"type": "context", "elements": [plain_text(text, 1000)]}
