"""Handing a case on: to the writer that may carry out its plan, and to those who tell people."""

from __future__ import annotations

from ..cases import Case
from ..writers import writer_of
from .deployment import Deployment


def hand_over(d: Deployment, case: Case, do: str, delay: int = 0, waits: int = 0) -> None:
    """Send a case to the queue of the writer that may carry out its plan; `waits` counts how often it had to wait."""
    plan = case.the_plan
    assert plan is not None
    writer = writer_of({c.operation for s in plan.steps for c in (s.call, *s.undo)})
    message = {"suture": "write", "case": case.id, "do": do, "plan": plan.digest}
    d.queues.send(writer, {**message, "waits": waits} if waits else message, delay)


def tell(d: Deployment, case: Case) -> None:
    """Ask `notify` to tell people about a case as it now stands."""
    d.queues.send("notices", {"suture": "notice", "case": case.id, "version": case.version})
