"""What a policy lets happen, for the command line: one JSON line in, one JSON line out.

Everything that can be wrong with a line is said in its answer, with the place; such an answer is `unknown`, never
safe. The judgement is all in `chalicelib/iam`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

from chalicelib.errors import BadPolicy
from chalicelib.iam.admin import Administrator, administrator
from chalicelib.iam.documents import KINDS, Document, parse
from chalicelib.iam.escalation import Escalation, escalations
from chalicelib.iam.reach import Reach, Trust, reach
from chalicelib.model import Json

from .meant import as_meant

LONGEST_LINE = 4_000_000
"""Characters of a line that is read at all."""

_TRUST = {
    "trusted_accounts": "accounts",
    "trusted_org_ids": "org_ids",
    "trusted_org_paths": "org_paths",
    "trusted_vpcs": "vpcs",
    "trusted_vpc_endpoints": "vpc_endpoints",
    "trusted_endpoints": "vpc_endpoints",
}
_ACTION = re.compile(r"[\w*?-]*[*?][\w*?-]*|[\w*?-]+:[\w*?-]+", re.ASCII)
"""What IAM takes for an action: a service and a name, or wildcards that may stand for both."""
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_CONTEXT = ("account", "other_policies", "boundary", "scps", *_TRUST)
_EXTERNAL = ("public", "external", "federated-unbound")


@dataclass(frozen=True, slots=True)
class Question:
    """A policy with what is known around it; `others` are the further policies of the same principal."""

    id: Json
    kind: str
    policy: Document
    trust: Trust
    others: tuple[Document, ...] = ()
    boundary: tuple[Document, ...] | None = None
    scps: tuple[tuple[Document, ...], ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What came out; `error` is empty where the question could be read.

    All of IAM is not said to be administrator, though it is worth as much: it is told as escalation, step by step.
    """

    id: Json
    reach: str
    found: Reach | None = None
    admin: Administrator | None = None
    paths: tuple[Escalation, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""

    @property
    def reasons(self) -> tuple[str, ...]:
        told = [*(self.found.reasons if self.found else ()), *(self.admin.reasons if self.admin else ())]
        return (*told, *(f"{p.path}: {' '.join(p.steps)}" for p in self.paths), *self.notes)

    def as_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "reach": self.reach,
            "public": self.reach == "public",
            "external": self.reach in _EXTERNAL,
            "admin": self.admin is not None and self.admin.kind != "iam",
            "escalation": [p.path for p in self.paths],
            "reasons": list(self.reasons)
            or ([] if self.error else ["Nothing that is known here makes it administrator or leads there."]),
            "error": self.error or None,
        }


def answers(lines: Iterable[bytes], now: str) -> Iterator[dict[str, Json]]:
    """An answer a line, in their order; empty lines have none. `now` is an ISO 8601 time. Never raises."""
    for line in lines:
        if line.strip():
            yield answer(line, now)


def lines_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream, one after the other; of one that is too long, as much as shows that it is."""
    while line := stream.readline(LONGEST_LINE + 2):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE + 2)
        yield line


def answer(line: bytes, now: str) -> dict[str, Json]:
    """The answer to one line."""
    id_: Json = None
    try:
        raw = _read(line)
        id_ = raw.get("id")
        _refuse_doubled(raw)
        try:
            return explain(question(raw), now).as_json()
        except BadPolicy as error:
            return _as_meant(raw, error.what, now) or _unknown(id_, error.what)
    except BadPolicy as error:
        return _unknown(id_, error.what)
    except Exception as error:  # one line must not take the others with it, and must not pass as safe
        return _unknown(id_, f"could not be judged: unexpected {type(error).__name__}")


def read_question(line: bytes) -> tuple[Question, Json]:
    """A line as a question, and its policy as written. Raises BadPolicy with the place."""
    raw = _read(line)
    _refuse_doubled(raw)
    return question(raw), raw["policy"]


def explain(asked: Question, now: str) -> Explanation:
    """Reach of a resource or trust policy; administrator and escalation of an identity policy with its others."""
    if asked.kind != "identity":
        found = reach(asked.policy, asked.trust)
        return Explanation(asked.id, found.verdict, found, notes=asked.ignored)
    mine = (asked.policy, *asked.others)
    admin = administrator(mine, asked.boundary)
    paths = escalations(mine, asked.boundary, asked.scps, now=now)
    if admin and any(administrator(mine, level) is None for level in asked.scps):
        notes = (*asked.ignored, "It would be administrator, but a service control policy holds it.")
        return Explanation(asked.id, "private", None, None, paths, notes)
    return Explanation(asked.id, "private", None, admin, paths, asked.ignored)


def question(raw: Mapping[str, Json]) -> Question:
    """A line's JSON as a question. Raises BadPolicy with the place."""
    kind = raw.get("kind")
    if kind not in KINDS:
        raise BadPolicy(f"kind: must be one of {', '.join(KINDS)}")
    if "policy" not in raw:
        raise BadPolicy("policy: is missing")
    policy = _document(raw["policy"], str(kind), "policy")
    context = raw.get("context")
    if context is None:
        context = {}
    if not isinstance(context, Mapping):
        raise BadPolicy("context: must be an object")
    boundary = context.get("boundary")
    return Question(
        raw.get("id"),
        str(kind),
        policy,
        _trust(context),
        tuple(_documents(context.get("other_policies"), "context.other_policies")),
        None if boundary is None else tuple(_documents(boundary, "context.boundary")),
        tuple(_levels(context.get("scps"))),
        tuple(f"The context key {str(k)[:60]!r} is not known and was left out." for k in context if k not in _CONTEXT),
    )


def _read(line: bytes) -> Mapping[str, Json]:
    if len(line) > LONGEST_LINE:
        raise BadPolicy(f"line: longer than {LONGEST_LINE} bytes")
    try:
        text = line.decode("utf-8-sig")
        raw = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_number)
    except UnicodeDecodeError as error:
        raise BadPolicy(f"line: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise BadPolicy(f"line: not JSON at character {error.pos}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BadPolicy("line: not JSON that can be read: a number too long or infinite, or nesting too deep") from None
    if not isinstance(raw, dict):
        raise BadPolicy("line: must be an object")
    return raw


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _number(text: str) -> float:
    """A number that can be written again: JSON has no infinity."""
    found = float(text)
    return found if math.isfinite(found) else _no_number(text)


def _refuse_doubled(raw: Mapping[str, Json]) -> None:
    """A key that occurs twice makes what was meant uncertain: every reader takes another of the two."""
    for place, name in _twice(raw):
        raise BadPolicy(f"{place}: {name[:80]!r} occurs twice in one object")


class _Doubled(dict[str, Any]):
    """An object of which a key occurred twice; kept apart so that the line's id can still be read."""

    name = ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    doubled = _Doubled(found)
    doubled.name = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
    return doubled


def _without_doubled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _once(pairs)
    if isinstance(found, _Doubled):
        raise BadPolicy(f"policy: {found.name[:80]!r} occurs twice in one object")
    return found


def _twice(value: Any, place: str = "line") -> Iterator[tuple[str, str]]:
    if isinstance(value, _Doubled):
        yield place, value.name
    if isinstance(value, (dict, list)):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in inner:
            yield from _twice(below, f"{place}.{str(key)[:40]}")


def _document(value: Json, kind: str, place: str) -> Document:
    if not isinstance(value, (str, Mapping)):
        raise BadPolicy(f"{place}: must be a policy document, as an object or as text")
    try:
        document = parse(value, kind)
    except BadPolicy as error:
        raise BadPolicy(f"{place}.{error.what}") from None
    for statement in document.statements:
        for element, patterns in (("Action", statement.actions), ("NotAction", statement.not_actions)):
            for i, pattern in enumerate(patterns or ()):
                if not _ACTION.fullmatch(pattern):
                    where = f"{place}.Statement[{statement.index}].{element}[{i}]"
                    raise BadPolicy(f"{where}: {pattern[:80]!r} can be no action; one is written as s3:GetObject")
    return document


def _documents(value: Json, place: str) -> Iterator[Document]:
    """One document, or a list of them."""
    if value is None:
        return
    if not isinstance(value, list):
        yield _document(value, "identity", place)
        return
    for i, one in enumerate(value):
        yield _document(one, "identity", f"{place}[{i}]")


def _levels(value: Json) -> Iterator[tuple[Document, ...]]:
    """Service control policies: a list is one level, a list of lists a level each."""
    if isinstance(value, list) and value and all(isinstance(level, list) for level in value):
        for i, level in enumerate(value):
            yield tuple(_documents(level, f"context.scps[{i}]"))
    elif value is not None and value != []:
        yield tuple(_documents(value, "context.scps"))


def _trust(context: Mapping[str, Json]) -> Trust:
    account = context.get("account") or ""
    if not isinstance(account, str) or (account and not _ACCOUNT.fullmatch(account)):
        raise BadPolicy("context.account: must be text of twelve digits")
    found: dict[str, frozenset[str]] = {}
    for key, field in _TRUST.items():
        values = context.get(key) or []
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise BadPolicy(f"context.{key}: must be a list of texts")
        found[field] = found.get(field, frozenset()) | frozenset(values)
    return Trust(account, **found)


def _as_meant(raw: Mapping[str, Json], what: str, now: str) -> dict[str, Json] | None:
    """The answer about a policy that IAM refuses, where it would be a danger once its slips are put right."""
    kind = raw.get("kind")
    meant = as_meant(_plain(raw.get("policy")), str(kind)) if kind in KINDS else None
    if meant is None:
        return None
    try:
        asked = question({**raw, "policy": {"Statement": []}})
    except BadPolicy:
        return None
    found = explain(replace(asked, policy=meant), now)
    if found.reach not in _EXTERNAL and not found.admin and not found.paths:
        return None
    note = f"IAM refuses the policy as it stands ({what.rstrip('.')}); what is said holds once that is put right."
    return replace(found, notes=(*found.notes, note), error=what.rstrip(".")).as_json()


def _plain(policy: Json) -> Json:
    """A policy given as text is read; text that is no JSON stays text."""
    if not isinstance(policy, str):
        return policy
    try:
        return json.loads(policy, object_pairs_hook=_without_doubled)
    except (ValueError, RecursionError, BadPolicy):
        return None


def _unknown(id_: Json, what: str) -> dict[str, Json]:
    what = what.rstrip(".")
    said = f"Nothing can be said about it: {what}."
    return {**Explanation(id_, "unknown", error=what).as_json(), "reasons": [said]}
