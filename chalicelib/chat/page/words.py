"""How states and severities are said and marked, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping

from ... import messages
from ...cases import IN_FLIGHT, Case
from ...model import SEVERITIES
from .html import Html, el

WAITING = ("PENDING",)
NEEDS_PEOPLE = ("ESCALATED", "UNDO_FAILED", "WAITING_OWNER")
OPEN = (*WAITING, *NEEDS_PEOPLE, "DETECTED", "OBSERVED", "PLANNED", "SUPERSEDED", *sorted(IN_FLIGHT - {"WATCHING"}))
CLOSED = ("RESOLVED", "WATCHING", "SUPPRESSED", "REJECTED", "EXPIRED", "UNDONE")
"""Where nothing is to be done now. REJECTED, EXPIRED and UNDONE leave the risk where it is."""

LEFT_OPEN = ("REJECTED", "EXPIRED", "UNDONE", "SUPPRESSED")

_SAID: Mapping[str, str] = {
    "PENDING": "Waits for approval",
    "ESCALATED": "Needs a person",
    "UNDO_FAILED": "Undo failed",
    "WAITING_OWNER": "Waits for the owner",
    "DETECTED": "Found",
    "OBSERVED": "Observed",
    "PLANNED": "Planned",
    "SUPERSEDED": "Plans again",
    "APPROVED": "Approved",
    "APPLYING": "Applying",
    "VERIFYING": "Verifying",
    "UNDOING": "Undoing",
    "RESOLVED": "Resolved",
    "WATCHING": "Fixed, watching",
    "SUPPRESSED": "Accepted for a while",
    "REJECTED": "Rejected",
    "EXPIRED": "Expired",
    "UNDONE": "Undone",
}
_TONES: Mapping[str, str] = {
    **dict.fromkeys(("PENDING", "WAITING_OWNER"), "ask"),
    **dict.fromkeys(("ESCALATED", "UNDO_FAILED"), "bad"),
    **dict.fromkeys(("RESOLVED", "WATCHING"), "good"),
    **dict.fromkeys(("APPROVED", "APPLYING", "VERIFYING", "UNDOING"), "busy"),
}


def state(name: str) -> Html:
    """A state as a badge."""
    return el("span", said(name), class_=f"state {_TONES.get(name, 'still')}")


def said(name: str) -> str:
    return _SAID.get(name, name.replace("_", " ").capitalize())


def severity(name: str) -> Html:
    """A severity as a badge; a shape as well as a colour tells it."""
    known = name if name in SEVERITIES else "low"
    return el("span", name or "unknown", class_=f"sev {known}")


def rank(case: Case) -> int:
    return SEVERITIES.index(case.severity) if case.severity in SEVERITIES else -1


def causers(case: Case) -> str:
    """Who changed it, as far as AWS says."""
    names = [f"{p.name} ({p.session})" if p.session and p.session != p.name else p.name for p in case.principals]
    return ", ".join(dict.fromkeys(names)) or "nobody known"


def now_said(case: Case) -> str:
    """How the case stands, in a sentence."""
    told = case.outcome or messages.doing(case)
    return told[:1].upper() + told[1:]
