"""The states of a case, what each means, and where it may go from there."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.cases import AFTER_APPLY, BETWEEN_STAGES, IN_FLIGHT, TRANSITIONS
from chalicelib.errors import Misconfigured

from .markdown import code, codes, page, table

MEANINGS: Mapping[str, str] = {
    "DETECTED": "A control is broken; nothing has been decided",
    "OBSERVED": "Written down, and nothing else: the mode is `observe`, or no plan fits",
    "PLANNED": "The exact calls, their undo calls and their digest are known",
    "PENDING": "Proposed: waits for people until it expires",
    "APPROVED": "A quorum, or the mode `auto`, allows exactly this plan",
    "REJECTED": "A person said no; asked again only when the finding itself changes",
    "SUPPRESSED": "A person accepts the finding for a while, with a reason",
    "EXPIRED": "Nobody decided in time: neither consent nor refusal",
    "SUPERSEDED": "The finding or the resource changed, so the plan no longer counts; decided anew",
    "ESCALATED": "A person has to look: a guard, a refusal, a failed call, or somebody who keeps restoring the risk",
    "APPLYING": "A writer makes the plan's calls",
    "VERIFYING": "The calls were made; the resource is read until the effect shows",
    "WATCHING": "Verified, and watched for a while before it is closed",
    "WAITING_OWNER": "The owner acts next: Suture did its part, or may do nothing; a next stage follows by itself",
    "RESOLVED": "The control holds: fixed, healed by others, or gone with its resource",
    "UNDOING": "A writer makes the undo calls",
    "UNDONE": "The resource is as it was before the fix, and the fix never happens by itself again",
    "UNDO_FAILED": "The way back did not work; the record lists the calls that are open",
}
"""One without its sentence here breaks the rendering."""


def page_for() -> str:
    """The page of all states. Raises Misconfigured for a state without a meaning."""
    unknown = sorted(set(TRANSITIONS) ^ set(MEANINGS))
    if unknown:
        what = f"MEANINGS and the states of a case differ in {', '.join(unknown)}"
        raise Misconfigured(what, where="suture/docs/states.py", next_step="say there what the state means")
    intro = (
        "A case is the durable record of one finding on one resource. It moves only along this table "
        "(`chalicelib/cases.py`), each move in one conditional transaction with its append-only record."
    )
    rows = [(code(state), meaning, codes(TRANSITIONS[state])) for state, meaning in MEANINGS.items()]
    notes = (
        f"A writer owns the case in {codes(sorted(IN_FLIGHT))}; detection then only adds to it. "
        f"People may ask for undo in {codes(sorted(AFTER_APPLY))}, if anything was applied; of a staged case also in "
        f"{codes(sorted(BETWEEN_STAGES))}, where the last applied stage is taken back."
    )
    return page("# States of a case", intro, table(("state", "what it means", "may go to"), rows), notes)
