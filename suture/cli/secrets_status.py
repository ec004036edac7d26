"""`suture secrets status`: the stages of one way out, what was done, who is next, and the code change for the owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from chalicelib.errors import BadInput

from . import options, output

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.model import Json
    from chalicelib.runbooks import Stage
    from chalicelib.stores import Store

EPILOG = """\b
Examples:
  suture secrets status C-1A2B3C4D5E
  suture secrets status C-1A2B3C4D5E --json

\b
Exit codes: 0 told, 1 refused (and why), 2 wrong usage, 3 the decision API does not answer."""

_DECIDES: Mapping[str, str] = {
    "PENDING": "suture cases approve {id} --plan {plan}",
    "UNDONE": "suture cases continue {id} --reason …",
    "REJECTED": "suture cases continue {id} --reason …",
    "ESCALATED": "suture cases continue {id} --reason …",
}


_BY_HAND = ("grant", "owner")
"""The stage in which the owner lets the function in, where no call of ours can."""


@click.command("status", epilog=EPILOG)
@click.argument("case")
@options.as_json
@options.api_url
@options.region
@options.profile
def status(case: str, as_json: bool, api_url: str | None, region: str | None, profile: str | None) -> None:
    """Show how far a secret is led out: its stages, what was done, who acts next, and the owner's code change."""
    from .cases import connect

    found = told(connect(api_url, region, profile).case(case))
    if as_json:
        output.print_json(found)
    else:
        output.show(_page(found))


def told(answer: Mapping[str, Any]) -> dict[str, Json]:
    """What one answer of the decision API says of a staged case, as data. Raises BadInput for any other case."""
    case = answer["case"]
    standing = _map(case.get("standing"))
    if not standing:
        step = "see `suture cases show`"
        raise BadInput("this is not the case of a staged runbook", where=str(case.get("id", "")), next_step=step)
    return {
        "case": case.get("id"),
        "state": case.get("state"),
        "resource": case.get("arn"),
        "stage": {name: standing.get(name) for name in ("stage", "number", "of", "who", "says")},
        "next": _next(case, answer),
        "stages": _stages(answer),
        "undoable": _map(answer.get("undoable")),
        "rotated": _list(_map(_map(case.get("told")).get("rotate")).get("rotations")),
        "secrets": [{k: s.get(k) for k in ("Name", "Kind", "Confidence", "Does") if k in s} for s in _secrets(case)],
        "seen": _map(_map(case.get("told")).get("observe")),
        "versions_in_use": _list(_map(_map(case.get("told")).get("prune")).get("needed")),
        "exposed": _map(_map(case.get("told")).get("contain")),
        "attested": _map(case.get("attested")),
        "store": _store(case).name,
        "code": _code(case),
        "rotation": _rotation(case),
    }


def _next(case: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Json]:
    """Who acts, on what, and with which command."""
    standing, state = _map(case.get("standing")), str(case.get("state"))
    plan = str(_map(case.get("plan")).get("digest", ""))
    command = _DECIDES.get(state, "")
    due = next((s for s in _stages_of(case) if s.name == standing.get("stage")), None)
    if state == "WAITING_OWNER" and due is not None and due.attests:
        command = "suture cases attest {id} --by NAME --at WHEN --reason HOW"
    who = "approvers" if state == "PENDING" else "nobody" if state == "RESOLVED" else str(standing.get("who", ""))
    may = [str(name) for name in _list(answer.get("can_decide"))] if state == "PENDING" else []
    says = "" if state == "RESOLVED" else standing.get("says")
    return {"who": who, "may": may, "does": says, "command": command.format(id=case.get("id"), plan=plan)}


def _stages(answer: Mapping[str, Any]) -> list[dict[str, Json]]:
    """Every stage with whether it is done, and of what was applied: when, by whose approval, with which plan."""
    case = answer["case"]
    applied = {str(s.get("stage")): s for s in _list(case.get("stages")) if isinstance(s, Mapping)}
    reached, standing = _map(case.get("reached")), _map(case.get("standing"))
    found: list[dict[str, Json]] = []
    for number, name in enumerate([s.name for s in _stages_of(case)], 1):
        digest = str(_map(_map(applied.get(name)).get("plan")).get("digest", ""))
        is_done = case.get("state") == "RESOLVED" or number < int(standing.get("number") or 0)
        attested = _map(_map(case.get("attested")).get(name))
        by = [w.get("person") for w in _list(answer.get("approvals")) if _approves(w, digest)]
        found.append(
            {
                "stage": name,
                "done": is_done or bool(attested),
                "current": name == standing.get("stage") and case.get("state") != "RESOLVED",
                "since": reached.get(name, ""),
                "applied": _map(applied.get(name)).get("at", ""),
                "by": by or ([attested["attested_by"]] if attested else []),
                "plan": digest,
                "attested": attested,
            }
        )
    return found


def _approves(word: Json, digest: str) -> bool:
    return isinstance(word, Mapping) and bool(digest) and (word.get("plan"), word.get("about")) == (digest, "apply")


def _stages_of(case: Mapping[str, Any]) -> Sequence[Stage]:
    """All stages, from the runbook that this command was installed with: the plan's, else the newest of the store's."""
    from . import books

    plan, packaged = _map(case.get("plan")), books.packaged_runbooks()
    found = packaged.get(f"{plan.get('runbook')}/{plan.get('version')}")
    versions = [b for b in packaged.values() if b.id == _store(case).lead]
    staged = found or max(versions, key=lambda b: [int(n) for n in b.version.split(".")], default=None)
    return staged.stages if staged else ()


def _store(case: Mapping[str, Any]) -> Store:
    """The store that the case leads into. Secrets Manager's stages do not say so."""
    from chalicelib.stores import DEFAULT, STORES

    into = _map(_map(case.get("told")).get("store")).get("into")
    return STORES.get(str(into)) or STORES[DEFAULT]


def _secrets(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    store = _map(_map(case.get("told")).get("store"))
    return [s for s in _list(store.get("secrets")) if isinstance(s, Mapping)]


def _references(case: Mapping[str, Any]) -> dict[str, str]:
    """What code asks the store for, by variable, as far as it is known by now."""
    told = _list(_map(_map(case.get("told")).get("reference")).get("secrets"))
    named = {str(s.get("Name")): s.get("Reference") or s.get("Arn") for s in (*_secrets(case), *told) if _map(s)}
    return {name: str(reference) for name, reference in named.items() if reference}


def _code(case: Mapping[str, Any]) -> list[dict[str, Json]]:
    """The owner's code change for each secret that lies in the store by now."""
    from suture.codechange import changes

    triage = _map(_map(case.get("told")).get("triage"))
    runtime, role = str(triage.get("runtime", "")), str(triage.get("role", "")).rsplit("/", 1)[-1]
    tool = _tool(str(case.get("owned_by") or ""), _list(case.get("notes")))
    store, function = _store(case).name, str(case.get("arn"))
    return [
        {"variable": name, "title": c.title, "language": c.language, "text": c.text}
        for name, reference in _references(case).items()
        for c in changes(runtime, name, reference, tool, role, store, function)
    ]


def _tool(owned_by: str, notes: Sequence[Json]) -> str:
    """Which infrastructure as code owns the function, as far as the case tells: by its name, or in its notes."""
    said = " ".join((owned_by, *map(str, notes))).lower()
    return next((tool for tool in ("terraform", "serverless", "cdk", "cloudformation") if tool in said), "")


def _rotation(case: Mapping[str, Any]) -> list[dict[str, Json]]:
    from suture.rotation import instructions

    references, store = _references(case), _store(case).name
    return [
        {"variable": s.get("Name"), "kind": s.get("Kind"), "steps": list(steps)}
        for s in _secrets(case)
        for steps in [instructions(str(s.get("Kind")), references.get(str(s.get("Name")), ""), store)]
    ]


def _page(found: Mapping[str, Any]) -> Iterator[Text]:
    from rich.text import Text

    stage, coming = found["stage"], found["next"]
    case, state = output.text(found["case"], "bold"), output.text(found["state"], "yellow")
    yield Text("  ").join((case, state, output.text(found["resource"])))
    yield Text()
    for number, one in enumerate(found["stages"], 1):
        yield from _line(number, one)
    yield Text()
    where = f"Stage {stage['number']} of {stage['of']}, {stage['stage']}"
    yield Text.assemble((f"{where}: ", "bold"), output.text(coming["does"] or "nothing is left to do", limit=900))
    if coming["who"] != "nobody":
        may = f" ({', '.join(coming['may'])})" if coming["may"] else ""
        yield Text.assemble(("Next: ", "bold"), output.text(f"{coming['who']}{may}"))
    if coming["command"]:
        yield Text.assemble("      ", output.text(coming["command"], "cyan", 900))
    for part in (_stored, _seen, _users, _exposed, _changes, _rotated, _ways):
        yield from part(found)


def _line(number: int, one: Mapping[str, Any]) -> Iterator[Text]:
    from rich.text import Text

    mark, style = ("✓", "green") if one["done"] else ("▸", "bold yellow") if one["current"] else ("·", "dim")
    told = [str(one["applied"])[:19].replace("T", " ") + "Z"] if one["applied"] else []
    told += [f"by {', '.join(map(str, one['by']))}"] if one["by"] else []
    told += [f"plan {str(one['plan'])[:19]}…"] if one["plan"] else []
    if one["attested"]:
        told = [f"{one['attested'].get('by')} at {one['attested'].get('at')}: {one['attested'].get('how')}", *told]
    yield Text.assemble(
        (f"{mark} {number:>2}  ", style), (f"{one['stage']:<10} ", style), output.text("  ".join(told), "dim", 900)
    )


def _stored(found: Mapping[str, Any]) -> Iterator[Text]:
    for secret in found["secrets"] if found["stage"]["stage"] == "store" else ():
        if secret.get("Does"):
            yield output.text(f"Store: {secret.get('Name')} {secret['Does']}", limit=900)


def _rotated(found: Mapping[str, Any]) -> Iterator[Text]:
    for one in found["rotated"]:
        if isinstance(one, Mapping):
            yield output.text(f"Seen: {one.get('Name')} was rotated by {one.get('By')} at {one.get('At')}", limit=900)


def _seen(found: Mapping[str, Any]) -> Iterator[Text]:
    for read in _list(found["seen"].get("reads")):
        if isinstance(read, Mapping):
            yield output.text(f"Seen: {read.get('Name')} was read {read.get('Reads')} times by the function's role")
    well = _map(found["seen"].get("health"))
    if well:
        after, before = _map(well.get("After")), _map(well.get("Before"))
        risen = "; the error rate ROSE" if well.get("Risen") else ""
        yield output.text(
            f"Health: {after.get('Errors')} errors in {after.get('Invocations')} invocations since, "
            f"{before.get('Errors')} in {before.get('Invocations')} before{risen}"
        )


def _users(found: Mapping[str, Any]) -> Iterator[Text]:
    for user in found["versions_in_use"]:
        if isinstance(user, Mapping):
            yield output.text(f"Still used: version {user.get('Version')}, by {user.get('By')}")


def _exposed(found: Mapping[str, Any]) -> Iterator[Text]:
    nested = found["exposed"].items()
    flat = ((f"{a} {b}", v) for a, inner in nested if isinstance(inner, Mapping) for b, v in inner.items())
    for name, value in (*flat, *((a, v) for a, v in nested if not isinstance(v, Mapping))):
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield output.text(f"Exposed, {name.replace('_', ' ')}: {shown or 'none'}", limit=2000)


def _changes(found: Mapping[str, Any]) -> Iterator[Text]:
    from rich.text import Text

    stage = found["stage"]
    is_due = stage["stage"] in ("reference", "observe", "remove") or (stage["stage"], stage["who"]) == _BY_HAND
    for change in found["code"] if is_due else ():
        yield Text()
        yield Text.assemble((f"{change['variable']}: ", "bold"), output.text(change["title"], "bold"))
        yield from (Text("  " + _printable(line)) if line else Text() for line in str(change["text"]).splitlines())


def _printable(line: str) -> str:
    """A line of code as it is, less what a terminal would take for something else."""
    return "".join(c for c in line if c.isprintable())


def _ways(found: Mapping[str, Any]) -> Iterator[Text]:
    from rich.text import Text

    for way in found["rotation"] if found["stage"]["stage"] == "rotate" else ():
        yield Text()
        yield Text.assemble((f"Rotate {way['variable']} ", "bold"), output.text(f"({way['kind']})", "dim"))
        yield from (output.text(f"  {n}. {step}", limit=900) for n, step in enumerate(way["steps"], 1))


def _map(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []
