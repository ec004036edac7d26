"""The case: the durable record of one finding on one resource, and the states it may move through."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .errors import Conflict
from .model import Json, Plan, Principal

_SELF = ("RESOLVED",)
"""A resource that heals itself, or is gone, resolves its case from any state in which nobody is writing."""

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "DETECTED": ("OBSERVED", "PLANNED", "WAITING_OWNER", "ESCALATED", "SUPPRESSED", *_SELF),
    "OBSERVED": ("PLANNED", "WAITING_OWNER", "ESCALATED", "SUPPRESSED", *_SELF),
    "PLANNED": ("APPROVED", "PENDING", "WAITING_OWNER", "OBSERVED", "ESCALATED", *_SELF),
    "PENDING": ("APPROVED", "REJECTED", "EXPIRED", "SUPERSEDED", "SUPPRESSED", "UNDOING", *_SELF),
    "APPROVED": ("APPLYING", "SUPERSEDED", "ESCALATED", *_SELF),
    "REJECTED": ("SUPERSEDED", "SUPPRESSED", "UNDOING", *_SELF),
    "SUPPRESSED": ("SUPERSEDED", *_SELF),
    "EXPIRED": ("SUPERSEDED", "SUPPRESSED", "UNDOING", *_SELF),
    "SUPERSEDED": ("PLANNED", "OBSERVED", "WAITING_OWNER", "ESCALATED", "SUPPRESSED", *_SELF),
    "ESCALATED": ("SUPERSEDED", "UNDOING", "SUPPRESSED", *_SELF),
    "APPLYING": ("VERIFYING", "UNDOING", "ESCALATED", "SUPERSEDED", *_SELF),
    "VERIFYING": ("WATCHING", "RESOLVED", "WAITING_OWNER", "UNDOING", "ESCALATED"),
    "WATCHING": ("RESOLVED", "UNDOING", "ESCALATED"),
    "WAITING_OWNER": ("PLANNED", "UNDOING", "ESCALATED", "SUPERSEDED", "SUPPRESSED", *_SELF),
    "RESOLVED": ("UNDOING",),
    "UNDOING": ("UNDONE", "UNDO_FAILED"),
    "UNDONE": ("SUPERSEDED", "SUPPRESSED", "UNDOING", *_SELF),
    "UNDO_FAILED": ("UNDOING", "SUPERSEDED", "SUPPRESSED", *_SELF),
}
"""From each state, where a case may go. UNDONE and REJECTED are left when the finding itself changes, or somebody takes
a staged case up again. What is UNDOING from PENDING, REJECTED, EXPIRED or UNDONE is an earlier stage of a staged case.
"""

IN_FLIGHT = frozenset({"APPROVED", "APPLYING", "VERIFYING", "UNDOING", "WATCHING"})
"""States in which a writer owns the case: detection only adds to it."""

AFTER_APPLY = frozenset({"WATCHING", "RESOLVED", "WAITING_OWNER", "ESCALATED", "UNDO_FAILED"})
"""States from which people may ask for undo, if anything was applied."""

BETWEEN_STAGES = frozenset({"PENDING", "REJECTED", "EXPIRED", "UNDONE"})
"""States besides those from which people may ask for the last applied stage of a staged case to be taken back."""

ASKED_AGAIN = frozenset({"DETECTED", "OBSERVED", "SUPERSEDED", "PLANNED"})
"""States in which seeing the same finding again decides anew."""

LEFT_ALONE = frozenset({"REJECTED", "SUPPRESSED"})
"""States in which people decided that a staged case is not to go on: its control's silence ends it then."""

MOST_CAUSERS = 50
_IDENTITY_CENTER = "/AWSReservedSSO_"


@dataclass(frozen=True, slots=True)
class Case:
    """One case as it stands. Times are ISO 8601 in UTC; `version` counts its transitions.

    `applied` says when its present plan touched AWS: empty when there is nothing that undo could take back.
    `chain` is the hash of its last record, which the next one holds.
    `refusal` is why no plan could be made; the case is decided again when that reason is gone. `owner` is what the
    resource's own tag says: it routes messages, and grants nothing. `reminded` counts reminders of the present plan,
    `escalated` names the groups that stand in for those who did not answer.

    Of a staged case: `standing` is the stage that is due and who acts next, `reached` since when each stage is, `told`
    what the stages found out for people, `stages` the applied plans in their order, each with stage, plan, at and by,
    and `attested` what people said about a stage: by whom, when, and what.
    """

    id: str
    account: str
    region: str
    resource_type: str
    resource_id: str
    arn: str
    control: str
    state: str
    version: int
    opened: str
    updated: str
    title: str = ""
    severity: str = ""
    evidence: tuple[Mapping[str, Json], ...] = ()
    causers: tuple[Mapping[str, str], ...] = ()
    action: str = ""
    event_id: str = ""
    decision: str = ""
    reasons: tuple[str, ...] = ()
    plan: Mapping[str, Json] | None = None
    expires: str = ""
    until: str = ""
    occurrences: int = 1
    owned_by: str = ""
    owner: str = ""
    outcome: str = ""
    applied: str = ""
    refusal: str = ""
    reminded: int = 0
    escalated: str = ""
    notes: tuple[str, ...] = field(default=())
    chain: str = ""
    standing: Mapping[str, Json] = field(default_factory=dict)
    reached: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Json] = field(default_factory=dict)
    stages: tuple[Mapping[str, Json], ...] = ()
    attested: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_led(self) -> bool:
        """Is this the case of a staged runbook that has begun? Then its control's silence does not end it."""
        return bool(self.standing)

    @property
    def last_stage(self) -> Mapping[str, Json]:
        """The last applied stage that was not taken back; empty when there is none."""
        return self.stages[-1] if self.stages else {}

    @property
    def principals(self) -> tuple[Principal, ...]:
        return tuple(Principal(**c) for c in self.causers)

    @property
    def the_plan(self) -> Plan | None:
        return Plan.from_json(self.plan) if self.plan else None

    @property
    def is_by_hand(self) -> bool:
        """Does the case wait for people because its runbook makes no call?"""
        waits = self.state == "WAITING_OWNER" and not self.is_led
        return waits and self.plan is not None and not self.plan["steps"]

    @property
    def plan_digest(self) -> str:
        return str(self.plan["digest"]) if self.plan else ""

    def as_json(self) -> dict[str, Json]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Case:
        tuples = ("evidence", "causers", "reasons", "notes", "stages")
        plain: dict[str, Any] = {k: tuple(v) if k in tuples else v for k, v in data.items()}
        return cls(**plain)


def case_id(account: str, region: str, arn: str, control: str, nth: int) -> str:
    """The id of the n-th case of one problem: the same for every worker that opens it at the same time."""
    text = "|".join((account, region, arn, control, str(nth)))
    return "C-" + hashlib.sha256(text.encode()).hexdigest()[:10].upper()


def moved(case: Case, state: str, now: str, **changes: Json) -> Case:
    """`case` in its next state. Raises Conflict for a transition that the table does not have."""
    if state not in TRANSITIONS[case.state]:
        raise Conflict(
            f"case {case.id} cannot go from {case.state} to {state}",
            where=case.arn,
            next_step="read the case again: somebody else decided first",
        )
    return replace(case, state=state, version=case.version + 1, updated=now, **changes)


def noted(case: Case, now: str, **changes: Json) -> Case:
    """`case` with changed facts in the same state."""
    return replace(case, version=case.version + 1, updated=now, **changes)


def with_causers(case: Case, principals: tuple[Principal, ...]) -> tuple[Mapping[str, str], ...]:
    """The case's causers and `principals`, each identity once, in the order in which they came.

    A role is one identity whatever its sessions are called, but for Identity Center's and its source identities. Who
    no longer fits in is not forgotten: an unknown principal stands for all of them, and asks for security.
    """
    known = {_identity(c): c for c in case.causers}
    for p in principals:
        facts = {n: getattr(p, n)[:300] for n in Principal.__slots__}
        known.setdefault(_identity(facts), facts)
    causers = tuple(known.values())
    return causers if len(causers) <= MOST_CAUSERS else (*causers[: MOST_CAUSERS - 1], _OTHERS)


_OTHERS: Mapping[str, str] = {n: getattr(Principal(), n) for n in Principal.__slots__}


def _identity(causer: Mapping[str, str]) -> tuple[str, ...]:
    shares = causer["kind"] == "AssumedRole" and _IDENTITY_CENTER not in causer["arn"]
    session = "" if shares else causer["session"]
    return causer["kind"], causer["arn"], session, causer["invoked_by"], causer["source_identity"]
