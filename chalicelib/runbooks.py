"""Runbooks as the functions load them: frozen, validated before they were packaged, identified by digest.

`suture runbooks lock` validates the YAML (suture/schema.py) and writes runbooks/packaged.json; here it is only
read. That keeps YAML and pydantic out of every cold start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .errors import BadRunbook
from .model import Json

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class CallTemplate:
    """One call before its expressions are evaluated; `when` decides whether it is made at all."""

    operation: str
    parameters: Mapping[str, Json]
    when: str | None = None


@dataclass(frozen=True, slots=True)
class StepTemplate:
    call: CallTemplate
    each: str | None
    undo: tuple[CallTemplate, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """`expect` must be true; otherwise `otherwise` (skip or escalate) happens, and `why` says so."""

    expect: str
    otherwise: str
    why: str


@dataclass(frozen=True, slots=True)
class Check:
    """A read whose `answer` must satisfy `expect`, for stages after which the control still speaks."""

    call: CallTemplate
    each: str | None
    expect: str


@dataclass(frozen=True, slots=True)
class Approval:
    """`minimum` distinct people, at least one of each of `groups`, within `expires` seconds."""

    minimum: int
    groups: tuple[str, ...]
    expires: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Fixes an hour by one causer, the cooldown in seconds, and how often it is fixed again within it."""

    per_hour: int
    cooldown: int
    max_reapply: int


@dataclass(frozen=True, slots=True)
class Watch:
    seconds: int
    undo_if: str | None


@dataclass(frozen=True, slots=True)
class Runbook:
    id: str
    version: str
    digest: str
    title: str
    why: str
    remediates: tuple[str, ...]
    tier: str
    reversible: str
    mode: str
    guards: tuple[Guard, ...]
    steps: tuple[StepTemplate, ...]
    approval: Approval
    limits: Limits
    watch: Watch | None
    leaves: str
    verify: tuple[Check, ...]
    params: Mapping[str, Json]
    uses: tuple[str, ...]
    manual: tuple[str, ...]

    def writes(self) -> frozenset[str]:
        """Every write operation that this runbook may make, undo included."""
        calls = (c for s in self.steps for c in (s.call, *s.undo))
        return frozenset(c.operation for c in calls)

    def operations(self) -> frozenset[str]:
        """Every operation that this runbook may make, verifying reads included."""
        return self.writes() | {c.call.operation for c in self.verify}


def seconds(text: str) -> int:
    """`30m`, `6h`, `7d` as seconds. Raises BadRunbook."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and len(number) <= 6) or unit not in _UNITS:
        raise BadRunbook(f"{text!r} is no duration", next_step="write a number and s, m, h or d, such as 30m")
    return int(number) * _UNITS[unit]


def load(packaged: Mapping[str, Json]) -> Mapping[str, Runbook]:
    """All packaged runbooks by `id/version`. `packaged` is the content of runbooks/packaged.json."""
    return {name: runbook(entry["document"], entry["digest"]) for name, entry in packaged["runbooks"].items()}


def runbook(document: Mapping[str, Json], digest: str) -> Runbook:
    """One runbook from its validated document. `digest` is the sha256 of the YAML file's bytes."""
    approval, limits, watch = document["approval"], document["limits"], document.get("watch")
    return Runbook(
        id=document["id"],
        version=document["version"],
        digest=digest,
        title=document["title"],
        why=document["why"],
        remediates=tuple(document["remediates"]),
        tier=document["tier"],
        reversible=document["reversible"],
        mode=document["mode"],
        guards=tuple(Guard(g["expect"], g["else"], g["why"]) for g in document.get("guards", ())),
        steps=tuple(_step(s) for s in document.get("steps", ())),
        approval=Approval(approval["min"], tuple(approval["groups"]), seconds(approval["expires"])),
        limits=Limits(limits["per_hour"], seconds(limits["cooldown"]), limits["max_reapply"]),
        watch=Watch(seconds(watch["for"]), watch.get("undo_if")) if watch else None,
        leaves=document.get("leaves", "closed"),
        verify=tuple(Check(_call(c), c.get("each"), c["expect"]) for c in document.get("verify", ())),
        params=document.get("params", {}),
        uses=tuple(document.get("uses", ())),
        manual=tuple(document.get("manual", ())),
    )


def _step(data: Mapping[str, Json]) -> StepTemplate:
    return StepTemplate(_call(data), data.get("each"), tuple(_undo(data.get("undo", "none"))))


def _undo(data: Json) -> Iterator[CallTemplate]:
    if data == "none":
        return
    yield from map(_call, data if isinstance(data, list) else [data])


def _call(data: Mapping[str, Json]) -> CallTemplate:
    return CallTemplate(data["call"], data["with"], data.get("when"))
