"""Windows: the reason for a decision, the plan's last digits where much is at stake, and a case in full."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ... import messages
from ...aws.deployment import Deployment
from ...cases import Case
from ...errors import BadRequest
from ...model import Json
from ..asking import DECISIONS, DIGITS
from ..decide import Request
from ..facts import facts_of, shown
from .blocks import Blocks
from .text import ROOM, bold, code, moment, plain_text, preformatted, rich, said, words

MOST_PAGES = 20
_PAGE = 2_800


def decision(case: Case, request: Request, channel: str) -> Mapping[str, Json]:
    """The window in which one decision is made; what it is about rides along, and is checked again."""
    about = {"c": case.id, "p": request.plan, "channel": channel}
    blocks: Blocks = [rich(said(bold(case.title)), said(code(case.arn)), said("Plan ", code(request.plan[-12:])))]
    if request.decision == "attest":
        blocks.append(_input("by", "Who did it", "A name, as people here know it."))
        blocks.append(_input("at", "When", "A time such as 2027-01-31T08:00Z, or now."))
    name = "How" if request.decision == "attest" else "Reason"
    blocks.append(_input("reason", name, "It stays in the case's record.", multiline=True))
    if request.decision == "approve":
        hint = f"As the message or `suture cases show {case.id}` has them."
        blocks.append(_input("digits", f"The plan's last {DIGITS} characters", hint))
    view = {"type": "modal", "callback_id": request.decision, "private_metadata": json.dumps(about)}
    title = plain_text(DECISIONS[request.decision], 24 + ROOM)
    return {**view, "title": title, "submit": plain_text("Send"), "close": plain_text("Cancel"), "blocks": blocks}


def details(d: Deployment, case: Case) -> Mapping[str, Json]:
    """A case in full: why, every call, who may decide, what happened. Nothing here decides."""
    pages = plan_pages(case)
    more = [rich(said(f"{len(pages) - MOST_PAGES} more: /suture plan {case.id} 8"))] if len(pages) > MOST_PAGES else []
    blocks = [*why(d, case), *pages[:MOST_PAGES], *more, *story(d, case)]
    view = {"type": "modal", "callback_id": "details", "private_metadata": "{}", "title": plain_text(case.id, 24)}
    return {**view, "close": plain_text("Close"), "blocks": blocks[:100]}


def why(d: Deployment, case: Case) -> Blocks:
    """The reasons: of the control, of the finding, of the decision, and of who may decide."""
    facts = facts_of(d, case)
    rows = [said(bold(case.title)), said(code(case.arn)), said("Why it matters: ", words(facts.why))]
    rows += [said("Found: ", code(json.dumps(e, sort_keys=True, default=str), 600)) for e in case.evidence[:3]]
    causers = ", ".join(f"{p.name} ({p.session})" if p.session else p.name for p in case.principals)
    rows.append(said(f"Changed with {case.action or 'an unknown call'} by {causers or 'nobody known'}"))
    rows += [said(f"Decided “{case.decision}”: ", words(reason)) for reason in case.reasons[:6]]
    rows += [said("Note: ", words(note)) for note in case.notes[:5]]
    rows.append(said(f"Now {case.state}: ", words(case.outcome or messages.doing(case))))
    if case.state == "PENDING":
        may = ", ".join(facts.who_may) or "nobody"
        rows.append(
            said(f"May approve: {may}. {len(facts.counted)} of {facts.minimum} so far. Expires ", moment(case.expires))
        )
    return [rich(*rows)]


def plan_pages(case: Case) -> list[Mapping[str, Json]]:
    """Every call of the plan, in blocks that each stay below Slack's limits."""
    plan = case.the_plan
    if plan is None:
        return [rich(said("There is no plan: ", words(case.refusal or "a person has to look")))]
    pages: list[Mapping[str, Json]] = [rich(said(bold("Plan "), code(plan.digest)))]
    for number, step in enumerate(plan.steps, 1):
        lines = list(messages.changes(step, shown(), case.evidence))
        lines[0] = f"{number}. {lines[0]}"
        pages += [rich(preformatted([piece])) for piece in _pieces("\n".join(lines))]
    return pages


def story(d: Deployment, case: Case) -> Blocks:
    rows = [f"{r['at'][:19]}Z  {r['to']:<13}  {r['by']}: {r['what']}"[:200] for r in d.ledger.records(case.id)]
    return [rich(said(bold("What happened")), preformatted(rows[-25:]))]


def _pieces(text: str) -> list[str]:
    return [text[i : i + _PAGE] for i in range(0, len(text), _PAGE)]


def _input(name: str, label: str, hint: str, *, multiline: bool = False) -> Mapping[str, Json]:
    element = {"type": "plain_text_input", "action_id": name, "multiline": multiline, "max_length": 1500}
    block = {"type": "input", "block_id": name, "label": plain_text(label), "hint": plain_text(hint)}
    return {**block, "element": element}


def page(case: Case, number: int, size: int = 3) -> tuple[Blocks, int]:
    """One page of the plan for a command's answer, and how many pages there are. Raises BadRequest."""
    pages = plan_pages(case)
    count = -(-len(pages) // size)
    if not 1 <= number <= count:
        raise BadRequest(f"the plan has {count} pages")
    return list(pages[(number - 1) * size : number * size]), count
