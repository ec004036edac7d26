"""The write-ahead journal, the lease and the kill switch: what stands between a plan and a half-done fix.

A step is `started` before its call, with the undo and the state it replaces, and `done` after it. Nothing that the
journal says is believed without its MAC, whose key only the writers may use.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..errors import Conflict, Escalation
from ..model import Call, Json, Plan, canonical
from ..pausing import over
from .switches import pauses
from .table import Table, Update, body, part_check, part_put, unbody


@dataclass(frozen=True, slots=True)
class Started:
    """One step of a plan that may have touched AWS. `done` says that its answer came back."""

    number: int
    undo: tuple[Call, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class Journalled:
    """All that the journal holds of one plan's run: the plan, digests of the state before and after it (empty when
    not written yet), the controls that were broken before, the started steps, the undo calls already begun, and
    why a writer itself decided to take the plan back (empty when none did).
    """

    plan: Plan
    before: str
    after: str
    broken: frozenset[str]
    steps: tuple[Started, ...]
    undoing: frozenset[int]
    back: str = ""


class Journal:
    """`mac_key` gives the key of the deployment's journal MAC; `lease_seconds` outlast the function's timeout.

    A plan that was taken back may be approved once more, and then has a second run: every entry names its run, and what
    an earlier one left counts for nothing.
    """

    def __init__(self, table: Table, mac_key: Callable[[], bytes], worker: str) -> None:
        self._table, self._mac_key, self._worker = table, mac_key, worker
        self._runs: dict[tuple[str, str], str] = {}

    def take_lease(self, resource: str, now: str, until: str) -> None:
        """Be the only worker on one resource until `until`. Raises Conflict while another one is."""
        changes = Update().set("owner", self._worker).set("until", until)
        changes.if_free("until", now, "owner", self._worker)
        self._table.update(f"LEASE#{resource}", "LEASE", changes)

    def release_lease(self, resource: str) -> None:
        """Let go of the lease; one that expired and went to another worker stays with it."""
        try:
            self._table.update(f"LEASE#{resource}", "LEASE", Update().set("until", "0").if_equal("owner", self._worker))
        except Conflict:
            return

    def begin(self, plan: Plan, state: Json, broken: Iterable[str], resource: str, now: str) -> None:
        """Begin a run: write down the plan, the state that it replaces, and which controls were broken in it."""
        self._runs[plan.case, plan.digest] = f"{self._worker} {now}"
        data = {"plan": plan.as_json(), "before": plan.state_digest, "state": state, "broken": sorted(broken)}
        self._put(plan, "PLAN", data, resource, now)

    def start(self, plan: Plan, number: int, resource: str, now: str) -> None:
        """Write that step `number` is about to be called. Raises Conflict when the lease is lost."""
        step = plan.steps[number]
        data = {"number": number, "call": step.call.as_json(), "undo": [u.as_json() for u in step.undo]}
        self._put(plan, f"STEP#{number:04d}#STARTED", data, resource, now)

    def finish(self, plan: Plan, number: int, answer: Mapping[str, Json]) -> None:
        """Write that the step's answer came back, or that its effect was observed."""
        self._put(plan, f"STEP#{number:04d}#DONE", {"number": number, "answer": answer}, resource="", now="")

    def start_undo(self, plan: Plan, number: int, call: Call, resource: str, now: str) -> None:
        """Write that the `number`-th undo call (counted in the order of undoing) is about to be made."""
        self._put(plan, f"UNDO#{number:04d}", {"number": number, "call": call.as_json()}, resource, now)

    def take_back(self, plan: Plan, why: str) -> None:
        """Write that a writer itself decided to undo: the warrant for an undo that no person asked for."""
        self._put(plan, "BACK", {"why": why}, resource="", now="")

    def after(self, plan: Plan, state_digest: str) -> None:
        """Write the digest of the state that the plan left behind: undo compares with it."""
        self._put(plan, "AFTER", {"after": state_digest}, resource="", now="")

    def read(self, case: str, plan_digest: str) -> Journalled | None:
        """What was done of a plan. Raises Escalation for an entry whose MAC is wrong."""
        entries = {}
        for item in self._table.query(f"JOURNAL#{case}", f"{_short(plan_digest)}#"):
            name = item["sk"].split("#", 1)[1]
            if not hmac.compare_digest(str(item.get("mac", "")), self._mac(case, item["sk"], str(item["body"]))):
                raise Escalation(
                    f"the journal entry {item['sk']} was not written by a writer",
                    where=f"case {case}",
                    next_step="compare the resource with the case's records by hand and look who wrote to the table",
                )
            entries[name] = unbody(item)
        if "PLAN" not in entries:
            return None
        head = entries["PLAN"]
        self._runs[case, plan_digest] = run = head.get("run", "")
        entries = {name: data for name, data in entries.items() if data.get("run", "") == run}
        started = sorted(n for n in entries if n.endswith("#STARTED"))
        steps = tuple(_started(entries[n], n.replace("STARTED", "DONE") in entries) for n in started)
        after = entries.get("AFTER", {}).get("after", "")
        undoing = frozenset(entries[n]["number"] for n in entries if n.startswith("UNDO#"))
        back = entries.get("BACK", {}).get("why", "")
        return Journalled(
            Plan.from_json(head["plan"]), head["before"], after, frozenset(head["broken"]), steps, undoing, back
        )

    def why_paused(self, account: str, control: str, runbook: str) -> str:
        """Which kill switch stops a write there, as a sentence; empty where none does. One strongly consistent read."""
        pause = over(pauses(self._table), account, control, runbook)
        return str(pause) if pause else ""

    def _put(self, plan: Plan, name: str, data: Mapping[str, Json], resource: str, now: str) -> None:
        if (plan.case, plan.digest) not in self._runs:
            self.read(plan.case, plan.digest)
        run = self._runs.get((plan.case, plan.digest), "")
        sk, text = f"{_short(plan.digest)}#{name}", body({**data, "run": run})
        pk = f"JOURNAL#{plan.case}"
        item = {"pk": pk, "sk": sk, "body": text, "mac": self._mac(plan.case, sk, text), "worker": self._worker}
        if not resource:
            self._table.put(item)
            return
        names, values = {"#o": "owner", "#u": "until"}, {":o": self._worker, ":n": now}
        leases = (f"LEASE#{key}" for key in (resource, *plan.holds))
        held = [part_check(lease, "LEASE", "#o = :o AND #u > :n", names, values) for lease in leases]
        self._table.write(*held, part_put(item))

    def _mac(self, case: str, sk: str, text: str) -> str:
        message = canonical([case, sk, text]).encode()
        return hmac.new(self._mac_key(), message, hashlib.sha256).hexdigest()


def _started(data: Mapping[str, Json], done: bool) -> Started:
    return Started(data["number"], tuple(Call.from_json(u) for u in data["undo"]), done)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plan's run came, by the numbers of its steps. For people to read: no seal was looked at."""

    started: frozenset[int]
    done: frozenset[int]
    undoing: frozenset[int]


def progress(table: Table, case: str, plan_digest: str) -> Progress:
    """What the journal of a case says about the run of one plan, to whoever may read and not judge it."""
    prefix = f"{_short(plan_digest)}#"
    parts = [str(item["sk"]).removeprefix(prefix).split("#") for item in table.query(f"JOURNAL#{case}", prefix)]
    steps = {
        kind: frozenset(int(p[1]) for p in parts if p[0] == "STEP" and p[2] == kind) for kind in ("STARTED", "DONE")
    }
    return Progress(steps["STARTED"], steps["DONE"], frozenset(int(p[1]) for p in parts if p[0] == "UNDO"))


def _short(plan_digest: str) -> str:
    return plan_digest.removeprefix("sha256:")[:24]
