"""What goes wrong on purpose: deliveries doubled, late, out of order or lost, and functions killed in mid-run.

One seed gives one sequence of misfortunes for one sequence of questions. Everything is off by default.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from chalicelib.errors import BadInput

_REORDER_SECONDS = (0.02, 0.3)
_DELAY_SECONDS = (0.5, 3.0)
_KILL_SECONDS = (0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Switches:
    """Probabilities (0–1) but for the last four: `seed`; `kill_before`/`kill_after` make `kill` strike at the n-th
    AWS call of an invocation (before it is sent, after its answer) instead of after a random time; `redeliver` is
    the seconds after which a batch that failed is visible again (0: the queue's visibility timeout, as in AWS)."""

    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    drop: float = 0.0
    kill: float = 0.0
    kill_before: int = 0
    kill_after: int = 0
    redeliver: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Kill:
    """Ends one invocation's process: `when` is `time` (after `at` seconds), `before` or `after` (the `at`-th call)."""

    when: str
    at: float


_PROBABILITIES = ("duplicate", "reorder", "delay", "drop", "kill")


def parse(text: str) -> Switches:
    """`duplicate=0.2,kill=0.1,seed=7` → Switches. Raises BadInput, naming the wrong part."""
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition("=")
        pairs[name.strip()] = value.strip()
    return changed(Switches(), pairs)


def changed(switches: Switches, values: Mapping[str, object]) -> Switches:
    """The switches with some set anew; values may be numbers or their text. Raises BadInput."""
    known: dict[str, type] = {field.name: type(getattr(Switches(), field.name)) for field in fields(Switches)}
    new: dict[str, float] = {}
    for name, value in values.items():
        if name not in known:
            raise _bad(f"there is no switch {name!r}", f"choose from {', '.join(known)}")
        try:
            new[name] = known[name](str(value))
        except ValueError:
            raise _bad(f"{name}={value} is not a number", f"write {name}=NUMBER") from None
        if not new[name] >= 0 or (name in _PROBABILITIES and new[name] > 1):
            raise _bad(f"{name}={value} is out of range", "probabilities lie between 0 and 1")
    return replace(switches, **new)  # type: ignore[arg-type]


def _bad(what: str, next_step: str) -> BadInput:
    return BadInput(what, where="--chaos", next_step=next_step)


class Chaos:
    """The switches in force, and the dice. Safe to ask from several threads."""

    def __init__(self, switches: Switches | None = None) -> None:
        self._lock = threading.Lock()
        self.set(switches or Switches())

    @property
    def switches(self) -> Switches:
        return self._switches

    def set(self, switches: Switches) -> None:
        """Put other switches in force; the dice start again from their seed."""
        with self._lock:
            self._switches = switches
            self._dice = random.Random(switches.seed)

    def deliveries(self) -> tuple[float, ...]:
        """When (seconds from now) to make one delivery: (0.0,) without chaos, () when it is lost."""
        with self._lock:
            if self._falls(self._switches.drop):
                return ()
            copies = 2 if self._falls(self._switches.duplicate) else 1
            return tuple(self._wait() for _ in range(copies))

    def kill(self) -> Kill | None:
        """Whether and when the next invocation dies."""
        with self._lock:
            if not self._falls(self._switches.kill):
                return None
            if self._switches.kill_before:
                return Kill("before", self._switches.kill_before)
            if self._switches.kill_after:
                return Kill("after", self._switches.kill_after)
            return Kill("time", self._dice.uniform(*_KILL_SECONDS))

    def _wait(self) -> float:
        if self._falls(self._switches.delay):
            return self._dice.uniform(*_DELAY_SECONDS)
        return self._dice.uniform(*_REORDER_SECONDS) if self._falls(self._switches.reorder) else 0.0

    def _falls(self, probability: float) -> bool:
        return probability > 0 and self._dice.random() < probability
