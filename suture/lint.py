"""What a runbook's document cannot say by its shape: that its calls exist, that its expressions mean something.

Everything is checked offline and before anything ships: against the controls, the operation catalogue and
botocore's models. A problem here would otherwise be a refusal at run time, in the middle of an incident.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib import expressions
from chalicelib.aws.operations import OPERATIONS
from chalicelib.controls import Control
from chalicelib.errors import BadRunbook
from chalicelib.model import TIERS, Json
from chalicelib.workbench import is_fresh
from chalicelib.writers import writer_of

from . import awsmodels
from .schema import RunbookDocument, problems
from .traps import lint
from .yamlfile import Place, Problem, Source

_ONLY_UNAUTHORISED = frozenset({"lambda:RemovePermission", "lambda:AddPermission", "lambda:UpdateFunctionUrlConfig"})
"""Writes that cost access to unauthorised callers alone; any other write is at least medium."""

_POWERS = ("iam:", "secretsmanager:", "kms:", "sts:", "ssm:", "azure-keyvault:", "gcp-secretmanager:")
"""Services in which every write is high: permissions and secrets."""


@dataclass(frozen=True, slots=True)
class _Called:
    """One call of a runbook: where it stands, what kind it must have, and which roots its expressions see."""

    place: Place
    data: Mapping[str, Json]
    kind: str
    is_step: bool
    has_each: bool

    @property
    def operation(self) -> str:
        return str(self.data["call"])

    @property
    def roots(self) -> frozenset[str]:
        return frozenset({"each"}) if self.has_each else frozenset()


@dataclass(frozen=True, slots=True)
class _Text:
    """One expression: where it stands, its text, the roots it sees besides the common ones, whether it decides."""

    place: Place
    text: str
    roots: frozenset[str]
    decides: bool = False


def runbook_problems(source: Source, controls: Mapping[str, Control]) -> tuple[Problem, ...]:
    """Everything that is wrong with one runbook file, in the order of its lines. `controls` are those that exist."""
    by_shape = problems(RunbookDocument, source)
    if by_shape:
        return by_shape
    rules = (_name, _controls, _calls, _late, _undo, _tier, _functions, _expressions)
    found = [p for rule in rules for p in rule(source, controls)]
    return tuple(sorted(dict.fromkeys(found), key=lambda p: int(p.where.rsplit(":", 1)[-1])))


def _name(source: Source, _: Mapping[str, Control]) -> Iterator[Problem]:
    *folders, file = source.name.split("/")
    identity, version = source.document["id"], source.document["version"]
    if folders[-1:] != [identity]:
        yield source.problem(("id",), f"the id {identity} is not the folder's name", f"move it to {identity}/")
    if file != f"{version}.yaml":
        yield source.problem(("version",), f"version {version} is not the file's name", f"name the file {version}.yaml")


def _controls(source: Source, controls: Mapping[str, Control]) -> Iterator[Problem]:
    named = source.document["remediates"]
    for index, name in enumerate(named):
        if name not in controls:
            step = f"choose one of: {', '.join(controls)}"
            yield source.problem(("remediates", index), f"there is no control {name}", step)
    types = {controls[n].resource_type for n in named if n in controls}
    if len(types) > 1:
        what = f"its controls judge different resource types: {', '.join(sorted(types))}"
        yield source.problem(("remediates",), what, "write one runbook for each type")


def _calls(source: Source, _: Mapping[str, Control]) -> Iterator[Problem]:
    for called in _all_calls(source.document):
        entry = OPERATIONS.get(called.operation)
        if entry is None or entry.kind != called.kind:
            known = ", ".join(n for n, o in OPERATIONS.items() if o.kind == called.kind)
            what = f"{called.operation} is no {called.kind} operation of the catalogue"
            yield source.problem((*called.place, "call"), what, f"use one of: {known}")
            continue
        if not awsmodels.exists(called.operation):
            what = f"botocore knows no {called.operation}"
            yield source.problem((*called.place, "call"), what, "correct the catalogue's name, or update botocore")
            continue
        for name in called.data["with"]:
            if name.removesuffix("?") in entry.never:
                what = f"{name.removesuffix('?')} is never allowed in {called.operation}: it would do more than the fix"
                yield source.problem((*called.place, "with", name), what, "remove it")
        for place, what in awsmodels.call_problems(called.operation, called.data["with"]):
            at = (*called.place, "with", *place)
            yield source.problem(at, f"{called.operation}: {what}", "see the operation's page in the AWS API reference")
    for place, part in parts(source.document):
        try:
            writer_of({c.operation for c in _calls_of(part, place) if c.operation in OPERATIONS})
        except BadRunbook as error:
            yield source.problem((*place, "steps"), error.what, error.next_step)


def _late(source: Source, _: Mapping[str, Control]) -> Iterator[Problem]:
    """Secrets enter a request as late values only, and late values only where AWS expects a secret."""
    for called in _all_calls(source.document):
        for name, value in called.data["with"].items():
            at = (*called.place, "with", name)
            is_secret = awsmodels.is_sensitive(called.operation, name.removesuffix("?"))
            entry = OPERATIONS.get(called.operation)
            if is_fresh(value):
                if entry is None or name not in entry.fresh:
                    what = f"{name} of {called.operation} is not one that only the fresh read knows"
                    yield source.problem(at, what, "write the expression itself, which the plan then shows")
            elif _is_late(value):
                if not is_secret or called.kind != "write":
                    what = f"{name} of {called.operation} is no secret of a step, so it cannot be late"
                    yield source.problem(at, what, "write the expression itself, which the plan then shows")
                elif not isinstance(value["late"], str) or name.endswith("?"):
                    yield source.problem(at, "a late value is one expression, never optional", "write {late: =…}")
            elif is_secret:
                what = f"{name} of {called.operation} is a secret, and a plan never holds one"
                yield source.problem(at, what, "write {late: =expression}")
            elif any(_is_late(v) for _, v in _values(value, ())):
                yield source.problem(at, "a late value stands alone as a parameter", "move it out of the structure")


def _undo(source: Source, _: Mapping[str, Control]) -> Iterator[Problem]:
    for place, part in parts(source.document):
        for index, step in enumerate(part.get("steps", ())):
            if step["undo"] == "none" and (part.get("reversible") or source.document["reversible"]) == "full":
                what = "a step without undo, in a runbook that says `reversible: full`"
                at = (*place, "steps", index, "undo")
                yield source.problem(at, what, "give the undo calls, or say partial or none")


def _tier(source: Source, _: Mapping[str, Control]) -> Iterator[Problem]:
    for place, part in parts(source.document):
        reversible = part.get("reversible") or source.document["reversible"]
        floor, why = tier_floor({**part, "reversible": reversible})
        tier = part.get("tier") or source.document["tier"]
        if TIERS.index(tier) < TIERS.index(floor):
            what = f"tier {tier} is too low: {why}"
            at = (*place, "tier") if "tier" in part else ("tier",)
            yield source.problem(at, what, f"write `tier: {floor}` (a runbook may raise the tier, never lower it)")


def tier_floor(document: Mapping[str, Json]) -> tuple[str, str]:
    """The lowest tier that the calls of a runbook or a stage allow, and what decides it."""
    writes = sorted({c.operation for c in _calls_of(document, ()) if c.kind == "write"})
    powerful = [w for w in writes if w.startswith(_POWERS)]
    if powerful:
        return "high", f"{powerful[0]} writes permissions or secrets"
    if document["reversible"] != "full":
        return "high", f"it is only {document['reversible']} reversible"
    costly = [w for w in writes if w not in _ONLY_UNAUTHORISED]
    if costly:
        return "medium", f"{costly[0]} may change availability or cost"
    return "low", "only unauthorised callers lose access"


def _functions(source: Source, _: Mapping[str, Control]) -> Iterator[Problem]:
    uses = tuple(source.document.get("uses", ()))
    used = {n for t in _texts(source.document) for n in re.findall(r"([a-z][a-z0-9_]*)\s*\(", t.text)}
    bare = [name.partition("@")[0] for name in uses]
    unknown = expressions.unknown_functions(uses) if uses else ()
    for index, name in enumerate(uses):
        if name in unknown:
            known = ", ".join(expressions.functions())
            yield source.problem(("uses", index), f"there is no function {name}", f"choose one of: {known}")
        elif bare.count(bare[index]) > 1:
            yield source.problem(("uses", index), f"two majors of {bare[index]} are declared", "keep one")
        elif bare[index] not in used:
            yield source.problem(("uses", index), f"{name} is declared and never used", "remove it")


def _expressions(source: Source, controls: Mapping[str, Control]) -> Iterator[Problem]:
    document = source.document
    uses = tuple(u for u in document.get("uses", ()) if u not in expressions.unknown_functions((u,)))
    params = frozenset(document.get("params", {}))
    types = {controls[n].resource_type for n in document["remediates"] if n in controls}
    config = awsmodels.configuration_names(types.pop()) if len(types) == 1 else None
    texts = tuple(_texts(document))
    for text in texts:
        for what in lint(text.text, params, uses, text.roots, decides=text.decides, config=config):
            yield source.problem(text.place, what, "correct the expression; docs/runbooks.md explains the traps")
        if text.place[-1] == "each" and not text.text.startswith("="):
            yield source.problem(text.place, "`each` is an expression", f"write `each: ={text.text}`")
    for name in sorted(params):
        if not any(re.search(rf"\bparams\b(\s*\.\s*\"?{name}\b|(?!\s*\.))", t.text) for t in texts):
            yield source.problem(("params", name), f"the parameter {name} is never used", "remove it")


def parts(document: Mapping[str, Json]) -> Iterator[tuple[Place, Mapping[str, Json]]]:
    """What makes plans of its own: the runbook itself, or each of its stages, with where it stands."""
    if "stages" not in document:
        yield (), document
    for index, stage in enumerate(document.get("stages", ())):
        yield ("stages", index), stage


def _all_calls(document: Mapping[str, Json]) -> Iterator[_Called]:
    for place, part in parts(document):
        yield from _calls_of(part, place)


def _calls_of(part: Mapping[str, Json], within: Place) -> Iterator[_Called]:
    for index, step in enumerate(part.get("steps", ())):
        place, has_each = (*within, "steps", index), "each" in step
        yield _Called(place, step, "write", True, has_each)
        undo = step["undo"]
        if isinstance(undo, Mapping):
            yield _Called((*place, "undo"), undo, "write", False, has_each)
        elif undo != "none":
            yield from (_Called((*place, "undo", n), u, "write", False, has_each) for n, u in enumerate(undo))
    for index, check in enumerate(part.get("verify", ())):
        yield _Called((*within, "verify", index), check, "read", False, "each" in check)
    for index, read in enumerate(part.get("reads", ())):
        if "call" in read:
            yield _Called((*within, "reads", index), {"with": {}, **read}, "read", False, "each" in read)


def _texts(document: Mapping[str, Json]) -> Iterator[_Text]:
    """Every expression of a runbook."""
    for within, part in parts(document):
        extra = frozenset({"facts"}) if within else frozenset()
        for index, guard in enumerate(part.get("guards", ())):
            yield _Text((*within, "guards", index, "expect"), guard["expect"], extra, decides=True)
        for called in _calls_of(part, within):
            yield from _texts_of(called, extra)
        if within:
            yield from _texts_of_stage(part, within, extra)
    nothing: frozenset[str] = frozenset()
    if "undo_if" in document.get("watch", {}):
        yield _Text(("watch", "undo_if"), document["watch"]["undo_if"], nothing, decides=True)


def _texts_of(called: _Called, extra: frozenset[str]) -> Iterator[_Text]:
    roots = called.roots | extra
    if "each" in called.data:
        yield _Text((*called.place, "each"), called.data["each"], extra)
    if "when" in called.data:
        yield _Text((*called.place, "when"), called.data["when"], roots, decides=True)
    if "expect" in called.data:
        yield _Text((*called.place, "expect"), called.data["expect"], roots | {"answer"}, decides=True)
    for place, value in _values(called.data["with"], (*called.place, "with")):
        if expressions.is_expression(value):
            yield _Text(place, value, roots)
        elif is_fresh(value):
            yield _Text((*place, "fresh"), value["fresh"], roots)
        elif _is_late(value):
            asked = {k: v for k, v in value.items() if isinstance(v, str)}
            stored = frozenset({"stored"}) if "stored" in value else frozenset()
            yield from (
                _Text((*place, k), v, roots | (stored if k == "late" else frozenset())) for k, v in asked.items()
            )


def _texts_of_stage(stage: Mapping[str, Json], within: Place, extra: frozenset[str]) -> Iterator[_Text]:
    if "done" in stage:
        yield _Text((*within, "done"), stage["done"], extra, decides=True)
    if "state" in stage:
        yield _Text((*within, "state"), stage["state"], frozenset())
    for name, text in stage.get("tells", {}).items():
        yield _Text((*within, "tells", name), text, extra)
    for index, read in enumerate(stage.get("reads", ())):
        place = (*within, "reads", index)
        if "keep" in read:
            yield _Text((*place, "keep"), read["keep"], frozenset({"answer"}))
        if "id" in read:
            yield _Text((*place, "id"), read["id"], extra)


def _values(value: Json, place: Place) -> Iterator[tuple[Place, Json]]:
    """Every value inside `value`, itself included; a late value counts as one."""
    yield place, value
    if isinstance(value, Mapping) and not _is_late(value) and not is_fresh(value):
        for name, item in value.items():
            yield from _values(item, (*place, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(item, (*place, index))


def _is_late(value: Json) -> bool:
    return isinstance(value, Mapping) and "late" in value and set(value) <= {"late", "stored", "shows"}
