"""What a decision asks for besides a click, the same in every chat: a reason, the plan's digits, who and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..cases import Case
from ..times import iso
from .decide import Request

DECISIONS: Mapping[str, str] = {
    "approve": "Approve this plan",
    "reject": "Reject this plan",
    "snooze": "Snooze for 7 days",
    "undo": "Undo this fix",
    "revoke": "Take it back",
    "attest": "Say that it is done",
    "continue": "Take it up again",
}
"""What a button may ask for, and the title of its window (Slack allows 24 characters)."""

DIGITS = 4
SNOOZE = timedelta(days=7)
_REASONED = ("reject", "snooze", "undo", "attest", "continue")


def is_needed(case: Case, decision: str) -> bool:
    """Does this decision ask for a reason, and so for more than a click? Taking back never does."""
    plan = case.the_plan
    return decision in _REASONED or (decision == "approve" and plan is not None and plan.tier == "high")


def problem(case: Case, request: Request, digits: str) -> Mapping[str, str]:
    """What is wrong with what was typed, by field; empty when nothing is."""
    if not is_needed(case, request.decision):
        return {}
    if not request.reason.strip():
        return {"reason": "Say why: it stays in the record."}
    if request.decision == "approve" and not fits(request.plan, digits):
        return {"digits": f"These are not the last {DIGITS} characters of the plan that this is about."}
    if request.decision == "attest" and not request.by.strip():
        return {"by": "Say who did it."}
    if request.decision == "attest" and not is_time(request.at):
        return {"at": "Give a time, such as 2027-01-31T08:00Z, or now."}
    return {}


def fits(plan: str, digits: str) -> bool:
    """Are these the last digits of that digest?"""
    typed = digits.strip().lower()
    return len(typed) >= DIGITS and typed.isascii() and plan.endswith(typed)


def until(now: datetime, request: Request) -> str:
    """When a decision ends that lasts for a while."""
    return iso(now + SNOOZE) if request.decision == "snooze" else ""


def moment(now: datetime, text: str) -> str:
    """The time that somebody means: `now`, or what they wrote."""
    return iso(now) if text.strip().lower() == "now" else text.strip()


def is_time(text: str) -> bool:
    """Is this `now`, or a time that holds at least a whole date?"""
    word = text.strip().lower()
    try:
        return word == "now" or ("-" in word and bool(datetime.fromisoformat(word.upper())))
    except ValueError:
        return False
