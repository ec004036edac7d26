"""What a message about a case needs besides the case: why it matters, who may decide, how the quorum stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from .. import approvals
from ..attention import in_force, stand_ins_of
from ..aws.deployment import Deployment
from ..aws.operations import OPERATIONS
from ..cases import AFTER_APPLY, Case
from ..controls import control
from ..runbooks import Approval as Requirement
from ..runbooks import of_plan
from ..times import iso
from . import stages


@dataclass(frozen=True, slots=True)
class Facts:
    """`who_may` are the names of those whose approval would count, `asked` their identities of other doors (kind, id),
    `counted` the names of those who approved, `missing` the groups still wanted. `shown` is the catalogue's allow-list.
    `attests` is the stage that people have to attest now, and `rests` says that they may take a staged case up again.
    """

    why: str
    shown: Mapping[str, Sequence[str]]
    who_may: tuple[str, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()
    counted: tuple[str, ...] = ()
    minimum: int = 0
    missing: tuple[str, ...] = ()
    attests: str = ""
    rests: bool = False

    def asked_in(self, kind: str) -> tuple[str, ...]:
        """The ids of those who may decide, in one kind of identity (`slack`, `entra`)."""
        return tuple(id_ for k, id_ in self.asked if k == kind)


@cache
def shown() -> Mapping[str, tuple[str, ...]]:
    """The parameters that a message may show, by operation."""
    return {name: entry.shown for name, entry in OPERATIONS.items()}


def facts_of(d: Deployment, case: Case) -> Facts:
    """The facts about a case as it stands now: for its undo, once it was applied."""
    why, requirement = _why(case), requirement_of(d, case)
    staged = (stages.attests(d, case), stages.rests(case))
    if requirement is None:
        return Facts(why, shown(), attests=staged[0], rests=staged[1])
    people, given = d.packaged.people, in_force(d.ledger.approvals(case.id), case, requirement.expires)
    about = "undo" if case.applied and case.state in AFTER_APPLY else "apply"
    standing = stand_ins_of(d.packaged.pins, case, requirement.expires)
    quorum = approvals.quorum(people, given, requirement, case.principals, case.plan_digest, about, standing)
    names = {p.id: p.name for p in people}
    may = approvals.who_may(people, requirement, case.principals, standing(iso(d.now())))
    return Facts(
        why=why,
        shown=shown(),
        who_may=may,
        asked=tuple((i.kind, i.name) for p in people if p.name in may for i in p.identities),
        counted=tuple(names[id_] for id_ in quorum.counted),
        minimum=max(1, requirement.minimum),
        missing=quorum.missing,
        attests=staged[0],
        rests=staged[1],
    )


def _why(case: Case) -> str:
    """The control's sentence; a case outlives a control that a later release no longer has."""
    try:
        return control(case.control).why
    except ModuleNotFoundError:
        return case.title


def requirement_of(d: Deployment, case: Case) -> Requirement | None:
    """Who has to consent to the plan of a case, as its runbook says; None where there is no plan."""
    runbook = of_plan(d.packaged.runbooks, case.the_plan)
    return runbook.approval if runbook else None
