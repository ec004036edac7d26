"""The laws of DESIGN.md, each a function of one schedule: its history, AWS's state and our table. It answers with what
is broken.

Laws 1, 2, 3, 8 and 9 are about each write, 5 about each decision, 4 about the end. Law 6 is another test's
(tests/stores), and law 7 is tests/aws's: no schedule gives Suture a secret, or a resource of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import manners
from history import TOLERANCE, Event
from judged import (
    Deed,
    deeds,
    digest_at,
    epoch,
    head,
    journal,
    people_for,
    problem_of,
    speaks_about,
    suffice,
)
from laws import LAWS, law

from chalicelib.cases import IN_FLIGHT

if TYPE_CHECKING:
    from simulation import Simulation

assert manners.law is law, "its laws are laws too"


def violations(sim: Simulation) -> list[str]:
    """Every law that a schedule broke, as sentences that begin with the law's name."""
    known = list(deeds(sim))
    return [f"{name}: {what}" for name, check in LAWS.items() for what in check(sim, known)]


@law("1 journal before write")
def journal_before_write(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    for deed in known:
        if not deed.case:
            yield f"{_said(deed)} has no journal entry of its worker before it"
            continue
        entries = deed.journal
        if "PLAN" not in entries or "state" not in json.loads(entries["PLAN"]["body"]):
            yield f"{_said(deed)} is made before the state that it replaces is written down"
        step = deed.plan["steps"][deed.number] if deed.plan and not deed.is_undo else None
        started = json.loads(entries[f"STEP#{deed.number:04d}#STARTED"]["body"]) if step else {}
        if step and (started["undo"] != step["undo"] or not step["undo"]):
            yield f"{_said(deed)} is made without its undo in the journal"


@law("2 nothing but the approved plan, on the state it was made for")
def approved_and_fresh(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    for deed in (d for d in known if d.case):
        began, case = sim.history.began(deed.event), deed.head
        if not deed.is_undo and deed.digest[:24] not in case["plan"]["digest"]:
            yield f"{_said(deed)} is of another plan than the case's"
        moved = sim.history.between(began.n, deed.event.n, "foreign", "write")
        if deed.is_undo:
            before = [d for d in known if d.is_undo and d.digest == deed.digest and d.event.n < deed.event.n]
            yield from () if moved or before else _blind_undo(sim, deed)
        if deed.is_undo or not _is_first(deed):
            continue
        deployed = deed.event.facts["packaged"].runbooks.get(f"{case['plan']['runbook']}/{case['plan']['version']}")
        begun = sim.history.between(began.n, deed.event.n, "deploy")
        if deployed and deployed.digest != case["plan"]["runbook_digest"] and not begun:
            yield f"{_said(deed)} is of a runbook that was not the approved one"
        if not moved and digest_at(sim, deed.write.before, case) != deed.plan["state_digest"]:
            yield f"{_said(deed)} is made on another state than its plan was made for"


def _blind_undo(sim: Simulation, deed: Deed) -> Iterator[str]:
    """The first undo call is made on what the fix left behind, or on what it began with, and on nothing else."""
    entries = deed.journal
    if "PLAN" not in entries:
        return
    left = json.loads(entries["AFTER"]["body"])["after"] if "AFTER" in entries else ""
    if digest_at(sim, deed.write.before, deed.head) not in (left, json.loads(entries["PLAN"]["body"])["before"]):
        yield f"{_said(deed)} takes back a fix on a resource that somebody changed since"


@law("3 one worker at a time, and each plan once")
def one_worker(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    for deed in (d for d in known if d.case):
        leases = [i for (pk, _), i in deed.write.items.items() if pk.startswith("LEASE#")]
        mine = [i for i in leases if i["owner"]["S"].endswith(f"/{deed.event.who}")]
        own = [i for i in mine if i["pk"]["S"].endswith(f"#{deed.head['resource_id']}")]
        if not any(epoch(i["until"]["S"]) + TOLERANCE > deed.event.at for i in own):
            yield f"{_said(deed)} is made without the lease"
    yield from _twice(sim, [d for d in known if d.case and d.write.is_done and not d.is_undo])


def _twice(sim: Simulation, done: Sequence[Deed]) -> Iterator[str]:
    """A step that took effect is not made again, unless somebody, or an undo, changed the resource in between."""
    for n, deed in enumerate(done):
        for before in done[:n]:
            same = (before.case, before.digest, before.number) == (deed.case, deed.digest, deed.number)
            between = sim.history.between(before.event.n, deed.event.n, "foreign", "write")
            others = [e for e in between if e.kind == "foreign" or e.facts["write"].name != deed.write.name]
            was_sent_twice = before.event.who == deed.event.who
            if same and not others and not was_sent_twice:
                yield f"{_said(deed)} is made again after it took effect at event {before.event.n}"


@law("4 every case at its end, every resource old or new, or the record says which step is open")
def all_at_an_end(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    if any(e.what == "never at rest" for e in sim.history.of("act")):
        yield "the schedule never comes to rest"
    for case in sim.cases():
        if case.state in IN_FLIGHT | {"DETECTED", "PLANNED", "OBSERVED", "SUPERSEDED"}:
            yield f"case {case.id} stays {case.state}: {case.outcome}"
    yield from _not_looked_after(sim)
    yield from _false_ends(sim)
    yield from _between(sim, known)


def _not_looked_after(sim: Simulation) -> Iterator[str]:
    """Each risk that is there has a case of its own, which waits for people or was decided by them."""
    for problem in sim.world.problems:
        mine = [c for c in sim.cases() if (c.control, c.resource_id) == (problem.control, problem.id)]
        mine = [c for c in mine if c.region == problem.region]
        is_there = speaks_about(sim, sim.path, problem)
        if is_there and not any(c.state != "RESOLVED" for c in mine):
            yield f"{problem.control} on {problem.id} in {problem.region} is there, and no case is open"
        if not is_there and any(c.state == "PENDING" for c in mine):
            yield f"{problem.control} on {problem.id} in {problem.region} is gone, and people are asked to fix it"


def _false_ends(sim: Simulation) -> Iterator[str]:
    """RESOLVED after a fix means that the risk was gone; UNDONE that all was as before the fix."""
    for event in sim.history.of("moved"):
        before, after = event.facts["before"], event.facts["after"]
        if before is None or (before["state"], after["state"]) not in (
            ("VERIFYING", "RESOLVED"),
            ("UNDOING", "UNDONE"),
        ):
            continue
        since = _came_to(sim, event, before["state"])
        if sim.history.between(since, event.n, "foreign"):
            continue
        if after["state"] == "RESOLVED" and speaks_about(sim, event.facts["path"], problem_of(sim, after)):
            yield f"case {after['id']} is RESOLVED ({after['outcome']}) while {after['control']} speaks"
        entries = journal(event.facts["items"], after["id"], after["plan"]["digest"])
        was = json.loads(entries["PLAN"]["body"])["before"] if "PLAN" in entries else ""
        if after["state"] == "UNDONE" and digest_at(sim, event.facts["path"], after) != was:
            yield f"case {after['id']} is UNDONE, and the resource is not as it was before the fix"


def _came_to(sim: Simulation, event: Event, state: str) -> int:
    """When a case came to the state that it left with this event."""
    earlier = [e for e in sim.history.of("moved") if e.n < event.n and e.what == event.what]
    return max((e.n for e in earlier if (e.facts["before"] or {}).get("state") != state), default=0)


def _between(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    """Where only Suture wrote since a plan began, it is made whole, or not at all, or its case tells its open steps."""
    for case in sim.cases():
        mine = [d for d in known if d.case == case.id and d.digest == case.plan_digest and d.write.is_done]
        others = [d for d in known if d.case != case.id and mine and d.event.n > mine[0].event.n]
        if not mine or others or sim.history.between(mine[0].event.n, len(sim.history.events), "foreign"):
            continue
        now, old = digest_at(sim, sim.path, case.as_json()), mine[0].plan["state_digest"]
        is_new = not speaks_about(sim, sim.path, problem_of(sim, case.as_json()))
        last = [e.facts["after"] for e in sim.history.of("moved") if e.what == case.id][-1]
        tells = case.state in ("ESCALATED", "UNDO_FAILED") and bool(last["applied"])
        if now != old and not is_new and not tells:
            yield f"{case.resource_id} is between its old and its new state, and case {case.id} is {case.state}"
        if now != old and case.state == "UNDONE":
            yield f"case {case.id} is UNDONE, and the resource is not as it was"
        if now == old and case.state == "RESOLVED":
            yield f"case {case.id} is RESOLVED, and the resource is as it was"


@law("5 who decides")
def who_decides(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    for deed in (d for d in known if d.case):
        began = sim.history.began(deed.event).facts["items"]
        items = began if (f"CASE#{deed.case}", "HEAD") in began else deed.write.items
        case, about = head(items, deed.case), "undo" if deed.is_undo else "apply"
        if deed.is_undo and "BACK" in deed.journal:
            continue
        if not deed.is_undo and deed.head["decision"] == "apply":
            yield from _undone_before(sim, deed)
            continue
        people = people_for(items, case, deed.head["plan"]["digest"], about)
        if not suffice(people, problem_of(sim, case), case):
            yield f"{_said(deed)} has the consent of {', '.join(sorted(people)) or 'nobody'} alone"
    for event in sim.history.of("moved"):
        yield from _too_late(event)


def _undone_before(sim: Simulation, deed: Deed) -> Iterator[str]:
    began = sim.history.began(deed.event).n
    for event in sim.history.of("moved"):
        before, after = event.facts["before"], event.facts["after"]
        same = (after["control"], after["arn"]) == (deed.head["control"], deed.head["arn"])
        if before and same and after["state"] == "UNDONE" and event.n < began:
            yield f"{_said(deed)} fixes by itself what was undone at event {event.n}"


def _too_late(event: Event) -> Iterator[str]:
    """Expiry is decided when the store is asked, within the tolerance of clocks."""
    before, after = event.facts["before"], event.facts["after"]
    if not before or before["state"] != "PENDING" or not before["expires"]:
        return
    late = event.facts["issued"] - epoch(before["expires"])
    if after["state"] == "APPROVED" and late > TOLERANCE:
        yield f"case {after['id']} is approved {late:.1f} seconds after its time to decide was over"
    if after["state"] == "EXPIRED" and late < -TOLERANCE:
        yield f"case {after['id']} expires {-late:.1f} seconds before its time is over"


@law("8 the kill switch stops every write")
def switch_stops(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    """A write that is made while Suture is paused had its journal entry, and its look at the switch, before the pause.

    Between that look and the write a worker only writes the journal, and perhaps takes a secret's value.
    """
    for deed in known:
        pauses = [e for e in sim.history.of("switch") if e.n < deed.event.n]
        if not pauses or not pauses[-1].facts["is_paused"]:
            continue
        own = sim.history.between(pauses[-1].n, deed.event.n, "own")
        mine = [e for e in own if e.who == deed.event.who]
        if len(mine) > 1 or sim.history.began(deed.event).n > pauses[-1].n:
            yield f"{_said(deed)} is made {len(mine)} calls after Suture was paused"


@law("9 a fix grants nothing new, and undo restores")
def grants_nothing(sim: Simulation, known: Sequence[Deed]) -> Iterator[str]:
    for deed in known:
        name, given = deed.write.name, deed.write.parameters
        if deed.is_undo or not deed.case:
            continue
        if name == "iam:UpdateAssumeRolePolicy":
            old = json.loads(deed.journal["PLAN"]["body"])["state"]["AssumeRolePolicyDocument"]
            if not _principals(json.loads(given["PolicyDocument"])) <= _principals(old):
                yield f"{_said(deed)} lets somebody new in"
        elif name == "lambda:UpdateFunctionUrlConfig" and given.get("AuthType") != "AWS_IAM":
            yield f"{_said(deed)} opens a URL"
        elif name.split(":")[1].startswith(("Add", "Create", "Attach")):
            yield f"{_said(deed)} grants"
    yield from _out_of_order(known)


def _out_of_order(known: Sequence[Deed]) -> Iterator[str]:
    """The undo calls of one run are made last first."""
    runs: dict[tuple[str, str], list[Deed]] = {}
    for deed in (d for d in known if d.is_undo):
        runs.setdefault((deed.event.who, deed.digest), []).append(deed)
    for run in runs.values():
        steps = [_step_of(d) for d in run]
        if steps != sorted(steps, reverse=True):
            yield f"{_said(run[0])} and {len(run) - 1} more undo calls run in the order of steps {steps}"


def _step_of(deed: Deed) -> int:
    asked = {"operation": deed.write.name, "parameters": dict(deed.write.parameters)}
    return next((n for n, step in enumerate(deed.plan["steps"]) if asked in step["undo"]), -1)


def _principals(document: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in document["Statement"]:
        block = statement["Principal"]
        pairs = block.items() if isinstance(block, Mapping) else (("AWS", block),)
        for kind, values in pairs:
            found |= {f"{kind}:{v}" for v in ([values] if isinstance(values, str) else values)}
    return found


def _is_first(deed: Deed) -> bool:
    """Is this the first write of the run that began the plan?"""
    entries = deed.journal
    ours = entries["PLAN"]["worker"].endswith(f"/{deed.event.who}")
    return ours and not any(name.endswith("#DONE") for name in entries)


def _said(deed: Deed) -> str:
    what = " (undo)" if deed.is_undo else ""
    return f"{deed.write.name}{what} by {deed.event.who} at event {deed.event.n}"
