"""Where a staged case stands: the first stage that AWS, read just now, does not show to be done.

No counter is kept. What only people can say (who rotated what) is attested in the case; all else follows from reads,
so a stage that somebody did by hand is done, and one that somebody took back is due again. A stage's reads are made
only when its turn comes; a stage that cannot be waited at (it has no `done`) is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from .. import redaction
from ..cases import Case
from ..errors import Gone
from ..model import Finding, Json, Resource
from ..runbooks import Read, Runbook, Stage
from ..workbench import Bench, Key, Known, bench
from . import readers
from .answers import plain
from .clients import Clients


@dataclass(frozen=True, slots=True)
class Standing:
    """The stage that is due (None: every stage is done), its place among all, and what is known for planning it."""

    stage: Stage | None
    number: int
    of: int
    known: Known

    @property
    def as_json(self) -> dict[str, Json]:
        """What the case keeps of it."""
        if self.stage is None:
            return {"stage": "done", "number": self.of, "of": self.of, "who": "", "says": ""}
        return told_of(self.stage, self.number, self.of)


def told_of(stage: Stage, number: int, of: int) -> dict[str, Json]:
    """A stage as a case keeps it: its name, its place among all, who acts next, and what they do."""
    return {"stage": stage.name, "who": stage.who, "says": stage.says, "number": number, "of": of}


def place_of(runbook: Runbook) -> dict[str, Json]:
    """The stage that a staged runbook is `at`, as a case keeps it."""
    return told_of(runbook.staged(runbook.stage), runbook.number, len(runbook.stages))


def finding_of(case: Case, findings: Sequence[Finding]) -> Finding:
    """The control's finding; where it is silent, one without evidence: a stage may be due all the same."""
    found = next((f for f in findings if f.control == case.control), None)
    return found or Finding(case.control, case.severity, case.arn, case.title, ())


def stand(
    aws: Clients,
    case: Case,
    resource: Resource,
    finding: Finding,
    runbook: Runbook,
    params: Mapping[str, Json],
    key: Key,
    now: str,
) -> Standing:
    """Where the case stands on a resource read just now. Raises Escalation, BadRunbook, a CallFailed."""
    reached, told = dict(case.reached), dict(case.told)
    facts: dict[str, Json] = {}
    remembered = {"now": now, "reached": reached, "told": told, "attested": case.attested}
    known = Known(facts, remembered)
    number = 0
    for number, stage in enumerate(runbook.stages, 1):
        if not stage.done and not stage.attests and stage.name in told:
            continue
        reached.setdefault(stage.name, now)
        at = bench(case.id, resource, finding, runbook.at(stage.name), params, key, known)
        for read in stage.reads:
            facts[read.name] = _answer(aws, read, at)
        if stage.tells:
            told[stage.name] = {name: at.evaluate(text) for name, text in stage.tells.items()}
        if not _is_done(stage, at):
            return Standing(stage, number, len(runbook.stages), known)
    return Standing(None, number, len(runbook.stages), known)


def _is_done(stage: Stage, at: Bench) -> bool:
    if stage.attests and stage.name in at.roots["case"]["attested"]:
        return True
    return at.truth(stage.done) if stage.done else not stage.attests


def _answer(aws: Clients, read: Read, at: Bench) -> Json:
    """What a read answers: None for what is not there; with `each`, a list of {item, found}."""
    if read.resource:
        return _whole(aws, read, at)
    if read.each is None:
        return _one(aws, read, at, at.roots)
    elements = at.evaluate(read.each)
    return [{"item": e, "found": _one(aws, read, at, {**at.roots, "each": e})} for e in elements]


def _whole(aws: Clients, read: Read, at: Bench) -> Json:
    """A resource as its reader reads it, with fingerprints for secrets and without what moves by itself."""
    id_ = at.evaluate(read.id)
    found = readers.read(aws, read.resource, str(id_)) if id_ else None
    if found is None:
        return None
    config = redaction.shown(redaction.without(found.config, found.volatile), at.key)
    return {"type": found.type, "arn": found.arn, "id": found.id, "config": config}


def _one(aws: Clients, read: Read, at: Bench, roots: Mapping[str, Json]) -> Json:
    assert read.call is not None
    asked = {name: at.evaluate(value, roots) for name, value in read.call.parameters.items()}
    request = {name.removesuffix("?"): value for name, value in asked.items() if value is not None}
    try:
        answer = _called(aws, read, request)
    except Gone:
        return None
    kept = at.evaluate("=" + read.keep, {"answer": answer}) if read.keep else answer
    if read.mark and isinstance(kept, dict):
        return {**kept, "Mark": redaction.fingerprint(at.key(), str(kept.get(read.mark)))}
    return kept


def _called(aws: Clients, read: Read, request: Mapping[str, Json]) -> Json:
    assert read.call is not None
    if not read.pages:
        return plain(aws.call(read.call.operation, request))
    items = aws.pages(read.call.operation, request, read.pages)
    return {read.pages: [plain(item) for item in islice(items, read.most or None)]}
