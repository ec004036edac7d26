"""What must hold after a crowd has gone, from the table, AWS's state and CloudTrail's history alone.

Each check gives sentences, one a violation. Nothing here asks one of Suture's functions what it thinks that it did.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from crowd import IN_FLIGHT, TYPES, Crowd, Thing
from play import Fresh
from world import broken_chains

from chalicelib.aws.readers import read
from chalicelib.controls import judge

REASONED = ("PENDING", "ESCALATED", "WAITING_OWNER", "OBSERVED", "UNDO_FAILED", "REJECTED", "SUPPRESSED")
"""States that a case may rest in, if it says why."""
RESTING = ("RESOLVED", "UNDONE", "EXPIRED", *REASONED)
WRITER = ":role/suture-sandbox-remediate"

Json = Any


class Aftermath:
    """Everything that can be read once a crowd has gone."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd, eyes = crowd, crowd.deployer
        pages = eyes.aws("dynamodb").get_paginator("scan").paginate(TableName=crowd.ready["table"])
        self.items = [item for page in pages for item in page["Items"]]
        events = eyes.aws("cloudtrail").get_paginator("lookup_events").paginate()
        told = [json.loads(e["CloudTrailEvent"]) for page in events for e in page["Events"]]
        self.writes = [Write(d) for d in reversed(told) if not d.get("errorCode") and not d.get("readOnly")]
        self._eyes = Fresh(eyes)

    @cached_property
    def cases(self) -> Mapping[str, Json]:
        """The heads of the cases, by id."""
        heads = (i for i in self.items if i["pk"]["S"].startswith("CASE#") and i["sk"]["S"] == "HEAD")
        return {(case := json.loads(i["body"]["S"]))["id"]: case for i in heads}

    @cached_property
    def ours(self) -> list[Write]:
        """The calls of Suture's writers on what the crowd made."""
        return [w for w in self.writes if w.is_ours and w.target.startswith("crowd-")]

    @cached_property
    def records(self) -> Mapping[str, list[Json]]:
        """The records of each case, oldest first."""
        found: dict[str, list[Json]] = defaultdict(list)
        for item in sorted(self.items, key=lambda i: str(i["sk"]["S"])):
            kind, _, case = item["pk"]["S"].partition("#")
            if kind == "CASE" and item["sk"]["S"].startswith("R#"):
                found[case].append(json.loads(item["body"]["S"]))
        return found

    @cached_property
    def journal(self) -> list[tuple[str, str, Json]]:
        """All entries of the journal: case, name (`<plan>#STEP#0000#STARTED`), and what it says."""
        found = (i for i in self.items if i["pk"]["S"].startswith("JOURNAL#"))
        return [(i["pk"]["S"].partition("#")[2], i["sk"]["S"], json.loads(i["body"]["S"])) for i in found]

    def problems(self, *, is_over: bool = True) -> list[str]:
        """Every violation. `is_over` says that time enough was given for what was killed to be taken up again."""
        checks = [chains, applied_once, told, journalled, never_twice, kept]
        return [f"{c.__name__}: {why}" for c in (*checks, *([ended, lost] if is_over else [])) for why in c(self)]

    def findings(self, thing: Thing) -> set[str]:
        """The controls that a thing breaks now, as a plain read shows it."""
        seen = read(self._eyes, TYPES[thing.kind], thing.name)
        return {f.control for f in judge(seen)} if seen else set()

    def of(self, thing: Thing) -> list[Json]:
        return [c for c in self.cases.values() if str(c["arn"]).endswith((f":{thing.name}", f"/{thing.name}"))]


class Write:
    """One successful call in CloudTrail's history."""

    def __init__(self, detail: Mapping[str, Json]) -> None:
        issuer = ((detail.get("userIdentity") or {}).get("sessionContext") or {}).get("sessionIssuer") or {}
        self.is_ours = WRITER in str(issuer.get("arn"))
        self.name = str(detail["eventName"]).split("2015")[0]
        self.asked = detail.get("requestParameters") or {}
        names = ("functionName", "roleName", "queueUrl", "topicArn")
        target = next((str(self.asked[n]) for n in names if n in self.asked), "")
        self.target = target.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def chains(after: Aftermath) -> Iterator[str]:
    """The records of every case follow from each other, up to the head."""
    for problem in broken_chains(after.items):
        yield f"{problem.case} {problem.where}: {problem.what}"


def applied_once(after: Aftermath) -> Iterator[str]:
    """A finding gets one applied plan: between two there is a new decision, and what was applied is applied again only
    after it was taken back. A plan that was given up before its first call was not applied."""
    for case, records in after.records.items():
        path = [r for r in records if r.get("from") != r["to"]]
        plan, applied, is_decided = "", set[str](), True
        for record in path:
            state = record["to"]
            is_decided = is_decided or state in ("SUPERSEDED", "PLANNED")
            if state == "APPLYING":
                plan = str(record["details"].get("plan"))
                if not is_decided or plan in applied:
                    yield f"{case} applied {plan} twice: {' '.join(r['to'] for r in path)}"
                is_decided = False
            elif state in ("VERIFYING", "ESCALATED") and plan:
                applied.add(plan)
            elif state == "UNDONE":
                applied.discard(plan)


def told(after: Aftermath) -> Iterator[str]:
    """No orphan: a step that was started is done, taken back, told of in a record, or its case is still in flight."""
    names = {(case, sk) for case, sk, _ in after.journal}
    for case, sk, data in after.journal:
        if not sk.endswith("#STARTED") or (case, sk.replace("STARTED", "DONE")) in names:
            continue
        plan = sk.split("#", 1)[0]
        is_open = after.cases[case]["state"] in IN_FLIGHT
        taken_back = any(c == case and s.startswith(f"{plan}#UNDO") for c, s, _ in after.journal)
        said = any(data["number"] in (r["details"].get("started") or ()) for r in after.records[case])
        if not (is_open or taken_back or said):
            yield f"{case}: step {sk} was started, and nobody tells what became of it"


def journalled(after: Aftermath) -> Iterator[str]:
    """Every write of ours stands in the journal, for that resource."""
    known = set()
    for case, _, data in after.journal:
        if "call" in data:
            arn = str(after.cases[case]["arn"])
            known.add((data["call"]["operation"].split(":")[1], arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]))
    for write in after.ours:
        if (write.name, write.target) not in known:
            yield f"{write.name} on {write.target} stands in no journal"


def never_twice(after: Aftermath) -> Iterator[str]:
    """No call of ours is repeated once it took effect, unless somebody else changed the resource in between."""
    last: dict[str, Write] = {}
    for write in after.writes:
        before = last.get(write.target)
        if before and before.is_ours and write.is_ours and (before.name, before.asked) == (write.name, write.asked):
            yield f"{write.name} on {write.target} was made twice: {json.dumps(write.asked)[:200]}"
        last[write.target] = write


def kept(after: Aftermath) -> Iterator[str]:
    """What clients granted for good reason is still granted."""
    eyes = after.crowd.deployer
    for thing in after.crowd.things:
        if thing.kind == "function":
            missing = thing.kept - set(eyes.sids(thing.name))
            if missing:
                yield f"{thing.name} lost grants that nobody withdrew: {', '.join(sorted(missing))}"
        elif thing.kind in ("queue", "topic"):
            seen = read(after._eyes, TYPES[thing.kind], thing.name)
            document = json.dumps(seen.config) if seen else ""
            was_set = any(w.target == thing.name and "Attributes" in w.name for w in after.writes)
            if was_set and "partner" not in document:
                yield f"{thing.name} lost its partner's statement"


def ended(after: Aftermath) -> Iterator[str]:
    """Every case is resolved, undone, escalated, or waits for people and says why."""
    for id_, case in after.cases.items():
        if case["state"] not in RESTING:
            yield f"{id_} on {case['arn']} is {case['state']}: {case['outcome']}"
        elif case["state"] in REASONED and not (case["outcome"] or case["reasons"]):
            yield f"{id_} on {case['arn']} is {case['state']} and does not say why"


def lost(after: Aftermath) -> Iterator[str]:
    """Every risk has an open case; what is resolved holds, and what waits for a decision is still there."""
    for thing in after.crowd.things:
        cases, broken = after.of(thing), after.findings(thing)
        open_now = {c["control"] for c in cases if c["state"] != "RESOLVED"}
        for control in sorted(broken - open_now):
            yield f"{thing.name} breaks {control}, and no case is open"
        for case in cases:
            if case["state"] == "PENDING" and case["control"] not in broken:
                yield f"{thing.name} does not break {case['control']}, and {case['id']} still asks about it"
