"""The exceptions of Suture. Every one says where, what, and the next step.

SutureError
├── BadInput               somebody gave us something we cannot read
│   ├── BadEvent           an envelope, a queue message, a Config item
│   ├── BadRunbook         a runbook, its lock, an expression in it
│   ├── BadGovernance      pins, approvers, suppressions
│   ├── BadPolicy          a policy document that IAM itself would refuse
│   └── BadRequest         a decision that came through a door (carries an HTTP status)
├── Misconfigured          our own environment lacks something
├── Escalation             a guard or refusal: a person has to look
├── Conflict               another writer was first: read again and decide again
└── CallFailed             AWS refused one call
    ├── Gone               the resource is not there
    ├── Denied             we may not; names the action that is missing
    ├── Busy               it cannot be changed just now (409, InProgress): wait
    ├── Throttled          too many calls, or AWS is unwell: retry, then wait
    │   └── NotYet         AWS works on the answer: ask again in a while, that is no failure
    └── Invalid            AWS says that the request itself is wrong: escalate
"""

from __future__ import annotations


class SutureError(Exception):
    """Base of all. `where` is a file and line, an event id or an ARN; `next_step` is an instruction."""

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.next_step = what, where, next_step

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        step = f" Next: {self.next_step}" if self.next_step else ""
        return f"{place}{self.what}{step}"


class BadInput(SutureError):
    pass


class BadEvent(BadInput):
    pass


class BadRunbook(BadInput):
    pass


class BadGovernance(BadInput):
    pass


class BadPolicy(BadInput):
    pass


class BadRequest(BadInput):
    """A refused request; `status` is the HTTP status that its door answers with."""

    def __init__(self, what: str, *, status: int = 400, where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.status = status


class Misconfigured(SutureError):
    pass


class Escalation(SutureError):
    pass


class Conflict(SutureError):
    pass


class CallFailed(SutureError):
    """One AWS call that failed; `code` is AWS's error code, `operation` ours (`lambda:GetPolicy`)."""

    def __init__(self, what: str, *, operation: str = "", code: str = "", where: str = "", next_step: str = "") -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.operation, self.code = operation, code


class Gone(CallFailed):
    pass


class Denied(CallFailed):
    """A refused call; `missing` are the IAM actions that it lacks, each with `on` and the resource, where known."""

    missing: tuple[str, ...] = ()


class Busy(CallFailed):
    pass


class Throttled(CallFailed):
    pass


class NotYet(Throttled):
    pass


class Invalid(CallFailed):
    pass
