"""The decision: skip, observe, propose, apply or escalate, each with its reasons. Pure; the order is the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .governance import Suppression
from .model import Decision, Plan
from .ownership import Iac
from .planning import Refusal

if TYPE_CHECKING:
    from .runbooks import Runbook


BY_HAND = "only people can do this; the runbook says how"

NOT_SEEN = "Suture has not seen this resource without this finding: it may be meant"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision needs besides the plan.

    `mode` and `mode_reason` come from `governance.effective_mode`; `seen_before` says that Suture has seen this
    resource without this finding or has seen it created; `is_by_duty` that the finding is what a release gives to one
    of Suture's own parts, and that no change of it was told; `reapplied` counts fixes again within the cooldown;
    `within_limit` that the causer has fixes left this hour; `flapping_with` names who restores the risk.
    """

    mode: str
    mode_reason: str
    is_own: bool
    is_by_duty: bool
    is_public_access: bool
    seen_before: bool
    undone: bool
    replayed: bool
    reapplied: int
    within_limit: bool
    flapping_with: str
    owner: Iac
    suppression: Suppression | None


def decide(plan: Plan | Refusal | None, runbook: Runbook | None, now: Circumstances) -> Decision:
    """What to do with a finding. `plan` is None where no pinned runbook remediates the control."""
    if now.is_by_duty:
        return Decision("observe", ("the writer of IAM policies can do this by its duty, and nobody changed it",))
    if now.is_own:
        return Decision(
            "escalate",
            ("Suture never writes to its own resources: deploy this release again and look who did it",),
        )
    if now.suppression:
        s = now.suppression
        return Decision("skip", (f"accepted by {s.owner} until {s.expires}: {s.reason}",))
    if runbook is None or plan is None:
        return Decision("observe", ("no pinned runbook remediates this control in this account",))
    if isinstance(plan, Refusal) and (plan.kind not in ("wait", "close") or now.mode != "observe"):
        return Decision(plan.kind, (plan.why,))
    if now.mode == "observe":
        return Decision("observe", (now.mode_reason,))
    if not isinstance(plan, Refusal) and not plan.steps:
        return Decision("propose", (BY_HAND,))
    if now.reapplied >= runbook.limits.max_reapply > 0:
        who = now.flapping_with or "an unknown principal"
        return Decision(
            "escalate",
            (f"fixed {now.reapplied + 1} times within its cooldown, and {who} restored it each time: ask its owner",),
        )
    if now.mode == "propose":
        return Decision("propose", (now.mode_reason,))
    doubts = tuple(_doubts(runbook, now))
    return Decision("propose", doubts) if doubts else Decision("apply", (now.mode_reason, *_grounds(now)))


def _doubts(runbook: Runbook, now: Circumstances) -> Iterator[str]:
    """Why a plan that may be automatic is proposed all the same."""
    if runbook.tier != "low" or runbook.reversible != "full":
        yield f"only a fully reversible low-tier runbook is automatic; this is {runbook.tier}, {runbook.reversible}"
    for is_doubtful, reason in _DOUBTS:
        if is_doubtful(now):
            yield reason


_DOUBTS: tuple[tuple[Callable[[Circumstances], bool], str], ...] = (
    (lambda now: not now.seen_before, NOT_SEEN),
    (lambda now: now.undone, "a fix of this finding was undone before, so it never happens by itself again"),
    (lambda now: now.replayed, "the event is a replay from an archive"),
    (lambda now: not now.within_limit, "the causer's limit of automatic fixes an hour is reached"),
    (
        lambda now: bool(now.owner.tool) and not now.is_public_access,
        "infrastructure as code owns the resource, and this is not public access",
    ),
)


def _grounds(now: Circumstances) -> Iterator[str]:
    yield "Suture has seen this resource without this finding, so the change made it"
    if now.owner.tool:
        yield "infrastructure as code owns it, but the danger is public access, so it is closed at once"
