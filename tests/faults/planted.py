"""Ten bugs, planted on purpose: a tester that does not find them proves nothing.

Each is a small switch over the product, the worlds in which it shows, and the law that it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from chalicelib import approvals, opening, planning, remediation
from chalicelib.approvals import Quorum
from chalicelib.aws import executor, undoing, verifying
from chalicelib.aws.executor import Hands
from chalicelib.aws.hands import Sight, look
from chalicelib.aws.journal import Journal, Journalled
from chalicelib.aws.ledger import Ledger, Place
from chalicelib.aws.standing import finding_of
from chalicelib.aws.table import body, part_put
from chalicelib.cases import Case, case_id
from chalicelib.chat import decide
from chalicelib.model import Json, Plan, digest
from chalicelib.runbooks import Runbook


@dataclass(frozen=True)
class Planted:
    """Where a bug can show: a world, and a mood of its schedules. `laws` begin the names of the laws that it breaks."""

    plant: Callable[[], AbstractContextManager[Any]]
    world: str
    laws: tuple[str, ...]
    mood: str = ""


@contextmanager
def _all(*patches: AbstractContextManager[Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def journal_after_call() -> AbstractContextManager[None]:
    """The journal is written once the call was made."""
    start, called = Journal.start, executor.called
    late: list[tuple[Any, ...]] = []

    def kept(self: Journal, *asked: Any) -> None:
        late.append((self, *asked))

    def made(hands: Hands, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        answer = called(hands, name, parameters)
        while late:
            start(*late.pop())
        return answer

    return _all(patch.object(Journal, "start", kept), patch.object(executor, "called", made))


def short_lease() -> AbstractContextManager[None]:
    """The lease is over before the function is."""
    return _all(patch.object(remediation, "LEASE_MARGIN", -45))


def digest_without_runbook() -> AbstractContextManager[None]:
    """A plan's digest says nothing about the runbook that made it."""

    def bare(self: Plan) -> str:
        steps = [s.as_json() for s in self.steps]
        return digest({"case": self.case, "arn": self.arn, "steps": steps, "state": self.state_digest})

    return _all(patch.object(Plan, "digest", property(bare)))


def undo_forward() -> AbstractContextManager[None]:
    """Undo runs in the order of the fix."""
    return _all(patch.object(undoing, "sorted", lambda steps, key: sorted(steps, key=lambda s: s.number), create=True))


def expiry_by_the_reader() -> AbstractContextManager[None]:
    """Whoever read the case compared its expiry with their own clock; the store is not asked."""
    save = Ledger.save

    def saved(self: Ledger, *asked: Any, **more: Any) -> Case:
        return save(self, *asked, **{**more, "unexpired": ""})

    return _all(patch.object(Ledger, "save", saved))


def called_again() -> AbstractContextManager[None]:
    """What was begun and not answered is called again without a look."""

    def resumed(
        hands: Hands, case: Case, runbook: Runbook, params: Mapping[str, Json], begun: Journalled, sight: Sight
    ) -> Case:
        assert sight.resource is not None
        done = {s.number for s in begun.steps if s.done}
        left = tuple(n for n in range(len(begun.plan.steps)) if n not in done)
        finding = finding_of(case, sight.findings)
        at = planning.bench(case.id, sight.resource, finding, runbook, params, hands.key)
        started = frozenset(s.number for s in begun.steps)
        return executor._carried_out(hands, case, runbook, params, begun.plan, left, at, started)

    return _all(patch.object(executor, "_resumed", resumed))


def cached_switch() -> AbstractContextManager[None]:
    """A worker asks for the kill switch once."""
    why_paused = Journal.why_paused
    known: dict[int, tuple[Journal, str]] = {}

    def cached(self: Journal, *of: str) -> str:
        return known.setdefault(id(self), (self, why_paused(self, *of)))[1]

    return _all(patch.object(Journal, "why_paused", cached))


def trusted_read() -> AbstractContextManager[None]:
    """Verification believes an earlier read, less what the calls are known to have removed."""

    def settled(hands: Hands, case: Case, plan: Plan, problem: Callable[[Sight], str]) -> tuple[Sight, str]:
        sight = look(hands, case)
        return replace(sight, findings=tuple(f for f in sight.findings if f.control != case.control)), ""

    return _all(patch.object(verifying, "settled", settled))


def clicks_counted() -> AbstractContextManager[None]:
    """A quorum counts approvals, whoever gave them."""

    def quorum(people: Any, given: Any, requirement: Any, causers: Any, plan: str, about: str, *more: Any) -> Quorum:
        clicks = [a for a in given if (a.plan, a.about, a.given) == (plan, about, "approve")]
        stands = len(clicks) >= max(1, requirement.minimum)
        return Quorum(stands, tuple(a.person for a in clicks), (f"{len(clicks)} approvals",))

    def part_approval(case: str, approval: Any) -> Any:
        data = {n: getattr(approval, n) for n in type(approval).__slots__}
        sk = f"{approval.about}#{approval.plan}#{approval.person}#{approval.at}"
        return part_put({"pk": f"APPROVAL#{case}", "sk": sk, "body": body(data)})

    return _all(
        patch.object(approvals, "quorum", quorum),
        patch.object(Ledger, "part_approval", staticmethod(part_approval)),
        patch.object(decide, "_latest", lambda given, word: ""),
    )


def key_without_region() -> AbstractContextManager[None]:
    """A resource and its cases are known by account, type and name."""

    def key(self: Place) -> str:
        return "#".join((self.account, self.resource_type, self.resource_id))

    def id_of(account: str, region: str, arn: str, control: str, nth: int) -> str:
        return case_id(account, "", arn.replace(region, ""), control, nth)

    return _all(patch.object(Place, "key", property(key)), patch.object(opening, "case_id", id_of))


BUGS: Mapping[str, Planted] = {
    "journal written after the call": Planted(journal_after_call, "url", ("1",)),
    "lease shorter than the function's timeout": Planted(short_lease, "grants", ("1", "3"), "held"),
    "digest compared without the runbook's": Planted(digest_without_runbook, "trust", ("2",), "releases"),
    "undo in forward order": Planted(undo_forward, "grants", ("9",)),
    "expiry checked by the reader's clock": Planted(expiry_by_the_reader, "trust", ("5",), "expiry"),
    "retry of a non-idempotent call after a lost answer": Planted(called_again, "url", ("3",), "answers lost"),
    "kill switch cached": Planted(cached_switch, "grants", ("8",), "switch"),
    "verification that trusts the cached read": Planted(trusted_read, "grants", ("4",), "strangers"),
    "quorum that counts clicks": Planted(clicks_counted, "contain", ("5",)),
    "dedupe key without region": Planted(key_without_region, "regions", ("4",)),
}
