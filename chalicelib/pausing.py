"""What a turned kill switch stops: every write, or those in one account, for one control, or of one runbook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .cases import Case
from .redaction import safe_text

KINDS = ("account", "control", "runbook")
WAITING = ("APPROVED", "APPLYING", "VERIFYING", "UNDOING")
"""States whose writer waits while a switch is off."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a switch is for: one of KINDS and its name, or everything where both are empty."""

    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {safe_text(self.name, 100)}" if self.kind else "every write"

    def covers(self, account: str, control: str, runbook: str) -> bool:
        """Does it stop a write in that account, for that control, of the runbook with that id?"""
        of = {"": "", "account": account, "control": control, "runbook": runbook}
        return of.get(self.kind) == self.name


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Pause:
    """One switch that is off: what it stops, who turned it when (ISO 8601) and why, and who asks to go on already."""

    scope: Scope
    by: str = ""
    at: str = ""
    reason: str = ""
    resume: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f": {safe_text(self.reason, 200)}" if self.reason else ""
        who = f" by {safe_text(self.by, 60)}" if self.by else ""
        since = f" since {safe_text(self.at, 30)}" if self.at else ""
        return f"{self.scope} is paused{who}{since}{said}"


def over(pauses: Iterable[Pause], account: str, control: str, runbook: str) -> Pause | None:
    """The first switch that stops a write, the widest before the others."""
    found = [p for p in pauses if p.scope.covers(account, control, runbook)]
    return min(found, key=lambda p: ("", *KINDS).index(p.scope.kind), default=None)


def waits(pauses: Iterable[Pause], case: Case) -> str:
    """Why a case that a writer should be at waits for people, as a sentence; empty where no switch holds it."""
    plan = case.the_plan
    if plan is None or case.state not in WAITING:
        return ""
    pause = over(pauses, case.account, case.control, plan.runbook)
    return str(pause) if pause else ""
