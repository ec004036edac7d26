"""What mail, alerts and tickets say about a case: plain words, of which none can link, and one link to its page.

Pure but for the facts. A link only shows the case: it holds no token, and whoever decides there signs in first.
"""

from __future__ import annotations

from ... import messages
from ...cases import Case
from ...redaction import safe_text
from ..facts import facts_of, shown
from ..gate import JOINER
from . import Job

MORE = "… The rest: suture cases show "


def title(case: Case, limit: int) -> str:
    """One line of at most `limit` characters."""
    return inert(safe_text(messages.headline(case), limit))[:limit]


def subject(case: Case, limit: int) -> str:
    """A line that stays the same while the case moves: some mail programs end a thread with its subject."""
    return safe_text(f"[{case.severity.upper()}] Suture {case.id}: {case.control} on {case.arn}", limit)


def text(job: Job, limit: int) -> str:
    """The case in full, its calls included, in at most `limit` characters; what is cut off is said to be."""
    case = job.case
    whole = inert(messages.text(case, shown(), facts_of(job.d, case).who_may, full=True))
    tail = MORE + case.id
    return whole if len(whole) <= limit else whole[: limit - len(tail)] + tail


def news(case: Case) -> str:
    """What became of a case, as a sentence."""
    outcome = f": {safe_text(case.outcome, 500)}" if case.outcome else ""
    return inert(f"Suture {messages.doing(case)}{outcome} ({case.state.lower().replace('_', ' ')})")


def link(job: Job) -> str:
    """The address of the case's page; empty where governance/chat.yaml does not say where pages are."""
    page = job.d.packaged.page.rstrip("/")
    return f"{page}/cases/{job.case.id}" if page else ""


def inert(text: str) -> str:
    """Text in which no program finds an address to link, or somebody to mention."""
    return text.replace("://", f":{JOINER}//").replace("@", f"@{JOINER}").replace("www.", f"www{JOINER}.")
