"""The controls: one file each, found by itself; a file's name is its control's id.

A control is pure: it judges one `Resource` and answers with a `Finding` that carries its evidence, or None.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from ..model import Finding, Hidden, Json, Resource


@dataclass(frozen=True, slots=True)
class Signal:
    """CloudTrail events after which to look: the EventBridge source and API names without date suffix."""

    source: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a control's `judge` answers when the control is broken: one sentence, and the facts behind it."""

    title: str
    evidence: tuple[Mapping[str, Json], ...]
    severity: str = ""


@dataclass(frozen=True, slots=True)
class OfValues:
    """For a control whose evidence is about hidden values: `value` gives the one an item is about (None: none), and
    `retold` judges again by some of the items. So one value can be accepted, and another one still speaks."""

    value: Callable[[Resource, Mapping[str, Json]], Hidden | None]
    retold: Callable[[Resource, tuple[Mapping[str, Json], ...]], Judgement | None]


@dataclass(frozen=True, slots=True)
class Control:
    """A statement that should hold.

    `public_access` marks the danger that is fixed at once even where infrastructure as code owns the resource.
    `peers` are the ids under which other tools report the same (Security Hub's first), to map their findings.
    """

    title: str
    why: str
    severity: str
    pillar: str
    resource_type: str
    signals: tuple[Signal, ...]
    judge: Callable[[Resource], Judgement | None]
    public_access: bool = False
    of_values: OfValues | None = None
    references: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()


@cache
def all_controls() -> Mapping[str, Control]:
    """Every control by id, sorted. A module without `CONTROL` is a mistake and raises AttributeError."""
    return {id_: control(id_) for id_ in _ids()}


@cache
def control(control_id: str) -> Control:
    """One control. Raises ModuleNotFoundError for an id that no file has."""
    module = importlib.import_module(f"{__name__}.{control_id.replace('-', '_')}")
    found: Control = module.CONTROL
    return found


@cache
def controls_for(resource_type: str) -> Mapping[str, Control]:
    """The controls that judge one resource type, by id. Only its service's files are loaded: a cold start pays."""
    service = resource_type.split("::")[1].lower()
    ours = {id_: control(id_) for id_ in _ids() if id_.startswith(f"{service}-")}
    return {id_: c for id_, c in ours.items() if c.resource_type == resource_type}


@cache
def _ids() -> tuple[str, ...]:
    return tuple(sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def judge(resource: Resource) -> tuple[Finding, ...]:
    """All findings on one resource, in the order of the control ids."""
    return tuple(f for i in controls_for(resource.type) if (f := judge_one(i, resource)))


def judge_one(control_id: str, resource: Resource) -> Finding | None:
    """The finding of one control on one resource, or None when the control holds."""
    judging = control(control_id)
    answer = judging.judge(resource)
    if answer is None:
        return None
    return Finding(control_id, answer.severity or judging.severity, resource.arn, answer.title, answer.evidence)
