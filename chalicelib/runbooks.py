"""Runbooks as the functions load them: frozen, validated before they were packaged, identified by digest.

`suture runbooks lock` validates the YAML (suture/schema.py) and writes runbooks/packaged.json; here it is only
read. That keeps YAML and pydantic out of every cold start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .errors import BadRunbook
from .model import Json, Plan

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
class Read:
    """What a stage's expressions see as `facts.<name>`: one call's answer, one an element of `each`, or a resource.

    `pages` is the key under which a paginated answer has its items, of which `most` are read (0: all), `keep` an
    expression over each answer, `mark` the key whose value gets a fingerprint beside it, as `Mark`. A resource is of
    the type `resource` and has the id `id`.
    """

    name: str
    call: CallTemplate | None
    each: str | None
    pages: str
    keep: str
    mark: str
    resource: str
    id: str
    most: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a staged runbook: how AWS shows that it is done, and the plan that gets it done.

    Without `done` it never holds a case up: it only `tells`. With `attests` people say that it is done. `who` acts
    next (approvers, owner), and `says` what they do. `state` is an expression for that part of the resource on which
    its undo depends.
    """

    name: str
    who: str
    says: str
    reads: tuple[Read, ...]
    done: str
    attests: bool
    tells: Mapping[str, str]
    state: str
    guards: tuple[Guard, ...]
    steps: tuple[StepTemplate, ...]
    approval: Approval
    tier: str
    reversible: str
    manual: tuple[str, ...]


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
    stages: tuple[Stage, ...] = ()
    stage: str = ""

    def writes(self) -> frozenset[str]:
        """Every write operation that this runbook may make, undo included; of a staged one, in all its stages."""
        steps = self.steps or tuple(step for stage in self.stages for step in stage.steps if not self.stage)
        return frozenset(c.operation for s in steps for c in (s.call, *s.undo))

    def operations(self) -> frozenset[str]:
        """Every operation that this runbook may make, its stages' and verifying reads included."""
        reads = {read.call.operation for stage in self.stages for read in stage.reads if read.call}
        return self.writes() | {c.call.operation for c in self.verify} | (set() if self.stage else reads)

    def at(self, name: str) -> Runbook:
        """A staged runbook as it is at one stage: with that stage's guards, steps, approval and sentences."""
        found = self.staged(name)
        names = ("guards", "steps", "approval", "tier", "reversible", "manual")
        return replace(self, stage=name, leaves="open", **{n: getattr(found, n) for n in names})

    @property
    def number(self) -> int:
        """The place of the stage that it is `at`, from 1."""
        return [stage.name for stage in self.stages].index(self.stage) + 1

    def staged(self, name: str) -> Stage:
        """The stage of that name. Raises BadRunbook."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise BadRunbook(f"{self.id} {self.version} has no stage {name!r}", next_step="keep the version that has it")


def of_plan(runbooks: Mapping[str, Runbook], plan: Plan | None) -> Runbook | None:
    """The runbook that made a plan, at the plan's stage; None where it is not packaged any more."""
    found = runbooks.get(f"{plan.runbook}/{plan.version}") if plan else None
    return found.at(plan.stage) if found and plan and plan.stage else found


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
    limits, watch = document["limits"], document.get("watch")
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
        guards=_guards(document),
        steps=tuple(_step(s) for s in document.get("steps", ())),
        approval=_approval(document["approval"]),
        limits=Limits(limits["per_hour"], seconds(limits["cooldown"]), limits["max_reapply"]),
        watch=Watch(seconds(watch["for"]), watch.get("undo_if")) if watch else None,
        leaves=document.get("leaves", "closed"),
        verify=tuple(Check(_call(c), c.get("each"), c["expect"]) for c in document.get("verify", ())),
        params=document.get("params", {}),
        uses=tuple(document.get("uses", ())),
        manual=tuple(document.get("manual", ())),
        stages=tuple(_stage(s, document) for s in document.get("stages", ())),
    )


def _stage(data: Mapping[str, Json], document: Mapping[str, Json]) -> Stage:
    return Stage(
        name=data["name"],
        who=data["who"],
        says=data["says"],
        reads=tuple(_read(r) for r in data.get("reads", ())),
        done=data.get("done", ""),
        attests=data.get("attests", False),
        tells=data.get("tells", {}),
        state=data.get("state", ""),
        guards=_guards(data),
        steps=tuple(_step(s) for s in data.get("steps", ())),
        approval=_approval(data.get("approval") or document["approval"]),
        tier=data.get("tier") or document["tier"],
        reversible=data.get("reversible") or document["reversible"],
        manual=tuple(data.get("manual", ())),
    )


def _read(data: Mapping[str, Json]) -> Read:
    call = _call(data) if "call" in data else None
    texts = {name: data.get(name, "") for name in ("pages", "keep", "mark", "resource", "id")}
    return Read(name=data["name"], call=call, each=data.get("each"), most=data.get("most", 0), **texts)


def _guards(data: Mapping[str, Json]) -> tuple[Guard, ...]:
    return tuple(Guard(g["expect"], g["else"], g["why"]) for g in data.get("guards", ()))


def _approval(data: Mapping[str, Json]) -> Approval:
    return Approval(data["min"], tuple(data["groups"]), seconds(data["expires"]))


def _step(data: Mapping[str, Json]) -> StepTemplate:
    return StepTemplate(_call(data), data.get("each"), tuple(_undo(data.get("undo", "none"))))


def _undo(data: Json) -> Iterator[CallTemplate]:
    if data == "none":
        return
    yield from map(_call, data if isinstance(data, list) else [data])


def _call(data: Mapping[str, Json]) -> CallTemplate:
    return CallTemplate(data["call"], data["with"], data.get("when"))
