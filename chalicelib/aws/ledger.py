"""The ledger: cases and their append-only records, and what Suture has seen of each resource.

Every transition is one transaction: the head moves only from the version that was read, its record is written
beside it with the hash of the record before, and the resource's open slot is taken or given back in the same breath.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..audit import link, sort_key
from ..cases import TRANSITIONS, Case
from ..model import Json
from .table import Item, Table, Update, body, part_put, part_update, unbody

if TYPE_CHECKING:
    from ..approvals import Approval
    from ..governance import Suppression


@dataclass(frozen=True, slots=True)
class History:
    """What Suture has seen of one resource. Maps are keyed by control id; times are ISO 8601 in UTC."""

    seen: bool
    created: str
    clean: Mapping[str, str]
    cases: Mapping[str, str]
    opened: Mapping[str, int]
    fixes: Mapping[str, tuple[str, ...]]
    undone: Mapping[str, str]

    def seen_without(self, control: str) -> bool:
        return control in self.clean or bool(self.created)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource is, known before it is read: `region` is IAM's home for what is global."""

    account: str
    region: str
    resource_type: str
    resource_id: str

    @property
    def key(self) -> str:
        return "#".join((self.account, self.region, self.resource_type, self.resource_id))


KEPT_FIXES = 20
"""So many fixes of one finding are remembered: more than any runbook's `max_reapply` asks about."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a record says: who did what, and details without secrets."""

    by: str
    what: str
    details: Mapping[str, Json]


class Ledger:
    def __init__(self, table: Table) -> None:
        self.table = table

    def observe(self, place: Place, clean: Iterable[str], created: bool, now: str) -> History:
        """Note that these controls held just now, and answer with everything known: one call, no condition."""
        changes = Update().set("seen", now)
        for control in clean:
            changes.set(f"clean:{control}", now)
        if created:
            changes.set("created", now)
        return _history(self.table.update(f"RES#{place.key}", "OBS", changes))

    def history(self, place: Place) -> History:
        """What is known of a resource, read strongly consistent."""
        return _history(self.table.get(f"RES#{place.key}", "OBS") or {})

    def forget(self, place: Place, history: History, now: str) -> None:
        """The resource is gone: what was seen of it says nothing about a new one of the same name."""
        changes = Update().set("seen", now).remove("created")
        for control in history.clean:
            changes.remove(f"clean:{control}")
        self.table.update(f"RES#{place.key}", "OBS", changes)

    def advance(
        self,
        before: Case | None,
        path: Sequence[tuple[Case, Entry]],
        *,
        mark: str = "",
        beside: Sequence[Mapping[str, Json]] = (),
        unexpired: str = "",
    ) -> Case:
        """Move a case along `path`, one record a step, in one transaction; answers with it as it then stands.

        `before` is the case as it was read; None opens it and takes the resource's slot. `mark` changes the
        resource's item beside it: `released` gives the slot back, `fixed` too and counts a fix, `undone` takes it
        again, since the finding comes back, and remembers that for ever, `unwanted` only remembers it. `beside` are
        other parts of the transaction. `unexpired` is the time at which the case as read must not have expired.
        Raises Conflict when somebody else, or time, was first.
        """
        old_state, chain = (before.state, before.chain) if before else ("", "")
        records = []
        for case, entry in path:
            text = _record(case, old_state, entry, chain)
            records.append(part_put({"pk": f"CASE#{case.id}", "sk": sort_key(case.version), "body": text}, is_new=True))
            old_state, chain = case.state, link(text)
        last = replace(path[-1][0], chain=chain)
        head = part_put(_head(last), is_new=True)
        if before is not None:
            head = part_put(_head(last), version=before.version, unexpired=unexpired)
        parts, place = [head, *records], place_of(last)
        changes = self._marked(last, place, "opened" if before is None else mark)
        if changes is not None:
            parts.append(part_update(f"RES#{place.key}", "OBS", changes))
        self.table.write(*parts, *beside)
        return last

    def save(
        self,
        before: Case,
        case: Case,
        entry: Entry,
        *,
        mark: str = "",
        beside: Sequence[Mapping[str, Json]] = (),
        unexpired: str = "",
    ) -> Case:
        """Move a case one step; see `advance`."""
        return self.advance(before, ((case, entry),), mark=mark, beside=beside, unexpired=unexpired)

    def case(self, case_id: str) -> Case | None:
        item = self.table.get(f"CASE#{case_id}", "HEAD")
        return Case.from_json(unbody(item)) if item else None

    def cases(self, *states: str) -> Iterator[Case]:
        """Cases in these states (all when none is named)."""
        for state in states or TRANSITIONS:
            for item in self.table.by_state(state):
                yield Case.from_json(unbody(item))

    def cases_since(self, state: str, since: str) -> Iterator[Case]:
        """Cases in one state that changed after `since` (ISO 8601; empty for all)."""
        for item in self.table.by_state(state, since):
            yield Case.from_json(unbody(item))

    def records(self, case_id: str) -> Iterator[Mapping[str, Json]]:
        yield from map(unbody, self.table.query(f"CASE#{case_id}", "R#"))

    @staticmethod
    def part_approval(case_id: str, approval: Approval) -> Mapping[str, Json]:
        """One person's word, to be written beside the transition that it causes; it replaces an earlier one."""
        data = {n: getattr(approval, n) for n in type(approval).__slots__}
        sk = f"{approval.about}#{approval.plan}#{approval.person}"
        return part_put({"pk": f"APPROVAL#{case_id}", "sk": sk, "body": body(data)})

    def approvals(self, case_id: str) -> tuple[Approval, ...]:
        from ..approvals import Approval

        return tuple(Approval(**unbody(item)) for item in self.table.query(f"APPROVAL#{case_id}"))

    @staticmethod
    def part_suppression(suppression: Suppression, case_id: str) -> Mapping[str, Json]:
        """A suppression, to be written beside the transition of its case."""
        data = {n: getattr(suppression, n) for n in type(suppression).__slots__}
        return part_put({"pk": "SUPPRESSION#all", "sk": suppression.id, "case": case_id, "body": body(data)})

    def suppressions(self) -> tuple[Suppression, ...]:
        """The suppressions that people decided at run time, expired ones included."""
        from ..governance import suppression_from

        return tuple(suppression_from(unbody(item)) for item in self.table.query("SUPPRESSION#all"))

    def counted(self, what: str, hour: str) -> int:
        """The sum of a counter of this hour."""
        item = self.table.get(f"COUNT#{what}", hour)
        return int(item["n"]) if item else 0

    def count(self, what: str, hour: str, expires: int) -> int:
        """Add one to a counter of this hour and answer with the sum. `expires` is epoch seconds."""
        changes = Update().add("n", 1).set("ttl", expires)
        return int(self.table.update(f"COUNT#{what}", hour, changes)["n"])

    def _marked(self, case: Case, place: Place, mark: str) -> Update | None:
        slot, changes = f"case:{case.control}", Update()
        if not mark:
            return None
        if mark == "opened":
            return changes.set(slot, case.id).add(f"opened:{case.control}", 1).if_absent(slot)
        if mark == "unwanted":
            return changes.set(f"undone:{case.control}", case.updated)
        if mark == "undone":
            changes.set(f"undone:{case.control}", case.updated).set(slot, case.id)
            return changes.if_absent(slot, or_equal=case.id)
        if mark == "fixed":
            fixes = (*self.history(place).fixes.get(case.control, ()), case.updated)[-KEPT_FIXES:]
            changes.set(f"fixes:{case.control}", fixes).set(f"clean:{case.control}", case.updated)
        return changes.remove(slot).if_absent(slot, or_equal=case.id)


def _history(item: Item) -> History:
    def under(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): value for name, value in item.items() if name.startswith(prefix)}

    return History(
        seen=bool(item.get("seen")),
        created=str(item.get("created", "")),
        clean=under("clean:"),
        cases=under("case:"),
        opened=under("opened:"),
        fixes={control: tuple(times) for control, times in under("fixes:").items()},
        undone=under("undone:"),
    )


def place_of(case: Case) -> Place:
    """Where the resource of a case is."""
    return Place(case.account, case.region, case.resource_type, case.resource_id)


_NEVER = "9999"


def _head(case: Case) -> Item:
    names = ("state", "version", "updated", "account", "region", "arn", "control")
    keys = {"pk": f"CASE#{case.id}", "sk": "HEAD", "body": body(case.as_json()), "expires": case.expires or _NEVER}
    return {**keys, **{n: getattr(case, n) for n in names}}


def _record(case: Case, state_before: str, entry: Entry, chain: str) -> str:
    said = {"at": case.updated, "by": entry.by, "from": state_before, "to": case.state, "what": entry.what}
    place = {"case": case.id, "version": case.version, "before": chain}
    return body({**said, **place, "details": entry.details})
