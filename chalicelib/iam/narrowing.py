"""From evidence to the smallest policies that still work.

Each Allow becomes the actions that were seen, on the resources they were seen on, and whatever nobody could have seen;
conditions and every Deny stay as they are. What comes out is proved to be a subset of what went in, and to allow every
observed call that was allowed before; where either fails there is no proposal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import BadPolicy
from . import actions, evidence, globs, placing, spaces
from .documents import NEW, Document, Statement, parse
from .evidence import LAST_ACCESSED, PACKAGE, TRAIL, Observed, Window
from .fitting import Fitted, NamedDocument, fitted
from .permissions import may
from .provenance import Dropped, Justified, Piece, Reason
from .subset import Proof, allows_subset

_MOST_FOR_REDUNDANCY, _MOST_SAID = 150, 2
_UNSPLIT = "its exceptions cut through what could not be known, so that it stays whole"
_NO_SERVICES = (
    "without CloudTrail records or last-accessed data nobody knows which of all services were used; "
    "allow iam:GenerateServiceLastAccessedDetails, or give records"
)


class Proposal(NamedTuple):
    """The policies to put in place of the old ones, each statement with where it comes from; or why there are none.

    `beyond` was seen but is allowed by none of these policies (a resource's own policy may do so): not added.
    `blind` are sentences on the window; `proof` is that of the subset. `refused` is a reason, with no `policies` then.
    """

    policies: tuple[Fitted, ...]
    dropped: tuple[Dropped, ...]
    beyond: tuple[Observed, ...]
    blind: tuple[str, ...]
    proof: Proof
    refused: str = ""


class _Grant(NamedTuple):
    action: str
    resources: tuple[str, ...] | None
    reason: Reason


class _Uncertain(Exception):
    """What could not be known of a statement cannot be told apart from what it excepts."""


def narrowed(
    policies: Sequence[NamedDocument],
    observed: Sequence[Observed],
    window: Window,
    boundary: Sequence[Document] | None = None,
) -> Proposal:
    """The smallest policies that the evidence supports, in place of all identity policies of one role.

    `boundary` is None where there is none; what it never allows need not be kept. Raises BadPolicy with the policy's
    name; what cannot be narrowed for another reason stays as it is, and says so.
    """
    read = [_parsed(p) for p in policies]
    seen = _by_action(observed)
    pieces: list[Piece] = []
    for number, (policy, document) in enumerate(zip(policies, read, strict=True)):
        for statement in document.statements:
            pieces.append(_piece(number, policy, statement, seen, window, boundary))
    pieces = _without_repetition(pieces)
    made, refused = fitted(policies, pieces)
    old = _together(read)
    new = _together([parse(dict(f.document), "identity") for f in made])
    proof = allows_subset(new, old) if not refused else Proof(False, refused)
    if not refused and not proof.holds:
        refused = f"it could not be proved that the proposal allows nothing new: {proof.reason}"
    lost = [] if refused else [o for o in observed if _is_lost(o, old, new)]
    if lost:
        refused = f"the proposal would no longer allow {lost[0]}"
    placed = {id(o) for o in observed if _texts(o, old)}
    beyond = tuple(o for o in observed if id(o) not in placed and o.source != LAST_ACCESSED)
    dropped = tuple(d for f in made for d in f.dropped)
    blind = evidence.blind_spots(window)
    return Proposal(() if refused else made, () if refused else dropped, beyond, blind, proof, refused)


def _parsed(policy: NamedDocument) -> Document:
    try:
        return parse(policy.document, "identity")
    except BadPolicy as error:
        raise BadPolicy(error.what, where=policy.name, next_step=error.next_step) from None


def _together(documents: Iterable[Document]) -> Document:
    return Document(NEW, tuple(s for d in documents for s in d.statements))


def _by_action(observed: Sequence[Observed]) -> Mapping[str, list[Observed]]:
    found: dict[str, list[Observed]] = {}
    for one in observed:
        found.setdefault(globs.fold(one.action), []).append(one)
    return found


def _piece(
    number: int,
    policy: NamedDocument,
    statement: Statement,
    seen: Mapping[str, list[Observed]],
    window: Window,
    boundary: Sequence[Document] | None,
) -> Piece:
    raw = _raw(policy, statement)
    if not statement.allows:
        said = Reason("deny", (), "a Deny allows nothing, and what it denies stays denied")
        return Piece(number, statement, raw, (Justified(raw, statement.name, (said,)),), (), policy.name)
    try:
        grants, dropped = _grants(policy, statement, seen, window, boundary)
    except _Uncertain as error:
        said = Reason("kept", (), str(error))
        return Piece(number, statement, raw, (Justified(raw, statement.name, (said,)),), (), policy.name)
    return Piece(number, statement, raw, tuple(_statements(statement, raw, grants)), dropped, policy.name)


def _raw(policy: NamedDocument, statement: Statement) -> Mapping[str, Any]:
    listed = next(v for k, v in policy.document.items() if k.lower() == "statement")
    found = listed[statement.index] if isinstance(listed, (list, tuple)) else listed
    return dict(found)


def _grants(
    policy: NamedDocument,
    statement: Statement,
    seen: Mapping[str, list[Observed]],
    window: Window,
    boundary: Sequence[Document] | None,
) -> tuple[list[_Grant], tuple[Dropped, ...]]:
    grants: dict[str, _Grant] = {}
    dropped: list[Dropped] = []
    here = {a: there for a, every in seen.items() if (there := _about(statement, a, every))}
    for name, there in here.items():
        grant, lost = _seen(statement, there, window)
        grants[name] = grant
        if lost:
            dropped.append(Dropped(policy.name, statement.name, f"{grant.action} on other resources", lost))
    for pattern in statement.actions or ("*",):
        covered = globs.fold(pattern) in here
        if covered and globs.is_literal(pattern):
            continue
        keeping, lost = _unseen(statement, pattern, window, boundary)
        for action, why in keeping:
            grants.setdefault(globs.fold(action), _Grant(action, None, Reason("kept", (), why)))
        if lost:
            what = pattern if globs.is_literal(pattern) else f"{pattern} beyond what is listed"
            dropped.append(Dropped(policy.name, statement.name, what, lost))
    return list(grants.values()), tuple(dropped)


def _about(statement: Statement, action: str, every: Sequence[Observed]) -> list[Observed]:
    acts = spaces.actions(statement)
    if any(globs.matches(p, action) for p in acts.patterns) is acts.negated:
        return []
    return [o for o in every if placing.is_about(statement, o.resource)]


def _seen(statement: Statement, there: Sequence[Observed], window: Window) -> tuple[_Grant, str]:
    """The grant of one seen action, and how it is known that other resources were not used, where they go."""
    action = there[0].action
    source = evidence.located(action, window)
    told = {o.source for o in there if o.resource}
    silent = {o.source for o in there if not o.resource}
    whole = source in told and TRAIL not in silent and (source == TRAIL or PACKAGE not in silent)
    where = [o.resource for o in there if o.resource and o.source != LAST_ACCESSED]
    resources = placing.narrowed_to(statement, action, where) if whole else None
    if resources is not None and set(resources) == set(statement.resources or ()):
        resources = None
        return _Grant(action, None, Reason("seen", tuple(there), "seen")), ""
    if resources is not None:
        days = f"not seen in {window.days} days of CloudTrail"
        lost = days if source == TRAIL else "the package was read whole, and calls it on no others"
        return _Grant(action, resources, Reason("seen", tuple(there), "seen, on these resources")), lost
    text = "seen; its resources stay, because no evidence records all of them"
    return _Grant(action, None, Reason("seen", tuple(there), text)), ""


def _unseen(
    statement: Statement, pattern: str, window: Window, boundary: Sequence[Document] | None
) -> tuple[list[tuple[str, str]], str]:
    """What of an action pattern stays although nobody saw it, each with the reason; and why the rest goes."""
    keeping: list[tuple[str, str]] = []
    gone: list[str] = []
    whole = globs.is_literal(pattern)
    for action in [pattern] if whole else _candidates(pattern, window):
        action = _left_by_exceptions(statement, action)
        if not action:
            continue
        why = evidence.unused(action, window) if action != "*" else ""
        if not why and boundary is not None and not _may_pass(action, boundary):
            why = "the permissions boundary never allows it"
        if why:
            gone.append(why)
        else:
            keeping.append((action, _NO_SERVICES if action == "*" else evidence.unknowable(action, window)))
    same = [a for a, _ in keeping] == [pattern]
    if whole or same:
        return keeping, gone[0] if gone and not same else ""
    return keeping, _why_the_rest_goes(gone, window)


def _why_the_rest_goes(gone: Sequence[str], window: Window) -> str:
    said = [f"not seen in {window.days} days of CloudTrail"] if window.management else []
    said += [g for g in gone if not (window.management and g.startswith("not seen in")) or "last-accessed" in g]
    return "; ".join(dict.fromkeys(said[:_MOST_SAID])) or f"not seen in {window.days} days"


def _candidates(pattern: str, window: Window) -> Iterator[str]:
    """The actions, and patterns of actions, that a pattern with wildcards allows and management events do not show."""
    folded = globs.fold(pattern)
    services = {*actions.listed_services(), *(window.busy or ()), *((window.package or frozenset()) - {"*"})}
    named, colon, _ = folded.partition(":")
    if colon and globs.is_literal(named):
        services = {named}
    elif not evidence.knows_all_services(window):
        yield "*" if folded in ("*", "*:*") else pattern
        return
    for service in sorted(services):
        if not globs.intersects(folded, f"{service}:*"):
            continue
        if evidence.sees_management(service, window):
            listed = dict.fromkeys(evidence.invisible(service, window))
            yield from (c for c in (_both(pattern, a) for a in listed) if c)
        else:
            yield _both(pattern, f"{service}:*")


def _both(pattern: str, action: str) -> str:
    """What an action pattern has in common with `svc:Action` or `svc:*`."""
    folded, other = globs.fold(pattern), globs.fold(action)
    if globs.covers(folded, other):
        return action
    if not globs.intersects(folded, other):
        return ""
    return pattern if globs.covers(other, folded) else f"{action.partition(':')[0]}:{pattern.partition(':')[2] or '*'}"


def _left_by_exceptions(statement: Statement, action: str) -> str:
    """The action itself where NotAction leaves it, nothing where it does not. Raises _Uncertain for a part of it."""
    excepted = [globs.fold(p) for p in statement.not_actions or ()]
    if any(globs.covers(e, globs.fold(action)) for e in excepted):
        return ""
    if any(globs.intersects(e, globs.fold(action)) for e in excepted):
        raise _Uncertain(_UNSPLIT if action != "*" else _NO_SERVICES)
    return action


def _may_pass(action: str, boundary: Sequence[Document]) -> bool:
    wanted = spaces.Space((globs.fold(action),))
    return any(s.allows and spaces.actions(s).meets(wanted) for d in boundary for s in d.statements)


def _statements(statement: Statement, raw: Mapping[str, Any], grants: Sequence[_Grant]) -> Iterator[Justified]:
    """Grants of one resource list and one kind of reason as one statement; the old statement where nothing went."""
    own = tuple(globs.fold(a) for a in statement.actions or ())
    if grants and {globs.fold(g.action) for g in grants} == set(own) and not any(g.resources for g in grants):
        yield Justified(raw, statement.name, _merged(g.reason._replace(about=g.action) for g in grants))
        return
    groups: dict[tuple[Any, str], list[_Grant]] = {}
    for grant in grants:
        groups.setdefault((grant.resources, grant.reason.kind), []).append(grant)
    for number, ((resources, _), group) in enumerate(sorted(groups.items(), key=_seen_first)):
        made = _rewritten(raw, statement, sorted(g.action for g in group), resources, number)
        yield Justified(made, statement.name, _merged(g.reason._replace(about=g.action) for g in group))


def _seen_first(group: tuple[tuple[Any, str], list[_Grant]]) -> tuple[bool, str]:
    (resources, kind), _ = group
    return kind != "seen", str(resources)


def _merged(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Reasons in a stable order; kept actions with the same reason are told together."""
    found: dict[tuple[str, str], list[Reason]] = {}
    for reason in reasons:
        key = reason.text if reason.kind == "kept" else reason.about or reason.text
        found.setdefault((reason.kind, key), []).append(reason)
    return tuple(
        r[0]._replace(
            about=", ".join(sorted({x.about for x in r if x.about})), seen=tuple(o for x in r for o in x.seen)
        )
        for r in found.values()
    )


def _rewritten(
    raw: Mapping[str, Any], statement: Statement, acts: Sequence[str], resources: tuple[str, ...] | None, number: int
) -> Mapping[str, Any]:
    made: dict[str, Any] = {}
    if statement.sid:
        made["Sid"] = f"{statement.sid}{number + 1}" if number else statement.sid
    made |= {"Effect": "Allow", "Action": _short(acts)}
    if resources is not None:
        made["Resource"] = _short(resources)
    else:
        made |= {k: v for k, v in raw.items() if k.lower() in ("resource", "notresource")}
    return made | {k: v for k, v in raw.items() if k.lower() == "condition"}


def _short(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _without_repetition(pieces: Sequence[Piece]) -> list[Piece]:
    """Without what another statement of the proposal allows as well; its evidence is the other's too."""
    flat = [(i, j) for i, p in enumerate(pieces) for j in range(len(p.made)) if p.statement.allows]
    if len(flat) > _MOST_FOR_REDUNDANCY:
        return list(pieces)
    parsed = {(i, j): _alone(pieces[i], j) for i, j in flat}
    for at in list(parsed):
        rest = [s for other, s in parsed.items() if other != at]
        if rest and allows_subset(Document(NEW, (parsed[at],)), Document(NEW, tuple(rest)), alone=True).holds:
            del parsed[at]
    return [
        p._replace(made=tuple(m for j, m in enumerate(p.made) if not p.statement.allows or (i, j) in parsed))
        for i, p in enumerate(pieces)
    ]


def _alone(piece: Piece, number: int) -> Statement:
    version = NEW if piece.statement.variables else "2008-10-17"
    return parse({"Version": version, "Statement": [dict(piece.made[number].statement)]}, "identity").statements[0]


def _is_lost(observed: Observed, old: Document, new: Document) -> bool:
    """Whether a call of the trail, or one whose resource is known, fails now; of others, whether every one would."""
    before = [t for t in _texts(observed, old) if may([old], observed.action, t).verdict != "denied"]
    if observed.resource or observed.source == TRAIL:
        return any(may([new], observed.action, t).verdict == "denied" for t in before)
    return bool(before) and all(may([new], observed.action, t).verdict == "denied" for t in _texts(observed, new))


def _texts(observed: Observed, old: Document) -> list[str]:
    """The resources to ask about: the one seen, or, where it is not known, all that the old statements name."""
    about = [s for s in old.statements if s.allows and _about(s, globs.fold(observed.action), [observed])]
    if observed.resource:
        return [observed.resource] if about else []
    return [r for s in about for r in s.resources or ("*",)]
