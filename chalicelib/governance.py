"""Pins and suppressions: which runbook version remediates what in which account, and what is accepted for a while.

Only pins choose a version; there is no "latest". Both arrive as the validated JSON of governance/packaged.json;
where that is broken nothing is pinned and nothing is suppressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .attention import NEVER, Attention, attention_from
from .iam.globs import matches
from .model import Json, Resource, least_mode

if TYPE_CHECKING:
    from .runbooks import Runbook


@dataclass(frozen=True, slots=True)
class Pin:
    """One runbook's version, mode, parameters and ways to ask again, for some accounts and resources (ARN patterns).

    `*` means all of them.
    """

    runbook: str
    version: str
    mode: str
    accounts: tuple[str, ...]
    params: Mapping[str, Json]
    resources: tuple[str, ...] = ("*",)
    attention: Attention = NEVER

    def covers(self, account: str, arn: str) -> bool:
        is_here = account in self.accounts or "*" in self.accounts
        return is_here and any(matches(pattern, arn) for pattern in self.resources)


@dataclass(frozen=True, slots=True)
class Pins:
    mode: str
    account_modes: Mapping[str, str]
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """A reasoned, owned, expiring acceptance. `resource` is an ARN pattern; times are ISO 8601 in UTC.

    With `fingerprints` it accepts those values only, by their keyed fingerprints; without, the whole finding.
    """

    id: str
    control: str
    resource: str
    account: str
    owner: str
    reason: str
    expires: str
    fingerprints: tuple[str, ...] = ()

    def covers(self, resource: Resource, control: str) -> bool:
        return (
            self.control == control and self.account in ("*", resource.account) and matches(self.resource, resource.arn)
        )


def pins_from(document: Mapping[str, Json]) -> Pins:
    """Pins from their validated document."""
    pins = tuple(
        Pin(
            p["runbook"],
            p["version"],
            p["mode"],
            _all_or(p, "accounts"),
            p.get("params", {}),
            _all_or(p, "resources"),
            attention_from(p),
        )
        for p in document.get("pins", ())
    )
    accounts = {account: entry["mode"] for account, entry in document.get("accounts", {}).items()}
    return Pins(document.get("mode", "observe"), accounts, pins)


def suppressions_from(document: Mapping[str, Json]) -> tuple[Suppression, ...]:
    """Suppressions from their validated document, or from items of the table."""
    return tuple(suppression_from(s) for s in document.get("suppressions", ()))


def suppression_from(data: Mapping[str, Json]) -> Suppression:
    """One suppression from its JSON."""
    known = {name: data[name] for name in Suppression.__slots__ if name in data}
    return Suppression(**{**known, "fingerprints": tuple(data.get("fingerprints") or ())})


def _all_or(pin: Mapping[str, Json], name: str) -> tuple[str, ...]:
    return tuple(pin.get(name, ("*",)))


def pinned(
    pins: Pins, runbooks: Mapping[str, Runbook], control: str, account: str, arn: str
) -> tuple[Pin, Runbook] | None:
    """The pin and runbook that remediate `control` on the resource `arn` of `account`.

    A pin that names resources goes before one that names accounts, and that before one for everything.
    """
    fitting = []
    for pin in pins.pins:
        book = runbooks.get(f"{pin.runbook}/{pin.version}")
        if book is not None and control in book.remediates and pin.covers(account, arn):
            fitting.append((("*" in pin.resources, "*" in pin.accounts), pin, book))
    if not fitting:
        return None
    _, pin, book = min(fitting, key=lambda entry: entry[0])
    return pin, book


def effective_mode(pins: Pins, pin: Pin, runbook: Runbook, account: str) -> tuple[str, str]:
    """The mode that holds, and a sentence saying whose word decided it: the least of four."""
    voices = {
        "the runbook": runbook.mode,
        "the pin": pin.mode,
        f"account {account}": pins.account_modes.get(account, pins.mode),
        "the global mode": pins.mode,
    }
    mode = least_mode(*voices.values())
    return mode, f"mode {mode}: " + ", ".join(f"{who} allows {allowed}" for who, allowed in voices.items())


def suppressed(
    all_of_them: Sequence[Suppression], resource: Resource, control: str, now: str, values: Iterable[str] = ()
) -> Suppression | None:
    """The suppression that covers this finding at `now` (ISO 8601, UTC), or None. Expired ones cover nothing.

    `values` are the fingerprints of what was found. Several suppressions may cover them together; then it is the one
    that ends first.
    """
    in_force = [s for s in all_of_them if s.expires > now and s.covers(resource, control)]
    whole = next((s for s in in_force if not s.fingerprints), None)
    wanted = set(values)
    helping = [s for s in in_force if wanted.intersection(s.fingerprints)]
    if whole or not wanted or not wanted <= accepted(helping):
        return whole
    return min(helping, key=lambda s: s.expires)


def accepted(in_force: Iterable[Suppression]) -> frozenset[str]:
    """The fingerprints of all values that these suppressions accept."""
    return frozenset(value for s in in_force for value in s.fingerprints)
