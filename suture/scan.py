"""A sweep of one account from outside: list, read, judge, and plan if asked. Nothing is written, nothing deployed.

What could not be looked at is a `Blind` spot, never a silent pass: a denied call costs its resource, and a list
that was denied costs its type, while everything else is still judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from chalicelib.aws import readers
from chalicelib.aws.clients import Aws
from chalicelib.controls import all_controls, judge_one
from chalicelib.errors import CallFailed, NotYet, SutureError, Throttled
from chalicelib.model import SEVERITIES, Finding, Json, Plan, Resource
from chalicelib.planning import Refusal

T = TypeVar("T")

Planner = Callable[[Resource, Finding], Plan | Refusal]
"""Plans the fix of one finding with the pinned runbook; a Refusal says why there is none."""

GLOBAL = ("AWS::IAM::",)
"""Types that exist once an account, whatever the region."""

FOUND_BY_REGION = ("Suture::IAM::",)
"""Types that exist once an account too, and are found by what uses them in a region."""

PATIENCE = (1.0, 3.0, 9.0)
"""Seconds to wait when AWS still throttles after botocore's own retries."""

GIVE_UP_AFTER = 3
"""Resources in a row that nobody answered for, after which the rest of that type is not waited for."""

_THROTTLES = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")


class Progress(Protocol):
    """Hears how far the sweep is."""

    def begin(self, what: str, total: int) -> None: ...

    def step(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with the resource's address, and the plan or the reason why there is none, if plans were asked for."""

    finding: Finding
    resource_type: str
    resource_id: str
    account: str
    region: str
    plan: Plan | None = None
    no_plan: str = ""

    def as_json(self) -> dict[str, Json]:
        f = self.finding
        said = {"control": f.control, "severity": f.severity, "title": f.title, "arn": f.arn}
        where = {n: getattr(self, n) for n in ("resource_type", "resource_id", "account", "region")}
        planned = {"plan": self.plan.as_json()} if self.plan else {"no_plan": self.no_plan} if self.no_plan else {}
        return {**said, **where, "evidence": list(f.evidence), **planned}


@dataclass(frozen=True, slots=True)
class Blind:
    """Where the sweep could not look. `resource_id` is empty where a whole type could not be listed.

    `kind` is the class of the failed call (`Denied`, `Throttled`, `Invalid`, …), or empty where none failed.
    """

    region: str
    resource_type: str
    resource_id: str
    what: str
    operation: str = ""
    kind: str = ""

    def as_json(self) -> dict[str, Json]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Report:
    """What a sweep saw. `looked` counts the resources that were read, by type."""

    account: str
    regions: tuple[str, ...]
    looked: Mapping[str, int]
    findings: tuple[Found, ...]
    blind: tuple[Blind, ...]

    def as_json(self) -> dict[str, Json]:
        counts = {s: sum(f.finding.severity == s for f in self.findings) for s in reversed(SEVERITIES)}
        return {
            "account": self.account,
            "regions": list(self.regions),
            "looked": dict(self.looked),
            "summary": {"findings": len(self.findings), "could_not_look": len(self.blind), **counts},
            "findings": [f.as_json() for f in self.findings],
            "could_not_look": [b.as_json() for b in self.blind],
        }


def scan(
    regions: Sequence[Aws],
    home: Aws,
    controls: Sequence[str],
    progress: Progress,
    plan: Planner | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Sweep the resources that `controls` (ids) judge, in each region; what is global once, through `home`.

    Raises only what no resource is to blame for.
    """
    types = sorted({all_controls()[c].resource_type for c in controls})
    findings: list[Found] = []
    blind: list[Blind] = []
    looked = dict.fromkeys(types, 0)
    for resource_type in types:
        known: set[str] = set()
        for aws in (home,) if resource_type.startswith(GLOBAL) else regions:
            for seen in _Sweep(aws, resource_type, tuple(controls), plan, sleep, frozenset(known)).run(progress):
                looked[resource_type] += isinstance(seen, Resource)
                if isinstance(seen, Resource) and resource_type.startswith(FOUND_BY_REGION):
                    known.add(seen.id)
                if isinstance(seen, Found):
                    findings.append(seen)
                elif isinstance(seen, Blind):
                    blind.append(seen)
    ranked = sorted(findings, key=_rank)
    return Report(home.account, tuple(r.region for r in regions), looked, tuple(ranked), tuple(blind))


@dataclass(frozen=True, slots=True)
class _Sweep:
    """All resources of one type in one region, but for those that are `known` already."""

    aws: Aws
    resource_type: str
    controls: tuple[str, ...]
    plan: Planner | None
    sleep: Callable[[float], None]
    known: frozenset[str]

    def run(self, progress: Progress) -> Iterator[Resource | Found | Blind]:
        """Each resource that was read, the findings on it, and the blind spots, as they come."""
        try:
            ids = self._patiently(lambda: sorted({*readers.list_ids(self.aws, self.resource_type)} - self.known))
        except KeyError:
            yield self._blind("", "there is no reader for this type")
            return
        except CallFailed as error:
            yield self._blind("", f"cannot be listed: {error.what}", error)
            return
        progress.begin(f"{self.resource_type} in {self.aws.region}", len(ids))
        unanswered = 0
        for nth, resource_id in enumerate(ids):
            if unanswered >= GIVE_UP_AFTER:
                left = len(ids) - nth
                yield self._blind("", f"{left} more were not tried, because nobody answered for the last ones")
                return
            seen = tuple(self._look(resource_id))
            unanswered = unanswered + 1 if any(isinstance(s, Blind) and s.kind == "Throttled" for s in seen) else 0
            progress.step()
            yield from seen

    def _look(self, resource_id: str) -> Iterator[Resource | Found | Blind]:
        try:
            resource = self._patiently(lambda: readers.read(self.aws, self.resource_type, resource_id))
        except CallFailed as error:
            yield self._blind(resource_id, error.what, error)
            return
        except Exception as error:
            yield self._blind(resource_id, f"cannot be read: {type(error).__name__}: {error}")
            return
        if resource is None:
            return
        yield resource
        for control in self.controls:
            if all_controls()[control].resource_type == self.resource_type:
                yield from self._judged(control, resource)

    def _judged(self, control: str, resource: Resource) -> Iterator[Found | Blind]:
        """The finding of one control; a control that stumbles over a configuration is a blind spot, not a pass."""
        try:
            finding = judge_one(control, resource)
        except Exception as error:
            what = error.what if isinstance(error, SutureError) else f"{type(error).__name__}: {error}"
            yield self._blind(resource.id, f"{control} cannot judge it: {what}")
            return
        if finding is not None:
            yield self._planned(finding, resource)

    def _planned(self, finding: Finding, resource: Resource) -> Found:
        found = Found(finding, resource.type, resource.id, resource.account, resource.region)
        if self.plan is None:
            return found
        try:
            answer = self.plan(resource, finding)
        except SutureError as error:
            return replace(found, no_plan=error.what)
        except Exception as error:
            return replace(found, no_plan=f"planning failed: {type(error).__name__}: {error}")
        return replace(found, plan=answer) if isinstance(answer, Plan) else replace(found, no_plan=answer.why)

    def _patiently(self, call: Callable[[], T]) -> T:
        """`call()`, again after a pause while AWS throttles or has no answer yet; nothing else is waited for."""
        for pause in PATIENCE:
            try:
                return call()
            except Throttled as error:
                if error.code not in _THROTTLES and not isinstance(error, NotYet):
                    raise
                self.sleep(pause)
        return call()

    def _blind(self, resource_id: str, what: str, error: CallFailed | None = None) -> Blind:
        operation, kind = (error.operation, type(error).__name__) if error else ("", "")
        return Blind(self.aws.region, self.resource_type, resource_id, what, operation, kind)


def _rank(found: Found) -> tuple[int, str, str]:
    severity = found.finding.severity
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else -1
    return -rank, found.finding.control, found.finding.arn
