"""What pins, approvers and suppressions must agree with: runbooks, controls, and one another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from chalicelib.approvals import OTHER_IDENTITIES
from chalicelib.iam.globs import intersects
from chalicelib.model import Json
from chalicelib.runbooks import Runbook
from chalicelib.stores import foreign_stores
from chalicelib.vaults import is_missing

from .schema import PinsDocument, SuppressionsDocument, problems
from .schema_people import ApproversDocument, ChatDocument
from .yamlfile import Place, Problem, Source


def pins_problems(source: Source, runbooks: Mapping[str, Runbook]) -> tuple[Problem, ...]:
    """What is wrong with pins.yaml. `runbooks` are all versions that exist, by `id/version`."""
    by_shape = problems(PinsDocument, source)
    if by_shape:
        return by_shape
    return (
        *_unknown_pins(source, runbooks),
        *_pinned_twice(source, runbooks),
        *_missing_clients(source, runbooks),
    )


def approvers_problems(source: Source) -> tuple[Problem, ...]:
    """What is wrong with approvers.yaml: an identity that stands for two people would make a quorum of one."""
    by_shape = problems(ApproversDocument, source)
    return by_shape or tuple(_shared_identities(source))


def suppressions_problems(source: Source, controls: Collection[str]) -> tuple[Problem, ...]:
    """What is wrong with suppressions.yaml. `controls` are the ids that exist."""
    by_shape = problems(SuppressionsDocument, source)
    return by_shape or tuple(_bad_suppressions(source, controls))


def chat_problems(source: Source) -> tuple[Problem, ...]:
    """What is wrong with chat.yaml."""
    return problems(ChatDocument, source)


def _unknown_pins(source: Source, runbooks: Mapping[str, Runbook]) -> Iterator[Problem]:
    for index, pin in enumerate(source.document["pins"]):
        runbook = runbooks.get(f"{pin['runbook']}/{pin['version']}")
        if runbook is None:
            there = sorted(name for name in runbooks if name.startswith(f"{pin['runbook']}/")) or sorted(runbooks)
            step = f"pin one of: {', '.join(there) or 'none is there yet'}"
            what = f"there is no runbook {pin['runbook']} in version {pin['version']}"
            yield source.problem(("pins", index, "version"), what, step)
            continue
        for name, value in pin.get("params", {}).items():
            yield from _bad_parameter(source, ("pins", index, "params", name), runbook, name, value)


def _bad_parameter(source: Source, place: Place, runbook: Runbook, name: str, value: Json) -> Iterator[Problem]:
    if name not in runbook.params:
        known = ", ".join(runbook.params) or "none"
        yield source.problem(place, f"{runbook.id} has no parameter {name}", f"remove it (there are: {known})")
        return
    default = runbook.params[name]
    wanted = "text" if isinstance(default, Mapping) else _kind(default)
    if _kind(value) != wanted:
        what = f"the parameter {name} of {runbook.id} is {wanted}, and this is {_kind(value)}"
        yield source.problem(place, what, f"write {wanted}")


def _kind(value: Json) -> str:
    kinds = (
        (bool, "true or false"),
        (str, "text"),
        (int | float, "a number"),
        (list, "a list"),
        (Mapping, "a mapping"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing")


def _pinned_twice(source: Source, runbooks: Mapping[str, Runbook]) -> Iterator[Problem]:
    """Two pins for one control, account and resource leave open which runbook acts; one for all and one for some
    does not."""
    for (_, one), (index, other) in combinations(enumerate(source.document["pins"]), 2):
        accounts = set(one.get("accounts", ["*"])) & set(other.get("accounts", ["*"]))
        controls = _remediated(one, runbooks) & _remediated(other, runbooks)
        if accounts and controls and _meet(one.get("resources", ()), other.get("resources", ())):
            where = "all accounts" if accounts == {"*"} else f"account {min(accounts)}"
            what = f"{min(controls)} is pinned twice for {where}: {one['runbook']} and {other['runbook']}"
            yield source.problem(
                ("pins", index), what, "keep one of the two pins, or give them different accounts or resources"
            )


def _meet(one: Collection[str], other: Collection[str]) -> bool:
    """May some resource be meant by both of two lists of ARN patterns? An empty list is a rank of its own: the rest."""
    return (not one and not other) or any(intersects(a, b) for a in one for b in other)


def _missing_clients(source: Source, runbooks: Mapping[str, Runbook]) -> Iterator[Problem]:
    """A store outside AWS needs its client in the package; one that is not even here is not there either."""
    for index, pin in enumerate(source.document["pins"]):
        runbook = runbooks.get(f"{pin['runbook']}/{pin['version']}")
        for store in foreign_stores(runbook.operations()) if runbook else ():
            if is_missing(store):
                what = f"{pin['runbook']} stores in {store.title}, and its client is not installed here"
                step = f"install 'suture[{store.extra}]', and give the function its layer; docs/stores.md says how"
                yield source.problem(("pins", index, "runbook"), what, step)


def _remediated(pin: Mapping[str, Json], runbooks: Mapping[str, Runbook]) -> set[str]:
    runbook = runbooks.get(f"{pin['runbook']}/{pin['version']}")
    return set(runbook.remediates) if runbook else set()


def _shared_identities(source: Source) -> Iterator[Problem]:
    owner: dict[tuple[str, ...], str] = {}
    for person, entry in source.document["people"].items():
        for kind, index, key in _keys(entry):
            first = owner.setdefault((kind, *key), person)
            if first != person:
                what = f"{person} and {first} share one identity, so one login would count as two people"
                place = ("people", person, kind, index)
                yield source.problem(place, what, "give each person an identity of their own")


def _keys(person: Mapping[str, Json]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Every identity of a person: its kind, its place there, and what makes it that one."""
    parts = {"iam": ("account", "role", "session", "user"), **{k: (r, n) for k, r, n in OTHER_IDENTITIES}}
    for kind, names in parts.items():
        for index, identity in enumerate(person.get(kind, ())):
            yield kind, index, tuple(str(identity.get(name, "")) for name in names)
    yield from (("source_identity", index, (value,)) for index, value in enumerate(person.get("source_identity", ())))


def _bad_suppressions(source: Source, controls: Collection[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in enumerate(source.document["suppressions"]):
        place: Place = ("suppressions", index)
        if entry["id"] in seen:
            yield source.problem((*place, "id"), f"the id {entry['id']} stands here twice", "choose another id")
        seen.add(entry["id"])
        if entry["control"] not in controls:
            step = f"choose one of: {', '.join(sorted(controls))}"
            yield source.problem((*place, "control"), f"there is no control {entry['control']}", step)
        in_arn = entry["resource"].split(":")[4]
        if in_arn.isdigit() and entry["account"] not in ("*", in_arn):
            what = f"the resource is in account {in_arn}, so nothing in {entry['account']} matches"
            yield source.problem((*place, "account"), what, "correct the account or the ARN")
