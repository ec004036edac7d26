"""What the operation catalogue is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry. `iam` holds (action, resource template) pairs; a template's braces name call parameters.

    `repeat` says what happens when the same request is sent twice: `state` (same end state), `token` (the
    request carries an idempotency token), or `none` (never send it again without observing first).
    `absent` lists error codes that mean "what this call would remove is not there", `exists` those that mean "what
    it would make is there already": success only where the journal says that this very call may have been made
    before. `settle` is the time in seconds until a following read must show the effect. `shown` names the parameters
    that messages may show, `needs` those without which the call would do more, `fresh` those that only the fresh read
    knows. Of a `hushed` call AWS's own message is dropped: it may repeat a secret that the request held.
    """

    kind: str
    iam: tuple[tuple[str, str], ...]
    repeat: str = "state"
    absent: tuple[str, ...] = ()
    exists: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    settle: int = 10
    needs: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    hushed: bool = False


def read(action: str, resource: str) -> Operation:
    return Operation("read", ((action, resource),))


def look(action: str, resource: str) -> Operation:
    return Operation("look", ((action, resource),))


def own(*pairs: tuple[str, str]) -> Operation:
    return Operation("own", pairs)
