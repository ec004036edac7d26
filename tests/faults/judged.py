"""What a law may ask about one write or one end: the journal's word for it, who approved, what AWS held then.

None of it asks the code under test to judge itself: approvals are counted here anew, AWS is read anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from history import Event, Items, Write
from remembered import Path, Remembered
from small_worlds import Problem
from world import ACCOUNT, PEOPLE

from chalicelib.aws import readers
from chalicelib.aws.clients import Clients, classified
from chalicelib.controls import judge
from chalicelib.model import Json, Resource
from chalicelib.redaction import state_digest

if TYPE_CHECKING:
    from simulation import Simulation


class Still(Clients):
    """AWS as it stood at one moment."""

    def __init__(self, aws: Remembered, at: Path, region: str) -> None:
        self.account, self.region, self.partition, self.vaults = ACCOUNT, region, "aws", {}
        self._aws, self._at = aws, at

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        from botocore.exceptions import ClientError

        try:
            found: Mapping[str, Json] = self._aws.ask(self._at, self.region, name, parameters)
        except ClientError as error:
            raise classified(error, name) from error
        return found


def resource_at(sim: Simulation, at: Path, kind: str, id_: str, region: str) -> Resource | None:
    return readers.read_at(Still(sim.aws, at, region), region, kind, id_)


def digest_at(sim: Simulation, at: Path, case: Mapping[str, Any]) -> str:
    """The digest of a case's resource as AWS held it; empty when it was gone."""
    found = resource_at(sim, at, case["resource_type"], case["resource_id"], case["region"])
    return state_digest(found, lambda: b"f" * 32) if found else ""


def speaks(sim: Simulation, at: Path, kind: str, id_: str, region: str) -> set[str]:
    """The controls that a resource broke at that moment."""
    found = resource_at(sim, at, kind, id_, region)
    return {f.control for f in judge(found)} if found else set()


def speaks_about(sim: Simulation, at: Path, problem: Problem) -> bool:
    return problem.control in speaks(sim, at, problem.kind, problem.id, problem.region)


@dataclass(frozen=True)
class Deed:
    """One write with the journal's word for it; `case` is empty where the journal has none."""

    event: Event
    write: Write
    case: str
    plan: Mapping[str, Any]
    number: int
    is_undo: bool
    started: bool
    done: bool
    digest: str

    @cached_property
    def head(self) -> Mapping[str, Any]:
        return head(self.write.items, self.case)

    @property
    def journal(self) -> Mapping[str, Mapping[str, str]]:
        return journal(self.write.items, self.case, self.digest)


def head(items: Items, case: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(items[f"CASE#{case}", "HEAD"]["body"]["S"])
    return found


def journal(items: Items, case: str, digest: str) -> dict[str, Mapping[str, str]]:
    """The journal's entries of one plan, by name: their body, and who wrote them last."""
    short = digest.removeprefix("sha256:")[:24]
    found = {}
    for (pk, sk), item in items.items():
        if pk == f"JOURNAL#{case}" and sk.startswith(short):
            found[sk.split("#", 1)[1]] = {"body": item["body"]["S"], "worker": item["worker"]["S"]}
    return found


def deeds(sim: Simulation) -> Iterator[Deed]:
    """Every write in its order, with the journal entry that announced it."""
    for event in sim.history.of("write"):
        yield _deed(event, event.facts["write"])


def _deed(event: Event, write: Write) -> Deed:
    found = sorted(_announced(event, write), key=lambda d: (d.started and not d.done, d.is_undo), reverse=True)
    return found[0] if found else Deed(event, write, "", {}, -1, False, False, False, "")


def _announced(event: Event, write: Write) -> Iterator[Deed]:
    """The entries of the journal about this very call by this very worker."""
    for (pk, sk), item in write.items.items():
        if not pk.startswith("JOURNAL#") or not item["worker"]["S"].endswith(f"/{event.who}"):
            continue
        data, (short, _, name) = json.loads(item["body"]["S"]), sk.partition("#")
        asked = data.get("call", {"operation": "", "parameters": {}})
        if (asked["operation"], asked["parameters"]) != (write.name, write.parameters):
            continue
        case = pk.removeprefix("JOURNAL#")
        plan = write.items.get((pk, f"{short}#PLAN"))
        known = json.loads(plan["body"]["S"])["plan"] if plan else {}
        done = (pk, sk.replace("STARTED", "DONE")) in write.items and name.endswith("#STARTED")
        is_undo = name.startswith("UNDO#")
        yield Deed(event, write, case, known, data["number"], is_undo, True, done, known.get("digest", short))


def people_for(items: Items, case: Mapping[str, Any], digest: str, about: str) -> set[str]:
    """The distinct people whose last word in force about a plan is yes, without those who caused the change."""
    latest: dict[str, Mapping[str, Any]] = {}
    for (pk, _), item in items.items():
        word = json.loads(item["body"]["S"]) if pk == f"APPROVAL#{case['id']}" else {}
        if (word.get("plan"), word.get("about")) == (digest, about):
            before = latest.get(word["person"])
            latest[word["person"]] = max((before, word) if before else (word,), key=lambda w: w["at"])
    return {who for who, word in latest.items() if word["given"] == "approve"} - _causers(case)


def _causers(case: Mapping[str, Any]) -> set[str]:
    roles = {c["arn"].rsplit("/", 1)[-1] for c in case["causers"]}
    return {id_ for id_, p in PEOPLE.items() if roles & {i["role"] for i in p["iam"]}}  # type: ignore[attr-defined]


def suffice(people: set[str], problem: Problem, case: Mapping[str, Any]) -> bool:
    """Are they enough, one of each group, and one of security where nobody knows who caused it?"""
    minimum, groups = problem.quorum
    known = {i["role"] for p in PEOPLE.values() for i in p["iam"]}  # type: ignore[attr-defined]
    roles = {c["arn"].rsplit("/", 1)[-1] for c in case["causers"]}
    wanted = set(groups) | (set() if roles and roles <= known else {"security"})
    there = {g for id_ in people for g in PEOPLE[id_]["groups"]}
    return len(people) >= minimum and wanted <= there


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def problem_of(sim: Simulation, case: Mapping[str, Any]) -> Problem:
    named = [p for p in sim.world.problems if (p.control, p.id) == (case["control"], case["resource_id"])]
    return next((p for p in named if p.region == case["region"]), named[0])
