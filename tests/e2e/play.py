"""All scenes on one sandbox at once: break all, wait for all, and so on; what plain reads showed in between is kept."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from foreign import ROOT, Client
from holders import ACCOUNT, REGION
from scenes import Ask, Scene, State
from scenes_passing import SCENES as OF_PASSING
from scenes_resources import SCENES as OF_RESOURCES
from scenes_roles import PROPOSALS
from scenes_roles import SCENES as OF_ROLES
from scenes_swept import SCENES as OF_THE_SWEEP

from chalicelib.aws.clients import Clients
from chalicelib.aws.readers import read
from chalicelib.controls import judge
from chalicelib.errors import BadRequest

SCENES: tuple[Scene, ...] = (*OF_ROLES, *OF_PASSING, *OF_RESOURCES, *OF_THE_SWEEP)
PATIENCE = 60  # seconds for all cases to come to one state
APPROVERS = {"security": "security", "owner": "oncall"}
"""Who of the sandbox's people stands for a group."""


def governance(folder: Path) -> Path:
    """The sandbox's own governance, and pins that bring in the runbooks that wait for a decision about some roles.

    Nothing happens by itself here. `release` is in a group that no runbook asks.
    """
    shutil.copytree(ROOT / "suture" / "sandbox" / "governance", folder)
    pins = yaml.safe_load((folder / "pins.yaml").read_text())
    pins["mode"] = pins["accounts"][ACCOUNT]["mode"] = "propose"
    proposals = [
        {"role": role, "policy": policy, "document": document}
        for role, policies in PROPOSALS.items()
        for policy, document in policies.items()
    ]
    pins["pins"] += [
        _pin("iam-drop-unused-permissions", "e2e-idle-*"),
        _pin("iam-drop-unused-shared-permissions", "e2e-lending-*"),
        _pin("iam-limit-passrole", "e2e-passing"),
        {**_pin("iam-narrow-policies", "e2e-narrowed"), "params": {"proposals": proposals}},
        {**_pin("iam-narrow-shared-policies", "e2e-sharing"), "params": {"proposals": proposals}},
    ]
    (folder / "pins.yaml").write_text(json.dumps(pins, indent=1))
    approvers = yaml.safe_load((folder / "approvers.yaml").read_text())
    approvers["people"]["rex"] = {
        "name": "Rex",
        "groups": ["releases"],
        "iam": [{"account": ACCOUNT, "role": "release"}],
    }
    (folder / "approvers.yaml").write_text(json.dumps(approvers, indent=1))
    return folder


def _pin(runbook: str, role: str) -> dict[str, Any]:
    resources = [f"arn:aws:iam::{ACCOUNT}:role/{role}"]
    return {"runbook": runbook, "version": "1.0.0", "mode": "propose", "resources": resources}


class Fresh(Clients):
    """The product's readers, as a foreign principal."""

    def __init__(self, who: Client) -> None:
        super().__init__(ACCOUNT, REGION, who.session)
        self._who = who

    def client(self, service: str) -> Any:
        return self._who.aws(service)


@dataclass
class Played:
    """One scene as it went. States are plain reads: broken, fixed and undone; so are the controls that spoke then."""

    scene: Scene
    id: str
    case: Mapping[str, Any] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    spoken: dict[str, frozenset[str]] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)
    expected: State = None
    refusals: dict[str, str] = field(default_factory=dict)

    def answers(self, at: str) -> dict[Ask, bool]:
        return {ask: ask.answer(self.states[at]) for ask in self.scene.asks}


class Stage:
    """The people of one sandbox, and the scenes on it."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self.people = {who: Client(ready, who) for who in ready["credentials"]}
        for role in ("shop-deploy", "release", "intern"):
            self.people[role] = self.people["deployer"].as_role(role)
        self.eyes = self.people["deployer"]
        self.plays: list[Played] = []

    def play(self, scenes: Sequence[Scene]) -> list[Played]:
        """All of them, from break to undo. What only the sweep finds is made before it, everything else after it: it
        must not find what an event is just about to tell of, with who did it."""
        swept = [scene for scene in scenes if scene.swept]
        self.plays = self._broken(swept)
        self.sweep()
        self.plays += self._broken([scene for scene in scenes if scene not in swept])
        self.until("PENDING", self.plays)
        self._look("broken")
        for one in self.plays:
            self.decide(one, "approve", _refused(one.scene))
        self.until("RESOLVED", self.plays)
        self._look("fixed")
        for one in self.plays:
            if one.reached["RESOLVED"] == "RESOLVED":
                one.expected = one.scene.fixed(self.eyes, one.id, one.states["broken"])
                self.decide(one, "undo", ())
        self.until("UNDONE", self.plays)
        self._look("undone")
        return self.plays

    def _broken(self, scenes: Sequence[Scene]) -> list[Played]:
        return [Played(scene, scene.breaks(self.people[scene.who])) for scene in scenes]

    def sweep(self) -> None:
        """Fire the schedule of the sweep, and wait until what it sent has been looked at."""
        assert self.eyes.switch("schedule", function="sweep") == {"fired": 1}
        assert self.eyes.switch("drain", timeout=PATIENCE)["quiet"]

    def until(self, state: str, plays: Sequence[Played]) -> None:
        """Wait until every case is there, or for so long; where each got is kept."""
        deadline = time.monotonic() + PATIENCE
        waiting = list(plays)
        while waiting and time.monotonic() < deadline:
            summaries = self.eyes.api.cases()["cases"]
            for one in waiting:
                newest = _newest(summaries, one)
                one.reached[state] = newest.get("state", "no case")
                if one.reached[state] == state == "PENDING":
                    one.case = self.eyes.api.case(newest["id"])["case"]
            waiting = [one for one in waiting if one.reached[state] != state]
            time.sleep(0.4)
        for one in waiting:
            newest = _newest(self.eyes.api.cases()["cases"], one)
            one.reached[state] = json.dumps({k: newest.get(k) for k in ("state", "outcome", "reasons")})

    def _look(self, when: str) -> None:
        fresh = Fresh(self.eyes)
        for one in self.plays:
            one.states[when] = one.scene.read(self.eyes, one.id)
            seen = read(fresh, one.scene.type, one.case.get("resource_id", one.id))
            one.spoken[when] = frozenset(f.control for f in judge(seen)) if seen else frozenset()

    def decide(self, one: Played, decision: str, refused: Iterable[str]) -> None:
        """Everyone who may not is refused first; then those decide whom the runbook's groups ask for."""
        if not one.case:
            return
        digest = one.case["plan"]["digest"]
        for who in refused:
            try:
                answer = self.people[who].api.decide(one.case["id"], decision, digest, "a test")
                one.refusals[who] = f"not refused: {answer['state']}"
            except BadRequest as error:
                one.refusals[who] = str(error)
        for number, group in enumerate(one.scene.groups, 1):
            answer = self.people[APPROVERS[group]].api.decide(one.case["id"], decision, digest, "a test")
            if number < len(one.scene.groups):
                one.reached[f"{decision} by {number}"] = answer["state"]


def _refused(scene: Scene) -> tuple[str, ...]:
    """The causer, someone outside every group that counts, and someone whom nobody lists."""
    return (scene.who, "release", "developer")


def _newest(summaries: Iterable[Mapping[str, Any]], one: Played) -> Mapping[str, Any]:
    name = one.id.rsplit(":", 1)[-1] if one.id.startswith("arn:") else one.id
    mine = [c for c in summaries if c["control"] == one.scene.control and _is_of(str(c["arn"]), name)]
    return max(mine, key=lambda c: str(c["opened"]), default={})


def _is_of(arn: str, name: str) -> bool:
    return arn.endswith((f":{name}", f"/{name}")) or arn.split(":", 5)[5] == name
