"""The wild part of a schedule: what may happen at any moment, and how often it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from deployed import (
    BUSY,
    DIE_AFTER,
    DIE_BEFORE,
    FATES,
    HOLD_AFTER,
    HOLD_BEFORE,
    LOST,
    REFUSED,
    SENT_TWICE,
    THROTTLED,
    SimDeployment,
)
from small_worlds import Calls, Problem
from workers import Worker
from world import ACCOUNT, DEPLOYER

from chalicelib.approvals import Identity, identity_of_arn
from chalicelib.cases import Case
from chalicelib.chat import switch
from chalicelib.chat.decide import Request, decide
from chalicelib.errors import BadRequest
from chalicelib.events import look_message
from chalicelib.model import Principal

if TYPE_CHECKING:
    from simulation import Simulation

ROLES = ("oncall", "security", "shop-deploy")
"""Olly of the owners, Sam of security and the owners, and Drew, who deploys."""

CAUSERS = (
    DEPLOYER,
    Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/stranger", "s"),
    Principal("AssumedRole", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/oncall", "olly"),
)

WAITS = (5.0, 1.0, 7.0, 20.0, 31.0, 80.0, 700.0, 3700.0)
LENGTHS = (12, 6, 20, 35)
CHANCES = (0.0, 0.02, 0.05, 0.12)
HOLDS = (HOLD_BEFORE, HOLD_AFTER)


WRITES = ("lambda:Remove", "lambda:Add", "lambda:UpdateFunctionUrl", "iam:Put", "iam:Update", "iam:Delete")
AT, TABLE = (*WRITES, "dynamodb:Transact", "dynamodb:Put"), ("dynamodb:",)


@dataclass(frozen=True)
class Mood:
    """What goes wrong with calls in one schedule, and what happens more often than else: a schedule in which all may
    happen hardly ever has the three things together that a bug needs. `at` are beginnings of the calls' names, where
    it is not any, and `who` the beginning of the worker's; `chance` is how likely one has a fate, if it is not drawn.
    """

    fates: Sequence[int] = range(1, len(FATES))
    often: Mapping[str, float] = field(default_factory=dict)
    at: tuple[str, ...] = ("",)
    chance: float = 0.0
    who: str = ""


MOODS: Mapping[str, Mood] = {
    "all": Mood(),
    "held": Mood(
        HOLDS,
        {"goes on": 0.2, "twice": 6, "wait": 2, "other message": 3, "wake": 2},
        AT,
        0.25,
        "remediate",
    ),
    "strangers": Mood(HOLDS, {"goes on": 0.5, "stranger": 5, "wake": 3}, AT, 0.3, "remediate"),
    "switch": Mood(HOLDS, {"goes on": 0.4, "switch": 8, "wake": 3}, AT, 0.3, "remediate"),
    "expiry": Mood(HOLDS, {"goes on": 0.4, "person": 4, "expiry": 8, "wait": 3, "wake": 3}, TABLE, 0.25, "chat"),
    "answers lost": Mood((LOST, DIE_BEFORE, DIE_AFTER, SENT_TWICE), {"wait": 2}, AT, 0.1),
    "refusals": Mood((THROTTLED, REFUSED, BUSY, LOST), {"person": 2}),
    "releases": Mood((), {"deploy": 5, "stranger": 2, "person": 3, "drop": 3}),
}


class Wild:
    """What a seed chooses of a schedule. Each choice is 0 on a good day."""

    def __init__(self, sim: Simulation) -> None:
        self._sim, self._choices = sim, sim.choices
        self._acts: Mapping[str, tuple[float, Callable[[], Any]]] = {
            "goes on": (10, self._go_on),
            "other message": (2, self._other_message),
            "twice": (1, self._twice),
            "drop": (0.5, self._drop),
            "wake": (1.5, self._wake_other),
            "end": (0.7, self._end_held),
            "wait": (2, self._wait),
            "person": (2, self._person),
            "stranger": (1.2, self._stranger),
            "sweep": (0.7, self._sweep),
            "switch": (0.6, self._switch),
            "deploy": (0.4, self._deploy),
            "expiry": (0.3, self._nearly_expired),
        }

    def play(self) -> None:
        sim, choices = self._sim, self._choices
        mood = MOODS[sim.mood or list(MOODS)[choices.number(len(MOODS))]]
        sim.chance, sim.fated = mood.chance or CHANCES[choices.number(len(CHANCES))], (mood.who, mood.at)
        sim.fates = tuple(mood.fates)
        sim.skew = float(choices.rarely(0.5, 1))
        who = CAUSERS[choices.rarely(0.3, len(CAUSERS) - 1)]
        for problem in sim.world.problems:
            self._changed(problem, "wound", problem.wound, who)
        weights = [weight * mood.often.get(name, 1) for name, (weight, _) in self._acts.items()]
        acts = [act for _, act in self._acts.values()]
        for _ in range(LENGTHS[choices.number(len(LENGTHS))]):
            acts[choices.one_of(weights)]()

    def resume(self) -> None:
        """Two people let Suture go on, if it is paused."""
        for role in ROLES[:2]:
            self._turn(role, "resume")

    # --- queues and functions ---

    def _go_on(self) -> None:
        if not self._sim.go_on():
            self._answer_next()

    def _other_message(self) -> None:
        due = self._sim.queues.due()
        if due:
            self._sim.deliver(due[self._choices.number(len(due))])

    def _twice(self) -> None:
        known = self._sim.queues.messages
        if known:
            message = known[self._choices.number(len(known))]
            self._sim.note("act", f"SQS delivers {message.id} once more", says=message.says)
            self._sim.queues.copy(message)

    def _drop(self) -> None:
        known = self._sim.queues.messages
        if known:
            message = known[self._choices.number(len(known))]
            self._sim.note("act", f"{message.id} is lost", says=message.says)
            self._sim.queues.delete(message.id)

    def _wake_other(self) -> None:
        held = self._sim.held
        if held:
            self._sim.wake(held[self._choices.number(len(held))])

    def _end_held(self) -> None:
        held = self._sim.held
        if held:
            worker = held[self._choices.number(len(held))]
            worker.is_dead = True
            self._sim.wake(worker)

    def _wait(self) -> None:
        seconds = WAITS[self._choices.number(len(WAITS))]
        self._sim.now += seconds
        self._sim.note("clock", f"{seconds:g} seconds pass")

    def _nearly_expired(self) -> None:
        """Time goes by until just before somebody's time to decide is over."""
        waiting = [c.expires for c in self._sim.cases() if c.state == "PENDING"]
        if waiting:
            self._sim.now = max(self._sim.now, _epoch(min(waiting)) - (1.0, 8.0, -1.0)[self._choices.number(3)])
            self._sim.note("clock", "a plan is about to expire")

    def _sweep(self) -> None:
        regions = self._sim.world.regions
        self._sim.sweep(regions[self._choices.number(len(regions))])

    def _deploy(self) -> None:
        """Another release: the same runbook, with another digest."""
        sim = self._sim
        books = {k: replace(b, digest=f"sha256:{sim.born:064x}") for k, b in sim.packaged.runbooks.items()}
        sim.packaged = replace(sim.packaged, runbooks=books)
        sim.note("deploy", "every runbook has another digest")

    # --- people ---

    def _answer_next(self) -> None:
        """On a good day those who are asked say yes."""
        sim = self._sim
        for case in sim.cases():
            problem = next((p for p in sim.world.problems if p.control == case.control), None)
            if case.state == "PENDING" and problem is not None:
                partition = sim.table.partition(f"APPROVAL#{case.id}")
                given = {i["sk"]["S"] for i in partition if '"given":"approve"' in i["body"]["S"]}
                role, person = ("oncall", "olly"), ("security", "sam")
                for name, id_ in (role, person):
                    if f"apply#{case.plan_digest}#{id_}" not in given:
                        return self.decides(name, case, "approve")
        return None

    def _person(self) -> None:
        cases = self._sim.cases()
        if not cases:
            return
        case = cases[-1 - self._choices.number(len(cases))]
        role = ROLES[self._choices.number(len(ROLES))]
        decision = ("approve", "undo", "reject", "revoke", "snooze")[self._choices.one_of((8, 6, 1, 2, 0.5))]
        if decision == "approve" and case.state not in ("PENDING", "APPROVED"):
            decision = "undo"
        self.decides(role, case, decision)

    def decides(self, role: str, case: Case, decision: str) -> None:
        request = Request(case.id, decision, case.plan_digest, "because", "")

        def work(d: SimDeployment, worker: Worker) -> str:
            try:
                return decide(d, _identity(role), request).case.state
            except BadRequest as error:
                return f"refused: {error.what}"

        self._sim.note("act", f"{role} decides: {decision}", says=case.id)
        self._sim.start("chat", case.region, work, self._told)

    def _switch(self) -> None:
        to = ("pause", "resume")[self._choices.number(2)]
        self._turn(ROLES[self._choices.number(len(ROLES))], to)

    def _turn(self, role: str, to: str) -> None:
        def work(d: SimDeployment, worker: Worker) -> str:
            try:
                return str(switch.turn(d, _identity(role), to, "because")["reasons"])
            except BadRequest as error:
                return f"refused: {error.what}"

        self._sim.start("chat", self._sim.world.regions[0], work, self._told)

    def _told(self, worker: Worker) -> None:
        self._sim.note("act", "was told", worker.name, says=str(worker.answer))

    # --- strangers ---

    def _stranger(self) -> None:
        problems = self._sim.world.problems
        problem = problems[self._choices.number(len(problems))]
        what = ("touch", "wound", "heal", "gone")[self._choices.one_of((4, 4, 3, 0.7))]
        who = CAUSERS[self._choices.rarely(0.5, len(CAUSERS) - 1)]
        calls: Mapping[str, Calls] = {
            "touch": problem.touch,
            "wound": problem.wound,
            "heal": problem.heal,
            "gone": problem.gone,
        }
        self._changed(problem, what, calls[what], who)

    def _changed(self, problem: Problem, what: str, calls: Calls, who: Principal) -> None:
        """Somebody else's calls, and the event that tells of them, if it is not lost."""
        sim = self._sim
        for name, parameters in calls:
            before = sim.path
            try:
                sim.path, _ = sim.aws.write(before, problem.region, name, parameters)
            except ClientError as error:
                says = f"{name} {error.response['Error']['Code']}"
                sim.note("act", f"fails to {what} {problem.id}", who.name, says=says)
                continue
            sim.note("foreign", f"{what}s {problem.id}", who.name, says=name, before=before, id=problem.id)
        message = look_message([sim.change(problem, calls[-1][0] if calls else "seed:Made", who)])
        if not self._choices.rarely(0.1, 1):
            sim.queues.send(problem.region, "changes", json.dumps(message))


def _identity(role: str) -> Identity | None:
    return identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x")


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
